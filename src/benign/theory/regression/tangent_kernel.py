"""The tangent kernel of a two-layer ReLU network, and what descent does if the network follows it exactly.

Jacot, Gabriel, Hongler 2018; Chizat, Oyallon, Bach 2019; §5 of Bartlett, Montanari, Rakhlin 2021. f(x) = (1/√m)Σ_j
a_jφ(⟨w_j, x⟩), a_j = ±1 fixed, w_j ~ N(0, I_d), paired so that f = 0 at first. Descent with step η on ½Σ(f(x_i) -
y_i)², t steps. Derivations: docs/theory/statistical_viewpoint.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def relu_kernel(x: Floats, z: Floats) -> Floats:
    """K(x, z) = ⟨x, z⟩(π - angle)/(2π), the tangent kernel of the first layer as m → ∞; x (n, d), z (k, d) → (n, k)."""
    products = x @ z.T
    norms = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(z, axis=1)
    return products * (np.pi - np.arccos(np.clip(products / norms, -1, 1))) / (2 * np.pi)


def kernel_descent(kernel: Floats, y: Floats, step: float, steps: int) -> tuple[Floats, float]:
    """(c, movement) after descent in the kernel's linear model: the prediction is K(·, X)c, the weights move by
    √(cᵀKc) in Frobenius norm. c = (I - (I - ηK)ᵗ)K⁻¹y [derived, exact]. kernel (n, n) positive definite, y (n,).
    """
    values, vectors = np.linalg.eigh(kernel)
    gained = 1 - (1 - step * values) ** steps
    coordinates = gained / values * (vectors.T @ y)
    return vectors @ coordinates, float(np.sqrt((values * coordinates**2).sum()))
