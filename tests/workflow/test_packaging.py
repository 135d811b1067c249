"""What installs the project: three files that agree, a Makefile that does what it says, a clean workflow."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lock
from benign.pipeline.console import UserError
from support import ROOT, copy_project

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


def test_the_lock_has_what_builds_the_package() -> None:
    """`make` installs it without build isolation, which would fetch that once more."""
    project = tomllib.loads(lock.PROJECT.read_text())
    assert {Requirement(text) for text in project["build-system"]["requires"]} <= {*lock.wanted(lock.PROJECT)}


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
    citation, zenodo = (
        yaml.safe_load((ROOT / "CITATION.cff").read_text()),
        json.loads((ROOT / ".zenodo.json").read_text()),
    )
    for said in (citation, zenodo):
        assert (said["version"], said["license"]) == (PROJECT["version"], PROJECT["license"])
    newest = re.search(r"^## (\S+), (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest, "the changelog has a heading for each version: ## VERSION, DATE"
    assert newest.groups() == (PROJECT["version"], str(citation["date-released"]))
    assert zenodo["publication_date"] == str(citation["date-released"])
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_zenodo_cites_as_citation_cff_does() -> None:
    citation, zenodo = (
        yaml.safe_load((ROOT / "CITATION.cff").read_text()),
        json.loads((ROOT / ".zenodo.json").read_text()),
    )
    assert (zenodo["title"], zenodo["description"]) == (citation["title"], PROJECT["description"])
    assert [each["name"] for each in zenodo["creators"]] == [each["name"] for each in citation["authors"]]
    (paper,), (reference,) = citation["references"], zenodo["references"]
    authors = ", ".join(f"{each['given-names']} {each['family-names']}" for each in paper["authors"])
    place = f"{paper['collection-title']}, PMLR {paper['volume']}:{paper['start']}-{paper['end']}, {paper['year']}."
    assert reference == f"{authors}. {paper['title']}. {place}"


# ---------------------------------------------------------------- what is imported is declared, and the reverse

# What is declared but not imported, with the file that uses it and how it says so. Stubs go with what they describe.
USED_BY_NAME = {
    "mypy": ("Makefile", "-m mypy"),
    "pytest-mpl": ("pyproject.toml", "--mpl"),
    "pytest-xdist": ("Makefile", "pytest -n auto"),
    "ruff": ("Makefile", "-m ruff"),
    "snakefmt": ("Makefile", "-m snakefmt"),
    "snakemake-executor-plugin-slurm": ("workflow/profiles/slurm/config.yaml", "executor: slurm"),
}
OURS = {
    "benign",
    "faults",
    *(
        path.stem
        for name in ("scripts", "tools", "benchmarks", "examples", "tests", "tests/regression")
        for path in ROOT.glob(f"{name}/*.py")
    ),
}


def declared(extra: str = "") -> set[str]:
    """The packages that pyproject.toml asks for: to run the pipeline, or in an extra."""
    return {canonicalize_name(each.name) for each in (lock.extra(lock.PROJECT, extra) if extra else core())}


def core() -> list[Requirement]:
    return [Requirement(text) for text in PROJECT["dependencies"]]


def imported(*folders: str) -> dict[str, str]:
    """The packages that code in these folders imports, at any depth, each with a file that does."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".smk") or path.name == "Snakefile":
                for module in modules(path) - OURS - sys.stdlib_module_names:
                    found.setdefault(package_of(module), str(path.relative_to(ROOT)))
    return found


def modules(path: Path) -> set[str]:
    """The top-level modules that a file imports. Snakemake's rules are not Python, its import statements are."""
    text = path.read_text()
    if path.suffix != ".py":
        text = "\n".join(re.findall(r"^(?:from|import) .*", text, re.MULTILINE))
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return {name.split(".")[0] for name in names}


@functools.cache
def packages() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def package_of(module: str) -> str:
    """The package that installs a module; the module's own name if none here does."""
    return canonicalize_name(packages().get(module, [module])[0])


def undeclared(found: dict[str, str], known: set[str]) -> list[str]:
    return [f"{name} ({path})" for name, path in sorted(found.items()) if name not in known]


def test_what_the_pipeline_imports_is_a_dependency() -> None:
    assert undeclared(imported("src", "scripts", "workflow"), declared()) == []


