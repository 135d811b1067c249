"""Measure how fast the engine is, against itself, against its own matrix products and against other libraries.

    make bench                                    about ten minutes; writes results/bench.json, docs/figures/scaling.png
    python benchmarks/bench.py --quick --output FILE --figures DIR     toy sizes: the numbers mean nothing

Everything is timed in this one process, on as many threads as the pipeline gives a job (--threads, default 1), by turns
(`timing.interleaved`), and reported as the median of the repeats with the smallest and the largest. Only memory is
measured in processes of its own, one for each number, because a peak cannot be taken back. A peer is timed on a few
steps after one to warm up, since its steps are all alike, and scaled to 1,000.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import importlib.metadata
import operator
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one
sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))  # figures are drawn as the pipeline's are

import torch

import agreement
import scaling
from benign.experiments.noisy_clusters.draw import sample
from benign.pipeline import provenance, tables
from benign.pipeline.console import parser, reports_errors
from benign.studies.adversarial_training.grid import Cell
from draw_figures import draw
from engine import (
    CONTEXT,
    EQUAL_WORK,
    DenseData,
    operators,
    paper_cell,
    run_in_law,
    run_on,
    trained,
)
from peer_loops import LOOPS
from products import ProductBound
from timing import FULL, QUICK, Sizes, interleaved, peak_memory, spread

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("torch", "numpy", "scipy", "torchattacks", "foolbox", "adversarial-robustness-toolbox")
LIBRARIES = [name for name in LOOPS if name != "dense_loop"]
# What is asked of each number; docs/performance.md says where each comes from.
TARGETS: list[tuple[str, Callable[[Any, Any], bool], float]] = [
    ("fastest_library_ratio", operator.ge, 600),
    ("fastest_library_ratio_given_data", operator.ge, 200),
    ("dense_loop_ratio", operator.ge, 150),
    ("flatness", operator.le, 1.15),
    ("flatness_equal_work", operator.le, 1.15),
    ("gemm_bound_ratio", operator.le, 1.3),
    ("memory_mb", operator.le, 500),
]


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--quick", action="store_true", help="toy sizes, for the tests")
    result.add_argument("--threads", type=int, default=1)
    result.add_argument("--output", type=Path, default=ROOT / "results" / "bench.json", metavar="FILE.json")
    result.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures", metavar="DIR")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Measure everything, write it, say which targets are met."""
    args = arguments().parse_args(argv)
    torch.set_num_threads(args.threads)
    started = time.perf_counter()
    result = measure(QUICK if args.quick else FULL, args.figures)
    tables.write_json(args.output, {"quick": args.quick, "minutes": (time.perf_counter() - started) / 60, **result})
    for target in result["targets"]:
        print(f"{target['name']}: {target['measured']:.3g}, target {target['target']}: {verdict(target)}")
    return 0


def measure(sizes: Sizes, figures: Path) -> dict[str, Any]:
    """All that results/bench.json has; the scaling figure and its numbers go to the folder `figures`."""
    described = machine()
    say("our engine")
    result = own(sizes)
    say("peers' speed")
    data = DenseData.draw(paper_cell(sizes))
    result |= peers(sizes, data, result)
    say("scaling")
    numbers = scaling.measure(sizes, repeats=sizes.scaling_repeats)
    draw(scaling.figure(numbers), figures)
    say("final errors")
    for name, errors in agreement.side_by_side(data).items():
        result["peers" if name in LOOPS else "ours"].setdefault(name, {}).update(errors)
    return {
        **result,
        "machine": described,
        "inner_maxima": agreement.inner_maxima(sizes),
        "first_step": agreement.first_step(sizes),
        "scaling_slopes": {axis: float(part["slope"].iloc[0]) for axis, part in numbers.groupby("axis", sort=False)},
        "targets": [judged(name, holds, limit, result[name]) for name, holds, limit in TARGETS],
        "protocol": " ".join((__doc__ or "").split("\n\n")[-1].split()),
    }


