"""What no classifier can do: fit two points with different labels robustly when their balls meet.

Derived in docs/theory.md §17. A training set can be interpolated robustly at budget α only if points with different
labels are further than 2α apart; and the least robust training error of any classifier is a maximum matching of the
points that are not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]


def opposite_distances(x: Floats, y: Floats) -> Floats:
    """(P, N) Euclidean distances from the points x (n, d) with label y = +1 to those with label -1."""
    return cdist(x[y > 0], x[y < 0])


def separation(distances: Floats) -> float:
    """Half of the least distance: from this budget on robust training error 0 is impossible; ∞ without both labels."""
    return float(distances.min()) / 2 if distances.size else np.inf


def least_robust_error(distances: Floats, budget: float) -> float:
    """Least share of the P + N points that any classifier gets wrong within closed balls of radius α [derived].

    The size of a maximum matching among pairs of different labels at most 2α apart, divided by the number of points.
    """
    conflicts = csr_array(distances <= 2 * budget)
    matched = int((maximum_bipartite_matching(conflicts) >= 0).sum()) if conflicts.nnz else 0
    return matched / sum(distances.shape)
