"""One training of a DAG on images, and the three aspects that the paper ranks DAGs by."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from benign import seeds
from benign.nets.dag import effective
from benign.studies.no_free_lunch.grid import Cell, shape
from benign.studies.no_free_lunch.sample import Sample
from benign.study import Context
from benign.train.dag import Parameters, initial, loss_and_error, prune, step

CLASSES, HALF = 10, 0.5


def start(cell: Cell, size: int, context: Context) -> Parameters:
    """The network at the start: DAGs of one seed have the same weights at each edge."""
    dag = effective(cell.dag)
    roles = ["ends", *(f"edges {copy}" for copy in range(len(dag.split("-"))))]
    rngs = [seeds.generator(context.study, role, cell.seed, width=cell.width) for role in roles]
    found = initial(dag, size, cell.width, CLASSES, rngs)
    for copy, share in enumerate(cell.pruned):
        if share > 0:
            prune(found, copy, share, seeds.generator(context.study, f"pruned {copy}", cell.seed, width=cell.width))
    return found


def measure(cell: Cell, data: Sample, context: Context) -> dict[str, Any]:
    """The columns of one training; a loss that is no number where it diverged."""
    dag = effective(cell.dag)
    parameters = start(cell, data.x.shape[1], context)
    errors = _train(cell, parameters, data, context)
    (train_loss, train_error), (test_loss, test_error) = (
        loss_and_error(dag, parameters, *part) for part in ((data.x, data.y), (data.test_x, data.test_y))
    )
    epochs, reached = to_half(errors, math.ceil(cell.n / cell.batch))
    return shape(cell.dag) | {
        "train_loss": train_loss, "test_loss": test_loss, "train_error": train_error, "test_error": test_error,
        "epochs_to_half": epochs, "reached": reached, "tested": len(data.test_y),
    }  # fmt: skip


def _train(cell: Cell, parameters: Parameters, data: Sample, context: Context) -> list[float]:
    """Train in place, from a checkpoint if there is one.

    Returns the training error at the start and after each step until it is 1/2.
    """
    dag, first = effective(cell.dag), 0
    errors = [loss_and_error(dag, parameters, data.x, data.y)[1]]
    if saved := context.checkpoints.load(cell.group) if context.checkpoints else None:
        first, state = saved
        errors = state["errors"].tolist()
        for name, tensor in parameters.tensors().items():
            tensor.copy_(state[name])
    for epoch in range(first, cell.epochs):
        rng = seeds.generator(context.study, "order", cell.seed, data=cell.data, epoch=epoch)
        for rows in torch.from_numpy(rng.permutation(len(data.y))).split(cell.batch):
            step(dag, parameters, data.x[rows], data.y[rows], cell.rate)
            if errors[-1] > HALF:
                errors.append(loss_and_error(dag, parameters, data.x, data.y)[1])
        if context.checkpoints and context.checkpoints.due():
            context.checkpoints.save(cell.group, epoch + 1, _state(parameters, errors))
    if context.checkpoints:
        context.checkpoints.discard(cell.group)
    return errors


def _state(parameters: Parameters, errors: list[float]) -> dict[str, Tensor]:
    return parameters.tensors() | {"errors": torch.tensor(errors, dtype=torch.float64)}


def to_half(errors: list[float], steps: int) -> tuple[float, bool]:
    """Epochs until half of the training images are classified rightly, linear between steps.

    errors: at the start and after each step until 1/2; steps: in an epoch. If 1/2 is not reached: the epochs trained.
    """
    if errors[-1] > HALF or len(errors) == 1:
        return (len(errors) - 1) / steps, errors[-1] <= HALF
    before, after = errors[-2:]
    return (len(errors) - 1 - (HALF - after) / (before - after)) / steps, True
