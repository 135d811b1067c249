"""What is run: linear classifiers, adversarially trained (ℓ2 and ℓ∞) on noisy Gaussian clusters with ‖μ‖ = d^s.

Chen, Cao, Gu, UAI 2023. From a third party's digest, unreliable [3P]: n = 50, 2,000 test points, β = 0.1,
d = 10 … 2500, s = .2, .3, .4, 1,000 steps, ℓ2 budget .1 and ℓ∞ budget .01, learning curves at d = 200 for budgets
.05, .1, .2. Start at w = 0, step size and direction of μ are [ours]; the experiment "choices" has second values of the
last two.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Literal

from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Study, column, field


class Cell(BaseCell):
    """One trained linear classifier, and its risks."""

    shapes = (("n", "n"), ("test_points", "n"))
    experiment: str = "single"
    d: int = field("dimension", at_least=1)
    exponent: float = field("s in ‖μ‖ = d^s", at_least=0, at_most=1)
    n: int = field("training points", at_least=1)
    flip_rate: float = field("probability that a label is flipped [β]", at_least=0, at_most=0.5)
    norm: Literal["l2", "linf"] = field("of the attack, and of training if that is adversarial")
    budget: float = field("of the attack, and of training if that is adversarial [ε]", at_least=0)
    training: Literal["adversarial", "ordinary"] = field("adversarial, or at budget 0", default="adversarial")
    mean: Literal["spread", "axis"] = field(
        "μ has equal coordinates, or one: the same under ℓ2, not under ℓ∞", default="spread"
    )
    sampling: Literal["dense", "in_law"] = field(
        "dense, or coordinates in the points' span (any d ≥ n + 1; ℓ2 only)", default="dense"
    )
    method: Literal["plain", "normalised"] = field(
        "step size step_scale·4n/‖X‖², or normalised descent with step_scale/max‖x_i‖²", default="plain"
    )
    step_scale: float = field("see method", above=0)
    steps: int = field("steps of gradient descent", at_least=1)
    test_points: int = field("fresh points", at_least=1)
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        in_law, large = self.sampling == "in_law", self.d * max(self.n, self.test_points) > 2e8
        return [
            ("sampling", not in_law or self.norm == "l2", "dense: in_law keeps ℓ2 lengths only"),
            ("sampling", not in_law or self.d > self.n, "dense: in_law needs d > n"),
            ("d", in_law or not large, "smaller for dense points (over 1.6 GB), or give sampling=in_law"),
            ("d", self.method == "plain" or self.d >= self.n, f"at least n={self.n}: below there may be no margin"),
        ]

    def irrelevant(self) -> dict[str, Any]:
        return {"mean": "spread"} if self.sampling == "in_law" else {}

    @functools.cached_property
    def group(self) -> str:
        """Cells with the same points."""
        same: dict[str, Any] = {"experiment": "single", "norm": "l2", "budget": 0.0, "training": "adversarial"}
        same |= {"method": "plain", "step_scale": 1.0, "steps": 1}
        return self.replace(**same).key

    @property
    def training_problem(self) -> tuple[Any, ...]:
        """What decides the trajectory, given the points: (norm, training budget, method, step_scale)."""
        if self.training == "ordinary" or self.budget == 0:
            return ("l2", 0.0, self.method, self.step_scale)
        return (self.norm, self.budget, self.method, self.step_scale)


class Row(BaseRow):
    """Risks are with observed labels; standard ones at budget 0, adversarial ones at the cell's."""

    robust_train_loss: float | None = column("mean logistic loss at the budget, training points")
    robust_train_error: float | None = column("robust error over the training points")
    train_error: float | None = column("error over the training points")
    standard_risk: float | None = column("standard risk, closed form")
    adversarial_risk: float | None = column("adversarial risk, closed form")
    sampled_standard_risk: float | None = column("standard risk on fresh points")
    sampled_adversarial_risk: float | None = column("adversarial risk on fresh points")
    tested: int | None = column("fresh points")
    flipped: float | None = column("share of the training labels that are flipped")
    rho: float | None = column("ρ = ⟨μ, w⟩/‖w‖", "standard deviations")
    effective_budget: float | None = column("the ℓ2 budget that costs this classifier the same")
    averaging_rho: float | None = column("ρ of the averaging predictor with this sample's share of flips")
    max_margin_rho: float | None = column("ρ of the linear max-margin predictor with this sample's share of flips")
    margin_ratio: float | None = column("normalised descent: least ℓ2 margin over the hard-margin classifier's")
    robust_margin_ratio: float | None = column("the same of margins at the cell's budget")
    max_margin_cosine: float | None = column("normalised descent: cosine with the hard-margin classifier")


STUDY = Study(
    __package__,
    title="Chen, Cao, Gu, Benign Overfitting in Adversarially Robust Linear Classification, UAI 2023 "
    "(arXiv 2112.15250).",
    cell=Cell,
    row=Row,
    figures=("risk_by_dimension", "learning_curves", "margins"),
)
