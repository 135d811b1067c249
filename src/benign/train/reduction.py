"""The subspace reduction: gradients and ℓ2-optimal perturbations never leave span(rows of W₀, rows of X).

Derived in docs/theory.md §7.

Training on the coordinates of X and W₀ in an orthonormal basis of that span is the same computation as in R^d,
attacks on test points included once these are projected too, because ℓ2 norms and inner products are preserved.
"""

from __future__ import annotations

import numpy as np

from benign.data.clusters import Array


def orthonormal_basis(*blocks: Array) -> Array:
    """Q (d, k), columns orthonormal, whose span contains every row of every block (r_i, d).

    k = Σ r_i as long as that is below d; otherwise nothing can be saved and Q is the identity.
    """
    rows = np.concatenate([np.atleast_2d(block) for block in blocks])
    count, d = rows.shape
    if count >= d:
        return np.eye(d)
    return np.linalg.qr(rows.T)[0]
