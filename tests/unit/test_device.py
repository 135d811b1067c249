"""The choices that depend on the device stand in one place, and the engine keeps to them."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import gpu_networks
from benign.attack.inner import InnerMaximisation
from benign.train import gradient_descent
from benign.train.device import CPU, GPU, hold_precision, policy
from gpu_sizes import TINY
from support import ROOT

MATMUL, CONV = torch.backends.cuda.matmul, torch.backends.cudnn.conv  # type: ignore[attr-defined]  # made at run time
KIND = re.compile(r"""\.type\s*[!=]=\s*"(cpu|cuda)|[!=]=\s*"(cpu|cuda)"|cuda\.is_available|fp32_precision""")


@pytest.fixture
def precision() -> Iterator[None]:
    """The process's precision of float32 products, put back afterwards."""
    before = MATMUL.fp32_precision, CONV.fp32_precision
    yield
    MATMUL.fp32_precision, CONV.fp32_precision = before


def test_whatever_is_no_cpu_is_never_asked_for_a_value() -> None:
    assert policy("cpu") == policy(torch.device("cpu")) == CPU
    assert policy("cuda:1") == policy(torch.device("meta")) == GPU
    assert CPU.asks
    assert not GPU.asks


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize(("matmul", "conv"), list(itertools.product(("ieee", "tf32"), repeat=2)))
def test_the_policy_holds_whatever_precision_the_process_was_started_with(matmul: str, conv: str) -> None:
    MATMUL.fp32_precision, CONV.fp32_precision = matmul, conv
    hold_precision("cuda")
    assert MATMUL.fp32_precision == GPU.products == "ieee"
    assert CONV.fp32_precision == GPU.convolutions


@pytest.mark.usefixtures("precision")
def test_a_cpu_s_policy_leaves_a_gpu_s_settings_alone() -> None:
    MATMUL.fp32_precision = "tf32"
    hold_precision("cpu")
    assert MATMUL.fp32_precision == "tf32"


def test_no_other_module_asks_which_kind_of_device_it_is_on() -> None:
    """But for the pipeline, which looks whether the device that was asked for is there."""
    package = ROOT / "src" / "benign"
    found = {path.relative_to(package) for path in package.rglob("*.py") if KIND.search(path.read_text())}
    assert {path.as_posix() for path in found if path.parts[0] != "pipeline"} == {"train/device.py"}


class Places(TorchDispatchMode):
    """The kinds of device that the tensors of every operation inside it live on."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        self.found |= {tensor.device.type for tensor in tensors}
        return result


@pytest.mark.parametrize("inner", ["exact", "pgd"])
@pytest.mark.parametrize("kind", ["leaky_relu", "smooth_leaky_relu", "relu"])
def test_a_step_copies_nothing_to_or_from_its_device(kind: str, inner: str) -> None:
    """A copy from the host waits for the device as an answer would, and no graph could be recorded of it."""
    problem = gpu_networks.drawn({**gpu_networks.COMMON, **TINY.speed, "activation": kind}).problem
    tensors = {name: getattr(problem, name).to("meta") for name in ("x", "y", "w0")}
    batch = gradient_descent._Batch([dataclasses.replace(problem, **tensors)], InnerMaximisation(inner))
    with Places() as places:
        batch.step()
        batch.step()
    assert places.found == {"meta"}
