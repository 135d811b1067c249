"""A small convolutional network on ten classes with altered labels: its fit, effective dimension and evidence.

Wilson 2025, Figure 1 (e) and (f) [3P]: ResNet-20 and ResNet-18 of many widths on CIFAR-10 and CIFAR-100; network, n and
training are [ours], so small that nothing is approximated but Laplace's Gaussian itself: every eigenvalue of the
Gauss-Newton matrix of all parameters is computed. Weight decay is the prior: θ ~ N(0, I/α), α = nλ, and what is trained
is the mode of the posterior, by Adam on all images at once; or there is none, and the loss goes to 0. In float64, as
the effective dimension sums small numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.func import jacrev, vmap
from torch.nn.functional import cross_entropy

from benign import seeds
from benign.data.images.record import ImageSet
from benign.data.multiclass import Points, draw_sample
from benign.nets.convolutional import STATISTICS, convolutional, on_one_vector, seeded
from benign.studies.soft_inductive_bias.grid import Cell
from benign.study import Context
from benign.theory.regression.effective_dimension import effective_dimension
from benign.theory.regression.laplace import gauss_newton_eigenvalues, laplace_evidence
from benign.train.adam import adam

CHUNK = 50  # images whose gradients are taken at once


def measure(cell: Cell, images: ImageSet, context: Context) -> dict[str, Any]:
    """Training errors on the labels as altered, test error on true ones; effective dimension and evidence."""
    rng = seeds.generator(context.study, "labelled images", cell.seed, data=cell.data)
    drawn = draw_sample(images, cell.side, cell.n, 1, 0, cell.flip_rate, rng)  # the image held out is not used
    (x, y), (test_x, test_y) = map(_tensors, (drawn.train, drawn.test))
    start = seeds.seed(context.study, "convolutions", cell.seed, width=cell.width)
    classes = len(images.classes)
    network = seeded(start, lambda: convolutional(cell.width, cell.side, classes, *STATISTICS[cell.data]))
    initial, outputs = on_one_vector(network.double())
    decay = cell.penalty if cell.decay == "prior" else 0.0

    def penalised(parameters: Tensor, rows: Tensor, step: int) -> Tensor:
        loss = cross_entropy(outputs(parameters, x[rows]), y[rows])
        return loss + decay / 2 * parameters.square().sum()

    order = seeds.generator(context.study, "order", cell.seed)
    found = adam(initial, penalised, points=cell.n, steps=cell.steps, batch=cell.n, rate=cell.rate, rng=order)
    jacobian = vmap(jacrev(lambda vector, one: outputs(vector, one[None])[0]), (None, 0), chunk_size=CHUNK)(found, x)
    logits, prior = outputs(found, x), cell.n * cell.penalty
    loss = float(cross_entropy(logits, y))
    eigenvalues = gauss_newton_eigenvalues(jacobian.detach().numpy(), logits.softmax(1).numpy())
    evidence = laplace_evidence(-cell.n * loss, float(found.square().sum()), eigenvalues, prior)
    return {
        "altered": float((drawn.train.observed != drawn.train.clean).mean()),
        "train_loss": loss,
        "train_error": float((logits.argmax(1) != y).double().mean()),
        "test_error": float((outputs(found, test_x).argmax(1) != test_y).double().mean()),
        "tested": len(test_y),
        "parameters": len(found),
        "effective_dimension": effective_dimension(eigenvalues, prior),
        "laplace_evidence": evidence if decay else None,  # without, it is not at the posterior's mode
    }


def _tensors(points: Points) -> tuple[Tensor, Tensor]:
    """Images, float64, and observed labels."""
    return torch.tensor(points.images, dtype=torch.float64), torch.tensor(points.observed)
