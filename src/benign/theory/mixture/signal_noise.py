"""Closed forms for signal and noise on orthogonal subspaces, and the max-margin network of aligned neurons.

x = √γ·ỹ·v + √(1-γ)·ν, ν ~ N(0, (I - vvᵀ)/d) [S: Karhadkar et al., NeurIPS 2024]; the closed forms are [derived], in
docs/theory/moderate_dimension.md. Letters: n training points, d dimension, γ signal share, β flip rate, a slope of
the leaky ReLU.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benign.theory.geometry.hard_margin import multipliers
from benign.theory.mixture.gaussian import half_space_error

Floats = NDArray[np.float64]


def rho(along: ArrayLike, across: ArrayLike, gamma: ArrayLike, d: ArrayLike) -> Floats:
    """ρ = √(dγ/(1-γ))·A/‖z‖ of sign⟨Av + z, x⟩, z ⊥ v: its error with clean labels is Φ(-ρ) [derived, exact: §15].

    along: A; across: ‖z‖ > 0.
    """
    share = np.asarray(gamma, float)
    snr = np.sqrt(np.asarray(d, float) * share / (1 - share))
    return snr * np.asarray(along, float) / np.asarray(across, float)


def interpolator(n: ArrayLike, d: ArrayLike, gamma: ArrayLike, flip_rate: ArrayLike) -> tuple[Floats, Floats]:
    """(A, ‖z‖) of the least-norm linear w with y_i⟨w, x_i⟩ = 1 on all points, for d > n + 1 [derived: §15].

    Leading order in n at any fixed d/n: nothing needs to be near-orthogonal.
    """
    points, dim, share, beta = (np.asarray(value, float) for value in (n, d, gamma, flip_rate))
    if not np.all(dim > points + 1):
        raise ValueError(f"d={d!r} must exceed n + 1 (n={n!r}): below, not every labelling can be interpolated")
    load = points * dim / ((dim - 1 - points) * (1 - share))  # K
    along = load * np.sqrt(share) * (1 - 2 * beta) / (1 + load * share)
    across = np.sqrt(load * (1 - 2 * np.sqrt(share) * (1 - 2 * beta) * along + share * along**2))
    return along, across


def interpolator_error(n: ArrayLike, d: ArrayLike, gamma: ArrayLike, flip_rate: ArrayLike) -> Floats:
    """Clean-label test error of the least-norm linear interpolator [derived: §15]."""
    return half_space_error(0.0, rho(*interpolator(n, d, gamma, flip_rate), gamma, d))


def aligned_weights(x: ArrayLike, y: ArrayLike, slope: float) -> Floats:
    """λ (n,) ≥ 0 of the max-margin network whose neurons of one sign are aligned [derived: §15].

    Margins are Mλ with M_ik = y_i y_k⟨x_i, x_k⟩·c, c = (1+a²)/2 for equal labels and a for others: least λᵀMλ with
    Mλ ≥ 1. Its half-space is Σλ_i y_i x_i, and ‖W‖² = Σλ_i/m for m neurons with outer weights ±1. At slope 1 it is the
    linear hard-margin classifier. Raises ValueError for linearly dependent points (d < n).
    """
    points, labels = np.asarray(x, float), np.asarray(y, float)
    signed = labels[:, None] * points
    kernel = np.where(labels[:, None] == labels, (1 + slope**2) / 2, slope)
    return multipliers((signed @ signed.T) * kernel)
