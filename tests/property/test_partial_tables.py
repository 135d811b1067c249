"""Whatever rows a table has, its study judges them and draws them: a tier may be small, and a run may be cut short."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from benign import studies
from benign.pipeline import tables
from support import ROOT, claims_of, figures_of


def kept(study: str) -> pd.DataFrame:
    """The study's table of the default tier, as it is committed."""
    return tables.read(ROOT / "results" / "default" / study / "table.csv")


def parts(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Rows at random, from one row to all, and each experiment alone."""
    rng = np.random.default_rng(0)
    for size in np.geomspace(1, len(table), 6).astype(int):
        yield table.iloc[np.sort(rng.choice(len(table), size, replace=False))]
    yield from (rows for _, rows in table.groupby("experiment"))


@pytest.mark.parametrize("study", studies.NAMES)
def test_any_part_of_a_table_is_judged(study: str) -> None:
    names = [claim.id for claim in claims_of(study, kept(study))]
    for part in parts(kept(study)):
        found = claims_of(study, part)
        assert [claim.id for claim in found] == names
        assert all((claim.verdict == "not run") == (claim.measured["cells"] == 0) for claim in found)


@pytest.mark.parametrize("study", studies.NAMES)
def test_any_part_of_a_table_is_drawn(study: str) -> None:
    for part in parts(kept(study)):
        assert [figure.name for figure in figures_of(study, part)] == list(studies.find(study).figures)


@pytest.mark.parametrize("study", studies.NAMES)
def test_without_rows_no_claim_is_run_and_every_figure_is_there(study: str) -> None:
    assert {claim.verdict for claim in claims_of(study, pd.DataFrame())} == {"not run"}
    assert [figure.name for figure in figures_of(study, pd.DataFrame())] == list(studies.find(study).figures)
