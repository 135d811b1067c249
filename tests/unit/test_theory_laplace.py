"""Laplace's approximation: the Gauss-Newton matrix is the Hessian of linear logits, the evidence that of quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import softmax
from torch.nn.functional import cross_entropy

from benign.theory.regression.laplace import gauss_newton_eigenvalues, laplace_evidence


@pytest.mark.parametrize(("n", "features"), [(3, 20), (40, 4)])
def test_of_linear_logits_the_gauss_newton_matrix_is_the_hessian(n: int, features: int) -> None:
    rng, classes = np.random.default_rng(0), 3
    x, y = torch.tensor(rng.standard_normal((n, features))), torch.tensor(rng.integers(classes, size=n))
    weights = torch.tensor(rng.standard_normal(classes * features))

    def loss(flat: torch.Tensor) -> torch.Tensor:
        return cross_entropy(x @ flat.view(classes, features).T, y, reduction="sum")

    hessian = torch.autograd.functional.hessian(loss, weights).numpy()
    jacobian = np.einsum("cd,nf->ncdf", np.eye(classes), x.numpy()).reshape(n, classes, -1)
    probabilities = softmax(x.numpy() @ weights.numpy().reshape(classes, features).T, axis=1)
    found = gauss_newton_eigenvalues(jacobian, probabilities)
    assert len(found) == min(n * classes, classes * features)
    wanted = np.linalg.eigvalsh(hessian)[-len(found) :]
    np.testing.assert_allclose(found, np.maximum(wanted, 0), atol=1e-10)


def test_with_many_points_the_evidence_is_that_of_the_integral_over_the_parameter() -> None:
    """One weight w, two classes with logits 0 and wx: the integral over w is one of a single variable."""
    rng, alpha = np.random.default_rng(1), 0.5
    x = rng.standard_normal(200)
    y = rng.random(200) < 1 / (1 + np.exp(-0.7 * x))

    def log_likelihood(w: float) -> float:
        return -float(np.logaddexp(0, np.where(y, -w * x, w * x)).sum())

    places = np.linspace(0, 2, 200_001)[::20]
    mode = max(places, key=lambda w: log_likelihood(w) - alpha * w**2 / 2)
    top = log_likelihood(mode)
    prior = np.sqrt(alpha / (2 * np.pi))
    mass, _ = quad(lambda w: prior * np.exp(log_likelihood(w) - top - alpha * w**2 / 2), mode - 3, mode + 3)
    right = 1 / (1 + np.exp(-mode * x))
    jacobian = np.stack([0 * x, x], axis=1)[:, :, None]
    eigenvalues = gauss_newton_eigenvalues(jacobian, np.stack([1 - right, right], axis=1))
    assert laplace_evidence(top, mode**2, eigenvalues, alpha) == pytest.approx(top + np.log(mass), abs=0.02)


def test_without_curvature_the_evidence_is_the_likelihood_under_the_prior() -> None:
    assert laplace_evidence(-3.0, 2.0, np.zeros(4), 0.1) == pytest.approx(-3.1)
