"""What is measured of our own engine: a paper-scale run as the pipeline makes it, and what its time is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benign import seeds
from benign.attack.inner import InnerMaximisation
from benign.data import clusters
from benign.experiments.noisy_clusters.draw import sample
from benign.experiments.noisy_clusters.predict import step_size
from benign.experiments.noisy_clusters.setting import USUAL
from benign.nets.two_layer import Activation, symmetric
from benign.studies.adversarial_training.grid import Cell
from benign.study import Context
from benign.train.gradient_descent import Problem, Snapshot, train
from benign.train.reduction import orthonormal_basis
from timing import Sizes, seconds

CONTEXT = Context("bench")
# One gradient evaluation in every step, whatever it finds: the same work at every d; so a fifth of the steps will do.
EQUAL_WORK = InnerMaximisation(evaluations=1, unchecked=0)


def paper_cell(sizes: Sizes, **fields: Any) -> Cell:
    """The paper's n, m, β and steps at d = 10⁴; ‖μ‖, α, γ, η and σ are ours, as in docs/running.md."""
    given: dict[str, Any] = {
        **USUAL,
        "d": sizes.d,
        "signal": 8.0,
        "curvature": 1.0,
        "budget": 2.0,
        "n": sizes.n,
        "flip_rate": 0.1,
        "width": sizes.width,
        "steps": sizes.steps,
        "test_points": sizes.test_points,
        "seed": 0,
    }
    return Cell(**(given | fields))


@torch.inference_mode()
def trained(problem: Problem, steps: int, inner: InnerMaximisation | None = None) -> Snapshot:
    """The problem after so many steps."""
    (snapshot,) = train([problem], [steps], inner or InnerMaximisation())
    return snapshot


def run_in_law(cell: Cell, inner: InnerMaximisation | None = None) -> Snapshot:
    """Sampling and training, as the pipeline does both; in law there is nothing left to reduce."""
    return trained(sample(cell, CONTEXT).problem, cell.steps, inner)


@dataclasses.dataclass(frozen=True)
class DenseData:
    """Given data in R^d, float64: μ (d,), points x (n, d), initial weights w0 (m/2, d), test_x (N, d), and labels."""

    cell: Cell
    mean: clusters.Array
    x: clusters.Array
    w0: clusters.Array
    labels: clusters.Labels
    test_x: clusters.Array
    test_labels: clusters.Labels

    @classmethod
    def draw(cls, cell: Cell) -> DenseData:
        """The cell's law, drawn coordinate by coordinate."""
        rng = seeds.generator("bench", "dense", cell.seed, d=cell.d)
        labels, test = (clusters.draw_labels(count, cell.flip_rate, rng) for count in (cell.n, cell.test_points))
        mean = cell.signal * np.eye(1, cell.d)[0]
        w0 = cell.init_scale / cell.d**0.5 * rng.standard_normal((cell.width // 2, cell.d))
        x, test_x = (clusters.dense(each, mean, "gaussian", rng) for each in (labels, test))
        return cls(cell, mean, x, w0, labels, test_x, test)

    def basis(self) -> clusters.Array:
        """Q (d, k) of the subspace reduction."""
        return orthonormal_basis(self.mean, self.x, self.w0)

    def problem(self, q: clusters.Array | None = None) -> Problem:
        """The training problem, float32: in R^d, or in the coordinates of q."""
        x, w0 = (self.x, self.w0) if q is None else (self.x @ q, self.w0 @ q)
        return Problem(
            name="dense",
            x=single(x),
            y=single(self.labels.observed),
            w0=symmetric(single(w0)),
            activation=Activation(self.cell.activation, self.cell.slope, self.cell.curvature),
            budget=self.cell.budget,
            step_size=step_size(self.cell),
        )


def single(array: clusters.Array) -> Tensor:
    """As a float32 tensor, which is what networks are trained in."""
    return torch.tensor(array, dtype=torch.float32)


def run_on(data: DenseData) -> Snapshot:
    """Reduction and training on given data."""
    return trained(data.problem(data.basis()), data.cell.steps)


# ---------------------------------------------------------------- what the time is made of


def operators(training: Callable[[], Any], most: int = 8) -> dict[str, float]:
    """Share of a training's time that each of PyTorch's operators takes, largest first; "other" has Python too.

    The profiler itself costs time, which falls on many short operators more than on a few long ones.
    """
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        elapsed = seconds(training)
    own = {event.key: event.self_cpu_time_total / 1e6 / elapsed for event in profiler.key_averages()}
    named = dict(sorted(own.items(), key=lambda item: -item[1])[:most])
    return named | {"other": 1 - sum(named.values())}
