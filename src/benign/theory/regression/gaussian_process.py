"""Exact Gaussian-process regression: posterior mean and log marginal likelihood by Cholesky.

Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, Algorithm 2.1.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]


def squared_exponential(a: Floats, b: Floats, length_scale: float) -> Floats:
    """exp(-‖a_i - b_j‖²/(2ℓ²)), (N, M), of points (N, d) and (M, d)."""
    return np.exp(-cdist(a, b, "sqeuclidean") / (2 * length_scale**2))


@dataclasses.dataclass(frozen=True)
class Posterior:
    """weights: (K + σ²I)⁻¹y, (n,); log_marginal_likelihood: ln N(y; 0, K + σ²I); fit: its part -yᵀweights/2."""

    weights: Floats
    log_marginal_likelihood: float
    fit: float

    def mean(self, kernel: Floats) -> Floats:
        """Posterior mean at N points, from their kernel with the training points, (N, n)."""
        return kernel @ self.weights


def condition(kernel: Floats, y: Floats, noise_variance: float) -> Posterior:
    """The posterior of a zero-mean process with this kernel (n, n) at the training points, given targets y (n,)."""
    factor = cho_factor(kernel + noise_variance * np.eye(len(y)), lower=True)
    weights = cho_solve(factor, y)
    fit = -float(y @ weights) / 2
    return Posterior(
        weights, fit - float(np.log(np.diag(factor[0])).sum()) - len(y) / 2 * float(np.log(2 * np.pi)), fit
    )


def expected_evidence(kernel: Floats, y: Floats, noise_variance: float, flip_rate: float) -> float:
    """E ln N(y'; 0, K + σ²I) over y' = y (n,), entries ±1, each flipped independently with probability p, exact.

    With A = (K + σ²I)⁻¹, E y'ᵀAy' = (1-2p)²yᵀAy + (1 - (1-2p)²) tr A: linear in (1-2p)².
    docs/theory/soft_inductive_bias.md.
    """
    precision = cho_solve(cho_factor(kernel + noise_variance * np.eye(len(y)), lower=True), np.eye(len(y)))
    kept = (1 - 2 * flip_rate) ** 2
    clean = condition(kernel, y, noise_variance)
    quadratic = kept * float(y @ precision @ y) + (1 - kept) * float(np.trace(precision))
    return clean.log_marginal_likelihood - clean.fit - quadratic / 2
