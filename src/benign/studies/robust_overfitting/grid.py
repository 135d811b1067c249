"""What is trained: a deep network on images, or a two-layer network on noisy clusters, measured along the way.

Settings of Rice, Wong, Kolter, ICML 2020 [M: from memory] stand in the gpu tier of the grid; the sizes of the other
tiers are [ours].
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Literal

from benign.attack import VANISHED
from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Study, column, field

SIDES = {"mnist": 28, "cifar10": 32}  # pixels of the images as they come
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


class Cell(BaseCell):
    """One network after `epochs` passes over its training set; cells that differ in `epochs` alone are one training."""

    shapes = (("width", "width"), ("batch",))
    experiment: str = "single"
    data: Literal["clusters", "mnist", "cifar10"] = field("noisy clusters, or an image set")
    flip_rate: float = field("β, of training and validation labels", at_least=0, at_most=0.5)
    n: int = field("training points [n]", at_least=1)
    width: int = field("neurons [m], or channels of the first convolution", at_least=1)
    budget: float = field(
        "α of training and measurement, for images in pixels from 0 to 1 at their own resolution; 0: ordinary training",
        at_least=0,
    )
    epochs: int = field("passes over the training set", at_least=1)
    test_points: int = field("test points; 0 for all that an image set has", at_least=0)
    seed: int = field("the replicate", at_least=0)
    d: int = field("clusters: dimension [d]", default=0, at_least=0)
    signal: float = field("clusters: ‖μ‖", default=0.0, unit="standard deviations", at_least=0)
    network: Literal["two_layer", "convolutional", "preact_resnet18"] = field("images: network", default="two_layer")
    side: int = field("images: pixels of a side after down-sampling", default=0, at_least=0)
    validation: int = field("images: images held out, on which the best epoch is chosen", default=0, at_least=0)
    total_epochs: int = field(
        "images: length of the training, on which the rate's decay is laid out", default=0, at_least=0
    )
    batch: int = field("images: points of a mini-batch", default=0, at_least=0)
    learning_rate: float = field("images: learning rate", default=0.0, at_least=0)
    momentum: float = field("images: momentum", default=0.0, at_least=0, below=1)
    weight_decay: float = field("images: weight decay", default=0.0, at_least=0)
    augment: bool = field("images: whether they are shifted and mirrored", default=False)
    attack_steps: int = field("images: steps of the training's projected gradient ascent", default=0, at_least=0)
    attack_step: float = field("images: length of such a step, as a share of α", default=0.0, at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        if self.data == "clusters":
            return [
                ("test_points", self.test_points >= 1, "at least 1 (0 is for image sets)"),
                ("d", self.d >= 1, "at least 1"),
                ("width", self.width % 2 == 0, "even: half of the neurons have each sign"),
            ]
        sides, attacked = _sides(self.network, SIDES[self.data]), self.budget > 0
        return [
            ("network", self.network != "two_layer", "convolutional or preact_resnet18"),
            ("side", self.side in sides, f"one of {sides}"),
            ("validation", self.validation >= 1, "at least 1 image: the best epoch is chosen on them"),
            ("total_epochs", self.total_epochs >= self.epochs, f"at least epochs={self.epochs}"),
            ("batch", self.batch >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "above 0"),
            ("attack_steps", not attacked or self.attack_steps >= 1, "at least 1"),
            ("attack_step", not attacked or self.attack_step > 0, "above 0"),
        ]

    def irrelevant(self) -> dict[str, Any]:
        settled = dict(OF_IMAGES if self.data == "clusters" else OF_CLUSTERS)
        if self.data != "clusters" and self.network == "preact_resnet18":
            settled["width"] = 64
        if self.budget == 0:
            settled |= {"attack_steps": 0, "attack_step": 0.0}
        return settled

    @functools.cached_property
    def group(self) -> str:
        """Cells of one training: they differ in when it is measured."""
        return self.replace(epochs=1).key

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


class Row(BaseRow):
    """Training and validation errors are with observed labels, test errors with the true ones."""

    robust_train_error: float | None = column("robust error over the training points")
    clean_train_error: float | None = column("error over the training points")
    robust_validation_error: float | None = column("robust error over the images held out")
    clean_validation_error: float | None = column("error over the images held out")
    robust_test_error: float | None = column("robust error over test points, true labels")
    clean_test_error: float | None = column("error over test points, true labels")
    tested: int | None = column("test points")
    vanished: float | None = column(VANISHED)
    flipped: float | None = column("share of the training labels that are wrong")
    floor: float | None = column("clusters: the least robust error of any classifier, true labels")
    in_regime: bool | None = column(
        "clusters: whether assumptions of the theorem's form hold, with a practical step and start"
    )


STUDY = Study(
    __package__,
    title="Rice, Wong, Kolter, Overfitting in adversarially robust deep learning, ICML 2020: the contrast "
    "to the flagship.",
    cell=Cell,
    row=Row,
    figures=("contrast", "early_stopping", "remedies"),
    start={"epochs": 1},
    theory={"robust_test_error": ("floor",)},
)
