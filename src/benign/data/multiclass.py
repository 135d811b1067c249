"""Images of all classes with symmetric label noise: samples for deep networks, in pixels from 0 to 1.

Training and validation images are drawn from the training part without replacement, both with noisy labels, as whoever
trains on such data has no others; test labels are the true ones [ours].
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from benign.data.images.pairs import downsample
from benign.data.images.record import Bytes, DataError, ImageSet

Labels = NDArray[np.int64]
Images = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Points:
    """images (N, C, side, side) in [0, 1]; clean and observed labels (N,), indices of classes."""

    images: Images
    clean: Labels
    observed: Labels


@dataclasses.dataclass(frozen=True)
class Sample:
    """What a deep network is trained on, what its best epoch is chosen on, and what it is judged on."""

    train: Points
    validation: Points
    test: Points


def flip_classes(clean: Labels, flip_rate: float, classes: int, rng: np.random.Generator) -> Labels:
    """Each label (N,) independently with probability flip_rate another class, uniformly among the others.

    From one generator a higher rate flips what a lower one does, to the same classes, and more.
    """
    if not 0 <= flip_rate <= 0.5:
        raise ValueError(f"flip_rate={flip_rate} must lie in [0, 0.5]")
    turned = rng.random(len(clean)) < flip_rate
    return np.where(turned, (clean + rng.integers(1, classes, len(clean))) % classes, clean)


def draw_sample(
    images: ImageSet, side: int, n: int, validation: int, test_points: int, flip_rate: float, rng: np.random.Generator
) -> Sample:
    """n training, `validation` validation and test_points test images (0: all test images), down-sampled to `side`.

    Every class has its share of the training and of the validation images, to within one. Choice, flips and test choice
    have streams of their own: changing flip_rate changes no image.
    Raises DataError where there are not that many images, or side is impossible.
    """
    choice, flips, test_choice = rng.spawn(3)
    order = _interleaved(images.train_labels, choice)
    if not 1 <= n + validation <= len(order):
        raise DataError(f"n={n}, validation={validation}: {images.name} has {len(order)} images that can be drawn")
    total = len(images.test_labels)
    if not 0 <= test_points <= total:
        raise DataError(f"test_points={test_points}: {images.name} has {total} test images: give up to {total}")
    test_rows = test_choice.permutation(total)[:test_points] if test_points else np.arange(total)
    classes = len(images.classes)

    def part(rows: Labels) -> Points:
        clean = images.train_labels[rows]
        observed = flip_classes(clean, flip_rate, classes, flips)
        return Points(pixels(images.train_images[rows], side), clean, observed)

    true = images.test_labels[test_rows]
    return Sample(
        part(order[:n]),
        part(order[n : n + validation]),
        Points(pixels(images.test_images[test_rows], side), true, true),
    )


def pixels(images: Bytes, side: int) -> Images:
    """(N, C, side, side) in [0, 1] of images (N, H, W) or (N, H, W, C), averaged over the areas of the new pixels."""
    channels = images.shape[3] if images.ndim == 4 else 1
    # A part at a time: the averages are taken in float64, which all of CIFAR-10 would fill gigabytes with.
    parts = [downsample(images[i : i + 1000], side).astype(np.float32) for i in range(0, len(images), 1000)]
    return np.concatenate(parts).reshape(-1, side, side, channels).transpose(0, 3, 1, 2)


def _interleaved(labels: Labels, rng: np.random.Generator) -> Labels:
    """Indices of images such that each run of K holds one of every class, as far as the rarest class reaches."""
    groups = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    least = min(map(len, groups))
    rows = np.stack([group[:least] for group in groups], axis=1)  # (least, K)
    return rng.permuted(rows, axis=1).ravel()
