"""Pairs of an image set's classes, drawn for two-layer networks: in pixels, and in the coordinates of training."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from benign.data.clusters import Array
from benign.data.images.pairs import ImageProblem, Pixels, sample_problem
from benign.data.images.record import ImageSet
from benign.experiments.samples import Coordinates
from benign.train.reduction import orthonormal_basis


@dataclasses.dataclass(frozen=True)
class DrawnPair:
    """images: points, labels, test points and μ̂ in R^d; coordinates: the same in those of the columns of basis (d, k),
    which span μ̂, the training points and the initial weights.
    """

    images: ImageProblem
    basis: Array
    coordinates: Coordinates


def draw(
    setting: Any, images: ImageSet, w0: Array, rng: np.random.Generator, pixels: Pixels = "standardised"
) -> DrawnPair:
    """Training and test points beside initial weights, or half of them, w0 (rows, d).

    setting: has `classes`, `side`, `n`, `flip_rate` and `test_points`
    """
    names = ("classes", "side", "n", "flip_rate", "test_points")
    drawn = sample_problem(images, **{name: getattr(setting, name) for name in names}, rng=rng, pixels=pixels)
    q = orthonormal_basis(drawn.mean, drawn.x, w0)
    coordinates = Coordinates(drawn.x @ q, drawn.labels, drawn.mean @ q, w0 @ q, drawn.x_test @ q, drawn.test_labels)
    return DrawnPair(drawn, q, coordinates)
