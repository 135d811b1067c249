"""Shared by all tests: where the project is, and one run of the smoke tier for all who want to look at its results."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings

from support import ROOT, snakemake

matplotlib.use("Agg")
settings.register_profile("untimed", deadline=None)  # how long an example takes is the machine's business
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often tests/faults kills what runs, and when."""
    faults = parser.getgroup("faults")
    faults.addoption("--kills", type=int, default=3, help="kill a slice, and a tier, so many times (make faults: 50)")
    faults.addoption("--kill-seed", type=int, default=0, help="seed of the moments at which they are killed")


def pytest_report_header(config: pytest.Config) -> str:
    return f"faults: {config.getoption('--kills')} kills, seed {config.getoption('--kill-seed')}"


os.environ.pop("SNAKEMAKE_PROFILE", None)  # every Snakemake here runs on this machine


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with results/smoke and figures/smoke of this checkout; parallel test workers share one run."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder, finished = shared / "smoke", shared / "smoke.finished"
    with open(shared / "smoke.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            folder.mkdir(exist_ok=True)
            run = snakemake(
                "--configfile", ROOT / "config" / "smoke.yaml", "--show-failed-logs", "--nolock", directory=folder
            )
            assert run.returncode == 0, run.stdout + run.stderr
            finished.touch()
    return folder
