"""Runs each cell by its experiment; one module for each, and this one dispatches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benign.studies.statistical_viewpoint import implicit_regularisation, lazy_training, linear, random_features
from benign.studies.statistical_viewpoint.grid import Cell
from benign.study import Context

ALONE: dict[str, Callable[[Cell, str], dict[str, Any]]] = {
    "dimension": linear.on_a_spectrum,
    "sample_size": linear.on_a_spectrum,
    "isotropic": linear.isotropic,
    "random_features": random_features.fitted,
    "nearest": implicit_regularisation.nearest,
    "lazy": lazy_training.trained,
}


def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends; cells of one course of logistic descent share it."""
    courses: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.experiment == "margin":
            courses.setdefault(cell.group, []).append(cell)
        else:
            yield _alone(cell, context.study)
            context.notify(f"{cell.experiment}: {cell.key}")
    for course in courses.values():
        for cell, result in implicit_regularisation.logistic(course, context.study):
            yield _row(cell, result)
        context.notify(f"margin: {course[0].key}")


def _alone(cell: Cell, study: str) -> dict[str, Any]:
    """A cell's row; "singular" where its points cannot be told apart, as features of 0 on all of them."""
    try:
        with np.errstate(all="ignore"):
            return _row(cell, ALONE[cell.experiment](cell, study))
    except np.linalg.LinAlgError:
        return cell.row(status="singular")


def _row(cell: Cell, result: dict[str, Any]) -> dict[str, Any]:
    """A row; "diverged", without results, if what was measured is not finite (predictions may be infinite)."""
    measured = {name: value for name, value in result.items() if not name.startswith(("predicted_", "leading_"))}
    if not np.all(np.isfinite(list(measured.values()))):
        return cell.row(status="diverged")
    return cell.row(status="ok", **{name: value if np.isfinite(value) else None for name, value in result.items()})
