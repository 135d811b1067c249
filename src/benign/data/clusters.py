"""The noisy cluster distribution [digest, frei]: x = ỹ·μ + ξ, ỹ uniform on ±1, label y = ỹ flipped with probability β.

Two ways to the same law for Gaussian ξ:

- `dense`: the points themselves in R^d, for any noise law with independent, mean-zero, unit-variance coordinates;
- `in_law`: the coordinates of the points, of μ and of Gaussian initial weights in an orthonormal basis of their span,
  drawn directly (Bartlett's decomposition of a Wishart matrix), so that the cost does not depend on d.
  Derived in docs/theory.md §7.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Noise = Literal["gaussian", "uniform", "rademacher", "student_t", "sparse_rademacher"]


@dataclasses.dataclass(frozen=True)
class Labels:
    """clean (n,) and observed (n,), both ±1."""

    clean: Array
    observed: Array


def draw_labels(n: int, flip_rate: float, rng: np.random.Generator) -> Labels:
    """n clean labels, uniform on ±1, and the observed ones (see `flip`)."""
    if n < 1:
        raise ValueError(f"n={n}: there must be at least one point")
    return flip(rng.choice([-1.0, 1.0], n), flip_rate, rng)


def flip(clean: Array, flip_rate: float, rng: np.random.Generator) -> Labels:
    """Clean labels (n,) and observed ones, each flipped independently with probability flip_rate.

    From one generator a higher rate flips what a lower one does, and more.
    """
    _possible(flip_rate)
    return Labels(clean, np.where(rng.random(len(clean)) < flip_rate, -clean, clean))


def flip_exactly(clean: Array, flip_rate: float, candidates: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """Observed labels (n,): those clean ones, of which ⌊βn⌋, drawn among the places `candidates`, are flipped [ours].

    It takes the luck of a sample's own share of flips away.
    """
    _possible(flip_rate)
    observed = clean.copy()
    chosen = rng.permutation(candidates)[: int(flip_rate * len(clean) + 1e-9)]
    observed[chosen] = -observed[chosen]
    return observed


def _possible(flip_rate: float) -> None:
    if not 0 <= flip_rate <= 0.5:
        raise ValueError(f"flip_rate={flip_rate} must lie in [0, 0.5]: beyond 1/2 the labels mean their opposites")


def subspace_dimension(d: int, vectors: int) -> int:
    """k: μ's axis and the span of that many generic vectors beside it, within R^d."""
    return min(d, vectors + 1)


def noise_in_law(d: int, first: int, count: int, k: int, rng: np.random.Generator) -> Array:
    """Rows first … first+count-1 of a sequence of standard Gaussian vectors of R^d, in adapted coordinates; (count, k).

    Axis 0 is μ's. The remaining d-1 dimensions are rotated so that the i-th vector of the sequence (from 0) needs i + 1
    of them: i coordinates N(0,1) along earlier vectors, then the length χ_{d-1-i} of what is new, then zeros.
    Any block of the sequence can be drawn alone, since the rows are independent.
    """
    z = np.zeros((count, k))
    for row, i in enumerate(range(first, first + count)):
        shared = min(i, d - 1)
        z[row, : shared + 1] = rng.standard_normal(shared + 1)
        if i < d - 1:
            z[row, i + 1] = np.sqrt(rng.chisquare(d - 1 - i))
    return z


def points_in_law(labels: Labels, d: int, signal: float, k: int, rng: np.random.Generator) -> Array:
    """Training points x (n, k) for clean labels, first in the sequence of `noise_in_law`; μ = signal·e₀."""
    x = noise_in_law(d, 0, len(labels.clean), k, rng)
    x[:, 0] += labels.clean * signal
    return x


def limit_points(labels: Labels, d: int, signal: float) -> Array:
    """The limit network's training points x_i = (ỹ_i‖μ‖, √d e_i), (n, n + 1): near-orthogonality made exact.

    Each point's noise has length √d and meets no other's [derived: docs/theory.md §19].
    """
    return np.hstack([signal * labels.clean[:, None], d**0.5 * np.eye(len(labels.clean))])


def fresh_points_in_law(labels: Labels, signal: float, k: int, rng: np.random.Generator) -> Array:
    """Points independent of the sequence, projected on its span: (n, k). What lies outside the span meets no weight."""
    x = rng.standard_normal((len(labels.clean), k))
    x[:, 0] += labels.clean * signal
    return x


def dense(labels: Labels, mean: Array, noise: str, rng: np.random.Generator) -> Array:
    """Points x (n, d) around ±mean (d,) with independent unit-variance coordinates of the law `noise`."""
    return labels.clean[:, None] * mean + unit_noise(noise, (len(labels.clean), len(mean)), rng)


def unit_noise(noise: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Independent, mean-zero, unit-variance entries.

    gaussian, uniform and rademacher are sub-Gaussian; student_t (3 degrees of freedom) and sparse_rademacher
    (non-zero with probability 1/100) are heavy-tailed and outside the theorem.
    """
    if noise == "gaussian":
        return rng.standard_normal(shape)
    if noise == "uniform":
        return rng.uniform(-(3**0.5), 3**0.5, shape)
    if noise == "rademacher":
        return rng.choice([-1.0, 1.0], shape)
    if noise == "student_t":
        return rng.standard_t(3, shape) / 3**0.5
    if noise == "sparse_rademacher":
        return rng.choice([-10.0, 0.0, 10.0], shape, p=[0.005, 0.99, 0.005])
    raise ValueError(f"noise={noise!r}: choose one of {', '.join(get_args(Noise))}")
