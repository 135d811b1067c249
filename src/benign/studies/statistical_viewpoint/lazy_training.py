"""Lazy training: two-layer ReLU networks of growing width against their tangent kernel.

f(x) = (1/√m)Σ_j a_j ReLU(⟨w_j, x⟩) ("lazy"), or with 1/m and an m times larger step ("mean_field"), so that both have
the same tangent kernel at first and only the size of the weights' movement differs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benign import seeds
from benign.studies.statistical_viewpoint.grid import Cell
from benign.studies.statistical_viewpoint.random_features import sphere
from benign.theory.regression.tangent_kernel import kernel_descent, relu_kernel

Floats = NDArray[np.float64]
TESTED = 200  # fresh points on which network and kernel are compared


def trained(cell: Cell, study: str) -> dict[str, Any]:
    """One network trained on random labels ±1, and its kernel's predictions of movement and of outputs.

    movement: ‖W - W₀‖/‖W₀‖ in Frobenius norm; linearised_gap: root-mean-square over test points of f minus the network
    linearised at W₀, in units of the latter's; kernel_gap: the same with the kernel of infinite width;
    kernel_change: ‖K - K₀‖/‖K₀‖ of the network's own kernel on the training points.
    """
    data = seeds.generator(study, "sphere", cell.seed, n=cell.n, d=cell.d)
    x, tested = (sphere(data, rows, cell.d) for rows in (cell.n, TESTED))
    y = np.where(data.random(cell.n) < 0.5, 1.0, -1.0)
    rng = seeds.generator(study, "weights", cell.seed, d=cell.d, width=cell.width)
    # Equal weights in pairs of opposite sign: f = 0 at first, and the linearised network has no offset.
    w_0 = np.tile(rng.standard_normal((cell.width // 2, cell.d)), (2, 1))
    a = np.repeat([1.0, -1.0], cell.width // 2)
    kernel = relu_kernel(x, x)
    step = 1 / float(np.linalg.norm(kernel, 2))
    w = descend(w_0, a, x, y, step, cell.steps, cell.scaling)
    own, change = _own_kernel(w_0, x, x), _own_kernel(w, x, x)
    linearised = _own_kernel(w_0, tested, x) @ kernel_descent(own, y, step, cell.steps)[0]
    coefficients, movement = kernel_descent(kernel, y, step, cell.steps)
    outputs = _outputs(w, a, tested, cell.scaling)
    scale = math.sqrt(cell.d) * (math.sqrt(cell.width) if cell.scaling == "lazy" else 1.0)
    residual = _outputs(w, a, x, cell.scaling) - y
    return {
        "movement": float(np.linalg.norm(w - w_0) / np.linalg.norm(w_0)),
        "predicted_movement": movement / scale,
        "linearised_gap": _relative(outputs, linearised),
        "kernel_gap": _relative(outputs, relu_kernel(tested, x) @ coefficients),
        "kernel_change": float(np.linalg.norm(change - own) / np.linalg.norm(own)),
        "train_error": float(np.sqrt((residual**2).mean())),
    }


def descend(w_0: Floats, a: Floats, x: Floats, y: Floats, step: float, steps: int, scaling: str) -> Floats:
    """The first layer (m, d) after gradient descent on ½Σ(f(x_i) - y_i)² with step η (mean_field: m·η)."""
    w, m = w_0.copy(), len(a)
    factor = 1 / math.sqrt(m) if scaling == "lazy" else 1 / m
    rate = step * factor * (1 if scaling == "lazy" else m)
    for _ in range(steps):
        z = x @ w.T  # (n, m)
        active = z > 0
        residual = factor * (np.where(active, z, 0.0) @ a) - y  # (n,)
        w -= rate * a[:, None] * (active.T @ (residual[:, None] * x))
    return w


def _outputs(w: Floats, a: Floats, x: Floats, scaling: str) -> Floats:
    factor = 1 / math.sqrt(len(a)) if scaling == "lazy" else 1 / len(a)
    return factor * (np.maximum(x @ w.T, 0) @ a)


def _own_kernel(w: Floats, x: Floats, z: Floats) -> Floats:
    """The network's tangent kernel at W: ⟨x, z⟩ times the share of neurons active at both; (n, k)."""
    left, right = (x @ w.T > 0).astype(float), (z @ w.T > 0).astype(float)
    return (x @ z.T) * (left @ right.T) / len(w)


def _relative(measured: Floats, expected: Floats) -> float:
    return float(np.linalg.norm(measured - expected) / np.linalg.norm(expected))
