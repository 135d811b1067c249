"""A slice: killed and resumed equals uninterrupted, nothing is computed twice, and nothing finished is lost.

A kept table is adopted only where it would come out the same here.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import adopt_rows
import collect
import record_provenance
import run_slice
from benign import files, studies
from benign.pipeline import rows, settings, tables
from benign.study import Cell, Context, slice_of
from support import ROOT

STUDY = "adversarial_training"
COMMON = {
    "d": 1000, "signal": 5.0, "n": 20, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1, "curvature": 1.0,
    "width": 20, "init_scale": 0.001, "step_scale": 2.0, "steps": 20, "budget": 1.0, "test_points": 50,
}  # fmt: skip


def write_grid(folder: Path, *blocks: dict[str, Any], seeds: int = 1, slices: int = 1) -> Path:
    """A small grid of the flagship, the same in every tier."""
    grid = {"common": COMMON, "seeds": seeds, "experiments": {"small": list(blocks)}}
    section = {"slices": slices, "figures": [], "data": [], "grid": grid}
    path = folder / f"{STUDY}.yaml"
    path.write_text(yaml.safe_dump(dict.fromkeys(("smoke", "default", "paper"), section)))
    return path


def arguments(grid: Path, folder: Path, name: str = "table", slice_: int = 0, slices: int = 1) -> list[str]:
    return [
        *("--study", STUDY, "--tier", "smoke", "--grid", str(grid), "--slice", str(slice_), "--slices", str(slices)),
        *("--scratch", str(folder / "scratch"), "--timing", str(folder / f"{name}.json")),
        *("--output", str(folder / f"{name}.csv")),
    ]


def command(grid: Path, folder: Path, name: str = "table") -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / "run_slice.py"), *arguments(grid, folder, name)]


def kept(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Rows in the scratch folder: their bytes and when they were written."""
    return {
        path.stem: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("scratch/*/*/*/rows/*.json")
    }


def timing(folder: Path, name: str = "table") -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text())


