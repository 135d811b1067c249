"""What the machine or the numbers can do to a run: that cell is named, the others are kept, the next run is clean."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import plan
import run_slice
from benign.pipeline import tables
from support import ROOT

COMMON = {
    "linear_classifier": {
        "d": 50, "exponent": 0.3, "n": 10, "flip_rate": 0.1, "norm": "l2", "budget": 0.1, "training": "adversarial",
        "rate": 0.001, "steps": 20, "test_points": 10,
    },
    "adversarial_training": {
        "d": 1000, "signal": 5.0, "n": 20, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1, "width": 20,
        "curvature": 1.0, "init_scale": 0.001, "step_scale": 2.0, "steps": 5, "budget": 1.0, "test_points": 50,
    },
}  # fmt: skip
# A script of the pipeline, in a process that may take 300 MB more than it has when all is imported.
WITH_LITTLE_MEMORY = """
import pathlib, resource, sys
import {script}
from benign import studies
studies.find("linear_classifier").part("experiment", "run")
taken = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 300 * 2**20,) * 2)
sys.exit({script}.main(sys.argv[1:]))
"""


def planned(folder: Path, study: str, **block: object) -> list[str]:
    """Plan a block of cells as one slice; returns what runs it."""
    folder.mkdir(exist_ok=True)
    grid = folder / "grid.yaml"
    content = {"common": COMMON[study], "seeds": 1, "experiments": {"dimension": [block]}}
    section = {"slices": 1, "data": [], "grid": content}
    grid.write_text(yaml.safe_dump(dict.fromkeys(("smoke", "default", "paper"), section)))
    options = ["--study", study, "--tier", "smoke", "--grid", str(grid), "--output", str(folder)]
    assert plan.main(options) == 0
    options = ["--tier", "smoke", "--plan", str(folder / "00.plan"), "--scratch", str(folder / "scratch")]
    return [*options, "--output", str(folder / "table.csv")]


def with_little_memory(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "scripts")])
    return subprocess.run(
        [sys.executable, "-c", WITH_LITTLE_MEMORY.format(script=script), *options],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.fault("divergence, and numbers at the ends")
def test_a_training_that_diverges_is_named_and_the_others_are_what_they_are_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = "adversarial_training"
    assert run_slice.main(planned(tmp_path / "alone", study, budget=1.0)) == 0
    assert run_slice.main(planned(tmp_path / "both", study, budget=[1.0, 1e30])) == 0
    rows = {row["budget"]: row for row in tables.read_rows(tmp_path / "both" / "table.csv")}
    assert rows[1e30]["status"] == "diverged"
    assert [rows[1.0]] == tables.read_rows(tmp_path / "alone" / "table.csv")
    assert f"cell {rows[1e30]['key']} diverged and is kept as such" in capsys.readouterr().err


@pytest.mark.fault("too little memory")
def test_a_cell_that_the_memory_does_not_hold_is_an_error_that_says_what_to_do() -> None:
    values = [f"{name}={value}" for name, value in (COMMON["linear_classifier"] | {"d": 10**7}).items()]
    answer = with_little_memory("run_cell", "linear_classifier", *values)
    assert answer.returncode == 2
    assert "error: out of memory" in answer.stderr
    assert "make n, width or test_points smaller" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.fault("too little memory")
def test_rows_before_a_cell_that_the_memory_does_not_hold_are_kept_and_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = with_little_memory("run_slice", *planned(tmp_path, "linear_classifier", d=[50, 10**7]))
    assert answer.returncode == 2
    assert "error: out of memory" in answer.stderr
    assert not (tmp_path / "table.csv").exists()
    assert run_slice.main(planned(tmp_path, "linear_classifier", d=50)) == 0
    assert "1 of 1 cells were kept from before" in capsys.readouterr().err


@pytest.mark.fault("two runs at once")
def test_a_second_run_in_a_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "run_pipeline.py"), "--tier", "smoke", "--config"]
    command += ["studies=[linear_classifier]"]
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
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
