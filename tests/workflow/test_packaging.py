"""What installs the project: three files that agree, a Makefile that does what it says, a clean workflow."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import lock
from benign.pipeline.console import UserError
from support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_pyproject_lock_and_conda_environment_agree() -> None:
    lock.compare(lock.wanted(lock.PROJECT), lock.locked(lock.LOCK), lock.conda(lock.CONDA))


def test_the_lock_pins_what_the_tests_run_with() -> None:
    assert lock.locked(lock.LOCK) == lock.closure(lock.wanted(lock.PROJECT)), "run tools/lock.py, or make .venv/ready"


def test_the_peers_pins_meet_pyproject_and_leave_the_others_alone() -> None:
    lock.compare_peers(lock.extra(lock.PROJECT, "peers"), lock.locked(lock.PEERS), lock.locked(lock.LOCK))
    with pytest.raises(UserError) as error:
        lock.compare_peers([Requirement("foolbox>=3")], {"foolbox": "2.0", "numpy": "2.0"}, {"numpy": "2.4"})
    assert "pyproject.toml asks for foolbox>=3, requirements-peers.lock has 2.0" in str(error.value)
    assert "numpy is pinned in requirements.lock already" in str(error.value)


@pytest.mark.peers
def test_the_peers_lock_has_all_that_they_lack() -> None:
    """Installed without dependencies, so that a missing one would show only where it is imported."""
    peers = lock.locked(lock.PEERS)
    needed = lock.closure([Requirement(name) for name in peers])
    assert {name: version for name, version in needed.items() if name not in lock.locked(lock.LOCK)} == peers


def test_every_disagreement_is_named() -> None:
    with pytest.raises(UserError) as error:
        lock.compare(
            [Requirement("numpy>=2"), Requirement("scipy>=1")], {"numpy": "1.26.4"}, {"numpy": "2.0", "x": "1"}
        )
    assert "pyproject.toml asks for numpy>=2, requirements.lock has 1.26.4" in str(error.value)
    assert "pyproject.toml asks for scipy>=1, requirements.lock has none" in str(error.value)
    assert "numpy is 1.26.4 in requirements.lock, 2.0 in environment.yml" in str(error.value)
    assert "x is none in requirements.lock, 1 in environment.yml" in str(error.value)


def test_a_line_that_pins_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("# a comment\nnumpy>=2\n")
    with pytest.raises(UserError, match="'numpy>=2' pins no version"):
        lock.locked(tmp_path / "lock")


def test_the_conda_environment_has_the_python_that_the_project_asks_for() -> None:
    assert PROJECT["requires-python"] == ">=3.11"
    assert "python=3.11" in yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def test_version_and_licence_are_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        (["reproduce"], ["run_pipeline.py --tier default --cores all"]),
        (["smoke", "CORES=3"], ["run_pipeline.py --tier smoke --cores 3"]),
        (
            ["paper", "MNIST_ROOT=/a b/mnist", "CIFAR10_ROOT=/c", "DEVICE=cuda"],
            ["--tier paper", "--config 'device=cuda' 'mnist_root=/a b/mnist' 'cifar10_root=/c'"],
        ),
        (["test"], ["--no-deps -r requirements-peers.lock", "python -m pytest"]),
        (["bench"], ["--no-deps -r requirements-peers.lock", "python benchmarks/bench.py"]),
        (
            ["check"],
            ["ruff check .", "ruff format --check .", "mypy", "snakefmt --check", "snakemake --lint", "lock.py"],
        ),
    ],
    ids=lambda value: value[0],
)
def test_make_sets_up_the_environment_and_then_runs(arguments: list[str], commands: list[str], tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "requirements-peers.lock", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "CORES")}
    command = ["make", "--dry-run", *arguments]
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.index("-m venv .venv") < said.index("-r requirements.lock") < said.index("--no-deps -e .")
    for text in commands:
        assert text in said


def test_make_without_a_recent_python_says_so(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    answer = subprocess.run(["make", "smoke", "PYTHON="], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "error: no Python 3.11 or newer is on PATH" in answer.stderr


@pytest.mark.parametrize("tier", ["smoke", "config", "paper"])
def test_snakemake_finds_nothing_to_complain_about(tier: str) -> None:
    command = [sys.executable, "-m", "snakemake", "--lint", "--configfile", f"config/{tier}.yaml"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_default_profile_limits_the_gpu() -> None:
    profile = yaml.safe_load((ROOT / "workflow/profiles/default/config.yaml").read_text())
    assert profile["resources"] == {"gpu": 1}


def test_the_ci_script_is_executable_bash() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
    assert "bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()
