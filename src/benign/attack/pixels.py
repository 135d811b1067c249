"""ℓ2 projected gradient ascent on deep networks of images: minibatches (N, C, H, W) in [0, 1], any torch module.

The attack of Rice, Wong, Kolter, ICML 2020, in their ℓ2 setting [M]: steps along each image's normalised gradient,
projected on the ball ‖δ‖₂ ≤ α and then on images in [0, 1]. Training follows the cross-entropy, as they do, from a
random start, and takes the last iterate. Evaluation follows the margin, which it minimises [ours]: its direction is the
same for all multiples of the logits, where the cross-entropy's dies out once they are large. It starts at δ = 0 and
keeps, for each image, the iterate of least margin, δ = 0 included, so that its margins are never above the clean ones.
Both leave parameters and their gradients alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benign.attack import inner


@dataclasses.dataclass(frozen=True)
class Attack:
    """budget: α ≥ 0, ℓ2, in pixel units · steps: how many · step: length of one as a share of the budget."""

    budget: float
    steps: int
    step: float


def lengths(delta: Tensor) -> Tensor:
    """‖δ_i‖₂ of each image, (N, 1, 1, 1)."""
    return inner.lengths(delta.flatten(1))[..., None, None]


def random_start(like: Tensor, budget: float, generator: torch.Generator) -> Tensor:
    """For each image its own uniform direction, and its own length, uniform on [0, budget] [M]."""
    direction = torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)
    share = torch.rand((len(like), 1, 1, 1), generator=generator, dtype=like.dtype, device=like.device)
    return direction * (budget * share / lengths(direction))


def project(delta: Tensor, x: Tensor, budget: float) -> Tensor:
    """δ in the ball and x + δ in [0, 1]: clipping x + δ shortens each coordinate of δ, so δ does not leave the ball."""
    inside = inner.project(delta.flatten(1), budget).view_as(delta)
    return torch.clamp(x + inside, 0, 1) - x


def perturb(network: nn.Module, x: Tensor, labels: Tensor, attack: Attack, generator: torch.Generator) -> Tensor:
    """δ (N, C, H, W) for training: the last iterate from a random start, the network in the mode that it is in."""
    if attack.budget == 0:
        return torch.zeros_like(x)
    delta = project(random_start(x, attack.budget, generator), x, attack.budget)
    for _ in range(attack.steps):
        _, gradient = _logits_and_gradient(network, x + delta, labels, log_odds)
        delta = project(delta + attack.step * attack.budget * _unit(gradient), x, attack.budget)
    return delta


@dataclasses.dataclass(frozen=True)
class WorstCase:
    """margin (N,): the least found · clean (N,): at δ = 0 · perturbation (N, C, H, W): where the least margin is
    vanished (N,): True where the attack met a gradient that is 0, at a margin above 0, or a margin that is no number:
    that nothing was found there says nothing
    """

    margin: Tensor
    clean: Tensor
    perturbation: Tensor
    vanished: Tensor


def worst_case(network: nn.Module, x: Tensor, labels: Tensor, attack: Attack, chunk: int = 256) -> WorstCase:
    """The least margin of each image over the iterates from δ = 0.

    An image is left alone once its margin is at most 0, which is an error. The network should be in evaluation mode, so
    that an image's margin does not depend on the others.
    """
    margin, best = torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device), torch.zeros_like(x)
    clean, vanished = torch.empty_like(margin), torch.zeros_like(margin, dtype=torch.bool)
    for whole in torch.arange(len(x), device=x.device).split(chunk):
        part, delta = whole, torch.zeros_like(x[whole])
        for step in range(attack.steps + 1):
            logits, gradient = _logits_and_gradient(network, x[part] + delta, labels[part], margins)
            now = margins(logits, labels[part])
            if step == 0:
                clean[part] = now
            better = (now < margin[part]) | (step == 0)
            margin[part[better]], best[part[better]] = now[better], delta[better]
            if attack.budget > 0:
                direction = -_unit(gradient)
                vanished[part] |= ~(now <= 0) & ~(direction.flatten(1).any(1) & now.isfinite())
            go = now > 0
            part = part[go]
            if attack.budget == 0 or not len(part):
                break
            moved = delta[go] + attack.step * attack.budget * direction[go]
            delta = project(moved, x[part], attack.budget)
    return WorstCase(margin, clean, best, vanished)


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Logit of the label less the largest other one, (N,): at most 0 is an error, ties included."""
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return own[:, 0] - others


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Of being wrong, (N,): log(1 - p) - log p for the softmax's p of the label.

    It grows as the cross-entropy does, in the same direction, which is not lost where p is rounded to 1.
    """
    own = logits.gather(1, labels[:, None])
    return logits.scatter(1, labels[:, None], -torch.inf).logsumexp(1) - own[:, 0]


def _logits_and_gradient(
    network: nn.Module, at: Tensor, labels: Tensor, of: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Logits (N, K) at images (N, C, H, W), and the gradient there `of` a function of logits and labels."""
    at = at.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(at)
        # The sum over images: each image's gradient is its own, whatever the size of the batch.
        (gradient,) = torch.autograd.grad(of(logits, labels).sum(), at)
    return logits.detach(), gradient


def _unit(gradient: Tensor) -> Tensor:
    return inner.unit(gradient, lengths(gradient))
