"""Trains the networks, trials of a setting side by side, and measures errors and how far each is from equivariant."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benign import seeds
from benign.nets import equivariant, translations
from benign.nets.equivariant import Architecture, Layer, Parameters
from benign.nets.representations import group
from benign.nets.translations import Convolution
from benign.studies.residual_pathway import images, systems
from benign.studies.residual_pathway.grid import Cell
from benign.studies.residual_pathway.systems import Sample
from benign.study import Context
from benign.train.device import hold_precision

Network = Architecture | Convolution
NEAR = 0.3  # of the random elements' coordinates: those of SL(3) are unbounded
MOMENTUM = 0.9
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
    pictured = first.system == "images"
    samples = [images.sample(cell, context) if pictured else systems.sample(cell, context.study) for cell in cells]
    data = Sample(*(torch.stack(part).to(device) for part in zip(*map(_parts, samples), strict=True)))
    network: Network = images.network(first) if pictured else systems.architecture(first)
    parameters, name = train(cells, network, data, context), "error" if pictured else "mse"
    errors = {
        f"train_{name}": _errors(first, network, parameters, data.x, data.y),
        f"test_{name}": _errors(first, network, parameters, data.test_x, data.test_y),
        "equivariance_error": equivariance_error(cells, network, parameters, data.test_x, context),
    }
    context.notify(f"{first.system}, {first.symmetry}, {first.model}: {len(cells)} trials")
    return [{name: values[i] for name, values in errors.items()} for i in range(len(cells))]


def _row(cell: Cell, found: dict[str, float]) -> dict[str, Any]:
    fine = all(math.isfinite(value) for value in found.values())
    return cell.row(status="ok" if fine else "diverged", **(found if fine else {}))


def _parts(sample: Sample) -> tuple[Tensor, ...]:
    return (sample.x, sample.y, sample.test_x, sample.test_y)


def predicted(cell: Cell, network: Network, parameters: Parameters, x: Tensor, keep: bool) -> Tensor:
    """Inertia (B, N, 9), states (B, N, LENGTH, 12), or the logits of images (B, N, classes)."""
    layers = _assembled(network, parameters)
    if isinstance(network, Architecture) and cell.system == "pendulum":
        return systems.flow(network, layers, x, keep)
    return _outputs(network, layers, x)


def _assembled(network: Network, parameters: Parameters) -> list[Layer]:
    if isinstance(network, Convolution):
        return translations.assembled(network, parameters)
    return equivariant.assembled(network, parameters)


def _outputs(network: Network, layers: list[Layer], x: Tensor) -> Tensor:
    if isinstance(network, Convolution):
        return translations.outputs(network, layers, x)
    return equivariant.outputs(network, layers, x)


def _errors(cell: Cell, network: Network, parameters: Parameters, x: Tensor, y: Tensor) -> list[float]:
    """Mean squared error of each network, or the share of images that it gives the wrong class."""
    with torch.no_grad():
        found = [predicted(cell, network, parameters, some, False) for some in x.split(cell.batch, 1)]
    # Each by itself: the order of a sum must not depend on which networks stand beside.
    pairs = zip(torch.cat(found, 1), y, strict=True)
    if cell.system == "images":
        return [float((one.argmax(-1) != true).double().mean()) for one, true in pairs]
    return [float(((one - true).cpu().double() ** 2).mean()) for one, true in pairs]


# ---------------------------------------------------------------- training


def train(cells: list[Cell], network: Network, data: Sample, context: Context) -> Parameters:
    """The trained parameters, B = len(cells); taken up from a checkpoint if there is one."""
    cell, device, study = cells[0], context.device, context.study
    starts = [_start(network, seeds.generator(study, "start", c.seed, **_sizes(c))) for c in cells]
    parameters = {name: torch.cat([start[name] for start in starts]).to(device) for name in starts[0]}
    for values in parameters.values():
        values.requires_grad_()
    optimiser = _optimiser(cell, parameters)
    name = hashlib.sha256(" ".join(c.key for c in cells).encode()).hexdigest()[:16]
    done = _resume(name, parameters, optimiser, context)
    for epoch in range(done, cell.epochs):
        if cell.system == "images":
            optimiser.param_groups[0]["lr"] = cell.rate * (1 + math.cos(math.pi * epoch / cell.epochs)) / 2
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


def _optimiser(cell: Cell, parameters: Parameters) -> torch.optim.Optimizer:
    """Adam, or for images gradient descent, as in the authors' code."""
    if cell.system == "images":
        return torch.optim.SGD(parameters.values(), lr=cell.rate, momentum=MOMENTUM)
    return torch.optim.Adam(parameters.values(), lr=cell.rate)


