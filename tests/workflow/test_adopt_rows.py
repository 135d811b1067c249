"""Rows of a kept table are taken over if a random sample agrees here, and say from then on what speaks for them."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import adopt_rows
import plan
import record_provenance
import run_slice
from benign import files, studies, tolerances
from benign.pipeline import plans, provenance, settings, slices, tables

STUDY = "adversarial_training"
COMMON = {
    "d": 1000, "signal": 5.0, "n": 20, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1, "curvature": 1.0,
    "width": 20, "init_scale": 0.001, "step_scale": 2.0, "steps": 20, "budget": 1.0, "test_points": 50,
}  # fmt: skip
OLD = "0" * 64


def run(folder: Path, name: str) -> Path:
    """Run the grid's one slice, with rows kept in `folder`; returns its table."""
    options = ["--study", STUDY, "--tier", "smoke", "--grid", str(settings.grid_file(STUDY))]
    assert plan.main([*options, "--output", str(folder)]) == 0
    output = ["--timing", str(folder / f"{name}.json"), "--output", str(folder / f"{name}.csv")]
    scratch = ["--tier", "smoke", "--scratch", str(folder / "scratch")]
    assert run_slice.main([*scratch, "--plan", str(folder / "00.plan"), *output]) == 0
    return folder / f"{name}.csv"


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the table and provenance of a run of older code in results/smoke."""
    grid = {"common": COMMON, "seeds": 1, "experiments": {"small": [{"budget": [0.5, 1.0, 2.0]}, {"steps": [5, 10]}]}}
    section = {"slices": 1, "data": [], "grid": grid}
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(dict.fromkeys(("smoke", "default", "paper"), section)))
    monkeypatch.setattr(settings, "grid_file", lambda study: tmp_path / "grid.yaml")
    files.write_bytes(table_of(tmp_path), run(tmp_path / "first", "table").read_bytes())
    record(tmp_path)
    return tmp_path


def table_of(folder: Path) -> Path:
    return folder / "results" / "smoke" / STUDY / "table.csv"


def record(folder: Path, **environment: str) -> None:
    """As if older code had computed the table elsewhere."""
    known = record_provenance.study_record(STUDY, table_of(folder), [])
    known |= {"cells": 5, "minutes": 0.25, "processors": ["a kept processor"], "computed_by": [OLD]}
    libraries = {name: importlib.metadata.version(name) for name in provenance.LIBRARIES}
    tables.write_json(
        folder / "results" / "smoke" / "provenance.json",
        {"studies": {STUDY: known}, "environment": {"device": "cpu", **libraries, **environment}},
    )


def adopt(folder: Path, *options: str) -> int:
    places = ["--scratch", str(folder / "scratch"), "--results", str(folder / "results")]
    return adopt_rows.main(["--study", STUDY, "--tier", "smoke", *places, *options])


def change(folder: Path, alter: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change every row of the kept table, and record that table."""
    rows = [alter(row) for row in tables.read_rows(table_of(folder))]
    tables.write(table_of(folder), rows, studies.find(STUDY).columns())
    record(folder)


