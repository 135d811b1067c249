"""What the study runs: every cell goes to its experiment; cells that look at one path share its training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from benign.data.images.record import ImageSet
from benign.studies.soft_inductive_bias import altered_labels, double_descent, networks, polynomials
from benign.studies.soft_inductive_bias.grid import IMAGES, POLYNOMIALS, Cell
from benign.study import CellError, Context


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
            kept = results if finite else {}
            yield {"key": cell.key, **cell.fields(), "status": status, **kept}
            context.notify(f"{cell.experiment}: {cell.key} {status}")


def _measured(group: list[Cell], context: Context) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Each cell of one group with its results."""
    first = group[0]
    if first.experiment == "connectivity":
        measure = networks.join(first, _images(context), context)
        yield from ((cell, measure(cell.path, cell.position)) for cell in group)
        return
    for cell in group:
        if cell.experiment in POLYNOMIALS:
            yield cell, polynomials.measure(cell, context)
        elif cell.experiment == "double_descent":
            yield cell, double_descent.measure(cell, context)
        elif cell.experiment == "altered_labels":
            yield cell, altered_labels.measure(cell, _images(context), context)
        else:
            yield cell, networks.compression(cell, _images(context), context)


def _images(context: Context) -> ImageSet:
    if context.images is None:
        raise CellError(
            f"the experiments {', '.join(IMAGES)} need images: pass --images mnist=FILE.safetensors "
            "(scripts/fetch_data.py writes one)"
        )
    return context.images("mnist")
