"""The remembered Mei-Montanari formula is the one that is derived by another route; both are checked where they
are simple.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq

from benign.theory.regression import random_features as theory
from benign.theory.regression.random_features import MU_1, MU_STAR, Errors, mei_montanari

Floats = NDArray[np.float64]
NODES = 400  # of the Marchenko-Pastur law's quadrature, whose error falls geometrically


def gaussian_equivalent(psi_1: float, psi_2: float, ridge: float = 0.0) -> Errors:
    """The oracle: ridge regression's deterministic equivalent under the Marchenko-Pastur law of ΘΘᵀ/d, § 12."""
    if ridge == 0 and psi_1 == psi_2:
        return Errors(math.inf, math.inf)
    s, weights = marchenko_pastur(psi_1)  # of ΘᵀΘ/d, (d, d); N - d eigenvalues of ΘΘᵀ/d are 0 beside these
    eigenvalues, counts = np.append(MU_1**2 * s, 0.0) + MU_STAR**2, np.append(weights, psi_1 - 1)
    kappa = kappa_of(eigenvalues, counts, psi_2, psi_1 * ridge)
    second = float((counts * (eigenvalues / (eigenvalues + kappa)) ** 2).sum())
    learnt = MU_1**2 * s / (MU_1**2 * s + MU_STAR**2)  # share of ⟨β, x⟩ that features can express, by direction
    residual = float((weights * (1 - learnt)).sum())
    shrunk = kappa**2 * float((weights * learnt / (MU_1**2 * s + MU_STAR**2 + kappa) ** 2).sum())
    variance = second / (psi_2 - second)
    return Errors((residual + shrunk) * (1 + variance), variance)


def kappa_of(eigenvalues: Floats, counts: Floats, psi_2: float, ridge: float) -> float:
    """κ with κ(1 - d₁(κ)/ψ₂) = ridge, d₁ = Σ counts·s/(s + κ): the effective ridge; 0 where ridge = 0 and ψ₁ < ψ₂."""

    def excess(kappa: float) -> float:
        return kappa - ridge - float((counts * kappa * eigenvalues / (eigenvalues + kappa)).sum()) / psi_2

    if ridge == 0 and counts.sum() <= psi_2:
        return 0.0
    high = ridge + float((counts * eigenvalues).sum()) / psi_2
    # Near 0 the left side is (1 - ψ₁/ψ₂)κ - ridge: negative, whichever of the two holds.
    low = 1e-14 * high
    return brentq(excess, low, 2 * high, xtol=1e-16, rtol=1e-14)


def marchenko_pastur(psi_1: float) -> tuple[Floats, Floats]:
    """Nodes and weights for the law of the d eigenvalues of ΘᵀΘ/d: density √((s₊-s)(s-s₋))/(2πs), atom (1-ψ₁)₊ at 0.

    With s = 1 + ψ₁ + 2√ψ₁cos t the integral is one of an even periodic analytic function: the midpoint rule.
    """
    angles = (np.arange(NODES) + 0.5) * math.pi / NODES
    s = 1 + psi_1 + 2 * math.sqrt(psi_1) * np.cos(angles)
    weights = 2 * psi_1 * np.sin(angles) ** 2 / s / NODES
    # A node at 0 takes what is left of 1: the atom, and the rule's error where 1/s has its pole near (ψ₁ ≈ 1).
    return np.append(s, 0.0), np.append(weights, 1 - weights.sum())


def test_relu_s_coefficients_are_its_gaussian_moments():
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    weights = weights / weights.sum()
    relu = np.maximum(nodes, 0)
    assert (weights * relu).sum() == pytest.approx(theory.MU_0, abs=5e-3)
    assert (weights * relu * nodes).sum() == pytest.approx(theory.MU_1)
    total = theory.MU_0**2 + theory.MU_1**2 + theory.MU_STAR**2
    assert total == pytest.approx(0.5)


@given(
    psi_1=st.floats(0.1, 20),
    psi_2=st.floats(0.1, 20),
    ridge=st.sampled_from([1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0]),
)
def test_the_remembered_formula_is_the_derived_one(psi_1, psi_2, ridge):
    np.testing.assert_allclose(mei_montanari(psi_1, psi_2, ridge), gaussian_equivalent(psi_1, psi_2, ridge), rtol=1e-6)


@pytest.mark.parametrize(("psi_1", "psi_2"), [(0.3, 1.5), (1, 3), (1.4, 1.5), (1.6, 1.5), (2, 0.5), (10, 1.5)])
def test_ridgeless_they_agree_too(psi_1, psi_2):
    np.testing.assert_allclose(mei_montanari(psi_1, psi_2), gaussian_equivalent(psi_1, psi_2), rtol=1e-9)


@pytest.mark.parametrize("formula", [mei_montanari, gaussian_equivalent])
def test_the_ridgeless_limit_is_that_of_small_ridges_and_infinite_at_the_threshold(formula):
    np.testing.assert_allclose(formula(3.0, 1.5, 1e-9), formula(3.0, 1.5), rtol=1e-5)
    assert formula(1.5, 1.5) == (np.inf, np.inf)
    assert formula(1.5, 1.5, 1e-8).variance > 100


def test_below_the_threshold_the_ridgeless_variance_is_that_of_least_squares():
    assert mei_montanari(0.3, 1.5).variance == pytest.approx(0.3 / 1.2)


def test_an_enormous_ridge_predicts_zero():
    found = mei_montanari(2.0, 1.5, 1e8)
    assert found.bias == pytest.approx(1, abs=1e-5)
    assert found.variance == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("bad", [(0, 1, 0), (1, -1, 0), (1, 1, -0.1), (np.inf, 1, 0)])
def test_impossible_ratios_are_errors(bad):
    with pytest.raises(ValueError, match="positive ratios"):
        mei_montanari(*bad)
