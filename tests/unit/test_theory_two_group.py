"""The two-group recursion against its two ends and against gradient descent on a small network."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benign.theory.mixture import gaussian
from benign.theory.mixture.two_group import trajectory

N, D, SIGNAL, FLIPPED, WIDTH = 40, 4000, 8.0, 4, 50
STEP = N / (D + SIGNAL**2)
MARKS = (1, 3, 10, 30, 100)


def gradient_descent(slope: float, budget: float, seed: int) -> list[tuple[float, float]]:
    """(ρ, robust training loss) at MARKS of a leaky ReLU network trained in R^d, exact inner maximum, float64."""
    generator = np.random.default_rng(seed)
    clean = np.where(np.arange(N) % 2 == 0, 1.0, -1.0)
    y = np.where(np.arange(N) < FLIPPED, -clean, clean)
    mean = np.zeros(D)
    mean[0] = SIGNAL
    x = clean[:, None] * mean + generator.standard_normal((N, D))
    half = generator.standard_normal((WIDTH // 2, D)) * 1e-3 / math.sqrt(D)
    w, a = np.vstack([half, half]), np.repeat([1.0, -1.0], WIDTH // 2) / math.sqrt(WIDTH)
    delta = np.zeros_like(x)

    def slopes(points: np.ndarray) -> np.ndarray:
        return np.where(points @ w.T > 0, 1.0, slope)

    def attack(delta: np.ndarray, rounds: int) -> np.ndarray:
        for _ in range(rounds if budget > 0 else 0):
            ascent = -y[:, None] * ((slopes(x + delta) * a) @ w)
            length = np.linalg.norm(ascent, axis=1, keepdims=True)
            # f(·; W₀) = 0, so that there is nothing to attack at first: normalising rounding errors would invent it.
            delta = np.where(length > 1e-12, budget * ascent / np.maximum(length, 1e-12), 0.0)
        return delta

    test = generator.choice([-1.0, 1.0], 200)[:, None] * mean + generator.standard_normal((200, D))
    seen = []
    for t in range(1, max(MARKS) + 1):
        delta = attack(delta, 2)
        phi = slopes(x + delta)
        margin = y * (((x + delta) @ w.T * phi) @ a)
        w = w + STEP / N * ((y / (1 + np.exp(margin)))[:, None] * phi * a).T @ (x + delta)
        if t in MARKS:
            attacked = x + attack(delta, 5)
            loss = np.mean(np.logaddexp(0, -y * ((attacked @ w.T * slopes(attacked)) @ a)))
            normal = ((slopes(test) * a) @ w).mean(axis=0)
            seen.append((float(mean @ normal / np.linalg.norm(normal)), float(loss)))
    return seen


@pytest.mark.parametrize(("slope", "budget"), [(0.5, 0.0), (0.5, 4.0), (1.0, 4.0), (0.1, 2.0)])
def test_the_recursion_follows_gradient_descent_on_a_small_network(slope: float, budget: float) -> None:
    """ρ within 6 % and robust training loss within 10 % at every mark: the spread of two samples at n = 40."""
    trained = np.mean([gradient_descent(slope, budget, seed) for seed in range(2)], axis=0)
    predicted = trajectory(N, D, SIGNAL, FLIPPED / N, slope, budget, STEP, max(MARKS))
    at = np.array(MARKS) - 1
    assert predicted.rho[at] == pytest.approx(trained[:, 0], rel=0.06)
    assert predicted.robust_train_loss[at] == pytest.approx(trained[:, 1], rel=0.10)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_it_starts_at_the_averaging_predictor(slope: float) -> None:
    first = trajectory(100, 10_000, 8.0, 0.1, slope, 2.0, 0.01, 1)
    assert first.rho[0] == pytest.approx(gaussian.averaging_rho(100, 10_000, 8.0, 0.1))
    assert first.lambda_c[0] == first.lambda_f[0] == 0.01 / 100 / 2


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_ordinary_training_tends_towards_the_max_margin_predictor(slope: float) -> None:
    rho = trajectory(100, 10_000, 8.0, 0.1, slope, 0.0, 0.03, 100_000).rho
    distance = np.abs(rho[[0, 9, 99, 999, 9_999, 99_999]] - gaussian.max_margin_rho(100, 10_000, 8.0, 0.1, slope))
    assert np.all(np.diff(distance) < 0)
    assert distance[-1] < 0.2 * distance[0]


def test_linear_adversarial_training_tends_towards_the_same_direction_at_every_budget() -> None:
    limits = [trajectory(100, 10_000, 8.0, 0.1, 1.0, budget, 0.03, 30_000).rho[-1] for budget in (0.0, 2.0, 5.0)]
    assert limits == pytest.approx([gaussian.max_margin_rho(100, 10_000, 8.0, 0.1)] * 3, rel=0.02)


def test_where_no_margin_survives_the_budget_the_loss_stays_near_log_two() -> None:
    """Every robust margin is negative (α > √(d/n)): gradient descent keeps the weights small, not large."""
    loss = trajectory(100, 1_000, 1.0, 0.1, 1.0, 6.0, 0.005, 1_000).robust_train_loss
    assert loss[-1] == pytest.approx(math.log(2), abs=0.05)


def test_without_flips_clean_points_stand_alone_and_rho_never_leaves_the_averaging_value() -> None:
    rho = trajectory(100, 10_000, 8.0, 0.0, 0.5, 2.0, 0.01, 50).rho
    assert rho == pytest.approx(np.full(50, gaussian.averaging_rho(100, 10_000, 8.0, 0.0)))


def test_huge_steps_and_dimensions_do_not_overflow() -> None:
    for slope, budget in ((0.0, 0.0), (0.5, 3.0), (1.0, 1e4)):
        record = trajectory(100, 10**9, 1e3, 0.1, slope, budget, 1e6, 50)
        assert np.all(np.isfinite([record.robust_train_loss, record.lambda_c, record.lambda_f]))


def test_a_prefix_of_a_longer_run_is_the_shorter_run() -> None:
    long, short = (trajectory(100, 10_000, 8.0, 0.1, 0.1, 2.0, 0.01, steps) for steps in (30, 10))
    assert np.array_equal(long.rho[:10], short.rho)
    assert short.robust_train_loss.shape == (10,)


@pytest.mark.parametrize(
    ("field", "value"),
    [("n", 0), ("d", 0), ("signal", -1.0), ("flip_rate", 0.6), ("slope", 1.5), ("budget", -1.0), ("steps", 0)],
)
def test_impossible_values_are_errors_that_name_the_field(field: str, value: float) -> None:
    setting = {
        "n": 10,
        "d": 100,
        "signal": 1.0,
        "flip_rate": 0.1,
        "slope": 0.5,
        "budget": 0.1,
        "step_size": 0.1,
        "steps": 5,
    }
    with pytest.raises(ValueError, match=field):
        trajectory(**{**setting, field: value})  # type: ignore[arg-type]
