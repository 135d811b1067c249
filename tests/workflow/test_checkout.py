"""A checkout runs its own code and makes the same results, wherever it lies, whatever shell or workflow starts it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT, copy_project

COMMANDS = [
    path.relative_to(ROOT)
    for folder in ("scripts", "tools", "benchmarks", "tests/regression")
    for path in sorted((ROOT / folder).glob("*.py"))
    if '__name__ == "__main__"' in path.read_text() and "benign" in path.read_text()
]
# As where a checkout is copied with its .venv: the package that is installed there is the one that was copied.
ELSEWHERE = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
ODD = """a space, it's "quoted", $HOME, `a command`, {half a brace, é"""


# ---------------------------------------------------------------- its own code


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout whose code says, when it is imported, whose it is, and goes no further."""
    project = copy_project(tmp_path_factory.mktemp("copied") / "project")
    for folder in ("tools", "benchmarks", "tests"):
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("baseline", "__pycache__"))
    (project / "src" / "benign" / "__init__.py").write_text('raise SystemExit("the copy\'s own code")\n')
    return project


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_of_a_copied_checkout_runs_the_copy_s_code(command: Path, copied: Path, tmp_path: Path) -> None:
    line = [sys.executable, str(copied / command), "--help"]
    answer = subprocess.run(line, cwd=tmp_path, env=ELSEWHERE, capture_output=True, text=True, check=False)
    assert answer.stderr == "the copy's own code\n"


def test_the_tests_of_a_copied_checkout_test_the_copy_s_code(copied: Path) -> None:
    line = [sys.executable, "-m", "pytest", "tests/unit/test_files.py"]
    answer = subprocess.run(line, cwd=copied, env=ELSEWHERE, capture_output=True, text=True, check=False)
    assert "the copy's own code" in answer.stdout + answer.stderr


def test_make_calls_nothing_that_names_the_place_where_it_was_installed() -> None:
    assert set(re.findall(r"\$\(BIN\)/(\S+)", (ROOT / "Makefile").read_text())) == {"python"}
