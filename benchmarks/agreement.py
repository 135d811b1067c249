"""Whether networks trained by us and by peers have the same robust test error, and why where they do not.

All are attacked by the same attack (ours) on the same test points. At W₀ f is 0 everywhere and has no gradient: an
attack that normalises it follows rounding errors. Where trainers are held against each other they therefore start from
W₁, one step without perturbation, which is what our engine does first; what the rounding errors do is measured apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats
import torch
from torch import Tensor

from benign.attack.evaluation import logistic_loss, worst_case
from benign.attack.inner import InnerMaximisation
from benign.experiments.noisy_clusters.draw import sample
from benign.nets.two_layer import output
from benign.stats import clopper_pearson
from benign.train.gradient_descent import Problem, train
from engine import CONTEXT, DenseData, paper_cell, single, trained
from peer_loops import LOOPS, dense_loop
from timing import Sizes

PGD = InnerMaximisation("pgd")
Trainer = Callable[[Problem, int], Tensor]


def ours(inner: InnerMaximisation) -> Trainer:
    """Our engine as a trainer."""
    return lambda problem, steps: trained(problem, steps, inner).weights[0]


def from_first_step(problem: Problem) -> Problem:
    """The problem from W₁."""
    return dataclasses.replace(problem, w0=trained(problem, 1, PGD).weights[0])


@torch.inference_mode()
def fooled(problem: Problem, w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Which test points (N,) the attack turns against their observed label."""
    return worst_case(x, y, w, problem.activation, problem.budget, until_fooled=True).margin <= 0


@torch.inference_mode()
def robust_train_loss(problem: Problem, w: Tensor) -> float:
    """As the pipeline measures it."""
    attacked = worst_case(problem.x, problem.y, w, problem.activation, problem.budget, iterations=100, tolerance=1e-6)
    return float(logistic_loss(attacked.margin).mean())


def side_by_side(data: DenseData) -> dict[str, dict[str, Any]]:
    """Final errors of our engine ("ours": as it is; "ours_pgd": with PGD-20) and of every peer, on given data.

    All train in the coordinates of the subspace reduction, where it is the same computation as in R^d.
    """
    q = data.basis()
    problem = from_first_step(data.problem(q))
    x, y = single(data.test_x @ q), single(data.test_labels.observed)
    trainers: dict[str, Trainer] = {"ours_pgd": ours(PGD), "ours": ours(InnerMaximisation()), **LOOPS}
    weights = {name: train(problem, data.cell.steps - 1) for name, train in trainers.items()}
    reference = weights["ours_pgd"]
    wrong = {name: fooled(problem, w, x, y) for name, w in weights.items()}
    result = {}
    for name, w in weights.items():
        count = int(wrong[name].sum())
        low, high = clopper_pearson(count, len(x))
        result[name] = {
            "robust_test_error": count / len(x),
            "robust_test_error_interval": [float(low), float(high)],
            "robust_train_loss": robust_train_loss(problem, w),
            "test_points_unlike_ours_pgd": int((wrong[name] != wrong["ours_pgd"]).sum()),
            "distance_to_ours_pgd": float(torch.linalg.norm(w - reference) / torch.linalg.norm(reference)),
        }
    return result


def inner_maxima(sizes: Sizes) -> list[dict[str, Any]]:
    """Our engine with its own inner maximum against the same engine with PGD-20, for two dimensions, over seeds.

    Differences are paired: same points, same start. `maxima_apart` is the share of training points, over 20 looks in
    the course of training, at which the two end in perturbations of the same network whose losses differ by over 1 %,
    and `ours_larger` in which share of these ours is the larger loss.
    """
    result = []
    for d in (sizes.small, sizes.d):
        compared = [compare_inner_maxima(sizes, d, seed) for seed in range(sizes.seeds)]
        apart = torch.cat([ratios for _, ratios in compared])
        apart = apart[(apart - 1).abs() > 0.01]
        error, loss = np.transpose([differences for differences, _ in compared])
        result.append(
            {
                "d": d,
                "width": sizes.narrow_width,
                "seeds": sizes.seeds,
                "ours_minus_pgd_robust_test_error": mean_with_interval(error),
                "ours_minus_pgd_robust_train_loss": mean_with_interval(loss),
                "maxima_apart": len(apart) / sum(len(ratios) for _, ratios in compared),
                "ours_larger": float((apart > 1).double().mean()) if len(apart) else None,
            }
        )
    return result


@torch.inference_mode()
def compare_inner_maxima(sizes: Sizes, d: int, seed: int) -> tuple[list[float], Tensor]:
    """Ours minus PGD: [robust test error, robust training loss]; and ratios of the losses at the perturbations."""
    cell = paper_cell(sizes, d=d, width=sizes.narrow_width, test_points=5 * sizes.test_points, seed=seed)
    drawn = sample(cell, CONTEXT)
    problem = drawn.problem
    ratios = []
    for snapshot in train([problem], [cell.steps * look // 20 for look in range(1, 21)], InnerMaximisation()):
        w = snapshot.weights[0]
        losses = [
            logistic_loss(problem.y * output(problem.x + delta, w, problem.activation))
            for delta in (snapshot.perturbation[0], trained(dataclasses.replace(problem, w0=w), 1, PGD).perturbation[0])
        ]
        ratios.append(losses[0] / losses[1])
    measured = [
        (
            float(fooled(problem, each, drawn.test_x, drawn.test_observed).double().mean()),
            robust_train_loss(problem, each),
        )
        for each in (w, trained(problem, cell.steps, PGD).weights[0])
    ]
    return [mine - theirs for mine, theirs in zip(*measured, strict=True)], torch.cat(ratios)


def first_step(sizes: Sizes) -> dict[str, Any]:
    """What rounding errors taken for a gradient at W₀ do: the dense loop in R^d from W₀ against our engine with PGD-20.

    From W₁ on these two are the same computation.
    """
    differences = []
    for seed in range(sizes.seeds // 2):
        data = DenseData.draw(paper_cell(sizes, d=sizes.small, width=sizes.narrow_width, seed=seed))
        q = data.basis()
        reduced, x, y = data.problem(q), single(data.test_x @ q), single(data.test_labels.observed)
        from_rounding = dense_loop(data.problem(), data.cell.steps) @ single(q)
        weights = (from_rounding, trained(reduced, data.cell.steps, PGD).weights[0])
        errors = [float(fooled(reduced, w, x, y).double().mean()) for w in weights]
        differences.append(errors[0] - errors[1])
    return {
        "d": sizes.small,
        "width": sizes.narrow_width,
        "seeds": len(differences),
        "rounding_minus_none_robust_test_error": mean_with_interval(np.array(differences)),
    }


def mean_with_interval(values: np.ndarray) -> dict[str, float]:
    """Mean over seeds of a paired difference, with Student's 95 % interval."""
    half = scipy.stats.sem(values) * scipy.stats.t.ppf(0.975, len(values) - 1)
    return {"mean": float(values.mean()), "low": float(values.mean() - half), "high": float(values.mean() + half)}
