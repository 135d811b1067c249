"""Full-batch gradient descent on the hinge loss of a two-layer leaky-ReLU network, in the points' Gram matrix.

Karhadkar et al., NeurIPS 2024: f(x) = Σ_j a_j φ(⟨w_j, x⟩) with a_j = ±1, half of each, fixed; gradient descent
for W on Σ_i max(0, 1 - y_i f(x_i)) [S: paper and code, where the loss is a sum and not a mean]. The gradient for w_j is
a combination of the points, so W = W₀ + CᵀX: with pre-activations Z = XWᵀ and Gram matrix G = XXᵀ a step is

    S_ij = y_i a_j φ'(Z_ij) for the active points (y_i f(x_i) < 1), else 0;   C += ηS,   Z += ηGS

exactly, at a cost that does not depend on d and falls with the number of active points
(docs/theory/moderate_dimension.md).
Letters: n points, m neurons, d coordinates; X (n, d), y (n,), W (m, d), Z, C and S (n, m), η step size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from benign.data.clusters import Array


@dataclasses.dataclass(frozen=True)
class Stop:
    """Where training stood when a rule was met, or at the last step allowed.

    rule: "error" (training error 0) or "loss" (hinge loss 0) · reached: whether it was met · steps taken
    margins: (n,) y_i f(x_i) · weights: (m, d)
    """

    rule: str
    reached: bool
    steps: int
    margins: Array
    weights: Array


def output_signs(m: int) -> Array:
    """a (m,): +1 on the first half, -1 on the second [S]."""
    if m < 2 or m % 2:
        raise ValueError(f"width m={m} must be even and at least 2: half of the neurons have each sign")
    return np.repeat([1.0, -1.0], m // 2)


def output(x: Array, w: Array, slope: float) -> Array:
    """f(x), (n,), for points x (n, d) and weights w (m, d)."""
    z = x @ w.T
    return np.where(z > 0, z, slope * z) @ output_signs(len(w))


def train(x: Array, y: Array, w0: Array, slope: float, step_size: float, most: int) -> Iterator[Stop]:
    """Both stops, first training error 0 and then hinge loss 0, each met after at least one step, within `most`."""
    a, gram = output_signs(len(w0)), x @ x.T
    z, c = x @ w0.T, np.zeros((len(x), len(w0)))
    waiting = ["error", "loss"]
    for steps in range(most + 1):
        slopes = np.where(z > 0, a, slope * a)  # a_j φ'(z_ij)
        margins = y * np.einsum("ij,ij->i", slopes, z)  # φ(z) = φ'(z)·z
        met = {"error": margins.min() > 0, "loss": margins.min() >= 1}
        while waiting and steps and (met[waiting[0]] or steps == most):
            yield Stop(waiting[0], bool(met[waiting[0]]), steps, margins, w0 + c.T @ x)
            waiting.pop(0)
        if not waiting:
            return
        active = np.flatnonzero(margins < 1)
        change = slopes[active] * (step_size * y[active])[:, None]
        c[active] += change
        z += gram[:, active] @ change
