"""What is run: linear classifiers, adversarially trained (ℓ2 and ℓ∞) on noisy Gaussian clusters with ‖μ‖ = d^s.

Chen, Cao, Gu, UAI 2023 [S: paper and supplement]: n = 50, 2,000 test points, β = .1, 10 runs, μ along the all-ones
vector, s = .2, .3, .4, d = 100 … 2500, exponential loss, rate .001, 1,000 steps, ℓ2 budget .1 and ℓ∞ budget .01; its
supplement has two-layer ReLU networks too. [fitted] to the numbers of its figures, as the text does not say or says it
otherwise: the loss is the *mean* of exp(-margin), θ₀ has *standard deviation* 1/√d in each coordinate ("N(0, 1/√d)"),
and *exactly* a tenth of all labels is wrong. The two-layer networks' width, start and trained layers are what was
nearest among those tried (docs/theory/linear_classifier.md). [ours]: other starts, more steps, larger d, normalised
descent.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Literal

from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Study, column, field


class Cell(BaseCell):
    """One trained classifier, and its risks."""

    shapes = (("n", "n"), ("test_points", "n"), ("width", "d"), ("test_points", "width"))
    experiment: str = "single"
    d: int = field("dimension", at_least=1)
    exponent: float = field("s in ‖μ‖ = d^s", at_least=0, at_most=1)
    n: int = field("training points", at_least=1)
    flip_rate: float = field("share of the labels that are flipped [β]", at_least=0, at_most=0.5)
    width: int = field("neurons of a two-layer ReLU network, 0 for a linear classifier", default=0, at_least=0)
    norm: Literal["l2", "linf"] = field("of the attack, and of training if that is adversarial")
    budget: float = field("of the attack, and of training if that is adversarial [ε]", at_least=0)
    training: Literal["adversarial", "ordinary"] = field("adversarial, or at budget 0", default="adversarial")
    mean: Literal["spread", "axis"] = field(
        "μ has equal coordinates, or one: the same under ℓ2, not under ℓ∞", default="spread"
    )
    sampling: Literal["dense", "in_law"] = field(
        "dense, or coordinates in the span of points and θ₀ (any d ≥ n + 2; ℓ2 only)", default="dense"
    )
    start_scale: float = field(
        "θ₀ has independent coordinates with this standard deviation over √d; networks have PyTorch's start",
        default=1.0,
        at_least=0,
    )
    method: Literal["plain", "normalised"] = field(
        "gradient descent, or on the gradient over the loss with the rate in units of 1/max‖x_i‖²", default="plain"
    )
    rate: float = field("step size", above=0)
    steps: int = field("steps of gradient descent", at_least=1)
    test_points: int = field("fresh points", at_least=1)
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        in_law, large = self.sampling == "in_law", self.d * max(self.n, self.test_points) > 2e8
        return [
            ("sampling", not in_law or self.norm == "l2", "dense: in_law keeps ℓ2 lengths only"),
            ("sampling", not in_law or self.width == 0, "dense: in_law is for linear classifiers"),
            ("sampling", not in_law or self.d > self.n + 1, "dense: in_law needs d > n + 1"),
            ("d", in_law or not large, "smaller for dense points (over 1.6 GB), or give sampling=in_law"),
            ("d", self.method == "plain" or self.d >= self.n, f"at least n={self.n}: below there may be no margin"),
            ("norm", self.width == 0 or self.norm == "l2", "l2 for a network"),
            ("method", self.width == 0 or self.method == "plain", "plain for a network"),
        ]

    def irrelevant(self) -> dict[str, Any]:
        idle: dict[str, Any] = {"start_scale": 1.0} if self.width else {"width": 0}
        return idle | ({"mean": "spread"} if self.sampling == "in_law" else {})

    @functools.cached_property
    def group(self) -> str:
        """Cells with the same points."""
        same: dict[str, Any] = {"experiment": "single", "norm": "l2", "budget": 0.0, "training": "adversarial"}
        same |= {"method": "plain", "rate": 1.0, "steps": 1, "width": 0, "start_scale": 1.0}
        return self.replace(**same).key

    @property
    def training_problem(self) -> tuple[Any, ...]:
        """What decides the trajectory, given the points: (width, norm, training budget, method, rate, start_scale)."""
        plain = self.training == "ordinary" or self.budget == 0
        attack = ("l2", 0.0) if plain else (self.norm, self.budget)
        return (self.width, *attack, self.method, self.rate, self.start_scale)


class Row(BaseRow):
    """Risks are with observed labels; standard ones at budget 0, adversarial ones at the cell's."""

    robust_train_error: float | None = column("robust error over the training points")
    train_error: float | None = column("error over the training points")
    standard_risk: float | None = column("standard risk, closed form (linear classifiers)")
    adversarial_risk: float | None = column("adversarial risk, closed form (linear classifiers)")
    sampled_standard_risk: float | None = column("standard risk on fresh points")
    sampled_adversarial_risk: float | None = column("adversarial risk on fresh points")
    tested: int | None = column("fresh points")
    rho: float | None = column("ρ = ⟨μ, w⟩/‖w‖ of a linear classifier", "standard deviations")
    effective_budget: float | None = column("the ℓ2 budget that costs this linear classifier the same")
    margin_ratio: float | None = column("normalised descent: least ℓ2 margin over the hard-margin classifier's")
    robust_margin_ratio: float | None = column("the same of margins at the cell's budget")
    max_margin_cosine: float | None = column("normalised descent: cosine with the hard-margin classifier")


STUDY = Study(
    __package__,
    title="Chen, Cao, Gu, Benign Overfitting in Adversarially Robust Linear Classification, UAI 2023 "
    "(arXiv 2112.15250).",
    cell=Cell,
    row=Row,
    figures=("published", "memory", "learning_curves", "risk_by_dimension", "margins"),
    theory={"sampled_adversarial_risk": ("adversarial_risk",), "sampled_standard_risk": ("standard_risk",)},
)
