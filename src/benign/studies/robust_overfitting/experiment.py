"""Trainings past their best point: deep networks on images, and the flagship's networks on clusters beside them.

Robust training error is with observed labels, validation error too; test errors are with the true labels everywhere in
this study, so that 0 is the floor of label noise on images as on clusters.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from benign import seeds
from benign.attack.pixels import Attack, worst_case
from benign.data.images.record import CIFAR10_CLASSES, DIGITS
from benign.data.multiclass import Points, Sample, draw_sample
from benign.experiments.noisy_clusters.fit import Network, networks
from benign.experiments.noisy_clusters.measure import measured
from benign.experiments.noisy_clusters.predict import predict
from benign.experiments.noisy_clusters.setting import USUAL, Setting
from benign.nets.convolutional import STATISTICS, convolutional, seeded
from benign.nets.preact_resnet import preact_resnet18
from benign.studies.robust_overfitting.grid import Cell
from benign.study import Context
from benign.theory.mixture.gaussian import robust_floor
from benign.train.deep import Recipe, train

# The attack of all measurements on images, as in the paper 10 steps [M], each a quarter of α, from δ = 0 [ours].
EVALUATION: dict[str, Any] = {"steps": 10, "step": 0.25}


def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as its epoch is reached. Cells of one group are trained once."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.group, []).append(cell)
    yield from _run_clusters([cell for cell in cells if cell.data == "clusters"], context)
    for group in groups.values():
        if group[0].data != "clusters":
            yield from _run_images(sorted(group, key=lambda cell: cell.epochs), context)


# ---------------------------------------------------------------- clusters: the flagship's networks


def on_clusters(cell: Cell) -> Setting:
    """The setting with the same problem; a pass over the training set is one step of gradient descent there."""
    names = ("d", "signal", "n", "flip_rate", "width", "budget", "test_points", "seed")
    shared: dict[str, Any] = {name: getattr(cell, name) for name in names}
    return Setting(**shared, **USUAL, steps=cell.epochs)


@torch.inference_mode()
def _run_clusters(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    beside: dict[str, list[Cell]] = {}
    for cell in cells:
        beside.setdefault(on_clusters(cell).key, []).append(cell)
    flagship = dataclasses.replace(context, study="adversarial_training")  # the same draws as there
    for network in networks([on_clusters(cell) for cell, *_ in beside.values()], flagship):
        found = _measured(network)
        for cell in beside[network.setting.key]:
            yield cell.row(**found)
            context.notify(f"{cell.data}: {cell.key} {found['status']}")


def _measured(network: Network) -> dict[str, Any]:
    """This study's columns, which are with true labels on test points."""
    found, setting = measured(network), network.setting
    if found["status"] != "ok":
        return found
    kept = ("status", "robust_train_error", "clean_train_error", "flipped", "tested", "vanished")
    return {
        **{name: found[name] for name in kept if name in found},
        **{f"{name}_test_error": found[f"{name}_test_error_clean_labels"] for name in ("robust", "clean")},
        "floor": float(robust_floor(setting.budget, setting.signal)),
        "in_regime": predict(setting)["in_regime"],
    }


# ---------------------------------------------------------------- images: deep networks


def _run_images(group: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """The rows of one training; the cells differ in `epochs` alone, in increasing order."""
    cell, by_epoch = group[0], {cell.epochs: cell for cell in group}
    sample, network = draw(cell, context), build(cell, context)
    images, labels = tensors(sample.train, context.device)
    if context.checkpoints and context.checkpoints.step(cell.group) > cell.epochs:
        context.checkpoints.discard(cell.group)  # it lies beyond a row that is still wanted
    course = train(
        network,
        images,
        labels,
        recipe(cell),
        list(by_epoch),
        functools.partial(_epoch_generator, cell, context),
        cell.group,
        context.checkpoints,
    )
    for epoch, finite in course:
        found = measure(network, sample, by_epoch[epoch], context.device) if finite else {"status": "diverged"}
        yield by_epoch[epoch].row(**found)
        context.notify(f"{cell.data}: {by_epoch[epoch].key} epoch {epoch} {found['status']}")
    if context.checkpoints:
        context.checkpoints.discard(cell.group)


def draw(cell: Cell, context: Context) -> Sample:
    """The cell's images; cells that differ in β alone have the same ones."""
    rng = seeds.generator(context.study, "sample", cell.seed, data=cell.data)
    return draw_sample(
        context.images(cell.data), cell.side, cell.n, cell.validation, cell.test_points, cell.flip_rate, rng
    )


def build(cell: Cell, context: Context) -> nn.Module:
    """The network at the start of training, on the device."""
    mean, std = STATISTICS[cell.data]
    classes = len({"mnist": DIGITS, "cifar10": CIFAR10_CLASSES}[cell.data])
    start = seeds.seed(context.study, "init", cell.seed, data=cell.data, network=cell.network, width=cell.width)
    if cell.network == "preact_resnet18":
        network = seeded(start, lambda: preact_resnet18(classes, mean, std))
    else:
        network = seeded(start, lambda: convolutional(cell.width, cell.side, classes, mean, std))
    return network.to(context.device)


def recipe(cell: Cell) -> Recipe:
    """How the cell's network is trained."""
    attack = Attack(cell.pixel_budget, cell.attack_steps, cell.attack_step)
    shared: dict[str, Any] = {
        name: getattr(cell, name) for name in ("batch", "learning_rate", "momentum", "weight_decay", "augment")
    }
    return Recipe(epochs=cell.total_epochs, attack=attack, **shared)


def tensors(points: Points, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (N, C, side, side), float32, and observed labels (N,)."""
    images = torch.tensor(points.images, dtype=torch.float32, device=device)
    return images, torch.tensor(points.observed, device=device)


def _epoch_generator(cell: Cell, context: Context, epoch: int) -> torch.Generator:
    """The randomness of one epoch: order, crops, random starts. Cells that differ in β alone share it."""
    start = seeds.seed(context.study, "epoch", cell.seed, data=cell.data, epoch=epoch)
    return torch.Generator(context.device).manual_seed(start % 2**63)


def measure(network: nn.Module, sample: Sample, cell: Cell, device: str) -> dict[str, Any]:
    """Errors on training and validation images with observed labels, on test images with the true ones."""
    network.eval()
    attack, result = Attack(cell.pixel_budget, **EVALUATION), {}
    for name, points in (("train", sample.train), ("validation", sample.validation), ("test", sample.test)):
        found = worst_case(network, *tensors(points, device), attack)
        if not bool(found.clean.isfinite().all()):
            return {"status": "diverged"}
        result[f"robust_{name}_error"] = float((found.margin <= 0).double().mean())
        result[f"clean_{name}_error"] = float((found.clean <= 0).double().mean())
        if name == "test" and bool(found.vanished.any()):
            result["vanished"] = float(found.vanished.double().mean())
    flipped = np.mean(sample.train.observed != sample.train.clean)
    return {"status": "ok", **result, "flipped": float(flipped), "tested": len(sample.test.clean)}
