"""Kernels of networks that are DAGs, at infinite width in closed form, beside what Chen, Huang, Wang (2023) state.

Node 0 is the stem's output. In units in which a linear edge is ρ(h) = √(2/m)·ReLU(Wh), W ~ N(0, I) [S]. Derivations,
and why the paper's sums over paths differ from the kernels: docs/theory/no_free_lunch.md. Letters: f, f' of the paper,
P paths, d_p linear edges on path p, K the kernel of node 0, m the width.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from benign.nets.dag import LAST, Edge, edges, path_depths

Floats = NDArray[np.float64]
Counts = collections.Counter[Hashable]


class Layer(NamedTuple):
    """ReLU(g)·√2 for g Gaussian with some kernel: its second moments, its slopes' second moments, and its mean."""

    moments: Floats  # (n, n)
    slopes: Floats  # (n, n)
    mean: Floats  # (n,)


class Kernels(NamedTuple):
    """Of one DAG on n inputs, each (n, n).

    nngp: of the last node; tangent: of the linear edges and the readout, as in the paper's theory; stem: what the
    stem's weights add to it, per unit of input/width; gradient: of the output's derivative by node 0
    """

    nngp: Floats
    tangent: Floats
    stem: Floats
    gradient: Floats


def f(c: Floats) -> Floats:
    """The paper's f: correlation after a linear edge, (2c·asin c + 2√(1-c²) + πc)/2π."""
    c = np.clip(c, -1, 1)
    return (2 * c * np.arcsin(c) + 2 * np.sqrt(1 - c**2) + np.pi * c) / (2 * np.pi)


def f_prime(c: Floats) -> Floats:
    """Its derivative, 1/2 + asin(c)/π."""
    return 0.5 + np.arcsin(np.clip(c, -1, 1)) / np.pi


def layer(kernel: Floats) -> Layer:
    """What a linear edge makes of a node with this kernel (n, n)."""
    lengths = np.sqrt(np.diag(kernel))
    both = lengths[:, None] * lengths
    correlation = kernel / both
    np.fill_diagonal(correlation, 1.0)  # exactly: next to 1 arcsin loses half of the digits
    return Layer(both * f(correlation), f_prime(correlation), lengths / math.sqrt(math.pi))


def kernels(text: str, x: Floats) -> Kernels:
    """The kernels of a DAG that has a path, on inputs x (n, d), exact as the width goes to infinity."""
    inputs = x @ x.T
    stem = layer(inputs)
    outputs: dict[Hashable, Layer] = {"stem": stem}
    nodes: dict[int, Counts] = {0: collections.Counter(["stem"])}
    kernel = {0: stem.moments}
    for node in range(1, LAST + 1):
        nodes[node] = collections.Counter()
        for edge in _into(text, node):
            if edge.linear:
                outputs[edge] = layer(kernel[edge.source])
            nodes[node].update(collections.Counter([edge]) if edge.linear else nodes[edge.source])
        if nodes[node]:
            kernel[node] = _of_node(nodes[node], outputs)
    back, backward = _backward(text, outputs, len(x))
    tangent = kernel[LAST] + sum(back[edge] * kernel[edge.source] for edge in edges(text) if edge.linear)
    return Kernels(kernel[LAST], tangent, stem.slopes * backward * inputs, backward)


def _into(text: str, node: int) -> list[Edge]:
    return [edge for edge in edges(text) if edge.target == node]


def _of_node(counts: Counts, outputs: dict[Hashable, Layer]) -> Floats:
    """A node's kernel. It is Σ c·(output) over edges with their own weights, so independent; their means are not 0."""
    mean = sum(count * outputs[name].mean for name, count in counts.items())
    spread = sum(
        count**2 * (outputs[name].moments - np.outer(outputs[name].mean, outputs[name].mean))
        for name, count in counts.items()
    )
    return np.asarray(spread + np.outer(mean, mean))


def _backward(text: str, outputs: dict[Hashable, Layer], n: int) -> tuple[dict[Hashable, Floats], Floats]:
    """Second moments of the derivatives by each linear edge's preactivations, and by node 0: all have mean 0."""
    moments: dict[Hashable, Floats] = {"readout": np.ones((n, n))}
    nodes: dict[int, Counts] = {LAST: collections.Counter(["readout"])}
    for node in reversed(range(LAST)):
        nodes[node] = collections.Counter()
        for edge in (each for each in edges(text) if each.source == node):
            if edge.linear:
                moments[edge] = outputs[edge].slopes * _squares(nodes[edge.target], moments)
            nodes[node].update(collections.Counter([edge]) if edge.linear else nodes[edge.target])
    return moments, _squares(nodes[0], moments)


def _squares(counts: Counts, moments: dict[Hashable, Floats]) -> Floats:
    return np.asarray(sum(count**2 * moments[name] for name, count in counts.items()))


def least_eigenvalue(kernel: Floats) -> float:
    """λ_min of a symmetric kernel."""
    return float(np.linalg.eigvalsh(kernel)[0])


# ---------------------------------------------------------------- what the paper states


def nngp_bound(text: str, correlation: Floats) -> float:
    """min_{i≠j} [P - Σ_p f^{d_p}(K_ij)], Thm on the NNGP's least eigenvalue [S]; correlation: K, of unit diagonal."""
    return _least_apart(sum(1 - _iterate(correlation, d)[-1] for d in path_depths(text)), correlation)


def tangent_bound(text: str, correlation: Floats) -> float:
    """Thm 4.6 as printed [S]: min_{i≠j} [P - Σ_p f^{d_p}(K) + Σ_p d_p - Σ_p Σ_{e≤d_p} f^e(K) Π_{k≤e} f'^k(K)].

    f^k is f applied k times, f'^k [our reading] the derivative of its last application.
    """
    total = np.zeros_like(correlation)
    for d in path_depths(text):
        applied, slope = _iterate(correlation, d), np.ones_like(correlation)
        total += 1 - applied[-1]
        for e in range(1, d + 1):
            slope = slope * f_prime(applied[e - 1])
            total += 1 - applied[e] * slope
    return _least_apart(total, correlation)


def jacobian_claimed(text: str, width: int) -> float:
    """Thm 4.1 [S]: E‖J‖ = C Σ_p exp(-5d_p/8m), C = Γ((m+1)/2)/(Γ(m/2)√(m/2))."""
    constant = math.exp(gammaln((width + 1) / 2) - gammaln(width / 2)) / math.sqrt(width / 2)
    return constant * sum(math.exp(-5 / 8 * d / width) for d in path_depths(text))


def _iterate(correlation: Floats, times: int) -> list[Floats]:
    found = [correlation]
    for _ in range(times):
        found.append(f(found[-1]))
    return found


def _least_apart(values: Floats | float, correlation: Floats) -> float:
    """The least value of two different points, 0 where there is no path."""
    apart = ~np.eye(len(correlation), dtype=bool)
    return float(np.broadcast_to(values, correlation.shape)[apart].min())
