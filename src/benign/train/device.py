"""What the engine does differently on a CPU and on a GPU: all of it stands here, one frozen record for each.

No number of a network depends on these choices by more than roundings do. `make gpu-check` measures on a card what they
give.
"""

from __future__ import annotations

import dataclasses
import math

import torch


@dataclasses.dataclass(frozen=True)
class DevicePolicy:
    """batch_activations: networks are trained together as long as n·m·B stays below this
    alone_from: n·m·k from which an attacked network is trained alone, and products are left out rather than batched
    asks: whether the host may ask the device for a value within a training step, to leave out work that is not wanted
    products, convolutions: float32 "ieee", or "tf32", whose factors are rounded to 10 bits
    """

    batch_activations: int
    alone_from: float
    asks: bool
    products: str
    convolutions: str


# A CPU's batches must stay in its cache.
CPU = DevicePolicy(batch_activations=40_000, alone_from=4e6, asks=True, products="ieee", convolutions="ieee")
# A GPU wants to be filled, and an answer would cost it a synchronisation. 10 bits are too few for a certificate of
# 1e-3; deep networks have none, and PyTorch's own choice for convolutions is kept.
GPU = DevicePolicy(batch_activations=40_000_000, alone_from=math.inf, asks=False, products="ieee", convolutions="tf32")


def policy(device: str | torch.device) -> DevicePolicy:
    """The choices for a device; whatever is no CPU is taken for a GPU."""
    return CPU if torch.device(device).type == "cpu" else GPU


def hold_precision(device: str | torch.device) -> None:
    """Make float32 products in this process what the device's policy says, whatever the process was started with."""
    chosen = policy(device)
    if torch.device(device).type == "cuda":
        torch.backends.cuda.matmul.fp32_precision = chosen.products
        torch.backends.cudnn.conv.fp32_precision = chosen.convolutions  # type: ignore[attr-defined]  # made at run time
