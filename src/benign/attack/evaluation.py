"""Evaluation of a trained two-layer network: the strongest ℓ2 perturbation found for each point, and its errors.

Two attacks, of which each point gets the better one, δ = 0 included:

- the fixed point of δ ← -α·∇/‖∇‖ (∇ of y·f at x + δ), a stationary point of the inner maximisation, with averaged moves
  once it cycles around a kink;
- projected gradient descent in small steps from δ = 0, which ends in other local optima of networks with strong kinks
  (ReLU).

Errors found this way are lower bounds on the true robust error, and no more than that at points whose gradient is no
direction: the attack says which they are. Where only errors are counted, points that a linear
relaxation certifies are not attacked: it costs half a move, and near-linear networks leave few others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from benign.attack.inner import lengths, project, relative_gap, unit
from benign.nets.two_layer import Activation, outer_weights

CHUNK = 500  # points attacked at a time: (500, m) activations stay in cache
FULL_MOVES = 20  # moves that go all the way before averaging sets in
SMALL_STEPS = 20  # of the second attack, each 2.5·α/SMALL_STEPS long


@dataclasses.dataclass(frozen=True)
class WorstCase:
    """The attack's result on N points.

    margin: (N,), smallest y·f(x + δ) found
    perturbation: (N, k), the δ that attains it, ‖δ‖ ≤ α
    gap: (N,), relative Frank-Wolfe gap there: 0 certifies a stationary point
    vanished: (N,), True where the attack met a gradient that is 0, or lost in the roundings of the weights, at a margin
        above 0, or a margin that is no number: what was found there says little
    """

    margin: Tensor
    perturbation: Tensor
    gap: Tensor
    vanished: Tensor


def worst_case(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    activation: Activation,
    budget: float,
    *,
    iterations: int = 40,
    tolerance: float = 1e-4,
    until_fooled: bool = False,
    screened: bool = True,
    positive: int | None = None,
) -> WorstCase:
    """Minimise y·f(x + δ) over ‖δ‖₂ ≤ budget for every point of x (N, k) with labels y (N,) and weights w (m, k).

    iterations: moves of the first attack · tolerance: the gap at which an attack stops at a point
    until_fooled: stop at a point once its margin is ≤ 0 or certain to stay > 0; for counting errors, where depth does
        not matter
    screened: whether points that the relaxation certifies count as certain; without it every point is attacked
    positive: how many neurons, the first ones, have the sign +1, if not half
    """
    a = outer_weights(w.shape[0], w.dtype, w.device, positive)
    margin, best, gap = torch.full_like(y, torch.inf), torch.zeros_like(x), torch.zeros_like(y)
    wanted = torch.ones_like(y, dtype=torch.bool)
    vanished = torch.zeros_like(wanted)
    for chunk in range(0, len(x), CHUNK):
        part = slice(chunk, chunk + CHUNK)
        if until_fooled and screened and budget > 0:
            clean, lower = relaxed_margin(x[part], y[part], w, activation, budget, positive)
            wanted[part] = ~((clean <= 0) | (lower > 0))  # nan is not certain
            margin[part] = torch.where(wanted[part], torch.inf, clean)
        views = (each[part] for each in (margin, best, gap, wanted, vanished))
        state = _State(x[part], y[part], w, a, activation, budget, until_fooled, *views)
        state.descend(_fixed_point_moves, iterations, tolerance)
        if budget > 0:
            state.descend(_small_moves, SMALL_STEPS, tolerance)
    return WorstCase(margin, best, gap, vanished)


def relaxed_margin(
    x: Tensor, y: Tensor, w: Tensor, activation: Activation, budget: float, positive: int | None = None
) -> tuple[Tensor, Tensor]:
    """y·f(x) for points x (N, k), and a lower bound on y·f(x + δ) over ‖δ‖₂ ≤ budget; each (N,).

    Let b_j = y·a_j. Where b_j > 0 the convex φ lies above its tangent at z_j, and where b_j < 0 below its chord over
    z_j ± α‖w_j‖: sums of these lines are affine in δ [derived; docs/theory.md §10, here without branching].
    """
    z, reach = x @ w.mT, budget * lengths(w)[:, 0]
    b = y[:, None] * outer_weights(w.shape[0], w.dtype, w.device, positive)
    low, here, high = (activation.value(t) for t in (z - reach, z, z + reach))
    tangent = b > 0
    height = torch.where(tangent, here, (low + high) / 2)
    slope = torch.where(tangent, activation.derivative(z), (high - low) / (2 * torch.where(reach > 0, reach, 1.0)))
    steepest = lengths((b * slope) @ w)[:, 0]
    rounding = 100 * torch.finfo(w.dtype).eps * (b * (z.abs() + reach)).abs().sum(1)
    return (b * here).sum(1), (b * height).sum(1) - budget * steepest - rounding


@dataclasses.dataclass
class _State:
    """A chunk of points under attack; margin, best, gap and vanished are views that the attacks write in place.

    wanted: (N,), the points to attack
    """

    x: Tensor
    y: Tensor
    w: Tensor
    a: Tensor
    activation: Activation
    budget: float
    until_fooled: bool
    margin: Tensor
    best: Tensor
    gap: Tensor
    wanted: Tensor
    vanished: Tensor

    def descend(self, move: Callable[[Tensor, Tensor, float, int], Tensor], moves: int, tolerance: float) -> None:
        """Start at δ = 0, make up to `moves` moves at each point that is not done, keep the best δ seen."""
        rounding = 100 * torch.finfo(self.w.dtype).eps * lengths(self.w).amax()
        live = self.wanted.nonzero()[:, 0]
        if self.until_fooled:
            live = live[self.margin[live] > 0]
        delta = torch.zeros_like(self.x[live])
        # One forward pass more than there are moves, so that the last move is measured as well.
        for step in range(moves + 1):
            z = (self.x[live] + delta) @ self.w.mT
            now = self.y[live] * (self.activation.value(z) @ self.a)
            better = (now < self.margin[live]) | (self.margin[live] == torch.inf)  # also what is no number
            self.margin[live[better]] = now[better]
            self.best[live[better]] = delta[better]
            if self.budget == 0:
                break
            gradient = self.activation.scaled_derivative(z, self.a) @ self.w
            length = lengths(gradient)
            # A direction within the roundings is followed as any other: what it finds is found.
            descent = -self.y[live, None] * unit(gradient, length)
            self.vanished[live] |= ~(now <= 0) & ~((length[:, 0] > rounding) & now.isfinite())
            gap = relative_gap(descent, delta, self.budget)
            self.gap[live[better]] = gap[better]
            go = gap > tolerance
            if self.until_fooled:
                go &= now > 0
            live = live[go]
            if not len(live) or step == moves:
                break
            delta = move(delta[go], descent[go], self.budget, step)


def _fixed_point_moves(delta: Tensor, descent: Tensor, budget: float, step: int) -> Tensor:
    """All the way to α·descent; later averages, with weights 2/(t+2) as in the Frank-Wolfe method, break cycles."""
    return torch.lerp(delta, descent * budget, 2 / (max(step - FULL_MOVES, 0) + 2))


def _small_moves(delta: Tensor, descent: Tensor, budget: float, step: int) -> Tensor:
    """One step of projected gradient descent."""
    return project(delta + 2.5 * budget / SMALL_STEPS * descent, budget)


def logistic_loss(margin: Tensor) -> Tensor:
    """log(1 + exp(-margin)) for each point (N,), in float64."""
    return torch.nn.functional.softplus(-margin.double())


def mean_input_gradient(x: Tensor, w: Tensor, activation: Activation, positive: int | None = None) -> Tensor:
    """v̄ (k,), the mean of ∇ₓf over points x (N, k): the normal of the half-space that the network is close to."""
    a = outer_weights(w.shape[0], w.dtype, w.device, positive)
    total = torch.zeros(w.shape[0], dtype=torch.float64, device=w.device)
    for chunk in x.split(CHUNK):
        total += activation.scaled_derivative(chunk @ w.mT, a).sum(0, dtype=torch.float64)
    return (total / len(x)) @ w.double()


def rho(mean: Tensor, normal: Tensor) -> float:
    """ρ = ⟨μ, v⟩/‖v‖, the margin of the class centre; (k,) and (k,). nan for a network that is still constant."""
    return float(mean.double() @ normal.double() / torch.linalg.vector_norm(normal.double()))
