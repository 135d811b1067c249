"""Every assumption can hold and can fail, and the regime is made of exactly the right ones."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from benign.experiments.noisy_clusters.columns import Predicted
from benign.theory.mixture import assumptions

D = 400_000
REGIME: dict[str, Any] = {
    "n": 100,
    "d": D,
    "signal": 14.0,
    "flip_rate": 0.1,
    "budget": 1.0,
    "step_size": 100 / (D + 14.0**2),
    "init_scale": 1e-3,
    "width": 1000,
    "curvature": 1.0,
}
# Where the list for kinks holds at C = 5 as well: more signal, which asks for more dimensions.
KINKS = REGIME | {"d": 40_000_000, "signal": 277.0, "step_size": 100 / 4e7, "curvature": math.inf}
LITERAL = KINKS | {"step_size": 1e-16, "init_scale": 1e-18}
BREAKS: dict[str, dict[str, Any]] = {
    "sample_size": {"n": 10},
    "dimension": {"d": 100_000},
    "signal": {"signal": 5.0},
    "flip_rate": {"flip_rate": 0.3},
    "test_signal": {"signal": 10.0},
    "budget": {"budget": 1.5},
    "step": {"step_size": 4 * 100 / D},
    "initialisation": {"init_scale": 0.1},
    "sample_size_xu": {"width": 10**8},
    "width_xu": {"width": 30},
    "dimension_xu": {"d": 500_000, "signal": 24.0},
    "signal_xu": {"signal": 260.0},
    "step_literal": {"step_size": 1.3e-16},
    "initialisation_literal": {"init_scale": 1e-17},
}


def holding(name: str) -> dict[str, Any]:
    return REGIME if name in assumptions.FREI + assumptions.OURS else LITERAL


def test_every_assumption_is_described_with_its_source() -> None:
    assert list(assumptions.DESCRIPTIONS) == list(assumptions.check(**REGIME)) == list(BREAKS)
    for name, text in assumptions.DESCRIPTIONS.items():
        tags = {"frei": assumptions.FREI, "xu": assumptions.XU, "ours": assumptions.OURS}
        named = re.findall(r"frei|xu|ours", re.findall(r"\[([a-z, ]+)\]\.$", text)[0])
        assert named == [tag for tag, names in tags.items() if name in names] or name.endswith("literal")


def test_every_assumption_is_a_column_of_the_tables() -> None:
    columns = {name.removeprefix("assumes_") for name in Predicted.model_fields if name.startswith("assumes_")}
    assert columns == set(assumptions.DESCRIPTIONS)


@pytest.mark.parametrize("name", BREAKS)
def test_each_assumption_can_hold_and_can_fail(name: str) -> None:
    assert assumptions.check(**holding(name))[name] is True
    assert assumptions.check(**holding(name) | BREAKS[name])[name] is False


def test_the_regime_is_the_smooth_theorem_s_list_with_our_step_start_and_budget() -> None:
    checks = assumptions.check(**REGIME)
    assert assumptions.in_regime(checks)
    for name in checks:
        assert assumptions.in_regime({**checks, name: False}) is (name not in assumptions.FREI + assumptions.OURS)
    for text in (assumptions.REGIME, assumptions.REGIME_SHORT):
        assert "C = 5" in text
        assert "step" in text


def test_there_are_settings_in_which_the_list_for_kinks_holds_at_the_same_constant() -> None:
    checks = assumptions.check(**KINKS)
    assert all(holds for name, holds in checks.items() if not name.endswith("literal"))


def test_the_step_that_is_trained_with_is_about_n_d_times_what_either_theorem_allows() -> None:
    at, name = KINKS | {"constant": 1.0}, "step_literal"
    largest = at["step_size"] / (at["n"] * at["d"])
    for curvature in (math.inf, 1.0):
        changed = at | {"curvature": curvature}
        assert assumptions.check(**changed | {"step_size": 0.99 * largest})[name]
        assert not assumptions.check(**changed | {"step_size": 1.01 * largest})[name]


@pytest.mark.parametrize("curvature", [1.0, math.inf])
@pytest.mark.parametrize("at", [REGIME, KINKS, REGIME | {"d": 10_000, "signal": 8.0}, REGIME | {"flip_rate": 0.0}])
def test_up_to_the_largest_constant_the_activation_s_list_holds_and_beyond_it_does_not(
    at: dict[str, Any], curvature: float
) -> None:
    at = at | {"curvature": curvature}
    law = {name: at[name] for name in ("n", "d", "signal", "flip_rate", "width", "curvature")}
    largest = assumptions.largest_constant(**law)
    names = assumptions.FREI if math.isfinite(curvature) else assumptions.XU
    for factor, expected in ((0.999, True), (1.001, False)):
        checks = assumptions.check(**at, constant=factor * largest)
        assert all(checks[name] for name in names) is expected


def test_the_list_for_kinks_does_not_hold_at_our_constant_where_the_regime_s_networks_are() -> None:
    """The regime's leaky ReLU networks satisfy the smooth theorem's list at C = 5, the other one's at C = .9 to 1.4."""
    law: dict[str, Any] = {"n": 100, "d": 500_000, "flip_rate": 0.1, "width": 1000}
    assert assumptions.largest_constant(**law, signal=16.0, curvature=10.0) == pytest.approx(6.578, abs=1e-3)
    for signal, largest in ((16.0, 0.918), (24.0, 1.378)):
        assert assumptions.largest_constant(**law, signal=signal, curvature=math.inf) == pytest.approx(
            largest, abs=1e-3
        )


def test_the_papers_own_synthetic_size_at_moderate_dimension_is_outside_the_regime() -> None:
    checks = assumptions.check(**{**REGIME, "d": 10_000, "signal": 8.0, "step_size": 100 / (10_000 + 64)})
    assert not assumptions.in_regime(checks)
    assert not checks["dimension"]


def test_a_larger_constant_is_harder_to_meet() -> None:
    assert assumptions.in_regime(assumptions.check(**REGIME, constant=4.0))
    assert not assumptions.in_regime(assumptions.check(**REGIME, constant=10.0))


@pytest.mark.parametrize("wrong", [{"constant": 0.0}, {"failure": 1.5}, {"failure": 0.0}])
def test_impossible_constants_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="failure"):
        assumptions.check(**REGIME, **wrong)
