"""Least eigenvalues and derivatives of DAGs on images: in closed form at infinite width, simulated at the cell's."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benign import seeds
from benign.nets.dag import LAST, edges
from benign.studies.no_free_lunch.grid import Cell, shape
from benign.study import Context
from benign.theory.regression import dag_kernels
from benign.theory.regression.dag_kernels import least_eigenvalue
from benign.train.dag import Parameters, derivatives, initial, nodes

Floats = NDArray[np.float64]
OUTPUTS = 10  # readouts over which ‖J‖ is averaged; their sum is what the tangent kernel is of, as in the authors' code
WHOLE = "2_22_222"
PUBLISHED_SHARE = 64 * 64 * 3 / 256  # inputs per neuron of the paper's networks on Tiny-ImageNet [S]
DISCONNECTED = {
    "nngp": 0.0, "nngp_bound": 0.0, "tangent": 0.0, "tangent_bound": 0.0, "tangent_whole": 0.0, "nngp_simulated": 0.0,
    "tangent_simulated": 0.0, "tangent_whole_simulated": 0.0, "jacobian": 0.0, "jacobian_claimed": 0.0,
    "jacobian_limit": 0.0, "tangent_published": 0.0,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Problem:
    """What all DAGs of a group share: inputs of unit norm (n, d), and a network with every edge linear."""

    x: Floats
    parameters: Parameters
    width: int


def problem(cell: Cell, images: Tensor, context: Context) -> Problem:
    """Images (n, d), standardised, made of unit norm [S]; node 0 has a norm of 1 on average."""
    x = images.double().numpy()
    rngs = [
        seeds.generator(context.study, role, cell.seed, width=cell.width) for role in ("kernel ends", "kernel edges")
    ]
    parameters = initial(WHOLE, x.shape[1], cell.width, OUTPUTS, rngs)
    parameters.stem[0].mul_(math.sqrt(x.shape[1] / cell.width))
    parameters.readout[0].mul_(math.sqrt(0.5))  # columns of norm 1 on average
    return Problem(x / np.linalg.norm(x, axis=1, keepdims=True), parameters, cell.width)


def measure(text: str, given: Problem) -> dict[str, Any]:
    """The columns of one DAG."""
    if not edges(text):
        return shape(text) | DISCONNECTED
    return shape(text) | _limits(text, given) | _simulated(text, given)


def _limits(text: str, given: Problem) -> dict[str, float]:
    exact, stem = dag_kernels.kernels(text, given.x), dag_kernels.f(given.x @ given.x.T)
    whole = exact.tangent + exact.stem * given.x.shape[1] / given.width
    return {
        "nngp": least_eigenvalue(exact.nngp),
        "nngp_bound": dag_kernels.nngp_bound(text, stem),
        "tangent": least_eigenvalue(exact.tangent),
        "tangent_bound": dag_kernels.tangent_bound(text, stem),
        "tangent_whole": least_eigenvalue(whole),
        "tangent_published": least_eigenvalue(exact.tangent + exact.stem * PUBLISHED_SHARE),
        "jacobian_claimed": dag_kernels.jacobian_claimed(text, given.width),
        "jacobian_limit": float(np.sqrt(np.diag(exact.gradient)).mean()),
    }


def _simulated(text: str, given: Problem) -> dict[str, float]:
    parameters, x = given.parameters, torch.tensor(given.x, dtype=torch.float32)
    features, outputs = nodes(text, parameters, x)
    weights, norms = parameters.readout[0], []
    for column in weights.T:
        _, by_first = derivatives(text, parameters, outputs, column.expand_as(features[LAST]).contiguous())
        norms.append(float(by_first.norm(dim=1).mean()))
    together = weights.sum(1) / math.sqrt(OUTPUTS)
    by_edge, by_first = derivatives(text, parameters, outputs, together.expand_as(features[LAST]).contiguous())
    last = _gram(features[LAST])
    # In the units of the closed form a linear edge's weights are √(m/2) of these.
    tangent = last + sum(2 * _gram(slope) * _gram(features[edge.source]) for edge, slope in by_edge.items())
    stem = 2 * _gram(by_first * (features[0] > 0)) * (given.x @ given.x.T)
    whole = tangent + stem * given.x.shape[1] / given.width
    return {
        "nngp_simulated": least_eigenvalue(last),
        "tangent_simulated": least_eigenvalue(np.asarray(tangent)),
        "tangent_whole_simulated": least_eigenvalue(np.asarray(whole)),
        "jacobian": float(np.mean(norms)),
    }


def _gram(rows: Tensor) -> Floats:
    values = rows.double()
    return np.asarray((values @ values.T).numpy(), float)
