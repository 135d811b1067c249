"""The four-group recursion: the course of adversarial training at any r = n‖μ‖²/d, without a fitted constant.

The two-group recursion takes a neuron's pattern on a flipped point to follow the observed label. At r of order 1 and
above it follows the true label for a while, and half of the neurons that met the point switched on keep it so. Here
points are told apart by true and by observed label, neurons by the sign of their outer weight, and on each point by
whether they were active on it at the first step [derived: docs/theory.md §19].

Letters: a = ±1 sign of a neuron; g = (ỹ, y) group of a point, n_g its size; τ = on, off. The weights of a neuron are

    √m·w = s_a μ̂ + Σ_i b_{a,g(i),τ(i)} ξ_i,

so that the width m drops out. Arrays: s (2,), b (2, 4, 2): sign, group, type.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

SIGN = np.array([1.0, -1.0])
TRUE = np.array([1.0, 1.0, -1.0, -1.0])
OBSERVED = np.array([1.0, -1.0, -1.0, 1.0])
ROUNDS = 3  # in which patterns and perturbations are made to fit each other


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """What the recursion predicts after each step t = 1 … T; every array is (T,) float64.

    rho: alignment ρ of the mean input gradient; robust_train_loss: mean robust logistic loss
    robust_train_error: share of training points that are lost within the budget
    """

    rho: Floats
    robust_train_loss: Floats
    robust_train_error: Floats


def sizes(n: int, flip_rate: float) -> Floats:
    """(4,) sizes of the groups (+,+), (+,-), (-,-), (-,+) of n points, equal in both classes."""
    return n / 2 * np.array([1 - flip_rate, flip_rate, 1 - flip_rate, flip_rate])


def trajectory(
    groups: Floats, d: int, signal: float, slope: float, budget: float, step_size: float, steps: int
) -> Trajectory:
    """Train two-layer leaky ReLU networks (slope γ, balanced a_j = ±1/√m, small start) group by group.

    groups: (4,) sizes as `sizes` gives them, or a sample's own; signal ‖μ‖, budget α, step_size η of the mean loss
    Raises ValueError for impossible values.
    """
    _check(groups, d=d, signal=signal, slope=slope, budget=budget, step_size=step_size, steps=steps)
    n = groups.sum()
    others = groups[:, None] - np.eye(4)  # (h, g): points of group h beside one of group g
    s, b = np.zeros(2), np.zeros((2, 4, 2))
    record = np.empty((3, steps))
    # First step: nothing to attack, every pull is 1/2, and a neuron is active on half of the points.
    pull, slopes = np.full(4, 0.5), np.broadcast_to(np.array([1.0, slope]), (2, 4, 2))
    along_mean, along, along_own = np.zeros(4), np.zeros((4, 4)), np.zeros(4)  # the attack's direction, of length 1
    for t in range(steps):
        rate = step_size / n * SIGN
        mean_slope = slopes.mean(2)  # (a, g)
        s = s + rate * ((mean_slope * groups * pull) @ (OBSERVED * TRUE * signal - budget * along_mean))
        crossed = np.einsum("hg,ag,hg->ah", others.T, mean_slope * pull, along)  # other points' perturbations
        own = (OBSERVED - budget * along_own) * pull
        b = b + rate[:, None, None] * (own[:, None] * slopes - budget * crossed[:, :, None])
        clean = s[:, None, None] * TRUE[:, None] * signal + d * b
        z, slopes = clean, np.where(clean > 0, 1.0, slope)
        for _ in range(ROUNDS if budget > 0 else 0):
            along_mean, along, along_own = _direction(s, b, slopes, groups, others, d)
            mean_b = b.mean(2)
            inner = s[:, None] * along_mean + d * np.einsum("hg,ah,hg->ag", others, mean_b, along)
            z = clean - budget * OBSERVED[:, None] * (inner[:, :, None] + d * b * along_own[:, None])
            slopes = np.where(z > 0, 1.0, slope)
        margin = OBSERVED * 0.5 * np.einsum("a,agt->g", SIGN, np.where(z > 0, z, slope * z)) / 2
        pull = expit(-margin)
        normal = s[0] - s[1], b.mean(2)[0] - b.mean(2)[1]
        length = math.sqrt(normal[0] ** 2 + d * float(groups @ normal[1] ** 2))
        losses = np.logaddexp(0, -margin)
        record[:, t] = (
            signal * normal[0] / length if length > 0 else math.nan,
            groups @ losses / n,
            groups @ (margin <= 0) / n,
        )
    return Trajectory(*record)


def _direction(
    s: Floats, b: Floats, slopes: Floats, groups: Floats, others: Floats, d: int
) -> tuple[Floats, Floats, Floats]:
    """Unit input gradient at a point of each group g: along μ̂ (g,), another's noise (h, g) and its own (g,)."""
    active = SIGN[:, None] * slopes.mean(2) / 2  # (a, g)
    along_mean = active.T @ s
    along = np.einsum("ag,ah->hg", active, b.mean(2))
    along_own = np.einsum("a,agt->g", SIGN, slopes * b) / 4
    square = along_mean**2 + d * (others * along**2).sum(0) + d * along_own**2
    norm = np.sqrt(np.where(square > 0, square, np.inf))
    return along_mean / norm, along / norm, along_own / norm


def _check(groups: Floats, **values: float) -> None:
    """ValueError, naming field, value and mend, unless every argument is possible."""
    if groups.shape != (4,) or not np.all(np.isfinite(groups) & (groups >= 0)) or groups.sum() < 1:
        raise ValueError(f"groups={groups!r} is impossible: give four sizes of at least 0, 1 or more together")
    low, high = {"d": 1.0, "steps": 1.0}, {"slope": 1.0}
    for name, value in values.items():
        least, most = low.get(name, 0.0), high.get(name, math.inf)
        if not (least <= value <= most and math.isfinite(value)):
            raise ValueError(f"{name}={value!r} is impossible: give a finite value between {least:g} and {most:g}")
