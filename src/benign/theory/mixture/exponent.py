"""The exponent of Thm 3.1's clean error, and the constant in it that networks need (docs/theory.md §11).

The bound [frei; Thm 3.1 is of this form]: excess clean error ≤ 2exp(-X/C), X = n‖μ‖⁴/d, for one constant C wherever the
assumptions hold. Letters as in benign.theory.mixture.gaussian; r = n‖μ‖²/d. All functions broadcast and return float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr

from benign.theory.mixture.gaussian import Floats


def signal_term(n: ArrayLike, d: ArrayLike, signal: ArrayLike) -> Floats:
    """X = n‖μ‖⁴/d."""
    return np.asarray(n, float) * np.asarray(signal, float) ** 4 / np.asarray(d, float)


def crowding(n: ArrayLike, d: ArrayLike, signal: ArrayLike) -> Floats:
    """r = n‖μ‖²/d, of which the assumption d ≥ C·n‖μ‖² says r ≤ 1/C."""
    return np.asarray(n, float) * np.asarray(signal, float) ** 2 / np.asarray(d, float)


def needed_constant(rho: ArrayLike, term: ArrayLike) -> Floats:
    """The least C with Φ(-ρ) ≤ 2exp(-term/C): that of a half-space's excess error, term/(ln 2 - ln Φ(-ρ))."""
    return np.asarray(term, float) / (np.log(2) - log_ndtr(-np.asarray(rho, float)))


def derived_constant(flip_rate: ArrayLike, ratio: ArrayLike) -> Floats:
    """C of the averaging predictor as X → ∞ with r = `ratio` fixed: 2(1 + (1-2β)²r)/(1-2β)² [derived: §11]."""
    share = (1 - 2 * np.asarray(flip_rate, float)) ** 2
    return 2 * (1 + share * np.asarray(ratio, float)) / share
