"""Images, and the same with their pixels permuted: translations as a symmetry that nearly holds, or is the wrong one.

Finzi, Benton, Wilson, NeurIPS 2021 train on all of CIFAR-10 and, where translations are wrong, on tables [S]. Ours are
a part of MNIST or CIFAR-10, small, and the same images with one permutation for all of a replicate [ours].
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benign import seeds
from benign.data.images.record import CIFAR10_CLASSES, DIGITS, DataError
from benign.data.multiclass import Images, pixels
from benign.nets.convolutional import STATISTICS
from benign.nets.translations import Convolution
from benign.studies.residual_pathway.grid import SIDE, Cell
from benign.studies.residual_pathway.systems import Sample
from benign.study import Context


def network(cell: Cell) -> Convolution:
    """The network of a cell: two hidden layers, of `width` channels and of twice as many."""
    colours, classes = len(STATISTICS[cell.data][0]), len({"mnist": DIGITS, "cifar10": CIFAR10_CLASSES}[cell.data])
    return Convolution(cell.model, SIDE, (colours, cell.width, 2 * cell.width), classes)


def sample(cell: Cell, context: Context) -> Sample:
    """A cell's images, standardised by the set's usual statistics, and classes; permuted they are the same ones.

    Raises DataError where there are not that many.
    """
    images, order = context.images(cell.data), torch.from_numpy(permutation(cell, context.study))
    mean, std = (torch.tensor(each)[:, None, None] for each in STATISTICS[cell.data])

    def points(some: Images) -> Tensor:
        x = (torch.from_numpy(some) - mean) / std  # (N, colours, SIDE, SIDE)
        return x.flatten(2)[..., order].flatten(1)

    parts: list[Tensor] = []
    for part, name in (("train", "n"), ("test", "test_points")):
        all_images, labels = (getattr(images, f"{part}_{kind}") for kind in ("images", "labels"))
        count, rng = getattr(cell, name), seeds.generator(context.study, f"{part} images", cell.seed, data=cell.data)
        if count > len(labels):
            raise DataError(f"{name}={count}: {images.name} has {len(labels)} {part} images: give up to {len(labels)}")
        rows = rng.permutation(len(labels))[:count]
        parts += [points(pixels(all_images[rows], SIDE)), torch.from_numpy(labels[rows])]
    return Sample(*parts)


def permutation(cell: Cell, study: str) -> np.ndarray:
    """Which pixel stands where (SIDE²,): a random share of `breaking` of them change places with each other."""
    rng = seeds.generator(study, "permutation", cell.seed)
    order, chosen = np.arange(SIDE**2), rng.permutation(SIDE**2)[: round(cell.breaking * SIDE**2)]
    order[np.sort(chosen)] = chosen
    return order
