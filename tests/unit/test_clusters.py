"""The noisy clusters: both ways of drawing them have the same law, and impossible settings are refused."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from scipy import stats

from benign.data import clusters


def gram_statistics(x: np.ndarray) -> tuple[float, ...]:
    gram = x @ x.T
    return (gram[0, 0], gram[0, 1], gram[1, 2], gram[-1, -1], gram[0, -1], float(np.linalg.eigvalsh(gram)[-1]))


@pytest.mark.parametrize("d", [5, 12, 40])
def test_in_law_and_dense_points_have_the_same_gram_matrices(d):
    """Inner products among points, initial weights, μ and fresh points decide everything; their laws must agree."""
    n, half, signal, repeats = 4, 3, 2.0, 3000
    labels = clusters.Labels(np.array([1.0, -1.0, 1.0, 1.0]), np.ones(4))
    fresh = clusters.Labels(np.array([-1.0]), np.ones(1))
    rng = np.random.default_rng(0)
    k = clusters.subspace_dimension(d, n + half)
    reduced, full = [], []
    for _ in range(repeats):
        x = clusters.points_in_law(labels, d, signal, k, rng)
        w = clusters.noise_in_law(d, n, half, k, rng)
        z = clusters.fresh_points_in_law(fresh, signal, k, rng)
        reduced.append(
            gram_statistics(np.vstack([signal * np.eye(1, k), x, w, z])[:-1])
            + tuple((np.vstack([x, w]) @ z.T)[[0, -1], 0])
        )
        mean = signal * np.eye(1, d)[0]
        x, z = clusters.dense(labels, mean, "gaussian", rng), clusters.dense(fresh, mean, "gaussian", rng)
        w = rng.standard_normal((half, d))
        full.append(gram_statistics(np.vstack([mean, x, w])) + tuple((np.vstack([x, w]) @ z.T)[[0, -1], 0]))
    for a, b in zip(np.transpose(reduced), np.transpose(full), strict=True):
        assert stats.ks_2samp(a, b).pvalue > 1e-4


def test_a_block_of_the_sequence_can_be_drawn_alone():
    """Rows n … of the sequence have zeros exactly where later vectors bring new directions."""
    rows = clusters.noise_in_law(100, 3, 4, 8, np.random.default_rng(0))
    assert [np.flatnonzero(row).max() for row in rows] == [4, 5, 6, 7]
    assert (rows[:, 0] != 0).all()


def test_the_cost_of_a_draw_does_not_know_d():
    labels = clusters.draw_labels(20, 0.1, np.random.default_rng(1))
    x = clusters.points_in_law(labels, 10**12, 50.0, 21, np.random.default_rng(2))
    assert np.allclose((x**2).sum(1), 10**12, rtol=1e-4)


def test_labels_are_flipped_at_the_rate_and_higher_rates_flip_more_of_the_same():
    flips = []
    for rate in (0.0, 0.1, 0.3):
        labels = clusters.draw_labels(20_000, rate, np.random.default_rng(7))
        flips.append(labels.clean != labels.observed)
        assert abs(flips[-1].mean() - rate) < 0.01
    assert (flips[2] | ~flips[1]).all()


@pytest.mark.parametrize("noise", get_args(clusters.Noise))
def test_noise_has_mean_zero_and_unit_variance(noise):
    xi = clusters.unit_noise(noise, (400_000,), np.random.default_rng(3))
    assert abs(xi.mean()) < 0.02
    assert abs(np.mean(np.minimum(xi**2, 400)) - 1) < 0.05


@pytest.mark.parametrize(
    ("n", "flip_rate", "message"), [(0, 0.1, "n=0"), (5, 0.6, r"flip_rate=0\.6"), (5, -0.1, r"flip_rate=-0\.1")]
)
def test_impossible_settings_are_refused_by_name(n, flip_rate, message):
    with pytest.raises(ValueError, match=message):
        clusters.draw_labels(n, flip_rate, np.random.default_rng(0))


def test_an_unknown_noise_law_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="student_t"):
        clusters.unit_noise("cauchy", (3,), np.random.default_rng(0))
