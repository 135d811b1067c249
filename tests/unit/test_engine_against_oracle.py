"""The fast engine is the plain dense computation: same weights, losses and perturbations, for every activation."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

import oracle
from benign.attack.evaluation import worst_case
from benign.attack.inner import InnerMaximisation
from benign.data import clusters
from benign.nets.two_layer import Activation, output, symmetric
from benign.train import device, gradient_descent
from benign.train.gradient_descent import Problem, train
from benign.train.reduction import _by_gram_matrix, _by_qr, orthonormal_basis

KINDS = [("leaky_relu", 0.1, 1.0), ("smooth_leaky_relu", 0.3, 4.0), ("relu", 0.0, 1.0)]
D, N, M, STEPS, STEP_SIZE = 60, 7, 10, 25, 0.15


def small_problem(seed: int, budget: float, kind: tuple[str, float, float], n: int = N, m: int = M) -> Problem:
    """A dense problem in R^60 with weights large enough that the activations' bends are crossed."""
    rng = np.random.default_rng(seed)
    labels = clusters.draw_labels(n, 0.2, rng)
    x = clusters.dense(labels, 3.0 * np.eye(1, D)[0], "gaussian", rng)
    w0 = 0.05 * rng.standard_normal((m // 2, D))
    return Problem(
        "small",
        torch.tensor(x),
        torch.tensor(labels.observed),
        symmetric(torch.tensor(w0)),
        Activation(*kind),
        budget,
        STEP_SIZE,
    )


def unpaired(problem: Problem, positive: int | None) -> Problem:
    """The same with independent rows of W₀, and that many neurons of positive sign."""
    w0 = 0.05 * torch.tensor(np.random.default_rng(8).standard_normal(tuple(problem.w0.shape)))
    return dataclasses.replace(problem, w0=w0, positive=positive)


def in_coordinates(problem: Problem, q: torch.Tensor) -> Problem:
    return dataclasses.replace(problem, name="reduced", x=problem.x @ q, w0=problem.w0 @ q)


def in_single_precision(problem: Problem) -> Problem:
    x, y, w0 = (t.float() for t in (problem.x, problem.y, problem.w0))
    return dataclasses.replace(problem, name="single", x=x, y=y, w0=w0)


@pytest.fixture(params=["in batches", "one by one"])
def way(request, monkeypatch):
    """The two ways in which a CPU trains networks under attack: small ones in batches, large ones by themselves."""
    alone_from = 0 if request.param == "one by one" else math.inf
    monkeypatch.setattr(device, "CPU", dataclasses.replace(device.CPU, alone_from=alone_from))


def last(problems: list[Problem], inner: InnerMaximisation, steps: int = STEPS):
    return list(train(problems, [steps], inner))[-1]


@pytest.mark.parametrize(
    ("inner", "way"), [("exact", "in batches"), ("exact", "one by one"), ("pgd", "in batches")], indirect=["way"]
)
@pytest.mark.parametrize("budget", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_weights_and_perturbations_equal_the_oracles(kind, budget, inner, way):
    problem = small_problem(seed=3, budget=budget, kind=kind)
    w, delta = oracle.train(problem.x, problem.y, problem.w0, kind, budget, STEP_SIZE, STEPS, inner)
    fast = last([problem], InnerMaximisation(inner))
    torch.testing.assert_close(fast.weights[0], w, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(fast.perturbation[0], delta, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("inner", "positive", "way"),
    [("exact", None, "in batches"), ("exact", 3, "in batches"), ("exact", 3, "one by one"), ("pgd", M, "in batches")],
    indirect=["way"],
)
@pytest.mark.parametrize("budget", [0.0, 0.7])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_starts_without_pairs_and_signs_in_any_number_equal_the_oracles(kind, budget, inner, positive, way):
    """As the parents have them: rows of W₀ are independent, f(·; W₀) is not 0, and the adversary moves at once.

    In the coordinates of the span of the points and of all rows.
    """
    problem, steps = unpaired(small_problem(seed=3, budget=budget, kind=kind), positive), 8
    w, delta = oracle.train(problem.x, problem.y, problem.w0, kind, budget, STEP_SIZE, steps, inner, positive=positive)
    q = torch.tensor(orthonormal_basis(problem.x.numpy(), problem.w0.numpy()))
    fast = last([in_coordinates(problem, q)], InnerMaximisation(inner), steps)
    torch.testing.assert_close(fast.weights[0] @ q.T, w, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(fast.perturbation[0] @ q.T, delta, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("budget", [0.0, 0.2])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_steps_without_the_weights_equal_the_oracles(kind, budget, way):
    """Many steps lie between two checks of the gap, and without attacks all of them."""
    problem = small_problem(seed=0, budget=budget, kind=kind)
    w, delta = oracle.train(problem.x, problem.y, problem.w0, kind, budget, STEP_SIZE, 120, "exact")
    fast = last([problem], InnerMaximisation(), 120)
    assert fast.evaluations < 0.8
    torch.testing.assert_close(fast.weights[0], w, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(fast.perturbation[0], delta, rtol=1e-6, atol=1e-8)


def test_gradients_that_follow_the_slopes_that_change_equal_the_oracles(monkeypatch):
    """In a wide network a check updates SW for the few neurons whose slopes have changed since the last."""
    monkeypatch.setattr(device, "CPU", dataclasses.replace(device.CPU, alone_from=0))
    problem = small_problem(seed=1, budget=1.5, kind=KINDS[0], n=5, m=100)
    w, delta = oracle.train(problem.x, problem.y, problem.w0, KINDS[0], 1.5, STEP_SIZE, 20, "exact")
    changes = []
    followed = gradient_descent._Deferred._followed

    def counted(batch, slopes):
        changes.append(int((slopes != batch.seen).sum()))
        return followed(batch, slopes)

    monkeypatch.setattr(gradient_descent._Deferred, "_followed", counted)
    fast = last([problem], InnerMaximisation(), 20)
    few = sum(0 < change <= 5 * 100 // 100 for change in changes)
    assert few >= 3
    assert max(changes) > 5 * 100 // 100  # where many change, it is multiplied out
    torch.testing.assert_close(fast.weights[0], w, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(fast.perturbation[0], delta, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("budget", [0.0, 0.7])
def test_a_thousand_steps_in_single_precision_keep_its_digits(budget, way):
    """The smooth activation: without kinks, rounding is not amplified."""
    problem = small_problem(seed=5, budget=budget, kind=KINDS[1])
    double = last([problem], InnerMaximisation(), 1000).weights
    single = last([in_single_precision(problem)], InnerMaximisation(), 1000).weights
    assert torch.linalg.vector_norm(single - double) < 1e-5 * torch.linalg.vector_norm(double)


@pytest.mark.parametrize("budget", [0.0, 0.7])
def test_looking_at_a_training_leaves_it_as_it_is(budget, way):
    problem = small_problem(seed=4, budget=budget, kind=KINDS[0])
    (undisturbed,) = train([problem], [40], InnerMaximisation())
    *_, watched = train([problem], range(1, 41), InnerMaximisation())
    assert torch.equal(undisturbed.weights, watched.weights)
    assert torch.equal(undisturbed.perturbation, watched.perturbation)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_the_subspace_reduction_is_the_same_computation(kind, seed):
    problem = small_problem(seed, 1.5, kind)
    q = torch.tensor(orthonormal_basis(problem.x.numpy(), problem.w0[: M // 2].numpy()))
    assert q.shape == (D, N + M // 2)
    dense = last([problem], InnerMaximisation())
    reduced = last([in_coordinates(problem, q)], InnerMaximisation())
    torch.testing.assert_close(reduced.weights[0] @ q.T, dense.weights[0], rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(reduced.perturbation[0] @ q.T, dense.perturbation[0], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_attacks_on_fresh_points_may_be_projected_too(kind):
    problem = small_problem(1, 1.0, kind)
    rng = np.random.default_rng(9)
    labels = clusters.draw_labels(40, 0.0, rng)
    fresh = torch.tensor(clusters.dense(labels, 3.0 * np.eye(1, D)[0], "gaussian", rng))
    y = torch.tensor(labels.clean)
    q = torch.tensor(orthonormal_basis(problem.x.numpy(), problem.w0[: M // 2].numpy()))
    w = last([problem], InnerMaximisation()).weights[0]
    dense = worst_case(fresh, y, w, problem.activation, 1.0)
    reduced = worst_case(fresh @ q, y, w @ q, problem.activation, 1.0)
    torch.testing.assert_close(reduced.margin, dense.margin, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("nearness", [1.0, 1e-1, 1e-3, 1e-6, 1e-9])
def test_a_basis_is_orthonormal_and_spans_the_rows_however_close_they_are(nearness):
    """Far from orthogonal, rows are too much for their Gram matrix, and a QR decomposition is taken."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20, 200)) * 10.0 ** rng.integers(-4, 4, (20, 1))
    rows[-1] *= nearness * np.linalg.norm(rows[0]) / np.linalg.norm(rows[-1])
    rows[-1] += rows[0]
    q = orthonormal_basis(rows)
    assert q.shape == (200, 20)
    assert (_by_gram_matrix(rows) is None) == (nearness < 1e-2)
    np.testing.assert_allclose(q.T @ q, np.eye(20), atol=1e-11)
    np.testing.assert_allclose(rows @ q @ q.T, rows, atol=1e-11 * np.linalg.norm(rows, axis=1).max())


def test_the_basis_is_the_same_from_the_gram_matrix_and_from_a_qr_decomposition():
    rows = np.random.default_rng(1).standard_normal((20, 200))
    np.testing.assert_allclose(_by_gram_matrix(rows), _by_qr(rows), atol=1e-12)


def test_a_row_of_zeros_takes_no_gram_matrix_but_has_a_basis():
    rows = np.vstack([np.eye(3, 9), np.zeros(9)])
    np.testing.assert_allclose(rows @ orthonormal_basis(rows) @ orthonormal_basis(rows).T, rows, atol=1e-15)


def test_training_in_r_d_with_no_room_to_reduce_uses_r_d_itself():
    assert np.array_equal(orthonormal_basis(np.ones((9, 5))), np.eye(5))


def test_losses_equal_the_oracles():
    kind = KINDS[0]
    problem = small_problem(5, 1.0, kind)
    w = last([problem], InnerMaximisation()).weights[0]
    expected = torch.stack([oracle.f(x, w, kind) for x in problem.x])
    torch.testing.assert_close(output(problem.x, w, problem.activation), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_a_network_does_not_depend_on_its_batch_to_the_bit(kind, way):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        budgets = [0.5, 0.0, 1.0, 1.25, 0.0, 1.5]
        problems = [small_problem(seed, budget, kind) for seed, budget in enumerate(budgets)]
        problems += [unpaired(problem, positive) for problem, positive in zip(problems, (None, 3, 8), strict=False)]
        problems = [in_single_precision(problem) for problem in problems]
        for batch in (problems, [p for p in problems if p.budget], [p for p in problems if not p.budget]):
            together = last(batch, InnerMaximisation(), 60)
            for i, problem in enumerate(batch):
                alone = last([problem], InnerMaximisation(), 60)
                assert torch.equal(alone.weights[0], together.weights[i])
                assert torch.equal(alone.evaluations[0], together.evaluations[i])
    finally:
        torch.set_num_threads(threads)


def test_a_diverging_network_is_named_and_leaves_the_others_alone():
    good = small_problem(0, 0.5, KINDS[1])
    bad = Problem("bad", good.x * 1e200, good.y, good.w0, good.activation, good.budget, 1e200)
    both = last([good, bad], InnerMaximisation())
    assert both.finite.tolist() == [True, False]
    torch.testing.assert_close(both.weights[0], last([good], InnerMaximisation()).weights[0])


def test_problems_of_different_shapes_cannot_be_batched():
    a, b = small_problem(0, 0.5, KINDS[0]), small_problem(0, 0.5, KINDS[1])
    with pytest.raises(ValueError, match=r"batch them by Problem\.shape"):
        last([a, b], InnerMaximisation())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_activation_and_derivative_agree_with_autograd(kind):
    z = torch.linspace(-3, 3, 301, dtype=torch.float64).requires_grad_()
    activation = Activation(*kind)
    torch.testing.assert_close(activation.value(z), oracle.phi(z, *kind))
    (expected,) = torch.autograd.grad(oracle.phi(z, *kind).sum(), z)
    torch.testing.assert_close(activation.derivative(z.detach()), expected)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_outputs_from_the_slopes_are_the_activations(kind):
    z = torch.linspace(-3, 3, 302, dtype=torch.float64).reshape(2, 151)
    a = torch.linspace(-1, 1, 151, dtype=torch.float64)
    activation = Activation(*kind)
    found = activation.combined(z, activation.scaled_derivative(z, a), a)
    torch.testing.assert_close(found[:, 0], oracle.phi(z, *kind) @ a, rtol=1e-12, atol=1e-12)


def on_meta(problem: Problem) -> Problem:
    x, y, w0 = (t.float().to("meta") for t in (problem.x, problem.y, problem.w0))
    return dataclasses.replace(problem, name="meta", x=x, y=y, w0=w0)


@pytest.mark.parametrize("budget", [0.0, 1.0])
@pytest.mark.parametrize("inner", ["exact", "pgd"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_off_the_cpu_a_step_asks_the_device_nothing_and_keeps_its_tensors_there(kind, inner, budget):
    """Tensors on "meta" have shapes and a place but no values: any synchronisation inside the loop would raise."""
    batch = [on_meta(small_problem(seed, budget, kind)) for seed in range(3)]
    (snapshot,) = train(batch, [4], InnerMaximisation(inner))
    assert snapshot.weights.shape == (3, M, D)
    assert snapshot.perturbation.shape == (3, N, D)
    assert {t.device.type for t in (snapshot.weights, snapshot.perturbation, snapshot.gap, snapshot.finite)} == {"meta"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_never_asking_gives_what_asking_gives(kind, monkeypatch):
    """A GPU makes every evaluation; those that a CPU leaves out in a batch change nothing."""
    problem = small_problem(2, 1.0, kind)
    asked = last([problem], InnerMaximisation())
    monkeypatch.setattr(gradient_descent._Batch, "_worthwhile", lambda self, wanted: True)
    unasked = last([problem], InnerMaximisation())
    assert torch.equal(asked.weights, unasked.weights)
    assert torch.equal(asked.evaluations, unasked.evaluations)
