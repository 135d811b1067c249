"""What the machine or the numbers can do to a run: that cell is named, the others are kept, the next run is clean."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import plan
import run_cell
import run_pipeline
import run_slice
from benign.pipeline import tables
from support import ROOT

STUDY = "linear_classifier"
COMMON = {
    "d": 50, "exponent": 0.3, "n": 10, "flip_rate": 0.1, "norm": "l2", "budget": 0.1, "training": "adversarial",
    "rate": 0.001, "steps": 20, "test_points": 50,
}  # fmt: skip


def run(folder: Path, block: dict[str, object]) -> int:
    """Plan a block of cells and run them as one slice."""
    grid = folder / "grid.yaml"
    content = {"common": COMMON, "seeds": 1, "experiments": {"dimension": [block]}}
    section = {"slices": 1, "data": [], "grid": content}
    grid.write_text(yaml.safe_dump(dict.fromkeys(("smoke", "default", "paper"), section)))
    planned = ["--study", STUDY, "--tier", "smoke", "--grid", str(grid), "--output", str(folder)]
    assert plan.main(planned) == 0
    options = ["--tier", "smoke", "--plan", str(folder / "00.plan"), "--scratch", str(folder / "scratch")]
    return run_slice.main([*options, "--output", str(folder / "table.csv")])


@pytest.mark.fault("divergence, and numbers at the ends")
def test_a_training_that_diverges_is_named_and_the_others_are_what_they_are_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "alone").mkdir()
    assert run(tmp_path / "alone", {"rate": [0.001]}) == 0
    alone = tables.read_rows(tmp_path / "alone" / "table.csv")
    capsys.readouterr()
    assert run(tmp_path, {"rate": [0.001, 1e300]}) == 0
    rows = {row["rate"]: row for row in tables.read_rows(tmp_path / "table.csv")}
    assert rows[1e300]["status"] == "diverged"
    assert [rows[0.001]] == alone
    assert f"cell {rows[1e300]['key']} diverged and is kept as such" in capsys.readouterr().err


@pytest.mark.fault("too little memory")
def test_a_cell_that_no_memory_holds_is_an_error_that_says_what_to_make_smaller(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_cell.main([STUDY, "d=1000000", "n=1000000000", "exponent=0.3"]) == 2
    said = capsys.readouterr().err
    assert "error: out of memory" in said
    assert "make n, width or test_points smaller" in said
    assert "Traceback" not in said


@pytest.mark.fault("too little memory")
def test_the_rows_beside_a_cell_that_no_memory_holds_are_kept_and_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, {"n": [10, 10**9], "d": 10**6}) == 2
    assert "error: out of memory" in capsys.readouterr().err
    assert not (tmp_path / "table.csv").exists()
    assert run(tmp_path, {"n": 10, "d": 10**6}) == 0
    assert "1 of 1 cells were kept from before" in capsys.readouterr().err


@pytest.mark.fault("two runs at once")
def test_a_second_run_in_a_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "run_pipeline.py"), "--tier", "smoke", "--config"]
    command += [f"studies=[{STUDY}]"]
    lock = tmp_path / ".snakemake" / "run.lock"
    first = subprocess.Popen([*command, "device=cpu"], cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while not lock.exists() and first.poll() is None:
            time.sleep(0.05)
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert "another run is at work in this folder and holds .snakemake/run.lock: wait for it" in second.stderr
        assert "Traceback" not in second.stderr
        assert first.poll() is None, "the first is not disturbed"
    finally:
        run_pipeline.os.killpg(first.pid, 9)
        first.wait()
