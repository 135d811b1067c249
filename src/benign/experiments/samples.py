"""What is drawn for a two-layer network, in the coordinates of a subspace that training never leaves."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from benign.data.clusters import Array, Labels
from benign.nets.two_layer import symmetric
from benign.train.gradient_descent import Problem


@dataclasses.dataclass(frozen=True)
class Coordinates:
    """What is drawn, float64, in orthonormal coordinates of a space that contains it.

    x (n, k) with labels (n,), test_x (N, k) with test_labels (N,); mean (k,): μ, or half the difference of the class
    means; w0 (m, k): initial weights, or half of them, (m/2, k), where they come in pairs
    """

    x: Array
    labels: Labels
    mean: Array
    w0: Array
    test_x: Array
    test_labels: Labels


@dataclasses.dataclass(frozen=True)
class Sample:
    """The same, float32 on the device: a training problem, and what its network is tested on."""

    problem: Problem
    train_clean: Tensor  # (n,), clean labels of the training points
    mean: Tensor  # (k,)
    test_x: Tensor  # (N, k)
    test_clean: Tensor  # (N,)
    test_observed: Tensor  # (N,)


def on_device(drawn: Coordinates, device: str, *, paired: bool = True, **training: Any) -> Sample:
    """A sample of what was drawn; training: what else a problem has, its name, activation, budget and step_size.

    paired: w0 is half of the initial weights
    """

    def tensor(array: Array) -> Tensor:
        return torch.tensor(array, dtype=torch.float32, device=device)

    x, y, w0 = (tensor(array) for array in (drawn.x, drawn.labels.observed, drawn.w0))
    return Sample(
        Problem(x=x, y=y, w0=symmetric(w0) if paired else w0, **training),
        train_clean=tensor(drawn.labels.clean),
        mean=tensor(drawn.mean),
        test_x=tensor(drawn.test_x),
        test_clean=tensor(drawn.test_labels.clean),
        test_observed=tensor(drawn.test_labels.observed),
    )
