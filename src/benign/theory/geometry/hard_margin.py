"""The hard-margin problem: the w of least norm with A_i w ≥ 1, A = diag(y)X the points times their labels.

w = Aᵀλ with multipliers λ ≥ 0 that are 0 off the support vectors. Both functions are non-negative least squares
(Lawson, Hanson 1974): of the points, which may be dependent, or of their Gram matrix AAᵀ, which may be a kernel's.
docs/theory.md §12, §14.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]
SUPPORT = 1e-9  # a multiplier counts from this share of the largest one on


@dataclasses.dataclass(frozen=True)
class HardMargin:
    """w (p,) = Aᵀ·multipliers, multipliers (n,) ≥ 0 and 0 off the support vectors."""

    w: Floats
    multipliers: Floats

    @property
    def support(self) -> NDArray[np.bool_]:
        return self.multipliers > SUPPORT * self.multipliers.max()


def hard_margin(a: Floats) -> HardMargin | None:
    """The solution for A (n, p), by least distance programming (Lawson, Hanson, ch. 23); None if not separable."""
    rows, columns = a.shape
    solution, _ = nnls(np.vstack([a.T, np.ones(rows)]), np.append(np.zeros(columns), 1.0), maxiter=100 * rows)
    residual = np.append(a.T @ solution, solution.sum() - 1)
    if residual @ residual < 1e-14:
        return None
    multipliers = solution / -residual[-1]
    return HardMargin(a.T @ multipliers, multipliers)


def multipliers(gram: Floats) -> Floats:
    """λ (n,) for points of which only the Gram matrix or kernel Q (n, n) is given: least λᵀQλ with Qλ ≥ 1.

    The dual, min_{λ≥0} ½λᵀQλ - Σλ_i with Q = LLᵀ, is the non-negative least-squares problem ‖Lᵀλ - L⁻¹1‖. Raises
    ValueError unless Q is positive definite: the points are independent, and then they are separable.
    """
    try:
        lower = scipy.linalg.cholesky(gram, lower=True)
    except scipy.linalg.LinAlgError:
        raise ValueError(f"these n={len(gram)} points are dependent: give d ≥ n") from None
    return np.asarray(nnls(lower.T, scipy.linalg.solve_triangular(lower, np.ones(len(gram)), lower=True))[0])
