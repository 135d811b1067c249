"""Trains the classifiers, measures their risks on fresh points and holds linear ones against the closed forms."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benign import seeds
from benign import study as base
from benign.data import clusters
from benign.studies.linear_classifier.grid import Cell
from benign.theory.geometry.hard_margin import multipliers
from benign.theory.mixture.dual_norm import effective_budget, risk
from benign.train import linear, relu
from benign.train.linear import Array
from benign.train.reduction import orthonormal_basis

Measure = Callable[[Cell], dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Sample:
    """x (n, k) with observed labels y (n,), μ (k,), noise (k,) for θ₀, fresh points test_x (N, k), test_y (N,)."""

    x: Array
    y: Array
    mean: Array
    start: Array
    test_x: Array
    test_y: Array

    @property
    def signed(self) -> Array:
        """y_i x_i (n, k)."""
        return self.y[:, None] * self.x


def sample(cell: Cell, study: str) -> Sample:
    """The points of a cell's group; cells that differ in s alone have the same noise and labels."""
    signal = float(cell.d) ** cell.exponent
    same = {"d": cell.d, "n": cell.n, "sampling": cell.sampling}
    labels = _labels(cell.n, cell, seeds.generator(study, "labels", cell.seed, d=cell.d, n=cell.n))
    fresh = _labels(cell.test_points, cell, seeds.generator(study, "test labels", cell.seed, d=cell.d))
    roles = ("points", "test points", "start")
    points, tests, starts = (seeds.generator(study, role, cell.seed, **same) for role in roles)
    if cell.sampling == "in_law":
        k = clusters.subspace_dimension(cell.d, cell.n + 1)
        mean = signal * np.eye(1, k)[0]
        x = clusters.points_in_law(labels, cell.d, signal, k, points)
        start = clusters.noise_in_law(cell.d, cell.n, 1, k, starts)[0]
        test_x = clusters.fresh_points_in_law(fresh, signal, k, tests)
    else:
        mean = np.full(cell.d, signal / cell.d**0.5) if cell.mean == "spread" else np.eye(1, cell.d)[0] * signal
        x = clusters.dense(labels, mean, "gaussian", points)
        start = starts.standard_normal(cell.d)
        test_x = clusters.dense(fresh, mean, "gaussian", tests)
    return Sample(x, labels.observed, mean, start, test_x, fresh.observed)


def _labels(count: int, cell: Cell, rng: np.random.Generator) -> clusters.Labels:
    """Labels of which exactly the share β is wrong."""
    clean = clusters.draw_labels(count, 0.0, rng).clean
    return clusters.Labels(clean, clusters.flip_exactly(clean, cell.flip_rate, np.arange(count), rng))


def run(cells: list[Cell], context: base.Context) -> Iterator[dict[str, Any]]:
    """One row per cell; cells with the same points are drawn once, those on one trajectory are trained once."""
    for _, same_points in itertools.groupby(sorted(cells, key=lambda cell: cell.group), key=lambda cell: cell.group):
        members = list(same_points)
        drawn = sample(members[0], context.study)
        for problem in sorted({cell.training_problem for cell in members}):
            asked = [cell for cell in members if cell.training_problem == problem]
            stops = sorted({cell.steps for cell in asked})
            for steps, measure in zip(stops, _course(asked[0], drawn, stops, context.study), strict=True):
                yield from (cell.row(**measure(cell)) for cell in asked if cell.steps == steps)
        context.notify(f"d = {members[0].d}, s = {members[0].exponent:g}: {len(members)} cells")


