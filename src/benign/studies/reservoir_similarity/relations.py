"""Pairs of images that stand in a relation: how they are drawn, and what is done to the second of the two.

[S]: five relations, of one class with uniform noise of 20 % of peak on one image ("same"), with one image turned by
90°, enlarged twofold and cropped, or blurred over 5 x 5 pixels, and of two classes ("different"). [3P]: noise on 20 %
of the pixels, which become .3 times uniform. [ours]: the second image is the one that is changed; noise is added and
clipped to 1; the centre is enlarged, each pixel to 2 x 2; the blur is a mean with black outside; the pools below.

Training pairs come from training images of the training classes; test pairs from test images, of the same classes
("seen") and of the others ("unseen"). Every number is drawn from a stream of its own, so that the first k pairs are the
same however many are drawn, and all models, noises and controls of one seed get the same images.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from benign import seeds
from benign.data.clusters import Array
from benign.data.images.pairs import downsample
from benign.data.images.record import DataError, ImageSet
from benign.studies.reservoir_similarity.grid import FIVE, TURNS, Cell

Part = Literal["train", "seen", "unseen"]
PEAK, SHARE, LOW = 0.2, 0.2, 0.3  # of either noise
PUBLISHED = 6  # of ten classes, the first that training sees [S]


@dataclasses.dataclass(frozen=True)
class Pairs:
    """first, second (n, side, side) in [0, 1]; codes (n, outputs), what a readout should answer; relation (n,)."""

    first: Array
    second: Array
    codes: Array
    relation: NDArray[np.int64]


def names(task: str, part: Part) -> list[tuple[str, ...]]:
    """The relations of a task, each as what is done to the second image; "composed" is tested on what it never saw."""
    if task == "five":
        return [(name,) for name in FIVE]
    if task == "rotation":
        return [(), ("rotated",)]
    if task == "same_or_different":
        return [("same",), ("different",)]
    subsets = [tuple(t for bit, t in enumerate(TURNS) if index >> bit & 1) for index in range(2 ** len(TURNS))]
    if task == "combinations":
        return subsets
    return [each for each in subsets if (len(each) <= 1) == (part == "train")]


def codebook(task: str) -> Array:
    """(answers, outputs): a readout's answer is the row that its outputs are nearest to.

    One-hot but for "composed", which has an output for each change and allows all of their combinations.
    """
    if task != "composed":
        return np.eye(len(names(task, "train")))
    return np.array([[each in done for each in TURNS] for done in names("combinations", "train")], float)


def draw(cell: Cell, images: ImageSet, study: str, part: Part) -> Pairs:
    """The pairs of one part, the relations one after the other, `pairs` or `test_pairs` of each."""
    count = cell.pairs if part == "train" else cell.test_pairs
    pool, labels = images.train_images, images.train_labels
    if part != "train":
        pool, labels = images.test_images, images.test_labels
    classes = split(cell, len(images.classes), study)[part == "unseen"]
    members = [np.flatnonzero(labels == each) for each in classes]
    if min(map(len, members)) < 2:
        raise DataError(f"{images.name} has fewer than 2 {part} images of a class: pairs need 2, give a larger set")
    every, book = names("combinations", "train"), codebook(cell.task)
    firsts, seconds, codes = [], [], []
    for index, done in enumerate(names(cell.task, part)):
        chosen, noise = (
            seeds.generator(study, role, cell.seed, part=part, relation="+".join(done), data=cell.data)
            for role in ("images", "noise")
        )
        pair = _choose(cell, members, count, "different" in done, chosen)
        first, second = (_grey(pool[rows], cell.side) for rows in pair)
        firsts.append(first)
        seconds.append(_changed(second, done, cell, noise))
        codes.append(np.tile(book[every.index(done) if cell.task == "composed" else index], (count, 1)))
    relation = np.repeat(np.arange(len(firsts)), count)
    return Pairs(np.concatenate(firsts), np.concatenate(seconds), np.concatenate(codes), relation)


def split(cell: Cell, classes: int, study: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classes that are trained on, and the others: the first six of ten [S], or a random half [3P]."""
    if cell.split == "published":
        return np.arange(PUBLISHED), np.arange(PUBLISHED, classes)
    order = seeds.generator(study, "split", cell.seed, data=cell.data).permutation(classes)
    return np.sort(order[: classes // 2]), np.sort(order[classes // 2 :])


def _choose(
    cell: Cell, members: list[NDArray[np.int64]], count: int, different: bool, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices (count,) of first and second images: of one class, two images of it or one twice, or of two classes."""
    uniform = (stream.random(count) for stream in rng.spawn(4))
    own = _floor(next(uniform), np.full(count, len(members)))
    other = own
    if different:
        other = (own + 1 + _floor(next(uniform), np.full(count, len(members) - 1))) % len(members)
    sizes = np.array([len(each) for each in members])
    at = _floor(next(uniform), sizes[own])
    if different:
        beside = _floor(next(uniform), sizes[other])
    elif cell.pairing == "two_images":
        beside = (at + 1 + _floor(next(uniform), sizes[own] - 1)) % sizes[own]
    else:
        beside = at
    return _pick(members, own, at), _pick(members, other, beside)


def _floor(uniform: Array, below: NDArray[np.int64]) -> NDArray[np.int64]:
    return (uniform * below).astype(np.int64)


def _pick(members: list[NDArray[np.int64]], which: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([members[c][i] for c, i in zip(which, at, strict=True)], np.int64)


def _grey(images: NDArray[np.uint8], side: int) -> Array:
    """(n, side, side) in [0, 1]; colours are averaged."""
    return downsample(images, side).reshape(len(images), side, side, -1).mean(-1)


def _changed(x: Array, done: tuple[str, ...], cell: Cell, rng: np.random.Generator) -> Array:
    if "rotated" in done:
        x = np.rot90(x, axes=(1, 2))
    if "zoomed" in done:
        x = enlarged(x)
    if "blurred" in done:
        x = scipy.ndimage.uniform_filter(x, (0, 5, 5), mode="constant")
    if "same" in done or ("different" in done and cell.noisy == "both"):
        x = noised(x, cell.noise, rng)
    return np.ascontiguousarray(x)


def enlarged(x: Array) -> Array:
    """The middle half of each side, every pixel as 2 x 2."""
    quarter = x.shape[1] // 4
    middle = x[:, quarter : 3 * quarter, quarter : 3 * quarter]
    return middle.repeat(2, axis=1).repeat(2, axis=2)


def noised(x: Array, noise: str, rng: np.random.Generator) -> Array:
    """Uniform noise up to a fifth of white on every pixel, or a fifth of the pixels replaced by weak uniform noise."""
    uniform, hit = (stream.random(x.shape) for stream in rng.spawn(2))
    if noise == "peak":
        return np.minimum(x + PEAK * uniform, 1.0)
    return np.where(hit < SHARE, LOW * uniform, x) if noise == "pixels" else x