def test_a_killed_slice_goes_on_where_it_stood_and_writes_the_same_bytes(tmp_path: Path) -> None:
    # Networks of different widths are trained one after the other, so that rows end one after the other too.
    blocks = [{"width": width, "steps": [30, 300], "n": 50} for width in range(100, 180, 10)]
    grid = write_grid(tmp_path, *blocks)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()

    process = subprocess.Popen(
        command(grid, broken), stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    deadline = time.monotonic() + 120
    while len(kept(broken)) < 3:
        assert process.poll() is None, "the slice ended before it could be killed: make its cells longer"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = kept(broken)
    assert 3 <= len(before) < 16
    assert not (broken / "table.csv").exists()

    for folder in (broken, whole):
        subprocess.run(
            command(grid, folder), check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    assert (broken / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()
    assert timing(broken)["reused"] == len(before)
    assert {key: kept(broken)[key] for key in before} == before, "finished rows are not written again"


def test_a_second_run_computes_nothing_and_a_grown_grid_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = write_grid(tmp_path, {"budget": [0.5, 1.0]})
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    first = (tmp_path / "table.csv").read_bytes()
    assert timing(tmp_path)["reused"] == 0
    with monkeypatch.context() as patch:
        patch.setattr(studies, "part", refuse_to_run(studies.part))
        assert run_slice.main(arguments(grid, tmp_path)) == 0
    assert (tmp_path / "table.csv").read_bytes() == first

    grid = write_grid(tmp_path, {"budget": [0.5, 1.0, 1.5]})
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    assert timing(tmp_path) == {**timing(tmp_path), "cells": 3, "reused": 2}
    grown = {row["key"]: row for row in tables.read_rows(tmp_path / "table.csv")}
    (tmp_path / "table.csv").write_bytes(first)
    assert all(grown[row["key"]] == row for row in tables.read_rows(tmp_path / "table.csv"))


def refuse_to_run(part: Any) -> Any:
    """The registry, but nothing can be run."""

    def guarded(study: str, name: str) -> Any:
        assert name != "run", "nothing was left to run"
        return part(study, name)

    return guarded


def test_of_a_group_that_was_cut_short_only_the_missing_cells_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = write_grid(tmp_path, {"steps": [5, 10, 20]}, {"n": 30})
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    first, before = (tmp_path / "table.csv").read_bytes(), kept(tmp_path)
    lost = next(row["key"] for row in tables.read_rows(tmp_path / "table.csv") if row["steps"] == 10)
    next(tmp_path.glob(f"scratch/*/*/*/rows/{lost}.json")).unlink()
    asked: list[str] = []
    monkeypatch.setattr(studies, "part", listens(studies.part, asked))
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    assert asked == [lost]
    assert (tmp_path / "table.csv").read_bytes() == first
    assert timing(tmp_path)["reused"] == 3
    assert {k: v for k, v in kept(tmp_path).items() if k != lost} == {k: v for k, v in before.items() if k != lost}


def listens(part: Any, asked: list[str]) -> Any:
    """The registry, and the keys of the cells that are run."""

    def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
        asked.extend(cell.key for cell in cells)
        return part(context.study, "run")(cells, context)

    return lambda study, name: run if name == "run" else part(study, name)


def test_the_table_does_not_depend_on_the_number_of_slices(tmp_path: Path) -> None:
    results = []
    for slices in (1, 3):
        folder = tmp_path / str(slices)
        folder.mkdir()
        grid = write_grid(folder, {"n": [20, 30], "steps": [5, 10]}, {"budget": [0.0, 2.0]}, seeds=2, slices=slices)
        files = []
        for i in range(slices):
            assert run_slice.main(arguments(grid, folder, f"{i:02d}", i, slices)) == 0
            files.append(str(folder / f"{i:02d}.csv"))
        options = ["--study", STUDY, "--tier", "smoke", "--grid", str(grid), "--output", str(folder / "table.csv")]
        assert collect.main([*options, "--slices", *files]) == 0
        results.append((folder / "table.csv").read_bytes())
    assert results[0] == results[1]


def test_rows_of_other_code_libraries_devices_or_data_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    marks = [
        rows.run_fingerprint(STUDY, "cpu", 1, {}),
        rows.run_fingerprint(STUDY, "cuda", 1, {}),
        rows.run_fingerprint(STUDY, "cpu", 2, {}),
        rows.run_fingerprint(STUDY, "cpu", 1, {"mnist": tmp_path / "a"}),
        rows.run_fingerprint(STUDY, "cpu", 1, {"mnist": tmp_path / "b"}),
    ]
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0")
    marks.append(rows.run_fingerprint(STUDY, "cpu", 1, {}))
    assert len(set(marks)) == len(marks)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Toy(Cell):
    x: int


def rows_of(cells: list[Cell]) -> Iterator[dict[str, Any]]:
    for cell in cells:
        yield {"key": cell.key, **cell.fields(), "status": "diverged" if cell.fields()["x"] == 1 else "ok"}


def toy_part(run: Any) -> Any:
    return lambda study, name: {"run": run, "cells": lambda grid: [Toy(x=x) for x in range(3)]}[name]


def test_a_diverged_cell_is_named_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(studies, "part", toy_part(lambda cells, context: rows_of(cells)))
    assert run_slice.main(arguments(write_grid(tmp_path, {}), tmp_path)) == 0
    assert [row["status"] for row in tables.read_rows(tmp_path / "table.csv")].count("ok") == 2
    assert f"cell {Toy(x=1).key} diverged and is kept as such: {{'x': 1}}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "accident",
    [MemoryError(), torch.OutOfMemoryError("CUDA"), RuntimeError("DefaultCPUAllocator: can't allocate")],
    ids=repr,
)
def test_rows_that_end_before_the_memory_is_full_are_kept(
    accident: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
        yield from rows_of(cells[:2])
        raise accident

    grid = write_grid(tmp_path, {})
    monkeypatch.setattr(studies, "part", toy_part(run))
    assert run_slice.main(arguments(grid, tmp_path)) == 2
    assert not (tmp_path / "table.csv").exists()
    assert len(kept(tmp_path)) == 2
    assert "error: out of memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("run", "complaint"),
    [
        (lambda cells, context: iter(()), "yielded no row"),
        (lambda cells, context: iter([{"key": "0" * 16}]), "a row that nothing asked for"),
        (lambda cells, context: ({"key": cell.key, "x": 9} for cell in cells), "does not repeat the cell's fields"),
    ],
)
def test_a_study_that_breaks_the_contract_is_told_so(
    run: Any, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "part", toy_part(run))
    with pytest.raises(RuntimeError, match=complaint):
        run_slice.main(arguments(write_grid(tmp_path, {}), tmp_path))


def test_cells_of_a_data_set_that_the_run_leaves_out_are_not_planned() -> None:
    section = settings.section(settings.grid_file(STUDY), STUDY, "smoke")
    everything = rows.planned(STUDY, section, {"mnist": Path()})
    without = rows.planned(STUDY, section, {})
    assert {cell.fields()["data"] for cell in everything} == {"clusters", "mnist"}
    assert {cell.fields()["data"] for cell in without} == {"clusters"}
    assert {slice_of(cell, 2) for cell in without} == {0, 1}


# ---------------------------------------------------------------- adopting a kept table


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a grid, and with the table and provenance of a run of it in results/smoke."""
    grid = write_grid(tmp_path, {"budget": [0.5, 1.0, 2.0]}, {"steps": [5, 10]})
    monkeypatch.setattr(settings, "grid_file", lambda study: grid)
    first = tmp_path / "first"
    assert run_slice.main(arguments(grid, first)) == 0
    table = tmp_path / "results" / "smoke" / STUDY / "table.csv"
    files.write_bytes(table, (first / "table.csv").read_bytes())
    record(tmp_path)
    return tmp_path


def record(folder: Path, **changes: Any) -> None:
    table = folder / "results" / "smoke" / STUDY / "table.csv"
    study = record_provenance.study_record(STUDY, table, [])
    study |= {"cells": 5, "minutes": 0.25, "processors": ["a kept processor"]}
    libraries = {name: importlib.metadata.version(name) for name in rows.LIBRARIES}
    tables.write_json(
        folder / "results" / "smoke" / "provenance.json",
        {"studies": {STUDY: study}, "environment": {"device": "cpu", **libraries, **changes}},
    )


def section(folder: Path) -> dict[str, Any]:
    return settings.section(folder / f"{STUDY}.yaml", STUDY, "smoke")


def adopt(folder: Path, *options: str) -> int:
    places = ["--scratch", str(folder / "scratch"), "--results", str(folder / "results")]
    return adopt_rows.main(["--study", STUDY, "--tier", "smoke", "--check", "1", *places, *options])


def test_after_adopting_a_slice_computes_nothing_and_writes_the_same_table(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert adopt(finished) == 0

    real = studies.part

    def compute(*_: Any) -> Any:
        raise AssertionError("a row was computed again")

    monkeypatch.setattr(studies, "part", lambda study, name: compute if name == "run" else real(study, name))
    assert run_slice.main(arguments(finished / f"{STUDY}.yaml", finished)) == 0
    kept = finished / "results" / "smoke" / STUDY / "table.csv"
    assert (finished / "table.csv").read_bytes() == kept.read_bytes()
    timing = json.loads((finished / "table.json").read_text())
    assert timing["reused"] == 5
    assert timing["seconds"] == pytest.approx(15)
    assert timing["processors"] == ["a kept processor"]


def test_a_row_that_comes_out_differently_here_is_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = finished / "results" / "smoke" / STUDY / "table.csv"
    rows = tables.read_rows(table)
    for row in rows:
        row["rho"] += 1e-15 + 1e-15 * abs(row["rho"])
    fields = [name for cell in adopt_rows.planned(STUDY, section(finished), {})[:1] for name in cell.fields()]
    tables.write(table, rows, fields)
    record(finished)
    assert adopt(finished) == 2
    assert "comes out differently" in capsys.readouterr().err
    assert not list(finished.glob("scratch/**/rows/*.json"))
    assert adopt(finished, "--other-processor") == 0


def test_rows_that_differ_by_more_than_roundings_are_refused_whatever_the_processor(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = finished / "results" / "smoke" / STUDY / "table.csv"
    rows = tables.read_rows(table)
    for row in rows:
        row["rho"] = 1.5 * row["rho"] + 0.5
    fields = [name for cell in adopt_rows.planned(STUDY, section(finished), {})[:1] for name in cell.fields()]
    tables.write(table, rows, fields)
    record(finished)
    assert adopt(finished, "--other-processor") == 2
    assert "comes out differently" in capsys.readouterr().err


def test_rows_of_another_version_of_the_code_are_taken_over_only_if_asked_for_and_keep_its_name(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = finished / "results" / "smoke" / "provenance.json"
    known = tables.read_json(path)
    known["studies"][STUDY]["experiment"] = "0" * 64
    tables.write_json(path, known)
    assert adopt(finished) == 2
    assert "another experiment" in capsys.readouterr().err
    assert adopt(finished, "--other-code") == 0
    assert run_slice.main(arguments(finished / f"{STUDY}.yaml", finished)) == 0
    assert json.loads((finished / "table.json").read_text())["codes"] == ["0" * 64]


def test_rows_of_another_version_that_come_out_differently_are_refused(finished: Path) -> None:
    table = finished / "results" / "smoke" / STUDY / "table.csv"
    rows = [row | {"rho": row["rho"] + 1e-6} for row in tables.read_rows(table)]
    fields = [name for cell in adopt_rows.planned(STUDY, section(finished), {})[:1] for name in cell.fields()]
    tables.write(table, rows, fields)
    record(finished)
    assert adopt(finished, "--other-code") == 2


def test_a_table_that_is_not_the_recorded_one_is_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = finished / "results" / "smoke" / STUDY / "table.csv"
    table.write_text(table.read_text() + "\n")
    assert adopt(finished) == 2
    assert "another table" in capsys.readouterr().err


def test_rows_of_other_libraries_are_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(finished, torch="1.0")
    assert adopt(finished) == 2
    assert "another torch" in capsys.readouterr().err
