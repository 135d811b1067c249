"""The images that a cell uses, standardised by the training images' pixels."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benign import seeds
from benign.data.images.pairs import downsample
from benign.data.images.record import DataError, ImageSet
from benign.study import Context

ENOUGH = 10_000  # images that give mean and deviation of a pixel to four digits


class Drawn(NamedTuple):
    """What decides a sample: the fields of a cell of these names."""

    data: str
    side: int
    n: int
    test_points: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Sample:
    """x (n, d) float32 with classes y (n,), and test images likewise."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


def sample(drawn: Drawn, context: Context) -> Sample:
    """n training images at random, and all test images or as many as are asked for, at random.

    Less the training pixels' mean, over their deviation [S]; one of each for all channels, and smaller images, are
    ours. Raises DataError where there are fewer images.
    """
    images = context.images(drawn.data)
    centre, scale = _statistics(images)

    def part(pixels: NDArray, labels: NDArray, name: str, wanted: int, role: str) -> tuple[Tensor, Tensor]:
        if wanted > len(pixels):
            raise DataError(f"{name}={wanted}: {images.name} has {len(pixels)} {role}: give at most those")
        rows = seeds.generator(context.study, role, drawn.seed, data=drawn.data).permutation(len(pixels))[:wanted]
        x = (downsample(pixels[rows], drawn.side) - centre) / scale
        return torch.tensor(x, dtype=torch.float32), torch.tensor(labels[rows])

    test_points = drawn.test_points or len(images.test_images)
    return Sample(
        *part(images.train_images, images.train_labels, "n", drawn.n, "training images"),
        *part(images.test_images, images.test_labels, "test_points", test_points, "test images"),
    )


def _statistics(images: ImageSet) -> tuple[float, float]:
    values = images.train_images[:ENOUGH].astype(np.float64) / 255
    if values.std() == 0:
        raise DataError(f"{images.name}: all pixels are the same, so there is nothing to standardise by: give others")
    return float(values.mean()), float(values.std())
