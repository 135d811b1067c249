"""Nearest interpolants and the asymptote of logistic descent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from benign.theory.geometry.hard_margin import hard_margin
from benign.theory.regression import implicit_bias
from benign.theory.regression.tangent_kernel import kernel_descent, relu_kernel


def points(n: int, p: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, p))


def test_from_zero_the_nearest_interpolant_is_the_pseudo_inverse_s():
    x, y = points(5, 12), points(1, 5, 1)[0]
    np.testing.assert_allclose(implicit_bias.nearest_interpolant(x, y, np.zeros(12)), np.linalg.pinv(x) @ y)


def test_the_nearest_interpolant_fits_and_moves_within_the_span_of_the_points():
    x, y, start = points(5, 12), points(1, 5, 1)[0], points(1, 12, 2)[0]
    found = implicit_bias.nearest_interpolant(x, y, start)
    np.testing.assert_allclose(x @ found, y)
    moved = found - start
    np.testing.assert_allclose(np.linalg.pinv(x) @ (x @ moved), moved)


def test_the_distance_of_descent_is_that_of_descent_written_out():
    x, y, start = points(5, 12), points(1, 5, 1)[0], points(1, 12, 2)[0]
    limit, w, step = implicit_bias.nearest_interpolant(x, y, start), start.copy(), 0.02
    for _ in range(30):
        w -= step * x.T @ (x @ w - y)
    expected = np.linalg.norm(w - limit) / np.linalg.norm(start - limit)
    assert implicit_bias.descent_distance(x, y, start, step, 30) == pytest.approx(expected, rel=1e-9)


def test_logistic_descent_ends_at_the_offset_where_support_vectors_span_all():
    a = points(6, 60)
    found = hard_margin(a)
    assert found is not None
    assert found.support.all()
    step = 4 * len(a) / np.linalg.norm(a, 2) ** 2
    offset = implicit_bias.logistic_offset(a, found, step)
    assert offset is not None
    w, steps = np.zeros(60), 20_000
    for _ in range(steps):
        w += step / len(a) * a.T @ expit(-(a @ w))
    assert np.linalg.norm(w - found.w * math.log(steps) - offset) < 1e-2 * np.linalg.norm(w)


def test_without_that_span_there_is_no_offset():
    a = np.array([[1.0, 0.0], [3.0, 2.0]])
    found = hard_margin(a)
    assert found is not None
    assert found.support.sum() == 1
    assert implicit_bias.logistic_offset(a, found, 0.1) is None


def test_the_tangent_is_that_of_the_angle_and_infinite_on_the_wrong_side():
    assert implicit_bias.tangent(np.array([1.0, 1.0]), np.array([2.0, 0.0])) == pytest.approx(1)
    assert implicit_bias.tangent(np.array([-1.0, 1.0]), np.array([2.0, 0.0])) == math.inf


def test_the_tangent_kernel_is_the_mean_over_many_neurons():
    x, z, w = points(3, 4), points(2, 4, 1), points(200_000, 4, 2)
    active_x, active_z = (x @ w.T > 0).astype(float), (z @ w.T > 0).astype(float)
    np.testing.assert_allclose(relu_kernel(x, z), (x @ z.T) * (active_x @ active_z.T) / len(w), atol=0.02)


def test_kernel_descent_fits_at_last_with_the_least_movement():
    kernel, y = relu_kernel(points(6, 8), points(6, 8)), points(1, 6, 1)[0]
    coefficients, movement = kernel_descent(kernel, y, 1 / np.linalg.norm(kernel, 2), 100_000)
    np.testing.assert_allclose(kernel @ coefficients, y, atol=1e-9)
    assert movement == pytest.approx(math.sqrt(y @ np.linalg.solve(kernel, y)))


def test_kernel_descent_is_gradient_descent_on_the_outputs():
    kernel, y = relu_kernel(points(6, 8), points(6, 8)), points(1, 6, 1)[0]
    step, outputs = 0.5 / np.linalg.norm(kernel, 2), np.zeros(6)
    for _ in range(7):
        outputs -= step * kernel @ (outputs - y)
    np.testing.assert_allclose(kernel @ kernel_descent(kernel, y, step, 7)[0], outputs)
