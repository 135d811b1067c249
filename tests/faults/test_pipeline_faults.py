"""Faults: an error that says what to do, nothing lost, no half-written output."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import collect
import draw_figures
import judge_claims
import merge_claims
import plan
import render_artifact
import run_slice
from benign import studies
from benign.claims import Claim
from benign.pipeline import console, tables
from benign.pipeline.console import UserError
from support import ROOT

STUDY = "adversarial_training"
OWN_CODE = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
COMMON = {
    "d": 1000, "signal": 5.0, "n": 20, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1, "curvature": 1.0,
    "width": 20, "init_scale": 0.001, "step_scale": 2.0, "steps": 5, "budget": 1.0, "test_points": 50,
}  # fmt: skip


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Two cells."""
    path = tmp_path / f"{STUDY}.yaml"
    content = {"common": COMMON, "seeds": 2, "experiments": {"small": [{}]}}
    section = {"slices": 1, "data": [], "grid": content}
    path.write_text(yaml.safe_dump(dict.fromkeys(("smoke", "default", "paper"), section)))
    return path


def planning(file: Path, **changes: str) -> list[str]:
    """What plans the grid's one slice."""
    options = {"study": STUDY, "tier": "smoke", "grid": str(file), "output": str(file.parent / "out"), **changes}
    return [text for name, value in options.items() for text in (f"--{name}", value)]


def arguments(file: Path, **changes: str) -> list[str]:
    """Plans, and says what runs the slice."""
    assert plan.main(planning(file)) == 0
    out = file.parent / "out"
    options = {"tier": "smoke", "plan": str(out / "00.plan"), "device": "cpu", "timing": str(out / "00.json")}
    options |= {"scratch": str(file.parent / "scratch"), "output": str(out / "00.csv"), **changes}
    return [text for name, value in options.items() for text in (f"--{name}", value)]


def error_of(capsys: pytest.CaptureFixture[str], status: int) -> str:
    """What was said, having checked that it was an error without a traceback."""
    said = capsys.readouterr().err
    assert status == 2
    assert "error: " in said
    assert "Traceback" not in said
    return said


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.fault("a full disk, or a place that cannot be written to")
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.csv"
    tables.write_text(path, "old\n")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "write":
        opened = os.fdopen
        monkeypatch.setattr(os, "fdopen", lambda handle, mode: Full(opened(handle, mode)))
    else:
        monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        tables.write_text(path, "new\n")
    monkeypatch.undo()
    assert path.read_text() == "old\n"
    assert files(tmp_path) == ["table.csv"]


