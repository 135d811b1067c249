"""The matrix products of a training: how many flops they are, and how fast they are alone."""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from timing import seconds

PRODUCTS = tuple(getattr(torch.ops.aten, name) for name in ("bmm", "baddbmm", "baddbmm_", "mm", "addmm", "addmm_"))
FACTORS = 20  # calls in one timing of a product: a call takes about a millisecond


class CountedProducts(TorchDispatchMode):
    """Counts the matrix products that are called inside it, by the shapes and strides of their factors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: collections.Counter[tuple[tuple[torch.Size, tuple[int, ...]], ...]] = collections.Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket in PRODUCTS:
            self.calls[tuple((factor.shape, factor.stride()) for factor in args[-2:])] += 1
        return func(*args, **(kwargs or {}))


class ProductBound:
    """The least seconds that the matrix products of one training can take here.

    They are counted in the training itself; each kind is then timed alone, on factors of the same shapes and strides.
    """

    def __init__(self, training: Callable[[], Any]) -> None:
        with CountedProducts() as counted:
            training()
        self.calls = counted.calls
        self.flops = sum(2 * left[0].numel() * right[0][-1] * count for (left, right), count in self.calls.items())

    @torch.inference_mode()
    def seconds(self, device: str = "cpu", settle: Callable[[], Any] = lambda: None) -> float:
        """Measured now: Σ calls · seconds of one call."""
        total = 0.0
        for layout, count in self.calls.items():
            left, right = (torch.empty_strided(shape, stride, device=device).normal_() for shape, stride in layout)
            out = torch.matmul(left, right)
            total += count / FACTORS * seconds(functools.partial(repeat_product, left, right, out), settle)
        return total


def repeat_product(left: Tensor, right: Tensor, out: Tensor) -> None:
    """FACTORS times the same product."""
    for _ in range(FACTORS):
        torch.matmul(left, right, out=out)


def product_rate(side: int, device: str, settle: Callable[[], Any] = lambda: None, repeats: int = 3) -> float:
    """Float32 flops a second of the device in products of square matrices: the best of the repeats."""
    left, right = (torch.randn(side, side, device=device) for _ in range(2))
    out = torch.matmul(left, right)
    fastest = min(seconds(lambda: torch.matmul(left, right, out=out), settle) for _ in range(repeats))
    return 2 * side**3 / fastest
