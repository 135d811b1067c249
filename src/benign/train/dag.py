"""Networks that are DAGs (`benign.nets.dag`) at finite width: outputs, derivatives, and plain SGD on cross-entropy.

One network after another: stacking them (torch.bmm) gains nothing on a CPU, where a product of 128 x 256 by 256 x
256 takes as long in a stack of 16 as alone, and masks for edges that are zero or skip would more than double the
products.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benign.nets.dag import ENDS, LAST, Edge, edges


@dataclasses.dataclass
class Parameters:
    """Of one network, float32; a weight (inputs, outputs) and a bias (outputs,) by the edge's (copy, place).

    kept: weights that are not pruned, 1 or 0, of the edges that are
    """

    stem: tuple[Tensor, Tensor]
    linear: dict[tuple[int, int], tuple[Tensor, Tensor]]
    readout: tuple[Tensor, Tensor]
    kept: dict[tuple[int, int], Tensor] = dataclasses.field(default_factory=dict)

    def tensors(self) -> dict[str, Tensor]:
        """All that training changes, by name."""
        layers = {"stem": self.stem, "readout": self.readout}
        layers |= {f"{copy}.{place}": pair for (copy, place), pair in self.linear.items()}
        return {
            f"{name}.{part}": value for name, pair in layers.items() for part, value in zip("wb", pair, strict=True)
        }


def initial(text: str, inputs: int, width: int, classes: int, rngs: list[np.random.Generator]) -> Parameters:
    """He-normal weights, biases 0. All edges' weights are drawn, so that DAGs start from the same ones at each edge.

    rngs: for stem and readout, and for the edges of each DAG in the text
    """

    def layer(rng: np.random.Generator, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        weights = rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(math.sqrt(2 / rows))
        return torch.from_numpy(weights), torch.zeros(columns)

    stem, readout = layer(rngs[0], inputs, width), layer(rngs[0], width, classes)
    drawn = {(copy, place): layer(rng, width, width) for copy, rng in enumerate(rngs[1:]) for place in range(len(ENDS))}
    used = [(edge.copy, edge.place) for edge in edges(text) if edge.linear]
    return Parameters(stem, {place: drawn[place] for place in used}, readout)


def prune(parameters: Parameters, copy: int, share: float, rng: np.random.Generator) -> None:
    """Set a random share of the weights of each of one DAG's linear edges to 0, for good [S: their random pruning]."""
    for place in [each for each in parameters.linear if each[0] == copy]:
        weights = parameters.linear[place][0]
        kept = torch.from_numpy((rng.random(weights.shape) >= share).astype(np.float32))
        parameters.kept[place] = kept
        weights.mul_(kept)


def nodes(text: str, parameters: Parameters, x: Tensor) -> tuple[list[Tensor], dict[Edge, Tensor]]:
    """Each node's features (n, width), and each linear edge's output."""
    found = [torch.addmm(parameters.stem[1], x, parameters.stem[0]).relu_()]
    outputs: dict[Edge, Tensor] = {}
    for node in range(1, LAST + 1):
        total = torch.zeros_like(found[0])
        for edge in (each for each in edges(text) if each.target == node):
            if edge.linear:
                weights, bias = parameters.linear[edge.copy, edge.place]
                outputs[edge] = torch.addmm(bias, found[edge.source], weights).relu_()
                total += outputs[edge]
            else:
                total += found[edge.source]
        found.append(total)
    return found, outputs


def derivatives(
    text: str, parameters: Parameters, outputs: dict[Edge, Tensor], last: Tensor
) -> tuple[dict[Edge, Tensor], Tensor]:
    """Derivatives by each linear edge's preactivations, and by node 0, from those by the last node; (n, width) each."""
    by_node: dict[int, Tensor] = {LAST: last}
    by_edge: dict[Edge, Tensor] = {}
    for node in reversed(range(LAST)):
        total = torch.zeros_like(last)
        for edge in (each for each in edges(text) if each.source == node):
            if edge.linear:
                by_edge[edge] = by_node[edge.target] * (outputs[edge] > 0)
                total += by_edge[edge] @ parameters.linear[edge.copy, edge.place][0].T
            else:
                total += by_node[edge.target]
        by_node[node] = total
    return by_edge, by_node[0]


def logits(text: str, parameters: Parameters, x: Tensor) -> Tensor:
    """Outputs (n, classes)."""
    return torch.addmm(parameters.readout[1], nodes(text, parameters, x)[0][LAST], parameters.readout[0])


def step(text: str, parameters: Parameters, x: Tensor, y: Tensor, rate: float) -> None:
    """One step of SGD on the mean cross-entropy of x (n, inputs), y (n,): no momentum, no weight decay [S]."""
    features, outputs = nodes(text, parameters, x)
    scores = torch.addmm(parameters.readout[1], features[LAST], parameters.readout[0])
    slope = torch.softmax(scores, 1)
    slope[torch.arange(len(y)), y] -= 1
    slope /= len(y)
    by_edge, by_first = derivatives(text, parameters, outputs, slope @ parameters.readout[0].T)
    _move(parameters.readout, features[LAST], slope, rate)
    for edge, by_output in by_edge.items():
        place = (edge.copy, edge.place)
        _move(parameters.linear[place], features[edge.source], by_output, rate)
        if place in parameters.kept:
            parameters.linear[place][0].mul_(parameters.kept[place])
    _move(parameters.stem, x, by_first * (features[0] > 0), rate)


def _move(layer: tuple[Tensor, Tensor], inputs: Tensor, by_output: Tensor, rate: float) -> None:
    layer[0].addmm_(inputs.T, by_output, alpha=-rate)
    layer[1].add_(by_output.sum(0), alpha=-rate)


def loss_and_error(text: str, parameters: Parameters, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Mean cross-entropy and misclassified share."""
    scores = logits(text, parameters, x)
    return float(cross_entropy(scores, y)), float((scores.argmax(1) != y).float().mean())
