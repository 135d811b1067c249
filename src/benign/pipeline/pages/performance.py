"""The tables of docs/performance.md, from what `make bench` and `make gpu-check` measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benign.pipeline import tables
from benign.pipeline.pages.templating import render

NOT_MEASURED = "Not measured yet: `make bench`, then `make artifact`.\n"
PARTS = ("targets", "peers", "agreement", "time", "scaling")
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


def made(results: Path) -> dict[str, str]:
    """Marker of docs/performance.md to what stands there."""
    gpu = render("performance_gpu.md", found=measured(results, "gpu_check"))
    return parts(measured(results, "bench")) | {"gpu": gpu}


def measured(results: Path, name: str) -> dict[str, Any] | None:
    """What `make bench` (name: bench) or `make gpu-check` (gpu_check) wrote, None if it never ran."""
    file = results / f"{name}.json"
    return tables.read_json(file) if file.exists() else None


def parts(bench: dict[str, Any] | None) -> dict[str, str]:
    """Marker to what stands there; `bench` is the content of results/bench.json, None if nothing has been measured."""
    if bench is None:
        return dict.fromkeys(PARTS, NOT_MEASURED)
    return {
        part: render(
            f"performance_{part}.md",
            bench=bench,
            names=NAMES,
            what=TARGETS,
            trained_by={**bench["ours"], **bench["peers"]},
        )
        for part in PARTS
    }
