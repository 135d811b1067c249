"""Evaluation of a trained two-layer network: the strongest ℓ2 perturbation we find for each point, and the errors it causes.

The attack follows δ ← -α·∇/‖∇‖ (∇ of y·f at x + δ), the fixed point of which is a stationary point of the inner
maximisation, and keeps the best δ seen, δ = 0 included; once the iteration cycles near a kink its steps are averaged.
Errors found this way are lower bounds on the true robust error.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from benign.attack.inner import relative_gap, unit
from benign.nets.two_layer import Activation, outer_weights

CHUNK = 500  # points attacked at a time: (500, m) activations stay in cache
FULL_STEPS = 20  # moves that go all the way before averaging sets in


@dataclasses.dataclass(frozen=True)
class WorstCase:
    """The attack's result on N points.

    margin: (N,), smallest y·f(x + δ) found
    perturbation: (N, k), the δ that attains it, ‖δ‖ ≤ α
    gap: (N,), relative Frank-Wolfe gap at the last iterate: how far from stationary the attack stopped
    """

    margin: Tensor
    perturbation: Tensor
    gap: Tensor


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
) -> WorstCase:
    """Minimise y·f(x + δ) over ‖δ‖₂ ≤ budget for every point of x (N, k) with labels y (N,) and weights w (m, k).

    until_fooled: stop at a point once its margin is ≤ 0; for counting errors, where depth does not matter.
    """
    parts = [
        _attack(x[i : i + CHUNK], y[i : i + CHUNK], w, activation, budget, iterations, tolerance, until_fooled)
        for i in range(0, len(x), CHUNK)
    ]
    return WorstCase(*(torch.cat([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(WorstCase)))


def _attack(
    x: Tensor, y: Tensor, w: Tensor, activation: Activation, budget: float, iterations: int, tolerance: float, until_fooled: bool
) -> WorstCase:
    a = outer_weights(w.shape[0], w.dtype, w.device)
    delta = torch.zeros_like(x)
    margin = torch.full_like(y, torch.inf)
    best = torch.zeros_like(x)
    gap = torch.zeros_like(y)
    live = torch.arange(len(x), device=x.device)
    floor = 100 * torch.finfo(w.dtype).eps * torch.linalg.vector_norm(w, dim=-1).amax()
    # One forward pass more than there are moves, so that the last move is measured as well.
    for iteration in range(iterations + 1):
        z = (x[live] + delta[live]) @ w.mT
        now = y[live] * (activation.value(z) @ a)
        better = live[now < margin[live]]
        margin[live] = torch.minimum(margin[live], now)
        best[better] = delta[better]
        if budget == 0:
            break
        ascent = -y[live, None] * unit(activation.scaled_derivative(z, a) @ w, floor)
        gap[live] = relative_gap(ascent, delta[live], budget)
        go = gap[live] > tolerance
        if until_fooled:
            go &= now > 0
        live, ascent = live[go], ascent[go]
        if not len(live) or iteration == iterations:
            break
        # A cycle around a kink is broken by averaging, with weights 2/(t+2) as in the Frank-Wolfe method.
        share = 2 / (max(iteration - FULL_STEPS, 0) + 2)
        delta[live] = torch.lerp(delta[live], ascent * budget, share)
    return WorstCase(margin, best, gap)


def logistic_loss(margin: Tensor) -> Tensor:
    """log(1 + exp(-margin)) for each point (N,), in float64."""
    return torch.nn.functional.softplus(-margin.double())


def mean_input_gradient(x: Tensor, w: Tensor, activation: Activation) -> Tensor:
    """v̄ (k,), the mean of ∇ₓf over points x (N, k): the normal of the half-space that the network is close to."""
    a = outer_weights(w.shape[0], w.dtype, w.device)
    total = torch.zeros(w.shape[0], dtype=torch.float64, device=w.device)
    for chunk in x.split(CHUNK):
        total += activation.scaled_derivative(chunk @ w.mT, a).sum(0, dtype=torch.float64)
    return (total / len(x)) @ w.double()


def rho(mean: Tensor, normal: Tensor) -> float:
    """ρ = ⟨μ, v⟩/‖v‖, the margin of the class centre; (k,) and (k,). nan for a network that is still constant."""
    return float(mean.double() @ normal.double() / torch.linalg.vector_norm(normal.double()))
