"""Intervals cover what they promise and never leave their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest, sem, t

from benign.stats import bootstrap_mean, clopper_pearson, crossing, mean_intervals, student


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_clopper_pearson_covers_every_proportion_at_least_at_its_level(level: float) -> None:
    trials, proportions = 40, np.linspace(0.001, 0.999, 200)[:, None]
    low, high = clopper_pearson(np.arange(trials + 1), trials, level)
    covered = (low <= proportions) & (proportions <= high)
    coverage = (covered * binom.pmf(np.arange(trials + 1), trials, proportions)).sum(axis=1)
    assert coverage.min() >= level


@pytest.mark.parametrize("successes", [0, 1, 117, 1999, 2000])
def test_clopper_pearson_is_the_exact_interval(successes: int) -> None:
    exact = binomtest(successes, 2000).proportion_ci(0.95, method="exact")
    assert clopper_pearson(successes, 2000) == (pytest.approx(exact.low), pytest.approx(exact.high))


@pytest.mark.parametrize(("successes", "trials"), [(3, 2), (-1, 2), (0, 0), (float("nan"), 5)])
def test_impossible_counts_are_errors(successes: float, trials: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        clopper_pearson(successes, trials)


@pytest.mark.parametrize(("seeds", "least", "most"), [(3, 0.70, 0.80), (10, 0.87, 0.94), (30, 0.91, 0.96)])
def test_the_bootstrap_covers_nearly_its_level_and_less_with_few_seeds(seeds: int, least: float, most: float) -> None:
    low, high = bootstrap_mean(np.random.default_rng(0).standard_normal((seeds, 4000)))
    assert least < np.mean((low <= 0) & (high >= 0)) < most


def test_the_bootstrap_is_deterministic_and_contains_the_mean() -> None:
    values = np.random.default_rng(3).random((10, 7))
    low, high = bootstrap_mean(values)
    assert low.shape == high.shape == (7,)
    assert np.all((low <= values.mean(axis=0)) & (values.mean(axis=0) <= high))
    assert np.array_equal(bootstrap_mean(values), (low, high))
    assert not np.array_equal(bootstrap_mean(values, seed=1), (low, high))


def test_bounds_clip_the_interval() -> None:
    low, high = bootstrap_mean([-1.0, 2.0, 3.0], bounds=(0.0, 1.0))
    assert 0.0 <= low <= high <= 1.0


def test_one_seed_says_nothing_about_the_spread() -> None:
    assert np.all(np.isnan(bootstrap_mean([0.3], bounds=(0.0, 1.0))))


@pytest.mark.parametrize("values", [[], 0.3, [0.1, float("nan")]])
def test_values_that_cannot_be_averaged_are_errors(values: object) -> None:
    with pytest.raises(ValueError, match="values"):
        bootstrap_mean(values)  # type: ignore[arg-type]


def test_an_impossible_level_is_an_error() -> None:
    with pytest.raises(ValueError, match="level"):
        clopper_pearson(1, 2, level=95)
    with pytest.raises(ValueError, match="level"):
        bootstrap_mean([0.1, 0.2], level=0.0)


def test_a_curve_crosses_a_level_where_the_line_between_its_points_does() -> None:
    x, values = np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.4, 0.6])
    assert crossing(x, values, 0.5) == pytest.approx(1.5)
    assert np.isnan(crossing(x, values, 0.7))


@pytest.mark.parametrize(("level", "place"), [(0.1, 1.0), (0.05, np.nan)])
def test_a_curve_that_starts_above_a_level_crossed_it_before_and_at_zero_there(level: float, place: float) -> None:
    values = np.array([0.1, 0.4])
    assert crossing(np.array([1.0, 2.0]), values, level) == pytest.approx(place, nan_ok=True)
    assert crossing(np.array([0.0, 1.0]), values, level) == 0.0


def test_each_of_many_samples_has_student_s_interval_and_one_seed_none() -> None:
    rng = np.random.default_rng(0)
    samples = [rng.random(seeds) for seeds in (2, 3, 5, 10, 20)]
    low, high = mean_intervals([*samples, np.array([0.3])])
    for place, sample in enumerate(samples):
        exact = t.interval(0.95, len(sample) - 1, sample.mean(), sem(sample))
        assert [low[place], high[place]] == pytest.approx(exact)
    assert np.isnan([low[-1], high[-1]]).all()
    assert student(1) == np.inf


def test_many_samples_with_one_that_is_not_finite_are_an_error() -> None:
    with pytest.raises(ValueError, match="leave diverged cells out"):
        mean_intervals([np.array([0.1, 0.2]), np.array([0.1, np.nan])])
