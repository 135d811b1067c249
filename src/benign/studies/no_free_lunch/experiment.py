"""What the study runs: kernels of all DAGs on the same images, and trainings; those of one network are run once."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from benign.studies.no_free_lunch import kernels, training
from benign.studies.no_free_lunch.grid import TRAINED, Cell, shape
from benign.studies.no_free_lunch.sample import Drawn, Sample, sample
from benign.study import Context


@torch.no_grad()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.group, []).append(cell)
    samples = functools.lru_cache(maxsize=4)(functools.partial(sample, context=context))
    for group in groups.values():
        for cell, results in _measured(group, samples, context):
            finite = all(math.isfinite(value) for value in results.values())
            yield cell.row(status="ok" if finite else "diverged", **results if finite else shape(cell.dag))
        context.notify(f"{group[0].experiment}: {len(group)} DAGs, {group[0].key} first")


def _measured(
    group: list[Cell], samples: Callable[[Drawn], Sample], context: Context
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    first = group[0]
    drawn = samples(Drawn(first.data, first.side, first.n, first.test_points, first.seed))
    if first.experiment in TRAINED:
        found = training.measure(first, drawn, context)
        yield from ((cell, found | shape(cell.dag)) for cell in group)
        return
    given = kernels.problem(first, drawn.x, context)
    for cell in group:
        yield cell, kernels.measure(cell.dag, given)
