"""Closed forms for two classes at ±μ whose noise is correlated, with a covariance of its own for each class.

The model of real data in docs/theory.md §17: x = ỹμ + ξ, ξ ~ N(0, Σ_ỹ). The error of a half-space sign⟨v, x⟩ depends on
three numbers: its alignment ρ = ⟨μ, v⟩/‖v‖ and the noise's deviations σ_± = √(vᵀΣ_±v)/‖v‖ along v.
With Σ_± = I everything reduces to benign.theory.mixture.gaussian.

Letters: α budget, β flip_rate, n training points, Σ̄ = (Σ₊ + Σ₋)/2. Functions are [derived] unless they say otherwise.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from benign.theory.mixture import gaussian

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Moments:
    """What the closed forms need to know of two classes; index 0 is class +1, index 1 class -1.

    mean: μ (d,), half the difference of the class means
    covariances: (2, d, d), Σ₊ and Σ₋
    """

    mean: Floats
    covariances: Floats

    @property
    def pooled(self) -> Floats:
        """Σ̄, (d, d)."""
        return self.covariances.mean(0)

    @property
    def signal(self) -> float:
        """‖μ‖."""
        return float(np.linalg.norm(self.mean))


def moments(x: Floats, y: Floats) -> Moments:
    """Empirical moments of points x (N, d) with labels y (N,), ±1; ValueError where a class has fewer than two."""
    classes = [x[y == sign] for sign in (1, -1)]
    if min(map(len, classes)) < 2:
        raise ValueError("a covariance needs at least two points of each class")
    mean = (classes[0].mean(0) - classes[1].mean(0)) / 2
    return Moments(mean, np.stack([np.atleast_2d(np.cov(points.T, bias=True)) for points in classes]))


def two_class_error(
    budget: ArrayLike, rho: ArrayLike, deviations: ArrayLike, flip_rate: ArrayLike = 0.0, share: ArrayLike = 0.5
) -> Floats:
    """Robust error of a half-space: Σ_± share_±·[(1-β)Φ((α-ρ)/σ_±) + βΦ((α+ρ)/σ_±)] [derived: §17].

    deviations: σ_±, (2, …), in front of what the other arguments broadcast to; share: of class +1 among the points
    """
    alpha, align, weight = np.asarray(budget, float), np.asarray(rho, float), np.asarray(share, float)
    first, second = (
        gaussian.half_space_error(alpha / deviation, align / deviation, flip_rate)
        for deviation in np.asarray(deviations, float)
    )
    return weight * first + (1 - weight) * second


def along(direction: ArrayLike, classes: Moments) -> tuple[float, Floats]:
    """(ρ, σ_± of shape (2,)) of a half-space with normal v (d,)."""
    v = np.asarray(direction, float) / np.linalg.norm(direction)
    return float(v @ classes.mean), np.sqrt(np.einsum("i,sij,j->s", v, classes.covariances, v))


def averaging(n: int, flip_rate: float, classes: Moments) -> tuple[float, Floats]:
    """(ρ, σ_± of shape (2,)) of the averaging predictor v = Σ y_i x_i, from moments alone [derived: §17].

    With q = (1-2β)²n: ‖v‖²/n concentrates at q‖μ‖² + tr Σ̄, vᵀΣ_±v/n at q·μᵀΣ_±μ + tr(Σ̄Σ_±), ⟨v, μ⟩/√n at √q·‖μ‖².
    """
    q, pooled = (1 - 2 * flip_rate) ** 2 * n, classes.pooled
    length = q * classes.signal**2 + np.trace(pooled)
    signal_part = np.einsum("i,sij,j->s", classes.mean, classes.covariances, classes.mean)
    noise_part = np.einsum("ij,sij->s", pooled, classes.covariances)
    rho = np.sqrt(q) * classes.signal**2 / np.sqrt(length)
    return float(rho), np.sqrt((q * signal_part + noise_part) / length)


def best_direction(budget: float, classes: Moments) -> Floats:
    """Unit normal (d,) of the half-space that is most robust at α if both covariances are Σ̄ [derived: §17].

    v ∝ (I + κΣ̄)⁻¹μ, a shrunk linear discriminant, with the κ ≥ 0 at which ‖(I + κΣ̄)⁻¹μ‖ = α; Bhagoji, Cullina, Mittal,
    NeurIPS 2019, have the optimal half-space of this model. From α = ‖μ‖ on it is μ's direction.
    """
    values, basis = np.linalg.eigh(classes.pooled)
    values, mean = np.maximum(values, 0), basis.T @ classes.mean
    # Roundings in directions without noise, as those of constant pixels.
    mean[np.abs(mean) <= 1e-9 * classes.signal] = 0

    def shrunk(log_strength: float) -> Floats:
        return mean / (1 + np.exp(log_strength) * values)

    low, high = -40.0, 40.0  # of log κ; the least budgets need the strongest shrinking that floats can tell from none
    if np.linalg.norm(shrunk(low)) <= budget:
        v = mean
    elif np.linalg.norm(shrunk(high)) >= budget:
        v = shrunk(high)
    else:
        v = shrunk(brentq(lambda s: np.log(np.linalg.norm(shrunk(s)) / budget), low, high))
    v = basis @ v
    return v / np.linalg.norm(v)
