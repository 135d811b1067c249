"""Adversarial training of a two-layer network by mini-batch gradient descent; one network at a time.

The inner maximisation is that of `gradient_descent` (δ kept from a point's last visit, the certificate renewed at every
visit), and so is the step a point takes: a batch of b points has the step size η·b/n, the linear scaling of Goyal et
al. 2017, so that one pass over the data moves as far as one full-batch step. With b = n it is full-batch training.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benign.attack.inner import InnerMaximisation, project, relative_gap, unit
from benign.nets.two_layer import Activation, outer_weights
from benign.train.gradient_descent import Problem, Snapshot


def train(problem: Problem, batch: int, passes: int, inner: InnerMaximisation, rng: np.random.Generator) -> Snapshot:
    """`passes` passes over the points in batches of `batch`, in a new random order each; a snapshot of one network.

    Raises ValueError unless 1 ≤ batch ≤ n.
    """
    n = len(problem.x)
    if not 1 <= batch <= n:
        raise ValueError(f"batch={batch!r} is impossible: give a value between 1 and n={n}")
    network = _Network(problem, inner)
    for _ in range(passes):
        order = torch.as_tensor(rng.permutation(n), device=problem.x.device)
        for chosen in order.split(batch):
            network.step(chosen)
    return Snapshot(
        steps=passes,
        weights=network.w[None],
        perturbation=network.delta[None],
        gap=network.gap.amax()[None],
        evaluations=torch.tensor([network.evaluations / (passes * -(-n // batch))]),
        finite=network.w.isfinite().all()[None],
    )


class _Network:
    """Weights w (m, k) and, for every point, the perturbation delta (n, k) and gap (n,) of its last visit."""

    def __init__(self, problem: Problem, inner: InnerMaximisation) -> None:
        self.x, self.y = problem.x, problem.y[:, None]  # (n, k), (n, 1)
        self.w = problem.w0.clone()
        self.activation: Activation = problem.activation
        self.budget, self.rate = problem.budget, problem.step_size / len(problem.x)  # α, η/n
        self.a = outer_weights(len(self.w), self.w.dtype, self.w.device)
        # As in gradient_descent: at W₀ the input gradient is rounding errors, and no direction.
        self.floor = 100 * torch.finfo(self.w.dtype).eps * torch.linalg.vector_norm(self.w, dim=-1).amax()
        self.delta = torch.zeros_like(self.x)
        self.gap = torch.zeros_like(problem.y)
        self.inner, self.evaluations = inner, 0

    def step(self, chosen: Tensor) -> None:
        """Maximise over the chosen points' (b,) perturbations, then descend on their loss."""
        x, y = self.x[chosen], self.y[chosen]
        if self.budget == 0:
            points, (slopes, f) = x, self._forward(x)
        elif self.inner.method == "pgd":
            points, slopes, f = self._projected_gradient_ascent(x, y, chosen)
        else:
            points, slopes, f = self._follow_direction(x, y, chosen)
        pull = y * torch.sigmoid(-y * f) * self.rate  # (b, 1)
        self.w.addmm_(slopes.mul_(pull).mT, points)

    def _forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """a_jφ'(z_ij) (b, m) and outputs (b, 1)."""
        z = points @ self.w.mT
        return self.activation.scaled_derivative(z, self.a), (self.activation.value(z) @ self.a)[:, None]

    def _ascent(self, slopes: Tensor, y: Tensor) -> Tensor:
        return unit(slopes @ self.w, self.floor) * -y

    def _follow_direction(self, x: Tensor, y: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """δ ← α·g/‖g‖ until the gap closes at every point of the batch."""
        delta = self.delta[chosen]
        for evaluation in range(1, self.inner.evaluations + 1):
            self.evaluations += 1
            points = x + delta
            slopes, f = self._forward(points)
            ascent = self._ascent(slopes, y)
            gap = relative_gap(ascent, delta, self.budget)  # (b,)
            if evaluation == self.inner.evaluations or not bool((gap > self.inner.tolerance).any()):
                break
            delta = torch.where(gap[:, None] > self.inner.tolerance, ascent * self.budget, delta)
        self.gap[chosen] = gap
        self.delta[chosen] = ascent * self.budget  # where the point's next visit starts
        return points, slopes, f

    def _projected_gradient_ascent(self, x: Tensor, y: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        delta = torch.zeros_like(x)
        for _ in range(self.inner.steps):
            slopes, _ = self._forward(x + delta)
            delta = project(delta + self._ascent(slopes, y) * (2.5 / self.inner.steps) * self.budget, self.budget)
        self.gap[chosen], self.delta[chosen] = torch.nan, delta
        self.evaluations += self.inner.steps
        points = x + delta
        return (points, *self._forward(points))
