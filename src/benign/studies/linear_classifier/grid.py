"""What is run: linear classifiers, adversarially trained (ℓ2 and ℓ∞) on noisy Gaussian clusters with ‖μ‖ = d^s.

Chen, Cao, Gu, UAI 2023. From a third party's digest, unreliable [3P]: n = 50, 2,000 test points, β = 0.1,
d = 10 … 2500, s = .2, .3, .4, 1,000 steps, ℓ2 budget .1 and ℓ∞ budget .01, learning curves at d = 200 for budgets
.05, .1, .2. Start at w = 0, step size and direction of μ are [ours]; the experiment "choices" has second values of the
last two.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from benign import cells as base
from benign import grids
from benign.theory.mixture.dual_norm import DUAL_ORDER

TRAININGS, MEANS, METHODS = ("adversarial", "ordinary"), ("spread", "axis"), ("plain", "normalised")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(base.Cell):
    """One trained linear classifier, and its risks.

    d: dimension · exponent: s in ‖μ‖ = d^s · n: training points · flip_rate: β
    norm, budget: of the attack, and of training if training = "adversarial"; "ordinary" trains at budget 0
    mean: "spread" (μ has equal coordinates) or "axis" (one coordinate): the same under ℓ2, not under ℓ∞
    sampling: "dense", or "in_law" (coordinates in the points' span, any d ≥ n + 1; ℓ2 only)
    method: "plain", step size step_scale·4n/‖X‖²; or "normalised" descent with step_scale/max‖x_i‖²
    test_points: fresh points · seed: the replicate
    """

    experiment: str = "single"
    d: int
    exponent: float
    n: int
    flip_rate: float
    norm: str
    budget: float
    training: str = "adversarial"
    mean: str = "spread"
    sampling: str = "dense"
    method: str = "plain"
    step_scale: float
    steps: int
    test_points: int
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        limits: list[tuple[str, bool, str]] = [
            ("d", self.d >= 1, "at least 1"),
            ("exponent", 0 <= self.exponent <= 1, "in [0, 1]"),
            ("n", self.n >= 1, "at least 1 training point"),
            ("flip_rate", 0 <= self.flip_rate <= 0.5, "in [0, 0.5]"),
            ("norm", self.norm in DUAL_ORDER, f"one of {', '.join(DUAL_ORDER)}"),
            ("budget", 0 <= self.budget < np.inf, "a finite number, at least 0"),
            ("training", self.training in TRAININGS, f"one of {', '.join(TRAININGS)}"),
            ("mean", self.mean in MEANS, f"one of {', '.join(MEANS)}"),
            ("sampling", self.sampling in ("dense", "in_law"), "dense or in_law"),
            ("method", self.method in METHODS, f"one of {', '.join(METHODS)}"),
            ("step_scale", 0 < self.step_scale < np.inf, "a finite number above 0"),
            ("steps", self.steps >= 1, "at least 1"),
            ("test_points", self.test_points >= 1, "at least 1"),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise base.CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")
        self._validate_together()
        if self.sampling == "in_law":  # which direction μ has makes no difference there
            object.__setattr__(self, "mean", "spread")

    def _validate_together(self) -> None:
        if self.sampling == "in_law" and (self.norm != "l2" or self.d <= self.n):
            raise base.CellError("sampling='in_law' keeps ℓ2 lengths only, and needs d > n: give sampling=dense")
        if self.sampling == "dense" and self.d * max(self.n, self.test_points) > 2e8:
            raise base.CellError(f"d={self.d} is too large for dense points (over 1.6 GB): give sampling=in_law")
        if self.method == "normalised" and self.d < self.n:
            raise base.CellError(f"d={self.d} is below n={self.n}: there may be no margin to maximise; give d ≥ n")

    @functools.cached_property
    def group(self) -> str:
        """Cells with the same points."""
        same: dict[str, Any] = {"experiment": "single", "norm": "l2", "budget": 0.0, "training": "adversarial"}
        same |= {"method": "plain", "step_scale": 1.0, "steps": 1}
        return dataclasses.replace(self, **same).key

    @property
    def training_problem(self) -> tuple[Any, ...]:
        """What decides the trajectory, given the points: (norm, training budget, method, step_scale)."""
        if self.training == "ordinary" or self.budget == 0:
            return ("l2", 0.0, self.method, self.step_scale)
        return (self.norm, self.budget, self.method, self.step_scale)


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """A cell's fields where the command line does not say: the grid's common values, first replicate."""
    return {"seed": 0, **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid (form: `benign.grids.points`)."""
    unique = {cell.key: cell for cell in (Cell(**point) for point in grids.points(grid))}
    return list(unique.values())
