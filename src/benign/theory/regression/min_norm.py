"""Minimum-norm least squares: effective ranks, the variance and bias that they decide, and the exact isotropic risk.

Bartlett, Long, Lugosi, Tsigler, Benign overfitting in linear regression, 2020; Hastie, Montanari, Rosset, Tibshirani
2022; both in §4 of Bartlett, Montanari, Rakhlin 2021. Derivations: docs/theory/statistical_viewpoint.md.

Letters: n points in R^p, x ~ N(0, Σ) with eigenvalues λ₁ ≥ λ₂ ≥ … > 0, y = ⟨θ, x⟩ + noise of variance σ². The excess
risk is bias + σ²·variance. Eigenvalues are float arrays (p,) in decreasing order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

Floats = NDArray[np.float64]


def effective_ranks(eigenvalues: ArrayLike) -> tuple[Floats, Floats]:
    """(r, R), each (p,): r_k = Σ_{i>k}λ_i/λ_{k+1} and R_k = (Σ_{i>k}λ_i)²/Σ_{i>k}λ_i² at k = 0, …, p-1 [M, tested].

    Raises ValueError for eigenvalues that are not positive and decreasing.
    """
    values = np.asarray(eigenvalues, float)
    if values.ndim != 1 or not len(values) or np.any(values <= 0) or np.any(np.diff(values) > 0):
        raise ValueError("eigenvalues must be a decreasing sequence of positive numbers")
    tails = np.cumsum(values[::-1])[::-1]  # Σ_{i>k}λ_i at k = 0, …, p-1
    squares = np.cumsum(values[::-1] ** 2)[::-1]
    return tails / values, tails**2 / squares


def critical_index(eigenvalues: ArrayLike, n: int, b: float = 1.0) -> int | None:
    """k* = min{k : r_k ≥ b·n}; None if there is none. The theorem's constant b is not named; 1 is [ours]."""
    enough = np.flatnonzero(effective_ranks(eigenvalues)[0] >= b * n)
    return int(enough[0]) if len(enough) else None


def leading_variance(eigenvalues: ArrayLike, n: int) -> float:
    """k*/n + n/R_{k*}, to which the variance is equal up to constants; infinite without a k* [M, tested]."""
    index = critical_index(eigenvalues, n)
    if index is None:
        return math.inf
    return index / n + n / float(effective_ranks(eigenvalues)[1][index])


def effective_ridge(eigenvalues: ArrayLike, n: int) -> float:
    """κ > 0 with Σλ_i/(λ_i + κ) = n, the ridge that interpolation amounts to, for n < p [derived: §12]."""
    values = np.asarray(eigenvalues, float)
    if not 0 < n < len(values):
        raise ValueError(f"n={n} with {len(values)} eigenvalues: interpolation needs 0 < n < p")

    def surplus(log_ridge: float) -> float:
        return float((values / (values + math.exp(log_ridge))).sum()) - n

    # At κ = Σλ/n each term is at most λ/κ, so the sum is at most n; below λ_p(p-n)/n it is at least n.
    low, high = math.log(values[-1] * (len(values) - n) / n), math.log(values.sum() / n)
    return math.exp(brentq(surplus, low - 1e-9, high + 1e-9, xtol=1e-12))


def deterministic_variance(eigenvalues: ArrayLike, n: int) -> float:
    """Leading order of the variance as n and p grow: d₂/(n - d₂), d₂ = Σ(λ_i/(λ_i + κ))² [derived: §12]."""
    values = np.asarray(eigenvalues, float)
    second = float(((values / (values + effective_ridge(values, n))) ** 2).sum())
    return second / (n - second)


def deterministic_bias(eigenvalues: ArrayLike, n: int, coefficients: ArrayLike) -> float:
    """Leading order of the bias: κ²Σθ_i²λ_i/(λ_i + κ)² / (1 - d₂/n), θ in the eigenvectors' basis [derived: §12]."""
    values, theta = np.asarray(eigenvalues, float), np.asarray(coefficients, float)
    ridge = effective_ridge(values, n)
    unlearnt = ridge**2 * float((theta**2 * values / (values + ridge) ** 2).sum())
    return unlearnt * (1 + deterministic_variance(values, n))


def isotropic_variance(n: ArrayLike, p: ArrayLike) -> Floats:
    """Exact for Σ = I: p/(n-p-1) for p < n-1, n/(p-n-1) for p > n+1, infinite between [M, tested]; broadcasts."""
    points, dim = np.asarray(n, float), np.asarray(p, float)
    gap = np.abs(points - dim) - 1
    return np.where(gap > 0, np.minimum(points, dim) / np.where(gap > 0, gap, 1.0), np.inf)


def isotropic_bias(n: ArrayLike, p: ArrayLike) -> Floats:
    """Exact for Σ = I and ‖θ‖ = 1: 1 - n/p for p > n, else 0 [M, tested]; broadcasts."""
    return np.maximum(1 - np.asarray(n, float) / np.asarray(p, float), 0.0)


def threshold_survival(level: ArrayLike) -> Floats:
    """P(variance > level·n) at p = n and Σ = I for large levels: 1 - exp(-level^(-1/2) - 1/(2·level)).

    Edelman's law of the least singular value s of a square Gaussian matrix [M, tested]: P(s ≤ ε/√n) → 1 - exp(-ε -
    ε²/2); the variance is 1/s² but for terms of order n. It falls as level^(-1/2): the mean is infinite.
    """
    level = np.asarray(level, float)
    return -np.expm1(-(level**-0.5) - 0.5 / level)
