"""The two-group recursion: the whole course of adversarial training without a fitted constant.

In near-orthogonal data (d ≫ n) the neurons of one output sign move together, and by symmetry a training point's
weight takes one value on correctly labelled points and one on flipped points, so that full-batch gradient descent
on the robust logistic loss becomes a recursion in four numbers [derived: docs/theory.md §5]. It starts at the
averaging predictor and tends towards the max-margin one. At α = 0 it is ordinary training.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """What the recursion predicts after each step t = 1 … T; every array is (T,) float64.

    rho: alignment ρ of the decision boundary, a half-space (errors: gaussian.half_space_error)
    robust_train_loss: mean robust logistic loss, the two groups weighted (1-β, β)
    lambda_c, lambda_f: weights of clean and of flipped points in the boundary's normal Σ λ_i y_i x_i
    """

    rho: NDArray[np.float64]
    robust_train_loss: NDArray[np.float64]
    lambda_c: NDArray[np.float64]
    lambda_f: NDArray[np.float64]


def trajectory(
    n: int,
    d: int,
    signal: float,
    flip_rate: float,
    slope: float,
    budget: float,
    step_size: float,
    steps: int,
) -> Trajectory:
    """Train two-layer leaky ReLU networks (slope γ, balanced a_j = ±1/√m, small initialisation) in four numbers.

    signal is ‖μ‖, budget α, step_size η of the mean loss. flip_rate is the training labels'; to compare with one
    sample, give that sample's own fraction of flipped labels. The width does not enter.
    """
    _check(n=n, d=d, signal=signal, flip_rate=flip_rate, slope=slope, budget=budget, step_size=step_size, steps=steps)
    beta, power = float(flip_rate), float(signal) ** 2
    even, odd = (1 + slope) ** 2, (1 - slope) ** 2  # the two modes of §5
    lambda_c = lambda_f = tau_c = tau_f = margin_c = margin_f = norm = 0.0
    record = np.empty((4, steps))
    for t in range(steps):
        pull_c, pull_f = _sigmoid(-margin_c), _sigmoid(-margin_f)
        # x_i + δ_i, not x_i, enters the gradient (Danskin), and the δ_i all shrink the weights that they attack.
        shrink = step_size * budget * ((1 - beta) * pull_c + beta * pull_f) / (4 * norm) if norm > 0 else 0.0
        lambda_c += step_size / n * pull_c - shrink * even * lambda_c
        lambda_f += step_size / n * pull_f - shrink * even * lambda_f
        if t > 0:  # at the first step activation patterns are random, and the odd mode averages out
            tau_c += step_size / n * pull_c - shrink * odd * tau_c
            tau_f += step_size / n * pull_f - shrink * odd * tau_f
        mean = (1 - beta) * lambda_c - beta * lambda_f
        square = (1 - beta) * lambda_c * lambda_c + beta * lambda_f * lambda_f
        odd_square = (1 - beta) * tau_c * tau_c + beta * tau_f * tau_f
        common = n * power * mean * mean
        norm = math.sqrt(n * (d * (even * even * square + odd * odd * odd_square) + even * even * common)) / 4
        share = even / 4 * n * power * mean
        margin_c = d / 4 * (even * lambda_c + odd * tau_c) + share - budget * norm
        margin_f = d / 4 * (even * lambda_f + odd * tau_f) - share - budget * norm
        length = math.sqrt(d * square + common)
        loss = (1 - beta) * _softplus(-margin_c) + beta * _softplus(-margin_f)
        record[:, t] = (math.sqrt(n) * power * mean / length if length > 0 else math.nan, loss, lambda_c, lambda_f)
    return Trajectory(*record)


def _sigmoid(z: float) -> float:
    """1/(1+e^{-z}) without overflow."""
    tail = math.exp(-abs(z))
    return 1 / (1 + tail) if z >= 0 else tail / (1 + tail)


def _softplus(z: float) -> float:
    """log(1+e^z) without overflow, and without losing e^z where it is small."""
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def _check(**values: float) -> None:
    """ValueError, naming field, value and mend, unless every argument is possible."""
    low = {"n": 1.0, "d": 1.0, "steps": 1.0}
    high = {"flip_rate": 0.5, "slope": 1.0}
    for name, value in values.items():
        least, most = low.get(name, 0.0), high.get(name, math.inf)
        if not (least <= value <= most and math.isfinite(value)):
            raise ValueError(f"{name}={value!r} is impossible: give a finite value between {least:g} and {most:g}")
