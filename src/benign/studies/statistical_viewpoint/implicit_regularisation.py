"""Descent among the solutions: to the nearest interpolant, and logistic descent towards the max-margin direction."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benign import seeds
from benign.studies.statistical_viewpoint.grid import Cell
from benign.theory.geometry.hard_margin import hard_margin
from benign.theory.regression import implicit_bias

Floats = NDArray[np.float64]
SHIFT = 1.0  # how far each class of the separable data lies from the boundary's plane, in units of the noise


def nearest(cell: Cell, study: str) -> dict[str, Any]:
    """Distances of gradient descent on ½‖Xw - y‖² after `steps`, in units of the distance from its start to its limit.

    X has unit normal entries and y is normal: pure noise. A random start is as long as the min-norm interpolant.
    """
    rng = seeds.generator(study, "regression", cell.seed, n=cell.n, p=cell.p)
    x, y = rng.standard_normal((cell.n, cell.p)), rng.standard_normal(cell.n)
    least = implicit_bias.nearest_interpolant(x, y, np.zeros(cell.p))
    start = np.zeros(cell.p)
    if cell.start == "random":
        drawn = rng.standard_normal(cell.p)
        start = drawn * (np.linalg.norm(least) / np.linalg.norm(drawn))
    limit = implicit_bias.nearest_interpolant(x, y, start)
    step = 1 / np.linalg.norm(x, 2) ** 2
    w = start.copy()
    for _ in range(cell.steps):
        w -= step * (x.T @ (x @ w - y))
    unit = np.linalg.norm(start - limit)
    return {
        "distance": float(np.linalg.norm(w - limit) / unit),
        "predicted_distance": implicit_bias.descent_distance(x, y, start, float(step), cell.steps),
        "distance_to_min_norm": float(np.linalg.norm(w - least) / unit),
    }


def logistic(cells: list[Cell], study: str) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """One course of logistic descent from 0, read off at each cell's `steps`; the cells differ in nothing else.

    Gaussian points, shifted by ±SHIFT along the first axis, with step size 1/L, L = ‖A‖²/(4n) the loss's smoothness.
    """
    first = cells[0]
    rng = seeds.generator(study, "separable", first.seed, n=first.n, p=first.p)
    y = np.where(np.arange(first.n) % 2 == 0, 1.0, -1.0)
    a = y[:, None] * rng.standard_normal((first.n, first.p))  # (n, p), points times labels
    a[:, 0] = np.abs(a[:, 0]) + SHIFT  # separable by the first axis with margin SHIFT
    found = hard_margin(a)
    if found is None:
        raise ArithmeticError("the hard-margin problem of separable points was not solved")
    gram = a @ a.T
    step = 4 * first.n / float(np.linalg.norm(gram, 2))
    offset = implicit_bias.logistic_offset(a, found, step)
    coefficients, done = np.zeros(first.n), 0  # w = Aᵀ·coefficients
    for cell in sorted(cells, key=lambda cell: cell.steps):
        for _ in range(cell.steps - done):
            coefficients += step / first.n * expit(-(gram @ coefficients))
        done = cell.steps
        w = a.T @ coefficients
        row = {
            "tangent": implicit_bias.tangent(w, found.w),
            "margin_ratio": float((a @ w).min() / np.linalg.norm(w) * np.linalg.norm(found.w)),
            "support_vectors": int(found.support.sum()),
            "multiplier_ratio": float(found.multipliers[found.support].min() / found.multipliers.max()),
            "loss": float(np.logaddexp(0, -(a @ w)).mean()),
        }
        if offset is not None:
            row["predicted_tangent"] = implicit_bias.tangent(found.w * math.log(cell.steps) + offset, found.w)
        yield cell, row
