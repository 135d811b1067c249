"""Min-norm regression: variance and bias of one sample, exact over noise and test points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benign import seeds
from benign.studies.statistical_viewpoint.grid import Cell
from benign.theory.regression import min_norm

Floats = NDArray[np.float64]
LEVELS = (1, 3, 10, 30, 100, 300, 1000)  # at which the tail of the variance is measured, in units of n


def on_a_spectrum(cell: Cell, study: str) -> dict[str, Any]:
    """Variance and bias of one sample with the cell's spectrum, with what effective ranks say of them."""
    values = cell.eigenvalues
    rng = seeds.generator(study, "points", cell.seed, n=cell.n, p=cell.p)  # the same normals for each spectrum
    x = rng.standard_normal((cell.n, cell.p)) * np.sqrt(values)  # (n, p)
    variance, bias = errors_of(x, values)
    ranks = min_norm.effective_ranks(values)
    index = min_norm.critical_index(values, cell.n)
    first = np.append(1.0, np.zeros(cell.p - 1))
    return {
        "variance": variance,
        "bias": bias,
        "r_0": float(ranks[0][0]),
        "critical_index": -1 if index is None else index,
        "tail_rank": float(ranks[1][index]) if index is not None else 0.0,
        "leading_variance": min_norm.leading_variance(values, cell.n),
        "predicted_variance": min_norm.deterministic_variance(values, cell.n),
        "predicted_bias": min_norm.deterministic_bias(values, cell.n, first),
    }


def errors_of(x: Floats, eigenvalues: Floats) -> tuple[float, float]:
    """(variance, bias) of the min-norm interpolant on x (n, p), p > n, for θ = the first eigenvector.

    variance = tr(X⁺ᵀΣX⁺), bias = ‖Σ^½(I - X⁺X)θ‖². X⁺ is formed, for G⁻¹(XΣXᵀ)G⁻¹ with G = XXᵀ loses all digits where
    eigenvalues spread over ten decades.
    """
    inverse = np.linalg.solve(x @ x.T, x)  # (n, p), the transpose of X⁺
    missed = -(x[:, 0] @ inverse)  # -(X⁺X)θ
    missed[0] += 1
    return float((inverse**2 @ eigenvalues).sum()), float(missed**2 @ eigenvalues)


def isotropic(cell: Cell, study: str) -> dict[str, Any]:
    """Mean, standard error and quantiles over `trials` samples with Σ = I, of variance and of bias for ‖θ‖ = 1."""
    variances, biases = np.empty(cell.trials), np.empty(cell.trials)
    rng = seeds.generator(study, "isotropic", cell.seed, n=cell.n, p=cell.p)
    for trial in range(cell.trials):
        x = rng.standard_normal((cell.n, cell.p))
        variances[trial] = (np.linalg.svd(x, compute_uv=False) ** -2.0).sum()
        # Bias is the missed share of θ: θ's direction is uniform, so the first axis will do.
        biases[trial] = 1 - x[:, 0] @ np.linalg.solve(x @ x.T, x[:, 0]) if cell.p > cell.n else 0.0
    return {
        "variance": float(variances.mean()),
        "variance_error": float(variances.std(ddof=1) / cell.trials**0.5) if cell.trials > 1 else 0.0,
        "variance_median": float(np.median(variances)),
        "bias": float(biases.mean()),
        "bias_error": float(biases.std(ddof=1) / cell.trials**0.5) if cell.trials > 1 else 0.0,
        **{f"share_beyond_{level}n": float((variances > level * cell.n).mean()) for level in LEVELS},
        "predicted_variance": float(min_norm.isotropic_variance(cell.n, cell.p)),
        "predicted_bias": float(min_norm.isotropic_bias(cell.n, cell.p)),
    }
