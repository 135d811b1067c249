"""Exact Gaussian-process regression against scikit-learn, SciPy's normal density and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from benign.theory.regression.gaussian_process import condition, expected_evidence, squared_exponential

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((30, 3)), RNG.choice([-1.0, 1.0], 30)
KERNEL = squared_exponential(X, X, 1.5)


def test_the_evidence_is_the_normal_log_density() -> None:
    expected = multivariate_normal(np.zeros(30), KERNEL + 0.1 * np.eye(30)).logpdf(Y)
    assert condition(KERNEL, Y, 0.1).log_marginal_likelihood == pytest.approx(expected)


def test_mean_and_evidence_are_those_of_scikit_learn() -> None:
    other = GaussianProcessRegressor(RBF(1.5, "fixed"), alpha=0.1, optimizer=None).fit(X, Y)
    fresh = RNG.standard_normal((7, 3))
    posterior = condition(KERNEL, Y, 0.1)
    assert posterior.mean(squared_exponential(fresh, X, 1.5)) == pytest.approx(other.predict(fresh))
    assert posterior.log_marginal_likelihood == pytest.approx(other.log_marginal_likelihood_value_)


def test_the_expected_evidence_is_the_mean_over_flips_and_linear_in_the_square() -> None:
    rng = np.random.default_rng(1)
    flips = np.where(rng.random((4000, 30)) < 0.2, -1, 1)
    values = [condition(KERNEL, Y * flip, 0.1).log_marginal_likelihood for flip in flips]
    found = expected_evidence(KERNEL, Y, 0.1, 0.2)
    assert found == pytest.approx(np.mean(values), abs=4 * np.std(values) / 4000**0.5)
    ends = [expected_evidence(KERNEL, Y, 0.1, p) for p in (0.0, 0.5)]
    assert found == pytest.approx(ends[1] + 0.6**2 * (ends[0] - ends[1]))
