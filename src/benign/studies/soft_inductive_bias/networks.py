"""Small ReLU networks on the ten digits: compressed to a few hundred bits, and joined by a path of low loss.

*Compression* [3P for the bound, settings ours]: training moves k coordinates of a random subspace (Li et al. 2018),
then with straight-through rounding to multiples of Δ; what is measured is the network that is decoded from its message.
A bound is only honest if everything that the data decided is paid for: beside the message that is which of the
configurations tried was taken, and the two numbers by which images are standardised.
*Connectivity* (Garipov et al. 2018, settings ours): two networks from independent starts with independent minibatches,
and the quadratic Bézier curve between them, its middle point trained for a low mean loss over the curve.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benign import seeds
from benign.data.images.pairs import downsample
from benign.data.images.record import ImageSet
from benign.nets.perceptron import initial, logits, parameter_count
from benign.studies.soft_inductive_bias.grid import Cell
from benign.study import Context
from benign.theory.compression.hypothesis_bound import countable_hypothesis_bound
from benign.theory.compression.hypothesis_code import Hypothesis, decode, encode
from benign.train.adam import adam

DELTA = 0.05  # the bounds hold with probability 0.95
CLASSES = 10
REACH = 20.0  # length of P's columns: with it one rate serves all k
SPACING = 0.5  # Δ in units of the coordinates' root mean square
# Sizes and rates were settled on the same images, in about 20 trial runs: an index in a list of 32 costs 5 bits. Mean
# and scale of the pixels cost two float16.
SETTLED_BITS = 5 + 2 * 16


@dataclasses.dataclass(frozen=True)
class Digits:
    """x (n, side²) and y (n,), standardised by the training images; the test images likewise."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


def digits(cell: Cell, images: ImageSet, context: Context) -> Digits:
    """The first n training images in a random order (all if n is 0), and all test images."""
    train, test = (downsample(part, cell.side) for part in (images.train_images, images.test_images))
    centre, scale = float(np.float16(train.mean())), float(np.float16(train.std()))
    rng = seeds.generator(context.study, "images", cell.seed)
    rows = rng.permutation(len(train))[: cell.n or len(train)]
    y, test_y = images.train_labels[rows], images.test_labels
    if cell.labels == "random":
        y, test_y = rng.integers(CLASSES, size=len(y)), rng.integers(CLASSES, size=len(test_y))
    x, test_x = ((part - centre) / scale for part in (train[rows], test))
    return Digits(
        torch.tensor(x, dtype=torch.float32),
        torch.tensor(y),
        torch.tensor(test_x, dtype=torch.float32),
        torch.tensor(test_y),
    )


def _errors(parameters: Tensor, sizes: tuple[int, ...], data: Digits) -> dict[str, float]:
    outputs, test = logits(parameters, sizes, data.x), logits(parameters, sizes, data.test_x)
    return {
        "train_loss": float(cross_entropy(outputs, data.y)),
        "train_error": float((outputs.argmax(1) != data.y).float().mean()),
        "test_error": float((test.argmax(1) != data.test_y).float().mean()),
    }


# ---------------------------------------------------------------- compression


def network(hypothesis: Hypothesis, sizes: tuple[int, ...], study: str) -> Tensor:
    """Parameters (p,) of a hypothesis: all that a decoder needs beside it is the architecture."""
    coordinates = hypothesis.coordinates()
    start, projection = subspace(hypothesis.seed, len(coordinates), sizes, study)
    return start + projection @ torch.from_numpy(coordinates)


def subspace(seed: int, k: int, sizes: tuple[int, ...], study: str) -> tuple[Tensor, Tensor]:
    """θ₀, (p,), and P, (p, k) with independent Gaussian entries and columns of length about REACH."""
    rng = seeds.generator(study, "subspace", seed, k=k)
    start, size = initial(sizes, rng), parameter_count(sizes)
    entries = rng.standard_normal((size, k), dtype=np.float32)
    return start, torch.from_numpy(entries) * (REACH / math.sqrt(size))


