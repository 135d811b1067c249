"""What is trained: a deep network on images, or the flagship's two-layer network on clusters, measured along the way.

Settings of Rice, Wong, Kolter, ICML 2020 [M: from memory] stand in the gpu tier of the grid; the sizes of the other
tiers are [ours].
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

from benign.cells import Cell as BaseCell
from benign.cells import CellError
from benign.grids import points

SIDES = {"mnist": 28, "cifar10": 32}  # pixels of the images as they come
NETWORKS = ("convolutional", "preact_resnet18")
# Fields that decide nothing of the other kind of problem, and the value that they have there.
OF_IMAGES: dict[str, Any] = {
    "network": "two_layer",
    "side": 0,
    "validation": 0,
    "total_epochs": 0,
    "batch": 0,
    "learning_rate": 0.0,
    "momentum": 0.0,
    "weight_decay": 0.0,
    "augment": False,
    "attack_steps": 0,
    "attack_step": 0.0,
}
OF_CLUSTERS: dict[str, Any] = {"d": 0, "signal": 0.0}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(BaseCell):
    """One network after `epochs` passes over its training set; cells that differ in `epochs` alone are one training.

    data: "clusters", "mnist" or "cifar10"
    n: training points · flip_rate: β, of training and validation labels · test_points: 0 for all that an image set has
    budget: α of training and measurement, in units of the noise for clusters, of pixels from 0 to 1 at the images' own
        resolution for images; 0 is ordinary training, and its robust errors are the clean ones
    width: neurons, or channels of the first convolution · seed: the replicate

    Clusters only: d, signal (‖μ‖); the rest of their setting is the flagship's. Images only: network; side: pixels
    after down-sampling; validation: images held out; total_epochs: length of the training, on which the learning rate's
    decay is laid out; batch, learning_rate, momentum, weight_decay, augment; attack_steps and attack_step (a share of
    α): of the training's projected gradient ascent.
    """

    experiment: str = "single"
    data: str
    flip_rate: float
    n: int
    width: int
    budget: float
    epochs: int
    test_points: int
    seed: int
    d: int = 0
    signal: float = 0.0
    network: str = "two_layer"
    side: int = 0
    validation: int = 0
    total_epochs: int = 0
    batch: int = 0
    learning_rate: float = 0.0
    momentum: float = 0.0
    weight_decay: float = 0.0
    augment: bool = False
    attack_steps: int = 0
    attack_step: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        irrelevant = dict(OF_IMAGES if self.data == "clusters" else OF_CLUSTERS)
        if self.network == "preact_resnet18":
            irrelevant["width"] = 64
        if self.budget == 0:
            irrelevant |= {"attack_steps": 0, "attack_step": 0.0}
        for name, value in irrelevant.items():
            object.__setattr__(self, name, value)
        self._validate()

    def _validate(self) -> None:
        attacked = self.budget > 0
        limits: list[tuple[str, bool, str]] = [
            ("data", self.data in ("clusters", *SIDES), f"one of clusters, {', '.join(SIDES)}"),
            ("flip_rate", 0 <= self.flip_rate <= 0.5, "in [0, 0.5]"),
            ("n", self.n >= 1, "at least 1 training point"),
            ("width", self.width >= 1, "at least 1"),
            ("budget", 0 <= self.budget < math.inf, "a finite number, at least 0"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("test_points", self.test_points >= (self.data == "clusters"), "at least 1 (0 for all of an image set)"),
        ]
        if self.data in SIDES:
            full = SIDES[self.data]
            limits += [
                ("network", self.network in NETWORKS, f"one of {', '.join(NETWORKS)}"),
                ("side", self.side in _sides(self.network, full), f"one of {_sides(self.network, full)}"),
                ("validation", self.validation >= 1, "at least 1 image: the best epoch is chosen on them"),
                ("total_epochs", self.total_epochs >= self.epochs, f"at least epochs={self.epochs}"),
                ("batch", self.batch >= 1, "at least 1"),
                ("learning_rate", 0 < self.learning_rate < math.inf, "a finite number above 0"),
                ("momentum", 0 <= self.momentum < 1, "in [0, 1)"),
                ("weight_decay", 0 <= self.weight_decay < math.inf, "a finite number, at least 0"),
                ("attack_steps", self.attack_steps >= attacked, "at least 1"),
                ("attack_step", attacked <= (self.attack_step > 0) and self.attack_step < math.inf, "above 0"),
            ]
        else:
            limits += [
                ("d", self.d >= 1, "at least 1"),
                ("signal", 0 <= self.signal < math.inf, "a finite number, at least 0"),
                ("width", self.width % 2 == 0, "even: half of the neurons have each sign"),
            ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")

    @functools.cached_property
    def group(self) -> str:
        """Cells of one training: they differ in when it is measured."""
        return dataclasses.replace(self, epochs=1).key

    @property
    def pixel_budget(self) -> float:
        """α at the resolution of the training: averaging blocks of b x b pixels turns the ball of radius α into the
        ball of radius α/b, exactly (docs/theory.md §18)."""
        return self.budget * self.side / SIDES[self.data]


def _sides(network: str, full: int) -> list[int]:
    """Sides that a network takes and that divide the image's: even, and at least 10 for two convolutions of 3 x 3."""
    if network == "preact_resnet18":
        return [32] if full == 32 else []
    return [side for side in range(10, full + 1, 2) if full % side == 0]


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """What scripts/run_cell.py takes for fields that are left out: a training on images to its end."""
    common = grid["common"]
    return {"seed": 0, "epochs": common["total_epochs"], **common}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """Every point of the grid (benign.grids), each once."""
    unique = {cell.key: cell for cell in (Cell(**point) for point in points(grid))}
    return list(unique.values())
