"""Every assumption can hold and can fail, and the regime is made of exactly the right ones."""

from __future__ import annotations

from typing import Any

import pytest

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
BREAKS: dict[str, dict[str, Any]] = {
    "sample_size": {"n": 10},
    "dimension": {"d": 100_000},
    "signal": {"signal": 5.0},
    "flip_rate": {"flip_rate": 0.3},
    "test_signal": {"signal": 10.0},
    "budget": {"budget": 1.5},
    "step": {"step_size": 4 * 100 / D},
    "initialisation": {"init_scale": 0.1},
    "step_literal": {},
    "initialisation_literal": {},
}
LITERAL = {"step_size": 1e-13, "init_scale": 1e-15}


def test_every_assumption_is_described_with_its_source() -> None:
    assert list(assumptions.DESCRIPTIONS) == list(assumptions.check(**REGIME)) == list(BREAKS)
    assert all("[frei]" in text or "[ours]" in text for text in assumptions.DESCRIPTIONS.values())


@pytest.mark.parametrize("name", BREAKS)
def test_each_assumption_can_hold_and_can_fail(name: str) -> None:
    holding = {**REGIME, **LITERAL} if name in assumptions.LITERAL else REGIME
    assert assumptions.check(**holding)[name] is True
    assert assumptions.check(**{**REGIME, **BREAKS[name]})[name] is False


def test_the_regime_needs_every_assumption_but_the_literal_ones() -> None:
    checks = assumptions.check(**REGIME)
    assert assumptions.in_regime(checks)
    for name in checks:
        assert assumptions.in_regime({**checks, name: False}) is (name in assumptions.LITERAL)


def test_the_papers_own_synthetic_size_at_moderate_dimension_is_outside_the_regime() -> None:
    checks = assumptions.check(**{**REGIME, "d": 10_000, "signal": 8.0, "step_size": 100 / (10_000 + 64)})
    assert not assumptions.in_regime(checks)
    assert not checks["dimension"]


def test_a_kink_never_meets_the_literal_step_size() -> None:
    assert not assumptions.check(**{**REGIME, **LITERAL, "curvature": float("inf")})["step_literal"]


def test_a_larger_constant_is_harder_to_meet() -> None:
    assert assumptions.in_regime(assumptions.check(**REGIME, constant=4.0))
    assert not assumptions.in_regime(assumptions.check(**REGIME, constant=10.0))


@pytest.mark.parametrize("wrong", [{"constant": 0.0}, {"failure": 1.5}, {"failure": 0.0}])
def test_impossible_constants_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="failure"):
        assumptions.check(**REGIME, **wrong)
