"""Verdicts of the kept tiers, judged again: the contract of a claim, noise never helps, figures show claims' cells."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from benign import studies
from benign.claims import KINDS, Claim
from benign.pipeline import tables
from support import ROOT, claims_of, figures_of, verdicts_of

KEPT = [
    (tier, study)
    for tier in ("default", "paper")
    for study in studies.NAMES
    if (ROOT / "results" / tier / study / "table.csv").exists()
]
# An undecided claim has its limit within the interval, so that a new draw may fall on either side of it; noise helps if
# it turns such a claim more often than not, or any other claim at all.
DRAWS = 6


@functools.cache
def table(tier: str, study: str) -> pd.DataFrame:
    return studies.find(study).table(tables.read(ROOT / "results" / tier / study / "table.csv"))


@functools.cache
def judged(tier: str, study: str) -> list[Claim]:
    return claims_of(study, table(tier, study))


@pytest.mark.parametrize(("tier", "study"), KEPT)
def test_every_claim_has_kind_scope_intervals_thresholds_and_a_why(tier, study):
    for claim in judged(tier, study):
        assert claim.kind in KINDS
        assert claim.statement.endswith("."), claim.id
        if claim.verdict == "not run":
            continue
        assert claim.scope, claim.id
        assert claim.criteria, claim.id
        assert all({"value", "low", "high", "draws"} <= set(criterion) for criterion in claim.criteria)
        assert bool(claim.why) == (claim.verdict != "replicated"), (
            f"{claim.id}: {claim.verdict}, but why is {claim.why!r}"
        )


@pytest.mark.parametrize(("tier", "study"), KEPT)
def test_no_check_fails(tier, study):
    fails = ("not replicated", "partly")
    assert [c.id for c in judged(tier, study) if c.kind == "check" and c.verdict in fails] == []


@pytest.mark.parametrize(("tier", "study"), KEPT)
def test_a_claim_s_figure_draws_its_cells(tier, study):
    drawn = {figure.name: figure.keys for figure in figures_of(study, table(tier, study))}
    for claim in judged(tier, study):
        if claim.verdict != "not run" and claim.figure:
            missing = claim.keys - drawn[claim.figure]
            assert not missing, f"{claim.id}: {len(missing)} of {len(claim.keys)} cells are not in {claim.figure}"


def noisier(rows: pd.DataFrame, study: str, factor: float, rng: np.random.Generator) -> pd.DataFrame:
    """The table with noise on what is drawn anew: normal, with `factor` times each column's deviation over seeds."""
    declared = studies.find(study)
    points = [name for name in declared.cell.model_fields if name != "seed"]
    noisy = rows.copy()
    for name, kind in declared.columns().items():
        if kind is not float or name in declared.cell.model_fields:
            continue
        spread = rows.groupby(points, dropna=False)[name].transform("std").fillna(0.0)
        values = rows[name] + factor * spread * rng.standard_normal(len(rows))
        if rows[name].min() >= 0:  # what is never negative stays so, and a share at most 1
            values = values.abs().clip(upper=1 if rows[name].max() <= 1 else None)
        noisy[name] = values
    return noisy


@pytest.mark.parametrize("study", studies.NAMES)
def test_noise_never_turns_a_verdict_into_replicated(study):
    tier = "paper" if ("paper", study) in KEPT else "default"
    before = {claim.id: claim.verdict for claim in judged(tier, study)}
    rng, turned = np.random.default_rng(0), dict.fromkeys(before, 0)
    for draw in range(DRAWS):
        noisy = noisier(table(tier, study), study, (1.0, 3.0)[draw % 2], rng)
        for name, verdict in verdicts_of(study, noisy).items():
            turned[name] += verdict == "replicated" and before[name] != "replicated"
    allowed = {name: DRAWS // 2 if verdict == "undecided" else 0 for name, verdict in before.items()}
    assert {name: times for name, times in turned.items() if times > allowed[name]} == {}
