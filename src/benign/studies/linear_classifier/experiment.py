"""Trains the linear classifiers, measures their risks on fresh points and holds them against the closed forms."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from benign import seeds
from benign import study as base
from benign.data import clusters
from benign.studies.linear_classifier.grid import Cell
from benign.theory.geometry.hard_margin import multipliers
from benign.theory.mixture import gaussian
from benign.theory.mixture.dual_norm import effective_budget, risk
from benign.train import linear
from benign.train.linear import Array


@dataclasses.dataclass(frozen=True)
class Sample:
    """signed (n, d) training points y_i x_i, the share of flipped ones, μ (d,), fresh points and observed labels."""

    signed: Array
    flipped: float
    mean: Array
    test_x: Array
    test_y: Array


def sample(cell: Cell, study: str) -> Sample:
    """The points of a cell's group; cells that differ in s alone have the same noise and labels."""
    signal = float(cell.d) ** cell.exponent
    same = {"d": cell.d, "n": cell.n, "sampling": cell.sampling}
    labels = clusters.draw_labels(cell.n, cell.flip_rate, seeds.generator(study, "labels", cell.seed, n=cell.n))
    fresh = clusters.draw_labels(cell.test_points, cell.flip_rate, seeds.generator(study, "test labels", cell.seed))
    points, tests = (seeds.generator(study, role, cell.seed, **same) for role in ("points", "test points"))
    if cell.sampling == "in_law":
        k = clusters.subspace_dimension(cell.d, cell.n)
        mean = np.zeros(k)
        mean[0] = signal
        x = clusters.points_in_law(labels, cell.d, signal, k, points)
        test_x = clusters.fresh_points_in_law(fresh, signal, k, tests)
    else:
        mean = np.full(cell.d, signal / cell.d**0.5) if cell.mean == "spread" else np.eye(1, cell.d)[0] * signal
        x = clusters.dense(labels, mean, "gaussian", points)
        test_x = clusters.dense(fresh, mean, "gaussian", tests)
    flipped = float(np.mean(labels.clean != labels.observed))
    return Sample(labels.observed[:, None] * x, flipped, mean, test_x, fresh.observed)


def run(cells: list[Cell], context: base.Context) -> Iterator[dict[str, Any]]:
    """One row per cell; cells with the same points are drawn once, those on one trajectory are trained once."""
    for _, same_points in itertools.groupby(sorted(cells, key=lambda cell: cell.group), key=lambda cell: cell.group):
        members = list(same_points)
        drawn = sample(members[0], context.study)
        for problem in sorted({cell.training_problem for cell in members}):
            trained = [cell for cell in members if cell.training_problem == problem]
            stops = sorted({cell.steps for cell in trained})
            for steps, w in zip(stops, linear.train(_problem(drawn.signed, *problem), stops), strict=True):
                status = status_of(w)
                for cell in (cell for cell in trained if cell.steps == steps):
                    yield cell.row(status=status, **(measured(cell, drawn, w) if status == "ok" else {}))
        context.notify(f"d = {members[0].d}, s = {members[0].exponent:g}: {len(members)} cells")


def status_of(w: Array) -> str:
    """ "ok" for a classifier (d,) that has a direction: it is neither 0 nor too long for a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        length = w @ w
    return "diverged" if not np.isfinite(length) else "ok" if length > 0 else "no direction"


def _problem(signed: Array, norm: str, budget: float, method: str, step_scale: float) -> linear.Problem:
    normalised = method == "normalised"
    step = 1 / (signed**2).sum(1).max() if normalised else linear.stable_step(signed)
    return linear.Problem(signed, norm, budget, step_scale * step, normalised)


def measured(cell: Cell, drawn: Sample, w: Array) -> dict[str, Any]:
    """Training loss and errors, risks by the closed form and on the fresh points, predictions for the sample.

    Risks are with observed labels; standard ones at budget 0, adversarial ones at the cell's.
    """
    robust = linear.robust_margins(w, drawn.signed, cell.budget, cell.norm)
    scores = drawn.test_y * (drawn.test_x @ w)
    # The worst perturbation of a point with label y is -y·shift, so that what is counted rests on no dual norm.
    shift = cell.budget * linear.dual_direction(w, cell.norm)
    law = (cell.n, cell.d, float(cell.d) ** cell.exponent, drawn.flipped)
    row = {
        "robust_train_loss": float(np.logaddexp(0, -robust).mean()),
        "robust_train_error": float((robust <= 0).mean()),
        "train_error": float((drawn.signed @ w <= 0).mean()),
        "standard_risk": float(risk(w, drawn.mean, 0.0, cell.norm, cell.flip_rate)),
        "adversarial_risk": float(risk(w, drawn.mean, cell.budget, cell.norm, cell.flip_rate)),
        "sampled_standard_risk": float((scores <= 0).mean()),
        "sampled_adversarial_risk": float((scores <= shift @ w).mean()),
        "tested": len(scores),
        "flipped": drawn.flipped,
        "rho": float(drawn.mean @ w / np.linalg.norm(w)),
        "effective_budget": float(effective_budget(cell.budget, w, cell.norm)),
        "averaging_rho": float(gaussian.averaging_rho(*law)),
        "max_margin_rho": float(gaussian.max_margin_rho(*law)),
    }
    return row | (margins(cell, drawn, w) if cell.method == "normalised" else {})


def margins(cell: Cell, drawn: Sample, w: Array) -> dict[str, float]:
    """Margins of w/‖w‖₂ relative to those of the hard-margin classifier, plain and robust, and their cosine."""
    hard = multipliers(drawn.signed @ drawn.signed.T) @ drawn.signed

    def least(v: Array, budget: float) -> float:
        return float(linear.robust_margins(v, drawn.signed, budget, cell.norm).min() / np.linalg.norm(v))

    return {
        "margin_ratio": least(w, 0.0) / least(hard, 0.0),
        "robust_margin_ratio": least(w, cell.budget) / least(hard, cell.budget),
        "max_margin_cosine": float(w @ hard / np.linalg.norm(w) / np.linalg.norm(hard)),
    }
