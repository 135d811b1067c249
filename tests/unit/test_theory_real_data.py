"""Closed forms for correlated noise and for conflicting points, against simulation, brute force and the white case."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benign.theory.geometry import separation
from benign.theory.mixture import correlated, gaussian

RNG = np.random.default_rng(0)


def classes(d: int = 6) -> correlated.Moments:
    factors = RNG.standard_normal((2, d, d)) / d**0.5
    return correlated.Moments(RNG.standard_normal(d), factors @ factors.swapaxes(1, 2) + 0.1 * np.eye(d))


def test_white_noise_gives_the_white_closed_forms():
    white = correlated.Moments(np.eye(1, 400)[0] * 5.0, np.stack([np.eye(400)] * 2))
    rho, deviations = correlated.averaging(50, 0.1, white)
    assert rho == pytest.approx(float(gaussian.averaging_rho(50, 400, 5.0, 0.1)))
    assert deviations == pytest.approx(1.0, abs=0.01)
    error = correlated.two_class_error(2.0, 3.0, np.ones(2), 0.1)
    assert error == pytest.approx(float(gaussian.half_space_error(2.0, 3.0, 0.1)))


def test_a_half_space_s_error_is_what_points_with_each_class_s_covariance_show():
    found, v = classes(), RNG.standard_normal(6)
    rho, deviations = correlated.along(v, found)
    errors = []
    for sign, covariance in zip((1, -1), found.covariances, strict=True):
        x = RNG.multivariate_normal(sign * found.mean, covariance, 100_000)
        errors.append((sign * (x @ v) / np.linalg.norm(v) <= 0.3).mean())
    assert correlated.two_class_error(0.3, rho, deviations) == pytest.approx(np.mean(errors), abs=0.005)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_no_direction_is_more_robust_than_the_best_one(share):
    found = classes()
    found = correlated.Moments(found.mean, np.stack([found.pooled] * 2))
    budget = share * found.signal
    best = correlated.two_class_error(budget, *correlated.along(correlated.best_direction(budget, found), found))
    for v in np.concatenate([RNG.standard_normal((500, 6)), [found.mean]]):
        assert best <= correlated.two_class_error(budget, *correlated.along(v, found)) + 1e-9


def test_the_least_robust_training_error_is_that_of_the_best_assignment():
    for _ in range(20):
        x, y = RNG.standard_normal((8, 2)), RNG.choice([-1.0, 1.0], 8)
        distances = separation.opposite_distances(x, y)
        conflicts = [
            (i, j)
            for i, j in itertools.product(range(8), range(8))
            if y[i] > 0 > y[j] and np.linalg.norm(x[i] - x[j]) <= 1.0
        ]
        covers = (
            sum(given_up)
            for given_up in itertools.product([0, 1], repeat=8)
            if all(given_up[i] or given_up[j] for i, j in conflicts)
        )
        assert separation.least_robust_error(distances, 0.5) == pytest.approx(min(covers) / 8)
        assert (separation.separation(distances) <= 0.5) == bool(conflicts)
