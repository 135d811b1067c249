"""Networks: the two-layer family of the flagship, and the few others that studies need."""

ACTIVATIONS = ("leaky_relu", "smooth_leaky_relu", "relu")  # here, so that grids know them without importing Torch
