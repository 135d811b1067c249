"""Continuous integration: what .ci/run does on a machine that has next to nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support import ROOT

STUB = "#!{bash}\n{body}\n"
PYTHON_WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1 ;; esac'
MAKE = 'echo "make $* data=${BENIGN_DATA:-}" >> "$LOG"'
# Installs a make that says with what it was called.
APT_GET = 'echo "apt-get $*" >> "$LOG"; [[ $1 != install ]] || cp "$SPARE" "$BIN/make"'

Run = Callable[..., list[str]]


@pytest.fixture
def ci(tmp_path: Path) -> Run:
    """Runs .ci/run, as on a machine with the given commands alone; returns what was called."""

    def run(commands: dict[str, str]) -> list[str]:
        checkout, bin_, log, spare = (tmp_path / name for name in ("checkout", "bin", "log", "spare"))
        for folder in (checkout / ".ci", bin_):
            folder.mkdir(parents=True)
        shutil.copy2(ROOT / ".ci" / "run", checkout / ".ci" / "run")
        for name in ("bash", "cp", "dirname", "nproc", "realpath"):
            (bin_ / name).symlink_to(shutil.which(name) or pytest.fail(name))
        for path, body in {spare: MAKE, **{bin_ / name: body for name, body in commands.items()}}.items():
            path.write_text(STUB.format(bash=shutil.which("bash"), body=body))
            path.chmod(0o755)
        environment = {"PATH": str(bin_), "CI": "true", "LOG": str(log), "SPARE": str(spare), "BIN": str(bin_)}
        command = [checkout / ".ci" / "run"]
        subprocess.run(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, check=True, timeout=60)
        return log.read_text().splitlines()

    return run


def test_a_bare_machine_gets_what_it_lacks(ci: Run) -> None:
    assert ci({"python3.11": PYTHON_WITHOUT_VENV, "apt-get": APT_GET}) == [
        "apt-get update",
        "apt-get install --yes --no-install-recommends make git python3.11-venv chromium",
        "make check data=",
        "make test data=",
    ]


def test_a_machine_that_has_everything_installs_nothing(ci: Run, tmp_path: Path) -> None:
    data = tmp_path / "shared" / "data"
    data.mkdir(parents=True)
    called = ci({"python3": "", "git": "", "make": MAKE, "apt-get": APT_GET, "google-chrome": ""})
    assert called == [f"make check data={data}", f"make test data={data}"]


def test_the_venv_of_the_python_that_make_takes_is_looked_for(ci: Run) -> None:
    old = "exit 1"
    commands = {"python3.11": old, "python3.12": PYTHON_WITHOUT_VENV, "python3": "", "git": "", "make": MAKE}
    called = ci({**commands, "apt-get": APT_GET})
    assert "apt-get install --yes --no-install-recommends python3.12-venv chromium" in called
    makefile = (ROOT / "Makefile").read_text()
    assert "for python in python3.11 python3.12 python3.13 python3.14 python3;" in makefile
    assert "for python in python3.11 python3.12 python3.13 python3.14 python3;" in (ROOT / ".ci/run").read_text()


def test_the_page_that_is_published_is_the_paper_tier_s_and_is_not_committed() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text())
    steps = workflow["jobs"]["publish"]["steps"]
    assert {"run": "make site TIER=paper"} in steps
    (published,) = [step["with"]["path"] for step in steps if "upload-pages-artifact" in step.get("uses", "")]
    assert published == "results/paper/site"
    assert f"/{published.replace('paper', '*')}/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_hosted_service_runs_the_same_script_with_the_oldest_python_that_is_supported() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert job["steps"][-1] == {"run": "bash .ci/run"}
    assert [step["with"]["python-version"] for step in job["steps"] if "python-version" in step.get("with", {})] == [
        "3.11"
    ]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
