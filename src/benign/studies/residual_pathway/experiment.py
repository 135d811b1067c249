"""Trains the networks, trials of a setting side by side, and measures errors and how far each is from equivariant."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benign import seeds
from benign.nets import equivariant
from benign.nets.equivariant import Architecture, Parameters
from benign.nets.representations import group
from benign.studies.residual_pathway import systems
from benign.studies.residual_pathway.grid import Cell
from benign.studies.residual_pathway.systems import Sample
from benign.study import Context
from benign.train.device import hold_precision

NEAR = 0.3  # of the random elements' coordinates: those of SL(3) are unbounded
# Trials that are trained side by side, where a network is so small that a step is many small operations.
BLOCK, SMALL = 3, 60_000


def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell; trials of one setting are trained side by side.

    Always in the same blocks, whichever of a block's trials are asked for: roundings depend on what stands beside.
    """
    hold_precision(context.device)
    blocks: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        blocks.setdefault((cell.group, cell.seed // block_size(cell)), []).append(cell)
    for (_, number), asked in blocks.items():
        size = block_size(asked[0])
        trials = [asked[0].replace(experiment="tasks", seed=number * size + place) for place in range(size)]
        found = _measured(trials, context)
        yield from (_row(cell, found[cell.seed % size]) for cell in asked)


def block_size(cell: Cell) -> int:
    """How many trials of a setting are trained side by side."""
    return BLOCK if cell.batch * cell.width <= SMALL else 1


def _measured(cells: list[Cell], context: Context) -> list[dict[str, float]]:
    """What is measured on each of these trained networks, which differ in the seed alone."""
    first, device = cells[0], torch.device(context.device)
    samples = [systems.sample(cell, context.study) for cell in cells]
    data = Sample(*(torch.stack(part).to(device) for part in zip(*map(_parts, samples), strict=True)))
    network = systems.architecture(first)
    parameters = train(cells, network, data, context)
    errors = {
        "train_mse": _errors(first, network, parameters, data.x, data.y),
        "test_mse": _errors(first, network, parameters, data.test_x, data.test_y),
        "equivariance_error": equivariance_error(cells, network, parameters, data.test_x, context),
    }
    context.notify(f"{first.system}, {first.symmetry}, {first.model}: {len(cells)} trials")
    return [{name: values[i] for name, values in errors.items()} for i in range(len(cells))]


def _row(cell: Cell, found: dict[str, float]) -> dict[str, Any]:
    fine = all(math.isfinite(value) for value in found.values())
    return cell.row(status="ok" if fine else "diverged", **(found if fine else {}))


def _parts(sample: Sample) -> tuple[Tensor, ...]:
    return (sample.x, sample.y, sample.test_x, sample.test_y)


def predicted(cell: Cell, network: Architecture, parameters: Parameters, x: Tensor, keep: bool) -> Tensor:
    """Inertia (B, N, 9), or states (B, N, LENGTH, 12)."""
    layers = equivariant.assembled(network, parameters)
    if cell.system == "inertia":
        return equivariant.outputs(network, layers, x)
    return systems.flow(network, layers, x, keep)


def _errors(cell: Cell, network: Architecture, parameters: Parameters, x: Tensor, y: Tensor) -> list[float]:
    """Mean squared error of each network."""
    with torch.no_grad():
        found = [predicted(cell, network, parameters, some, False) for some in x.split(cell.batch, 1)]
    # Each by itself: the order of a sum must not depend on which networks stand beside.
    return [float(((one - true).cpu().double() ** 2).mean()) for one, true in zip(torch.cat(found, 1), y, strict=True)]


# ---------------------------------------------------------------- training


def train(cells: list[Cell], network: Architecture, data: Sample, context: Context) -> Parameters:
    """The trained parameters, B = len(cells); taken up from a checkpoint if there is one."""
    cell, device, study = cells[0], context.device, context.study
    starts = [equivariant.initial(network, seeds.generator(study, "start", c.seed, **_sizes(c))) for c in cells]
    parameters = {name: torch.cat([start[name] for start in starts]).to(device) for name in starts[0]}
    for values in parameters.values():
        values.requires_grad_()
    optimiser = torch.optim.Adam(parameters.values(), lr=cell.rate)
    name = hashlib.sha256(" ".join(c.key for c in cells).encode()).hexdigest()[:16]
    done = _resume(name, parameters, optimiser, context)
    for epoch in range(done, cell.epochs):
        orders = [seeds.generator(study, "order", c.seed, epoch=epoch, n=c.n).permutation(c.n) for c in cells]
        for rows in torch.from_numpy(np.stack(orders)).to(device).split(cell.batch, 1):
            optimiser.zero_grad()
            _loss(cell, network, parameters, data, rows).backward()
            optimiser.step()
        if context.checkpoints and context.checkpoints.due():
            context.checkpoints.save(name, epoch + 1, _state(parameters, optimiser))
    if context.checkpoints:
        context.checkpoints.discard(name)
    return {key: values.detach() for key, values in parameters.items()}


def _sizes(cell: Cell) -> dict[str, Any]:
    """What decides the shapes of a start."""
    return {"model": cell.model, "symmetry": cell.symmetry, "system": cell.system, "width": cell.width}


def _loss(cell: Cell, network: Architecture, parameters: Parameters, data: Sample, rows: Tensor) -> Tensor:
    """Summed over networks: the mini-batches' mean squared errors, and penalties. rows (B, batch)."""
    each = torch.arange(len(rows), device=rows.device)[:, None]
    x, y = data.x[each, rows], data.y[each, rows]
    found = predicted(cell, network, parameters, x, True)
    everything = cell.system == "pendulum"
    penalty = equivariant.penalty(parameters, cell.basic_penalty, cell.equivariant_penalty, everything)
    return (found - y).square().flatten(1).mean(1).sum() + penalty


def _state(parameters: Parameters, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Parameters and their moments, by name."""
    moments = {
        f"{kind} {name}": optimiser.state[values][kind]
        for name, values in parameters.items()
        for kind in ("exp_avg", "exp_avg_sq", "step")
    }
    return parameters | moments


def _resume(name: str, parameters: Parameters, optimiser: torch.optim.Optimizer, context: Context) -> int:
    """The epochs that a checkpoint has; its state is taken over."""
    saved = context.checkpoints.load(name) if context.checkpoints else None
    if saved is None:
        return 0
    epochs, state = saved
    with torch.no_grad():
        for key, values in parameters.items():
            values.copy_(state[key])
            moments = {kind: state[f"{kind} {key}"] for kind in ("exp_avg", "exp_avg_sq", "step")}
            optimiser.state[values] = {k: v if k == "step" else v.to(values.device) for k, v in moments.items()}
    return epochs


# ---------------------------------------------------------------- equivariance


def equivariance_error(
    cells: list[Cell], network: Architecture, parameters: Parameters, x: Tensor, context: Context
) -> list[float]:
    """Of each network, over fresh points x (B, N, in), each turned by its own element of the group."""
    cell, turned, back = cells[0], [], []
    for each, points in zip(cells, x.cpu().double().numpy(), strict=True):
        rng = seeds.generator(context.study, "elements", each.seed, symmetry=cell.symmetry, n=len(points))
        elements = [group(cell.symmetry).element(rng, NEAR) for _ in points]
        turned.append(np.stack([network.source.matrix(g) @ p for g, p in zip(elements, points, strict=True)]))
        back.append(np.stack([network.target.matrix(g) for g in elements]))
    moved = torch.from_numpy(np.stack(turned)).float().to(x.device)
    matrices = torch.from_numpy(np.stack(back)).float().to(x.device)  # (B, N, out, out)
    with torch.no_grad():
        layers = equivariant.assembled(network, parameters)
        after = equivariant.outputs(network, layers, moved)
        before = (matrices @ equivariant.outputs(network, layers, x)[..., None])[..., 0]
    return [_distance(one, other) for one, other in zip(after.cpu().double(), before.cpu().double(), strict=True)]


def _distance(one: Tensor, other: Tensor) -> float:
    """Relative to both lengths; 0 where both are 0."""
    lengths = float(one.norm() + other.norm())
    return float((one - other).norm()) / lengths if lengths else 0.0
