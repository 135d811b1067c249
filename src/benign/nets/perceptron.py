"""Multilayer perceptrons whose parameters are one flat vector: points on paths and in subspaces are networks.

ReLU between layers; weights start at N(0, 2/inputs) (He et al. 2015), biases at 0.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor


def parameter_count(sizes: tuple[int, ...]) -> int:
    """How many parameters a perceptron with these layer sizes (inputs, hidden, …, outputs) has."""
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))


def initial(sizes: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """Fresh parameters, (p,) float32: for each layer its weights, row by row, then its biases."""
    parts = []
    for inputs, outputs in itertools.pairwise(sizes):
        weights = rng.standard_normal(outputs * inputs, dtype=np.float32) * math.sqrt(2 / inputs)
        parts += [weights, np.zeros(outputs, dtype=np.float32)]
    return torch.from_numpy(np.concatenate(parts).astype(np.float32))


def logits(parameters: Tensor, sizes: tuple[int, ...], x: Tensor) -> Tensor:
    """Outputs (N, sizes[-1]) of the network with these parameters (p,) at inputs x (N, sizes[0])."""
    layers = list(itertools.pairwise(sizes))
    at = 0
    for index, (inputs, outputs) in enumerate(layers):
        weights = parameters[at : at + inputs * outputs].view(outputs, inputs)
        at += inputs * outputs
        x = torch.nn.functional.linear(x, weights, parameters[at : at + outputs])
        at += outputs
        if index < len(layers) - 1:
            x = torch.relu(x)
    return x
