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
from benign.experiments.noisy_clusters.columns import Errors
from benign.experiments.noisy_clusters.courses import courses
from benign.experiments.noisy_clusters.fit import Network, networks
from benign.experiments.noisy_clusters.predict import predict
from benign.nets.two_layer import Activation
from benign.studies.certified_brackets.grid import Cell
from benign.study import Context


@torch.inference_mode()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends."""
    flagship = dataclasses.replace(context, study="adversarial_training")  # the same draws as there
    course = courses(cells, flagship)
    for network in networks(cells, flagship):
        cell, found = network.setting, measured(network)
        predicted = predict(cell, course.get(cell.key))
        yield cell.row(**found, **{name: predicted[name] for name in Errors.model_fields if name in predicted})
        context.notify(f"{cell.experiment}: {cell.key} {found['status']}")


def measured(network: Network) -> dict[str, Any]:
    """The bounds over fresh points and over the training points."""
    if not network.finite:
        return {"status": "diverged"}
    drawn = network.drawn
    trained = (network.weights, drawn.problem.activation, network.setting.budget, drawn.problem.positive)
    return {
        "status": "ok",
        "tested": len(drawn.test_x),
        "mean_norm": float(drawn.mean.norm()),
        **bracketed("test", drawn.test_x, drawn.test_observed, *trained),
        **bracketed("train", drawn.problem.x, drawn.problem.y, *trained),
    }


def bracketed(
    points: str, x: Tensor, y: Tensor, w: Tensor, activation: Activation, budget: float, positive: int | None = None
) -> dict[str, Any]:
    """Robust error over points x (N, k) with labels y (N,): found by attacks, its bounds, and the boxes these took.

    The plain upper bound is that of the relaxation without branching. Inverted: certified, and yet turned.
    """
    ball: dict[str, Any] = {"activation": activation, "budget": budget, "positive": positive}
    attacked = worst_case(x, y, w, **ball, until_fooled=True).margin <= 0
    plain, branched = certify(x, y, w, **ball, directions=0), certify(x, y, w, **ball)
    # An attack that certificates tell where to look could not refute them. This one looks everywhere, and in their
    # precision, so that its rounding is not held against them.
    double = (x.double(), y.double(), w.double())
    turned = attacked | (worst_case(*double, **ball, until_fooled=True, screened=False).margin <= 0)
    found = {
        "attacked": attacked,
        "lower": attacked | branched.turned,
        "upper": ~branched.robust,
        "plain_upper": ~plain.robust,
    }
    shares = {f"{points}_{name}": int(those.sum()) / len(x) for name, those in found.items()}
    inverted = int((turned & (plain.robust | branched.robust)).sum())
    return shares | {f"{points}_inverted": inverted, f"{points}_boxes": branched.boxes}
