"""Adversarial training of linear classifiers by full-batch gradient descent on the exponential loss.

minimise over w   (1/n) Σ_i max_{‖δ_i‖ ≤ α} exp(-y_i ⟨w, x_i + δ_i⟩) = (1/n) Σ_i exp(-m_i)

with robust margins m_i = y_i⟨w, x_i⟩ - α‖w‖_q: the inner maximum has a closed form (docs/theory/linear_classifier.md),
so nothing is attacked here. Letters: n points, d coordinates; X (n, d), y (n,) observed labels ±1, w (d,).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from benign.theory.mixture.dual_norm import dual_norm

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Problem:
    """One training problem.

    signed: (n, d), y_i x_i · budget: α in `norm` ("l2" or "linf") · rate: the step size · start: w before it, (d,)
    normalised: divide each gradient by the loss, which reaches the limiting direction in polynomial instead of
        logarithmic time (Ji and Telgarsky, ALT 2021)
    """

    signed: Array
    norm: str
    budget: float
    rate: float
    start: Array
    normalised: bool = False


def train(problem: Problem, stops: Sequence[int]) -> Iterator[Array]:
    """w (d,) after each of the increasing numbers of steps `stops`; NaN or infinite once it has diverged."""
    w, steps = problem.start, 0
    for stop in stops:
        with np.errstate(over="ignore", invalid="ignore"):
            while steps < stop:
                w = w + problem.rate * ascent(problem, w)
                steps += 1
        yield w


def ascent(problem: Problem, w: Array) -> Array:
    """Minus the gradient of the robust loss, (d,); ‖w‖_q has the subgradient 0 at w = 0."""
    margins = robust_margins(w, problem.signed, problem.budget, problem.norm)
    pull = softmax(-margins) if problem.normalised else np.exp(-margins) / len(margins)  # (n,)
    step = pull @ problem.signed
    return step if problem.budget == 0 else step - pull.sum() * problem.budget * dual_direction(w, problem.norm)


def robust_margins(w: Array, signed: Array, budget: float, norm: str) -> Array:
    """y_i⟨w, x_i⟩ - α‖w‖_q, the least margin (n,) within the budget, for signed points y_i x_i (n, d)."""
    margins = signed @ w
    return margins if budget == 0 else margins - budget * dual_norm(w, norm)


def dual_direction(w: Array, norm: str) -> Array:
    """The gradient (d,) of ‖w‖_q, which is also minus the worst perturbation of unit size for y = +1; 0 at w = 0."""
    if norm == "linf":
        return np.sign(w)
    length = np.sqrt(w @ w)
    return w / length if length > 0 else np.zeros_like(w)
