"""Where gradient descent goes among the solutions: the nearest interpolant, and the max-margin direction.

§3 of Bartlett, Montanari, Rakhlin 2021; Soudry, Hoffer, Nacson, Gunasekar, Srebro, The implicit bias of gradient
descent on separable data, 2018. Derivations: docs/theory/statistical_viewpoint.md.
Letters: X (n, p) points as rows; A = diag(y)X for labels y = ±1; η step size, t steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benign.theory.geometry.hard_margin import HardMargin

Floats = NDArray[np.float64]


def nearest_interpolant(x: Floats, y: Floats, start: Floats) -> Floats:
    """The w with Xw = y that is nearest to `start`: the min-norm one for start = 0. X (n, p) of rank n."""
    return start + x.T @ np.linalg.solve(x @ x.T, y - x @ start)


def descent_distance(x: Floats, y: Floats, start: Floats, step: float, steps: int) -> float:
    """‖w_t - w‖/‖w_0 - w‖ of gradient descent on ½‖Xw - y‖², w the interpolant nearest to w_0 [derived, exact: §12].

    Along the right singular vectors the distance shrinks by |1 - η s²| in each step.
    """
    left, s, _ = np.linalg.svd(x, full_matrices=False)
    missing = left.T @ (y - x @ start) / s  # (n,), w - w_0 in the right singular vectors' basis
    return float(np.linalg.norm((1 - step * s**2) ** steps * missing) / np.linalg.norm(missing))


def logistic_offset(a: Floats, found: HardMargin, step: float) -> Floats | None:
    """w̃ in w(t) = ŵ·log t + w̃ + o(1), descent on (1/n)Σlog(1 + exp(-A_i w)) [M, tested; derived: §12].

    Support vectors fix it: A_i w̃ = -log(n·multiplier_i/η), in their span. None if they do not span all points: then
    w̃ has another part, which depends on the whole course.
    """
    support = found.support
    vectors = a[support]
    if np.linalg.matrix_rank(vectors) < np.linalg.matrix_rank(a):
        return None
    margins = -np.log(len(a) * found.multipliers[support] / step)
    return np.asarray(np.linalg.lstsq(vectors, margins, rcond=None)[0], float)


def tangent(w: Floats, direction: Floats) -> float:
    """tan of the angle between w and a direction (p,), positive or infinite; accurate for small angles."""
    unit = direction / np.linalg.norm(direction)
    along = float(w @ unit)
    return float(np.linalg.norm(w - along * unit)) / along if along > 0 else np.inf