def _course(cell: Cell, drawn: Sample, stops: Sequence[int], study: str) -> Iterator[Measure]:
    """The measurements of the classifier after each number of steps; cell: any on this trajectory."""
    norm, budget, method = cell.training_problem[1:4]
    if cell.width:
        rng = seeds.generator(study, "network", cell.seed, d=cell.d, width=cell.width)
        start = relu.default_start(cell.width, cell.d, rng)
        q = orthonormal_basis(drawn.mean, drawn.x, start.w)
        within = dataclasses.replace(drawn, x=drawn.x @ q, test_x=drawn.test_x @ q)
        start = dataclasses.replace(start, w=start.w @ q)
        for network in relu.train(within.x, within.y, start, budget, cell.rate, stops):
            yield functools.partial(_of_network, drawn=within, network=network)
        return
    normalised = method == "normalised"
    rate = cell.rate / (drawn.x**2).sum(1).max() if normalised else cell.rate
    start_w = cell.start_scale / cell.d**0.5 * drawn.start
    for w in linear.train(linear.Problem(drawn.signed, norm, budget, rate, start_w, normalised), stops):
        yield functools.partial(_of_linear, drawn=drawn, w=w)


def _of_network(cell: Cell, drawn: Sample, network: relu.Network) -> dict[str, Any]:
    """Errors on the training points and risks on the fresh ones."""
    if not (np.isfinite(network.w).all() and np.isfinite(network.a).all()):
        return {"status": "diverged"}
    plain, attacked = relu.margins(drawn.x, drawn.y, network, cell.budget)
    fresh, fresh_attacked = relu.margins(drawn.test_x, drawn.test_y, network, cell.budget)
    return {"status": "ok", "tested": len(fresh)} | {
        name: float((margins <= 0).mean())
        for name, margins in (
            ("train_error", plain),
            ("robust_train_error", attacked),
            ("sampled_standard_risk", fresh),
            ("sampled_adversarial_risk", fresh_attacked),
        )
    }


def _of_linear(cell: Cell, drawn: Sample, w: Array) -> dict[str, Any]:
    status = status_of(w)
    return {"status": status} | (measured(cell, drawn, w) if status == "ok" else {})


def status_of(w: Array) -> str:
    """ "ok" for a classifier (d,) that has a direction: it is neither 0 nor too long for a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        length = w @ w
    return "diverged" if not np.isfinite(length) else "ok" if length > 0 else "no direction"


def measured(cell: Cell, drawn: Sample, w: Array) -> dict[str, Any]:
    """Training errors, and risks by the closed form and on the fresh points.

    Risks are with observed labels; standard ones at budget 0, adversarial ones at the cell's.
    """
    robust = linear.robust_margins(w, drawn.signed, cell.budget, cell.norm)
    scores = drawn.test_y * (drawn.test_x @ w)
    # The worst perturbation of a point with label y is -y·shift, so that what is counted rests on no dual norm.
    shift = cell.budget * linear.dual_direction(w, cell.norm)
    row = {
        "robust_train_error": float((robust <= 0).mean()),
        "train_error": float((drawn.signed @ w <= 0).mean()),
        "standard_risk": float(risk(w, drawn.mean, 0.0, cell.norm, cell.flip_rate)),
        "adversarial_risk": float(risk(w, drawn.mean, cell.budget, cell.norm, cell.flip_rate)),
        "sampled_standard_risk": float((scores <= 0).mean()),
        "sampled_adversarial_risk": float((scores <= shift @ w).mean()),
        "tested": len(scores),
        "rho": float(drawn.mean @ w / np.linalg.norm(w)),
        "effective_budget": float(effective_budget(cell.budget, w, cell.norm)),
    }
    return row | (margins(cell, drawn.signed, w) if cell.method == "normalised" else {})


def margins(cell: Cell, signed: Array, w: Array) -> dict[str, float]:
    """Margins of w/‖w‖₂ relative to those of the hard-margin classifier, plain and robust, and their cosine."""
    hard = multipliers(signed @ signed.T) @ signed

    def least(v: Array, budget: float) -> float:
        return float(linear.robust_margins(v, signed, budget, cell.norm).min() / np.linalg.norm(v))

    return {
        "margin_ratio": least(w, 0.0) / least(hard, 0.0),
        "robust_margin_ratio": least(w, cell.budget) / least(hard, cell.budget),
        "max_margin_cosine": float(w @ hard / np.linalg.norm(w) / np.linalg.norm(hard)),
    }
