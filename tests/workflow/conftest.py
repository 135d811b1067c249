"""A copy of the project with the example study of docs/extending.md in it, to be changed and run at will."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import ROOT, copy_project, snakemake


def add_example(project: Path) -> None:
    """Let scripts/new_study.py write the example of docs/extending.md, and take the other studies off the tiers."""
    for name in ("docs/extending.md", "tests/support.py", "tests/conftest.py"):
        (project / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, project / name)
    command = [sys.executable, str(project / "scripts" / "new_study.py"), "james_stein"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    for tier in (project / "config").glob("*.yaml"):
        tier.write_text(re.sub(r"^studies:(\n  - \w+)+", "studies:\n  - james_stein", tier.read_text(), flags=re.M))


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copy_project(tmp_path_factory.mktemp("example") / "project")
    add_example(project)
    return project


@pytest.fixture(scope="session")
def example_run(pristine: Path, run_project: Callable[..., str]) -> Path:
    """The example after a whole run of the smoke tier. Do not change it: copy it."""
    run_project(pristine)
    return pristine


@pytest.fixture
def example(example_run: Path, tmp_path: Path) -> Path:
    """A copy, with all times as they were, of the example after a whole run."""
    return Path(shutil.copytree(example_run, tmp_path / "project", symlinks=True))


@pytest.fixture(scope="session")
def run_project() -> Callable[..., str]:
    """Runs the smoke tier of a project; returns what Snakemake said, having checked its exit status."""

    def run(project: Path, *arguments: str, succeeds: bool = True) -> str:
        run = snakemake("--configfile", "config/smoke.yaml", *arguments, directory=project, root=project)
        assert (run.returncode == 0) is succeeds, run.stdout + run.stderr
        return run.stdout + run.stderr

    return run
