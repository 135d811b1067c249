"""Groups of 3 x 3 matrices, their tensors, and the linear maps between tensors that commute with a group.

Finzi, Welling, Wilson, *A Practical Method for Constructing Equivariant Multilayer Perceptrons for Arbitrary Matrix
Groups*, ICML 2021 [S: paper and the library emlp]: a map from one representation to another is equivariant if and only
if it is a null vector of the constraints of the group's generators, which are finitely many.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[Any]
Symmetry = Literal["O(3)", "SO(3)", "O(2)", "SL(3)"]  # O(2) keeps the third axis
SIDE = 3  # of the matrices
ZERO = 1e-8  # of a singular value, relative to the largest


@dataclasses.dataclass(frozen=True)
class Group:
    """algebra (k, 3, 3): a basis of the Lie algebra; components (l, 3, 3): one element beside the identity's component

    orthogonal: whether all elements are, so that a vector and a dual vector are the same
    """

    algebra: Array
    components: Array
    orthogonal: bool

    def element(self, rng: np.random.Generator, scale: float = 1.0) -> Array:
        """A random element: the exponential of N(0, scale²) coordinates, times another component's with chance 1/2."""
        g = scipy.linalg.expm(np.tensordot(scale * rng.standard_normal(len(self.algebra)), self.algebra, 1))
        for other in self.components:
            g = g @ other if rng.random() < 0.5 else g
        return g


def _units() -> Array:
    """E_ij (3, 3, 3, 3), the matrix with a 1 at (i, j)."""
    return np.eye(SIDE**2).reshape((SIDE,) * 4)


@functools.cache
def group(symmetry: Symmetry) -> Group:
    """The group of that name."""
    unit = _units()
    turns = np.array([unit[i, j] - unit[j, i] for i in range(SIDE) for j in range(i)])  # about z, y, x
    mirror, none = np.diag([-1.0, 1.0, 1.0])[None], np.zeros((0, SIDE, SIDE))
    if symmetry == "SL(3)":
        traceless = [unit[i, j] for i, j in itertools.permutations(range(SIDE), 2)]
        traceless += [unit[i, i] - unit[-1, -1] for i in range(SIDE - 1)]
        return Group(np.array(traceless), none, False)
    chosen = {"O(3)": (turns, mirror), "SO(3)": (turns, none), "O(2)": (turns[:1], mirror)}[symmetry]
    return Group(*chosen, True)


def _kron(factors: Sequence[Array]) -> Array:
    return functools.reduce(lambda one, other: np.kron(one, other), factors, np.eye(1))


@dataclasses.dataclass(frozen=True)
class Kind:
    """Tensors with p indices that turn with g, then q with its inverse transpose; the former's axes come first."""

    p: int
    q: int = 0

    @property
    def rank(self) -> int:
        return self.p + self.q

    @property
    def size(self) -> int:
        return SIDE**self.rank

    def settled(self, symmetry: Symmetry) -> Kind:
        """The same tensors under an orthogonal group: all indices turn alike."""
        return Kind(self.rank) if group(symmetry).orthogonal else self

    def maps(self, source: Kind, symmetry: Symmetry) -> Kind:
        """The tensors that are linear maps from `source` to these: an input's index has the other sort."""
        return Kind(self.p + source.q, self.q + source.p).settled(symmetry)

    def matrix(self, g: Array) -> Array:
        """How g acts on these tensors, (size, size)."""
        return _kron([g] * self.p + [np.linalg.inv(g).T] * self.q)

    def derivative(self, a: Array) -> Array:
        """How an element of the Lie algebra acts on them, (size, size)."""
        result, eye = np.zeros((self.size, self.size)), np.eye(SIDE)
        for place in range(self.rank):
            factors = [eye] * self.rank
            factors[place] = a if place < self.p else -a.T
            result += _kron(factors)
        return result


SCALAR, VECTOR = Kind(0), Kind(1)


@functools.cache
def invariants(kind: Kind, symmetry: Symmetry) -> Array:
    """An orthonormal basis (size, r) of the tensors that the group leaves as they are.

    The null space of the generators' constraints C, by the singular value decomposition of CᵀC, as C is tall.
    """
    chosen = group(symmetry)
    gram = np.zeros((kind.size, kind.size))
    for constraint in itertools.chain(
        (kind.derivative(a) for a in chosen.algebra),
        (kind.matrix(h) - np.eye(kind.size) for h in chosen.components),
    ):
        gram += constraint.T @ constraint
    _, values, right = np.linalg.svd(gram, hermitian=True)
    return right[values <= ZERO * max(float(values[0]), 1.0)].T


# ---------------------------------------------------------------- sums of tensors


@dataclasses.dataclass(frozen=True)
class Representation:
    """A direct sum: (kind, copies) in the order of the channels; the copies of a kind lie side by side."""

    parts: tuple[tuple[Kind, int], ...]

    @property
    def size(self) -> int:
        return sum(kind.size * copies for kind, copies in self.parts)

    def copies(self, kind: Kind) -> int:
        return sum(copies for each, copies in self.parts if each == kind)

    def slices(self) -> dict[Kind, slice]:
        """The channels of each kind."""
        ends = np.cumsum([0, *(kind.size * copies for kind, copies in self.parts)]).tolist()
        return {kind: slice(*ends[i : i + 2]) for i, (kind, _) in enumerate(self.parts)}

    def matrix(self, g: Array) -> Array:
        """How g acts on it, (size, size)."""
        blocks = [kind.matrix(g) for kind, copies in self.parts for _ in range(copies)]
        return scipy.linalg.block_diag(*blocks)


def summed(parts: Sequence[tuple[Kind, int]], symmetry: Symmetry) -> Representation:
    """The direct sum of these, kinds that are the same under the group put together, by rank."""
    counts: dict[Kind, int] = {}
    for kind, copies in parts:
        settled = kind.settled(symmetry)
        counts[settled] = counts.get(settled, 0) + copies
    return Representation(tuple(sorted((item for item in counts.items() if item[1]), key=_order)))


def _order(part: tuple[Kind, int]) -> tuple[int, int]:
    return (part[0].rank, -part[0].p)


def uniform(channels: int, symmetry: Symmetry) -> Representation:
    """Tensors that fill so many channels, each rank with about as many: the library's heuristic.

    Of a rank's copies, C(r, p)/2^r have p indices of the first sort; where that leaves a remainder the library draws,
    and here the middle ones come first.
    """
    counts: dict[int, int] = {}
    left = channels
    while left:
        top = max(r for r in range(left) if (r + 1) * SIDE**r <= left)
        for rank in range(top + 1):
            counts[rank] = counts.get(rank, 0) + SIDE ** (top - rank)
        left -= (top + 1) * SIDE**top
    return summed([part for rank, copies in counts.items() for part in _split(rank, copies)], symmetry)


def _split(rank: int, copies: int) -> list[tuple[Kind, int]]:
    """Copies of a rank over (p, q), as a binomial distribution has them."""
    whole, rest = divmod(copies, 2**rank)
    weights = [math.comb(rank, p) for p in range(rank + 1)]
    middle_first = sorted(range(rank + 1), key=lambda p: (-weights[p], -p))
    extra = {
        p: min(weights[p], max(rest - sum(weights[q] for q in middle_first[:i]), 0)) for i, p in enumerate(middle_first)
    }
    return [(Kind(p, rank - p), whole * weights[p] + extra[p]) for p in range(rank + 1)]
