"""The two systems: moments of inertia, and a double pendulum of springs; each with a dial that breaks its symmetry.

*Inertia* [S: the authors' code]: five masses softplus(N(0, 1)) at N(0, I₃); the target is Y + s·(Yẑ)ẑᵀ with
Y = Σ m(r²I - rrᵀ), equivariant under O(3) at s = 0. *Pendulum* [S]: Hamiltonian motion of two unit masses on unit
springs under gravity, with a wind s·(8, 5, 0), invariant under turns and mirrors that keep the vertical at s = 0; what
is learnt is the Hamiltonian, from five states .2 apart, the flow being integrated from the first.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benign import seeds
from benign.nets.equivariant import Architecture, Layer, outputs
from benign.nets.representations import SCALAR, VECTOR, Kind, Symmetry, summed
from benign.studies.residual_pathway.grid import Cell

Array = NDArray[np.float64]
MASSES = 5
LENGTH, APART, LONGEST = 5, 0.2, 30.0  # states of a trajectory's piece, time between them, whole trajectory
WIND = np.array([8.0, 5.0, 0.0])
FINE = 4  # steps of the integrator that makes the data, for one of the flow that is trained


@dataclasses.dataclass(frozen=True)
class Sample:
    """x (n, in) and y (n, out…), test_x and test_y likewise, float32."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


def architecture(cell: Cell) -> Architecture:
    """The network of a cell."""
    if cell.system == "inertia":
        source, target = [(SCALAR, MASSES), (VECTOR, MASSES)], [(Kind(2), 1)]
    else:
        source, target = [(VECTOR, 4)], [(SCALAR, 1)]
    symmetry = cast(Symmetry, cell.symmetry)  # only images have translations
    ends = [summed(part, symmetry) for part in (source, target)]
    return Architecture(cell.model, symmetry, ends[0], ends[1], cell.width)


def sample(cell: Cell, study: str) -> Sample:
    """A cell's points: the same for all models, groups and sizes; under another breaking the same inputs."""
    return _sample(study, cell.system, cell.breaking, cell.n, cell.test_points, cell.seed)


@functools.lru_cache(maxsize=32)
def _sample(study: str, system: str, breaking: float, n: int, test_points: int, seed: int) -> Sample:
    rng = seeds.generator(study, "points", seed, system=system, n=n)
    x, y = (inertia if system == "inertia" else pendulum)(n + test_points, breaking, rng)
    tensors = [torch.from_numpy(part).float() for part in (x, y)]
    return Sample(*(part[:n] for part in tensors), *(part[n:] for part in tensors))


def inertia(count: int, breaking: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """x (count, 20), masses and then places; y (count, 9)."""
    masses = np.logaddexp(rng.standard_normal((count, MASSES)), 0)
    places = rng.standard_normal((count, MASSES, 3))
    outer = places[..., :, None] * places[..., None, :]
    squares = np.trace(outer, axis1=2, axis2=3)[..., None, None] * np.eye(3)
    y = (masses[..., None, None] * (squares - outer)).sum(1)  # (count, 3, 3)
    y[:, :, 2] += breaking * y[:, :, 2]
    return np.concatenate([masses, places.reshape(count, -1)], 1), y.reshape(count, -1)


# ---------------------------------------------------------------- pendulum


def pendulum(count: int, breaking: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """x (count, 12), places and momenta; y (count, LENGTH, 12): a piece at a random time of each trajectory."""
    hanging = np.array([0, 0, -1.5, 0, 0, -3.0] + [0] * 6)
    z = hanging + np.repeat([0.2, 0.4], 6) * rng.standard_normal((count, 12))
    pieces = int(LONGEST / APART) // LENGTH
    first = rng.integers(pieces, size=count) * LENGTH
    y = np.zeros((count, LENGTH, 12))
    for step in range(first.max() + LENGTH):
        place = step - first
        now = np.flatnonzero((place >= 0) & (place < LENGTH))
        y[now, place[now]] = z[now]
        for _ in range(FINE):
            z = runge_kutta(lambda state: motion(state, breaking), z, APART / FINE)
    return y[:, 0].copy(), y


def motion(z: Array, breaking: float) -> Array:
    """dz/dt (N, 12) of the true Hamiltonian."""
    first, second, momenta = z[:, :3], z[:, 3:6], z[:, 6:]
    apart = first - second
    # The authors' outer spring has no factor 1/2.
    inner, outer = (
        factor * (1 - 1 / np.linalg.norm(v, axis=1, keepdims=True)) * v for factor, v in ((1, first), (2, apart))
    )
    constant = np.array([0.0, 0.0, 1.0]) + breaking * WIND
    return np.concatenate([momenta, -(inner + outer + constant), outer - constant], 1)


def runge_kutta(derivative: Callable[[Any], Any], z: Any, step: float) -> Any:
    """One step of the classical fourth-order method, on arrays or tensors."""
    a = derivative(z)
    b = derivative(z + step / 2 * a)
    c = derivative(z + step / 2 * b)
    return z + step / 6 * (a + 2 * b + 2 * c + derivative(z + step * c))


def flow(network: Architecture, layers: list[Layer], z: Tensor, keep: bool) -> Tensor:
    """States (B, N, LENGTH, 12) of the learnt Hamiltonian's flow from z (B, N, 12); keep: for gradients."""

    def derivative(state: Tensor) -> Tensor:
        with torch.enable_grad():
            state = state if state.requires_grad else state.requires_grad_()
            energy = outputs(network, layers, state).sum()
            (slope,) = torch.autograd.grad(energy, state, create_graph=keep)
        return torch.cat([slope[..., 6:], -slope[..., :6]], -1)

    states = [z]
    for _ in range(LENGTH - 1):
        states.append(runge_kutta(derivative, states[-1], APART))
    return torch.stack(states, -2)
