"""Risk of half-spaces under ℓ2 and ℓ∞ budgets against simulated points and against searched perturbations."""

from __future__ import annotations

import numpy as np
import pytest

from benign.theory.mixture import dual_norm, gaussian


@pytest.mark.parametrize(("norm", "order"), [("l2", 2.0), ("linf", np.inf)])
def test_no_perturbation_in_the_ball_lowers_the_score_by_more_than_the_dual_norm_and_one_attains_it(norm, order):
    generator = np.random.default_rng(0)
    v = generator.standard_normal(4)
    directions = generator.standard_normal((200_000, 4))
    directions /= np.linalg.norm(directions, ord=order, axis=1, keepdims=True)
    largest = (directions @ v).max()
    assert largest <= dual_norm.dual_norm(v, norm) + 1e-12
    # On a cube's surface random points seldom come near the best corner: signs are tried too.
    corners = np.sign(directions) if norm == "linf" else directions
    assert (corners @ v).max() == pytest.approx(dual_norm.dual_norm(v, norm), rel=1e-3)


@pytest.mark.parametrize(("norm", "budget"), [("l2", 0.0), ("l2", 0.8), ("linf", 0.3)])
def test_risk_is_that_of_a_million_attacked_points(norm, budget):
    generator, flip_rate = np.random.default_rng(1), 0.1
    mean, v = np.array([1.0, -0.5, 1.0]), np.array([2.0, 0.3, 1.0])
    clean = generator.choice([-1.0, 1.0], 1_000_000)
    observed = np.where(generator.random(clean.size) < flip_rate, -clean, clean)
    points = clean[:, None] * mean + generator.standard_normal((clean.size, 3))
    worst = np.sign(v) if norm == "linf" else v / np.linalg.norm(v)
    simulated = np.mean(observed * ((points - budget * observed[:, None] * worst) @ v) <= 0)
    predicted = dual_norm.risk(v, mean, budget, norm, flip_rate)
    assert abs(simulated - predicted) < 5 * np.sqrt(predicted * (1 - predicted) / clean.size)


def test_under_l2_the_risk_is_the_half_space_error_at_the_budget_itself():
    v, mean = np.array([1.0, 2.0]), np.array([0.5, 1.5])
    rho = mean @ v / np.linalg.norm(v)
    assert dual_norm.effective_budget(0.7, v, "l2") == pytest.approx(0.7, rel=1e-12)
    assert dual_norm.risk(v, mean, 0.7, "l2", 0.1) == pytest.approx(gaussian.half_space_error(0.7, rho, 0.1))


def test_the_effective_budget_of_l_infinity_lies_between_those_of_an_axis_and_of_the_diagonal():
    axis, diagonal = np.eye(1, 9)[0], np.ones(9)
    assert dual_norm.effective_budget(0.1, axis, "linf") == pytest.approx(0.1)
    assert dual_norm.effective_budget(0.1, diagonal, "linf") == pytest.approx(0.3)


def test_at_the_crossing_dimension_both_balls_cost_a_gaussian_direction_the_same():
    d = round(dual_norm.crossing_dimension(1.0, 0.01))
    assert dual_norm.crossing_dimension(0.1, 0.01) == pytest.approx(157.08, abs=0.01)
    v = np.random.default_rng(2).standard_normal(d)
    assert dual_norm.effective_budget(0.01, v, "linf") == pytest.approx(1.0, rel=0.02)


def test_a_zero_direction_and_an_unknown_norm_are_errors():
    with pytest.raises(ValueError, match="no direction"):
        dual_norm.risk(np.zeros(2), np.ones(2), 0.1, "l2")
    with pytest.raises(ValueError, match="choose one of l2, linf"):
        dual_norm.dual_norm(np.ones(2), "l1")
