"""Convolutional networks, residual pathways beside them, and plain perceptrons; several trained side by side.

Finzi, Benton, Wilson, NeurIPS 2021 (arXiv 2112.01388) [S: the authors' code has convolutions of 3 x 3 with a dense map
beside each, and linear maps to the logits that are unconstrained in all of its networks]. A hidden layer is a linear
map of channels on a grid of pixels, rectified, and the largest of each 2 x 2 places [ours; theirs has strides and
normalises batches]. The grid is a torus [ours; theirs has a border of zeros], so that convolutions commute with its
translations exactly. In an *equivariant* network ("emlp") the maps are convolutions, written as matrices; a perceptron
("mlp") has unconstrained ones of the same shapes; a *residual pathway* ("rpp") adds to each convolution an
unconstrained map that starts at a thousandth of the perceptron's.

Parameters are named and shaped as in `equivariant`: a leading axis B is of networks, inputs are (B, N, in).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d, relu

from benign.nets.equivariant import BASIC, EQUIVARIANT, PLAIN, RESIDUAL, Layer, Model, Parameters

HEAD = f"head.{PLAIN}"  # the map to the logits
WINDOW = (-1, 0, 1)  # rows, and columns, that a convolution reads around a place
PATHS: dict[Model, tuple[str, ...]] = {"emlp": (EQUIVARIANT,), "rpp": (EQUIVARIANT, BASIC), "mlp": (PLAIN,)}


@dataclasses.dataclass(frozen=True)
class Convolution:
    """model; side: pixels of an image's side, halved by each hidden layer; channels: of the image, then of each
    hidden layer; classes: logits
    """

    model: Model
    side: int
    channels: tuple[int, ...]
    classes: int

    @property
    def maps(self) -> list[tuple[int, int, int]]:
        """(channels from, channels to, side) of each hidden layer's map."""
        ends = enumerate(itertools.pairwise(self.channels))
        return [(source, target, self.side >> layer) for layer, (source, target) in ends]

    @property
    def last_side(self) -> int:
        """Of the last hidden layer."""
        return self.side >> len(self.maps)


@functools.cache
def shifts(side: int) -> Tensor:
    """The maps (9, side², side²) from a channel to a channel that convolutions are combinations of.

    Each gives to every place one place of its window, the same for all.
    """
    places = np.arange(side)
    read = np.zeros((len(WINDOW) ** 2, side**2, side**2), np.float32)
    for k, (down, right) in enumerate((a, b) for a in WINDOW for b in WINDOW):
        rows, columns = (places + down) % side, (places + right) % side
        read[k, np.arange(side**2), (rows[:, None] * side + columns).ravel()] = 1
    return torch.from_numpy(read)


def initial(network: Convolution, rng: np.random.Generator) -> Parameters:
    """One network's start, B = 1: normal weights of He's size, of half his variance for logits; biases are 0."""
    shapes: dict[str, tuple[tuple[int, ...], float]] = {}  # with the standard deviation
    for layer, (source, target, side) in enumerate(network.maps):
        for path in PATHS[network.model]:
            window = len(WINDOW) ** 2 if path == EQUIVARIANT else side**2
            shape = (target, source, window) if path == EQUIVARIANT else (target * window, source * window)
            shapes[f"{layer}.{path}"] = shape, (RESIDUAL if path == BASIC else 1) * (2 / (source * window)) ** 0.5
    last = network.channels[-1] * network.last_side**2
    shapes[HEAD] = (network.classes, last), last**-0.5
    drawn = {f"{name}.weight": scale * rng.standard_normal(shape) for name, (shape, scale) in shapes.items()}
    drawn |= {f"{name}.bias": np.zeros(shape[0]) for name, (shape, _) in shapes.items()}
    return {name: torch.from_numpy(values).float()[None] for name, values in drawn.items()}


def assembled(network: Convolution, parameters: Parameters) -> list[Layer]:
    """The layers: convolutions written as matrices, residual paths added. Once for many inputs."""

    def of(name: str) -> tuple[Tensor, Tensor]:
        return parameters[f"{name}.weight"], parameters[f"{name}.bias"]

    layers = []
    for layer, (source, target, side) in enumerate(network.maps):
        weight, bias = of(f"{layer}.{PATHS[network.model][0]}")
        if network.model != "mlp":
            weight = torch.einsum("boik,kpq->bopiq", weight, shifts(side).to(weight.device))
            weight, bias = weight.reshape(-1, target * side**2, source * side**2), bias.repeat_interleave(side**2, 1)
        if network.model == "rpp":
            weight, bias = (one + other for one, other in zip((weight, bias), of(f"{layer}.{BASIC}"), strict=True))
        layers.append((weight, bias))
    return [Layer(weight, bias[:, None], [], None) for weight, bias in (*layers, of(HEAD))]


def features(network: Convolution, layers: list[Layer], x: Tensor) -> Tensor:
    """The last hidden layer (B, N, channels·side²) of images x (B, N, channels·side²)."""
    for layer, (_, target, side) in zip(layers[:-1], network.maps, strict=True):
        fields = relu(torch.baddbmm(layer.bias, x, layer.weight.mT)).view(-1, target, side, side)
        x = max_pool2d(fields, 2).view(*x.shape[:2], -1)
    return x


def outputs(network: Convolution, layers: list[Layer], x: Tensor) -> Tensor:
    """Logits (B, N, classes) of images x (B, N, channels·side²)."""
    return torch.baddbmm(layers[-1].bias, features(network, layers, x), layers[-1].weight.mT)


def moved(fields: Tensor, side: int, by: NDArray[np.int64]) -> Tensor:
    """Fields (N, channels·side²), each translated by its row of `by` (N, 2): places down, and to the right."""
    each = zip(fields.view(len(fields), -1, side, side), by.tolist(), strict=True)
    return torch.stack([one.roll(tuple(places), (1, 2)) for one, places in each]).view(fields.shape)
