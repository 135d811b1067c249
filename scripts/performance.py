"""The tables of docs/performance.md, from what `make bench` measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from merge_claims import cell_text

NOT_MEASURED = "Not measured yet: `make bench`, then `make artifact`.\n"
NAMES = {
    "torchattacks": "torchattacks, `PGDL2`",
    "foolbox": "foolbox, `L2ProjectedGradientDescentAttack`",
    "adversarial_robustness_toolbox": "ART, `AdversarialTrainer` with `ProjectedGradientDescent`",
    "dense_loop": "a plain loop in PyTorch",
    "ours": "ours",
    "ours_pgd": "ours, with PGD-20",
}
TARGETS = {
    "fastest_library_ratio": "times faster than the fastest library, data drawn in law",
    "fastest_library_ratio_given_data": "times faster than the fastest library, on given data, reduction included",
    "dense_loop_ratio": "times faster than a plain loop in PyTorch, data drawn in law",
    "flatness": "time at d = 10⁹ over time at d = 10³",
    "flatness_equal_work": "the same with one gradient evaluation in every step at both",
    "gemm_bound_ratio": "time of a run over the time of its matrix products alone",
    "memory_mb": "peak memory of a run beyond that of `import torch`, MB, at the worst d",
}


def parts(bench: dict[str, Any] | None) -> dict[str, str]:
    """Marker to table; `bench` is the content of results/bench.json, None if nothing has been measured."""
    makers: dict[str, Callable[[dict[str, Any]], str]] = {
        "targets": targets,
        "peers": peers,
        "agreement": agreement,
        "time": time,
        "scaling": scaling,
    }
    return {name: make(bench) if bench else NOT_MEASURED for name, make in makers.items()}


def targets(bench: dict[str, Any]) -> str:
    """What was asked, what was measured, and where."""
    rows = [
        [TARGETS[each["name"]], each["target"], f"{each['measured']:.3g}{between(bench, each['name'])}", verdict(each)]
        for each in bench["targets"]
    ]
    run, machine = bench["spread"]["paper_run_seconds"], bench["machine"]
    return (
        f"One paper-scale run takes **{bench['paper_run_seconds']:.2f} s** ({run['min']:.2f} to {run['max']:.2f} in "
        f"{run['repeats']} repeats): {machine['cpu']}, {machine['threads']} of {machine['cores']} cores, "
        f"Python {machine['python']}, torch {machine['torch']}, numpy {machine['numpy']}; {machine['date']}, load "
        f"average {machine['load_average_at_start']} at the start.\n\n"
        + table(["what", "target", "measured", ""], rows)
    )


def peers(bench: dict[str, Any]) -> str:
    """Seconds and ratios, ours first."""
    rows = [
        [f"ours, {what}", f"{bench['spread'][name]['median']:.3g}{between(bench, name)}", *ones]
        for what, name, ones in (
            ("data drawn in law", "in_law", ["1", ""]),
            ("on given data, reduction included", "given_data", ["", "1"]),
        )
    ]
    rows += [
        [
            NAMES[name],
            f"{peer['seconds_per_1000_steps']:.0f}{between(bench, name)}",
            f"{peer['ratio']:.0f}",
            f"{peer['ratio_given_data']:.0f}",
        ]
        for name, peer in bench["peers"].items()
    ]
    return table(["1,000 steps", "seconds", "times ours, in law", "times ours, on given data"], rows)


def agreement(bench: dict[str, Any]) -> str:
    """Final errors side by side; what the inner maximum and the first step change."""
    everyone = {**bench["ours"], **bench["peers"]}
    rows = [
        [
            NAMES[name],
            "{:.4f} [{:.4f}, {:.4f}]".format(each["robust_test_error"], *each["robust_test_error_interval"]),
            f"{each['robust_train_loss']:.6f}",
            str(each["test_points_unlike_ours_pgd"]),
            f"{each['distance_to_ours_pgd']:.1e}",
        ]
        for name, each in everyone.items()
    ]
    head = ["trained by", "robust test error", "robust training loss", "test points unlike", "distance of the weights"]
    paired = [
        [f"{what}, d = {each['d']:,}, m = {each['width']}", str(each["seeds"]), signed(each[name])]
        for each in bench["inner_maxima"]
        for what, name in {
            "robust test error, our inner maximum minus PGD-20": "ours_minus_pgd_robust_test_error",
            "robust training loss, the same": "ours_minus_pgd_robust_train_loss",
        }.items()
    ]
    step = bench["first_step"]
    paired.append(
        [
            f"robust test error, with minus without rounding errors as first direction, d = {step['d']:,}, "
            f"m = {step['width']}",
            str(step["seeds"]),
            signed(step["rounding_minus_none_robust_test_error"]),
        ]
    )
    apart = "; ".join(
        f"d = {each['d']:,}: {100 * each['maxima_apart']:.2g} % of the training points"
        + (
            ""
            if each["ours_larger"] is None
            else f", ours the larger loss in {100 * each['ours_larger']:.0f} % of them"
        )
        for each in bench["inner_maxima"]
    )
    return (
        f"{table(head, rows)}\n{table(['paired difference', 'seeds', 'mean [95 % interval]'], paired)}\n"
        f"Where both end in perturbations of one network with losses over 1 % apart: {apart}.\n"
    )


def time(bench: dict[str, Any]) -> str:
    """What a run's time is made of."""
    rows = [[f"`{name}`", f"{100 * share:.1f} %"] for name, share in bench["operators"].items()]
    evaluations = ", ".join(f"{v:.2f} at d = {int(d):,}" for d, v in bench["evaluations_per_step_at_d"].items())
    return (
        table(["operator", "share of a training"], rows)
        + f"\nSampling takes {1000 * bench['sampling_seconds']:.0f} ms of a run in law; on given data the reduction "
        f"(basis and projection, float64) takes {bench['reduction_seconds']:.2f} s. The products of a run are "
        f"{bench['product_gflops_of_a_run']:.0f} Gflop, alone at {bench['product_gflops_per_second']:.0f} Gflop/s. "
        f"Gradient evaluations for the inner maximum in a step: {evaluations}.\n"
    )


def scaling(bench: dict[str, Any]) -> str:
    """The fitted powers."""
    rows = [[axis, f"{slope:.2f}"] for axis, slope in bench["scaling_slopes"].items()]
    return table(["seconds against", "power"], rows)


def between(bench: dict[str, Any], name: str) -> str:
    """The smallest and the largest of a number's repeats, where it has its own."""
    values = bench["spread"].get(name)
    return f" ({values['min']:.4g} to {values['max']:.4g})" if values else ""


def signed(values: dict[str, float]) -> str:
    """A mean with its interval."""
    return f"{values['mean']:+.2g} [{values['low']:+.2g}, {values['high']:+.2g}]"


def verdict(target: dict[str, Any]) -> str:
    """For a reader."""
    return "met" if target["met"] else "**missed**"


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *([cell_text(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
