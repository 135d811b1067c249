"""The remembered Mei-Montanari formula is the one that is derived by another route; both are checked where they
are simple.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benign.theory.regression import random_features as theory
from benign.theory.regression.random_features import gaussian_equivalent, mei_montanari


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


@pytest.mark.parametrize("formula", [mei_montanari, gaussian_equivalent])
@pytest.mark.parametrize("bad", [(0, 1, 0), (1, -1, 0), (1, 1, -0.1), (np.inf, 1, 0)])
def test_impossible_ratios_are_errors(formula, bad):
    with pytest.raises(ValueError, match="positive ratios"):
        formula(*bad)
