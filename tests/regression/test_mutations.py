"""One deliberate change makes the tests fail that are there for it, and no other: figures cannot rot unseen.

Each change is made in a copy of the project, in which one study's regression tests are run: its table, computed anew;
the numbers that its figures draw from the reference's table; and the images of the reference's numbers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT, copy_project

STUDY = "moderate_dimension"
FIGURES = f"src/benign/studies/{STUDY}/figures.py"
RATIO = 'plots.over_seeds(part, part["ratio"],'
TABLE, DRAWN = (
    f"{name}[{STUDY}]"
    for name in (
        "test_smoke_tier_computes_the_reference_tables",
        "test_reference_tables_are_drawn_as_the_reference_figures",
    )
)
LOOKS = f"test_figure_looks_as_committed[{STUDY}-{{}}]"
# In place of the run of the whole smoke tier, which the tests of tables look at.
ONE_STUDY = f"""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import recompute


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smoke")
    recompute.compute("{STUDY}", {{}}, folder / "results" / "smoke" / "{STUDY}" / "table.csv")
    return folder
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project whose regression tests run one study alone."""
    project = copy_project(tmp_path / "project")
    shutil.copytree(ROOT / "tests", project / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "tests" / "regression" / "conftest.py").write_text(ONE_STUDY)
    return project


def failing(project: Path) -> set[str]:
    """The names of the study's regression tests that fail in a project."""
    names = "computes_the_reference_tables or drawn_as_the_reference_figures or looks_as_committed"
    files = [f"tests/regression/{name}.py" for name in ("test_numbers", "test_figure_images")]
    line = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-rf", "-k", f"{STUDY} and ({names})", *files]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    run = subprocess.run(line, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert re.search(r"\d+ (passed|failed)", run.stdout), run.stdout + run.stderr
    return set(re.findall(r"^FAILED \S+::(\S+)", run.stdout, re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        ("src/benign/train/hinge.py", "flatnonzero(margins < 1)", "flatnonzero(margins < 1.01)", {TABLE}),
        (
            "src/benign/plots/style.py",
            '"#56B4E9"',
            '"#E69F00"',
            {LOOKS.format("error_by_ratio"), LOOKS.format("signal")},
        ),
        (
            FIGURES,
            'part["ratio"], "test_error", (panel, ERROR, f',
            'part["ratio"], "train_error", (panel, ERROR, f',
            {DRAWN},
        ),
    ],
    ids=["a_constant_of_the_engine", "a_colour", "a_column"],
)
def test_one_change_fails_the_tests_that_are_there_for_it(
    file: str, before: str, after: str, expected: set[str], copy: Path
) -> None:
    text = (copy / file).read_text()
    assert text.count(before) == 1
    (copy / file).write_text(text.replace(before, after))
    assert failing(copy) == expected


@pytest.mark.slow
def test_without_a_change_none_fails(copy: Path) -> None:
    assert failing(copy) == set()
