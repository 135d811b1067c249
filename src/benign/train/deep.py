"""Adversarial training of deep networks: minibatch SGD with momentum on perturbed images.

Rice, Wong, Kolter, *Overfitting in adversarially robust deep learning*, ICML 2020 [M]: SGD with momentum .9, weight
decay 5e-4 on all parameters, a learning rate that falls to a tenth after a half and again after three quarters of the
epochs, random crops and flips, ℓ2 projected gradient ascent with the network in training mode. Size, batch and length
of a training are in `Recipe`.

Every epoch draws its order, its crops and flips and its random starts from a generator of its own, a pure function of
the training's seed and the epoch: a checkpoint after an epoch is parameters, buffers and momentum, and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from benign.attack.pixels import Attack, perturb
from benign.train.checkpoints import Checkpoints

DECAY, MILESTONES = 0.1, (0.5, 0.75)  # [M]
PADDING = 4  # pixels around an image of 32 x 32 that a random crop is taken from [M]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """epochs: length of the whole training, on which the learning rate's decay is laid out · batch: images a step
    learning_rate: at the start · momentum · weight_decay: on all parameters · augment: random crops and flips
    attack: of the training; budget 0 is ordinary training
    """

    epochs: int
    batch: int
    learning_rate: float
    momentum: float
    weight_decay: float
    augment: bool
    attack: Attack


def learning_rate(recipe: Recipe, epoch: int) -> float:
    """Of the epoch with this number, from 1: piecewise constant."""
    passed = sum(epoch > share * recipe.epochs for share in MILESTONES)
    return recipe.learning_rate * DECAY**passed


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
    stops: Sequence[int],
    generator: Callable[[int], torch.Generator],
    name: str,
    checkpoints: Checkpoints | None = None,
) -> Iterator[tuple[int, bool]]:
    """Train `network` in place; yields (epochs so far, whether all parameters are finite) at the increasing `stops`.

    images (n, C, H, W) in [0, 1] and labels (n,) on the network's device; generator(epoch) gives an epoch's
    randomness; name identifies the training among checkpoints. With `checkpoints` a training saved before is taken up
    where it stood, and stops before that point are not yielded again. A training that has diverged yields False.
    """
    optimiser = torch.optim.SGD(
        network.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay
    )
    epoch = _resume(network, optimiser, name, checkpoints)
    finite = True
    for stop in stops:
        while epoch < stop:
            epoch += 1
            if finite:
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate(recipe, epoch)
                _epoch(network, images, labels, recipe, optimiser, generator(epoch))
                finite = all(bool(parameter.isfinite().all()) for parameter in network.parameters())
            if checkpoints and finite and checkpoints.due():
                checkpoints.save(name, epoch, _state(network, optimiser))
        if epoch == stop:
            yield epoch, finite


def _epoch(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> None:
    """One pass over the training set in random order; a last batch that is not full is used as well."""
    network.train()
    order = torch.randperm(len(images), generator=generator, device=images.device)
    for rows in order.split(recipe.batch):
        x, y = images[rows], labels[rows]
        if recipe.augment:
            x = augmented(x, generator)
        delta = perturb(network, x, y, recipe.attack, generator)
        optimiser.zero_grad()
        cross_entropy(network(x + delta), y).backward()
        optimiser.step()


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image (N, C, H, W) padded with black, cropped to its size at a random place, mirrored with chance 1/2."""
    n, _, height, width = x.shape
    places = torch.randint(0, 2 * PADDING + 1, (2, n), generator=generator, device=x.device)
    mirrored = torch.rand(n, generator=generator, device=x.device) < 0.5
    rows = places[0][:, None] + torch.arange(height, device=x.device)  # (N, H)
    across = torch.arange(width, device=x.device)
    columns = places[1][:, None] + torch.where(mirrored[:, None], across.flip(0), across)  # (N, W)
    index = torch.arange(n, device=x.device)[:, None, None]
    padded = pad(x, (PADDING,) * 4)
    return padded.movedim(1, -1)[index, rows[:, :, None], columns[:, None, :]].movedim(-1, 1).contiguous()


def _state(network: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Parameters and buffers by name, and each parameter's momentum."""
    state = dict(network.state_dict())
    for key, parameter in network.named_parameters():
        momentum = optimiser.state[parameter].get("momentum_buffer")
        if momentum is not None:  # there is none where momentum is 0
            state[f"momentum {key}"] = momentum
    return state


def _resume(network: nn.Module, optimiser: torch.optim.Optimizer, name: str, checkpoints: Checkpoints | None) -> int:
    saved = checkpoints.load(name) if checkpoints else None
    if saved is None:
        return 0
    epoch, state = saved
    network.load_state_dict({key: state[key] for key in network.state_dict()})
    for key, parameter in network.named_parameters():
        if f"momentum {key}" in state:
            optimiser.state[parameter]["momentum_buffer"] = state[f"momentum {key}"].to(parameter.device)
    return epoch
