"""What `make gpu-check` found, as the rows of one table: for the terminal, and for docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = list[str]


def rows(record: dict[str, Any]) -> list[Row]:
    """[part, what, measured] for everything that the parts have found so far; a part that is not done says why."""
    makers = {"agreement": of_agreement, "speed": of_speed, "scale": of_scale, "deep": of_deep}
    result: list[Row] = []
    for name, part in record["parts"].items():
        if part["status"] != "done":
            why = part.get("reason") or part.get("error") or ""
            result.append([name, "status", f"{part['status']}{': ' if why else ''}{why}".splitlines()[0]])
        try:
            result += [[name, what, said] for what, said in makers[name](part)]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # A fault of the table must not cost what is still to be measured.
            result.append([name, "cannot be shown", f"{type(error).__name__}: {error}"])
    return result


def lines(table: Sequence[Row]) -> list[str]:
    """The rows in columns."""
    widths = [max((len(row[i]) for row in table), default=0) for i in range(2)]
    return [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in table]


def of_agreement(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Deviations beside their yardsticks."""
    if "networks" not in part:
        return []
    result = [("networks compared", f"{len(part['networks'])} of {part['wanted']}")]
    for precision in ("float32", "tf32"):
        found = part.get(precision, {})
        if isinstance(found, str):
            result.append((f"{precision} against the CPU's float32", found))
            continue
        for name, each in found.items():
            verdict = "of roundings" if each["roundings"] else "MORE than roundings"
            said = (
                f"{spread(each[precision])}; yardstick {spread(each['yardstick'])}; "
                f"{each['beyond']} beyond twice their own: {verdict}"
            )
            result.append((f"{precision} against the CPU's float32: {name.replace('_', ' ')}", said))
    return [*result, ("what a step asks of the device", part["asks"]["status"])]


def spread(values: dict[str, float]) -> str:
    """A median and a largest value."""
    return "median {median:.1e}, largest {largest:.1e}".format(**values)


def of_speed(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Networks a second in each way, and where the time goes."""
    result = []
    if "flops_per_second" in part:
        result.append(("float32 products of square matrices", f"{part['flops_per_second'] / 1e12:.3g} Tflop/s"))
    for name, way in part.get("best", {}).items():
        said = f"{way['networks_per_second']:.3g} networks/s, {way['networks']} together, timed on {way['steps']} steps"
        memory = f", {way['peak_mb']:,.0f} MB at the peak" if way["peak_mb"] else ""
        same = {True: ", same weights to the bit", False: ", OTHER weights"}.get(way.get("same_weights"), "")
        result.append((f"training, {WAYS[name]}", said + memory + same))
    if "times_one_core" in part:
        core = part["one_core"]["training_seconds"]
        result.append(("the fastest against one core", f"{part['times_one_core']:.3g} times ({core:.3g} s a network)"))
    if products := part.get("products"):
        said = products.get("error") or f"{100 * products['share_of_device']:.0f} % (target: at least 50 %)"
        result.append(("its flops over the device's rate, at the engine's best batch", said))
        if "share_of_time" in products:
            result.append(("its products alone, share of its time", f"{100 * products['share_of_time']:.0f} %"))
    if evaluation := part.get("evaluation"):
        said = (
            f"{evaluation['attack_seconds']:.3g} s ({evaluation['attack_times_one_core']:.3g} times one core), "
            f"{evaluation['attack_seconds_in_one_chunk']:.3g} s in one chunk; "
            f"all measurements {evaluation['measuring_seconds']:.3g} s"
        )
        result.append((f"attack on {evaluation['test_points']} test points of one network", said))
    return result


WAYS = {
    "engine": "as the engine does it",
    "graph": "one recorded graph a step",
    "asking": "the host asking in every step",
    "unasked": "the host never asking",
}


def of_scale(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows that came out as kept, and what everything would cost."""
    if "trainings" not in part:
        return []
    seconds = ", ".join(f"{stage} {spent:.3g} s" for stage, spent in part["spent"].items())
    stray = max(part["strays"], key=lambda name: part["strays"][name])
    return [
        ("networks of the flagship's paper grid", f"{part['trainings']} of {part['trainings_of_clusters']}: {seconds}"),
        (
            "rows within the regression tolerances of the kept table",
            f"{part['rows_within']} of {part['rows']}; moved by more than is usual: at most "
            f"{100 * part['strays'][stray]:.2g} % of a column ({stray.replace('_', ' ')})",
        ),
        ("what the regression suite says of them", "; ".join(part["differences"][:2]) or "no difference"),
        ("the whole grid of clusters would take", f"{part['whole_grid_minutes']:.3g} minutes"),
        (
            "a million such networks would take",
            f"{part['million_networks_hours']:.3g} hours, of which training "
            f"{part['million_networks_training_hours']:.3g}",
        ),
    ]


def of_deep(part: dict[str, Any]) -> list[tuple[str, str]]:
    """The course, and whether robust test error rises after its best."""
    if not part.get("course"):
        return []
    best = next(each for each in part["course"] if each["epoch"] == part["best_epoch"])
    last = part["course"][-1]
    rates = [f"{rate:.3g} with {order}" for order, rate in part["epochs_per_minute"].items()]
    rise = "{:+.3f} [{:+.3f}, {:+.3f}]".format(part["rise"], *part["rise_interval"])
    return [
        ("PreActResNet-18, adversarial training, epochs a minute", ", ".join(rates)),
        (
            f"robust test error, epochs {best['epoch']} (best on validation) and {last['epoch']} (of {part['epochs']})",
            f"{best['robust_test_error']:.3f} and {last['robust_test_error']:.3f}",
        ),
        ("robust overfitting shows", f"{part['robust_overfitting']}: rise {rise}"),
    ]
