"""Noise and flips outside the theorem's assumptions keep the moments and counts that they promise."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from benign.data import departures


@pytest.mark.parametrize(
    ("noise", "tail"), [("student_t", 5.0), ("student_t", 3.0), ("sparse_rademacher", 1.0), ("sparse_rademacher", 0.01)]
)
def test_heavy_tailed_noise_has_mean_0_and_variance_1(noise, tail):
    z = departures.heavy_tailed(noise, tail, (1_000_000,), np.random.default_rng(0))
    assert z.mean() == pytest.approx(0, abs=0.01)
    assert z.var() == pytest.approx(1, abs=0.06)


def test_impossible_tails_covariances_and_flips_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"tail=2\.0"):
        departures.heavy_tailed("student_t", 2.0, (3,), rng)
    with pytest.raises(ValueError, match=r"correlation=1\.0"):
        departures.spectrum("ar1", 1.0, 10)
    with pytest.raises(ValueError, match="flips='random'"):
        departures.flip_exactly("random", np.ones((2, 1)), np.ones(2), np.ones(1), 0.5, rng)


@pytest.mark.parametrize("covariance", get_args(departures.Covariance))
def test_every_spectrum_keeps_the_trace(covariance):
    assert departures.spectrum(covariance, 0.7, 300).sum() == pytest.approx(300)


def test_the_ring_s_covariance_is_that_of_an_autoregression():
    values = departures.spectrum("ar1", 0.6, 400)
    row = np.fft.ifft(values).real
    np.testing.assert_allclose(row[:20], 0.6 ** np.arange(20), atol=1e-9)


def test_fresh_points_drawn_in_the_subspace_have_the_projected_covariance():
    rng = np.random.default_rng(1)
    values = departures.spectrum("power_law", 0.5, 40)
    q = np.linalg.qr(rng.standard_normal((40, 3)))[0]
    mean = np.full(40, 0.5)
    x = departures.fresh_correlated_points(np.ones(200_000), mean, values, q, rng)
    np.testing.assert_allclose(x.mean(0), mean @ q, atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), q.T @ np.diag(values) @ q, atol=0.05)


@pytest.mark.parametrize("flips", ["exact", "one_class", "worst"])
def test_exactly_the_rounded_down_share_of_labels_is_flipped(flips):
    rng = np.random.default_rng(2)
    clean = rng.choice([-1.0, 1.0], 50)
    x, mean = rng.standard_normal((50, 80)), np.eye(1, 80)[0]
    observed = departures.flip_exactly(flips, x, clean, mean, 0.13, rng)
    flipped = observed != clean
    assert flipped.sum() == 6
    if flips == "one_class":
        assert (clean[flipped] == 1).all()


def test_the_greedy_flips_hurt_the_averaging_predictor_more_than_any_of_many_random_choices():
    rng = np.random.default_rng(3)
    clean = rng.choice([-1.0, 1.0], 40)
    mean = 3.0 * np.eye(1, 200)[0]
    x = clean[:, None] * mean + rng.standard_normal((40, 200))

    def rho(observed):
        v = observed @ x
        return v @ mean / np.linalg.norm(v)

    worst = rho(departures.worst_flips(x, clean, mean, 4))
    assert worst < min(rho(departures.flip_exactly("exact", x, clean, mean, 0.1, rng)) for _ in range(500))
