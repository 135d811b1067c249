"""Claims of part of a table: judged on what is there, not run where nothing is, and never an error."""

import numpy as np
import pytest

from benign import studies
from benign.pipeline import tables
from support import ROOT, claims_of


@pytest.mark.parametrize("study", studies.NAMES)
def test_any_part_of_a_table_is_judged(study):
    whole = tables.read(ROOT / "results" / "default" / study / "table.csv")
    rng = np.random.default_rng(0)
    sizes = np.geomspace(1, len(whole), 6).astype(int)
    parts = [rng.choice(len(whole), size, replace=False) for size in sizes]
    parts += [np.flatnonzero(whole["experiment"] == name) for name in whole["experiment"].unique()]
    identities = [claim.id for claim in claims_of(study, whole)]
    for rows in parts:
        assert [claim.id for claim in claims_of(study, whole.iloc[rows])] == identities


@pytest.mark.parametrize("study", studies.NAMES)
def test_without_rows_no_claim_is_run(study):
    assert {claim.verdict for claim in claims_of(study, studies.find(study).table([]))} == {"not run"}
