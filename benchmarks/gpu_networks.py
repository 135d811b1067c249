"""The flagship's networks from plain settings: drawn, trained on a device, measured. Needs no study's cell.

Settings are a mapping with the flagship's names (docs: src/benign/studies/adversarial_training/grid.py), as a row of
its kept table has them.
"""

from __future__ import annotations

import dataclasses
import gc
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benign.attack.inner import InnerMaximisation
from benign.cells import Context
from benign.studies.adversarial_training.experiment import Sample, measure, sample

# The networks' state itself: a graph of a step, and another answer to `asks`, are no business of `train`.
from benign.train.gradient_descent import Problem, Snapshot, _Batch

STUDY = "adversarial_training"  # whose draws the networks have
# What every network here has in common; all but γ, σ, c and H are the paper's, as config/grids says.
COMMON: dict[str, Any] = {
    "data": "clusters",
    "sampling": "in_law",
    "noise": "gaussian",
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


def as_cell(settings: Mapping[str, Any]) -> Any:
    """The settings as the attributes that the flagship's functions look at."""
    budget = settings["budget"] if settings["training"] == "adversarial" else 0.0
    return types.SimpleNamespace(**settings, group="network", train_budget=budget)


def drawn(settings: Mapping[str, Any], device: str = "cpu") -> Sample:
    """Points and initial weights, float32 on the device: the same on every one."""
    return sample(as_cell(settings), Context(STUDY, device))


def measured(settings: Mapping[str, Any], points: Sample, weights: Tensor) -> dict[str, Any]:
    """Losses, errors and ρ of a trained network, on the device and in the precision of its points."""
    return measure(as_cell(settings), points, weights)


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
def trained(problems: Sequence[Problem], steps: int, *, asks: bool | None = None, graph: bool = False) -> Snapshot:
    """Networks of one shape after so many steps.

    asks: in place of the device's policy · graph: replay one recorded CUDA graph of a step instead of launching its
    kernels one by one; on a CPU, which has none, the same step over static tensors
    """
    batch = _Batch(problems, InnerMaximisation())
    if asks is not None:
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
    state = batch._state()

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