def own(sizes: Sizes) -> dict[str, Any]:
    """Seconds of a paper-scale run, whether they depend on d, and what they are made of."""
    cell, small, huge = (paper_cell(sizes, d=d) for d in (sizes.d, sizes.small, sizes.huge))
    problem = sample(cell, CONTEXT).problem
    small_equal, huge_equal = (each.replace(steps=cell.steps // 5) for each in (small, huge))
    evaluations: dict[str, float] = {}

    def run(each: Cell) -> None:
        evaluations[str(each.d)] = float(run_in_law(each).evaluations[0])

    bound = ProductBound(lambda: trained(problem, cell.steps))
    products: list[float] = []
    timed = interleaved(
        {
            "paper_run": lambda: run(cell),
            "products": lambda: products.append(bound.seconds()),
            "sampling": lambda: sample(cell, CONTEXT),
            "small": lambda: run(small),
            "huge": lambda: run(huge),
            "small_equal_work": lambda: run_in_law(small_equal, EQUAL_WORK),
            "huge_equal_work": lambda: run_in_law(huge_equal, EQUAL_WORK),
        },
        sizes.repeats,
    )
    spreads = {
        "paper_run_seconds": spread(timed["paper_run"]),
        "sampling_seconds": spread(timed["sampling"]),
        "flatness": spread(ratios(timed["huge"], timed["small"])),
        "flatness_equal_work": spread(ratios(timed["huge_equal_work"], timed["small_equal_work"])),
        "gemm_bound_ratio": spread(ratios(timed["paper_run"], products[1:])),  # the first was the warm-up
    }
    baseline = peak_memory("import torch")
    memory = {str(each.d): peak_memory(paper_run_code(each.fields())) - baseline for each in (small, cell, huge)}
    return {
        **{name: values["median"] for name, values in spreads.items()},
        "memory_mb": max(memory.values()),
        "memory_mb_at_d": memory,
        "evaluations_per_step_at_d": dict(sorted(evaluations.items(), key=lambda item: int(item[0]))),
        "product_gflops_per_second": bound.flops / statistics.median(products) / 1e9,
        "product_gflops_of_a_run": bound.flops / 1e9,
        "operators": operators(lambda: trained(problem, cell.steps)),
        "spread": spreads,
        "ours": {},
        "peers": {},
    }


def peers(sizes: Sizes, data: DenseData, mine: dict[str, Any]) -> dict[str, Any]:
    """Seconds of peers on the problem in R^d, and how many times ours they are: drawn in law, and on the given data."""
    problem = data.problem()
    cell = data.cell
    timed = interleaved(
        {
            "in_law": lambda: run_in_law(cell),
            "given_data": lambda: run_on(data),
            "reduction": lambda: data.problem(data.basis()),
            **{name: functools.partial(loop, problem, sizes.peer_steps) for name, loop in LOOPS.items()},
        },
        sizes.peer_repeats,
    )
    scale = 1000 / sizes.peer_steps
    per_1000 = {name: [t * scale for t in timed[name]] for name in LOOPS}
    ours = {name: [t * 1000 / cell.steps for t in timed[name]] for name in ("in_law", "given_data")}
    spreads = {name: spread(values) for name, values in per_1000.items()}
    table = {
        name: {
            "seconds_per_1000_steps": spreads[name]["median"],
            "ratio": statistics.median(ratios(values, ours["in_law"])),
            "ratio_given_data": statistics.median(ratios(values, ours["given_data"])),
        }
        for name, values in per_1000.items()
    }
    fastest = min(LIBRARIES, key=lambda name: table[name]["seconds_per_1000_steps"])
    headline = {
        "fastest_library_ratio": ratios(per_1000[fastest], ours["in_law"]),
        "fastest_library_ratio_given_data": ratios(per_1000[fastest], ours["given_data"]),
        "dense_loop_ratio": ratios(per_1000["dense_loop"], ours["in_law"]),
        "dense_loop_ratio_given_data": ratios(per_1000["dense_loop"], ours["given_data"]),
    }
    spreads |= {name: spread(values) for name, values in headline.items()}
    spreads |= {name: spread(timed[name]) for name in ("in_law", "given_data", "reduction")}
    return {
        "given_data_run_seconds": statistics.median(timed["given_data"]),
        "reduction_seconds": statistics.median(timed["reduction"]),
        "fastest_library": fastest,
        **{name: spreads[name]["median"] for name in headline},
        "peers": table,
        "peer_steps_timed": sizes.peer_steps * sizes.peer_repeats,
        "spread": mine["spread"] | spreads,
    }


def ratios(above: list[float], below: list[float]) -> list[float]:
    """Turn by turn."""
    return [a / b for a, b in zip(above, below, strict=True)]


def paper_run_code(fields: dict[str, Any]) -> str:
    """Python code that makes the run in a process of its own."""
    return f"""
import torch
torch.set_num_threads(1)
from benign.study import Context
from benign.studies.adversarial_training.experiment import run
from benign.studies.adversarial_training.grid import Cell
list(run([Cell(**{fields!r})], Context("bench")))
"""


def machine() -> dict[str, Any]:
    """What the numbers belong to; a load average well above 0 says that something else was running."""
    return {
        "cpu": provenance.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in VERSIONS},
        "load_average_at_start": round(os.getloadavg()[0], 2),
        "date": datetime.date.today().isoformat(),
    }


def judged(name: str, holds: Callable[[Any, Any], bool], limit: float, measured: float) -> dict[str, Any]:
    """A target beside what was measured."""
    sign = "≥" if holds is operator.ge else "≤"
    return {"name": name, "target": f"{sign} {limit:g}", "measured": measured, "met": holds(measured, limit)}


def verdict(target: dict[str, Any]) -> str:
    """For a reader."""
    return "met" if target["met"] else "missed"


def say(text: str) -> None:
    """A sign of progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
