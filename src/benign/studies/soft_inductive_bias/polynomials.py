"""Polynomials with a penalty that grows with the order: as flexible as wished, softly biased towards simple ones.

Minimised is ‖y - Φw‖² + λ Σ_j γ^j w_j² [3P] in the Legendre basis of [-1, 1] (basis, γ and λ [ours]); λ = 0 is the
least squares solution of least norm. With y's noise variance as λ it is the posterior mean under w_j ~ N(0, γ^-j).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from benign import seeds
from benign.studies.soft_inductive_bias.grid import Cell
from benign.study import Context

Floats = NDArray[np.float64]
GRID = np.linspace(-1, 1, 513)


def truth(target: str, x: Floats) -> Floats:
    """What is to be found: a parabola, one and a half periods of a cosine, or nothing [ours]."""
    return {"simple": x**2 - x / 2, "structured": np.cos(1.5 * np.pi * x), "noise": np.zeros_like(x)}[target]


def fit(x: Floats, y: Floats, order: int, penalty: float, growth: float) -> Floats:
    """Legendre coefficients (order + 1,) of the penalised fit to points x, y (n,)."""
    design = legendre.legvander(x, order)  # (n, order + 1)
    if penalty == 0:
        return np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], float)
    # Scaled by γ^(-j/2) the penalty is a plain ridge, and the powers of γ stay out of the singular values.
    scale = growth ** (-np.arange(order + 1) / 2)
    u, s, vt = np.linalg.svd(design * scale, full_matrices=False)
    return scale * (vt.T @ (s / (s**2 + penalty) * (u.T @ y)))


def sample(cell: Cell, context: Context) -> tuple[Floats, Floats]:
    """Places and observations, (n,) each: evenly spaced for a curve that is drawn, else uniform on [-1, 1]."""
    rng = seeds.generator(context.study, "polynomial", cell.seed, n=cell.n)
    uniform, noise = rng.uniform(-1, 1, cell.n), rng.standard_normal(cell.n)
    x = np.linspace(-1, 1, cell.n) if cell.experiment == "curve" else uniform
    return x, truth(cell.target, x) + cell.noise * noise


def measure(cell: Cell, context: Context) -> dict[str, Any]:
    """Root-mean-square error against the observations, and against the truth on [-1, 1]; or one point of the curve."""
    x, y = sample(cell, context)
    coefficients = fit(x, y, cell.order, cell.penalty, cell.growth)
    if cell.experiment == "curve":
        return _at(cell, x, y, coefficients)
    train = legendre.legval(x, coefficients) - y
    test = legendre.legval(GRID, coefficients) - truth(cell.target, GRID)
    return {"train_rmse": _rms(train), "test_rmse": _rms(test)}


def _at(cell: Cell, x: Floats, y: Floats, coefficients: Floats) -> dict[str, Any]:
    place = 2 * cell.position - 1
    nearest = int(np.abs(x - place).argmin())
    observed = float(y[nearest]) if abs(x[nearest] - place) < 1e-6 else None
    true = float(truth(cell.target, np.array([place]))[0])
    return {"place": place, "fitted": float(legendre.legval(place, coefficients)), "truth": true, "observed": observed}


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
