"""The four-group recursion: the course of adversarial training at any r = n‖μ‖²/d, without a fitted constant.

The two-group recursion takes a neuron's pattern on a flipped point to follow the observed label. At r of order 1 and
above it follows the true label for a while, and half of the neurons that met the point switched on keep it so. Here
points are told apart by true and by observed label, neurons by the sign of their outer weight, and on each point by
whether they were active on it at the first step [derived: docs/theory.md §19].

Letters: a = ±1 sign of a neuron; g = (ỹ, y) group of a point, n_g its size; τ = on, off. The weights of a neuron are

    √m·w = s_a μ̂ + Σ_i b_{a,g(i),τ(i)} ξ_i,

so that the width m drops out. Arrays: s (2, B), b (2, 4, 2, B): sign, group, type, and last the settings of a batch. A
step of a hundred settings takes hardly longer than a step of one.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

SIGN = np.array([1.0, -1.0])[:, None]  # (a, B), and so on
TRUE = np.array([1.0, 1.0, -1.0, -1.0])[:, None]
OBSERVED = np.array([1.0, -1.0, -1.0, 1.0])[:, None]
ROUNDS = 3  # in which patterns and perturbations are made to fit each other


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """What the recursion predicts after each step t = 1 … T; every array is (T,) or (…, T) float64.

    rho: alignment ρ of the mean input gradient; robust_train_loss: mean robust logistic loss
    robust_train_error: share of training points that are lost within the budget
    """

    rho: Floats
    robust_train_loss: Floats
    robust_train_error: Floats


def sizes(n: float, flip_rate: float) -> Floats:
    """(4,) sizes of the groups (+,+), (+,-), (-,-), (-,+) of n points, equal in both classes."""
    return n / 2 * np.array([1 - flip_rate, flip_rate, 1 - flip_rate, flip_rate])


def sizes_of(true: ArrayLike, observed: ArrayLike) -> Floats:
    """(4,) sizes of a sample's own groups, given its points' labels ±1."""
    true, observed = np.asarray(true), np.asarray(observed)
    pairs = zip(TRUE.ravel(), OBSERVED.ravel(), strict=True)
    return np.array([float(((true == own) & (observed == given)).sum()) for own, given in pairs])


def trajectory(
    groups: ArrayLike,
    d: ArrayLike,
    signal: ArrayLike,
    slope: ArrayLike,
    budget: ArrayLike,
    step_size: ArrayLike,
    steps: int,
) -> Trajectory:
    """Train two-layer leaky ReLU networks (slope γ, balanced a_j = ±1/√m, small start) group by group.

    groups: (4,) sizes as `sizes` gives them, or a sample's own; signal ‖μ‖, budget α, step_size η of the mean loss
    For many settings at once give groups (…, 4) and arrays (…): each has the numbers that it has alone.
    Raises ValueError for impossible values. What leaves the numbers' range ends in NaN.
    """
    points, values = _check(groups, d=d, signal=signal, slope=slope, budget=budget, step_size=step_size, steps=steps)
    shape = np.broadcast_shapes(points.shape[:-1], *(value.shape for value in values))
    columns = np.ascontiguousarray(np.broadcast_to(points, (*shape, 4)).reshape(-1, 4).T)
    flat = (np.broadcast_to(value, shape).ravel() for value in values[:-1])
    with np.errstate(over="ignore", invalid="ignore"):
        record = _train(columns, *flat, steps=steps)
    return Trajectory(*np.moveaxis(record, 1, 2).reshape(3, *shape, steps))


def _train(
    groups: Floats, d: Floats, signal: Floats, slope: Floats, budget: Floats, step_size: Floats, *, steps: int
) -> Floats:
    """(3, T, B): a Trajectory's three, of groups (4, B) and settings (B,)."""
    n = groups.sum(0)
    others = np.maximum(groups[:, None] - np.eye(4)[:, :, None], 0)  # (h, g): points of group h beside one of group g
    rate, pushed = step_size / n * SIGN, OBSERVED * TRUE * signal
    s, b = np.zeros((2, len(n))), np.zeros((2, 4, 2, len(n)))
    record = np.empty((3, steps, len(n)))
    # First step: nothing to attack, every pull is 1/2, and a neuron is active on half of the points.
    pull, slopes = np.full_like(groups, 0.5), np.broadcast_to(_by_type(slope), b.shape)
    # The attack's direction, of length 1: along μ̂ (g), another point's noise (h, g) and its own (g).
    along_mean, along, along_own = np.zeros_like(groups), np.zeros_like(others), np.zeros_like(groups)
    for t in range(steps):
        pulled = _mean(slopes) * pull  # (a, g)
        s = s + rate * (pulled * groups * (pushed - budget * along_mean)).sum(1)
        # What other points' perturbations, and its own, take from a point's part of the weights.
        crossed = (others.swapaxes(0, 1) * along * pulled[:, None]).sum(2)  # (a, h)
        own = (OBSERVED - budget * along_own) * pull
        b = b + rate[:, None, None] * (own[:, None] * slopes - (budget * crossed)[:, :, None])
        clean = (s[:, None] * TRUE * signal)[:, :, None] + d * b
        z, slopes = clean, np.where(clean > 0, 1.0, slope)
        for _ in range(ROUNDS if budget.any() else 0):
            along_mean, along, along_own = _direction(s, b, slopes, others, d)
            inner = s[:, None] * along_mean + d * ((others * along) * _mean(b)[:, :, None]).sum(1)  # (a, g)
            z = clean - (budget * OBSERVED)[:, None] * (inner[:, :, None] + b * (d * along_own)[:, None])
            slopes = np.where(z > 0, 1.0, slope)
        margin = OBSERVED * 0.5 * (SIGN[:, None] * _mean(np.where(z > 0, z, slope * z))).sum(0)
        pull = expit(-margin)
        along_normal, across = s[0] - s[1], np.subtract(*_mean(b))
        length = np.sqrt(along_normal**2 + d * (groups * across**2).sum(0))
        length[~((length > 0) & np.isfinite(length))] = math.nan
        record[0, t] = signal * along_normal / length
        record[1, t] = (groups * np.logaddexp(0, -margin)).sum(0) / n
        record[2, t] = (groups * (margin <= 0)).sum(0) / n
    return record


