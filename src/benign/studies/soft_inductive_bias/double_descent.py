"""Double descent of least squares in the number of features, with the effective dimension beside it.

Gaussian features: the notebook of Maddox, Benton, Wilson 2020 [S]: y ~ N(0, 1), X = y + N(0, 1), n = 200, d = 5…399,
error ‖ŷ - y‖/‖y‖ on as many fresh points, ridge nλ in the effective dimension with λ = 1e-3. ReLU features [ours]: a
linear target of 20 inputs plus noise, seen through d random ReLU neurons.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benign import seeds
from benign.studies.soft_inductive_bias.grid import Cell
from benign.study import Context
from benign.theory.regression.effective_dimension import double_descent_error, posterior_effective_dimension

Floats = NDArray[np.float64]
INPUTS = 20


def measure(cell: Cell, context: Context) -> dict[str, Any]:
    """Relative errors of the least squares solution of least norm, and the posterior's effective dimension."""
    draw = {"gaussian": _gaussian, "relu": _relu}[cell.features]
    x, y, test_x, test_y = draw(cell, context)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    kept = s > np.finfo(float).eps * max(x.shape) * s[0]
    weights = vt.T @ np.where(kept, (u.T @ y) / np.where(kept, s, 1), 0)
    predicted = float(double_descent_error(cell.n, cell.d)) if cell.features == "gaussian" else np.nan
    return {
        "train_error": float(np.linalg.norm(x @ weights - y) / np.linalg.norm(y)),
        "test_error": float(np.linalg.norm(test_x @ weights - test_y) / np.linalg.norm(test_y)),
        "posterior_dimension": posterior_effective_dimension(s**2, cell.n * cell.penalty),
        "predicted_error": float(np.sqrt(predicted)) if np.isfinite(predicted) else None,
    }


def _gaussian(cell: Cell, context: Context) -> tuple[Floats, Floats, Floats, Floats]:
    """Fewer features are the first of more: the columns are drawn one after the other."""
    rng = seeds.generator(context.study, "double descent", cell.seed, n=cell.n)
    y, z = rng.standard_normal(2 * cell.n), rng.standard_normal((cell.d, 2 * cell.n)).T
    x = y[:, None] + z
    return x[: cell.n], y[: cell.n], x[cell.n :], y[cell.n :]


def _relu(cell: Cell, context: Context) -> tuple[Floats, Floats, Floats, Floats]:
    rng = seeds.generator(context.study, "relu features", cell.seed, n=cell.n)
    inputs, beta = rng.standard_normal((2 * cell.n, INPUTS)), rng.standard_normal(INPUTS)
    y = inputs @ (beta / np.linalg.norm(beta)) + cell.noise * rng.standard_normal(2 * cell.n)
    neurons = rng.standard_normal((cell.d, INPUTS)) / np.sqrt(INPUTS)
    x = np.maximum(inputs @ neurons.T, 0)
    return x[: cell.n], y[: cell.n], x[cell.n :], y[cell.n :]
