"""The constant in the exponent of Thm 3.1's clean error (docs/theory.md §11)."""

import numpy as np
import pytest
from scipy.stats import norm

from benign.theory.mixture import exponent, gaussian


def test_with_the_needed_constant_the_bound_is_an_equality() -> None:
    rho, term = np.array([0.5, 2.0, 5.0]), np.array([1.0, 10.0, 40.0])
    constant = exponent.needed_constant(rho, term)
    np.testing.assert_allclose(2 * np.exp(-term / constant), norm.sf(rho), rtol=1e-12)


def test_the_needed_constant_is_finite_where_the_error_is_below_the_smallest_number() -> None:
    assert 0 < exponent.needed_constant(60.0, 1800.0) < 2


@pytest.mark.parametrize("flip_rate", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("ratio", [0.01, 0.4, 5.0])
def test_the_averaging_predictor_needs_the_derived_constant_as_the_signal_grows(flip_rate: float, ratio: float) -> None:
    n, signal = 100.0, np.array([1e2, 1e3, 1e4])
    d = n * signal**2 / ratio
    rho = gaussian.averaging_rho(n, d, signal, flip_rate)
    needed = exponent.needed_constant(rho, exponent.signal_term(n, d, signal))
    derived = exponent.derived_constant(flip_rate, exponent.crowding(n, d, signal))
    np.testing.assert_allclose(derived, 2 * (1 + (1 - 2 * flip_rate) ** 2 * ratio) / (1 - 2 * flip_rate) ** 2)
    gap = np.abs(needed / derived - 1)
    assert (np.diff(gap) < 0).all()
    assert gap[-1] < 1e-2
    assert (needed < derived).all()