def _by_type(slope: Floats) -> Floats:
    """(τ, B) slopes of neurons that are active on a point, and of those that are not."""
    return np.stack([np.ones_like(slope), slope])


def _mean(values: Floats) -> Floats:
    """Over types, of (a, g, τ, B)."""
    return 0.5 * (values[:, :, 0] + values[:, :, 1])


def _direction(s: Floats, b: Floats, slopes: Floats, others: Floats, d: Floats) -> tuple[Floats, Floats, Floats]:
    """Unit input gradient at a point of each group g: along μ̂ (g,), another's noise (h, g) and its own (g,)."""
    active = 0.5 * SIGN[:, None] * _mean(slopes)  # (a, g)
    along_mean = (active * s[:, None]).sum(0)
    along = (active[:, None] * _mean(b)[:, :, None]).sum(0)
    along_own = (0.5 * SIGN[:, None] * _mean(slopes * b)).sum(0)
    norm = np.sqrt(along_mean**2 + d * ((others * along**2).sum(0) + along_own**2))
    norm[~(norm > 0)] = np.inf
    return along_mean / norm, along / norm, along_own / norm


def _check(groups: ArrayLike, **values: ArrayLike) -> tuple[Floats, list[Floats]]:
    """All arguments as floats. Raises ValueError, naming field, value and mend, unless every one is possible."""
    points = np.asarray(groups, dtype=float)
    if points.shape[-1:] != (4,) or not np.all(np.isfinite(points) & (points >= 0)) or np.any(points.sum(-1) <= 0):
        raise ValueError(f"groups={groups!r} is impossible: give four sizes of at least 0, not all of them 0")
    low, high = {"d": 1.0, "steps": 1.0}, {"slope": 1.0}
    arrays = {name: np.asarray(value, dtype=float) for name, value in values.items()}
    for name, array in arrays.items():
        least, most = low.get(name, 0.0), high.get(name, math.inf)
        for value in array[~((least <= array) & (array <= most) & np.isfinite(array))][:1]:
            raise ValueError(f"{name}={value:g} is impossible: give a finite value between {least:g} and {most:g}")
    return points, list(arrays.values())
