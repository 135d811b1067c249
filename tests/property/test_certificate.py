"""Certificates are sound: against exact minima, against exhaustive search and against every attack."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from benign.attack.certificate import Relaxation, certify, conjugate
from benign.attack.evaluation import worst_case
from benign.attack.inner import InnerMaximisation
from benign.experiments.noisy_clusters.draw import sample
from benign.experiments.noisy_clusters.setting import USUAL, Setting
from benign.nets.two_layer import Activation, output
from benign.study import Context
from benign.train.gradient_descent import train

KINDS = st.sampled_from([("leaky_relu", 0.2, 1.0), ("smooth_leaky_relu", 0.2, 3.0), ("relu", 0.0, 1.0)])
PIECEWISE_LINEAR = st.sampled_from([("leaky_relu", 0.2, 1.0), ("relu", 0.0, 1.0)])
BUDGETS = st.floats(0.05, 2)
SEEDS = st.integers(0, 10_000)


def bracket(x, y, w, activation, budget):
    """(turned, possible), each (N,): an attack turns the first, no certificate protects the second."""
    turned = worst_case(x, y, w, activation, budget, until_fooled=True).margin <= 0
    left = certify(x[~turned], y[~turned], w, activation, budget)
    possible = turned.clone()
    possible[~turned] = ~left.robust
    turned[~turned] = left.turned
    return turned, possible


def network(seed: int, kind: tuple[str, float, float], n: int, m: int, k: int):
    rng = np.random.default_rng(seed)
    x, w = torch.tensor(rng.standard_normal((n, k))), torch.tensor(rng.standard_normal((m, k)))
    return x, torch.tensor(rng.choice([-1.0, 1.0], n)), w, Activation(*kind)


def ball(budget: float, k: int, count: int, seed: int) -> torch.Tensor:
    """Points of the ball, half of them on its sphere."""
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal((count, k))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = np.where(np.arange(count) % 2, 1.0, rng.random(count) ** (1 / k))
    return torch.tensor(budget * radius[:, None] * direction)


@given(SEEDS, PIECEWISE_LINEAR, BUDGETS)
@settings(max_examples=12)
def test_verdicts_agree_with_the_exact_minimum_over_all_activation_patterns(seed, kind, budget):
    x, y, w, activation = network(seed, kind, n=3, m=6, k=3)
    exact = [oracle.smallest_margin(x[i], float(y[i]), w, kind, budget) for i in range(len(x))]
    found = certify(x, y, w, activation, budget)
    assert all(margin > 0 for margin, robust in zip(exact, found.robust, strict=True) if robust)
    assert all(margin <= 1e-9 for margin, turned in zip(exact, found.turned, strict=True) if turned)


@given(SEEDS, KINDS, BUDGETS, st.sampled_from([2, 3]))
@settings(max_examples=40)
def test_exhaustive_search_finds_nothing_below_a_certificate(seed, kind, budget, k):
    x, y, w, activation = network(seed, kind, n=5, m=8, k=k)
    robust = certify(x, y, w, activation, budget).robust
    delta = ball(budget, k, 20_000, seed)
    for i in range(len(x)):
        smallest = (y[i] * output(x[i] + delta, w, activation)).min()
        assert not (robust[i] and smallest <= 0)


@given(SEEDS, KINDS, BUDGETS, st.integers(0, 3), st.floats(0.1, 1.0))
@settings(max_examples=60)
def test_a_bound_over_a_box_lies_below_every_margin_in_it(seed, kind, budget, directions, share):
    x, y, w, activation = network(seed, kind, n=4, m=8, k=4)
    relaxation = Relaxation(w, activation, budget, directions)
    rng = np.random.default_rng(seed)
    delta = ball(budget, 4, 2_000, seed)
    half = share * budget
    centre = torch.tensor(rng.uniform(-budget, budget, (4, relaxation.r)))
    bound, _, _ = relaxation.bound(x @ w.mT, y, centre, half, sweeps=3)
    for i in range(len(x)):
        inside = ((delta @ relaxation.e.mT - centre[i]).abs() <= half).all(1)
        if relaxation.nearest(centre[i : i + 1], half) < budget and inside.any():
            assert bound[i] <= (y[i] * output(x[i] + delta[inside], w, activation)).min() + 1e-12


@given(SEEDS, KINDS, BUDGETS)
@settings(max_examples=40)
def test_what_turns_a_point_is_a_perturbation_in_the_ball_that_turns_it(seed, kind, budget):
    x, y, w, activation = network(seed, kind, n=8, m=10, k=6)
    found = certify(x, y, w, activation, budget)
    assert (found.perturbation.norm(dim=1) <= budget * (1 + 1e-12)).all()
    assert (y * output(x + found.perturbation, w, activation))[found.turned].le(1e-12).all()
    assert not (found.robust & found.turned).any()


@given(SEEDS, KINDS, BUDGETS)
@settings(max_examples=40)
def test_no_attack_turns_a_robust_point_and_no_bracket_is_inverted(seed, kind, budget):
    x, y, w, activation = network(seed, kind, n=8, m=10, k=6)
    attacked = worst_case(x, y, w, activation, budget).margin <= 0
    assert not (attacked & certify(x, y, w, activation, budget).robust).any()
    turned, possible = bracket(x, y, w, activation, budget)
    assert not (turned & ~possible).any()
    assert not (attacked & ~turned).any()


@given(SEEDS, KINDS)
@settings(max_examples=20)
def test_branching_along_every_direction_leaves_hardly_a_point_undecided(seed, kind):
    x, y, w, activation = network(seed, kind, n=10, m=8, k=3)
    found = certify(x, y, w, activation, 0.5, directions=3, boxes=20_000)
    assert (found.robust | found.turned).sum() >= 9


def test_the_relaxation_of_a_linear_network_is_exact():
    x, y, w, _ = network(0, ("leaky_relu", 1.0, 1.0), n=50, m=8, k=5)
    activation = Activation("leaky_relu", 1.0)
    v = w[:4].sum(0) - w[4:].sum(0)
    margin = 8**-0.5 * (y * (x @ v) - 0.7 * v.norm())
    found = certify(x, y, w, activation, 0.7, directions=0)
    assert torch.equal(found.robust, margin > 0)
    assert torch.equal(found.turned, margin <= 0)


NOT_NUMBERS = [torch.nan, torch.inf, -torch.inf]


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_nothing_is_proved_of_what_is_no_number(value):
    x, y, w, activation = network(0, ("leaky_relu", 0.2, 1.0), n=8, m=10, k=6)
    assert certify(x, y, w, activation, 0.05).robust[3:6].any()
    x[3:6, 2] = value
    assert not certify(x, y, w, activation, 0.05).robust[3:6].any()


@pytest.mark.parametrize("directions", [0, 2])
@pytest.mark.parametrize("budget", [torch.nan, torch.inf])
def test_nothing_is_proved_at_a_budget_that_is_no_number(budget, directions):
    x, y, w, activation = network(0, ("leaky_relu", 0.2, 1.0), n=8, m=10, k=6)
    assert not certify(x, y, w, activation, budget, directions=directions).robust.any()


@given(SEEDS, KINDS)
@settings(max_examples=10, deadline=None)
def test_at_budget_0_the_robust_points_are_those_that_are_right(seed, kind):
    x, y, w, activation = network(seed, kind, n=20, m=8, k=4)
    right = y * output(x, w, activation) > 0
    found = certify(x, y, w, activation, 0.0)
    assert torch.equal(found.robust, right)
    assert torch.equal(found.turned, ~right)


@given(SEEDS, KINDS, BUDGETS, st.integers(-600, 600), st.integers(-400, 400))
@settings(max_examples=30, deadline=None)
def test_verdicts_do_not_depend_on_the_units_of_points_and_weights(seed, kind, budget, weights, points):
    """φ_H(cz) = c·φ_{cH}(z), and powers of 2 round nothing: neither do the squares of very large and small numbers."""
    x, y, w, activation = network(seed, kind, n=8, m=8, k=4)
    there = dataclasses.replace(activation, curvature=activation.curvature / 2.0 ** (weights + points))
    here = certify(x, y, w, activation, budget)
    other = certify(x * 2.0**points, y, w * 2.0**weights, there, budget * 2.0**points)
    assert torch.equal(here.robust, other.robust)
    assert torch.equal(here.turned, other.turned)
    assert torch.equal(here.perturbation * 2.0**points, other.perturbation)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e12])
@pytest.mark.parametrize("kind", ["leaky_relu", "smooth_leaky_relu"])
def test_at_slope_1_the_certificate_ends_at_the_exact_distance(kind, scale):
    x, y, w, _ = network(0, (kind, 1.0, 3.0), n=50, m=8, k=5)
    v = w[:4].sum(0) - w[4:].sum(0)
    distance = y * (x @ v) / v.norm()
    for share in (0.5, 0.99, 1.01, 11.0):
        budget = share * float(distance[distance > 0].median())
        found = certify(x, y, w * scale, Activation(kind, 1.0, 3.0), budget)
        assert torch.equal(found.robust, distance > budget)
        assert torch.equal(found.turned, distance <= budget)


def test_the_conjugate_is_the_largest_difference():
    t = torch.linspace(-5, 5, 200_001, dtype=torch.float64)
    kinds = [("leaky_relu", 0.2, 1.0), ("smooth_leaky_relu", 0.2, 3.0), ("smooth_leaky_relu", 1.0, 3.0)]
    for activation in (Activation(*kind) for kind in kinds):
        for s in (0.2, 0.5, 0.9, 1.0) if activation.slope < 1 else (1.0,):
            largest = (s * t - activation.value(t)).max()
            assert conjugate(activation, torch.tensor(s, dtype=torch.float64)) == pytest.approx(
                float(largest), abs=1e-8
            )


@pytest.mark.parametrize("activation", ["leaky_relu", "relu", "smooth_leaky_relu"])
def test_the_bracket_of_a_trained_network_is_narrow_and_every_split_of_the_work_agrees(activation):
    here = {**USUAL, "activation": activation, "d": 10_000, "signal": 8.0, "n": 50, "flip_rate": 0.1, "width": 200}
    setting = Setting(**here, steps=100, budget=2.0, test_points=100, seed=0)
    drawn = sample(setting, Context(study="adversarial_training"))
    *_, last = train([drawn.problem], [setting.steps], InnerMaximisation())
    points = (drawn.test_x, drawn.test_observed, last.weights[0], drawn.problem.activation, setting.budget)
    turned, possible = bracket(*points)
    assert (possible & ~turned).float().mean() <= 0.02
    plain, rough = certify(*points, directions=0), certify(*points)
    assert not (plain.robust & rough.turned).any()
    assert rough.robust.sum() >= plain.robust.sum()
