"""Whatever rows a table has, its study judges them and draws them: a tier may be small, and a run may be cut short."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from benign import studies
from benign.pipeline import tables
from support import ROOT, claims_of, figures_of

SIZES = (1, 2, 5, 20, 100)
DRAWS = range(2 * len(SIZES))


@functools.cache
def kept(study: str) -> pd.DataFrame:
    """The study's table of the default tier, as it is committed."""
    path = ROOT / "results" / "default" / study / "table.csv"
    if not path.exists():
        pytest.skip(f"{path} is not kept")
    return tables.read(path)


def some_rows(study: str, draw: int) -> pd.DataFrame:
    """Rows at random, every second time of half of the experiments alone."""
    rng, rows = np.random.default_rng(draw), kept(study)
    if draw % 2:
        names = rows["experiment"].unique()
        rows = rows[rows["experiment"].isin(rng.choice(names, (len(names) + 1) // 2, replace=False))]
    size = min(SIZES[draw // 2 % len(SIZES)], len(rows))
    return rows.iloc[np.sort(rng.choice(len(rows), size, replace=False))]


@pytest.mark.parametrize("study", studies.NAMES)
def test_without_rows_no_claim_is_run_and_every_figure_is_there(study: str) -> None:
    for nothing in (kept(study).iloc[:0], pd.DataFrame()):
        assert {claim.verdict for claim in claims_of(study, nothing)} == {"not run"}
        assert [figure.name for figure in figures_of(study, nothing)] == list(studies.find(study).figures)


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("study", studies.NAMES)
def test_some_rows_are_judged(study: str, draw: int) -> None:
    for claim in claims_of(study, some_rows(study, draw)):
        assert (claim.verdict == "not run") == (claim.measured["cells"] == 0), claim.id


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("study", studies.NAMES)
def test_some_rows_are_drawn(study: str, draw: int) -> None:
    found = figures_of(study, some_rows(study, draw))
    assert [figure.name for figure in found] == list(studies.find(study).figures)
