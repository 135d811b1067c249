"""A small convolutional network for images in [0, 1], and the normalisation that networks of images begin with.

The network is [ours]: 2 x 2 blocks of pixels as channels, two convolutions, one linear layer: little enough to learn
MNIST and a part of CIFAR-10 on one CPU core in seconds, and enough to fit hundreds of images, wrong labels included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parameters_to_vector

# Mean and standard deviation of the training pixels, by channel: the values that are in common use for both sets.
STATISTICS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "mnist": ((0.1307,), (0.3081,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
}


class Normalise(nn.Module):
    """(x - mean)/std by channel, inside the network: budgets and attacks live in the pixels' own units."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std  # (N, C, H, W)


def convolutional(width: int, side: int, classes: int, mean: Sequence[float], std: Sequence[float]) -> nn.Sequential:
    """Logits (N, classes) of images (N, len(mean), side, side), side even and at least 10.

    `width` channels, then twice as many. Its parameters are random: build it within `seeded`.
    """
    left = side // 2 - 4  # two convolutions of 3 x 3 without padding
    return nn.Sequential(
        Normalise(mean, std),
        nn.PixelUnshuffle(2),
        nn.Conv2d(4 * len(mean), width, 3),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * width * left**2, classes),
    )


def on_one_vector(network: nn.Module) -> tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]:
    """All parameters of the network as one vector (p,), and its outputs as a function of such a vector and inputs."""
    named = dict(network.named_parameters())
    sizes = [parameter.numel() for parameter in named.values()]

    def outputs(vector: Tensor, x: Tensor) -> Tensor:
        parts = zip(named.items(), vector.split(sizes), strict=True)
        return functional_call(network, {name: part.view(old.shape) for (name, old), part in parts}, (x,))

    return parameters_to_vector(named.values()).detach(), outputs


def seeded(seed: int, build: Callable[[], nn.Module]) -> nn.Module:
    """What `build` makes with PyTorch's own initialisation under this seed; the global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        return build()
