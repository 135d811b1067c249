"""A slice: killed and resumed equals uninterrupted, nothing is computed twice, and nothing finished is lost."""

from __future__ import annotations

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

import collect
import plan as plan_cells
import run_slice
from benign import studies
from benign.pipeline import plans, provenance, rows, settings, slices, tables
from benign.study import Cell, Context, Row, Study, slice_of
from support import ROOT

STUDY = "adversarial_training"
COMMON = {
    "d": 1000, "signal": 5.0, "n": 20, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1, "curvature": 1.0,
    "width": 20, "init_scale": 0.001, "step_scale": 2.0, "steps": 20, "budget": 1.0, "test_points": 50,
}  # fmt: skip


def write_grid(folder: Path, *blocks: dict[str, Any], seeds: int = 1, slices: int = 1) -> Path:
    """A small grid of the flagship, the same in every tier."""
    grid = {"common": COMMON, "seeds": seeds, "experiments": {"small": list(blocks)}}
    section = {"slices": slices, "data": [], "grid": grid}
    path = folder / f"{STUDY}.yaml"
    path.write_text(yaml.safe_dump(dict.fromkeys(("smoke", "default", "paper"), section)))
    return path


def arguments(grid: Path, folder: Path, name: str = "table", slice_: int = 0, slices: int = 1) -> list[str]:
    """Plans, and says what runs the slice."""
    plan = ["--study", STUDY, "--tier", "smoke", "--grid", str(grid), "--slices", str(slices)]
    assert plan_cells.main([*plan, "--output", str(folder / "plan")]) == 0
    return [
        *("--tier", "smoke", "--plan", str(folder / "plan" / f"{slice_:02d}.plan")),
        *("--scratch", str(folder / "scratch"), "--timing", str(folder / f"{name}.json")),
        *("--output", str(folder / f"{name}.csv")),
    ]


def command(grid: Path, folder: Path, name: str = "table") -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / "run_slice.py"), *arguments(grid, folder, name)]


def kept(folder: Path) -> dict[str, bytes]:
    """The whole lines of rows in the scratch folder, by key."""
    lines = [line for path in folder.glob("scratch/*/*/*/rows/*.jsonl") for line in path.read_bytes().splitlines(True)]
    return {json.loads(line)["key"]: line for line in lines if line.startswith(b'{"key"') and line.endswith(b"\n")}


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
        patch.setattr(slices, "run_of", refuse_to_run)
        assert run_slice.main(arguments(grid, tmp_path)) == 0
    assert (tmp_path / "table.csv").read_bytes() == first

    grid = write_grid(tmp_path, {"budget": [0.5, 1.0, 1.5]})
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    assert timing(tmp_path) == {**timing(tmp_path), "cells": 3, "reused": 2}
    grown = {row["key"]: row for row in tables.read_rows(tmp_path / "table.csv")}
    (tmp_path / "table.csv").write_bytes(first)
    assert all(grown[row["key"]] == row for row in tables.read_rows(tmp_path / "table.csv"))


def refuse_to_run(study: str) -> Any:
    raise AssertionError("nothing was left to run")


def test_of_a_group_that_was_cut_short_only_the_missing_cells_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = write_grid(tmp_path, {"steps": [5, 10, 20]}, {"n": 30})
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    first, before = (tmp_path / "table.csv").read_bytes(), kept(tmp_path)
    lost = next(row["key"] for row in tables.read_rows(tmp_path / "table.csv") if row["steps"] == 10)
    (file,) = tmp_path.glob("scratch/*/*/*/rows/*.jsonl")
    file.write_bytes(file.read_bytes().replace(before[lost], b""))
    asked: list[str] = []
    monkeypatch.setattr(slices, "run_of", listens(slices.run_of, asked))
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    assert asked == [lost]
    assert (tmp_path / "table.csv").read_bytes() == first
    assert timing(tmp_path)["reused"] == 3
    assert kept(tmp_path) == before | {lost: kept(tmp_path)[lost]}


def listens(run_of: Any, asked: list[str]) -> Any:
    """The registry's way to run a study's cells, and the keys of the cells that are run."""

    def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
        asked.extend(cell.key for cell in cells)
        return run_of(context.study)(cells, context)

    return lambda study: run


def run_all(grid: Path, folder: Path, slices: int) -> int:
    """Plan, run every slice, collect; returns how many rows were kept from before."""
    for i in range(slices):
        name = f"plan/{i:02d}"
        assert run_slice.main(arguments(grid, folder, name, i, slices)) == 0
    options = ["--study", STUDY, "--folder", str(folder / "plan"), "--slices", str(slices)]
    origins = ["--origins", str(folder / "origins.json")]
    assert collect.main([*options, *origins, "--output", str(folder / "table.csv")]) == 0
    return sum(timing(folder, f"plan/{i:02d}")["reused"] for i in range(slices))


