"""The ledger's experiments: the flagship's network with one assumption broken by more and more.

A cell is a setting of noisy clusters with what that one lacks: how heavy the tails are, the noise's covariance, how the
flipped labels are chosen, mini-batches.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from benign import seeds
from benign.data import clusters, departures
from benign.experiments.noisy_clusters import draw
from benign.experiments.noisy_clusters.courses import Course, courses
from benign.experiments.noisy_clusters.fit import Network, inner_maximisation, networks
from benign.experiments.noisy_clusters.measure import measured
from benign.experiments.noisy_clusters.predict import predict, recursion, step_size
from benign.experiments.samples import Coordinates, Sample, on_device
from benign.studies.assumption_ledger.grid import USUAL_TAIL, Cell
from benign.study import Context
from benign.theory.mixture import gaussian
from benign.theory.mixture.departures import correlated_error, participation_ratio, worst_flips_factor
from benign.train.gradient_descent import train_in_batches
from benign.train.reduction import orthonormal_basis


@torch.inference_mode()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends."""
    sound, course = [], courses(cells, context, train_labels)
    for cell in cells:
        if cell.flips == "random" and _flipped(draw.labels(cell, context)[0]) > 0.5:
            # Most labels of this sample are wrong: they mean their opposites, and no closed form is about that.
            yield _row(cell, {"status": "outvoted"}, course[cell.key])
        else:
            sound.append(cell)
    whole = networks([cell for cell in sound if not cell.batch], context, sample)
    for network in itertools.chain(whole, (_in_batches(cell, context) for cell in sound if cell.batch)):
        cell = network.setting
        found = measured(network, course[cell.key])
        yield _row(cell, found, course[cell.key])
        context.notify(f"{cell.experiment}: {cell.key} {found['status']}")


def _in_batches(cell: Cell, context: Context) -> Network:
    drawn = sample(cell, context)
    order = seeds.generator(context.study, "batches", cell.seed, n=cell.n, batch=cell.batch)
    snapshot = train_in_batches(drawn.problem, cell.batch, cell.steps, inner_maximisation(cell), order)
    return Network.of(cell, drawn, snapshot)


def _row(cell: Cell, found: dict[str, Any], course: Course) -> dict[str, Any]:
    effective = float(cell.d)
    if cell.covariance != "identity":
        effective = participation_ratio(departures.spectrum(cell.covariance, cell.correlation, cell.d))
    expected = {"expected_error": _expected(cell, found, effective)} if found["status"] == "ok" else {}
    return cell.row(**found, **predict(cell, course), effective_dimension=effective, **expected)


def _expected(cell: Cell, found: dict[str, Any], effective: float) -> float:
    """The two-group recursion's error for this sample's share of flips, with the covariance or the chosen flips."""
    setting, flipped = {"n": cell.n, "d": cell.d, "signal": cell.signal}, found["flipped"]
    if cell.covariance != "identity":
        path = recursion(cell, flipped)
        weights = {"lambda_c": path.lambda_c[-1], "lambda_f": path.lambda_f[-1], "train_flip_rate": flipped}
        laws = {**setting, "flip_rate": cell.flip_rate, "effective": effective}
        return float(correlated_error(cell.budget, **laws, **weights))
    factor = worst_flips_factor(**setting, flip_rate=flipped) if cell.flips == "worst" else 1.0
    return float(gaussian.half_space_error(cell.budget, factor * found["two_group_sample_rho"], cell.flip_rate))


# ---------------------------------------------------------------- samples


def _flipped(labels: clusters.Labels) -> float:
    return float((labels.clean != labels.observed).mean())


def sample(cell: Cell, context: Context) -> Sample:
    """A cell's points, weights and labels; the usual ones where only the choice of the flipped labels is new."""
    drawn = draw.sample(cell, context) if cell.sampling == "in_law" else _dense(cell, context)
    if cell.flips in ("random", "exact"):
        return drawn
    rng = seeds.generator(context.study, "flips", cell.seed, n=cell.n, flips=cell.flips)
    x, clean, mean = (t.cpu().double().numpy() for t in (drawn.problem.x, drawn.train_clean, drawn.mean))
    observed = torch.tensor(departures.flip_exactly(cell.flips, x, clean, mean, cell.flip_rate, rng))
    y = observed.to(drawn.problem.y)
    return dataclasses.replace(drawn, problem=dataclasses.replace(drawn.problem, y=y))


def train_labels(cell: Cell, context: Context) -> clusters.Labels:
    """Those of the sample; where flips are chosen the points have to be drawn first."""
    if cell.flips in ("random", "exact"):
        return draw.labels(cell, context)[0]
    drawn = sample(cell, context)
    return clusters.Labels(*(y.cpu().double().numpy() for y in (drawn.train_clean, drawn.problem.y)))


def _dense(cell: Cell, context: Context) -> Sample:
    """Points drawn in R^d, then reduced to the span of what was drawn."""

    def rng(role: str, **fields: Any) -> np.random.Generator:
        return seeds.generator(context.study, role, cell.seed, d=cell.d, **fields)

    law = {"noise": cell.noise, "tail": cell.tail, "covariance": cell.covariance, "correlation": cell.correlation}
    labels, test = draw.labels(cell, context)
    w0 = rng("dense init", width=cell.width).standard_normal((cell.rows, cell.d))
    train_rng, fresh_rng = rng("dense data", n=cell.n, **law), rng("dense test", **law)
    if cell.covariance == "identity":
        mean = cell.signal * np.eye(1, cell.d)[0]
        x = labels.clean[:, None] * mean + _noise(cell, cell.n, train_rng)
        q = orthonormal_basis(mean, x, w0)
        test_x = (test.clean[:, None] * mean + _noise(cell, cell.test_points, fresh_rng)) @ q
    else:
        # In generic position μ meets every principal axis of the noise alike.
        mean = cell.signal / cell.d**0.5 * rng("mean").choice([-1.0, 1.0], cell.d)
        eigenvalues = departures.spectrum(cell.covariance, cell.correlation, cell.d)
        x = departures.correlated_points(labels.clean, mean, eigenvalues, train_rng)
        q = orthonormal_basis(mean, x, w0)
        test_x = departures.fresh_correlated_points(test.clean, mean, eigenvalues, q, fresh_rng)
    weights = cell.init_scale / cell.d**0.5 * w0 @ q
    drawn = Coordinates(x @ q, labels, mean @ q, weights, test_x, test)
    return on_device(drawn, context.device, step_size=step_size(cell), **draw.training(cell, context))


def _noise(cell: Cell, count: int, rng: np.random.Generator) -> clusters.Array:
    """(count, d) independent coordinates of the cell's law."""
    shape = (count, cell.d)
    if cell.noise in USUAL_TAIL:
        return departures.heavy_tailed(cell.noise, cell.tail, shape, rng)
    return clusters.unit_noise(cell.noise, shape, rng)
