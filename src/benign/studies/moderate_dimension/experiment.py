"""Leaky-ReLU networks trained with the hinge loss on signal and noise in orthogonal subspaces, d = Θ(n).

Karhadkar, George, Murray, Montúfar, Needell, NeurIPS 2024 [S: paper and code]: points x = √γ·ỹ·v + √(1-γ)·ν, labels
flipped independently with probability .1, outer weights ±1 (half of each), leaky slope .1, initial weights
N(0, 1/(m√d)²), hinge loss summed over the points, full-batch gradient descent with rate 1/(mn), 1,000 fresh points with
clean labels.
"heatmap" is their grid (m = 128, γ = 5/n), "signal" their plot over γ (m = 64, d = 2n). [ours]: the second stopping
rule, the cap on the steps, v along an axis (the law is the same), and what is predicted.
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
from benign.data import clusters, signal_noise
from benign.data.clusters import Array, Labels
from benign.theory.signal_noise import aligned_weights, half_space_error
from benign.train import hinge

STOPS = ("error", "loss")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(base.Cell):
    """One trained network; letters in brackets are the paper's.

    n: training points · d: dimension, at least n · gamma: γ, the signal's share · flip_rate: of the training labels
    width: m, neurons · slope: of the leaky ReLU · max_steps: training gives up here
    stop: "error" (training error 0, as in the authors' code) or "loss" (hinge loss 0, as in the theorems)
    test_points: fresh points with clean labels · seed: the replicate
    """

    experiment: str = "single"
    n: int
    d: int
    gamma: float
    flip_rate: float
    width: int
    slope: float
    stop: str
    max_steps: int
    test_points: int
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        limits: list[tuple[str, bool, str]] = [
            ("n", self.n >= 1, "at least 1 training point"),
            ("d", self.d >= max(self.n, 2), "at least n and 2: below, not every labelling can be fitted"),
            ("gamma", 0 <= self.gamma < 1, "in [0, 1)"),
            ("flip_rate", 0 <= self.flip_rate <= 0.5, "in [0, 0.5]"),
            ("width", self.width >= 2 and self.width % 2 == 0, "even, at least 2: half of the neurons have each sign"),
            ("slope", 0 < self.slope <= 1, "in (0, 1]"),
            ("stop", self.stop in STOPS, f"one of {', '.join(STOPS)}"),
            ("max_steps", self.max_steps >= 1, "at least 1"),
            ("test_points", self.test_points >= 1, "at least 1"),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise base.CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")

    @functools.cached_property
    def group(self) -> str:
        """Cells on one trajectory: both stopping rules of one network."""
        return dataclasses.replace(self, experiment="single", stop="loss").key


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """A cell's fields where the command line does not say: the grid's common values, first replicate."""
    return {"seed": 0, **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid (form: `benign.grids.points`); `ratio` stands for d/n and `gamma_times_n` for γn."""
    unique = {cell.key: cell for cell in (_cell(point) for point in grids.points(grid))}
    return list(unique.values())


def _cell(point: dict[str, Any]) -> Cell:
    ratio, scaled = point.pop("ratio", None), point.pop("gamma_times_n", None)
    if ratio is not None:
        point["d"] = ratio * point["n"]
    if scaled is not None:
        point["gamma"] = round(scaled / point["n"], 12)
    return Cell(**point)


def run(cells: list[Cell], context: base.Context) -> Iterator[dict[str, Any]]:
    """One row per cell; both stops of a network come from one training."""
    for _, members in itertools.groupby(sorted(cells, key=lambda cell: cell.group), key=lambda cell: cell.group):
        asked = list(members)
        cell = asked[0]

        def rng(role: str, cell: Cell = cell) -> np.random.Generator:
            return seeds.generator(context.study, role, cell.seed, n=cell.n, d=cell.d)

        labels = clusters.draw_labels(cell.n, cell.flip_rate, rng("labels"))
        x = signal_noise.draw(labels.clean, cell.d, cell.gamma, rng("points"))
        fresh = clusters.draw_labels(cell.test_points, 0.0, rng("test labels")).clean
        test_x = signal_noise.draw(fresh, cell.d, cell.gamma, rng("test points"))
        w0 = rng("init").standard_normal((cell.width, cell.d)) / (cell.width * cell.d**0.5)
        predicted = predictions(cell, x, labels)
        for stop in hinge.train(x, labels.observed, w0, cell.slope, 1 / (cell.width * cell.n), cell.max_steps):
            for wanted in (one for one in asked if one.stop == stop.rule):
                found = measured(wanted, stop, fresh * hinge.output(test_x, stop.weights, cell.slope))
                flipped = float(np.mean(labels.clean != labels.observed))
                yield {"key": wanted.key, **wanted.fields(), **found, "flipped": flipped, **predicted}
        context.notify(f"n = {cell.n}, d = {cell.d}, γ = {cell.gamma:g}: {len(asked)} cells")


def measured(cell: Cell, stop: hinge.Stop, test_margins: Array) -> dict[str, Any]:
    """Where a network stands at its stop: training, test error with clean labels, and its mean half-space's error.

    weight_norm: ‖W‖√m over the least margin, or NaN before every point is fitted; comparable with
    `linear_norm` (see `predictions`).
    """
    if not np.isfinite(stop.margins).all():
        return {"status": "diverged"}
    mean = hinge.outer_weights(cell.width) @ stop.weights
    least = stop.margins.min()
    norm = float(np.linalg.norm(stop.weights) * cell.width**0.5 / least) if least > 0 else float("nan")
    return {
        "status": "ok",
        "reached": int(stop.reached),
        "steps": stop.steps,
        "train_error": float(np.mean(stop.margins <= 0)),
        "hinge_loss": float(np.maximum(1 - stop.margins, 0).sum()),
        "test_error": float(np.mean(test_margins <= 0)),
        "tested": len(test_margins),
        "half_space_error": _error_of(mean, cell),
        "weight_norm": norm,
    }


def predictions(cell: Cell, x: Array, labels: Labels) -> dict[str, float]:
    """Errors of the linear hard-margin classifier and of the max-margin network of aligned neurons, for these points.

    linear_norm: ‖W‖√m of the network that computes the hard-margin classifier, w_j = 2a_j w*/(m(1+a)).
    """
    y = labels.observed
    linear, aligned = (aligned_weights(x, y, slope) for slope in (1.0, cell.slope))
    return {
        "linear_error": _error_of((linear * y) @ x, cell),
        "aligned_error": _error_of((aligned * y) @ x, cell),
        "linear_norm": float(2 * linear.sum() ** 0.5 / (1 + cell.slope)),
        "aligned_norm": float(aligned.sum() ** 0.5),
    }


def _error_of(w: Array, cell: Cell) -> float:
    return float(half_space_error(w[0], np.linalg.norm(w[1:]), cell.gamma, cell.d))