class Full:
    """A file on a full disk."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, content: bytes) -> None:
        self.file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.fault("a full disk, or a place that cannot be written to")
def test_a_slice_that_meets_a_file_size_limit_says_so_and_leaves_nothing_half_written(grid: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "run_slice.py"), *arguments(grid)]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    answer = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert answer.returncode == 2
    assert "File too large" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert [name for name in files(grid.parent) if name.endswith((".csv", ".json", ".tmp"))] == []
    (rows,) = grid.parent.glob("scratch/*/*/*/rows/*.jsonl")
    assert rows.read_bytes() == b""


@pytest.mark.fault("a kill at any moment")
def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    tables.write_text(path, "old\n")
    code = (
        "import os, sys, time; from pathlib import Path; from benign.pipeline import tables\n"
        "os.fsync = lambda handle: (print('writing', flush=True), time.sleep(60))\n"
        f"tables.write_text(Path({str(path)!r}), 'new')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=OWN_CODE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.read_text() == "old\n"


@pytest.mark.fault("two runs at once")
def test_two_runs_of_one_slice_at_once_are_refused(grid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_slice.main(arguments(grid)) == 0
    (lock,) = grid.parent.glob("scratch/*/*/*/rows/*.jsonl")
    output = grid.parent / "out" / "00.csv"
    output.unlink()
    with open(lock, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        said = error_of(capsys, run_slice.main(arguments(grid)))
    assert f"another process runs this slice and holds {lock}: wait for it, or end it" in said
    assert not output.exists()
    assert run_slice.main(arguments(grid)) == 0, "a lock that nobody holds is no obstacle"


@pytest.mark.fault("a kill at any moment")
def test_a_killed_run_holds_no_lock(grid: Path) -> None:
    lock = grid.parent / "x.lock"
    code = "import time, pathlib; from benign.pipeline import console\n"
    code += f"with console.locked(pathlib.Path({str(lock)!r}), 'this'):\n    print(1, flush=True)\n    time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=OWN_CODE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        process.kill()
        process.wait()
    with console.locked(lock, "this"):
        pass


@pytest.mark.fault("missing, truncated, corrupt or other data")
def test_a_damaged_kept_row_is_computed_again(grid: Path) -> None:
    assert run_slice.main(arguments(grid)) == 0
    output = grid.parent / "out" / "00.csv"
    before = output.read_bytes()
    (file,) = grid.parent.glob("scratch/*/*/*/rows/*.jsonl")
    origin, first, second = file.read_text().splitlines()
    file.write_text("\n".join([origin, first[:60], second.replace(json.loads(second)["key"], "0" * 16), ""]))
    assert run_slice.main(arguments(grid)) == 0
    assert tables.read_json(output.with_suffix(".json"))["reused"] == 0
    assert output.read_bytes() == before


@pytest.mark.fault("no GPU where one is asked for")
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_an_error(grid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = error_of(capsys, run_slice.main(arguments(grid, device="cuda")))
    assert "Torch finds no usable GPU" in said
    assert "--config device=cpu" in said


@pytest.mark.fault("unknown, mistyped or repeated configuration")
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"checkpoint-seconds": "-1"}, "--checkpoint-seconds -1.0: give a number of seconds, at least 0"),
        ({"images": "mnist=/no/such"}, "--images mnist=/no/such: there is no such file"),
        ({"threads": "0"}, "--threads 0: give a number from 1 to"),
        ({"plan": "/no/such.plan"}, "/no/such.plan does not exist: make it with scripts/plan.py"),
        ({"output": "/dev/null/table.csv"}, "/dev/null"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_what_to_do(
    changes: dict[str, str], complaint: str, grid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint in error_of(capsys, run_slice.main(arguments(grid, **changes)))


@pytest.mark.fault("unknown, mistyped or repeated configuration")
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"grid": "/no/such.yaml"}, "/no/such.yaml does not exist"),
        ({"tier": "gpu"}, "no section for tier 'gpu'"),
        ({"slices": "0"}, "--slices 0: give a number of slices, at least 1"),
        ({"output": "/dev/null/slices"}, "/dev/null"),
    ],
)
def test_a_wrong_option_of_a_plan_is_an_error_that_says_what_to_do(
    changes: dict[str, str], complaint: str, grid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint in error_of(capsys, plan.main(planning(grid, **changes)))


@pytest.mark.fault("missing, truncated, corrupt or other data")
@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda text: "", "is not a plan"),
        (lambda text: text[:-5], "its last line is cut off"),
        (lambda text: "<html>\n", "is not a plan"),
        (lambda text: text.replace(", 20, 0.1,", ", 21, 0.1,"), "today: delete the file and plan again"),
    ],
)
def test_a_damaged_or_outdated_plan_is_not_run(
    damage: Any, complaint: str, grid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = arguments(grid)
    file = grid.parent / "out" / "00.plan"
    assert damage(file.read_text()) != file.read_text()
    file.write_text(damage(file.read_text()))
    assert complaint in error_of(capsys, run_slice.main(options))
    assert files(grid.parent / "out") == ["00.plan"]


@pytest.mark.fault("impossible values")
@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("n: 20", "n: 0", "common.n: 0 is impossible: give a value that is at least 1"),
        ("flip_rate: 0.1", "flip_rate: 0.6", "common.flip_rate: 0.6 is impossible: give a value that is at most 0.5"),
        ("budget: 1.0", "budget: -1.0", "common.budget: -1.0 is impossible: give a value that is at least 0"),
        ("step_scale: 2.0", "step_scale: 2e0", "'2e0' is text, not a number"),
        ("width: 20", "width: 21", "width=21 is impossible"),
        ("seeds: 2", "seed: 2", "unknown key 'seed', did you mean 'seeds'?"),
        ("common:", "common: [", "is not YAML"),
    ],
)
def test_an_impossible_grid_is_an_error_that_names_field_and_value(
    before: str, after: str, complaint: str, grid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert before in grid.read_text()
    grid.write_text(grid.read_text().replace(before, after))
    assert complaint in error_of(capsys, plan.main(planning(grid)))
    assert files(grid.parent) == [grid.name]


@pytest.mark.fault("missing, truncated, corrupt or other data")
@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda text: text[: len(text) // 2], "cut off"),
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "1 cells lack one"),
        (lambda text: "<html>Not found</html>\n", "is neither a number nor quoted text"),
    ],
)
def test_a_damaged_slice_is_not_collected(
    damage: Any, complaint: str, grid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_slice.main(arguments(grid)) == 0
    capsys.readouterr()
    table = grid.parent / "out" / "00.csv"
    table.write_text(damage(table.read_text()))
    output = grid.parent / "collected.csv"
    options = ["--study", STUDY, "--folder", str(table.parent), "--slices", "1"]
    said = error_of(capsys, collect.main([*options, "--output", str(output)]))
    assert complaint in said
    assert "run again" in said
    assert not output.exists()


@pytest.mark.fault("missing, truncated, corrupt or other data")
def test_scripts_downstream_refuse_a_missing_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, output = str(tmp_path / "table.csv"), str(tmp_path / "out")
    common = ["--study", STUDY, "--table", table, "--output", output]
    assert table in error_of(capsys, draw_figures.main(common))
    assert table in error_of(capsys, judge_claims.main([*common, "--tier", "smoke"]))
    assert files(tmp_path) == []


@pytest.mark.fault("missing, truncated, corrupt or other data")
def test_claims_of_another_tier_and_results_that_are_not_there_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables.write_json(tmp_path / "claims.json", {"tier": "paper", "claims": []})
    targets = ["--json", str(tmp_path / "all.json"), "--markdown", str(tmp_path / "all.md")]
    tables.write_json(tmp_path / "origins.json", [])
    origins = ["--origins", str(tmp_path / "origins.json")]
    options = ["--tier", "smoke", "--claims", str(tmp_path / "claims.json"), *origins, *targets]
    assert "is of tier 'paper', not 'smoke'" in error_of(capsys, merge_claims.main(options))
    said = error_of(capsys, render_artifact.main(["--results", str(tmp_path), "--pages", str(tmp_path)]))
    assert "run `make reproduce` first" in said
    assert files(tmp_path) == ["claims.json", "origins.json"]


@pytest.mark.fault("missing, truncated, corrupt or other data")
def test_a_claim_that_points_nowhere_is_its_author_s_fault() -> None:
    claim = Claim(
        id="a", study=STUDY, kind="paper", statement="s", source="s", scope="", measured={"cells": 1}, expected="e",
        tolerance="t", verdict="replicated", why="", thresholds="before any run", figure="nowhere", criteria=(),
    )  # fmt: skip
    with pytest.raises(ValueError, match="figure 'nowhere' is not drawn: dimension"):
        judge_claims.consistent(STUDY, [claim], ["dimension"])
    with pytest.raises(ValueError, match="ids are unique"):
        judge_claims.consistent(STUDY, [claim, claim], ["nowhere"])


@pytest.mark.fault("unknown, mistyped or repeated configuration")
def test_an_unknown_study_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        plan.main(["--study", "no_such_study"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert all(study in said for study in studies.NAMES)


@pytest.mark.fault("two runs at once")
def test_a_lock_that_is_held_is_told_at_once(tmp_path: Path) -> None:
    with console.locked(tmp_path / "x.lock", "this"):
        started = time.monotonic()
        with pytest.raises(UserError, match=r"that and holds .*x\.lock"), console.locked(tmp_path / "x.lock", "that"):
            pass
        assert time.monotonic() - started < 1
