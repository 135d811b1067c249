"""The study's cell, one for all its experiments, and the cells of a grid.

Wilson, "Deep Learning is Not So Mysterious or Different", ICML 2025 (arXiv 2503.02113), as digests and notebooks render
it [3P, S]. What a source fixes is said where it is used; all else is [ours] and stands in the grid file.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from benign.cells import Cell as BaseCell
from benign.cells import CellError
from benign.grids import points

POLYNOMIALS = ("curve", "order", "sample_size")
IMAGES = ("altered_labels", "compression", "connectivity")
EXPERIMENTS = (*POLYNOMIALS, "double_descent", *IMAGES)
TARGETS = ("simple", "structured", "noise")
# Fields that an experiment has beside experiment, data, n and seed; the others are set to their defaults.
FIELDS: dict[str, tuple[str, ...]] = {
    "curve": ("target", "order", "penalty", "growth", "noise", "position"),
    "order": ("target", "order", "penalty", "growth", "noise"),
    "sample_size": ("target", "order", "penalty", "growth", "noise"),
    "double_descent": ("features", "d", "penalty", "noise"),
    "altered_labels": ("side", "flip_rate", "noise", "length_scale"),
    "compression": ("side", "width", "labels", "subspace", "steps", "batch", "rate"),
    "connectivity": ("side", "width", "path", "position", "steps", "path_steps", "batch", "rate"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(BaseCell):
    """One fit, or one measurement on a trained network.

    n: training points; 0 for all training images · seed: the replicate
    target, order, growth (γ): of polynomials · penalty: λ of polynomials, and of the effective dimension
    noise: standard deviation of the targets' noise; for altered_labels the process's noise variance
    position: in [0, 1], from the interval's (or path's) one end to the other
    features, d: "gaussian" or "relu", and how many · flip_rate: share of altered labels, in expectation
    length_scale: of the kernel, in units of the median distance of training points
    side, width: pixels a side, neurons a hidden layer · labels: "true" or "random" · subspace: its dimension k
    path: "line" or "bezier" · steps, path_steps, batch, rate: of Adam, for networks and for the path
    """

    experiment: str
    data: str = "synthetic"
    n: int
    target: str = "structured"
    order: int = 15
    penalty: float = 0.0
    growth: float = 1.5
    noise: float = 0.0
    position: float = 0.0
    features: str = "gaussian"
    d: int = 1
    side: int = 28
    flip_rate: float = 0.0
    length_scale: float = 0.5
    width: int = 1
    labels: str = "true"
    subspace: int = 1
    path: str = "line"
    steps: int = 1
    path_steps: int = 1
    batch: int = 1
    rate: float = 0.01
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._validate()
        kept = ("experiment", "data", "n", "seed", *FIELDS[self.experiment])
        for field in dataclasses.fields(self):
            if field.name not in kept:
                object.__setattr__(self, field.name, field.default)

    def _validate(self) -> None:
        images = self.experiment in IMAGES
        finite = all(np.isfinite(value) for value in self.fields().values() if isinstance(value, float))
        limits: list[tuple[str, bool, str]] = [
            ("experiment", self.experiment in EXPERIMENTS, f"one of {', '.join(EXPERIMENTS)}"),
            ("data", self.data == ("mnist" if images else "synthetic"), "mnist for images, synthetic for the others"),
            ("n", self.n >= (0 if self.experiment in ("compression", "connectivity") else 2), "at least 2"),
            ("target", self.target in TARGETS, f"one of {', '.join(TARGETS)}"),
            ("order", self.order >= 0, "at least 0"),
            ("penalty", finite and self.penalty >= 0, "a finite number, at least 0"),
            ("growth", finite and self.growth >= 1, "a finite number, at least 1: higher orders cost no less"),
            ("noise", finite and self.noise >= 0, "a finite number, at least 0"),
            ("position", 0 <= self.position <= 1, "in [0, 1]"),
            ("features", self.features in ("gaussian", "relu"), "gaussian or relu"),
            ("d", self.d >= 1, "at least 1"),
            ("side", self.side >= 1, "at least 1 pixel"),
            ("flip_rate", 0 <= self.flip_rate <= 0.5, "in [0, 0.5]"),
            ("length_scale", finite and self.length_scale > 0, "a finite number above 0"),
            ("labels", self.labels in ("true", "random"), "true or random"),
            ("path", self.path in ("line", "bezier"), "line or bezier"),
            ("rate", finite and self.rate > 0, "a finite number above 0"),
            *((name, getattr(self, name) >= 1, "at least 1") for name in ("width", "subspace", "batch")),
            *((name, getattr(self, name) >= 1, "at least 1") for name in ("steps", "path_steps")),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")
        if self.experiment == "double_descent" and self.penalty == 0:
            raise CellError("penalty=0.0 leaves no effective dimension: give double_descent a penalty above 0")

    @functools.cached_property
    def group(self) -> str:
        """Cells that look at one fit, or one pair of networks, at different places."""
        return dataclasses.replace(self, position=0.0, path="line").key


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """What the command line leaves out: a polynomial of the order experiment, with the grid's common values."""
    return {"experiment": "order", "n": 20, "seed": 0, **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid (see benign.grids); a block's `positions` stands for that many, evenly spaced."""
    experiments = {name: [_positioned(block) for block in blocks] for name, blocks in grid["experiments"].items()}
    found = (Cell(**point) for point in points({**grid, "experiments": experiments}))
    return list({cell.key: cell for cell in found}.values())


def _positioned(block: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in block.items() if name != "positions"}
    if "positions" not in block:
        return rest
    return {**rest, "position": [round(float(t), 9) for t in np.linspace(0, 1, block["positions"])]}
