"""Linear classifiers, trained adversarially under ℓ2 and ℓ∞ budgets on noisy Gaussian clusters with ‖μ‖ = d^s.

Chen, Cao, Gu, UAI 2023. From a third party's digest, unreliable [3P]: n = 50, 2,000 test points, β = 0.1,
d = 10 … 2500, s = .2, .3, .4, 1,000 steps, ℓ2 budget .1 and ℓ∞ budget .01, learning curves at d = 200 for budgets
.05, .1, .2. Start at w = 0, step size and direction of μ are [ours]; the experiment "choices" has second values of the
last two.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from benign import cells as base
from benign import grids, seeds
from benign.data import clusters
from benign.theory import gaussian
from benign.theory.dual_norm import DUAL_ORDER, dual_norm, effective_budget, risk
from benign.train import linear
from benign.train.linear import Array

TRAININGS, MEANS, METHODS = ("adversarial", "ordinary"), ("spread", "axis"), ("plain", "normalised")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(base.Cell):
    """One trained linear classifier, and its risks.

    d: dimension · exponent: s in ‖μ‖ = d^s · n: training points · flip_rate: β
    norm, budget: of the attack, and of training if training = "adversarial"; "ordinary" trains at budget 0
    mean: "spread" (μ has equal coordinates) or "axis" (one coordinate): the same under ℓ2, not under ℓ∞
    sampling: "dense", or "in_law" (coordinates in the points' span, any d ≥ n + 1; ℓ2 only)
    method: "plain", step size step_scale·4n/‖X‖²; or "normalised" descent with step_scale/max‖x_i‖²
    test_points: fresh points · seed: the replicate
    """

    experiment: str = "single"
    d: int
    exponent: float
    n: int
    flip_rate: float
    norm: str
    budget: float
    training: str = "adversarial"
    mean: str = "spread"
    sampling: str = "dense"
    method: str = "plain"
    step_scale: float
    steps: int
    test_points: int
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        limits: list[tuple[str, bool, str]] = [
            ("d", self.d >= 1, "at least 1"),
            ("exponent", 0 <= self.exponent <= 1, "in [0, 1]"),
            ("n", self.n >= 1, "at least 1 training point"),
            ("flip_rate", 0 <= self.flip_rate <= 0.5, "in [0, 0.5]"),
            ("norm", self.norm in DUAL_ORDER, f"one of {', '.join(DUAL_ORDER)}"),
            ("budget", 0 <= self.budget < np.inf, "a finite number, at least 0"),
            ("training", self.training in TRAININGS, f"one of {', '.join(TRAININGS)}"),
            ("mean", self.mean in MEANS, f"one of {', '.join(MEANS)}"),
            ("sampling", self.sampling in ("dense", "in_law"), "dense or in_law"),
            ("method", self.method in METHODS, f"one of {', '.join(METHODS)}"),
            ("step_scale", 0 < self.step_scale < np.inf, "a finite number above 0"),
            ("steps", self.steps >= 1, "at least 1"),
            ("test_points", self.test_points >= 1, "at least 1"),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise base.CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")
        self._validate_together()
        if self.sampling == "in_law":  # which direction μ has makes no difference there
            object.__setattr__(self, "mean", "spread")

    def _validate_together(self) -> None:
        if self.sampling == "in_law" and (self.norm != "l2" or self.d <= self.n):
            raise base.CellError("sampling='in_law' keeps ℓ2 lengths only, and needs d > n: give sampling=dense")
        if self.sampling == "dense" and self.d * max(self.n, self.test_points) > 2e8:
            raise base.CellError(f"d={self.d} is too large for dense points (over 1.6 GB): give sampling=in_law")
        if self.method == "normalised" and self.d < self.n:
            raise base.CellError(f"d={self.d} is below n={self.n}: there may be no margin to maximise; give d ≥ n")

    @functools.cached_property
    def group(self) -> str:
        """Cells with the same points."""
        same: dict[str, Any] = {"experiment": "single", "norm": "l2", "budget": 0.0, "training": "adversarial"}
        same |= {"method": "plain", "step_scale": 1.0, "steps": 1}
        return dataclasses.replace(self, **same).key

    @property
    def training_problem(self) -> tuple[Any, ...]:
        """What decides the trajectory, given the points: (norm, training budget, method, step_scale)."""
        if self.training == "ordinary" or self.budget == 0:
            return ("l2", 0.0, self.method, self.step_scale)
        return (self.norm, self.budget, self.method, self.step_scale)


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """A cell's fields where the command line does not say: the grid's common values, first replicate."""
    return {"seed": 0, **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid (form: `benign.grids.points`)."""
    unique = {cell.key: cell for cell in (Cell(**point) for point in grids.points(grid))}
    return list(unique.values())


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
                for cell in (cell for cell in trained if cell.steps == steps):
                    yield {"key": cell.key, **cell.fields(), **measured(cell, drawn, w)}
        context.notify(f"d = {members[0].d}, s = {members[0].exponent:g}: {len(members)} cells")


def _problem(signed: Array, norm: str, budget: float, method: str, step_scale: float) -> linear.Problem:
    normalised = method == "normalised"
    step = 1 / (signed**2).sum(1).max() if normalised else linear.stable_step(signed)
    return linear.Problem(signed, norm, budget, step_scale * step, normalised)


def measured(cell: Cell, drawn: Sample, w: Array) -> dict[str, Any]:
    """Training loss and errors, risks by the closed form and on the fresh points, predictions for the sample.

    Risks are with observed labels; standard ones at budget 0, adversarial ones at the cell's.
    """
    if not np.isfinite(w).all():
        return {"status": "diverged"}
    robust = linear.robust_margins(w, drawn.signed, cell.budget, cell.norm)
    scores = drawn.test_y * (drawn.test_x @ w)
    reach = cell.budget * dual_norm(w, cell.norm)
    law = (cell.n, cell.d, float(cell.d) ** cell.exponent, drawn.flipped)
    row = {
        "status": "ok",
        "robust_train_loss": float(np.logaddexp(0, -robust).mean()),
        "robust_train_error": float((robust <= 0).mean()),
        "train_error": float((drawn.signed @ w <= 0).mean()),
        "standard_risk": float(risk(w, drawn.mean, 0.0, cell.norm, cell.flip_rate)),
        "adversarial_risk": float(risk(w, drawn.mean, cell.budget, cell.norm, cell.flip_rate)),
        "sampled_standard_risk": float((scores <= 0).mean()),
        "sampled_adversarial_risk": float((scores <= reach).mean()),
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
    hard = linear.max_margin(drawn.signed)

    def least(v: Array, budget: float) -> float:
        return float(linear.robust_margins(v, drawn.signed, budget, cell.norm).min() / np.linalg.norm(v))

    return {
        "margin_ratio": least(w, 0.0) / least(hard, 0.0),
        "robust_margin_ratio": least(w, cell.budget) / least(hard, cell.budget),
        "max_margin_cosine": float(w @ hard / np.linalg.norm(w) / np.linalg.norm(hard)),
    }
