"""Whatever rows a table has, its study judges them and draws them: a tier may be small, and a run may be cut short."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import collect
import draw_figures
import judge_claims
import plan
import reference
import run_slice
from benign import studies
from benign.pipeline import settings, tables
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


def kinds(study: str) -> Iterator[pd.DataFrame]:
    """The smoke tier's rows where all, or one experiment's, diverged; and those of one data set, norm, … alone."""
    rows, cell = reference.rows(study), ["key", *studies.find(study).cell.model_fields]
    experiments = sorted({row["experiment"] for row in rows})
    for diverged in [experiments, *([each] for each in experiments)]:
        yield pd.DataFrame(
            [
                {**{name: row[name] for name in cell if name in row}, "status": "diverged"}
                if row["experiment"] in diverged
                else row
                for row in rows
            ]
        )
    table = studies.find(study).table(rows)
    for name in cell[2:]:
        if table[name].dtype in ("object", "bool") and table[name].nunique() > 1:
            yield from (part for _, part in table.groupby(name))


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


@pytest.mark.slow
@pytest.mark.parametrize("study", studies.NAMES)
def test_a_table_without_rows_of_some_kind_is_judged_and_drawn(study: str) -> None:
    for part in kinds(study):
        found = claims_of(study, part)
        assert all((claim.verdict == "not run") == (claim.measured["cells"] == 0) for claim in found)
        assert [figure.name for figure in figures_of(study, part)] == list(studies.find(study).figures)


@pytest.mark.parametrize("study", studies.NAMES)
def test_without_rows_no_claim_is_run_and_every_figure_is_there(study: str) -> None:
    assert {claim.verdict for claim in claims_of(study, pd.DataFrame())} == {"not run"}
    assert [figure.name for figure in figures_of(study, pd.DataFrame())] == list(studies.find(study).figures)


def test_a_run_that_has_no_images_draws_and_judges_what_is_left(tmp_path: Path) -> None:
    """real_data has no cell then: every claim of it is not run, in every file that the workflow asks for."""
    study, slices, table = "real_data", tmp_path / "slices", tmp_path / "table.csv"
    named = ["--study", study, "--tier", "smoke"]
    grid = ["--grid", str(settings.grid_file(study)), "--slices", "1"]
    assert plan.main([*named, *grid, "--output", str(slices)]) == 0
    run = ["--tier", "smoke", "--plan", f"{slices}/00.plan", "--scratch", str(tmp_path / "scratch")]
    assert run_slice.main([*run, "--timing", f"{slices}/00.json", "--output", f"{slices}/00.csv"]) == 0
    gathered = ["--study", study, "--folder", str(slices), "--slices", "1", "--output", str(table)]
    assert collect.main([*gathered, "--origins", f"{slices}/origins.json"]) == 0
    assert draw_figures.main(["--study", study, "--table", str(table), "--output", str(tmp_path)]) == 0
    assert judge_claims.main([*named, "--table", str(table), "--output", str(tmp_path / "claims.json")]) == 0
    assert {path.stem for path in tmp_path.glob("*.png")} == set(studies.find(study).figures)
    assert {claim["verdict"] for claim in tables.read_json(tmp_path / "claims.json")["claims"]} == {"not run"}
