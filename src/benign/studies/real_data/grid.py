"""What is run on pairs of image classes: the cell, one trained and attacked network."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Literal

from benign.attack import VANISHED
from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Study, column, field


class Cell(BaseCell):
    """One trained and attacked network; letters in brackets are the paper's."""

    shapes = (("width", "width"), ("width", "side", "side"))
    experiment: str = "single"
    data: Literal["mnist", "cifar10"] = field("image set")
    classes: str = field("the two classes, with a v between them")
    side: int = field("pixels of a side after down-sampling; d is side², or 3·side² in colour", at_least=1)
    n: int = field("training points [n]", at_least=2)
    flip_rate: float = field("probability that a label is flipped [β]", at_least=0, at_most=0.5)
    budget_ratio: float = field("α/‖μ̂‖, ‖μ̂‖ of the pair's whole training pool", at_least=0)
    training: Literal["adversarial", "ordinary"] = field(
        "adversarial at α, or ordinary, the control, attacked at α", default="adversarial"
    )
    width: int = field("neurons [m], half of either sign", at_least=2)
    slope: float = field("slope on the left [γ]", at_least=0, at_most=1)
    init_scale: float = field("standard deviation of the initial weights times √d [σ√d]", at_least=0)
    step_scale: float = field("c in the step size", above=0)
    steps: int = field("the fewest steps of a training", at_least=1)
    most_steps: int = field("the most steps of a training", at_least=1)
    test_points: int = field("test images of the pair; 0 for all", at_least=0)
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        return [
            ("width", self.width % 2 == 0, "even: half of the neurons have each sign"),
            ("most_steps", self.most_steps >= self.steps, f"at least steps={self.steps}"),
        ]

    @functools.cached_property
    def group(self) -> str:
        """Cells with one sample: they differ in budget and training, and ordinary ones share a network."""
        return self.replace(experiment="single", budget_ratio=0.0, training="adversarial", steps=1, most_steps=1).key


class Row(BaseRow):
    """Errors with observed labels unless they say true ones; σ and ρ in the units of the normalised pair."""

    d: int | None = column("coordinates of an image")
    budget: float | None = column("the attack's budget α")
    mean_norm: float | None = column("‖μ̂‖, half the distance of the class means")
    trained_steps: int | None = column("steps that the training took")
    inner_gap: float | None = column("largest relative Frank-Wolfe gap of the inner maximum, last checked")
    flipped: float | None = column("share of the training labels that are flipped")
    robust_train_loss: float | None = column("logistic loss at α, training points")
    robust_train_error: float | None = column("robust error over the training points")
    clean_train_error: float | None = column("error over the training points")
    least_robust_train_error: float | None = column("what no classifier can go below on these points")
    separation: float | None = column("half the least distance of two training points with different observed labels")
    clean_test_error: float | None = column("error over test images")
    robust_test_error: float | None = column("robust error over test images")
    clean_test_error_clean_labels: float | None = column("error over test images, true labels")
    robust_test_error_clean_labels: float | None = column("robust error over test images, true labels")
    vanished: float | None = column(VANISHED)
    half_space_error: float | None = column("robust error over test images of the network direction's half-space")
    half_space_error_clean_labels: float | None = column("the same, true labels")
    tested: int | None = column("test images")
    first_share: float | None = column("share of the first class among the test images")
    network_rho: float | None = column("ρ of the network's direction, on images outside the sample")
    network_sigma_first: float | None = column("noise along it, first class")
    network_sigma_second: float | None = column("noise along it, second class")
    averaging_rho: float | None = column("ρ of the averaging predictor with the measured covariance")
    averaging_sigma_first: float | None = column("noise along it, first class")
    averaging_sigma_second: float | None = column("noise along it, second class")
    best_rho: float | None = column("ρ of the most robust half-space with the measured covariance")
    best_sigma_first: float | None = column("noise along it, first class")
    best_sigma_second: float | None = column("noise along it, second class")


STUDY = Study(
    __package__,
    title="Real data with label noise, beyond the paper: pairs of MNIST and of CIFAR-10 classes, held against "
    "closed forms.",
    cell=Cell,
    row=Row,
    figures=("transition", "predicted_transition", "interpolation"),
    pictures=("perturbations",),
    theory={
        "robust_test_error": ("half_space_error",),
        "robust_train_error": ("least_robust_train_error",),
        "network_rho": ("averaging_rho", "best_rho"),
    },
)
