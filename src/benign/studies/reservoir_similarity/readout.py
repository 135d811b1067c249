"""Ridge regression on what a pair looks like to a reservoir, or on its pixels.

A reservoir shows a pair at every column of its images. Two ways to read it, as the sources leave it open: "columns"
[3P], one regression for all columns whose outputs are averaged over them, so that, being linear, it reads the mean
state and nothing else; and "trajectory", a regression on the states of all columns side by side. [ours]: a constant
beside the states, penalised as they are, and float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from benign.nets.reservoir import Reservoir, states
from benign.studies.reservoir_similarity.grid import Cell


def shown(cell: Cell, reservoir: Reservoir | None, first: Tensor, second: Tensor) -> Iterator[Tensor]:
    """What pairs (n, side, side) look like at each column, (n, features); without a reservoir once, as pixels."""
    if cell.model == "pixels":
        yield (second - first).flatten(1)
    elif cell.model == "pairs":
        yield torch.cat([first, second], 1).flatten(1)
    elif reservoir and cell.model == "joint":
        yield from states(reservoir, torch.cat([columns(first), columns(second)], 2))
    elif reservoir:
        both = states(reservoir, columns(torch.cat([first, second])))
        yield from (state[len(first) :] - state[: len(first)] for state in both)


def columns(images: Tensor) -> Tensor:
    """(times, n, inputs) of images (n, side, side): an image's columns are its times."""
    return images.permute(2, 0, 1)


class Readout(Protocol):
    """Ridge regression from what pairs show at each column to codes, for all pairs, the first `trained` to train on."""

    def __init__(self, trained: int) -> None: ...

    def add(self, seen: Tensor) -> None:
        """Take one column of all pairs, (n, features)."""

    def outputs(self, codes: Tensor, penalty: float) -> Tensor:
        """Outputs (n, outputs) of all pairs, trained on codes (trained, outputs)."""


class Columns:
    """One regression for all columns."""

    def __init__(self, trained: int) -> None:
        self.trained, self.count = trained, 0
        self.gram, self.sums, self.mean = torch.zeros(()), torch.zeros(()), torch.zeros(())

    def add(self, seen: Tensor) -> None:
        x = _with_constant(seen)
        train = x[: self.trained]
        self.count += 1
        self.gram, self.mean = self.gram + train.T @ train, self.mean + x

    def outputs(self, codes: Tensor, penalty: float) -> Tensor:
        eye = torch.eye(len(self.gram), dtype=torch.float64)
        weights = torch.linalg.solve(self.gram + penalty * eye, self.mean[: self.trained].T @ codes)
        return self.mean @ weights / self.count


class Trajectory:
    """A regression on all columns side by side, by the products of trajectories: pairs are fewer than features."""

    def __init__(self, trained: int) -> None:
        self.trained, self.products = trained, torch.ones((), dtype=torch.float64)

    def add(self, seen: Tensor) -> None:
        self.products = self.products + seen @ seen[: self.trained].T

    def outputs(self, codes: Tensor, penalty: float) -> Tensor:
        eye = torch.eye(self.trained, dtype=torch.float64)
        return self.products @ torch.linalg.solve(self.products[: self.trained] + penalty * eye, codes)


READOUTS: dict[str, type[Readout]] = {"columns": Columns, "trajectory": Trajectory}


def _with_constant(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
