"""What the study declares: one cell for all its experiments.

Wilson, "Deep Learning is Not So Mysterious or Different", ICML 2025 (arXiv 2503.02113), as digests and notebooks render
it [3P, S]. What a source fixes is said where it is used; all else is [ours] and stands in the grid file.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Shorthand, Study, column, field, fits

POLYNOMIALS = ("curve", "order", "sample_size")
ON_DIGITS = ("compression", "connectivity")
NETWORKS = ("widths", "altered_networks")
IMAGES = ("altered_labels", *ON_DIGITS, *NETWORKS)
OF_NETWORKS = ("side", "flip_rate", "width", "penalty", "decay", "steps", "rate")
# Fields that an experiment has beside experiment, data, n and seed; the others are set to their defaults.
FIELDS: dict[str, tuple[str, ...]] = {
    "curve": ("target", "order", "penalty", "growth", "noise", "position"),
    "order": ("target", "order", "penalty", "growth", "noise"),
    "sample_size": ("target", "order", "penalty", "growth", "noise"),
    "double_descent": ("features", "d", "penalty", "noise"),
    "altered_labels": ("classes", "side", "flip_rate", "noise", "length_scale"),
    "compression": ("side", "width", "labels", "subspace", "steps", "batch", "rate"),
    "connectivity": ("side", "width", "path", "position", "steps", "path_steps", "batch", "rate"),
    **dict.fromkeys(NETWORKS, OF_NETWORKS),
}


class Cell(BaseCell):
    """One fit, or one measurement on a trained network."""

    shapes = (("n", "order"), ("n", "d"), ("width", "width"), ("width", "subspace"), ("side", "side"))
    experiment: Literal[
        "curve",
        "order",
        "sample_size",
        "double_descent",
        "altered_labels",
        "compression",
        "connectivity",
        "widths",
        "altered_networks",
    ]
    data: Literal["synthetic", "mnist", "cifar10"] = field("an image set if on images", default="synthetic")
    n: int = field("training points; 0 for all training images", at_least=0)
    target: Literal["simple", "structured", "noise"] = field("what polynomials are fitted to", default="structured")
    order: int = field("highest order of the polynomial", default=15, at_least=0)
    penalty: float = field("λ of polynomials, effective dimension and weight decay", default=0.0, at_least=0)
    growth: float = field("γ: order j costs γ^j as much", default=1.5, at_least=1)
    noise: float = field(
        "standard deviation of the targets' noise; of altered_labels, the process's noise variance",
        default=0.0,
        at_least=0,
    )
    position: float = field(
        "from the interval's, or the path's, one end to the other", default=0.0, at_least=0, at_most=1
    )
    features: Literal["gaussian", "relu"] = field("of double_descent", default="gaussian")
    d: int = field("how many features", default=1, at_least=1)
    side: int = field("pixels of an image's side", default=28, at_least=1)
    flip_rate: float = field("share of altered labels, in expectation", default=0.0, at_least=0, at_most=0.5)
    length_scale: float = field("of the kernel", default=0.5, above=0, unit="the median distance of training points")
    width: int = field("neurons of a hidden layer, or channels of the first convolution", default=1, at_least=1)
    labels: Literal["true", "random"] = field("of compression", default="true")
    subspace: int = field("dimension of the subspace that is trained", default=1, at_least=1)
    path: Literal["line", "bezier"] = field("between two networks", default="line")
    steps: int = field("of Adam, for networks", default=1, at_least=1)
    path_steps: int = field("of Adam, for the path", default=1, at_least=1)
    batch: int = field("points of a mini-batch", default=1, at_least=1)
    rate: float = field("learning rate of Adam", default=0.01, above=0)
    classes: str = field("of altered_labels: the two classes, with a v between them", default="4v9")
    decay: Literal["prior", "none"] = field("weight decay of convolutional networks: the prior's", default="prior")
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        images, on_digits = self.experiment in IMAGES, self.experiment in ON_DIGITS
        network = self.experiment in NETWORKS
        sets = ("mnist",) if on_digits else ("mnist", "cifar10") if images else ("synthetic",)
        measured = network or self.experiment == "double_descent"
        # Entries of the Jacobian of ten outputs at n images, to within the first layer
        room = fits(10 * self.n, self.width * (18 * self.width + 20 * (self.side // 2) ** 2))
        return [
            ("data", self.data in sets, " or ".join(sets)),
            ("n", on_digits or self.n >= 2, "at least 2"),
            ("penalty", not measured or self.penalty > 0, "above 0: without one there is no effective dimension"),
            ("side", not network or (self.side >= 10 and self.side % 2 == 0), "even, and at least 10"),
            ("width", not network or room, "smaller: every output's gradient at every image is kept"),
        ]

    def irrelevant(self) -> dict[str, Any]:
        kept = ("experiment", "data", "n", "seed", *FIELDS[self.experiment])
        return {name: value for name, value in self._defaults().items() if name not in kept}

    @functools.cached_property
    def group(self) -> str:
        """Cells that look at one fit, or one pair of networks, at different places, or twice at one network."""
        one = {"experiment": NETWORKS[0]} if self.experiment in NETWORKS else {"position": 0.0, "path": "line"}
        return self.replace(**one).key


class Positions(Shorthand):
    """Places at which a fit or a path is looked at."""

    positions: int | None = field("that many positions, evenly spaced", default=None, at_least=2)

    @staticmethod
    def exclusive() -> Iterable[tuple[str, str]]:
        return [("position", "positions")]

    @staticmethod
    def resolve(point: dict[str, Any]) -> Iterable[dict[str, Any]]:
        if "positions" not in point:
            return [point]
        rest = {name: value for name, value in point.items() if name != "positions"}
        return [{**rest, "position": round(float(t), 9)} for t in np.linspace(0, 1, point["positions"])]


class Row(BaseRow):
    """Each experiment fills its own columns."""

    place: float | None = column("curve: where on the interval")
    truth: float | None = column("curve: the noiseless target there")
    observed: float | None = column("curve: the training target there, if there is one")
    fitted: float | None = column("curve: the polynomial there")
    train_rmse: float | None = column("polynomials: root-mean-square error against the training targets")
    test_rmse: float | None = column("polynomials: root-mean-square error against the noiseless target on [-1, 1]")
    train_error: float | None = column("least squares: ‖ŷ - y‖/‖y‖; networks: misclassified share; training points")
    test_error: float | None = column("the same over test points")
    predicted_error: float | None = column("Gaussian features: root of the expected squared test error, closed form")
    posterior_dimension: float | None = column("double_descent: of min(n, d) directions, how many the prior decides")
    altered: float | None = column("share of training labels that were altered")
    log_evidence: float | None = column("altered_labels: log marginal likelihood")
    expected_log_evidence: float | None = column("altered_labels: its expectation over which labels are altered")
    train_accuracy: float | None = column("altered_labels: accuracy on the training images' altered labels")
    test_accuracy: float | None = column("altered_labels: accuracy on the test images' true labels")
    train_loss: float | None = column("networks: mean cross-entropy over the training images")
    bits: int | None = column("compression: the network's message, and what else was settled on its images", "bits")
    bound: float | None = column("compression: bound on the risk from those bits, at probability 0.95")
    parameters: int | None = column("compression and convolutional networks: parameters")
    trained: int | None = column("compression: training images")
    tested: int | None = column("images, but for connectivity: test images")
    effective_dimension: float | None = column("convolutional networks: Σ λ/(λ + α), λ of the Gauss-Newton Hessian")
    laplace_evidence: float | None = column("those with the prior's decay: log marginal likelihood by Laplace")


STUDY = Study(
    __package__,
    title="Wilson, Deep Learning is Not So Mysterious or Different, ICML 2025: soft biases explain benign overfitting.",
    cell=Cell,
    row=Row,
    figures=(
        *("fits", "orders", "sample_sizes", "double_descent", "altered_labels", "bounds", "connectivity"),
        *("widths", "altered_networks"),
    ),
    shorthand=Positions,
    start={"experiment": "order", "n": 20},
    theory={"test_error": ("predicted_error", "bound"), "log_evidence": ("expected_log_evidence",)},
)
