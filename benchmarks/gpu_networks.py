"""The flagship's networks from plain settings: drawn, trained on a device, measured. Needs no study's cell.

Settings are a mapping with the flagship's names, as a row of its kept table has them. Draws and numbers are those of
the flagship; "scale" holds them against its kept rows.
"""

from __future__ import annotations

import dataclasses
import gc
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benign.attack.evaluation import worst_case
from benign.attack.inner import InnerMaximisation
from benign.experiments.noisy_clusters.draw import sample
from benign.experiments.noisy_clusters.measure import measure, share
from benign.experiments.samples import Sample

# The networks' state itself: a graph of a step, and another answer to `asks`, are no business of `train`.
from benign.train.gradient_descent import Problem, Snapshot, _Batch, train

STUDY = "adversarial_training"  # whose draws the networks have
# What every network here has in common; all but γ, σ, c and H are the paper's, as config/grids says.
COMMON: dict[str, Any] = {
    "data": "clusters",
    "sampling": "in_law",
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
MEASURED = ("robust_train_loss", "robust_train_error", "clean_test_error", "robust_test_error", "rho")
WARM = 3  # steps before a graph is taken of one


def train_budget(settings: Mapping[str, Any]) -> float:
    """α of the training: 0 for the control."""
    return settings["budget"] if settings["training"] == "adversarial" else 0.0


def as_setting(settings: Mapping[str, Any]) -> Any:
    """What the experiment asks of a setting, without the checks that need more than a plain GPU machine has."""
    usual = {"flips": "random", "start": "paired", "rows": settings["width"] // 2, **settings}
    return types.SimpleNamespace(**usual, group="network", train_budget=train_budget(settings))


def drawn(settings: Mapping[str, Any], device: str = "cpu") -> Sample:
    """Clusters drawn in law and initial weights, float32 on the device: the same on every one."""
    context: Any = types.SimpleNamespace(study=STUDY, device=device)
    return sample(as_setting(settings), context)


def measured(settings: Mapping[str, Any], points: Sample, weights: Tensor) -> dict[str, float]:
    """Loss, errors and ρ of a trained network, on the device and in the precision of its points."""
    found = measure(as_setting(settings), points, weights)
    return {name: found[name] for name in MEASURED}


def test_error(points: Sample, weights: Tensor, budget: float) -> float:
    """Share of the test points that the attack turns against their observed labels."""
    activation = points.problem.activation
    found = worst_case(points.test_x, points.test_observed, weights, activation, budget, until_fooled=True)
    return share(found.margin <= 0)


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
