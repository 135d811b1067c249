"""Laplace's approximation of a classifier's posterior: effective dimension and marginal likelihood, exact but for it.

All parameters, with the Gauss-Newton form of the Hessian (MacKay 1992; Immer et al. 2021; Maddox, Benton, Wilson 2020).
Derived: docs/theory/soft_inductive_bias.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def gauss_newton_eigenvalues(jacobian: Floats, probabilities: Floats) -> Floats:
    """Eigenvalues, at least 0, of Σ_i J_iᵀ(diag(π_i) - π_iπ_iᵀ)J_i: the curvature of a sum of cross-entropies.

    jacobian: (n, C, p) of the logits in the parameters; probabilities: π (n, C)
    Only min(nC, p) of the p are given: the others are 0.
    """
    n, classes, parameters = jacobian.shape
    roots = np.sqrt(probabilities)
    # diag(π) - ππᵀ = SSᵀ for S = diag(√π) - π√πᵀ, as Σπ = 1
    factor = np.einsum("nc,cd->ncd", roots, np.eye(classes)) - probabilities[:, :, None] * roots[:, None, :]
    scaled = (factor.swapaxes(1, 2) @ jacobian).reshape(n * classes, parameters)
    gram = scaled @ scaled.T if n * classes < parameters else scaled.T @ scaled
    return np.maximum(np.linalg.eigvalsh(gram), 0)


def laplace_evidence(
    log_likelihood: float, squared_length: float, eigenvalues: Floats, prior_precision: float
) -> float:
    """ln p(D) ≈ ln p(D|θ) - α‖θ‖²/2 - Σ ln(1 + λ/α)/2 at the posterior's mode θ under the prior N(0, I/α).

    squared_length: ‖θ‖²; eigenvalues: λ of the curvature of -ln p(D|θ); prior_precision: α > 0
    """
    occam = float(np.log1p(eigenvalues / prior_precision).sum()) / 2
    return log_likelihood - prior_precision * squared_length / 2 - occam
