"""Effective ranks, the deterministic equivalent and the exact isotropic risk, against their definitions and
simulation.
"""

from __future__ import annotations

import numpy as np
import pytest

from benign.data.spectra import SPECTRA, spectrum
from benign.theory.regression import min_norm


def test_effective_ranks_of_equal_eigenvalues_count_those_that_are_left():
    r, big_r = min_norm.effective_ranks(np.ones(10))
    np.testing.assert_allclose(r, np.arange(10, 0, -1))
    np.testing.assert_allclose(big_r, r)


def test_effective_ranks_are_their_definition_and_ordered():
    values = spectrum("power", 50, 1.5, 1.0)
    r, big_r = min_norm.effective_ranks(values)
    assert r[7] == pytest.approx(values[7:].sum() / values[7])
    assert big_r[7] == pytest.approx(values[7:].sum() ** 2 / (values[7:] ** 2).sum())
    assert np.all(r <= big_r * (1 + 1e-12))
    assert np.all(big_r <= r**2 * (1 + 1e-12))


def test_the_critical_index_of_spikes_over_a_flat_tail_is_their_number():
    assert min_norm.critical_index(spectrum("spiked", 1000, 5, 5.0), 100) == 5
    assert min_norm.leading_variance(spectrum("spiked", 1000, 5, 5.0), 100) == pytest.approx(0.05 + 100 / 995)


def test_an_exponential_spectrum_has_no_critical_index():
    values = spectrum("exponential", 400, 20, 1.0)
    assert min_norm.critical_index(values, 100) is None
    assert min_norm.leading_variance(values, 100) == np.inf


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [1.0, 0.0]])
def test_what_is_no_spectrum_is_an_error(values):
    with pytest.raises(ValueError, match="decreasing"):
        min_norm.effective_ranks(values)


def test_without_interpolation_there_is_no_effective_ridge():
    with pytest.raises(ValueError, match="0 < n < p"):
        min_norm.effective_ridge(np.ones(5), 5)


@pytest.mark.parametrize("name", SPECTRA)
def test_the_effective_ridge_solves_its_equation(name):
    values = spectrum(name, 400, 3, 2.0)
    ridge = min_norm.effective_ridge(values, 20)
    assert (values / (values + ridge)).sum() == pytest.approx(20, rel=1e-9)


def test_for_isotropic_data_the_deterministic_equivalent_is_the_limit_of_the_exact_risk():
    n, p = 1000, 3000
    assert min_norm.deterministic_variance(np.ones(p), n) == pytest.approx(n / (p - n))
    assert min_norm.isotropic_variance(n, p) == pytest.approx(n / (p - n), rel=1e-3)
    bias = min_norm.deterministic_bias(np.ones(p), n, np.append(1.0, np.zeros(p - 1)))
    assert bias == pytest.approx(min_norm.isotropic_bias(n, p), rel=1e-9)


@pytest.mark.parametrize(("name", "decay", "limit"), [("power", 2.0, 1.0), ("power", 3.0, 2.0)])
def test_a_power_law_s_variance_tends_to_its_exponent_less_one(name, decay, limit):
    assert min_norm.deterministic_variance(spectrum(name, 200_000, decay, 1.0), 500) == pytest.approx(limit, rel=0.02)


def test_an_exponential_spectrum_s_variance_is_n_over_tau_less_one():
    found = min_norm.deterministic_variance(spectrum("exponential", 4000, 20, 1.0), 400)
    assert found == pytest.approx(400 / 20 - 1, rel=0.01)


def test_the_next_order_of_the_leading_variance_is_within_twice_its_square():
    for p in (1000, 3000, 10_000, 100_000):
        values = spectrum("spiked", p, 5, 5.0)
        led = min_norm.leading_variance(values, 100)
        assert abs(min_norm.deterministic_variance(values, 100) - led) <= 2 * led**2


def test_the_isotropic_risk_is_infinite_at_the_threshold_only():
    found = min_norm.isotropic_variance(50, np.array([48, 49, 50, 51, 52]))
    assert list(np.isinf(found)) == [False, True, True, True, False]
    assert list(min_norm.isotropic_bias(50, np.array([25, 50, 100]))) == [0, 0, 0.5]


def test_the_isotropic_variance_is_that_of_simulated_points():
    rng = np.random.default_rng(1)
    for n, p in ((30, 20), (20, 40)):
        drawn = [(np.linalg.svd(rng.standard_normal((n, p)), compute_uv=False) ** -2.0).sum() for _ in range(1500)]
        assert abs(np.mean(drawn) - min_norm.isotropic_variance(n, p)) < 4.5 * np.std(drawn) / 1500**0.5


def test_the_tail_at_the_threshold_is_that_of_simulated_points():
    rng = np.random.default_rng(2)
    least = np.linalg.svd(rng.standard_normal((4000, 20, 20)), compute_uv=False)
    share = ((least**-2.0).sum(1) > 100 * 20).mean()
    expected = float(min_norm.threshold_survival(100))
    assert abs(share - expected) < 4.5 * (expected / 4000) ** 0.5
    assert min_norm.threshold_survival(1e8) == pytest.approx(1e-4, rel=1e-3)
