"""Trains the networks to either stop, measures them on fresh points and holds them against half-spaces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from benign import seeds
from benign import study as base
from benign.data import clusters, signal_noise
from benign.data.clusters import Array, Labels
from benign.studies.moderate_dimension.grid import Cell
from benign.theory.mixture.gaussian import half_space_error
from benign.theory.mixture.signal_noise import aligned_weights, rho
from benign.train import hinge


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
                finite = np.isfinite(stop.margins).all()
                margins = fresh * hinge.output(test_x, stop.weights, cell.slope)
                found = measured(wanted, stop, margins) if finite else {}
                yield wanted.row(status="ok" if finite else "diverged", **found, **predicted)
        context.notify(f"n = {cell.n}, d = {cell.d}, γ = {cell.gamma:g}: {len(asked)} cells")


def measured(cell: Cell, stop: hinge.Stop, test_margins: Array) -> dict[str, Any]:
    """Where a network stands at its stop: training, test error with clean labels, and its mean half-space's error.

    weight_norm: ‖W‖√m over the least margin, or NaN before every point is fitted; comparable with
    `linear_norm` (see `predictions`).
    """
    mean = hinge.output_signs(cell.width) @ stop.weights
    least = stop.margins.min()
    norm = float(np.linalg.norm(stop.weights) * cell.width**0.5 / least) if least > 0 else float("nan")
    return {
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
    """What the points alone say: errors of the linear hard-margin classifier and of the network of aligned neurons.

    linear_norm: ‖W‖√m of the network that computes the hard-margin classifier, w_j = 2a_j w*/(m(1+a)).
    """
    y = labels.observed
    linear, aligned = (aligned_weights(x, y, slope) for slope in (1.0, cell.slope))
    return {
        "flipped": float(np.mean(labels.clean != y)),
        "linear_error": _error_of((linear * y) @ x, cell),
        "aligned_error": _error_of((aligned * y) @ x, cell),
        "linear_norm": float(2 * linear.sum() ** 0.5 / (1 + cell.slope)),
        "aligned_norm": float(aligned.sum() ** 0.5),
    }


def _error_of(w: Array, cell: Cell) -> float:
    return float(half_space_error(0.0, rho(w[0], np.linalg.norm(w[1:]), cell.gamma, cell.d)))
