"""The subspace reduction: gradients and ℓ2-optimal perturbations never leave span(rows of W₀, rows of X).

Derived in docs/theory.md §7.

Training on the coordinates of X and W₀ in an orthonormal basis of that span is the same computation as in R^d,
attacks on test points included once these are projected too, because ℓ2 norms and inner products are preserved.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from benign.data.clusters import Array

# Largest condition number of the Gram matrix: QᵀQ is then the identity to about 1e-11, far below single precision.
CONDITION = 1e5


def orthonormal_basis(*blocks: Array) -> Array:
    """Q (d, k), columns orthonormal, whose span contains every row of every block (r_i, d).

    k = Σ r_i as long as that is below d; otherwise nothing can be saved and Q is the identity. Each row has a positive
    coordinate on its own column, so that what is drawn in these coordinates does not depend on how Q was found.
    """
    rows = np.concatenate([np.atleast_2d(block) for block in blocks])
    count, d = rows.shape
    if count >= d:
        return np.eye(d)
    q = _by_gram_matrix(rows)
    return _by_qr(rows) if q is None else q


def _by_qr(rows: Array) -> Array:
    """Q with R = LQᵀ, L lower triangular with no negative number on its diagonal, for any rows R."""
    q, upper = np.linalg.qr(rows.T)
    return q * np.where(np.diagonal(upper) < 0, -1.0, 1.0)


def _by_gram_matrix(rows: Array) -> Array | None:
    """The same from RRᵀ = LLᵀ, rows scaled to unit length; None where they are too far from orthogonal for it.

    Two products in place of a QR decomposition, but they square R's condition number.
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled = rows / np.where(lengths > 0, lengths, 1.0)
    gram = scaled @ scaled.T
    lower, failed = lapack.dpotrf(gram, lower=1)
    if failed:
        return None
    reciprocal, _ = lapack.dpocon(lower, np.linalg.norm(gram, 1), uplo="L")
    if reciprocal * CONDITION < 1:
        return None
    inverse, _ = lapack.dtrtri(lower, lower=1)
    return (inverse @ scaled).T
