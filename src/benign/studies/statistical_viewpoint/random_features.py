"""Ridge regression on random ReLU features: bias and variance of one draw of points and features.

They are exact over targets, noise and test points (docs/theory/statistical_viewpoint.md): only the points and the
features are drawn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from benign import seeds
from benign.studies.statistical_viewpoint.grid import Cell
from benign.theory.regression import random_features as theory
from benign.theory.regression.random_features import MU_0, MU_1

Floats = NDArray[np.float64]


def fitted(cell: Cell, study: str) -> dict[str, Any]:
    """Errors of one draw, and those that the asymptotic theory predicts.

    bias and variance as in benign.theory.regression.random_features; nonlinear: the error on a target that is a
    random centred quadratic form of unit variance, whose prediction is variance + 1; test_error: bias + noise·variance.
    """
    rng = seeds.generator(study, "features", cell.seed, d=cell.d)
    x = sphere(rng, cell.n, cell.d)
    theta = sphere(rng, cell.features, cell.d)
    z = np.maximum(x @ theta.T / math.sqrt(cell.d), 0)  # (n, N)
    fit = ridge_map(z, cell.n * cell.features / cell.d * cell.ridge)  # (N, n), labels to coefficients
    second = feature_moments(theta)  # (N, N)
    weighted = second @ fit  # (N, n)
    linear = fit @ x  # (N, d): the coefficients of each target ⟨e_k, x⟩·√(1/d) that make up ⟨β, x⟩, ‖β‖ = 1
    bias = (np.einsum("jk,jk->", weighted @ x, linear) - 2 * MU_1 / math.sqrt(cell.d) * (linear * theta).sum()) / cell.d
    quadratic = quadratic_moments(x)  # (n, n)
    nonlinear = np.einsum("ji,ji->", weighted, fit @ quadratic) - 2 * (fit * feature_quadratic(theta, x)).sum()
    predicted = theory.mei_montanari(cell.features / cell.d, cell.n / cell.d, cell.ridge)
    row = {"bias": float(bias) + 1, "variance": float((fit * weighted).sum()), "nonlinear": float(nonlinear) + 1}
    row |= {"predicted_bias": predicted.bias, "predicted_variance": predicted.variance}
    row["test_error"] = row["bias"] + cell.noise * row["variance"]
    row["predicted_error"] = predicted.bias + cell.noise * predicted.variance
    return row


def sphere(rng: np.random.Generator, rows: int, d: int) -> Floats:
    """(rows, d), uniform on the sphere of radius √d."""
    drawn = rng.standard_normal((rows, d))
    return drawn * (math.sqrt(d) / np.linalg.norm(drawn, axis=1, keepdims=True))


def ridge_map(z: Floats, penalty: float) -> Floats:
    """(N, n): Zᵀ(ZZᵀ + penalty·I)⁻¹, or the pseudo-inverse of Z (n, N) without penalty; by the smaller Gram matrix."""
    n, features = z.shape
    if n <= features:
        return np.asarray(np.linalg.solve(z @ z.T + penalty * np.eye(n), z).T, float)
    return np.asarray(np.linalg.solve(z.T @ z + penalty * np.eye(features), z.T), float)


def feature_moments(theta: Floats) -> Floats:
    """E[φ(⟨θ_j, x⟩/√d)φ(⟨θ_k, x⟩/√d)]: the arc-cosine kernel; (N, N).

    It is of degree 2 in x, so the sphere and the Gaussian agree.
    """
    cosine = np.clip(theta @ theta.T / theta.shape[1], -1, 1)
    return (np.sqrt(1 - cosine**2) + (np.pi - np.arccos(cosine)) * cosine) / (2 * np.pi)


def quadratic_moments(x: Floats) -> Floats:
    """E[q(x_i)q(x_k)] over random quadratic forms q, centred, of unit variance on the sphere; (n, n)."""
    d = x.shape[1]
    return ((x @ x.T / d) ** 2 - 1 / d) / (1 - 1 / d)


def feature_quadratic(theta: Floats, x: Floats) -> Floats:
    """E over test points x' of φ(⟨θ_j, x'⟩/√d)·E[q(x')q(x_i)]; (N, n).

    For Gaussian x', E[φ(g₁)⟨x', x_i⟩²] = μ₀(d + c²), c = ⟨θ_j, x_i⟩/√d; by degree, the sphere's is smaller by
    E[R³]/d^1.5 with R the length of a Gaussian vector, and E[φ] by E[R]/√d.
    """
    d = x.shape[1]
    length = math.sqrt(2 / d) * math.exp(gammaln((d + 1) / 2) - gammaln(d / 2))  # E[R]/√d
    cubed = length * (d + 1) / d  # E[R³]/d^1.5
    squares = (theta @ x.T) ** 2 / d  # c², (N, n)
    return MU_0 * ((d + squares) / (cubed * d**2) - 1 / (length * d)) / (1 - 1 / d)
