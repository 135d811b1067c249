"""Networks: the two-layer family of the flagship, and the few others that studies need."""

from typing import Literal

ActivationKind = Literal["leaky_relu", "smooth_leaky_relu", "relu"]  # here: grids know it without importing Torch
