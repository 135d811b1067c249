"""The flagship's networks from plain settings: drawn, trained on a device, measured. Needs no study's cell.

Settings are a mapping with the flagship's names, as a row of its kept table has them. Draws and numbers are those of
the flagship; "scale" holds them against its kept rows.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benign import seeds
from benign.attack.evaluation import logistic_loss, mean_input_gradient, rho, worst_case
from benign.attack.inner import InnerMaximisation
from benign.data import clusters
from benign.nets.two_layer import Activation, symmetric

# The networks' state itself: a graph of a step, and another answer to `asks`, are no business of `train`.
from benign.train.gradient_descent import Problem, Snapshot, _Batch, train

STUDY = "adversarial_training"  # whose draws the networks have
# What every network here has in common; all but γ, σ, c and H are the paper's, as config/grids says.
COMMON: dict[str, Any] = {
    "flip_rate": 0.1,
    "activation": "leaky_relu",
    "slope": 0.1,
    "curvature": 10.0,
    "init_scale": 1e-3,
    "step_scale": 2.0,
    "training": "adversarial",
    "inner": "exact",
    "inner_steps": 20,
    "seed": 0,
}
WARM = 3  # steps before a graph is taken of one


@dataclasses.dataclass(frozen=True)
class Sample:
    """A network's points in the coordinates that it is trained in."""

    problem: Problem
    mean: Tensor  # (k,), μ
    test_x: Tensor  # (N, k)
    test_observed: Tensor  # (N,)


def train_budget(settings: Mapping[str, Any]) -> float:
    """α of the training: 0 for the control."""
    return settings["budget"] if settings["training"] == "adversarial" else 0.0


def drawn(settings: Mapping[str, Any], device: str = "cpu") -> Sample:
    """Clusters drawn in law and initial weights, float32 on the device: the same on every one."""
    n, d, signal, width = (settings[name] for name in ("n", "d", "signal", "width"))

    def rng(role: str, **fields: Any) -> np.random.Generator:
        return seeds.generator(STUDY, role, settings["seed"], **fields)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.tensor(array, dtype=torch.float32, device=device)

    labels = clusters.draw_labels(n, settings["flip_rate"], rng("labels", n=n))
    count = settings["test_points"]
    test = clusters.draw_labels(count, settings["flip_rate"], rng("test labels", n=count))
    k = clusters.subspace_dimension(d, n + width // 2)
    w0 = clusters.noise_in_law(d, n, width // 2, k, rng("init", n=n, d=d, width=width))
    problem = Problem(
        name="network",
        x=tensor(clusters.points_in_law(labels, d, signal, k, rng("data", n=n, d=d))),
        y=tensor(labels.observed),
        w0=symmetric(tensor(settings["init_scale"] / d**0.5 * w0)),
        activation=Activation(settings["activation"], settings["slope"], settings["curvature"]),
        budget=train_budget(settings),
        step_size=settings["step_scale"] * n / (d + signal**2),
    )
    test_x = clusters.fresh_points_in_law(test, signal, k, rng("test", d=d))
    return Sample(problem, tensor(signal * np.eye(1, k)[0]), tensor(test_x), tensor(test.observed))


def measured(settings: Mapping[str, Any], points: Sample, weights: Tensor) -> dict[str, float]:
    """Loss, errors and ρ of a trained network, on the device and in the precision of its points."""
    problem, budget = points.problem, settings["budget"]
    train_robust = worst_case(
        problem.x, problem.y, weights, problem.activation, budget, iterations=100, tolerance=1e-6
    ).margin
    return {
        "robust_train_loss": float(logistic_loss(train_robust).mean()),
        "robust_train_error": share(train_robust <= 0),
        "clean_test_error": test_error(points, weights, 0.0),
        "robust_test_error": test_error(points, weights, budget),
        "rho": rho(points.mean, mean_input_gradient(points.test_x, weights, problem.activation)),
    }


def test_error(points: Sample, weights: Tensor, budget: float) -> float:
    """Share of the test points that the attack turns against their observed labels."""
    activation = points.problem.activation
    found = worst_case(points.test_x, points.test_observed, weights, activation, budget, until_fooled=True)
    return share(found.margin <= 0)


def share(events: Tensor) -> float:
    """Of events (N,) that are so."""
    return float(events.double().mean())


def moved(points: Sample, device: str, dtype: torch.dtype) -> Sample:
    """The same points and initial weights elsewhere, or in another precision."""

    def there(record: Any) -> dict[str, Any]:
        fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        return {name: value.to(device, dtype) for name, value in fields.items() if isinstance(value, Tensor)}

    problem = dataclasses.replace(points.problem, **there(points.problem))
    return dataclasses.replace(points, problem=problem, **there(points))


def settled(device: str) -> Callable[[], Any]:
    """What waits until the device has done all that it was given."""
    return torch.cuda.synchronize if device == "cuda" else lambda: None


def release(device: str) -> None:
    """Give back the memory of what is over, and begin to watch for the next peak."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


@torch.inference_mode()
def trained(problems: Sequence[Problem], steps: int) -> Snapshot:
    """Networks of one shape after so many steps, as the engine trains them."""
    (snapshot,) = train(problems, [steps], InnerMaximisation())
    return snapshot


@torch.inference_mode()
def trained_otherwise(problems: Sequence[Problem], steps: int, *, asks: bool, graph: bool = False) -> Snapshot:
    """The same, with the host asking the device for values in a step or not, whatever its policy.

    graph: replay one recorded CUDA graph of a step instead of launching its kernels one by one; on a CPU, which has
    none, the same step over static tensors
    """
    batch = _Batch(problems, InnerMaximisation())
    batch.asks = asks
    step = static_step(batch) if graph else batch.step
    done = 0
    if graph and batch.x.device.type == "cuda":
        done = min(WARM, steps)
        step = recorded(step, done)
    for _ in range(done, steps):
        step()
    batch.steps = steps  # a replayed step does not count itself
    return batch.snapshot()


def static_step(batch: _Batch) -> Callable[[], None]:
    """A step that leaves its state in the tensors where it found it: what the engine makes anew is copied back."""
    state = {name: value for name, value in vars(batch).items() if isinstance(value, Tensor)}

    def step() -> None:
        batch.step()
        for name, tensor in state.items():
            made = getattr(batch, name)
            if made is not tensor:
                tensor.copy_(made)
                setattr(batch, name, tensor)

    return step


def recorded(step: Callable[[], None], warm: int) -> Callable[[], None]:
    """A replay of the step's kernels, after `warm` steps on a stream beside, as PyTorch asks for."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(warm):
            step()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
