"""Adversarial training of linear classifiers by full-batch gradient descent.

minimise over w   (1/n) Σ_i max_{‖δ_i‖ ≤ α} log(1 + exp(-y_i ⟨w, x_i + δ_i⟩)) = (1/n) Σ_i log(1 + exp(-m_i))

with robust margins m_i = y_i⟨w, x_i⟩ - α‖w‖_q: the inner maximum has a closed form (docs/theory.md §14), so nothing is
attacked here. Letters: n points, d coordinates; X (n, d), y (n,) observed labels ±1, w (d,).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, softmax

from benign.theory.mixture.dual_norm import dual_norm

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Problem:
    """One training problem, started at w = 0.

    signed: (n, d), y_i x_i · budget: α in `norm` ("l2" or "linf") · step_size: η
    normalised: divide each gradient by its mean pull (1/n) Σ σ(-m_i), which reaches the limiting direction in
        polynomial instead of logarithmic time (Ji and Telgarsky, ALT 2021)
    """

    signed: Array
    norm: str
    budget: float
    step_size: float
    normalised: bool = False


def train(problem: Problem, stops: Sequence[int]) -> Iterator[Array]:
    """w (d,) after each of the increasing numbers of steps `stops`; NaN or infinite once it has diverged."""
    w, steps = np.zeros(problem.signed.shape[1]), 0
    for stop in stops:
        with np.errstate(over="ignore", invalid="ignore"):
            while steps < stop:
                w = w + problem.step_size * ascent(problem, w)
                steps += 1
        yield w


def ascent(problem: Problem, w: Array) -> Array:
    """Minus the gradient of the robust loss, (d,); ‖w‖_q has the subgradient 0 at w = 0."""
    margins = robust_margins(w, problem.signed, problem.budget, problem.norm)
    # softmax(log σ(-m)): each pull over their sum, without underflow.
    pull = softmax(log_expit(-margins)) if problem.normalised else expit(-margins) / len(margins)  # (n,)
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


def stable_step(signed: Array) -> float:
    """η = 4n/‖X‖²: one over the smoothness of the logistic loss at α = 0, up to twice which it descends surely."""
    gram = signed @ signed.T if signed.shape[0] < signed.shape[1] else signed.T @ signed
    return float(4 * len(signed) / np.linalg.eigvalsh(gram)[-1])
