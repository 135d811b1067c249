"""Committed results are those of the committed code: no stale figure, no page that was edited by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import record_provenance
import render_artifact
from benign import tables
from support import ROOT

RECORDS = sorted(ROOT.glob("results/paper/provenance.json"))
FIGURES = [
    pytest.param(ROOT / "figures" / record["tier"] / f"{name}.png", figure, id=name)
    for path in RECORDS
    for record in [json.loads(path.read_text())]
    for name, figure in record["figures"].items()
]


@pytest.mark.parametrize(("file", "figure"), FIGURES)
def test_a_committed_figure_is_what_today_s_code_draws(file: Path, figure: dict[str, Any]) -> None:
    study = file.parent.name
    table = ROOT / "results" / file.parent.parent.name / study / "table.csv"
    assert figure["sources"] == record_provenance.code_of(study, "figures"), "its drawing code has changed: make paper"
    assert figure["table"] == tables.digest(table), "its table has changed: make paper"
    assert figure["numbers"] == tables.digest(file.with_suffix(".csv")), "its numbers have changed: make paper"
    assert figure["png"] == tables.digest(file), "it was changed by other means: make paper"


@pytest.mark.parametrize("path", RECORDS, ids=str)
def test_a_committed_table_is_what_today_s_code_computes(path: Path) -> None:
    for study, found in json.loads(path.read_text())["studies"].items():
        assert found["experiment"] == record_provenance.code_of(study, "run"), f"{study}'s code has changed: make paper"
        assert found["table"] == tables.digest(path.parent / study / "table.csv")


@pytest.mark.parametrize("path", RECORDS, ids=str)
def test_the_artifact_page_is_made_from_the_committed_claims(path: Path) -> None:
    assert (ROOT / "docs" / "ARTIFACT.md").read_text() == render_artifact.render(path.parent), "make artifact"
