"""Leading-order predictions where one assumption is broken: correlated noise, and flips chosen by an adversary.

Letters as in gaussian.py; λ_c and λ_f weigh correctly labelled and flipped points in v = Σ λ_i y_i x_i. Derived in
docs/theory.md §16; the closed form with a covariance Σ is that of §6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from benign.theory.mixture import gaussian

Floats = NDArray[np.float64]


def participation_ratio(eigenvalues: ArrayLike) -> float:
    """(tr Σ)²/tr(Σ²) of noise with these eigenvalues (d,): d for independent coordinates, 1 for a single direction."""
    values = np.asarray(eigenvalues, float)
    if not (np.all(values >= 0) and values.sum() > 0):
        raise ValueError("eigenvalues must be at least 0, and not all 0: they are those of a covariance")
    return float(values.sum() ** 2 / (values**2).sum())


def correlated_error(
    budget: ArrayLike,
    n: ArrayLike,
    d: ArrayLike,
    signal: ArrayLike,
    flip_rate: ArrayLike,
    effective: ArrayLike,
    lambda_c: ArrayLike = 1.0,
    lambda_f: ArrayLike = 1.0,
    train_flip_rate: ArrayLike | None = None,
) -> Floats:
    """Robust error, observed labels, of Σ λ_i y_i x_i under noise with tr Σ = d and participation ratio `effective`.

    μ lies in generic position, μᵀΣμ = ‖μ‖². The defaults give the averaging predictor; train_flip_rate is the training
    sample's own share of flips, flip_rate by default. At effective = d it is § 3's half-space.
    """
    beta = np.asarray(flip_rate, float)
    share = beta if train_flip_rate is None else np.asarray(train_flip_rate, float)
    points, power = np.asarray(n, float), np.asarray(signal, float) ** 2
    dim, clean, flipped = np.asarray(d, float), np.asarray(lambda_c, float), np.asarray(lambda_f, float)
    mean = (1 - share) * clean - share * flipped
    square = (1 - share) * clean**2 + share * flipped**2
    shift = points * mean * power  # ⟨v, μ⟩
    along = (points * mean) ** 2 * power  # v's part along μ: its squared length, and its share of vᵀΣv
    length = np.sqrt(along + points * square * dim)
    deviation = np.sqrt(along + points * square * dim**2 / np.asarray(effective, float))
    return gaussian.half_space_error(np.asarray(budget, float) * length / deviation, shift / deviation, beta)


def worst_flips_factor(n: ArrayLike, d: ArrayLike, signal: ArrayLike, flip_rate: ArrayLike) -> Floats:
    """ρ of averaging after flipping the ⌊βn⌋ points with the largest ỹ⟨μ, x⟩, over its ρ after random flips.

    ⟨μ, v⟩ falls by the factor 1 - ε, ε = 2φ_N(z)/((1-2β)‖μ‖), z the normal's upper β-quantile, and v's part along μ
    with it; the rest of v stays. 1 at β = 0, and 0 where ε reaches 1.
    """
    beta, power = np.asarray(flip_rate, float), np.asarray(signal, float) ** 2
    density = np.exp(-(ndtri(1 - beta) ** 2) / 2) / np.sqrt(2 * np.pi)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.clip(1 - 2 * density / ((1 - 2 * beta) * np.sqrt(power)), 0.0, 1.0)
    along = (1 - 2 * beta) ** 2 * np.asarray(n, float) * power
    across = np.asarray(d, float)
    return np.asarray(left * np.sqrt((across + along) / (across + left**2 * along)))


def benign_ends(rho: ArrayLike, flip_rate: Floats | float, near: float) -> Floats:
    """The budget up to which a half-space's robust error stays within `near` of β, by bisection on § 1; 0 if none."""
    align = np.asarray(rho, float)
    low, high = np.zeros_like(align), np.maximum(align, 0.0)
    for _ in range(60):
        middle = (low + high) / 2
        inside = gaussian.half_space_error(middle, align, flip_rate) <= flip_rate + near
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low
