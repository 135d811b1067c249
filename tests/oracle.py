"""The oracle: adversarial training written for reading.

Dense, in R^d, one point at a time, gradients by autograd, float64.
Nothing here is shared with the code under test but the numbers that go in.
"""

from __future__ import annotations

import torch
from torch import Tensor


def phi(z: Tensor, kind: str, slope: float, curvature: float) -> Tensor:
    """The activation, branch by branch as science has it (Frei, Chatterji, Bartlett 2022)."""
    if kind != "smooth_leaky_relu":
        return torch.where(z > 0, z, slope * z)
    shift = (1 - slope) / (4 * curvature)
    middle = (1 - slope) * curvature * z**2 / 4 + (1 + slope) * z / 2
    return torch.where(z >= 1 / curvature, z - shift, torch.where(z <= -1 / curvature, slope * z - shift, middle))


def f(x: Tensor, w: Tensor, activation: tuple[str, float, float]) -> Tensor:
    """f(x; W) for one point x (d,)."""
    m = len(w)
    total = torch.zeros((), dtype=x.dtype)
    for j in range(m):
        sign = 1 if j < m // 2 else -1
        total = total + sign / m**0.5 * phi(w[j] @ x, *activation)
    return total


def ascent_direction(x: Tensor, y: Tensor, w: Tensor, activation: tuple[str, float, float]) -> Tensor:
    """Direction in which the logistic loss at (x, y) grows fastest, of length 1 (0 where the network is flat)."""
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(-y * f(x, w, activation), x)
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
) -> tuple[Tensor, Tensor, float]:
    """For all points: δ where the outer gradient is taken, δ where the next step starts, largest gap at the start."""
    at, after, largest = start.clone(), start.clone(), 0.0
    for i in range(len(x)):
        for evaluation in range(evaluations):
            u = ascent_direction(x[i] + at[i], y[i], w, activation)
            gap = 1 - float(u @ at[i]) / budget if u.any() else 0.0
            if evaluation == 0:
                largest = max(largest, gap if u.any() else 1.0)
            if gap <= tolerance or evaluation == evaluations - 1:
                break
            at[i] = budget * u
        after[i] = budget * u
    return at, after, largest


def pgd_inner(
    x: Tensor, y: Tensor, w: Tensor, activation: tuple[str, float, float], budget: float, steps: int
) -> Tensor:
    """Projected gradient ascent from 0 with steps of length 2.5·α/steps."""
    delta = torch.zeros_like(x)
    for _ in range(steps):
        delta = delta + 2.5 * budget / steps * ascent_direction(x + delta, y, w, activation)
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
) -> tuple[Tensor, Tensor]:
    """W and the δ of each point after `steps` steps of gradient descent on the mean robust logistic loss."""
    w, start = w0.clone(), torch.zeros_like(x)
    stride, unchecked = 0, 0
    for _ in range(steps):
        at = start.clone()
        if budget > 0 and inner == "pgd":
            for i in range(len(x)):
                at[i] = start[i] = pgd_inner(x[i], y[i], w, activation, budget, pgd_steps)
        elif budget > 0 and unchecked < stride:
            unchecked += 1
        elif budget > 0:
            at, start, gap = exact_inner(start, x, y, w, activation, budget, tolerance, evaluations)
            # The further below the tolerance the gap was found, the later the next look.
            stride = 0 if gap > tolerance / 10 else stride if gap > tolerance / 100 else min(2 * stride + 1, 15)
            unchecked = 0
        w.requires_grad_()
        loss = torch.zeros((), dtype=x.dtype)
        for i in range(len(x)):
            loss = loss + torch.log1p(torch.exp(-y[i] * f(x[i] + at[i], w, activation))) / len(x)
        (gradient,) = torch.autograd.grad(loss, w)
        w = (w - step_size * gradient).detach()
    return w, start
