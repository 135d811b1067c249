"""What is run: leaky-ReLU networks trained with the hinge loss on signal and noise in orthogonal subspaces, d = Θ(n).

Karhadkar, George, Murray, Montúfar, Needell, NeurIPS 2024 [S: paper and code]: points x = √γ·ỹ·v + √(1-γ)·ν, labels
flipped independently with probability .1, outer weights ±1 (half of each), leaky slope .1, initial weights
N(0, 1/(m√d)²), hinge loss summed over the points, full-batch gradient descent with rate 1/(mn), 1,000 fresh points with
clean labels.
"heatmap" is their grid (m = 128, γ = 5/n), "signal" their plot over γ (m = 64, d = 2n). [ours]: the second stopping
rule, the cap on the steps, v along an axis (the law is the same), and what is predicted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Literal

from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Shorthand, Study, column, field


class Cell(BaseCell):
    """One trained network; letters in brackets are the paper's."""

    shapes = (("n", "d"), ("width", "d"), ("test_points", "d"), ("n", "width"), ("test_points", "width"))
    experiment: str = "single"
    n: int = field("training points [n]", at_least=1)
    d: int = field("dimension, at least n [d]", at_least=2)
    gamma: float = field("the signal's share [γ]", at_least=0, below=1)
    flip_rate: float = field("probability that a training label is flipped", at_least=0, at_most=0.5)
    width: int = field("neurons, half of either sign [m]", at_least=2)
    slope: float = field("of the leaky ReLU on the left", above=0, at_most=1)
    stop: Literal["error", "loss"] = field(
        "at training error 0, as the paper's code does, or at hinge loss 0, as its theorem does"
    )
    max_steps: int = field("the most steps", at_least=1)
    test_points: int = field("fresh points with clean labels", at_least=1)
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        return [
            ("d", self.d >= self.n, f"at least n={self.n}: below, not every labelling can be fitted"),
            (
                "d",
                self.gamma > 1e-12 or self.d > self.n,
                f"above n={self.n} without signal: noise has d - 1 dimensions",
            ),
            ("width", self.width % 2 == 0, "even: half of the neurons have each sign"),
        ]

    @functools.cached_property
    def group(self) -> str:
        """Cells on one trajectory: both stopping rules of one network."""
        return self.replace(experiment="single", stop="loss").key


class Multiples(Shorthand):
    """Sizes in units of n."""

    ratio: int | None = field("d is this multiple of n", default=None, at_least=1)
    gamma_times_n: float | None = field("γ is this over n", default=None, at_least=0)

    @staticmethod
    def exclusive() -> Iterable[tuple[str, str]]:
        return [("d", "ratio"), ("gamma", "gamma_times_n")]

    @staticmethod
    def resolve(point: dict[str, Any]) -> Iterable[dict[str, Any]]:
        point = dict(point)
        ratio, scaled = point.pop("ratio", None), point.pop("gamma_times_n", None)
        if ratio is not None:
            point["d"] = ratio * point["n"]
        if scaled is not None:
            point["gamma"] = round(scaled / point["n"], 12)
        return [point]


class Row(BaseRow):
    """The network where its rule stopped it, and what closed forms say."""

    steps: int | None = column("steps that were taken")
    reached: int | None = column("1 if its rule was met within max_steps, else 0")
    hinge_loss: float | None = column("hinge loss, summed over the training points")
    train_error: float | None = column("error over the training points, observed labels")
    test_error: float | None = column("error over fresh points, clean labels")
    tested: int | None = column("fresh points")
    flipped: float | None = column("share of the training labels that are flipped")
    half_space_error: float | None = column("clean-label error of the half-space of Σ a_j w_j, closed form")
    weight_norm: float | None = column("‖W‖√m over the least margin; missing unless all points are fitted")
    aligned_error: float | None = column("half_space_error of the max-margin network of aligned neurons")
    aligned_norm: float | None = column("weight_norm of that network")
    linear_error: float | None = column("half_space_error of the linear hard-margin classifier of the points")
    linear_norm: float | None = column("weight_norm of a network that computes that classifier")


STUDY = Study(
    __package__,
    title="Karhadkar et al., Benign overfitting in leaky ReLU networks with moderate input dimension, NeurIPS 2024.",
    cell=Cell,
    row=Row,
    figures=("heatmap", "error_by_ratio", "signal", "training"),
    shorthand=Multiples,
    theory={
        "test_error": ("half_space_error", "aligned_error", "linear_error"),
        "weight_norm": ("aligned_norm", "linear_norm"),
    },
)
