"""Two-layer networks f(x; W) = Σ_j a_j φ(⟨w_j, x⟩) with fixed outer weights a_j = ±1/√m [digest, frei].

Shapes: x (…, n, k), w (…, m, k), f (…, n). Leading dimensions batch independent networks.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Activation:
    """φ, by the paper's letters.

    kind: "leaky_relu", "smooth_leaky_relu" or "relu"
    slope: γ in [0, 1], the derivative far to the left (0 for "relu")
    curvature: H > 0 of the smooth kind, which bends on |z| ≤ 1/H [frei]
    """

    kind: str
    slope: float
    curvature: float = 1.0

    def derivative(self, z: Tensor) -> Tensor:
        """φ'(z), with φ'(0) = γ at the kink of the non-smooth kinds."""
        return self.scaled_derivative(z, torch.ones_like(z))

    def scaled_derivative(self, z: Tensor, a: Tensor) -> Tensor:
        """a·φ'(z), a broadcasting over z: the training loop's element-wise work of size (n, m), in few passes."""
        if self.kind == "smooth_leaky_relu":
            bend = z.clamp(-1 / self.curvature, 1 / self.curvature)
            return torch.addcmul(a * ((1 + self.slope) / 2), bend, a * ((1 - self.slope) * self.curvature / 2))
        # The kernel behind autograd's leaky ReLU: one vectorised pass, many times faster than torch.where.
        return torch.ops.aten.leaky_relu_backward(a.expand_as(z), z, self.slope, False)

    def combined(self, z: Tensor, slopes: Tensor, a: Tensor) -> Tensor:
        """Σ_j a_jφ(z_j) (…, 1), given slopes a·φ'(z).

        φ(z) = φ'(z)·z, less (1 - γ)H·c²/4 for the smooth kind, c being z clamped to ±1/H.
        """
        total = (slopes * z).sum(-1, keepdim=True)
        if self.kind != "smooth_leaky_relu":
            return total
        bend = z.clamp(-1 / self.curvature, 1 / self.curvature)
        return total - bend.square_().mul_(a * ((1 - self.slope) * self.curvature / 4)).sum(-1, keepdim=True)

    def value(self, z: Tensor) -> Tensor:
        """φ(z)."""
        if self.kind == "smooth_leaky_relu":
            h = self.curvature
            c = z.clamp(-1 / h, 1 / h)
            return ((1 + self.slope) * z + (1 - self.slope) * h * c * (z - c / 2)) / 2
        return torch.nn.functional.leaky_relu(z, self.slope)


def outer_weights(
    m: int, dtype: torch.dtype = torch.float64, device: str | torch.device = "cpu", positive: int | None = None
) -> Tensor:
    """a (m,): +1/√m on the first `positive` neurons, -1/√m on the others; half of each, m being even, if None."""
    if positive is None:
        if m < 2 or m % 2:
            raise ValueError(f"width m={m} must be even and at least 2: half of the neurons have each sign")
        positive = m // 2
    signs = torch.full((m,), m**-0.5, dtype=dtype, device=device)
    signs[positive:] *= -1
    return signs


def symmetric(half: Tensor) -> Tensor:
    """W₀ (m, k) from its first half (m/2, k): neuron j + m/2 starts where j does, with the opposite sign, so f = 0."""
    return torch.cat([half, half])


def output(x: Tensor, w: Tensor, activation: Activation, positive: int | None = None) -> Tensor:
    """f(x; W), shape (…, n); positive: how many neurons, the first ones, have the sign +1, if not half."""
    a = outer_weights(w.shape[-2], w.dtype, w.device, positive)
    return activation.value(x @ w.mT) @ a
