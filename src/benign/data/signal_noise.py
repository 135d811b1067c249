"""Signal and noise on orthogonal subspaces: x = √γ·ỹ·v + √(1-γ)·ν, ν ~ N(0, (I - vvᵀ)/d), ‖v‖ = 1.

The distribution of Karhadkar, George, Murray, Montúfar, Needell, NeurIPS 2024 [S: paper and code]. It is invariant
under rotations, so v is the first axis here; γ is the share of signal in E‖x‖² ≈ 1.
"""

from __future__ import annotations

import numpy as np

from benign.data.clusters import Array


def draw(clean: Array, d: int, gamma: float, rng: np.random.Generator) -> Array:
    """Points x (n, d) for clean labels ỹ (n,), ±1; the signal is coordinate 0."""
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma={gamma} must lie in [0, 1): at 1 there is no noise left")
    x = rng.standard_normal((len(clean), d)) * ((1 - gamma) / d) ** 0.5
    x[:, 0] = gamma**0.5 * clean
    return x