def test_the_table_does_not_depend_on_the_number_of_slices_and_rows_are_found_again_when_it_changes(
    tmp_path: Path,
) -> None:
    grid = write_grid(tmp_path, {"n": [20, 30], "steps": [5, 10]}, {"budget": [0.0, 2.0]}, seeds=2)
    tables_, reused = [], []
    for slices_ in (1, 3, 7, 2):
        reused.append(run_all(grid, tmp_path, slices_))
        tables_.append((tmp_path / "table.csv").read_bytes())
    assert len(set(tables_)) == 1
    cells = len(kept(tmp_path))
    assert cells == 12
    assert reused == [0, cells, cells, cells]
    (origin,) = tables.read_json(tmp_path / "origins.json")
    assert origin["cells"] == cells
    assert origin["code"] == provenance.code_of(STUDY)
    assert origin["environment"]["torch"] == importlib.metadata.version("torch")


def test_a_slice_reads_only_files_of_rows_that_may_hold_its_own(tmp_path: Path) -> None:
    for share in [(0, 1), (0, 3), (1, 3), (2, 3), (0, 7), (3, 7), (6, 7)]:
        with rows.KeptRows(tmp_path, share).appending():
            pass
    met = {path.stem for path in tmp_path.iterdir() if rows.KeptRows(tmp_path, (1, 2))._meets(path)}
    assert met == {"0-of-1", "1-of-3", "2-of-3", "3-of-7", "6-of-7"}


def test_any_number_of_slices_is_possible_and_each_cell_is_in_one(tmp_path: Path) -> None:
    grid = write_grid(tmp_path, {"budget": [0.5, 1.0]})
    options = ["--study", STUDY, "--tier", "smoke", "--grid", str(grid), "--slices", "1200"]
    assert plan_cells.main([*options, "--output", str(tmp_path / "plan")]) == 0
    files = sorted((tmp_path / "plan").iterdir())
    assert len(files) == 1200
    assert sum(len(plans.keys(file)) for file in files) == 2


def test_rows_of_other_code_libraries_devices_or_data_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    marks = [
        provenance.run_fingerprint(STUDY, "cpu", 1, {}),
        provenance.run_fingerprint(STUDY, "cuda", 1, {}),
        provenance.run_fingerprint(STUDY, "cpu", 2, {}),
        provenance.run_fingerprint(STUDY, "cpu", 1, {"mnist": tmp_path / "a"}),
        provenance.run_fingerprint(STUDY, "cpu", 1, {"mnist": tmp_path / "b"}),
    ]
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0")
    marks.append(provenance.run_fingerprint(STUDY, "cpu", 1, {}))
    assert len(set(marks)) == len(marks)


class Toy(Cell):
    x: int


class ToyRow(Row):
    pass


TOY = Study("benign.studies.toy", title="", cell=Toy, row=ToyRow, figures=())


def rows_of(cells: list[Cell]) -> Iterator[dict[str, Any]]:
    for cell in cells:
        yield {"key": cell.key, **cell.fields(), "status": "diverged" if cell.fields()["x"] == 1 else "ok"}


def run_toy(run: Any, folder: Path, patch: pytest.MonkeyPatch) -> int:
    """Three toy cells, in a slice, run by `run`."""
    patch.setattr(studies, "find", lambda study: TOY)
    patch.setattr(slices, "run_of", lambda study: run)
    patch.setattr(provenance, "code_of", lambda study, part="run", facts=None: "0" * 64)
    plans.write(folder, "toy", iter([Toy(x=x) for x in range(3)]), 1)
    options = ["--tier", "smoke", "--plan", str(folder / "00.plan"), "--scratch", str(folder / "scratch")]
    return run_slice.main([*options, "--output", str(folder / "table.csv")])


def test_a_diverged_cell_is_named_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_toy(lambda cells, context: rows_of(cells), tmp_path, monkeypatch) == 0
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

    assert run_toy(run, tmp_path, monkeypatch) == 2
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
    with pytest.raises(RuntimeError, match=complaint):
        run_toy(run, tmp_path, monkeypatch)


def test_a_slice_neither_plans_nor_makes_the_cells_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = write_grid(tmp_path, {"budget": [0.5, 1.0, 1.5, 2.0]}, seeds=3)
    options = arguments(grid, tmp_path, slice_=1, slices=3)
    mine = plans.keys(tmp_path / "plan" / "01.plan")
    for other in ("00.plan", "02.plan"):
        (tmp_path / "plan" / other).unlink()
    monkeypatch.setattr(Study, "each", None)
    assert run_slice.main(options) == 0
    assert 0 < len(mine) < 12
    assert [row["key"] for row in tables.read_rows(tmp_path / "table.csv")] == sorted(mine)


def test_cells_of_a_data_set_that_the_run_leaves_out_are_not_planned() -> None:
    section = settings.section(settings.grid_file(STUDY), STUDY, "smoke")
    everything = list(plans.planned(STUDY, section, {"mnist": Path()}))
    without = list(plans.planned(STUDY, section, {}))
    assert {cell.fields()["data"] for cell in everything} == {"clusters", "mnist"}
    assert {cell.fields()["data"] for cell in without} == {"clusters"}
    assert {slice_of(cell, 2) for cell in without} == {0, 1}
