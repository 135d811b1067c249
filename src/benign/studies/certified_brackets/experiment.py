"""Certified brackets: the flagship's networks, trained again, with their robust errors bounded from both sides.

A cell is a cell of the flagship, and its network, points and seeds are the flagship's; what is measured is new. An
attack's error is a lower bound; points without a certificate (benign.attack.certificate) give an upper one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benign.attack.certificate import certify
from benign.attack.evaluation import worst_case
from benign.attack.inner import InnerMaximisation
from benign.nets.two_layer import Activation
from benign.studies.adversarial_training.experiment import predict, sample
from benign.studies.adversarial_training.grid import Cell
from benign.study import Context
from benign.train.gradient_descent import train

PREDICTED = ("averaging_error", "max_margin_error", "linear_max_margin_error", "two_group_error", "in_regime")


@torch.inference_mode()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends."""
    flagship = dataclasses.replace(context, study="adversarial_training")  # the same draws as there
    for cell in cells:
        drawn = sample(cell, flagship)
        inner = InnerMaximisation(cell.inner, cell.inner_steps)
        *_, last = train([drawn.problem], [cell.steps], inner)
        row: dict[str, Any] = {"key": cell.key, **cell.fields(), "status": "diverged"}
        if bool(last.finite[0]):
            network = (last.weights[0], drawn.problem.activation, cell.budget)
            row |= {"status": "ok", "tested": len(drawn.test_x), "mean_norm": float(drawn.mean.norm())}
            row |= bracketed("test", drawn.test_x, drawn.test_observed, *network)
            row |= bracketed("train", drawn.problem.x, drawn.problem.y, *network)
        predicted = predict(cell)
        yield row | {name: predicted[name] for name in PREDICTED if predicted}
        context.notify(f"{cell.experiment}: {cell.key} {row['status']}")


def bracketed(points: str, x: Tensor, y: Tensor, w: Tensor, activation: Activation, budget: float) -> dict[str, Any]:
    """Robust error over points x (N, k) with labels y (N,): found by attacks, its bounds, and the boxes these took.

    The plain upper bound is that of the relaxation without branching.
    """
    attacked = worst_case(x, y, w, activation, budget, until_fooled=True).margin <= 0
    left = (x[~attacked], y[~attacked], w, activation, budget)
    plain, branched = certify(*left, directions=0), certify(*left)
    found = attacked.sum()
    counts = {
        "attacked": found,
        "lower": found + branched.turned.sum(),
        "upper": found + (~branched.robust).sum(),
        "plain_upper": found + (~plain.robust).sum(),
    }
    shares = {f"{points}_{name}": int(count) / len(x) for name, count in counts.items()}
    return shares | {f"{points}_boxes": branched.boxes}
