"""The closed forms against simulated points, sampled data and solved max-margin problems."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from benign.theory.mixture import gaussian

Floats = NDArray[np.float64]


def mixture(
    generator: np.random.Generator, n: int, d: int, signal: float, flipped: int
) -> tuple[Floats, Floats, Floats]:
    """Points (n, d), observed labels (n,) of which the first `flipped` are wrong, mean (d,)."""
    mean = np.zeros(d)
    mean[0] = signal
    clean = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    observed = np.where(np.arange(n) < flipped, -clean, clean)
    return clean[:, None] * mean + generator.standard_normal((n, d)), observed, mean


@pytest.mark.parametrize("budget", [0.0, 0.7, 2.5])
def test_half_space_error_is_that_of_a_million_simulated_points(budget: float) -> None:
    generator, flip_rate = np.random.default_rng(0), 0.15
    mean, direction = np.array([1.0, -0.5, 2.0]), np.array([2.0, 0.3, 1.0])
    clean = generator.choice([-1.0, 1.0], 1_000_000)
    observed = np.where(generator.random(clean.size) < flip_rate, -clean, clean)
    points = clean[:, None] * mean + generator.standard_normal((clean.size, 3))
    attacked = points - budget * observed[:, None] * direction / np.linalg.norm(direction)
    simulated = np.mean(observed * (attacked @ direction) <= 0)
    rho = mean @ direction / np.linalg.norm(direction)
    predicted = gaussian.half_space_error(budget, rho, flip_rate)
    assert abs(simulated - predicted) < 5 * np.sqrt(predicted * (1 - predicted) / clean.size)


def test_at_budget_zero_with_clean_labels_the_error_is_the_gaussian_tail() -> None:
    assert gaussian.half_space_error(0.0, 3.0) == pytest.approx(norm.sf(3.0), rel=1e-12)


def best_one_dimensional_risk(budget: float, signal: float, flip_rate: float, spacing: float) -> float:
    """Least robust error of ALL classifiers of the mixture's first coordinate on a grid, by dynamic programming.

    A classifier is robustly right on C₊ (for label +) and C₋, which lie at least 2·budget apart; the best pair
    collects the most probability. One pass over the grid, remembering the label last collected, finds it.
    """
    grid = np.arange(-signal - 7, signal + 7, spacing)
    up, down = norm.pdf(grid - signal) * spacing, norm.pdf(grid + signal) * spacing
    gain = {+1: (1 - flip_rate) * up + flip_rate * down, -1: (1 - flip_rate) * down + flip_rate * up}
    gap = max(1, round(2 * budget / spacing))
    best = {+1: np.zeros(grid.size), -1: np.zeros(grid.size)}
    for i in range(grid.size):
        for label in (+1, -1):
            stay = best[label][i - 1] if i else 0.0
            switch = best[-label][i - gap] if i >= gap else 0.0
            best[label][i] = gain[label][i] + max(stay, switch)
    return 1 - max(best[+1][-1], best[-1][-1]) / 2


@pytest.mark.parametrize("budget", [0.0, 0.5, 1.0, 1.3, 1.5, 2.0])
@pytest.mark.parametrize("flip_rate", [0.0, 0.1, 0.3])
def test_the_floor_is_the_best_over_all_classifiers(budget: float, flip_rate: float) -> None:
    searched = best_one_dimensional_risk(budget, 1.5, flip_rate, spacing=0.005)
    assert gaussian.robust_floor(budget, 1.5, flip_rate) == pytest.approx(searched, abs=0.002)


def test_no_half_space_with_any_direction_or_bias_beats_the_floor() -> None:
    signal, flip_rate = 2.0, 0.2
    budget, rho, bias = np.meshgrid(np.linspace(0, 4, 21), np.linspace(-2, 2, 21), np.linspace(-9, 9, 37))
    positive = (1 - flip_rate) * norm.cdf(budget - rho - bias) + flip_rate * norm.cdf(budget + rho - bias)
    negative = (1 - flip_rate) * norm.cdf(budget - rho + bias) + flip_rate * norm.cdf(budget + rho + bias)
    floor = gaussian.robust_floor(budget, signal, flip_rate)
    assert np.all((positive + negative) / 2 >= floor - 1e-12)


def test_the_floor_is_one_half_from_the_signal_on_and_with_flips_a_little_earlier() -> None:
    assert np.all(gaussian.robust_floor([2.0, 3.0, 50.0], 2.0, [[0.0], [0.1]]) == 0.5)
    assert gaussian.robust_floor(1.99, 2.0, 0.0) < 0.5
    assert gaussian.robust_floor(1.99, 2.0, 0.1) == 0.5
    assert gaussian.robust_floor(1.0, 2.0) == pytest.approx(norm.cdf(-1.0))


def test_averaging_rho_is_that_of_sampled_averages() -> None:
    n, d, signal, flipped = 50, 2000, 4.0, 5
    sampled = []
    for seed in range(30):
        points, labels, mean = mixture(np.random.default_rng(seed), n, d, signal, flipped)
        average = labels @ points
        sampled.append(mean @ average / np.linalg.norm(average))
    error = np.std(sampled, ddof=1) / np.sqrt(len(sampled))
    assert abs(np.mean(sampled) - gaussian.averaging_rho(n, d, signal, flipped / n)) < 4 * error + 0.01


@pytest.mark.parametrize("slope", [1.0, 0.5, 0.0])
def test_max_margin_rho_is_that_of_solved_max_margin_problems(slope: float) -> None:
    """The hard-margin dual on sampled points; at slope 1 it is the linear support vector machine's."""
    n, d, signal, flipped = 60, 20_000, 12.0, 6
    sampled = []
    for seed in range(6):
        points, labels, mean = mixture(np.random.default_rng(seed), n, d, signal, flipped)
        same = np.equal.outer(labels, labels)
        gram = np.where(same, 1 + slope**2, 2 * slope) * np.outer(labels, labels) * (points @ points.T) / 2
        weights = np.linalg.solve(gram, np.ones(n))
        assert np.all(weights > 0), "KKT: every multiplier is positive and every margin 1, so this is the optimum"
        normal = (weights * labels) @ points
        sampled.append(mean @ normal / np.linalg.norm(normal))
    predicted = gaussian.max_margin_rho(n, d, signal, flipped / n, slope)
    assert np.mean(sampled) == pytest.approx(predicted, rel=0.03)
    assert predicted < 0.95 * gaussian.averaging_rho(n, d, signal, flipped / n), "the problem tells the two apart"


def test_signal_coupling_is_one_for_linear_networks_and_one_half_for_relu() -> None:
    assert gaussian.signal_coupling([1.0, 0.0]).tolist() == [1.0, 0.5]


def test_forms_broadcast_and_stay_exact_at_a_billion_dimensions() -> None:
    rho = gaussian.averaging_rho(100, np.array([10**3, 10**9]), np.array([[1.0], [100.0]]), 0.1)
    assert rho.shape == (2, 2)
    assert rho[1, 1] == pytest.approx(0.8 * 100 * 1e4 / np.sqrt(1e11 + (0.8 * 100 * 100) ** 2))


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: gaussian.half_space_error(-1.0, 2.0), "budget"),
        (lambda: gaussian.half_space_error(1.0, 2.0, 0.6), "flip_rate"),
        (lambda: gaussian.robust_floor(1.0, float("nan")), "signal"),
        (lambda: gaussian.averaging_rho(0, 100, 1.0, 0.1), "n="),
        (lambda: gaussian.max_margin_rho(10, 100, 1.0, 0.1, slope=2.0), "slope"),
    ],
)
def test_impossible_values_are_errors_that_name_the_field(call: Callable[[], object], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        call()
