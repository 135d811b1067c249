"""Adversarial training of both layers of a two-layer ReLU network, by gradient descent on the exponential loss.

f(x) = Σ_j a_j max(⟨w_j, x⟩, 0), no biases; minimise over W and a (1/n) Σ_i max_{‖δ_i‖₂ ≤ α} exp(-y_i f(x_i + δ_i)).
The inner maximum is followed: each δ_i points, with length α, along the loss's gradient at the last step's x_i + δ_i,
and weights hardly turn in a step. Letters: n points, m neurons, k coordinates; X (n, k), y (n,), W (m, k), a (m,).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from benign.data.clusters import Array


@dataclasses.dataclass(frozen=True)
class Network:
    """w (m, k) and a (m,)."""

    w: Array
    a: Array


def default_start(width: int, d: int, rng: np.random.Generator) -> Network:
    """PyTorch's default for linear layers without biases: uniform up to one over the root of a layer's inputs."""
    return Network(rng.uniform(-1, 1, (width, d)) / d**0.5, rng.uniform(-1, 1, width) / width**0.5)


def train(x: Array, y: Array, start: Network, budget: float, rate: float, stops: Sequence[int]) -> Iterator[Network]:
    """The network after each of the increasing numbers of steps; NaN or infinite once it has diverged."""
    w, a, delta, steps = start.w, start.a, np.zeros_like(x), 0
    for stop in stops:
        with np.errstate(over="ignore", invalid="ignore"):
            while steps < stop:
                points = x + delta
                z = points @ w.T  # (n, m)
                hidden = np.maximum(z, 0)
                slopes = (z > 0) * a
                pull = y * np.exp(-y * (hidden @ a)) / len(x)  # (n,)
                delta = _worst(slopes @ w, y, budget)
                w = w + rate * (slopes * pull[:, None]).T @ points
                a = a + rate * (pull @ hidden)
                steps += 1
        yield Network(w, a)


def margins(x: Array, y: Array, network: Network, budget: float, attacks: int = 10) -> tuple[Array, Array]:
    """y_i f(x_i), and the least that so many steps of the attack find within the budget; both (n,)."""

    def margin(points: Array) -> Array:
        return y * (np.maximum(points @ network.w.T, 0) @ network.a)

    plain = least = margin(x)
    delta = np.zeros_like(x)
    for _ in range(attacks if budget else 0):
        delta = _worst(((x + delta) @ network.w.T > 0) * network.a @ network.w, y, budget)
        least = np.minimum(least, margin(x + delta))
    return plain, least


def _worst(gradients: Array, y: Array, budget: float) -> Array:
    """The perturbations (n, k) of length `budget` against gradients of f (n, k) at points with labels y (n,)."""
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    return -budget * y[:, None] * gradients / np.where(lengths > 0, lengths, 1.0)
