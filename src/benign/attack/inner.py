"""Inner maximisation of adversarial training: for each training point the δ, ‖δ‖₂ ≤ α, of largest logistic loss.

Two methods. "exact" follows δ ← α·g/‖g‖, g the loss's ascent direction at x + δ, warm-started from the last step's δ,
until the relative Frank-Wolfe gap 1 - ⟨g, δ⟩/(α‖g‖) is at most `tolerance`: a certificate of first-order optimality,
reached in one or two evaluations a step [derived; docs/theory.md §7]. Late in training the weights hardly turn, so the
certificate is renewed only every few steps: the distance doubles while the gap found at its end is at most a hundredth
of the tolerance (the gap grows with the square of the distance), and falls back to every step once it passes a tenth.
"pgd" is the paper's projected gradient ascent with 20 steps from δ = 0 [digest]; its step length, 2.5·α/steps along the
normalised gradient, is [ours].
"""

from __future__ import annotations

import dataclasses
from typing import get_args

import torch
from torch import Tensor

from benign.attack import Method
from benign.train.device import policy


@dataclasses.dataclass(frozen=True)
class InnerMaximisation:
    """How the inner maximum is taken.

    method: "exact" or "pgd"
    steps: gradient steps of "pgd"
    tolerance: relative Frank-Wolfe gap at which "exact" stops
    evaluations: the most evaluations "exact" makes in one training step: near kinks it can cycle
    unchecked: the most steps that "exact" takes between two checks of the gap
    """

    method: str = "exact"
    steps: int = 20
    tolerance: float = 1e-3
    evaluations: int = 4
    unchecked: int = 15

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"inner={self.method!r}: choose one of {', '.join(get_args(Method))}")
        if self.steps < 1 or self.evaluations < 1:
            raise ValueError("the inner maximisation needs at least one step")


def lengths(v: Tensor) -> Tensor:
    """‖v‖₂ over the last dimension, which is kept; of vectors, too, whose squares are beyond the numbers' range."""
    plain = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    # Below this length squares are lost, and above all lengths they are infinite: there v is scaled first.
    beyond = ~((plain > 1e3 * torch.finfo(v.dtype).tiny ** 0.5) & (plain < torch.inf))
    if policy(v.device).asks and not beyond.any():
        return plain
    largest = v.abs().amax(-1, keepdim=True)
    scale = torch.where((largest > 0) & (largest < torch.inf), largest, 1.0)
    return torch.where(beyond, scale * torch.linalg.vector_norm(v / scale, dim=-1, keepdim=True), plain)


def unit(g: Tensor, length: Tensor, floor: float | Tensor = 0.0) -> Tensor:
    """g/‖g‖ of vectors of known length; 0 where ‖g‖ ≤ floor, for a direction made of rounding errors is none."""
    usable = (length > floor) & (length > torch.finfo(g.dtype).tiny)
    return g * torch.where(usable, 1 / length, torch.zeros((), dtype=g.dtype, device=g.device))


def relative_gap(ascent: Tensor, perturbation: Tensor, budget: Tensor | float) -> Tensor:
    """Frank-Wolfe gap over its largest value, 1 - ⟨ascent, δ⟩/α in [0, 2]; (…, n).

    ascent (…, n, k) is a unit direction or 0. A gap of 0 certifies that no first-order improvement exists; it is 0
    where α = 0 or the direction vanishes.
    """
    aligned = torch.linalg.vecdot(ascent, perturbation)
    # ⟨ascent, ascent⟩ is 1, or 0 where there is no direction; a budget of 0 leaves nothing to gain.
    budget = torch.as_tensor(budget, dtype=ascent.dtype, device=ascent.device)
    reach = torch.where(budget > 0, torch.linalg.vecdot(ascent, ascent), 0.0)
    return reach - aligned / torch.where(budget > 0, budget, 1.0)


def next_stride(stride: Tensor, gap: Tensor, inner: InnerMaximisation) -> Tensor:
    """How many steps may pass before the next check, given how many passed before this one found `gap`; all (B,)."""
    longer = (2 * stride + 1).clamp_max(inner.unchecked)
    kept = torch.where(gap <= inner.tolerance / 100, longer, stride)
    return torch.where(gap <= inner.tolerance / 10, kept, torch.zeros_like(stride))


def project(perturbation: Tensor, budget: Tensor | float) -> Tensor:
    """Nearest point of the ball ‖δ‖₂ ≤ budget, over the last dimension."""
    norm = lengths(perturbation)
    reach = torch.as_tensor(budget, dtype=norm.dtype, device=norm.device)
    return perturbation * (reach / norm.clamp_min(torch.finfo(norm.dtype).tiny)).clamp_max(1.0)
