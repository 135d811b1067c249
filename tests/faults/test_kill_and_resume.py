"""Killed with SIGKILL at random moments, again and again, until it ends: the same bytes, and little work done twice."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import plan
from benign.pipeline import tables
from support import ROOT, copy_project, killed_pipeline, made_by_the_pipeline

pytestmark = pytest.mark.fault("a kill at any moment")

STUDY = "adversarial_training"
TIER_S_STUDY = "linear_classifier"
# Networks of different widths are trained one after the other, those of one width and different seeds together.
GRID = {
    "common": {
        "d": 1000, "signal": 5.0, "n": 50, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1,
        "curvature": 1.0, "init_scale": 0.001, "step_scale": 2.0, "budget": 1.0, "test_points": 200,
    },
    "seeds": 2,
    "experiments": {"curves": [{"width": [60, 90, 120], "steps": [50, 500, 1000, 1500]}]},
}  # fmt: skip
CHECKPOINT_SECONDS = 0.05
# The slice script, with a line for each training step that it has done: when, and of how many networks.
RECORDING = """
import os, sys, time
import run_slice
from benign.train.gradient_descent import _Batch

record, step = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND), _Batch.step

def recorded(batch):
    step(batch)
    os.write(record, f"{time.monotonic()} {len(batch.w)}\\n".encode())

_Batch.step = recorded
sys.exit(run_slice.main(sys.argv[2:]))
"""


def start(folder: Path, record: Path) -> subprocess.Popen[bytes]:
    """The slice, with its scratch and its table in `folder`."""
    section = {"slices": 1, "data": [], "grid": GRID}
    grid = folder / f"{STUDY}.yaml"
    grid.write_text(yaml.safe_dump({"smoke": section, "default": section, "paper": section}))
    assert plan.main(["--study", STUDY, "--tier", "smoke", "--grid", str(grid), "--output", str(folder)]) == 0
    options = ["--tier", "smoke", "--plan", str(folder / "00.plan")]
    options += ["--checkpoint-seconds", str(CHECKPOINT_SECONDS), "--scratch", str(folder / "scratch")]
    return subprocess.Popen(
        [sys.executable, "-c", RECORDING, str(record), *options, "--output", str(folder / "table.csv")],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "scripts")]),
        },
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def steps_of(record: Path) -> list[tuple[float, int]]:
    """(when, networks) of each training step in a record."""
    lines = record.read_text().splitlines() if record.exists() else []
    return [(float(when), int(networks)) for when, networks in (line.split() for line in lines)]


def killed_at(process: subprocess.Popen[bytes], record: Path, seconds: float) -> bool:
    """Kill it that long after its first training step; False if it has ended by itself before."""
    while process.poll() is None and not steps_of(record):
        time.sleep(0.01)
    try:
        assert process.wait(seconds) == 0
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def at_stake(steps: list[tuple[float, int]]) -> int:
    """What a kill after these steps may cost: the last step, and those since the checkpoint that was due before it."""
    if len(steps) < 2:
        return sum(networks for _, networks in steps)
    return sum(networks for when, networks in steps if when > steps[-2][0] - CHECKPOINT_SECONDS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, int, float]:
    """(table, training steps of all networks, seconds from the first step to the last) of a slice left alone."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(folder, folder / "record").wait() == 0
    steps = steps_of(folder / "record")
    return (folder / "table.csv").read_bytes(), sum(networks for _, networks in steps), steps[-1][0] - steps[0][0]


@pytest.mark.slow
def test_a_slice_killed_at_random_moments_writes_the_same_bytes_and_wastes_little(
    kills: int, dice: random.Random, undisturbed: tuple[bytes, int, float], tmp_path: Path
) -> None:
    table, needed, seconds = undisturbed
    killed = 0
    for round_ in itertools.count():
        folder = tmp_path / str(round_)
        folder.mkdir()
        done = bound = 0
        for attempt in itertools.count():
            record = folder / f"record-{attempt}"
            ended = not killed_at(start(folder, record), record, dice.uniform(0, 0.7 * seconds))
            steps = steps_of(record)
            done += sum(networks for _, networks in steps)
            if ended:
                break
            bound += at_stake(steps)
        print(f"{attempt} kills: {needed} steps needed, {done - needed} wasted, at most {bound} expected")
        assert (folder / "table.csv").read_bytes() == table
        assert needed <= done <= needed + bound
        assert bound <= attempt * needed / 2, (
            "the bound says nothing here: train longer, or keep checkpoints more often"
        )
        killed += attempt
        if killed >= kills:
            break


@pytest.mark.slow
def test_a_tier_killed_at_random_moments_goes_on_and_comes_out_the_same(
    kills: int, dice: random.Random, tmp_path: Path
) -> None:
    """Of one study of the smoke tier, over and over, from planning to the pages."""
    project = copy_project(tmp_path / "project")  # where nobody edits while this goes on: provenance would tell
    started = time.monotonic()
    assert killed_pipeline(project, tmp_path / "undisturbed", [], TIER_S_STUDY) == 0
    seconds, expected = time.monotonic() - started, made_by_the_pipeline(tmp_path / "undisturbed")
    killed = 0
    for round_ in itertools.count():
        folder = tmp_path / str(round_)
        moments = [dice.uniform(0, seconds) for _ in range(kills - killed)]
        killed += killed_pipeline(project, folder, moments, TIER_S_STUDY)
        assert made_by_the_pipeline(folder) == expected
        assert list(folder.rglob("*.tmp")) == []
        assert not list(folder.glob(".snakemake/locks/*"))
        record = tables.read_json(folder / "logs" / "smoke" / "run.json")
        study = record["studies"][TIER_S_STUDY]
        assert record["exit_status"] == 0
        assert study["kept"] + study["computed"] == study["cells"]
        if killed >= kills:
            break


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often to kill, at least."""
    return int(request.config.getoption("--kills"))


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Draws the moments; pytest prints the seed."""
    return random.Random(request.config.getoption("--kill-seed"))