def test_what_tools_and_tests_import_beside_that_is_in_the_extras_for_tests() -> None:
    assert undeclared(imported("tools", "tests"), declared() | declared("test") | declared("site")) == []


@pytest.mark.peers
def test_what_benchmarks_import_beside_that_is_pinned_with_the_peers() -> None:
    known = {canonicalize_name(name) for name in lock.locked(lock.PEERS)}
    assert undeclared(imported("benchmarks"), declared() | known) == []


def test_every_dependency_is_imported() -> None:
    assert sorted(declared() - imported("src", "scripts", "workflow").keys()) == []


def test_what_an_extra_asks_for_is_imported_or_used_by_name() -> None:
    typed = declared() | declared("test")
    described = {canonicalize_name(f"types-{name}") for name in typed} | {f"{name}-stubs" for name in typed}
    used = imported("tools", "tests", "benchmarks").keys() | USED_BY_NAME.keys() | described
    assert sorted(set().union(*map(declared, PROJECT["optional-dependencies"])) - used) == []
    for name, (file, text) in USED_BY_NAME.items():
        assert text in (ROOT / file).read_text(), name


def test_an_install_carries_all_that_the_package_needs(tmp_path: Path) -> None:
    """Templates are not Python, so that setuptools takes them only where it is told to."""
    project = copy_project(tmp_path / "project")
    for name in ("README.md", "LICENSE"):
        (project / name).write_text((ROOT / name).read_text())
    build = "import setuptools.build_meta as backend; print(backend.build_wheel('..'))"
    said = subprocess.run([sys.executable, "-c", build], cwd=project, capture_output=True, text=True, check=True).stdout
    with zipfile.ZipFile(tmp_path / said.splitlines()[-1]) as wheel:
        installed = {name for name in wheel.namelist() if name.startswith("benign/")}
    package = ROOT / "src" / "benign"
    needed = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert installed == {path.relative_to(package.parent).as_posix() for path in needed}


@pytest.mark.parametrize("tool", sorted((ROOT / "tools").glob("*.py")), ids=lambda path: path.name)
def test_a_tool_runs_by_itself_as_a_command(tool: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(tool), "--help"]
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"usage: {tool.name}")


# ---------------------------------------------------------------- make, Snakemake and continuous integration


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        (["reproduce"], ["run_pipeline.py --tier default --cores all"]),
        (["smoke", "CORES=3"], ["run_pipeline.py --tier smoke --cores 3"]),
        (
            ["paper", "MNIST_ROOT=/a b/mnist", "CIFAR10_ROOT=/it's: (c), #1", "DEVICE=cuda"],
            ["--tier paper", "--config 'device=cuda' 'mnist_root=/a b/mnist' 'cifar10_root=/it'\\''s: (c), #1'"],
        ),
        (["test"], ["--no-deps -r requirements-peers.lock", "python -m pytest"]),
        (["site"], ["python scripts/make_site.py --tier default"]),
        (["site", "TIER=paper"], ["python scripts/make_site.py --tier paper"]),
        (["artifact"], ["python tools/render_artifact.py"]),
        (["bench"], ["--no-deps -r requirements-peers.lock", "python benchmarks/bench.py"]),
        (
            ["check"],
            ["ruff check .", "ruff format --check .", "mypy", "snakefmt --check", "--lint", "lock.py"],
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
    assert said.index("-m venv .venv") < said.index("-r requirements.lock") < said.index("--no-build-isolation -e .")
    for text in commands:
        assert text in said


@pytest.mark.slow
def test_make_needs_no_network_where_all_is_installed(tmp_path: Path) -> None:
    """After a lock that was only touched: what pip asks for is looked up nowhere."""
    project = copy_project(tmp_path / "project")
    for name in ("README.md", "LICENSE", "Makefile", "requirements.lock"):
        (project / name).write_text((ROOT / name).read_text())
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    (installed,) = (project / ".venv").glob("lib/python*/site-packages")
    (installed / "all.pth").write_text(sysconfig.get_path("purelib") + "\n")
    command = ["make", ".venv/ready", f"PYTHON={sys.executable}"]
    environment = {**os.environ, "PIP_NO_INDEX": "1"}
    answer = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert str(project / "src") in (installed / "__editable__.benign-0.1.0.pth").read_text()


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
