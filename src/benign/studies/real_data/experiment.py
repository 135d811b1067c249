"""Pairs of MNIST digits and CIFAR-10 classes with label noise: adversarially trained networks beside closed forms.

The networks, the training and the units are the flagship's (leaky ReLU, fixed outer weights, classes at ±μ̂, noise of
unit variance on average); data, noise rates, n, budgets and the step size are [ours]. A training goes on beyond
`steps`, twice as far each time, until it interpolates robustly or has taken `most_steps`; not at all where no
classifier can interpolate (benign.theory.geometry.separation).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benign import seeds
from benign.attack.evaluation import logistic_loss, mean_input_gradient, worst_case
from benign.attack.inner import InnerMaximisation
from benign.data.images.pairs import ImageProblem, NormalisedPair, normalised_pair, sample_problem
from benign.nets.two_layer import Activation, symmetric
from benign.studies.real_data.grid import Cell
from benign.study import CellError, Context
from benign.theory.geometry import separation
from benign.theory.mixture import correlated
from benign.theory.mixture.correlated import Floats, Moments
from benign.train.gradient_descent import Problem, Snapshot, train
from benign.train.reduction import orthonormal_basis

# With fewer images of a class outside the training sample a held-out variance along a direction is too uncertain.
FEWEST_HELD_OUT = 50


# ---------------------------------------------------------------- samples


@dataclasses.dataclass(frozen=True)
class Sample:
    """A sample in pixels and, as float32 on the device, in the coordinates that it is trained in.

    images: points, labels, test points and μ̂ in R^d; basis: Q (d, k)
    pool: moments of all training images; held_out: of those outside the sample, None if they are too few
    distances: between training points with different observed labels, (P, N)
    x, w0, test_x: (n, k), (m, k), (T, k); y, test_clean, test_observed: (n,), (T,), (T,)
    """

    images: ImageProblem
    basis: Floats
    pool: Moments
    held_out: Moments | None
    distances: Floats
    x: Tensor
    y: Tensor
    w0: Tensor
    test_x: Tensor
    test_clean: Tensor
    test_observed: Tensor


def draw(cell: Cell, whole: NormalisedPair, context: Context) -> Sample:
    """The sample of a cell's group; a higher β flips what a lower one does, and more."""
    assert context.images is not None

    def rng(role: str) -> np.random.Generator:
        return seeds.generator(context.study, role, cell.seed, data=cell.data, classes=cell.classes)

    drawn = sample_problem(
        context.images(cell.data), cell.classes, cell.side, cell.n, cell.flip_rate, cell.test_points, rng("sample")
    )
    d = len(drawn.mean)
    w0 = cell.init_scale / d**0.5 * rng("init").standard_normal((cell.width // 2, d))
    basis = orthonormal_basis(drawn.mean, drawn.x, w0)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.tensor(array, dtype=torch.float32, device=context.device)

    return Sample(
        images=drawn,
        basis=basis,
        pool=correlated.moments(whole.x_train, whole.y_train),
        held_out=held_out_moments(whole, drawn.x),
        distances=separation.opposite_distances(drawn.x, drawn.labels.observed),
        x=tensor(drawn.x @ basis),
        y=tensor(drawn.labels.observed),
        w0=symmetric(tensor(w0 @ basis)),
        test_x=tensor(drawn.x_test @ basis),
        test_clean=tensor(drawn.test_labels.clean),
        test_observed=tensor(drawn.test_labels.observed),
    )


def held_out_moments(whole: NormalisedPair, x: Floats) -> Moments | None:
    """Moments of the pool's images that are not among x: a network's direction is fitted to those that are."""
    sampled = {row.tobytes() for row in x}
    rest = np.array([row.tobytes() not in sampled for row in whole.x_train])
    if min((whole.y_train[rest] == sign).sum() for sign in (1, -1)) < FEWEST_HELD_OUT:
        return None
    return correlated.moments(whole.x_train[rest], whole.y_train[rest])


# ---------------------------------------------------------------- running


@torch.inference_mode()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends; groups with the same images follow each other, so that these are prepared once."""
    if context.images is None:
        raise CellError(
            "real data needs images: pass --images mnist=FILE.safetensors (scripts/fetch_data.py writes one)"
        )
    groups: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: (cell.data, cell.classes, cell.side)):
        groups.setdefault(cell.group, []).append(cell)
    pair: tuple[Any, ...] | None = None
    for group in groups.values():
        if pair != (group[0].data, group[0].classes, group[0].side):
            pair = (group[0].data, group[0].classes, group[0].side)
            whole = normalised_pair(context.images(group[0].data), group[0].classes, group[0].side)
        yield from _run_group(group, draw(group[0], whole, context), context)


def _run_group(group: list[Cell], drawn: Sample, context: Context) -> Iterator[dict[str, Any]]:
    """All cells of one sample. Ordinary training knows no budget: its network is trained once and attacked at each."""
    trained: dict[tuple[float, int, int], Snapshot] = {}
    for cell in group:
        budget = cell.budget_ratio * float(np.linalg.norm(drawn.images.mean))
        train_budget = budget if cell.training == "adversarial" else 0.0
        how = (train_budget, cell.steps, cell.most_steps)
        if how not in trained:
            trained = {how: fit(cell, drawn, train_budget)} | {k: v for k, v in trained.items() if k[0] == 0}
        snapshot = trained[how]
        row: dict[str, Any] = {"key": cell.key, **cell.fields(), "status": "diverged", **setting(drawn, budget)}
        if bool(snapshot.finite[0]):
            row |= {"status": "ok", **measure(cell, drawn, snapshot, budget)}
            row |= predict(cell, drawn, snapshot, budget)
        yield row
        context.notify(f"{cell.experiment}: {cell.key} {row['status']}")


def fit(cell: Cell, drawn: Sample, train_budget: float) -> Snapshot:
    """Train: `steps` steps, then twice as many each time while robust training error 0 is possible and not reached."""
    stops = [cell.steps]
    if train_budget < separation.separation(drawn.distances):
        while stops[-1] < cell.most_steps:
            stops.append(min(2 * stops[-1], cell.most_steps))
    problem = Problem(
        name=cell.key,
        x=drawn.x,
        y=drawn.y,
        w0=drawn.w0,
        activation=activation(cell),
        budget=train_budget,
        step_size=step_size(cell, drawn),
    )
    for snapshot in train([problem], stops, InnerMaximisation()):
        if not snapshot.finite[0] or _wrong(cell, snapshot, drawn.x, drawn.y, train_budget) == 0:
            break
    return snapshot


def activation(cell: Cell) -> Activation:
    return Activation("leaky_relu", cell.slope)


def step_size(cell: Cell, drawn: Sample) -> float:
    """η = c·n/‖X‖², spectral norm of the n points [ours]: the flagship's c·n/E‖x‖² where points are near-orthogonal."""
    return cell.step_scale * cell.n / float(np.linalg.norm(drawn.images.x, 2)) ** 2


def _attacked(cell: Cell, snapshot: Snapshot, x: Tensor, y: Tensor, budget: float) -> Tensor:
    """(N,), which points the attacks turn."""
    return worst_case(x, y, snapshot.weights[0], activation(cell), budget, until_fooled=True).margin <= 0


def _wrong(cell: Cell, snapshot: Snapshot, x: Tensor, y: Tensor, budget: float) -> float:
    return float(_attacked(cell, snapshot, x, y, budget).double().mean())


def setting(drawn: Sample, budget: float) -> dict[str, Any]:
    """What the images themselves say of a cell, before anything is trained."""
    return {
        "d": drawn.images.x.shape[1],
        "budget": budget,
        "mean_norm": float(np.linalg.norm(drawn.images.mean)),
        "flipped": float((drawn.images.labels.observed != drawn.images.labels.clean).mean()),
        "tested": len(drawn.test_x),
        "first_share": float((drawn.images.test_labels.clean > 0).mean()),
        "separation": separation.separation(drawn.distances),
        "least_robust_train_error": separation.least_robust_error(drawn.distances, budget),
    }


def measure(cell: Cell, drawn: Sample, snapshot: Snapshot, budget: float) -> dict[str, Any]:
    """Losses and errors of a trained network; those called _clean_labels are against the classes themselves."""
    w = snapshot.weights[0]
    robust = worst_case(drawn.x, drawn.y, w, activation(cell), budget)
    attacked = functools.partial(_wrong, cell, snapshot)
    return {
        "trained_steps": snapshot.steps,
        "inner_gap": float(snapshot.gap[0]),
        "robust_train_loss": float(logistic_loss(robust.margin).mean()),
        "robust_train_error": float((robust.margin <= 0).double().mean()),
        "clean_train_error": attacked(drawn.x, drawn.y, 0.0),
        "clean_test_error": attacked(drawn.test_x, drawn.test_observed, 0.0),
        "robust_test_error": attacked(drawn.test_x, drawn.test_observed, budget),
        "clean_test_error_clean_labels": attacked(drawn.test_x, drawn.test_clean, 0.0),
        "robust_test_error_clean_labels": attacked(drawn.test_x, drawn.test_clean, budget),
    }


# ---------------------------------------------------------------- theory beside it


def predict(cell: Cell, drawn: Sample, snapshot: Snapshot, budget: float) -> dict[str, Any]:
    """Half-spaces with their ρ and σ_±: v̄ of the network, averaging's and the most robust one.

    v̄'s come from images outside the sample, the others from the whole pool's moments. With v̄ the error of its
    half-space on the test points themselves, which assumes nothing.
    """
    normal = drawn.basis @ mean_input_gradient(drawn.test_x, snapshot.weights[0], activation(cell)).cpu().numpy()
    known: dict[str, tuple[float, Floats]] = {
        "averaging": correlated.averaging(cell.n, cell.flip_rate, drawn.pool),
        "best": correlated.along(correlated.best_direction(budget, drawn.pool), drawn.pool),
    }
    if drawn.held_out and normal.any():
        known["network"] = correlated.along(normal, drawn.held_out)
    result: dict[str, Any] = {}
    for name in ("network", "averaging", "best"):
        rho, deviations = known.get(name, (np.nan, np.full(2, np.nan)))
        result |= {f"{name}_rho": rho, f"{name}_sigma_first": deviations[0], f"{name}_sigma_second": deviations[1]}
    return result | half_space_errors(drawn, normal, budget)


def half_space_errors(drawn: Sample, normal: Floats, budget: float) -> dict[str, float]:
    """Robust errors of sign⟨v, x⟩ on the test points as they are, against observed and clean labels."""
    margins = drawn.images.x_test @ (normal / np.linalg.norm(normal)) if normal.any() else np.zeros(len(drawn.test_x))
    labels = drawn.images.test_labels
    return {
        "half_space_error": float((labels.observed * margins <= budget).mean()),
        "half_space_error_clean_labels": float((labels.clean * margins <= budget).mean()),
    }
