"""Networks that learn relations of pairs by gradient descent [ours; the paper's are not described in our sources].

The Siamese network gives both images to one convolutional network with WIDE outputs, and their absolute difference to a
linear layer; the other sees a pair as two channels of one image. Cross-entropy, Adam, float32.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from benign import seeds
from benign.nets.convolutional import STATISTICS, convolutional, seeded
from benign.studies.reservoir_similarity.grid import Cell
from benign.train.adam import adam

WIDE = 64


class Siamese(nn.Module):
    """Logits (n, answers) of pairs (n, 2, side, side)."""

    def __init__(self, embed: nn.Module, answers: int) -> None:
        super().__init__()
        self.embed, self.head = embed, nn.Linear(WIDE, answers)

    def forward(self, pairs: Tensor) -> Tensor:
        first, second = (self.embed(pairs[:, [i]]) for i in (0, 1))
        return self.head((second - first).abs())


def network(cell: Cell, answers: int, study: str) -> nn.Module:
    """Untrained; pixels are standardised by the data set's usual statistics."""
    mean, std = ([float(np.mean(each))] for each in STATISTICS[cell.data])

    def build() -> nn.Module:
        if cell.model == "siamese":
            return Siamese(convolutional(cell.width, cell.side, WIDE, mean, std), answers)
        return convolutional(cell.width, cell.side, answers, mean * 2, std * 2)

    return seeded(seeds.seed(study, "network", cell.seed, model=cell.model), build)


def outputs(cell: Cell, pairs: Tensor, relation: Tensor, answers: int, study: str) -> Tensor:
    """Logits (n, answers) of pairs (n, 2, side, side), trained on the first of them, those that relation tells."""
    net = network(cell, answers, study)
    names, shapes = zip(*((name, value.shape) for name, value in net.named_parameters()), strict=True)
    sizes = [shape.numel() for shape in shapes]

    def answer(parameters: Tensor, rows: Tensor) -> Tensor:
        parts = (part.view(shape) for part, shape in zip(parameters.split(sizes), shapes, strict=True))
        return functional_call(net, dict(zip(names, parts, strict=True)), (rows,))

    def loss(parameters: Tensor, rows: Tensor, step: int) -> Tensor:
        return cross_entropy(answer(parameters, pairs[rows]), relation[rows])

    start, rng = parameters_to_vector(net.parameters()).detach(), seeds.generator(study, "minibatches", cell.seed)
    trained = adam(start, loss, len(relation), cell.steps, cell.batch, cell.rate, rng)
    return torch.cat([answer(trained, some) for some in pairs.split(500)])
