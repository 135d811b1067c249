"""What any ℓ2 attack must satisfy, on random networks, points and budgets."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from benign.attack import evaluation
from benign.attack.certificate import certify
from benign.attack.evaluation import mean_input_gradient, relaxed_margin, worst_case
from benign.attack.inner import InnerMaximisation, lengths, project, relative_gap, unit
from benign.data import clusters
from benign.nets.two_layer import Activation, outer_weights, output, symmetric
from benign.train.gradient_descent import Problem, train

KINDS = st.sampled_from([("leaky_relu", 0.2, 1.0), ("smooth_leaky_relu", 0.2, 3.0), ("relu", 0.0, 1.0)])
BUDGETS = st.one_of(st.just(0.0), st.floats(1e-6, 5))
SEEDS = st.integers(0, 10_000)


def network(seed: int, kind: tuple[str, float, float], n: int = 9, m: int = 8, k: int = 6):
    rng = np.random.default_rng(seed)
    x, w = torch.tensor(rng.standard_normal((n, k))), torch.tensor(rng.standard_normal((m, k)))
    return x, torch.tensor(rng.choice([-1.0, 1.0], n)), w, Activation(*kind)


@given(SEEDS, KINDS, BUDGETS)
@settings(max_examples=60)
def test_perturbations_never_leave_the_ball_and_margins_are_what_they_say(seed, kind, budget):
    x, y, w, activation = network(seed, kind)
    found = worst_case(x, y, w, activation, budget)
    assert (found.perturbation.norm(dim=1) <= budget * (1 + 1e-12)).all()
    torch.testing.assert_close(found.margin, y * output(x + found.perturbation, w, activation))


@given(SEEDS, KINDS, BUDGETS)
@settings(max_examples=60)
def test_the_attacked_margin_is_never_above_the_clean_one(seed, kind, budget):
    x, y, w, activation = network(seed, kind)
    assert (worst_case(x, y, w, activation, budget).margin <= y * output(x, w, activation) + 1e-12).all()


@given(SEEDS, KINDS)
@settings(max_examples=30)
def test_a_zero_budget_is_the_identity(seed, kind):
    x, y, w, activation = network(seed, kind)
    found = worst_case(x, y, w, activation, 0.0)
    assert not found.perturbation.any()
    assert torch.equal(found.margin, worst_case(x, y, w, activation, 0.0).margin)


@given(SEEDS, KINDS, BUDGETS)
@settings(max_examples=30)
def test_more_iterations_are_never_weaker(seed, kind, budget):
    x, y, w, activation = network(seed, kind)
    margins = [worst_case(x, y, w, activation, budget, iterations=i, tolerance=0.0).margin for i in (1, 5, 20, 40)]
    assert all((later <= earlier).all() for earlier, later in itertools.pairwise(margins))


@given(SEEDS, BUDGETS)
@settings(max_examples=40)
def test_on_a_linear_model_the_attack_is_the_closed_form(seed, budget):
    x, y, w, activation = network(seed, ("leaky_relu", 1.0, 1.0))
    v = outer_weights(len(w)) @ w
    found = worst_case(x, y, w, activation, budget)
    torch.testing.assert_close(found.margin, y * (x @ v) - budget * v.norm(), rtol=1e-9, atol=1e-9)
    assert found.gap.max() < 1e-9


@given(SEEDS, KINDS, st.floats(0.1, 3))
@settings(max_examples=30)
def test_counting_errors_stops_early_but_counts_the_same(seed, kind, budget):
    x, y, w, activation = network(seed, kind, n=30)
    deep = worst_case(x, y, w, activation, budget)
    quick = worst_case(x, y, w, activation, budget, until_fooled=True)
    assert torch.equal(deep.margin <= 0, quick.margin <= 0)


@given(SEEDS, KINDS, st.floats(0.01, 3))
@settings(max_examples=60)
def test_no_attack_gets_below_the_relaxed_margin(seed, kind, budget):
    x, y, w, activation = network(seed, kind, n=30)
    clean, lower = relaxed_margin(x, y, w, activation, budget)
    torch.testing.assert_close(clean, y * output(x, w, activation))
    assert (lower <= worst_case(x, y, w, activation, budget).margin).all()


@given(SEEDS, st.sampled_from([("leaky_relu", 0.2, 1.0), ("relu", 0.0, 1.0)]), BUDGETS, st.integers(0, 8))
@settings(max_examples=40)
def test_signs_in_any_number_are_those_of_a_network_with_neurons_added_that_do_nothing(seed, kind, budget, positive):
    """Weights of 0 fill either sign up to as many as there are of the other; 1/√m is then another."""
    x, y, w, activation = network(seed, kind)
    half = max(positive, 8 - positive)
    filled = torch.zeros(2 * half, w.shape[1], dtype=w.dtype)
    filled[:positive], filled[half : half + 8 - positive] = w[:positive], w[positive:]
    filled *= (2 * half / 8) ** 0.5
    here = worst_case(x, y, w, activation, budget, positive=positive)
    there = worst_case(x, y, filled, activation, budget)
    torch.testing.assert_close(here.margin, there.margin)
    torch.testing.assert_close(
        relaxed_margin(x, y, w, activation, budget, positive), relaxed_margin(x, y, filled, activation, budget)
    )
    torch.testing.assert_close(
        mean_input_gradient(x, w, activation, positive), mean_input_gradient(x, filled, activation)
    )
    torch.testing.assert_close(output(x, w, activation, positive), output(x, filled, activation))
    if budget:
        certificates = (
            certify(x, y, w, activation, budget, positive=positive),
            certify(x, y, filled, activation, budget),
        )
        assert all(torch.equal(*(getattr(each, name) for each in certificates)) for name in ("robust", "turned"))


@given(SEEDS, st.sampled_from([("leaky_relu", 0.2, 1.0), ("relu", 0.0, 1.0)]), st.floats(0.01, 1))
@settings(max_examples=10)
def test_the_relaxed_margin_is_below_the_smallest_one_of_all_linear_pieces(seed, kind, budget):
    x, y, w, activation = network(seed, kind, n=3, m=4, k=3)
    _, lower = relaxed_margin(x, y, w, activation, budget)
    for i in range(3):
        assert lower[i] <= oracle.smallest_margin(x[i], float(y[i]), w, kind, budget) + 1e-12


@given(SEEDS, BUDGETS)
@settings(max_examples=40)
def test_on_a_linear_model_the_relaxation_is_tight(seed, budget):
    x, y, w, activation = network(seed, ("leaky_relu", 1.0, 1.0))
    v = outer_weights(len(w)) @ w
    torch.testing.assert_close(
        relaxed_margin(x, y, w, activation, budget)[1], y * (x @ v) - budget * v.norm(), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("d", [60, 10_000])
@pytest.mark.parametrize("kind", [("leaky_relu", 0.1, 1.0), ("smooth_leaky_relu", 0.1, 1.0), ("relu", 0.0, 1.0)])
def test_certified_points_are_those_that_no_attack_would_have_turned(kind, d):
    """On trained networks in single precision: the same errors with the relaxation and without."""
    rng = np.random.default_rng(0)
    n, m, budget, signal = 40, 60, 1.5, 5.0
    k = clusters.subspace_dimension(d, n + m // 2)
    labels, test = clusters.draw_labels(n, 0.1, rng), clusters.draw_labels(600, 0.1, rng)
    x, test_x, y, test_y = (
        torch.tensor(each, dtype=torch.float32)
        for each in (
            clusters.points_in_law(labels, d, signal, k, rng),
            clusters.fresh_points_in_law(test, signal, k, rng),
            labels.observed,
            test.observed,
        )
    )
    w0 = torch.tensor(clusters.noise_in_law(d, n, m // 2, k, rng) * 1e-3 / d**0.5, dtype=torch.float32)
    problem = Problem("p", x, y, symmetric(w0), Activation(*kind), budget, 2 * n / (d + signal**2))
    (snapshot,) = train([problem], [200], InnerMaximisation())
    attacked = functools.partial(
        worst_case, test_x, test_y, snapshot.weights[0], problem.activation, budget, until_fooled=True
    )
    relaxed = attacked()
    certified = relaxed_margin(test_x, test_y, snapshot.weights[0], problem.activation, budget)[1] > 0
    assert 0.02 < certified.double().mean() < 1
    assert torch.equal(relaxed.margin <= 0, attacked(screened=False).margin <= 0)


def test_an_attack_that_is_not_screened_asks_no_relaxation(monkeypatch):
    x, y, w, activation = network(0, ("relu", 0.0, 1.0), n=30)
    attacked = functools.partial(worst_case, x, y, w, activation, 1.0, until_fooled=True)
    found = attacked().margin <= 0
    # A relaxation that is certain of everything.
    monkeypatch.setattr(evaluation, "relaxed_margin", lambda x, *_: (torch.inf * x[:, 0].abs(),) * 2)
    assert not (attacked().margin <= 0).any()
    assert torch.equal(attacked(screened=False).margin <= 0, found)
    assert found.any()


@given(SEEDS, KINDS, st.floats(0.1, 3))
@settings(max_examples=30)
def test_a_closed_gap_certifies_a_stationary_point(seed, kind, budget):
    x, y, w, activation = network(seed, kind)
    found = worst_case(x, y, w, activation, budget, iterations=200, tolerance=1e-8)
    closed = found.gap <= 1e-8
    attacked = (x + found.perturbation).requires_grad_()
    (g,) = torch.autograd.grad(-(y * output(attacked, w, activation)).sum(), attacked)
    slack = budget * g.norm(dim=1) - (g * found.perturbation).sum(1)
    assert (slack[closed] <= 1e-6 * budget * g.norm(dim=1)[closed].clamp_min(1e-9)).all()


@given(SEEDS, BUDGETS)
@settings(max_examples=40)
def test_projection_is_onto_the_ball_and_leaves_its_inside_alone(seed, budget):
    rng = np.random.default_rng(seed)
    delta = torch.tensor(rng.standard_normal((5, 4)))
    projected = project(delta, budget)
    assert (projected.norm(dim=1) <= budget * (1 + 1e-12)).all()
    inside = delta.norm(dim=1) <= budget
    assert torch.equal(projected[inside], delta[inside])


def test_no_direction_means_no_gap():
    zero = torch.zeros(1, 2, 3)
    assert not relative_gap(unit(zero, lengths(zero)), zero, 1.0).any()


SCALES = st.integers(-120, 120).map(lambda power: 2.0**power)


@given(SEEDS, KINDS, SCALES)
@settings(max_examples=60, deadline=None)
def test_what_the_attack_finds_does_not_depend_on_the_scale_of_the_weights(seed, kind, scale):
    """In single precision, whose squares end at 1e19: φ_H(cz) = c·φ_{cH}(z), and powers of 2 round nothing."""
    x, y, w, activation = network(seed, kind, n=30)
    x, y, w = x.float(), y.float(), w.float()
    there = dataclasses.replace(activation, curvature=activation.curvature / scale)
    for until_fooled in (False, True):
        found = worst_case(x, y, w, activation, 0.7, until_fooled=until_fooled)
        scaled = worst_case(x, y, w * scale, there, 0.7, until_fooled=until_fooled)
        # Bits apart, for outside the range of squares a length is found in another order.
        torch.testing.assert_close(scaled.margin / scale, found.margin, rtol=1e-3, atol=1e-3)
        assert not scaled.vanished.any()


@given(SEEDS, KINDS, SCALES)
@settings(max_examples=60, deadline=None)
def test_lengths_are_right_at_every_scale_and_directions_are_unit(seed, kind, scale):
    v = network(seed, kind, n=4)[0].float()
    torch.testing.assert_close(lengths(v * scale), v.norm(dim=1, keepdim=True) * scale)
    torch.testing.assert_close(unit(v * scale, lengths(v * scale)), v / v.norm(dim=1, keepdim=True))
    assert torch.equal(lengths(v), torch.linalg.vector_norm(v, dim=1, keepdim=True)), "usual lengths, to the bit"
    torch.testing.assert_close(project(v * scale, 0.5 * scale), project(v, 0.5) * scale)


@pytest.mark.parametrize("scale", [1e-37, 1e-32, 1e-12, 1.0, 1e12, 1e30])
def test_a_relaxed_margin_is_a_bound_at_every_scale_of_the_weights(scale):
    x, y, w, activation = network(1, ("leaky_relu", 0.2, 1.0), n=200)
    wrong = worst_case(x, y, w, activation, 0.5).margin <= 0
    _, lower = relaxed_margin(x.float(), y.float(), w.float() * scale, activation, 0.5)
    assert (lower > 0).double().mean() > 0.1
    assert not (wrong & (lower > 0)).any()


def test_the_attack_says_where_its_gradient_is_within_the_roundings_of_the_weights():
    """Weights that cancel but for a billionth: f = 2aε⟨e₂, x⟩ near x₁ = 0. The attack follows it all the same."""
    w = torch.tensor([[1.0, 1e-9], [1.0, -1e-9]])
    x, y = torch.tensor([[1e-3, 1.0], [1e-3, -1.0]]), torch.tensor([1.0, 1.0])
    found = worst_case(x, y, w, Activation("leaky_relu", 0.5), 2.0)
    assert found.vanished.tolist() == [True, False], "the second is an error as it stands"
    assert (found.margin <= 0).all()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_point_that_is_no_number_is_not_robust(value):
    x, y, w, activation = network(0, ("leaky_relu", 0.2, 1.0))
    x[3, 1] = value
    for until_fooled in (False, True):
        found = worst_case(x, y, w, activation, 0.5, until_fooled=until_fooled)
        assert not found.margin[3] > 0
        assert found.vanished[3] or found.margin[3] <= 0


@given(SEEDS, KINDS, st.sampled_from(["exact", "pgd"]))
@settings(max_examples=20)
def test_training_keeps_perturbations_in_the_ball_and_leaves_its_inputs_alone(seed, kind, inner):
    x, y, w, activation = network(seed, kind)
    problem = Problem("p", x, y, w, activation, 0.8, 0.3)
    before = [t.clone() for t in (x, y, w)]
    (snapshot,) = train([problem], [5], InnerMaximisation(inner))
    assert (snapshot.perturbation.norm(dim=-1) <= 0.8 * (1 + 1e-12)).all()
    assert all(torch.equal(a, b) for a, b in zip(before, (x, y, w), strict=True))
    assert w.grad is None
    assert not w.requires_grad


def training(x_scale: float, step: float) -> Problem:
    """Points beside initial weights that are orthogonal to them, as in high dimension, in single precision."""
    rng = np.random.default_rng(0)
    x = np.concatenate([x_scale * rng.standard_normal((6, 4)), np.zeros((6, 4))], 1)
    half = np.concatenate([np.zeros((5, 4)), rng.standard_normal((5, 4))], 1)
    points, weights, y = (torch.tensor(each, dtype=torch.float32) for each in (x, half, rng.choice([-1.0, 1.0], 6)))
    return Problem("p", points, y, symmetric(weights), Activation("leaky_relu", 0.2), 0.5 * x_scale, step)


@pytest.mark.parametrize("inner", ["exact", "pgd"])
def test_training_is_adversarial_however_little_has_been_learned_beside_the_initial_weights(inner):
    for step in (1e-1, 1e-9):
        problem = training(1.0, step)
        (snapshot,) = train([problem], [3], InnerMaximisation(inner))
        assert (snapshot.perturbation[0].norm(dim=1) > 0.8 * problem.budget).all()


def test_training_at_which_outputs_leave_the_range_of_numbers_has_diverged():
    (sound,) = train([training(1.0, 1.0)], [3], InnerMaximisation())
    (beyond,) = train([training(1e18, 1e4)], [3], InnerMaximisation())
    assert sound.finite.all()
    assert beyond.weights.isfinite().all()
    assert not beyond.finite.any()
