"""Robust error of a half-space under ℓ2 and ℓ∞ perturbations of the Gaussian mixture.

Derived in docs/theory/linear_classifier.md.
Mixture and letters as in `benign.theory.mixture.gaussian`: x = ỹμ + ξ, ξ ~ N(0, I_d), labels flipped with
probability β, α the budget in the norm at hand. ‖·‖_q is the dual of the perturbation's norm: ℓ2 for ℓ2, ℓ1 for ℓ∞.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benign.theory.mixture.gaussian import half_space_error

Floats = NDArray[np.float64]
DUAL_ORDER = {"l2": 2, "linf": 1}  # the perturbation's norm and the q of its dual


def dual_norm(v: ArrayLike, norm: str) -> Floats:
    """‖v‖_q over the last axis: what one unit of budget takes off the score ⟨v, x⟩."""
    vector = np.asarray(v, float)
    return np.abs(vector).sum(-1) if DUAL_ORDER[_known(norm)] == 1 else np.sqrt((vector * vector).sum(-1))


def effective_budget(budget: ArrayLike, v: ArrayLike, norm: str) -> Floats:
    """α‖v‖_q/‖v‖₂, the ℓ2 budget that costs sign⟨v, x⟩ the same [derived: §14]; v (d,) must not be 0."""
    direction = np.asarray(v, float)
    length = np.linalg.norm(direction)
    if not length > 0:
        raise ValueError("v=0 has no direction: give a classifier that has been trained for at least one step")
    return np.asarray(budget, float) * dual_norm(direction, norm) / length


def risk(v: ArrayLike, mean: ArrayLike, budget: ArrayLike, norm: str, flip_rate: ArrayLike = 0.0) -> Floats:
    """Robust error (1-β)Φ((α‖v‖_q-⟨μ,v⟩)/‖v‖₂) + βΦ((α‖v‖_q+⟨μ,v⟩)/‖v‖₂) of sign⟨v, x⟩ [derived, exact: §14].

    v and mean μ: (d,); broadcasts over budget and flip_rate (the test labels'; 0 for clean ones).
    """
    direction = np.asarray(v, float)
    reach = effective_budget(budget, direction, norm)
    return half_space_error(reach, np.asarray(mean, float) @ direction / np.linalg.norm(direction), flip_rate)


def crossing_dimension(l2_budget: float, linf_budget: float) -> float:
    """d = (π/2)(α₂/α_∞)² from which the ℓ∞ ball costs more than the ℓ2 ball [derived: §14].

    For a v whose coordinates are like independent normals, ‖v‖₁/‖v‖₂ = √(2d/π).
    """
    return float(np.pi / 2 * (l2_budget / linf_budget) ** 2)


def _known(norm: str) -> str:
    if norm not in DUAL_ORDER:
        raise ValueError(f"norm={norm!r}: choose one of {', '.join(DUAL_ORDER)}")
    return norm
