"""A checkout runs its own code and makes the same results, wherever it lies, whatever shell or workflow starts it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import run_pipeline
from support import ROOT, copy_project, made_by_the_pipeline, snakemake

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


# ---------------------------------------------------------------- a shell's settings


STRANGE = {
    "PYTHONPATH": "/a/cluster's/modules",
    "PYTHONHOME": "/a/cluster's/python",
    "PIP_USER": "1",
    "PIP_TARGET": "/elsewhere",
    "PIP_PREFIX": "/elsewhere",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}


def test_make_installs_and_runs_without_what_the_shell_sets_for_other_pythons(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    python, log = tmp_path / ".venv" / "bin" / "python", tmp_path / "log"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\n{{ echo "ran $*"; env; }} >> {log}\n')
    python.chmod(0o755)
    subprocess.run(["make", "smoke", f"PYTHON={python}"], cwd=tmp_path, env={**os.environ, **STRANGE}, check=True)
    runs = [dict(re.findall(r"^(\w+)=(.*)$", run, re.MULTILINE)) for run in log.read_text().split("ran ")[1:]]
    assert len(runs) == 4, "venv, pip twice, the pipeline"
    for run in runs:
        assert {name: run[name] for name in STRANGE if name in run} == {"PIP_USER": "0", "MPLBACKEND": "agg"}


def test_figures_are_drawn_in_a_notebook_s_shell(tmp_path: Path) -> None:
    table = ROOT / "tests" / "regression" / "reference" / "moderate_dimension.csv"
    options = ["--study", "moderate_dimension", "--table", str(table), "--output", str(tmp_path)]
    line = [sys.executable, str(ROOT / "scripts" / "draw_figures.py"), *options]
    environment = {**os.environ, "MPLBACKEND": STRANGE["MPLBACKEND"]}
    answer = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert list(tmp_path.glob("*.png"))


def test_a_run_is_this_machine_s_whatever_profile_the_shell_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("executor: of another machine\n")
    monkeypatch.setenv("SNAKEMAKE_PROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with open("words", "w") as words, open("lock", "w") as lock:
        assert run_pipeline.snakemake(ROOT / "config" / "no_such.yaml", 1, words, lock).wait() == 1
    assert "no_such.yaml" in Path("words").read_text(), "it came as far as the tier's file"


# ---------------------------------------------------------------- any place, any clone


@pytest.mark.slow
def test_a_checkout_in_an_odd_place_makes_the_same_results_from_another_folder(
    pristine: Path, example_run: Path, tmp_path: Path
) -> None:
    project, folder = tmp_path / ODD / "project", tmp_path / "elsewhere"
    shutil.copytree(pristine, project, ignore=shutil.ignore_patterns(".snakemake", "results", "figures", "scratch"))
    folder.mkdir()
    line = [sys.executable, str(project / "scripts" / "run_pipeline.py"), "--tier", "smoke", "--cores", "2"]
    answer = subprocess.run(line, cwd=folder, env=ELSEWHERE, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert made_by_the_pipeline(folder) == made_by_the_pipeline(example_run)


def test_a_place_whose_name_snakemake_takes_for_a_pattern_is_refused_from_elsewhere(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "{braces}" / "project")
    answer = snakemake("--configfile", project / "config/smoke.yaml", "--dry-run", directory=tmp_path, root=project)
    assert answer.returncode == 1
    assert f"braces are wildcards to Snakemake: run it in {project}, or rename the folder" in answer.stdout
    within = snakemake("--configfile", "config/smoke.yaml", "--dry-run", directory=project, root=project)
    assert within.returncode == 0, within.stdout


def test_a_clone_has_the_committed_bytes_whatever_line_ends_git_prefers(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    for name in (".ci/run", ".gitattributes", "Makefile", "Snakefile", "environment.yml", "requirements.lock"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, origin / name)
    for name in ("config", "workflow", "scripts", "figures/paper/linear_classifier", "results/paper/linear_classifier"):
        shutil.copytree(ROOT / name, origin / name, ignore=shutil.ignore_patterns("slices", "__pycache__"))

    def git(*arguments: str | Path) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *identity, *arguments], cwd=origin, capture_output=True, check=True)

    git("init")
    git("add", "--all")
    git("commit", "--message", "all")
    git("clone", "-c", "core.autocrlf=true", origin, clone)
    files = [path.relative_to(origin) for path in origin.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert [name for name in files if (clone / name).read_bytes() != (origin / name).read_bytes()] == []


# ---------------------------------------------------------------- a part of another workflow


OUTER = """

rule ours:
    output:
        "ours.txt",
    shell:
        "echo $PYTHONPATH $PATH > {output}"


rule everything:
    default_target: True
    input:
        rules.ours.output,
        rules.benign_all.input,
"""


def outer(folder: Path, module: Path, before: str = "", after: str = "") -> None:
    """A workflow in `folder` that has the project at `module` as config/README.md shows, and rules of its own."""
    page = (ROOT / "config" / "README.md").read_text()
    (shown,) = re.findall(r"^```python\n(module benign:.*?)^```", page, re.MULTILINE | re.DOTALL)
    (folder / "Snakefile").write_text(before + shown.replace("/path/to/the/project", str(module)) + after)
    config = yaml.safe_load((module / "config" / "smoke.yaml").read_text())
    (folder / "outer.yaml").write_text(yaml.safe_dump({"benign": config, "samples": ["ours"]}))


@pytest.mark.slow
def test_another_workflow_can_have_it_as_a_module_below_a_prefix_of_its_own(
    pristine: Path, example_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer(tmp_path, pristine, after=OUTER)
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "torch.py").write_text('raise ImportError("for another Python")')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "cluster"))
    run = snakemake("--configfile", "outer.yaml", "--show-failed-logs", directory=tmp_path, root=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    alone = f"{tmp_path / 'cluster'} {os.environ['PATH']}\n"
    assert (tmp_path / "ours.txt").read_text() == alone, "its own jobs are left alone"
    theirs = {".snakemake", "Snakefile", "outer.yaml", "ours.txt", "cluster"}
    assert {path.name for path in tmp_path.iterdir()} - theirs == {"benign"}
    assert made_by_the_pipeline(tmp_path / "benign") == made_by_the_pipeline(example_run)


@pytest.mark.parametrize(
    ("before", "target"),
    [
        ('rule first:\n    output:\n        "first",\n\n\nrule own:\n    default_target: True\n\n\n', "own"),
        ('rule first:\n    output:\n        "first",\n\n\n', "first"),
        ("", "benign_all"),
    ],
    ids=["stated", "first", "none"],
)
def test_the_default_target_of_the_other_workflow_stays(
    before: str, target: str, pristine: Path, tmp_path: Path
) -> None:
    outer(tmp_path, pristine, before=before)
    run = snakemake("--configfile", "outer.yaml", "--dry-run", directory=tmp_path, root=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.findall(r"^(?:local)?rule (\w+):$", run.stdout, re.MULTILINE)[-1] == target
