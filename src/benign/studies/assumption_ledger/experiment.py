"""The ledger's experiments: the flagship's network with one assumption broken by more and more.

A cell is a cell of the flagship with what that one lacks: how heavy the tails are, the noise's covariance, how the
flipped labels are chosen, mini-batches. Cells without any of these are run by the flagship's own `run`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from benign import seeds
from benign.attack.inner import InnerMaximisation
from benign.data import clusters, departures
from benign.nets.two_layer import Activation, symmetric
from benign.studies.adversarial_training import experiment as flagship
from benign.studies.assumption_ledger.grid import USUAL_TAIL, Cell
from benign.study import Context
from benign.theory.mixture import gaussian, two_group
from benign.theory.mixture.departures import correlated_error, effective_dimension, worst_flips_factor
from benign.train import gradient_descent
from benign.train.reduction import orthonormal_basis


@torch.inference_mode()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends."""
    sound = []
    for cell in cells:
        if cell.flips == "random" and _flipped(_labels(cell, context)) > 0.5:
            # Most labels of this sample are wrong: they mean their opposites, and no closed form is about that.
            yield _row(cell, {"status": "outvoted"}, flagship.predict(cell))
        else:
            sound.append(cell)
    own = [cell for cell in sound if not cell.is_usual]
    for row in flagship.run([cell for cell in sound if cell.is_usual], context):
        yield row | {"effective_dimension": float(row["d"])} | _expected(row, float(row["d"]))
    for cell in own:
        measured = _train_and_measure(cell, context)
        yield _row(cell, measured, flagship.predict(cell))
        context.notify(f"{cell.experiment}: {cell.key} {measured['status']}")


def _train_and_measure(cell: Cell, context: Context) -> dict[str, Any]:
    drawn = sample(cell, context)
    inner = InnerMaximisation(cell.inner, cell.inner_steps)
    if cell.batch:
        order = seeds.generator(context.study, "batches", cell.seed, n=cell.n, batch=cell.batch)
        last = gradient_descent.train_in_batches(drawn.problem, cell.batch, cell.steps, inner, order)
    else:
        *_, last = gradient_descent.train([drawn.problem], [cell.steps], inner)
    if not bool(last.finite[0]):
        return {"status": "diverged"}
    training = {"inner_gap": float(last.gap[0]), "inner_evaluations": float(last.evaluations[0])}
    return {"status": "ok", **training, **flagship.measure(cell, drawn, last.weights[0])}


def _row(cell: Cell, measured: dict[str, Any], predicted: dict[str, Any]) -> dict[str, Any]:
    row = cell.row(**measured, **predicted)
    effective = effective_dimension(departures.spectrum(cell.covariance, cell.correlation, cell.d))
    return row | {"effective_dimension": effective} | _expected(row, effective)


def _expected(row: dict[str, Any], effective: float) -> dict[str, Any]:
    """The two-group recursion's error for this sample's share of flips, with the covariance or the chosen flips."""
    if row["status"] != "ok":
        return {}
    setting = {name: row[name] for name in ("n", "d", "signal")}
    if row["covariance"] != "identity":
        path = two_group.trajectory(
            **setting,
            flip_rate=row["flipped"],
            slope=row["slope"],
            budget=row["budget"] if row["training"] == "adversarial" else 0.0,
            step_size=row["step_scale"] * row["n"] / (row["d"] + row["signal"] ** 2),
            steps=row["steps"],
        )
        weights = {"lambda_c": path.lambda_c[-1], "lambda_f": path.lambda_f[-1], "train_flip_rate": row["flipped"]}
        error = correlated_error(row["budget"], **setting, flip_rate=row["flip_rate"], effective=effective, **weights)
    else:
        factor = worst_flips_factor(**setting, flip_rate=row["flipped"]) if row["flips"] == "worst" else 1.0
        error = gaussian.half_space_error(row["budget"], factor * row["two_group_sample_rho"], row["flip_rate"])
    return {"expected_error": float(error)}


# ---------------------------------------------------------------- samples


def _labels(cell: Cell, context: Context) -> clusters.Labels:
    """The training labels, drawn as the flagship draws them."""
    rng = seeds.generator(context.study, "labels", cell.seed, n=cell.n)
    return clusters.draw_labels(cell.n, cell.flip_rate, rng)


def _flipped(labels: clusters.Labels) -> float:
    return float((labels.clean != labels.observed).mean())


def sample(cell: Cell, context: Context) -> flagship.Sample:
    """A cell's points, weights and labels; the flagship's where only the choice of the flipped labels is new."""
    drawn = flagship.sample(cell, context) if cell.sampling == "in_law" else _dense(cell, context)
    if cell.flips == "random":
        return drawn
    rng = seeds.generator(context.study, "flips", cell.seed, n=cell.n, flips=cell.flips)
    x, clean, mean = (t.cpu().double().numpy() for t in (drawn.problem.x, drawn.train_clean, drawn.mean))
    observed = torch.tensor(departures.flip_exactly(cell.flips, x, clean, mean, cell.flip_rate, rng))
    y = observed.to(drawn.problem.y)
    return dataclasses.replace(drawn, problem=dataclasses.replace(drawn.problem, y=y))


def _dense(cell: Cell, context: Context) -> flagship.Sample:
    """Points drawn in R^d, then reduced to the span of what was drawn."""

    def rng(role: str, **fields: Any) -> np.random.Generator:
        return seeds.generator(context.study, role, cell.seed, d=cell.d, **fields)

    law = {"noise": cell.noise, "tail": cell.tail, "covariance": cell.covariance, "correlation": cell.correlation}
    labels = _labels(cell, context)
    test_rng = seeds.generator(context.study, "test labels", cell.seed, n=cell.test_points)
    test = clusters.draw_labels(cell.test_points, cell.flip_rate, test_rng)
    w0 = rng("dense init", width=cell.width).standard_normal((cell.width // 2, cell.d))
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

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, dtype=torch.float32, device=context.device)

    problem = gradient_descent.Problem(
        name=cell.group,
        x=tensor(x @ q),
        y=tensor(labels.observed),
        w0=symmetric(tensor(cell.init_scale / cell.d**0.5 * w0 @ q)),
        activation=Activation(cell.activation, cell.slope, cell.curvature),
        budget=cell.train_budget,
        step_size=flagship.step_size(cell),
    )
    drawn = (tensor(labels.clean), tensor(mean @ q), tensor(test_x), tensor(test.clean), tensor(test.observed))
    return flagship.Sample(problem, *drawn)


def _noise(cell: Cell, count: int, rng: np.random.Generator) -> clusters.Array:
    """(count, d) independent coordinates of the cell's law."""
    shape = (count, cell.d)
    if cell.noise in USUAL_TAIL:
        return departures.heavy_tailed(cell.noise, cell.tail, shape, rng)
    return clusters.unit_noise(cell.noise, shape, rng)
