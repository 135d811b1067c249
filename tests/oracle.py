"""The oracle: adversarial training written for reading.

Dense, in R^d, one point at a time, gradients by autograd, float64.
Nothing here is shared with the code under test but the numbers that go in.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor


def phi(z: Tensor, kind: str, slope: float, curvature: float) -> Tensor:
    """The activation, branch by branch as science has it (Frei, Chatterji, Bartlett 2022)."""
    if kind != "smooth_leaky_relu":
        return torch.where(z > 0, z, slope * z)
    shift = (1 - slope) / (4 * curvature)
    middle = (1 - slope) * curvature * z**2 / 4 + (1 + slope) * z / 2
    return torch.where(z >= 1 / curvature, z - shift, torch.where(z <= -1 / curvature, slope * z - shift, middle))


def f(x: Tensor, w: Tensor, activation: tuple[str, float, float], positive: int | None = None) -> Tensor:
    """f(x; W) for one point x (d,); the first `positive` neurons have the sign +1, half of them if None."""
    m = len(w)
    total = torch.zeros((), dtype=x.dtype)
    for j in range(m):
        sign = 1 if j < (m // 2 if positive is None else positive) else -1
        total = total + sign / m**0.5 * phi(w[j] @ x, *activation)
    return total


def ascent_direction(
    x: Tensor, y: Tensor, w: Tensor, activation: tuple[str, float, float], positive: int | None = None
) -> Tensor:
    """Direction in which the logistic loss at (x, y) grows fastest, of length 1 (0 where the network is flat)."""
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(-y * f(x, w, activation, positive), x)
    flat = 1e-9 * w.norm(dim=1).max()
    return g / g.norm() if g.norm() > flat else torch.zeros_like(g)


def exact_inner(
    start: Tensor,
    x: Tensor,
    y: Tensor,
    w: Tensor,
    activation: tuple[str, float, float],
    budget: float,
    tolerance: float,
    evaluations: int,
    positive: int | None = None,
) -> tuple[Tensor, Tensor, float]:
    """For all points: δ where the outer gradient is taken, δ where the next step starts, largest gap at the start."""
    at, after, largest = start.clone(), start.clone(), 0.0
    for i in range(len(x)):
        for evaluation in range(evaluations):
            u = ascent_direction(x[i] + at[i], y[i], w, activation, positive)
            gap = 1 - float(u @ at[i]) / budget if u.any() else 0.0
            if evaluation == 0:
                largest = max(largest, gap if u.any() else 1.0)
            if gap <= tolerance or evaluation == evaluations - 1:
                break
            at[i] = budget * u
        after[i] = budget * u
    return at, after, largest


def pgd_inner(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    activation: tuple[str, float, float],
    budget: float,
    steps: int,
    positive: int | None = None,
) -> Tensor:
    """Projected gradient ascent from 0 with steps of length 2.5·α/steps."""
    delta = torch.zeros_like(x)
    for _ in range(steps):
        delta = delta + 2.5 * budget / steps * ascent_direction(x + delta, y, w, activation, positive)
        if delta.norm() > budget:
            delta = delta * (budget / delta.norm())
    return delta


def train(
    x: Tensor,
    y: Tensor,
    w0: Tensor,
    activation: tuple[str, float, float],
    budget: float,
    step_size: float,
    steps: int,
    inner: str,
    tolerance: float = 1e-3,
    evaluations: int = 4,
    pgd_steps: int = 20,
    positive: int | None = None,
) -> tuple[Tensor, Tensor]:
    """W and the δ of each point after `steps` steps of gradient descent on the mean robust logistic loss."""
    w, start = w0.clone(), torch.zeros_like(x)
    stride, unchecked = 0, 0
    for _ in range(steps):
        at = start.clone()
        if budget > 0 and inner == "pgd":
            for i in range(len(x)):
                at[i] = start[i] = pgd_inner(x[i], y[i], w, activation, budget, pgd_steps, positive)
        elif budget > 0 and unchecked < stride:
            unchecked += 1
        elif budget > 0:
            at, start, gap = exact_inner(start, x, y, w, activation, budget, tolerance, evaluations, positive)
            # The further below the tolerance the gap was found, the later the next look.
            stride = 0 if gap > tolerance / 10 else stride if gap > tolerance / 100 else min(2 * stride + 1, 15)
            unchecked = 0
        w.requires_grad_()
        loss = torch.zeros((), dtype=x.dtype)
        for i in range(len(x)):
            loss = loss + torch.log1p(torch.exp(-y[i] * f(x[i] + at[i], w, activation, positive))) / len(x)
        (gradient,) = torch.autograd.grad(loss, w)
        w = (w - step_size * gradient).detach()
    return w, start


def smallest_margin(
    x: Tensor, y: float, w: Tensor, activation: tuple[str, float, float], budget: float, tolerance: float = 1e-10
) -> float:
    """Smallest y·f(x + δ) over ‖δ‖ ≤ α for a piecewise linear φ, by enumeration of the linear pieces.

    On a piece f is linear, so its least value in the ball lies, for some set S of neurons at their kink, on the sphere
    within {⟨w_j, x + δ⟩ = 0, j ∈ S}, against the piece's gradient. Every such δ is in the ball, so none goes too low.
    """
    kind, slope, _ = activation
    assert kind != "smooth_leaky_relu"
    m, k = w.shape
    b = y * torch.tensor([1.0] * (m // 2) + [-1.0] * (m // 2), dtype=x.dtype) / m**0.5
    gradients = [
        (b * torch.tensor([1.0 if up else slope for up in piece], dtype=x.dtype)) @ w
        for piece in itertools.product([True, False], repeat=m)
    ]
    smallest = float(y * f(x, w, activation))
    for size in range(k + 1):
        for kinked in itertools.combinations(range(m), size):
            rows = w[list(kinked)]
            inverse = torch.linalg.pinv(rows)
            start = -inverse @ (rows @ x)
            if start.norm() > budget:
                continue
            room = (budget**2 - start @ start).sqrt()
            for g in gradients:
                along = g - inverse @ (rows @ g)
                step = along / along.norm() * room if along.norm() > tolerance else torch.zeros_like(along)
                smallest = min(smallest, float(y * f(x + start - step, w, activation)))
    return smallest
