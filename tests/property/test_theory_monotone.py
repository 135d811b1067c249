"""Monotonicities and orders of the theory that hold for every possible setting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benign.stats import bootstrap_mean, clopper_pearson
from benign.theory.mixture import gaussian
from benign.theory.mixture.two_group import trajectory

TIGHT = 1e-9  # of rounding; signals are at most 200 here
budgets = st.floats(0, 20)
signals = st.floats(0.01, 50)
flip_rates = st.floats(0, 0.5)
slopes = st.floats(0, 1)
points = st.integers(2, 500)
dimensions = st.integers(10, 10**9)


@given(budgets, st.floats(0, 10), st.floats(0, 10), flip_rates)
def test_a_larger_budget_never_lowers_and_better_alignment_never_raises_the_error(
    budget: float, rho: float, more: float, flip_rate: float
) -> None:
    error = gaussian.half_space_error(budget, rho, flip_rate)
    assert gaussian.half_space_error(budget + more, rho, flip_rate) >= error - TIGHT
    assert gaussian.half_space_error(budget, rho + more, flip_rate) <= error + TIGHT


@given(budgets, signals, st.floats(-1, 1), flip_rates)
def test_no_half_space_beats_the_floor_and_no_floor_exceeds_one_half(
    budget: float, signal: float, cosine: float, flip_rate: float
) -> None:
    floor = gaussian.robust_floor(budget, signal, flip_rate)
    assert floor <= gaussian.half_space_error(budget, cosine * signal, flip_rate) + TIGHT
    assert floor <= 0.5
    if budget >= signal:
        assert floor == 0.5


@given(budgets, signals, flip_rates)
def test_the_floor_with_flips_is_at_least_the_simple_bound(budget: float, signal: float, flip_rate: float) -> None:
    clean = gaussian.robust_floor(budget, signal)
    assert gaussian.robust_floor(budget, signal, flip_rate) >= flip_rate + (1 - 2 * flip_rate) * clean - TIGHT


@given(points, dimensions, signals, flip_rates, slopes)
def test_averaging_aligns_best_and_max_margin_loses_at_most_the_factor_one_plus_kappa_r(
    n: int, d: int, signal: float, flip_rate: float, slope: float
) -> None:
    averaging = gaussian.averaging_rho(n, d, signal, flip_rate)
    margin = gaussian.max_margin_rho(n, d, signal, flip_rate, slope)
    ratio = gaussian.signal_coupling(slope) * n * signal**2 / d
    assert averaging / (1 + ratio) - TIGHT <= margin <= averaging + TIGHT
    assert averaging <= signal + TIGHT


@given(points, dimensions, signals, flip_rates, slopes, slopes)
def test_more_nonlinear_networks_lose_less(
    n: int, d: int, signal: float, flip_rate: float, one: float, other: float
) -> None:
    nonlinear, linear = gaussian.max_margin_rho(n, d, signal, flip_rate, sorted([one, other]))
    assert nonlinear >= linear - TIGHT


@given(points, dimensions, signals, flip_rates, st.floats(1, 4))
def test_averaging_gains_from_points_and_signal_and_loses_from_dimension_and_flips(
    n: int, d: int, signal: float, flip_rate: float, more: float
) -> None:
    rho = gaussian.averaging_rho(n, d, signal, flip_rate)
    assert gaussian.averaging_rho(n * more, d, signal, flip_rate) >= rho - TIGHT
    assert gaussian.averaging_rho(n, d, signal * more, flip_rate) >= rho - TIGHT
    assert gaussian.averaging_rho(n, d * more, signal, flip_rate) <= rho + TIGHT
    assert gaussian.averaging_rho(n, d, signal, flip_rate / more) >= rho - TIGHT


@given(points, dimensions, signals, flip_rates, slopes, budgets, st.floats(0.01, 3))
def test_the_recursion_is_finite_and_its_alignment_never_exceeds_the_signal(
    n: int, d: int, signal: float, flip_rate: float, slope: float, budget: float, step_scale: float
) -> None:
    record = trajectory(n, d, signal, flip_rate, slope, budget, step_scale * n / (d + signal**2), 20)
    assert np.all(np.isfinite(record.robust_train_loss))
    assert np.all(np.abs(record.rho) <= signal + TIGHT)


@given(st.integers(1, 3000), st.floats(0, 1), st.floats(0.5, 0.99))
def test_a_proportions_interval_contains_it_stays_in_bounds_and_grows_with_the_level(
    trials: int, share: float, level: float
) -> None:
    successes = round(share * trials)
    low, high = clopper_pearson(successes, trials, level)
    wider_low, wider_high = clopper_pearson(successes, trials, level + 0.005)
    assert 0 <= wider_low <= low <= successes / trials <= high <= wider_high <= 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_a_bootstrap_interval_lies_within_the_values(values: list[float]) -> None:
    low, high = bootstrap_mean(values, resamples=200)
    assert min(values) - TIGHT <= low <= high <= max(values) + TIGHT
