"""Ridge regression on random ReLU features: the test error as n, N and d grow in proportion.

Mei, Montanari, The generalization error of random features regression, 2022 (§6 of Bartlett, Montanari, Rakhlin 2021).
f(x) = Σ_j a_j ReLU(⟨θ_j, x⟩/√d), N rows θ_j and the points x uniform on the sphere of radius √d, a minimising
(1/n)Σ(y_i - f(x_i))² + (N/d)·λ‖a‖². Target: y = ⟨β, x⟩ + F★·(no linear part) + noise, ‖β‖ = 1; per unit of each:

    test error = bias + (noise variance + F★²)·variance + F★²

It is that paper's theorem as remembered [M]. The tests hold it against what ridge regression on Gaussian features with
the same second moments gives [derived: docs/theory/statistical_viewpoint.md].
Letters: ψ₁ = N/d, ψ₂ = n/d, ζ = μ₁/μ★, λ the ridge.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.optimize import brentq

# ReLU's Hermite coefficients: E[φ(g)], E[gφ(g)], and what is left of E[φ(g)²] = 1/2.
MU_0, MU_1 = 1 / math.sqrt(2 * math.pi), 0.5
MU_STAR = math.sqrt(0.5 - MU_0**2 - MU_1**2)


class Errors(NamedTuple):
    """Bias and variance, each per unit of its source."""

    bias: float
    variance: float


def _check(psi_1: float, psi_2: float, ridge: float) -> None:
    if not (0 < psi_1 < math.inf and 0 < psi_2 < math.inf and 0 <= ridge < math.inf):
        raise ValueError(f"psi_1={psi_1!r}, psi_2={psi_2!r}, ridge={ridge!r}: give positive ratios and a ridge ≥ 0")


def mei_montanari(psi_1: float, psi_2: float, ridge: float = 0.0) -> Errors:
    """Bias and variance by the theorem's fixed point and polynomials [M]; ridge 0 is the limit (infinite at ψ₁ =
    ψ₂).
    """
    _check(psi_1, psi_2, ridge)
    if ridge == 0 and psi_1 == psi_2:
        return Errors(math.inf, math.inf)
    z = (MU_1 / MU_STAR) ** 2
    chi = _chi_ridgeless(min(psi_1, psi_2), z) if ridge == 0 else _chi(psi_1, psi_2, ridge / MU_STAR**2, z)
    both, x = psi_1 * psi_2, chi * z  # the polynomials in χζ², χ and ζ²
    e_2 = x**3 * chi**2 - 3 * x**2 * chi**2 + 3 * x * chi**2 - chi**2 + (psi_1 - 1) * x**3 + 2 * x**2 * chi
    e_2 += -(psi_1 + 1) * x**2 - 2 * x * chi
    e_0 = -(x**3) * chi**2 + 3 * x**2 * chi**2 - 3 * x * chi**2 + chi**2 + (both - psi_1 - psi_2 + 1) * x**3
    e_0 += -2 * x**2 * chi + (psi_1 + psi_2 - 3 * both + 1) * x**2 + 2 * x * chi + 3 * both * x - both
    e_1 = psi_2 * x**2 * chi - psi_2 * x * chi + both * x - both
    return Errors(e_1 / e_0, e_2 / e_0)


def _chi_ridgeless(psi: float, z: float) -> float:
    b = psi * z - z - 1
    return -(math.sqrt(b**2 + 4 * z * psi) + b) / (2 * z)


def _chi(psi_1: float, psi_2: float, ridge: float, z: float) -> float:
    """χ = ν₁ν₂ at ξ = i√(ψ₁ψ₂·ridge), from the fixed point in C₊: ν_k = ψ_k/(-ξ - ν_l - ζ²ν_l/(1 - ζ²ν₁ν₂)).

    On the imaginary axis ν_k = i·v_k, v_k > 0, and χ = -v₁v₂ =: -c. As ξ → 0 the iteration slows down without bound, so
    one equation in c is solved instead: v_k·(t + v_l·(1 + ζ²/(1 + ζ²c))) = ψ_k gives v_k = (ψ_k - g(c))/t with
    g(c) = c(1 + ζ²/(1 + ζ²c)) and t = |ξ|; then c = v₁v₂, whose right side falls in c.
    """
    t_squared = psi_1 * psi_2 * ridge

    def product_excess(c: float) -> float:
        g = c * (1 + z / (1 + z * c))
        return c * t_squared - (psi_1 - g) * (psi_2 - g)

    # g rises from 0, and v₁, v₂ > 0 needs g < min(ψ₁, ψ₂): the root lies below the c with g(c) = min(ψ₁, ψ₂).
    return -brentq(product_excess, 0.0, -_chi_ridgeless(min(psi_1, psi_2), z), xtol=1e-15, rtol=1e-14)
