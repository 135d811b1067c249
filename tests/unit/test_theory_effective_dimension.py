"""Effective dimension, and the closed forms of double descent against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from benign.theory.regression.effective_dimension import (
    double_descent_error,
    effective_dimension,
    least_squares_error,
    min_norm_error,
    posterior_effective_dimension,
)


def simulated(n: int, d: int, trials: int) -> tuple[float, float]:
    """Mean squared error, exact over test points, of the least-norm least squares solution; and its standard error."""
    rng, errors = np.random.default_rng(d), []
    for _ in range(trials):
        y = rng.standard_normal(n)
        w = np.linalg.lstsq(y[:, None] + rng.standard_normal((n, d)), y, rcond=None)[0]
        errors.append((1 - w.sum()) ** 2 + w @ w)  # the residual (1 - Σw)y - Σ w_j z_j of a fresh point
    return float(np.mean(errors)), float(np.std(errors) / trials**0.5)


@pytest.mark.parametrize("d", [1, 5, 20, 30])
def test_least_squares_below_the_threshold_is_exact(d: int) -> None:
    mean, error = simulated(40, d, 1500)
    assert least_squares_error(40, d) == pytest.approx(mean, abs=4 * error)


@pytest.mark.parametrize("d", [260, 320, 400])
def test_least_norm_above_the_threshold_is_right_to_leading_order(d: int) -> None:
    mean, error = simulated(200, d, 60)
    assert min_norm_error(200, d) == pytest.approx(mean, abs=4 * error, rel=0.05)


def test_the_curve_has_both_branches_and_none_at_the_threshold() -> None:
    curve = double_descent_error(50, [10, 49, 50, 52, 80])
    assert np.isnan(curve).tolist() == [False, True, True, True, False]


def test_effective_dimension_counts_directions_far_above_the_ridge() -> None:
    assert effective_dimension([1e9, 1e9, 1e-9], 1.0) == pytest.approx(2)
    assert posterior_effective_dimension([1e9, 1e9, 1e-9], 1.0) == pytest.approx(1)


def test_effective_dimension_is_the_trace_of_the_ridge_smoother() -> None:
    x = np.random.default_rng(0).standard_normal((12, 5))
    smoother = x @ np.linalg.solve(x.T @ x + 0.7 * np.eye(5), x.T)
    assert effective_dimension(np.linalg.eigvalsh(x.T @ x), 0.7) == pytest.approx(np.trace(smoother))


@pytest.mark.parametrize("values", [([1.0], 0.0), ([-1.0], 1.0)])
def test_impossible_values_are_refused(values) -> None:
    with pytest.raises(ValueError, match="above 0"):
        effective_dimension(*values)
