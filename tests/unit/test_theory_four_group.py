"""The four-group recursion against trained networks, and its limits."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from benign.experiments.noisy_clusters.fit import networks
from benign.experiments.noisy_clusters.measure import measured
from benign.experiments.noisy_clusters.predict import step_size
from benign.experiments.noisy_clusters.setting import Ratios, Setting
from benign.study import Context
from benign.theory.mixture import four_group, two_group

STEPS = (1, 10, 100)


def settings(crowding: float, **changes: Any) -> list[Setting]:
    """A network of 60 points at r = crowding, after each of the STEPS."""
    point: dict[str, Any] = {
        "experiment": "single", "d": 60_000, "n": 60, "flip_rate": 0.1, "flips": "exact", "crowding": crowding,
        "activation": "leaky_relu", "slope": 0.1, "curvature": 1.0, "width": 120, "step_scale": 2.0, "start_ratio": 0.1,
        "budget_ratio": 0.3, "test_points": 500, "seed": 0,
    }  # fmt: skip
    (resolved,) = Ratios.resolve(point | changes)
    return [Setting(**resolved, steps=steps) for steps in STEPS]


def trained(chosen: list[Setting], study: str = "four_group_test") -> list[dict[str, Any]]:
    found = {network.setting.steps: measured(network) for network in networks(chosen, Context(study))}
    return [found[steps] for steps in STEPS]


def predicted(setting: Setting) -> four_group.Trajectory:
    return four_group.trajectory(
        four_group.sizes(setting.n, setting.flip_rate),
        setting.d,
        setting.signal,
        setting.slope,
        setting.train_budget,
        step_size(setting),
        max(STEPS),
    )


@pytest.mark.parametrize("crowding", [0.3, 1.0, 4.0])
def test_rho_is_that_of_trained_networks_at_every_r(crowding):
    chosen = settings(crowding)
    course = predicted(chosen[-1]).rho
    found = np.array([row["rho"] for row in trained(chosen)])
    # Within 4 %: 60 points; how the six flips fall on the classes is left out.
    assert np.abs(course[[steps - 1 for steps in STEPS]] / found - 1).max() < 0.04


def test_wrong_labels_are_not_fitted_at_first_where_r_is_large():
    chosen = settings(8.0)
    course, found = predicted(chosen[-1]).robust_train_error, trained(chosen)
    assert course[9] == pytest.approx(0.1)
    assert found[1]["robust_train_error"] == pytest.approx(0.1)


def test_at_small_r_it_is_the_two_group_recursion_s_rho():
    setting = settings(0.05)[-1]
    law = {"n": setting.n, "d": setting.d, "signal": setting.signal, "flip_rate": 0.1, "slope": 0.1}
    other = two_group.trajectory(**law, budget=setting.budget, step_size=step_size(setting), steps=max(STEPS))
    assert predicted(setting).rho == pytest.approx(other.rho, rel=0.05)


def test_it_scales_with_d_as_universality_says():
    near, far = (settings(4.0, d=d)[-1] for d in (10**6, 10**12))
    assert predicted(near).rho / near.signal == pytest.approx(predicted(far).rho / far.signal, rel=1e-3)


def test_the_limit_network_has_the_course_of_a_network_in_many_dimensions():
    limit, network = (trained(settings(4.0, d=10**9, sampling=sampling)) for sampling in ("limit", "in_law"))
    for a, b in zip(limit, network, strict=True):
        assert a["rho"] == pytest.approx(b["rho"], rel=0.02)


def random_batch(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    n, d, r = rng.integers(2, 200, count), 10 ** rng.uniform(3, 8, count), 10 ** rng.uniform(-1, 1.2, count)
    signal = np.sqrt(r * d / n)
    return {
        "groups": np.array([four_group.sizes(n, 0.3 * rng.random()) for n in n]),
        "d": d, "signal": signal, "slope": rng.random(count), "step_size": 2 * n / (d + signal**2),
        "budget": signal * rng.random(count) * (rng.random(count) < 0.7),
    }  # fmt: skip


def test_each_setting_of_a_batch_has_the_course_that_it_has_alone():
    batch = random_batch(30)
    together = four_group.trajectory(**batch, steps=50)
    for i in range(30):
        alone = four_group.trajectory(**{name: values[i] for name, values in batch.items()}, steps=50)
        for found, one in zip(dataclasses.astuple(together), dataclasses.astuple(alone), strict=True):
            assert found.shape == (30, 50)
            np.testing.assert_allclose(found[i], one, rtol=1e-12)


def test_what_is_given_once_serves_all_settings_of_a_batch():
    grid = {"groups": four_group.sizes(100, 0.1), "d": 10_000, "slope": 0.1, "step_size": 0.01, "steps": 5}
    budgets, signals = np.array([0.0, 1.0]), np.array([4.0, 8.0, 12.0])
    found = four_group.trajectory(**grid, budget=budgets[:, None], signal=signals).rho
    assert found.shape == (2, 3, 5)
    for i, j in np.ndindex(2, 3):
        np.testing.assert_allclose(
            found[i, j], four_group.trajectory(**grid, budget=budgets[i], signal=signals[j]).rho, rtol=1e-12
        )


def test_a_sample_s_groups_are_counted_from_its_labels():
    true, observed = np.array([1, 1, 1, -1, -1, -1, -1, 1]), np.array([1, -1, 1, -1, -1, -1, 1, 1])
    assert four_group.sizes_of(true, observed).tolist() == [3, 1, 3, 1]


def test_a_group_without_points_has_no_say():
    """However it would be trained; n = 1 has three such groups, and a share of a point stands beside none."""
    alone = {"d": 100, "signal": 2.0, "slope": 0.1, "budget": 0.5, "step_size": 0.02, "steps": 300}
    course = four_group.trajectory(np.array([1.0, 0, 0, 0]), **alone)
    assert np.isfinite(course.rho).all()
    assert course.robust_train_error[-1] == 0
    assert np.isfinite(four_group.trajectory(four_group.sizes(4, 0.1), **alone).rho).all()


def test_what_leaves_the_numbers_range_is_nan_and_no_error():
    course = four_group.trajectory(np.array([45.0, 5, 45, 5]), 100, 1.0, 0.1, budget=1e200, step_size=1e200, steps=9)
    assert np.isnan(course.rho[-1])


@pytest.mark.parametrize("wrong", [{"d": 0}, {"slope": 1.5}, {"steps": 0}, {"signal": np.inf}])
def test_impossible_values_are_refused_by_name(wrong):
    values = {"d": 100, "signal": 2.0, "slope": 0.1, "budget": 0.5, "step_size": 0.1, "steps": 3} | wrong
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        four_group.trajectory(four_group.sizes(10, 0.1), **values)
    with pytest.raises(ValueError, match="groups="):
        four_group.trajectory(np.zeros(3), d=1, signal=1.0, slope=0.1, budget=0.0, step_size=0.1, steps=1)
    name, value = next(iter(wrong.items()))
    if name != "steps":  # one of a batch is found, and named
        values[name] = [{"d": 100, "slope": 0.1, "signal": 2.0}[name], value]
        with pytest.raises(ValueError, match=f"{name}={value:g} is impossible"):
            four_group.trajectory(four_group.sizes(10, 0.1), **values)
