"""Clusters outside the theorem's assumptions: heavier tails, correlated noise, and flips that are chosen, not drawn.

All three keep what the closed forms see of the noise (mean 0, mean variance 1 a coordinate) or of the labels (their
share that is flipped), and change the rest. Derived in docs/theory.md §16.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from benign.data import clusters
from benign.data.clusters import Array

Covariance = Literal["identity", "ar1", "power_law"]
Flips = Literal["random", "exact", "one_class", "worst"]


def heavy_tailed(noise: str, tail: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Independent entries of mean 0 and variance 1 with heavy tails.

    student_t: tail > 2 degrees of freedom · sparse_rademacher: ±1/√tail with probability tail in (0, 1], else 0
    """
    if noise == "student_t" and tail > 2:
        return rng.standard_t(tail, shape) * np.sqrt((tail - 2) / tail)
    if noise == "sparse_rademacher" and 0 < tail <= 1:
        u = rng.random(shape)
        return np.where(u < tail, np.where(u < tail / 2, -1.0, 1.0) / np.sqrt(tail), 0.0)
    raise ValueError(f"noise={noise!r}, tail={tail!r}: student_t needs tail > 2, sparse_rademacher tail in (0, 1]")


def spectrum(covariance: str, correlation: float, d: int) -> Array:
    """Eigenvalues (d,) of the noise's covariance, with mean 1.

    identity · ar1: neighbours on a ring of d coordinates correlated as in an autoregression with coefficient
    correlation in [0, 1) · power_law: the k-th eigenvalue ∝ k^-correlation, correlation ≥ 0
    """
    if covariance == "identity":
        return np.ones(d)
    values: Array
    if covariance == "ar1" and 0 <= correlation < 1:
        values = 1 / (1 - 2 * correlation * np.cos(2 * np.pi * np.arange(d) / d) + correlation**2)
    elif covariance == "power_law" and correlation >= 0:
        values = np.arange(1, d + 1, dtype=np.float64) ** np.float64(-correlation)
    else:
        raise ValueError(f"covariance={covariance!r}, correlation={correlation!r}: see the limits of each law")
    return values / values.mean()


def correlated_points(clean: Array, mean: Array, eigenvalues: Array, rng: np.random.Generator) -> Array:
    """Points (n, d) around ±mean (d,), with the noise's principal axes as coordinates; clean labels (n,)."""
    return clean[:, None] * mean + np.sqrt(eigenvalues) * rng.standard_normal((len(clean), len(mean)))


def fresh_correlated_points(clean: Array, mean: Array, eigenvalues: Array, q: Array, rng: np.random.Generator) -> Array:
    """Coordinates (N, k) of fresh points in the orthonormal columns of q (d, k): noise N(0, QᵀΣQ), drawn directly."""
    root = np.linalg.cholesky(q.T @ (eigenvalues[:, None] * q))  # (k, k)
    return clean[:, None] * (mean @ q) + rng.standard_normal((len(clean), q.shape[1])) @ root.T


def flip_exactly(flips: str, x: Array, clean: Array, mean: Array, flip_rate: float, rng: np.random.Generator) -> Array:
    """Observed labels (n,) with ⌊βn⌋ of the clean ones flipped; x (n, k), mean (k,).

    exact: drawn at random · one_class: at random among the points of label +1 · worst: see `worst_flips`
    """
    if flips == "worst":
        return worst_flips(x, clean, mean, int(flip_rate * len(clean) + 1e-9))
    if flips not in ("exact", "one_class"):
        raise ValueError(f"flips={flips!r}: choose exact, one_class or worst")
    candidates = np.flatnonzero(clean > 0) if flips == "one_class" else np.arange(len(clean))
    return clusters.flip_exactly(clean, flip_rate, candidates, rng)


def worst_flips(x: Array, clean: Array, mean: Array, count: int) -> Array:
    """Observed labels (n,) after `count` flips, each the one that most lowers ρ of the averaging predictor Σ y_i x_i.

    The adversary sees the sample and μ: stronger than any corruption of the distribution. Greedy, so a lower bound on
    the harm that the best choice does.
    """
    signed = clean[:, None] * x  # (n, k)
    gram, shares = signed @ signed.T, signed @ mean
    kept = np.ones(len(clean))
    for _ in range(count):
        along = kept @ shares - 2 * shares  # ⟨μ, v⟩ after each flip
        square = kept @ gram @ kept - 4 * gram @ kept + 4 * np.diag(gram)  # ‖v‖² after each flip
        rho = np.where(kept > 0, along / np.sqrt(square), np.inf)
        kept[np.argmin(rho)] = -1.0
    return clean * kept
