"""Pairs of MNIST digits and CIFAR-10 classes with label noise: adversarially trained networks beside closed forms.

The networks, the training and the units are the flagship's (leaky ReLU, fixed outer weights, classes at ±μ̂, noise of
unit variance on average); data, noise rates, n, budgets and the step size are [ours]. A training goes on beyond
`steps`, twice as far each time, until it interpolates robustly or has taken `most_steps`; not at all where no
classifier can interpolate (benign.theory.geometry.separation).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from benign import seeds
from benign.attack.evaluation import logistic_loss, mean_input_gradient, worst_case
from benign.attack.inner import InnerMaximisation
from benign.data.images.pairs import ImageProblem, NormalisedPair, normalised_pair
from benign.experiments import image_pairs
from benign.experiments.noisy_clusters.measure import fresh_errors, share
from benign.experiments.samples import Sample as NetworkSample
from benign.experiments.samples import on_device
from benign.nets.two_layer import Activation
from benign.studies.real_data.grid import Cell
from benign.study import Context
from benign.theory.geometry import separation
from benign.theory.mixture import correlated
from benign.theory.mixture.correlated import Floats, Moments
from benign.train.gradient_descent import Snapshot, train

# With fewer images of a class outside the training sample a held-out variance along a direction is too uncertain.
FEWEST_HELD_OUT = 50


# ---------------------------------------------------------------- samples


@dataclasses.dataclass(frozen=True)
class Sample:
    """A sample in pixels, and in the coordinates that it is trained in.

    images: points, labels, test points and μ̂ in R^d; basis: Q (d, k)
    pool: moments of all training images; held_out: of those outside the sample, None if they are too few
    distances: between training points with different observed labels, (P, N)
    trained: the training problem, its budget left open, and test points
    """

    images: ImageProblem
    basis: Floats
    pool: Moments
    held_out: Moments | None
    distances: Floats
    trained: NetworkSample


def sample(cell: Cell, whole: NormalisedPair, context: Context) -> Sample:
    """The sample of a cell's group; a higher β flips what a lower one does, and more."""

    def rng(role: str) -> np.random.Generator:
        return seeds.generator(context.study, role, cell.seed, data=cell.data, classes=cell.classes)

    d = len(whole.mean)
    w0 = cell.init_scale / d**0.5 * rng("init").standard_normal((cell.width // 2, d))
    drawn = image_pairs.draw(cell, context.images(cell.data), w0, rng("sample"))
    x = drawn.images.x
    return Sample(
        images=drawn.images,
        basis=drawn.basis,
        pool=correlated.moments(whole.x_train, whole.y_train),
        held_out=held_out_moments(whole, x),
        distances=separation.opposite_distances(x, drawn.images.labels.observed),
        trained=on_device(
            drawn.coordinates,
            context.device,
            name=cell.key,
            activation=Activation("leaky_relu", cell.slope),
            budget=0.0,
            # The flagship's c·n/E‖x‖² where points are near-orthogonal [ours].
            step_size=cell.step_scale * cell.n / float(np.linalg.norm(x, 2)) ** 2,
        ),
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
    groups: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: (cell.data, cell.classes, cell.side)):
        groups.setdefault(cell.group, []).append(cell)
    pair: tuple[Any, ...] | None = None
    for group in groups.values():
        if pair != (group[0].data, group[0].classes, group[0].side):
            pair = (group[0].data, group[0].classes, group[0].side)
            whole = normalised_pair(context.images(group[0].data), group[0].classes, group[0].side)
        yield from _run_group(group, sample(group[0], whole, context), context)


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
        found: dict[str, Any] = {"status": "diverged", **setting(drawn, budget)}
        if bool(snapshot.finite[0]):
            measured = measure(drawn, snapshot, budget)
            if math.isfinite(measured["robust_train_loss"]):
                found |= {"status": "ok", **measured, **predict(cell, drawn, snapshot, budget)}
        yield cell.row(**found)
        context.notify(f"{cell.experiment}: {cell.key} {found['status']}")


def fit(cell: Cell, drawn: Sample, train_budget: float) -> Snapshot:
    """Train: `steps` steps, then twice as many each time while robust training error 0 is possible and not reached."""
    stops = [cell.steps]
    if train_budget < separation.separation(drawn.distances):
        while stops[-1] < cell.most_steps:
            stops.append(min(2 * stops[-1], cell.most_steps))
    problem = dataclasses.replace(drawn.trained.problem, budget=train_budget)
    for snapshot in train([problem], stops, InnerMaximisation()):
        if not snapshot.finite[0]:
            break
        attacked = worst_case(
            problem.x, problem.y, snapshot.weights[0], problem.activation, train_budget, until_fooled=True
        )
        if share(attacked.margin <= 0) == 0:
            break
    return snapshot


def setting(drawn: Sample, budget: float) -> dict[str, Any]:
    """What the images themselves say of a cell, before anything is trained."""
    return {
        "d": drawn.images.x.shape[1],
        "budget": budget,
        "mean_norm": float(np.linalg.norm(drawn.images.mean)),
        "flipped": float((drawn.images.labels.observed != drawn.images.labels.clean).mean()),
        "tested": len(drawn.images.x_test),
        "first_share": float((drawn.images.test_labels.clean > 0).mean()),
        "separation": separation.separation(drawn.distances),
        "least_robust_train_error": separation.least_robust_error(drawn.distances, budget),
    }


def measure(drawn: Sample, snapshot: Snapshot, budget: float) -> dict[str, Any]:
    """Losses and errors of a trained network; those called _clean_labels are against the classes themselves."""
    w, problem = snapshot.weights[0], drawn.trained.problem
    clean, robust = (worst_case(problem.x, problem.y, w, problem.activation, each).margin for each in (0.0, budget))
    return {
        "trained_steps": snapshot.steps,
        "inner_gap": float(snapshot.gap[0]),
        "robust_train_loss": float(logistic_loss(robust).mean()),
        "robust_train_error": share(robust <= 0),
        "clean_train_error": share(clean <= 0),
        **fresh_errors(drawn.trained, w, "clean", 0.0),
        **fresh_errors(drawn.trained, w, "robust", budget),
    }


# ---------------------------------------------------------------- theory beside it


def predict(cell: Cell, drawn: Sample, snapshot: Snapshot, budget: float) -> dict[str, Any]:
    """Half-spaces with their ρ and σ_±: v̄ of the network, averaging's and the most robust one.

    v̄'s come from images outside the sample, the others from the whole pool's moments. With v̄ the error of its
    half-space on the test points themselves, which assumes nothing.
    """
    w, activation = snapshot.weights[0], drawn.trained.problem.activation
    normal = drawn.basis @ mean_input_gradient(drawn.trained.test_x, w, activation).cpu().numpy()
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
    images, labels = drawn.images, drawn.images.test_labels
    margins = images.x_test @ (normal / np.linalg.norm(normal)) if normal.any() else np.zeros(len(images.x_test))
    return {
        "half_space_error": float((labels.observed * margins <= budget).mean()),
        "half_space_error_clean_labels": float((labels.clean * margins <= budget).mean()),
    }
