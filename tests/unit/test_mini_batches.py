"""Mini-batch adversarial training is the full-batch engine when the batch is everything."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benign.attack.inner import InnerMaximisation
from benign.data import clusters
from benign.nets.two_layer import Activation, output, symmetric
from benign.train.gradient_descent import Problem, train, train_in_batches

KINDS = [("leaky_relu", 0.1, 1.0), ("smooth_leaky_relu", 0.3, 4.0), ("relu", 0.0, 1.0)]


def small_problem(kind: tuple[str, float, float], budget: float) -> Problem:
    rng = np.random.default_rng(3)
    labels = clusters.draw_labels(12, 0.2, rng)
    x = torch.tensor(clusters.dense(labels, 3.0 * np.eye(1, 60)[0], "gaussian", rng))
    w0 = symmetric(torch.tensor(0.05 * rng.standard_normal((5, 60))))
    return Problem("small", x, torch.tensor(labels.observed), w0, Activation(*kind), budget, 0.3)


@pytest.mark.parametrize("method", ["exact", "pgd"])
@pytest.mark.parametrize("budget", [0.0, 1.5])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_with_all_points_in_one_batch_it_is_full_batch_training(kind, budget, method):
    problem = small_problem(kind, budget)
    inner = InnerMaximisation(method, unchecked=0)  # a certificate at every step, as at every visit
    (full,) = train([problem], [25], inner)
    whole = train_in_batches(problem, 12, 25, inner, np.random.default_rng(0))
    torch.testing.assert_close(whole.weights, full.weights, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(whole.perturbation, full.perturbation, rtol=1e-7, atol=1e-9)


def test_a_pass_of_small_batches_visits_every_point_once():
    """From zero weights that hardly move, one pass adds what one full-batch step adds."""
    problem = small_problem(("leaky_relu", 1.0, 1.0), 0.0)
    tiny = Problem("tiny", problem.x, problem.y, problem.w0, problem.activation, 0.0, 1e-9)
    inner = InnerMaximisation()
    (full,) = train([tiny], [1], inner)
    small = train_in_batches(tiny, 5, 1, inner, np.random.default_rng(0))
    moved = full.weights[0] - tiny.w0
    torch.testing.assert_close(small.weights[0] - tiny.w0, moved, rtol=1e-5, atol=1e-14)


def test_single_points_fit_a_separable_sample_and_perturbations_stay_in_the_ball():
    problem = small_problem(KINDS[0], 0.7)
    found = train_in_batches(problem, 1, 60, InnerMaximisation(), np.random.default_rng(0))
    assert (problem.y * output(problem.x, found.weights[0], problem.activation) > 0).all()
    assert (found.perturbation.norm(dim=-1) <= 0.7 + 1e-9).all()


def test_an_impossible_batch_is_refused():
    with pytest.raises(ValueError, match="batch=13"):
        train_in_batches(small_problem(KINDS[0], 0.0), 13, 1, InnerMaximisation(), np.random.default_rng(0))
