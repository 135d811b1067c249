"""PreActResNet-18 for images of 32 x 32 pixels: the network of Rice, Wong, Kolter, ICML 2020 [M].

He, Zhang, Ren, Sun, *Identity mappings in deep residual networks*, ECCV 2016: batch normalisation and ReLU before each
convolution. Four stages of two blocks with 64, 128, 256 and 512 channels, 11.17 million parameters for 10 classes.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import relu

from benign.nets.convolutional import Normalise

CHANNELS = (64, 128, 256, 512)
BLOCKS = 2  # in each stage


class PreActBlock(nn.Module):
    """Two convolutions of 3 x 3 beside a shortcut; the shortcut is a convolution of 1 x 1 where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        before = relu(self.norm1(x))
        # The shortcut starts after the activation where it is a convolution, and from x where it is the identity.
        beside = x if self.shortcut is None else self.shortcut(before)
        return beside + self.conv2(relu(self.norm2(self.conv1(before))))


def preact_resnet18(classes: int, mean: Sequence[float], std: Sequence[float]) -> nn.Sequential:
    """Logits (N, classes) of images (N, len(mean), 32, 32) in [0, 1]; build it within `seeded`."""
    stages, inputs = [], CHANNELS[0]
    for stage, outputs in enumerate(CHANNELS):
        for block in range(BLOCKS):
            stages.append(PreActBlock(inputs, outputs, stride=2 if stage and not block else 1))
            inputs = outputs
    return nn.Sequential(
        Normalise(mean, std),
        nn.Conv2d(len(mean), CHANNELS[0], 3, padding=1, bias=False),
        *stages,
        nn.BatchNorm2d(inputs),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(inputs, classes),
    )
