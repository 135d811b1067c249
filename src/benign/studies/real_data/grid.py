"""What is run: the cell, one trained and attacked network, and the cells of a grid."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from benign import grids
from benign.cells import Cell as BaseCell
from benign.cells import CellError

DATA, TRAININGS = ("mnist", "cifar10"), ("adversarial", "ordinary")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(BaseCell):
    """One trained and attacked network; letters in brackets are the paper's.

    data, classes, side: which images, and their size: d is side² (mnist) or 3·side² (cifar10)
    n: training points · flip_rate: β · budget_ratio: α/‖μ̂‖, ‖μ̂‖ of the pair's whole training pool
    training: "adversarial" at α, or "ordinary" (the control), attacked at α
    width: m · slope: γ · init_scale: σ√d · step_scale: c in η = c·n/E‖x‖²
    steps: the fewest, most_steps: the most that a training takes
    test_points: 0 for all test images of the pair · seed: the replicate
    """

    experiment: str = "single"
    data: str
    classes: str
    side: int
    n: int
    flip_rate: float
    budget_ratio: float
    training: str = "adversarial"
    width: int
    slope: float
    init_scale: float
    step_scale: float
    steps: int
    most_steps: int
    test_points: int
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        limits: list[tuple[str, bool, str]] = [
            ("data", self.data in DATA, f"one of {', '.join(DATA)}"),
            ("side", self.side >= 1, "at least 1 pixel"),
            ("n", self.n >= 2, "at least 2: one training point of each class"),
            ("flip_rate", 0 <= self.flip_rate <= 0.5, "in [0, 0.5]"),
            ("budget_ratio", 0 <= self.budget_ratio < np.inf, "a finite number, at least 0"),
            ("training", self.training in TRAININGS, f"one of {', '.join(TRAININGS)}"),
            ("width", self.width >= 2 and self.width % 2 == 0, "even and at least 2: half have each sign"),
            ("slope", 0 <= self.slope <= 1, "in [0, 1]"),
            ("init_scale", 0 <= self.init_scale < np.inf, "a finite number, at least 0"),
            ("step_scale", 0 < self.step_scale < np.inf, "a finite number above 0"),
            ("steps", self.steps >= 1, "at least 1"),
            ("most_steps", self.most_steps >= self.steps, f"at least steps={self.steps}"),
            ("test_points", self.test_points >= 0, "at least 1, or 0 for all test images"),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")

    @functools.cached_property
    def group(self) -> str:
        """Cells with one sample: they differ in budget and training, and ordinary ones share a network."""
        return dataclasses.replace(
            self, experiment="single", budget_ratio=0.0, training="adversarial", steps=1, most_steps=1
        ).key


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """A cell's fields where the command line does not say: the tier's common values, first replicate."""
    return {"seed": 0, **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid (benign.grids.points)."""
    unique = {cell.key: cell for cell in (Cell(**point) for point in grids.points(grid))}
    return list(unique.values())
