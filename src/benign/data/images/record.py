"""The record that every source of images gives: pixels and classes as they came, checked against each other."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
DIGITS = tuple("0123456789")
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class DataError(ValueError):
    """Data that is missing, damaged or not what was asked for; the message names file or field, value and mend."""


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their classes, as they came.

    name: "mnist" or "cifar10"
    train_images, test_images: uint8 of shape (N, H, W) or, in colour, (N, H, W, 3)
    train_labels, test_labels: int64 of shape (N,), indices into `classes`
    classes: the names of the classes, e.g. "0" or "cat"
    provenance: where the images come from and what was verified, for the reader of a figure

    Raises DataError where these do not fit together.
    """

    name: str
    train_images: Bytes
    train_labels: NDArray[np.int64]
    test_images: Bytes
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]
    provenance: str

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            self._check(part, getattr(self, f"{part}_images"), getattr(self, f"{part}_labels"))
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            shapes = f"{self.train_images.shape[1:]} and {self.test_images.shape[1:]}"
            raise DataError(f"training and test images have shapes {shapes}: give images of one shape")
        if len(set(self.classes)) != len(self.classes):
            raise DataError(f"classes {self.classes} repeat a name: give each class its own")

    def _check(self, part: str, images: Bytes, labels: NDArray[np.int64]) -> None:
        if images.dtype != np.uint8 or labels.dtype != np.int64:
            raise DataError(f"{part}_images are {images.dtype}, {part}_labels {labels.dtype}: give uint8 and int64")
        if images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)) or 0 in images.shape:
            raise DataError(f"{part}_images have shape {images.shape}: give (N, H, W) or (N, H, W, 3) without a 0")
        if labels.shape != images.shape[:1]:
            raise DataError(f"{part}_labels have shape {labels.shape}: give ({len(images)},), one for each image")
        low, high, most = labels.min(), labels.max(), len(self.classes) - 1
        if low < 0 or high > most:
            raise DataError(f"{part}_labels run from {low} to {high}: the {most + 1} classes allow 0 to {most}")

    def arrays(self) -> dict[str, NDArray]:
        """The four arrays by name."""
        return {name: getattr(self, name) for name in ARRAYS}

    @property
    def sha256(self) -> str:
        """Hash of everything in it: names, shapes and bytes of the arrays, classes and provenance."""
        shapes = {key: [array.dtype.str, *array.shape] for key, array in self.arrays().items()}
        digest = hashlib.sha256(json.dumps([self.name, self.classes, self.provenance, shapes]).encode())
        for array in self.arrays().values():
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
