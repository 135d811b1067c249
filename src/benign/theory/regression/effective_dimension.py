"""Effective dimension of linear regression, and the exact double descent of equally informative features.

Maddox, Benton, Wilson, "Rethinking Parameter Counting" (arXiv 2003.02139) and its notebook. The features are
x_j = y + z_j, j ≤ d, with y and all z_j independent N(0, 1): each column repeats the target under noise of its own.
Errors are mean squared, for a target of unit variance. Derived: docs/theory/soft_inductive_bias.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def effective_dimension(eigenvalues: ArrayLike, ridge: float) -> float:
    """Σ e/(e + ridge): how many of the directions with these eigenvalues (≥ 0) the data determine; ridge > 0."""
    values = np.asarray(eigenvalues, float)
    if ridge <= 0 or (values < 0).any():
        raise ValueError(f"ridge={ridge!r} must be above 0, and eigenvalues at least 0")
    return float((values / (values + ridge)).sum())


def posterior_effective_dimension(eigenvalues: ArrayLike, ridge: float) -> float:
    """Σ ridge/(e + ridge) over min(n, d) eigenvalues e of XᵀX: the directions that the prior still decides.

    It is min(n, d) less `effective_dimension`: what the notebook plots beside the error.
    """
    values = np.asarray(eigenvalues, float)
    return len(values) - effective_dimension(values, ridge)


def least_squares_error(n: int, d: ArrayLike) -> Floats:
    """Expected squared test error of least squares, exact for d ≤ n - 2: (n-1)/((d+1)(n-d-1)); NaN beyond."""
    size = np.asarray(d, float)
    below = size <= n - 2
    return np.where(below, (n - 1) / ((size + 1) * np.where(below, n - size - 1, 1)), np.nan)


def min_norm_error(n: int, d: ArrayLike) -> Floats:
    """Squared test error of the least-norm interpolant for d ≥ n + 3, to leading order in 1/n; NaN below.

    With m = n/(d-n-2): ((1+m)/(1+m(d+1)))² + m(1+m)/(1+m(d+1)).
    """
    size = np.asarray(d, float)
    above = size >= n + 3
    m = n / np.where(above, size - n - 2, 1)
    missed = (1 + m) / (1 + m * (size + 1))
    return np.where(above, missed**2 + m * missed, np.nan)


def double_descent_error(n: int, d: ArrayLike) -> Floats:
    """Both formulas as one curve; NaN within two of d = n, where the error has no finite mean."""
    below = least_squares_error(n, d)
    return np.where(np.isnan(below), min_norm_error(n, d), below)
