"""The hard-margin problem: its KKT conditions, a support vector machine, and both routes to the same solution."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import SVC  # type: ignore[import-untyped]

from benign.theory.geometry.hard_margin import HardMargin, hard_margin, multipliers


def solved(a: np.ndarray) -> HardMargin:
    found = hard_margin(a)
    assert found is not None
    return found


def separable(p: int) -> np.ndarray:
    a = np.random.default_rng(0).standard_normal((20, p))
    a[:, 0] = np.abs(a[:, 0]) + 1
    return a


@pytest.mark.parametrize("p", [2, 5, 20, 200])
def test_the_solution_meets_the_kkt_conditions(p):
    a = separable(p)
    found = solved(a)
    margins = a @ found.w
    assert margins.min() == pytest.approx(1, abs=1e-7)
    assert found.multipliers.min() >= 0
    np.testing.assert_allclose(margins[found.support], 1, atol=1e-7)
    np.testing.assert_allclose(a.T @ found.multipliers, found.w)


def test_it_is_that_of_a_support_vector_machine():
    generator = np.random.default_rng(2)
    y = generator.choice([-1.0, 1.0], 15)
    x = generator.standard_normal((15, 40))
    # scikit-learn's machine has a bias: doubling the points with opposite signs makes it 0.
    machine = SVC(kernel="linear", C=1e8, tol=1e-8).fit(np.concatenate([x, -x]), np.concatenate([y, -y]))
    assert solved(y[:, None] * x).w == pytest.approx(machine.coef_[0], abs=1e-5)


@pytest.mark.parametrize("p", [20, 200])
def test_the_gram_matrix_alone_gives_the_same_multipliers(p):
    a = separable(p)
    np.testing.assert_allclose(multipliers(a @ a.T), solved(a).multipliers, atol=1e-9)


def test_what_is_not_separable_has_no_hard_margin_and_dependent_points_no_gram_matrix_to_invert():
    assert hard_margin(np.array([[1.0, 0.0], [-1.0, 0.0]])) is None
    with pytest.raises(ValueError, match="n=3 points are dependent: give d ≥ n"):
        multipliers(np.ones((3, 3)))