def compress(cell: Cell, data: Digits, context: Context) -> Hypothesis:
    """Train in the subspace, half of the steps freely and half with coordinates rounded in the forward pass."""
    sizes = architecture(cell)
    start, projection = subspace(cell.seed, cell.subspace, sizes, context.study)
    rng = seeds.generator(context.study, "minibatches", cell.seed, k=cell.subspace)
    descend = functools.partial(adam, points=len(data.y), batch=cell.batch, rng=rng)
    rate = cell.rate / math.sqrt(cell.subspace)

    def loss(z: Tensor, rows: Tensor, step: int) -> Tensor:
        return cross_entropy(logits(start + projection @ z, sizes, data.x[rows]), data.y[rows])

    free = descend(torch.zeros(cell.subspace), loss, steps=cell.steps - cell.steps // 2, rate=rate)
    spacing = float(np.float16(SPACING * float(free.square().mean().sqrt())))
    if not 0 < spacing < np.inf:
        return Hypothesis(cell.seed, spacing, np.zeros(cell.subspace, dtype=np.int64))

    def rounded(z: Tensor, rows: Tensor, step: int) -> Tensor:
        return loss(z + (spacing * (z / spacing).round() - z).detach(), rows, step)

    last = descend(free, rounded, steps=max(cell.steps // 2, 1), rate=rate / 2)
    return Hypothesis(cell.seed, spacing, (last / spacing).round().numpy().astype(np.int64))


def compression(cell: Cell, images: ImageSet, context: Context) -> dict[str, Any]:
    """Errors of the network that the message decodes to, all bits that the data decided, and the bound these give."""
    data = digits(cell, images, context)
    hypothesis = compress(cell, data, context)
    if not 0 < hypothesis.spacing < np.inf:  # training diverged, or did not move
        return {"bound": math.nan}
    message = encode(hypothesis)
    errors = _errors(network(decode(message), architecture(cell), context.study), architecture(cell), data)
    bits = len(message) + SETTLED_BITS
    bound = countable_hypothesis_bound(errors["train_error"], bits, len(data.y), DELTA)
    counts = {"bits": bits, "trained": len(data.y), "tested": len(data.test_y)}
    return errors | counts | {"parameters": parameter_count(architecture(cell)), "bound": bound}


def architecture(cell: Cell) -> tuple[int, ...]:
    """Layer sizes: one hidden layer for compression, two for connectivity."""
    hidden = (cell.width,) * (2 if cell.experiment == "connectivity" else 1)
    return (cell.side**2, *hidden, CLASSES)


# ---------------------------------------------------------------- connectivity


def bezier(first: Tensor, middle: Tensor, last: Tensor, t: float) -> Tensor:
    """(1-t)²·first + 2t(1-t)·middle + t²·last."""
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last


def join(cell: Cell, images: ImageSet, context: Context) -> Callable[[str, float], dict[str, float]]:
    """Train both ends and the curve; the result measures a path ("line" or "bezier") at a place t."""
    data, sizes = digits(cell, images, context), architecture(cell)
    rngs = [seeds.generator(context.study, role, cell.seed) for role in ("first end", "last end", "path")]
    descend = functools.partial(adam, points=len(data.y), batch=cell.batch, rate=cell.rate)

    def loss(parameters: Tensor, rows: Tensor, step: int) -> Tensor:
        return cross_entropy(logits(parameters, sizes, data.x[rows]), data.y[rows])

    first, last = (descend(initial(sizes, rng), loss, steps=cell.steps, rng=rng) for rng in rngs[:2])
    places = rngs[2].random(cell.path_steps)

    def on_curve(middle: Tensor, rows: Tensor, step: int) -> Tensor:
        return loss(bezier(first, middle, last, float(places[step])), rows, step)

    middle = descend((first + last) / 2, on_curve, steps=cell.path_steps, rng=rngs[2])
    middles = {"line": (first + last) / 2, "bezier": middle}  # with this middle the curve is the straight line

    def measure(path: str, t: float) -> dict[str, float]:
        return _errors(bezier(first, middles[path], last, t), sizes, data)

    return measure
