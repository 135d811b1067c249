"""Predictions for correlated noise and chosen flips, against the closed forms they extend and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from benign.data import clusters, departures
from benign.theory.mixture import gaussian
from benign.theory.mixture.departures import benign_ends, correlated_error, participation_ratio, worst_flips_factor

SETTING = {"n": 100, "d": 10_000, "signal": 8.0, "flip_rate": 0.1}


def test_independent_coordinates_give_the_half_space_of_the_closed_form():
    for budget in (0.0, 1.5, 4.0):
        assert correlated_error(budget, **SETTING, effective=10_000) == pytest.approx(
            float(gaussian.half_space_error(budget, gaussian.averaging_rho(**SETTING), 0.1))
        )
    weights = gaussian.max_margin_weights(**SETTING, slope=0.1)
    assert correlated_error(
        2.0, **SETTING, effective=10_000, lambda_c=weights[0], lambda_f=weights[1]
    ) == pytest.approx(float(gaussian.half_space_error(2.0, gaussian.max_margin_rho(**SETTING, slope=0.1), 0.1)))


def test_the_participation_ratio_is_d_without_correlation_and_1_for_one_direction():
    assert participation_ratio(np.ones(50)) == 50
    assert participation_ratio([0, 0, 3.0]) == 1
    assert participation_ratio(departures.spectrum("ar1", 0.9, 10_000)) == pytest.approx(10_000 * 0.19 / 1.81)
    with pytest.raises(ValueError, match="eigenvalues"):
        participation_ratio([1.0, -1.0])


@pytest.mark.parametrize(("covariance", "correlation"), [("ar1", 0.9), ("power_law", 0.5)])
def test_the_averaging_predictor_s_error_under_correlated_noise_is_the_predicted_one(covariance, correlation):
    """The exact error (§6) of sampled averaging predictors, in the mean over samples."""
    n, d, signal, budget = 100, 2000, 6.0, 1.0
    eigenvalues = departures.spectrum(covariance, correlation, d)
    errors = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        mean = signal / d**0.5 * rng.choice([-1.0, 1.0], d)
        clean = rng.choice([-1.0, 1.0], n)
        x = departures.correlated_points(clean, mean, eigenvalues, rng)
        v = departures.flip_exactly("exact", x, clean, mean, 0.1, rng) @ x
        reach, shift, deviation = budget * np.linalg.norm(v), v @ mean, np.sqrt((eigenvalues * v**2).sum())
        errors.append(gaussian.half_space_error(reach / deviation, shift / deviation, 0.1))
    predicted = correlated_error(budget, n, d, signal, 0.1, participation_ratio(eigenvalues))
    assert np.mean(errors) == pytest.approx(float(predicted), abs=0.01)


def test_the_flips_that_hurt_most_do_little_more_harm_than_predicted():
    """The prediction chooses by ỹ⟨μ, x⟩ alone, the greedy choice looks at the length of v, too."""
    ratios = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        clean = rng.choice([-1.0, 1.0], 100)
        mean = 8.0 * np.eye(1, 10_000)[0]
        x = clusters.dense(clusters.Labels(clean, clean), mean, "gaussian", rng)
        found = {}
        for flips in ("exact", "worst"):
            v = departures.flip_exactly(flips, x, clean, mean, 0.1, rng) @ x
            found[flips] = v @ mean / np.linalg.norm(v)
        ratios.append(found["worst"] / found["exact"])
    predicted = float(worst_flips_factor(100, 10_000, 8.0, 0.1))
    assert predicted - 0.02 < np.mean(ratios) < predicted + 0.005


def test_without_flips_there_is_nothing_to_choose():
    assert worst_flips_factor(100, 10_000, 8.0, 0.0) == 1


def test_at_the_end_of_the_benign_budgets_the_excess_is_what_was_allowed():
    end = benign_ends([4.3, 3.0], 0.1, 0.05)
    np.testing.assert_allclose(gaussian.half_space_error(end, [4.3, 3.0], 0.1), 0.15)
    assert benign_ends(0.5, 0.1, 0.05) == 0