def test_after_adopting_a_slice_computes_nothing_and_provenance_says_what_speaks_for_the_rows(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert adopt(finished) == 0
    monkeypatch.setattr(slices, "run_of", None)  # nothing can be run
    assert run(finished, "again").read_bytes() == table_of(finished).read_bytes()
    timing = json.loads((finished / "again.json").read_text())
    assert timing["reused"] == 5
    assert timing["seconds"] == pytest.approx(15)
    study = record_provenance.study_record(STUDY, table_of(finished), timing["origins"])
    assert (study["computed_by"], study["processors"]) == ([OLD], ["a kept processor"])
    (taken,) = study["taken_over"]
    again = taken["computed_again"]
    assert taken == {
        "code": OLD, "processor": "a kept processor", "rows": 5, "for": provenance.code_of(STUDY),
        "groups": 3, "groups_again": 3, "computed_again": 5, "agreed": again, "to_the_bit": again,
        "tolerance": adopt_rows.tolerance(STUDY),
        "not_compared": "what was trained in rows with an inner_gap above 0.5", "left_out": [], "partly": [],
    }  # fmt: skip


def test_rows_that_differ_by_roundings_are_taken_over_and_said_not_to_be_the_same(finished: Path) -> None:
    change(finished, lambda row: row | {"rho": row["rho"] * (1 + 1e-9)})
    assert adopt(finished) == 0
    origins = json.loads((run(finished, "again").with_suffix(".json")).read_text())["origins"]
    assert [origin["taken_over"]["to_the_bit"] for origin in origins] == [0]
    assert (finished / "again.csv").read_bytes() == table_of(finished).read_bytes()


@pytest.mark.parametrize("alter", [lambda row: {"rho": 1.2 * row["rho"]}, lambda row: {"flipped": row["flipped"] + 1}])
def test_rows_that_come_out_differently_here_are_refused(
    alter: Callable[[dict[str, Any]], dict[str, Any]], finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(finished, lambda row: row | alter(row))
    assert adopt(finished) == 2
    assert "some come out differently, so its rows are not taken over" in capsys.readouterr().err
    assert not list(finished.glob("scratch/**/rows/*"))


def test_one_row_in_so_many_may_be_another_and_is_counted(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another processor a training near its limit of stability ends elsewhere."""
    first = tables.read_rows(table_of(finished))[0]["key"]
    change(finished, lambda row: row | ({"rho": 2 * row["rho"]} if row["key"] == first else {}))
    assert adopt(finished) == 2
    monkeypatch.setattr(tolerances, "STRANGERS", 5)
    assert adopt(finished) == 0
    origins = json.loads((run(finished, "again").with_suffix(".json")).read_text())["origins"]
    assert [(each["taken_over"]["computed_again"], each["taken_over"]["agreed"]) for each in origins] == [(5, 4)]


def test_a_column_that_only_younger_rows_have_is_compared_where_it_is_if_that_is_said(finished: Path) -> None:
    first = tables.read_rows(table_of(finished))[0]["key"]
    change(finished, lambda row: row | ({"rho": None} if row["key"] == first else {}))
    assert adopt(finished) == 2
    assert adopt(finished, "--partly", "rho") == 0
    assert run(finished, "again").read_bytes() == table_of(finished).read_bytes()
    change(finished, lambda row: row | ({"rho": None} if row["key"] == first else {"rho": 1.2 * row["rho"]}))
    assert adopt(finished, "--partly", "rho") == 2


def test_a_table_that_is_not_the_recorded_one_is_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table_of(finished).write_text(table_of(finished).read_text() + "\n")
    assert adopt(finished) == 2
    assert "another table" in capsys.readouterr().err


def test_rows_of_other_libraries_are_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(finished, torch="1.0")
    assert adopt(finished) == 2
    assert "another torch" in capsys.readouterr().err


@pytest.mark.parametrize(("groups", "again"), [(1, 1), (4, 4), (100, 4), (160, 4), (161, 5), (4000, 100)])
def test_one_group_in_forty_is_computed_again_and_four_at_least(groups: int, again: int) -> None:
    assert adopt_rows.least(groups) == again


def test_the_sample_is_random_whole_groups_and_has_every_data_set() -> None:
    section = settings.section(settings.grid_file(STUDY), STUDY, "smoke")
    cells = list(plans.planned(STUDY, section, {"mnist": Path()}))
    one, other = (adopt_rows.sample(cells, salt) for salt in ("a table", "another"))
    assert {cell.key for cell in one} != {cell.key for cell in other}
    assert {cell.fields()["data"] for cell in one} == {"clusters", "mnist"}
    assert all(cell in one for cell in cells if cell.group in {each.group for each in one})
