"""Echo-state reservoirs: r(t+1) = tanh(W_in u(t) + W_res r(t) + b) with random weights that nothing trains.

W_res has independent entries, uniform on [-1, 1], nine in ten of them 0, and is scaled: "eigenvalue" divides by the
largest |eigenvalue|, so that the spectral radius is SIZE; "square_root" divides by its square root, as published code
of Krishnagopal et al. 2018 does, which leaves SIZE·√max|λ| (1.2 at 1,000 nodes). W_in and b are uniform on [-1, 1].
All inputs of a batch run at once, in float64: a readout that interpolates would magnify roundings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from torch import Tensor

SIZE, DENSITY = 0.5, 0.1
Scaling = Literal["eigenvalue", "square_root"]


@dataclasses.dataclass(frozen=True)
class Reservoir:
    """w_in (nodes, inputs), w_res (nodes, nodes), bias (nodes,); radius: the largest |eigenvalue| of w_res."""

    w_in: Tensor
    w_res: Tensor
    bias: Tensor
    radius: float


def draw(nodes: int, inputs: int, scaling: Scaling, images: int, rng: np.random.Generator) -> Reservoir:
    """Random weights; with several images, each of which has `inputs` pixels a column, an equal share of the nodes
    (to one) sees each, and none sees two.

    Both scalings have the same weights but for W_res's size. Without a nonzero eigenvalue W_res is 0.
    """
    w_res = rng.uniform(-1, 1, (nodes, nodes)) * (rng.random((nodes, nodes)) < DENSITY)
    w_in, bias = rng.uniform(-1, 1, (nodes, inputs)), rng.uniform(-1, 1, nodes)
    largest = float(np.abs(np.linalg.eigvals(w_res)).max())
    scale = 0.0 if largest < 1e-9 else SIZE / (largest if scaling == "eigenvalue" else largest**0.5)
    sees = np.arange(nodes) * images // nodes  # (nodes,): the image that each node sees
    masked = np.concatenate([w_in * (sees == image)[:, None] for image in range(images)], axis=1)
    fed, scaled, constant = (torch.from_numpy(part) for part in (masked, scale * w_res, bias))
    return Reservoir(fed, scaled, constant, scale * largest)


def states(reservoir: Reservoir, inputs: Tensor, start: Tensor | None = None) -> Iterator[Tensor]:
    """States (batch, nodes) after each of the inputs (times, batch, inputs), from `start`, by default 0."""
    nodes = len(reservoir.bias)
    state = torch.zeros(inputs.shape[1], nodes, dtype=torch.float64) if start is None else start
    for seen in inputs:
        state = torch.tanh(torch.addmm(reservoir.bias, seen, reservoir.w_in.T) + state @ reservoir.w_res.T)
        yield state
