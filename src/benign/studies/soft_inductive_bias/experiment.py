"""What the study runs: every cell goes to its experiment; cells that look at one network or path share its training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from benign.studies.soft_inductive_bias import altered_labels, convolutions, double_descent, networks, polynomials
from benign.studies.soft_inductive_bias.grid import NETWORKS, POLYNOMIALS, Cell
from benign.study import Context


@torch.no_grad()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.group, []).append(cell)
    for group in groups.values():
        for cell, results in _measured(group, context):
            finite = all(math.isfinite(value) for value in results.values() if value is not None)
            status = "ok" if finite else "diverged"
            yield cell.row(status=status, **results if finite else {})
            context.notify(f"{cell.experiment}: {cell.key} {status}")


def _measured(group: list[Cell], context: Context) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Each cell of one group with its results."""
    first = group[0]
    if first.experiment == "connectivity":
        measure = networks.join(first, context.images("mnist"), context)
        yield from ((cell, measure(cell.path, cell.position)) for cell in group)
        return
    if first.experiment in NETWORKS:
        found = convolutions.measure(first, context.images(first.data), context)
        yield from ((cell, found) for cell in group)
        return
    for cell in group:
        if cell.experiment in POLYNOMIALS:
            yield cell, polynomials.measure(cell, context)
        elif cell.experiment == "double_descent":
            yield cell, double_descent.measure(cell, context)
        elif cell.experiment == "altered_labels":
            yield cell, altered_labels.measure(cell, context.images(cell.data), context)
        else:
            yield cell, networks.compression(cell, context.images("mnist"), context)
