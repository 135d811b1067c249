"""The flagship's experiments: adversarial training of two-layer networks on noisy clusters and pairs of MNIST digits.

A cell (grid.py) becomes a sample in the coordinates of the subspace reduction, training problems of one shape are
trained together, and each network is measured on fresh points and held against the closed forms.
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
from benign.attack.evaluation import logistic_loss, mean_input_gradient, rho, worst_case
from benign.attack.inner import InnerMaximisation
from benign.data import clusters
from benign.data.images.pairs import sample_problem
from benign.nets.two_layer import Activation, symmetric
from benign.stats import bootstrap_mean, clopper_pearson
from benign.studies.adversarial_training.grid import Cell
from benign.study import CellError, Context
from benign.theory.mixture import assumptions, gaussian, two_group
from benign.train.device import policy
from benign.train.gradient_descent import Problem, train
from benign.train.reduction import orthonormal_basis


@dataclasses.dataclass(frozen=True)
class Sample:
    """A cell's points in the coordinates it is trained in, float32 on the device; shapes as in `Problem`."""

    problem: Problem
    train_clean: Tensor  # (n,), clean labels of the training points
    mean: Tensor  # (k,), μ, or half the difference of the class means
    test_x: Tensor  # (N, k)
    test_clean: Tensor  # (N,)
    test_observed: Tensor  # (N,)


def sample(cell: Cell, context: Context) -> Sample:
    """Draw a cell's points and initial weights. What cells have in common (n, d, seed, …) they share draw by draw."""

    def rng(role: str, **fields: Any) -> np.random.Generator:
        return seeds.generator(context.study, role, cell.seed, **fields)

    sigma = cell.init_scale / cell.d**0.5
    if cell.data == "mnist":
        x, labels, mean, w0, test_x, test = _mnist(cell, context, rng)
    else:
        labels = clusters.draw_labels(cell.n, cell.flip_rate, rng("labels", n=cell.n))
        test = clusters.draw_labels(cell.test_points, cell.flip_rate, rng("test labels", n=cell.test_points))
        draw = _clusters_in_law if cell.sampling == "in_law" else _clusters_dense
        x, mean, w0, test_x = draw(cell, labels, test, rng)
    energy = cell.d + cell.signal**2 if cell.data == "clusters" else float((x**2).sum(1).mean())

    def tensor(array: np.ndarray) -> Tensor:
        return torch.tensor(array, dtype=torch.float32, device=context.device)

    problem = Problem(
        name=cell.group,
        x=tensor(x),
        y=tensor(labels.observed),
        w0=symmetric(tensor(sigma * w0)),
        activation=Activation(cell.activation, cell.slope, cell.curvature),
        budget=cell.train_budget,
        step_size=cell.step_scale * cell.n / energy,
    )
    return Sample(
        problem, tensor(labels.clean), tensor(mean), tensor(test_x), tensor(test.clean), tensor(test.observed)
    )


def _clusters_in_law(cell: Cell, labels: clusters.Labels, test: clusters.Labels, rng: Any) -> tuple[np.ndarray, ...]:
    half = cell.width // 2
    k = clusters.subspace_dimension(cell.d, cell.n + half)
    x = clusters.points_in_law(labels, cell.d, cell.signal, k, rng("data", n=cell.n, d=cell.d))
    w0 = clusters.noise_in_law(cell.d, cell.n, half, k, rng("init", n=cell.n, d=cell.d, width=cell.width))
    test_x = clusters.fresh_points_in_law(test, cell.signal, k, rng("test", d=cell.d))
    return x, cell.signal * np.eye(1, k)[0], w0, test_x


