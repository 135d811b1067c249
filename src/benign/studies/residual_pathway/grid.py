"""What is run: equivariant, residual-pathway and plain networks on systems whose symmetry holds, nearly holds, or not.

Finzi, Benton, Wilson, NeurIPS 2021 [S: the authors' code]: six tasks, 1,000 (inertia) or 500 (pendulum) training
points, 3 layers of 384 or 128 channels, Adam at .003 (.002 for the pendulum under SO(3)), batches of 500, 300 or 1,000
epochs, 10 trials, penalties set per task. *Wrong group*: the targets of the exact task, a network for another group.
*Images* [S]: convolutions with a dense map beside each, penalties of .01 and 10⁻⁴.
[ours]: the classical Runge-Kutta method instead of an adaptive one, the dial of the breaking, images with permuted
pixels, and smaller sizes, all in the grid.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Literal

from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Study, column, field, fits

SIDE = 16  # pixels of an image's side


class Cell(BaseCell):
    """One trained network."""

    shapes = (("n", "width"), ("test_points", "width"), ("width", "width"))
    experiment: Literal["tasks", "penalties", "dial", "images"]
    system: Literal["inertia", "pendulum", "images"] = field(
        "whose moments of inertia, or whose motion, or whose class is learnt"
    )
    data: Literal["none", "mnist", "cifar10"] = field("images: which", default="none")
    symmetry: Literal["O(3)", "SO(3)", "O(2)", "SL(3)", "translations"] = field("the group that networks are built for")
    breaking: float = field(
        "s: how far the target is from its symmetry; of images the share of pixels that are permuted",
        default=0.0,
        at_least=0,
    )
    model: Literal["emlp", "rpp", "mlp"] = field(
        "equivariant (on images convolutional), residual pathway, or unconstrained perceptron"
    )
    width: int = field(
        "channels of each of three hidden layers; on images of the first, half of the others", at_least=1
    )
    basic_penalty: float = field("on the squared unconstrained weights of a residual-pathway network", at_least=0)
    equivariant_penalty: float = field(
        "on the squared equivariant weights of a residual-pathway network; on the pendulum and on images of every "
        "network's other parameters, as in the authors' code",
        at_least=0,
    )
    n: int = field("training points", at_least=1)
    epochs: int = field("passes through them", at_least=1)
    batch: int = field("points of a mini-batch", at_least=1)
    rate: float = field("learning rate of Adam; on images the first of gradient descent", above=0)
    test_points: int = field("fresh points", at_least=1)
    seed: int = field("the replicate: points and start", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        images, room = self.system == "images", fits(SIDE**2 * self.width, SIDE**2 * 3)
        translations = self.symmetry == "translations"
        return [
            ("batch", self.batch <= self.n, f"at most n={self.n}"),
            ("data", (self.data != "none") == images, "none unless system=images, and then mnist or cifar10"),
            ("symmetry", translations == images, "translations for system=images, and for no other"),
            ("breaking", not images or self.breaking <= 1, "at most 1: a share of an image's pixels"),
            ("width", not images or room, "smaller: a layer's matrix has no room"),
        ]

    def irrelevant(self) -> dict[str, Any]:
        if self.model == "rpp":
            return {}
        free = {"basic_penalty": 0.0}
        return free | {"equivariant_penalty": 0.0} if self.system == "inertia" else free

    @functools.cached_property
    def group(self) -> str:
        """Trials of one training, whichever experiments show it."""
        return self.replace(experiment="tasks", seed=0).key


class Row(BaseRow):
    """Errors are means over points and outputs of the squared difference from the target."""

    train_mse: float | None = column("over the training points")
    test_mse: float | None = column("over the fresh points")
    train_error: float | None = column("images: share of the training images given the wrong class")
    test_error: float | None = column("images: share of the fresh images given the wrong class")
    equivariance_error: float | None = column(
        "‖f(gx) - g f(x)‖/(‖f(gx)‖ + ‖f(x)‖) over fresh points, each with its own g of the cell's group; f is the "
        "learnt Hamiltonian on the pendulum, and the last hidden layer on images"
    )


STUDY = Study(
    __package__,
    title="Finzi, Benton, Wilson, Residual Pathway Priors, NeurIPS 2021 (arXiv 2112.01388): soft equivariance serves "
    "exact, approximate and wrong symmetries.",
    cell=Cell,
    row=Row,
    figures=("tasks", "penalties", "dial", "images"),
    start={"experiment": "tasks", "system": "inertia", "symmetry": "O(3)", "model": "rpp", "seed": 0},
)