def _start(network: Network, rng: np.random.Generator) -> Parameters:
    if isinstance(network, Convolution):
        return translations.initial(network, rng)
    return equivariant.initial(network, rng)


def _sizes(cell: Cell) -> dict[str, Any]:
    """What decides the shapes of a start."""
    return {"model": cell.model, "symmetry": cell.symmetry, "system": cell.system, "width": cell.width}


def _loss(cell: Cell, network: Network, parameters: Parameters, data: Sample, rows: Tensor) -> Tensor:
    """Summed over networks: the mini-batches' mean squared errors, of images cross-entropies, and penalties.

    rows (B, batch)
    """
    each = torch.arange(len(rows), device=rows.device)[:, None]
    x, y = data.x[each, rows], data.y[each, rows]
    found = predicted(cell, network, parameters, x, True)
    everything = cell.system != "inertia"
    penalty = equivariant.penalty(parameters, cell.basic_penalty, cell.equivariant_penalty, everything)
    if cell.system == "images":
        each = cross_entropy(found.flatten(0, 1), y.flatten(), reduction="none").view(y.shape)
        return each.mean(1).sum() + penalty
    return (found - y).square().flatten(1).mean(1).sum() + penalty


def _state(parameters: Parameters, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Parameters and their moments, by name."""
    moments = {
        f"{kind} {name}": optimiser.state[values][kind]
        for name, values in parameters.items()
        for kind in optimiser.state[values]
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
            kinds = (
                ("exp_avg", "exp_avg_sq", "step") if isinstance(optimiser, torch.optim.Adam) else ("momentum_buffer",)
            )
            moments = {kind: state[f"{kind} {key}"] for kind in kinds}
            optimiser.state[values] = {k: v if k == "step" else v.to(values.device) for k, v in moments.items()}
    return epochs


# ---------------------------------------------------------------- equivariance


def equivariance_error(
    cells: list[Cell], network: Network, parameters: Parameters, x: Tensor, context: Context
) -> list[float]:
    """Of each network, over fresh points x (B, N, in), each turned by its own element of the group."""
    cell, count = cells[0], x.shape[1]
    rngs = [seeds.generator(context.study, "elements", c.seed, symmetry=cell.symmetry, n=count) for c in cells]
    with torch.no_grad():
        layers = _assembled(network, parameters)
        if isinstance(network, Convolution):
            both = _under_translations(network, layers, x, rngs)
        else:
            both = _under_matrices(network, layers, x, rngs)
    return [_distance(one, other) for one, other in zip(*(part.cpu().double() for part in both), strict=True)]


def _under_matrices(
    network: Architecture, layers: list[Layer], x: Tensor, rngs: list[np.random.Generator]
) -> tuple[Tensor, Tensor]:
    """f(gx) and g f(x), where f is what is learnt."""
    turned, back = [], []
    for rng, points in zip(rngs, x.cpu().double().numpy(), strict=True):
        elements = [group(network.symmetry).element(rng, NEAR) for _ in points]
        turned.append(np.stack([network.source.matrix(g) @ p for g, p in zip(elements, points, strict=True)]))
        back.append(np.stack([network.target.matrix(g) for g in elements]))
    moved = torch.from_numpy(np.stack(turned)).float().to(x.device)
    matrices = torch.from_numpy(np.stack(back)).float().to(x.device)  # (B, N, out, out)
    after = equivariant.outputs(network, layers, moved)
    return after, (matrices @ equivariant.outputs(network, layers, x)[..., None])[..., 0]


def _under_translations(
    network: Convolution, layers: list[Layer], x: Tensor, rngs: list[np.random.Generator]
) -> tuple[Tensor, Tensor]:
    """f(gx) and g f(x), where f is the last hidden layer: the map from it to the logits is unconstrained."""
    side = network.last_side
    by = [rng.integers(side, size=(x.shape[1], 2)) for rng in rngs]
    pace = network.side // side  # pixels that are one place of the last layer

    def turned(fields: Tensor, side: int, pace: int) -> Tensor:
        return torch.stack([translations.moved(one, side, pace * n) for one, n in zip(fields, by, strict=True)])

    after = translations.features(network, layers, turned(x, network.side, pace))
    return after, turned(translations.features(network, layers, x), side, 1)


def _distance(one: Tensor, other: Tensor) -> float:
    """Relative to both lengths; 0 where both are 0."""
    lengths = float(one.norm() + other.norm())
    return float((one - other).norm()) / lengths if lengths else 0.0