def _clusters_dense(cell: Cell, labels: clusters.Labels, test: clusters.Labels, rng: Any) -> tuple[np.ndarray, ...]:
    mean = cell.signal * np.eye(1, cell.d)[0]
    x = clusters.dense(labels, mean, cell.noise, rng("dense data", n=cell.n, d=cell.d, noise=cell.noise))
    w0 = rng("dense init", d=cell.d, width=cell.width).standard_normal((cell.width // 2, cell.d))
    test_x = clusters.dense(test, mean, cell.noise, rng("dense test", d=cell.d, noise=cell.noise))
    q = orthonormal_basis(mean, x, w0)
    return x @ q, mean @ q, w0 @ q, test_x @ q


def _mnist(cell: Cell, context: Context, rng: Any) -> tuple[Any, ...]:
    if context.images is None:
        raise CellError(
            "data='mnist' needs images: pass --images mnist=FILE.safetensors (scripts/fetch_data.py writes one)"
        )
    drawn = sample_problem(
        context.images("mnist"),
        cell.classes,
        cell.side,
        cell.n,
        cell.flip_rate,
        cell.test_points,
        rng("mnist", classes=cell.classes),
    )
    w0 = rng("dense init", d=cell.d, width=cell.width).standard_normal((cell.width // 2, cell.d))
    q = orthonormal_basis(drawn.mean, drawn.x, w0)
    return drawn.x @ q, drawn.labels, drawn.mean @ q, w0 @ q, drawn.x_test @ q, drawn.test_labels


# ---------------------------------------------------------------- running


@torch.inference_mode()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends. Cells of one group are trained once; training problems of one shape together."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.group, []).append(cell)
    for batch in _batches(list(groups.values()), context):
        yield from _run_batch(batch, context)


def _batches(groups: list[list[Cell]], context: Context) -> Iterator[list[list[Cell]]]:
    """Groups that can be trained in lockstep, a few at a time."""
    alike: dict[tuple[Any, ...], list[list[Cell]]] = {}
    for group in groups:
        first = group[0]
        stops = tuple(sorted({cell.steps for cell in group}))
        k = clusters.subspace_dimension(first.d, first.n + first.width // 2)
        activation = (first.activation, first.slope, first.curvature)
        shape = (first.n, first.width, k, activation, first.inner, first.inner_steps, stops, first.train_budget > 0)
        alike.setdefault(shape, []).append(group)
    for (n, width, *_), members in alike.items():
        size = max(1, policy(context.device).batch_activations // (n * width))
        by_step: dict[int, list[list[Cell]]] = {}
        for group in members:
            by_step.setdefault(_start(group, context), []).append(group)
        for together in by_step.values():
            yield from (together[i : i + size] for i in range(0, len(together), size))


def _start(group: list[Cell], context: Context) -> int:
    """The step at which a group's training is taken up; a checkpoint beyond a row that is still wanted is no use."""
    if not context.checkpoints:
        return 0
    name = group[0].group
    step = context.checkpoints.step(name)
    if step > min(cell.steps for cell in group):
        context.checkpoints.discard(name)
        return 0
    return step


def _run_batch(batch: list[list[Cell]], context: Context) -> Iterator[dict[str, Any]]:
    stops = sorted({cell.steps for cell in batch[0]})
    samples = [sample(group[0], context) for group in batch]
    inner = InnerMaximisation(batch[0][0].inner, batch[0][0].inner_steps)
    for snapshot in train([s.problem for s in samples], stops, inner, context.checkpoints):
        for i, group in enumerate(batch):
            training = {
                "inner_gap": float(snapshot.gap[i]),
                "inner_evaluations": float(snapshot.evaluations[i]),
            }
            for cell in group:
                if cell.steps != snapshot.steps:
                    continue
                # Test points are drawn for the cell itself: cells of a group may want different numbers of them.
                drawn = samples[i] if cell.test_points == group[0].test_points else sample(cell, context)
                if bool(snapshot.finite[i]):
                    measured = {"status": "ok", **training, **measure(cell, drawn, snapshot.weights[i])}
                else:
                    measured = {"status": "diverged"}
                yield cell.row(**measured, **predict(cell))
                context.notify(f"{cell.experiment}: {cell.key} {measured['status']}")
    if context.checkpoints:
        for group in batch:
            context.checkpoints.discard(group[0].group)


def measure(cell: Cell, drawn: Sample, w: Tensor) -> dict[str, Any]:
    """Losses, errors and ρ of a trained network with weights w (m, k)."""
    problem = drawn.problem
    train_clean = worst_case(problem.x, problem.y, w, problem.activation, 0.0)
    train_robust = worst_case(problem.x, problem.y, w, problem.activation, cell.budget, iterations=100, tolerance=1e-6)
    losses = logistic_loss(train_robust.margin)
    low, high = bootstrap_mean(losses.cpu().numpy())
    flipped = _share(drawn.problem.y != drawn.train_clean)
    # A sample has its own share of flipped labels, and the recursion is about that sample (docs/theory.md §5). Where
    # most are flipped, labels mean their opposites, and no closed form is about that.
    predictable = cell.data == "clusters" and flipped <= 0.5
    recursion = {"two_group_sample_rho": two_group_rho(cell, flipped)} if predictable else {}
    clean, clean_observed = _errors(drawn, w, 0.0)
    robust, robust_observed = _errors(drawn, w, cell.budget)
    return {
        "train_loss": float((losses if cell.train_budget else logistic_loss(train_clean.margin)).mean()),
        "robust_train_loss": float(losses.mean()),
        "robust_train_loss_low": low,
        "robust_train_loss_high": high,
        "robust_train_error": _share(train_robust.margin <= 0),
        "clean_train_error": _share(train_clean.margin <= 0),
        "clean_test_error": _share(clean_observed),
        "robust_test_error": _share(robust_observed),
        "clean_test_error_clean_labels": _share(clean),
        "robust_test_error_clean_labels": _share(robust),
        "tested": len(drawn.test_x),
        "mean_norm": float(torch.linalg.vector_norm(drawn.mean)),
        "rho": rho(drawn.mean, mean_input_gradient(drawn.test_x, w, problem.activation)),
        "flipped": flipped,
        **recursion,
    }


def _errors(drawn: Sample, w: Tensor, budget: float) -> tuple[Tensor, Tensor]:
    """Which test points (N,) the attack turns against their clean label, and against their observed one."""
    attacked = functools.partial(worst_case, w=w, activation=drawn.problem.activation, budget=budget, until_fooled=True)
    against_clean = attacked(drawn.test_x, drawn.test_clean).margin <= 0
    flipped = drawn.test_clean != drawn.test_observed
    against_observed = against_clean.clone()
    if flipped.any():
        against_observed[flipped] = attacked(drawn.test_x[flipped], drawn.test_observed[flipped]).margin <= 0
    return against_clean, against_observed


def _share(events: Tensor) -> float:
    return float(events.double().mean())


# ---------------------------------------------------------------- theory beside it


def predict(cell: Cell) -> dict[str, Any]:
    """What the closed forms say of a cell of clusters, before anything is trained; nothing for images."""
    if cell.data != "clusters":
        return {}
    setting: dict[str, Any] = {"n": cell.n, "d": cell.d, "signal": cell.signal, "flip_rate": cell.flip_rate}
    rhos: dict[str, gaussian.Floats | float] = {
        "averaging": gaussian.averaging_rho(**setting),
        "max_margin": gaussian.max_margin_rho(**setting, slope=cell.slope),
        "linear_max_margin": gaussian.max_margin_rho(**setting, slope=1.0),
        "two_group": two_group_rho(cell, cell.flip_rate),
    }
    checks = assumptions.check(
        **setting,
        budget=cell.budget,
        step_size=step_size(cell),
        init_scale=cell.init_scale,
        width=cell.width,
        curvature=cell.curvature if cell.activation == "smooth_leaky_relu" else np.inf,
    )
    return {
        "floor_error": gaussian.robust_floor(cell.budget, cell.signal, cell.flip_rate),
        **{f"{name}_rho": float(value) for name, value in rhos.items()},
        **{
            f"{name}_error": float(gaussian.half_space_error(cell.budget, value, cell.flip_rate))
            for name, value in rhos.items()
        },
        **{f"assumes_{name}": holds for name, holds in checks.items()},
        "in_regime": assumptions.in_regime(checks),
    }


def step_size(cell: Cell) -> float:
    """η = c·n/E‖x‖² for clusters [ours]."""
    return cell.step_scale * cell.n / (cell.d + cell.signal**2)


def two_group_rho(cell: Cell, flip_rate: float) -> float:
    """ρ that the two-group recursion reaches after the cell's steps, with that share of labels flipped."""
    path = two_group.trajectory(
        n=cell.n,
        d=cell.d,
        signal=cell.signal,
        flip_rate=flip_rate,
        slope=cell.slope,
        budget=cell.train_budget,
        step_size=step_size(cell),
        steps=cell.steps,
    )
    return float(path.rho[-1])


def report(row: dict[str, Any]) -> dict[str, Any]:
    """A row as one cell's user reads it: errors with their intervals, predictions and assumptions grouped."""
    if row["status"] != "ok":
        return {"status": row["status"]}
    shares = {"robust_train_error": row["n"]} | dict.fromkeys(("clean_test_error", "robust_test_error"), row["tested"])
    result: dict[str, Any] = {
        "robust_train_loss": row["robust_train_loss"],
        "robust_train_loss_interval": [row["robust_train_loss_low"], row["robust_train_loss_high"]],
    }
    for name, trials in shares.items():
        low, high = clopper_pearson(round(row[name] * trials), trials)
        result |= {name: row[name], f"{name}_interval": [float(low), float(high)]}
    result |= {"rho": row["rho"], "inner_gap": row["inner_gap"]}
    if row["data"] == "clusters":
        names = {
            "averaging": "averaging",
            "max_margin": "max_margin",
            "two_group_recursion": "two_group",
        }
        result["predictions"] = {"floor": row["floor_error"]} | {k: row[f"{v}_error"] for k, v in names.items()}
        result["predicted_rho"] = {k: row[f"{v}_rho"] for k, v in names.items()}
        result["assumptions"] = {k.removeprefix("assumes_"): v for k, v in row.items() if k.startswith("assumes_")}
    return result
