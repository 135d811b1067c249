"""Closed forms for the Gaussian mixture x = ỹμ + ξ, ξ ~ N(0, I_d), with labels flipped with probability β.

They are what the flagship's figures are held against. Every derivation is in docs/theory.md (§ given below);
the mixture is Frei, Chatterji, Bartlett 2022's with Gaussian noise [frei], the closed forms are [derived].

Letters: α budget (l2, same units as x), β flip_rate in [0, 1/2], ‖μ‖ signal, n training points, d dimension,
γ slope of the leaky ReLU (1 linear, 0 ReLU), ρ = ⟨μ, v⟩/‖v‖ alignment of a half-space sign⟨v, x⟩,
λ_c and λ_f weights of correctly labelled and of flipped training points in v = Σ_i λ_i y_i x_i.
All functions broadcast over array arguments and return float64. Errors count ties as mistakes and are with
observed (possibly flipped) labels at flip_rate = β, with clean labels at flip_rate = 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]


def half_space_error(budget: ArrayLike, rho: ArrayLike, flip_rate: ArrayLike = 0.0) -> Floats:
    """Robust error of sign⟨v, x⟩ at `budget`: (1-β)Φ(α-ρ) + βΦ(α+ρ) [derived: §1].

    flip_rate is the test labels': β for observed labels, 0 (the default) for clean ones.
    """
    alpha, align, beta = _budget(budget), np.asarray(rho, float), _flip_rate(flip_rate)
    return (1 - beta) * ndtr(alpha - align) + beta * ndtr(alpha + align)


def robust_floor(budget: ArrayLike, signal: ArrayLike, flip_rate: ArrayLike = 0.0) -> Floats:
    """Least robust error of any classifier: min{(1-β)Φ(α-‖μ‖) + βΦ(α+‖μ‖), 1/2} [derived: §2, proved there].

    Exact, for every budget: the half-space along μ or a constant classifier attains it. The form of Thm 3.2
    [digest] for this mixture: 1/2 from α = ‖μ‖ on (with flips, already a little earlier).
    """
    return np.minimum(half_space_error(budget, _signal(signal), flip_rate), 0.5)


def alignment(
    n: ArrayLike, d: ArrayLike, signal: ArrayLike, flip_rate: ArrayLike, lambda_c: ArrayLike, lambda_f: ArrayLike
) -> Floats:
    """ρ of v = Σ λ_i y_i x_i, λ_i = λ_c on clean and λ_f on flipped points [derived: §3].

    √n‖μ‖²Λ / √(dQ + n‖μ‖²Λ²), Λ = (1-β)λ_c - βλ_f, Q = (1-β)λ_c² + βλ_f²; NaN where v = 0 has no direction.
    flip_rate is the training labels'.
    """
    points, dim, norm, beta = _count("n", n), _count("d", d), _signal(signal), _flip_rate(flip_rate)
    clean, flipped = np.asarray(lambda_c, float), np.asarray(lambda_f, float)
    mean = (1 - beta) * clean - beta * flipped
    square = (1 - beta) * clean**2 + beta * flipped**2
    with np.errstate(invalid="ignore"):
        return np.sqrt(points) * norm**2 * mean / np.sqrt(dim * square + points * norm**2 * mean**2)


def averaging_rho(n: ArrayLike, d: ArrayLike, signal: ArrayLike, flip_rate: ArrayLike) -> Floats:
    """ρ of the averaging predictor v = Σ y_i x_i, where training starts [derived: §3]."""
    return alignment(n, d, signal, flip_rate, 1.0, 1.0)


def signal_coupling(slope: ArrayLike) -> Floats:
    """κ = (1+γ)²/(2(1+γ²)): how strongly training points share the signal; 1 linear, 1/2 ReLU [derived: §4]."""
    gamma = _slope(slope)
    return (1 + gamma) ** 2 / (2 * (1 + gamma**2))


def max_margin_weights(
    n: ArrayLike, d: ArrayLike, signal: ArrayLike, flip_rate: ArrayLike, slope: ArrayLike = 1.0
) -> tuple[Floats, Floats]:
    """(λ_c, λ_f) = (1-s, 1+s), s = (1-2β)κr/(1+κr), r = n‖μ‖²/d, of the max-margin network, d ≫ n [derived: §4]."""
    ratio = signal_coupling(slope) * _count("n", n) * _signal(signal) ** 2 / _count("d", d)
    share = (1 - 2 * _flip_rate(flip_rate)) * ratio / (1 + ratio)
    return 1 - share, 1 + share


def max_margin_rho(
    n: ArrayLike, d: ArrayLike, signal: ArrayLike, flip_rate: ArrayLike, slope: ArrayLike = 1.0
) -> Floats:
    """ρ of the max-margin predictor, where training ends: slope 1 linear (κ = 1), 0 ReLU [derived: §4].

    It lies in [ρ_avg/(1+κr), ρ_avg].
    """
    return alignment(n, d, signal, flip_rate, *max_margin_weights(n, d, signal, flip_rate, slope))


def _within(name: str, value: ArrayLike, low: float, high: float) -> Floats:
    """`value` as float64; ValueError unless all of it lies in [low, high] (NaN does not)."""
    array = np.asarray(value, float)
    if not np.all((array >= low) & (array <= high)):
        raise ValueError(f"{name}={value!r} is out of range: give a value between {low:g} and {high:g}")
    return array


def _budget(value: ArrayLike) -> Floats:
    return _within("budget", value, 0, np.inf)


def _signal(value: ArrayLike) -> Floats:
    return _within("signal", value, 0, np.inf)


def _flip_rate(value: ArrayLike) -> Floats:
    return _within("flip_rate", value, 0, 0.5)


def _slope(value: ArrayLike) -> Floats:
    return _within("slope", value, 0, 1)


def _count(name: str, value: ArrayLike) -> Floats:
    return _within(name, value, 1, np.inf)
