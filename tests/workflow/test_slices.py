"""A slice: killed and resumed equals uninterrupted, nothing is computed twice, and nothing finished is lost."""

from __future__ import annotations

import dataclasses
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
import run_slice
import settings
from benign import studies, tables
from benign.cells import Cell, Context, slice_of
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
    assert timing(tmp_path) == {"cells": 3, "reused": 2, "seconds": timing(tmp_path)["seconds"]}
    grown = {row["key"]: row for row in tables.read_rows(tmp_path / "table.csv")}
    (tmp_path / "table.csv").write_bytes(first)
    assert all(grown[row["key"]] == row for row in tables.read_rows(tmp_path / "table.csv"))


def refuse_to_run(part: Any) -> Any:
    """The registry, but nothing can be run."""

    def guarded(study: str, name: str) -> Any:
        assert name != "run", "nothing was left to run"
        return part(study, name)

    return guarded


def test_a_group_that_was_cut_short_is_run_again_whole_and_its_finished_rows_stay(tmp_path: Path) -> None:
    grid = write_grid(tmp_path, {"steps": [5, 10, 20]}, {"n": 30})
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    first, before = (tmp_path / "table.csv").read_bytes(), kept(tmp_path)
    lost = next(row["key"] for row in tables.read_rows(tmp_path / "table.csv") if row["steps"] == 10)
    next(tmp_path.glob(f"scratch/*/*/*/rows/{lost}.json")).unlink()
    assert run_slice.main(arguments(grid, tmp_path)) == 0
    assert (tmp_path / "table.csv").read_bytes() == first
    assert timing(tmp_path)["reused"] == 3
    assert {k: v for k, v in kept(tmp_path).items() if k != lost} == {k: v for k, v in before.items() if k != lost}


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
        run_slice.run_fingerprint(STUDY, "cpu", 1, {}),
        run_slice.run_fingerprint(STUDY, "cuda", 1, {}),
        run_slice.run_fingerprint(STUDY, "cpu", 2, {}),
        run_slice.run_fingerprint(STUDY, "cpu", 1, {"mnist": tmp_path / "a"}),
        run_slice.run_fingerprint(STUDY, "cpu", 1, {"mnist": tmp_path / "b"}),
    ]
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0")
    marks.append(run_slice.run_fingerprint(STUDY, "cpu", 1, {}))
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
    everything = run_slice.planned(STUDY, section, {"mnist": Path()})
    without = run_slice.planned(STUDY, section, {})
    assert {cell.fields()["data"] for cell in everything} == {"clusters", "mnist"}
    assert {cell.fields()["data"] for cell in without} == {"clusters"}
    assert {slice_of(cell, 2) for cell in without} == {0, 1}
