"""The sources that a result is said to depend on are those that it does depend on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import record_provenance
from benign import studies
from benign.pipeline import provenance, settings, tables
from benign.pipeline.definitions import Sources
from support import ROOT

SOURCE = ROOT / "src"
MODULES = [f"benign.studies.{study}.{part}" for study in studies.NAMES for part in ("experiment", "figures", "claims")]
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py"))


def imported(statement: str) -> set[Path]:
    """The project's files that a fresh Python has run after `statement`."""
    code = f"import json, sys; {statement}; modules = list(sys.modules.values())"
    code += "; print(json.dumps([getattr(module, '__file__', None) for module in modules]))"
    environment = {"PYTHONPATH": f"{SOURCE}:{ROOT / 'scripts'}", "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    files = {Path(name) for name in json.loads(answer.stdout.splitlines()[-1]) if name}
    return {file for file in files if file.is_relative_to(SOURCE) or file.parent == ROOT / "scripts"}


@pytest.mark.parametrize("module", MODULES)
def test_static_sources_are_the_modules_really_imported(module: str) -> None:
    registry = SOURCE / "benign" / "studies" / "__init__.py"
    assert set(provenance.sources(module)) == imported(f"import {module}") - {registry}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_s_sources_are_the_modules_really_imported(script: Path) -> None:
    registry = SOURCE / "benign" / "studies" / "__init__.py"
    assert set(provenance.script_sources(script)) == imported(f"import {script.stem}") - {registry}


def test_no_study_depends_on_another_or_on_the_registry() -> None:
    for study in studies.NAMES:
        others = [other for other in studies.NAMES if other != study]
        for part in ("experiment", "figures", "claims"):
            files = provenance.sources(f"benign.studies.{study}.{part}")
            assert not [file for file in files if file.parent.name in (*others, "studies")]


def test_figures_and_claims_do_not_depend_on_the_experiment() -> None:
    for study in studies.NAMES:
        experiment = SOURCE / "benign" / "studies" / study / "experiment.py"
        for part in ("figures", "claims"):
            assert experiment not in provenance.sources(f"benign.studies.{study}.{part}")


@pytest.mark.parametrize("part", ["cells", "run", "figures", "claims"])
@pytest.mark.parametrize("study", studies.NAMES)
def test_what_a_part_of_a_study_depends_on_can_be_traced(study: str, part: str) -> None:
    """Plans, rows and figures carry the fingerprint of it: a run ends where one cannot be taken."""
    assert len(provenance.code_of(study, part)) == 64


@pytest.mark.parametrize("study", studies.NAMES)
def test_counting_a_study_s_cells_does_not_import_torch(study: str) -> None:
    code = f"import sys; from benign.studies.{study} import grid; print('torch' in sys.modules)"
    environment = {"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert answer.stdout.strip() == "False"


def test_asking_for_sources_imports_neither_torch_nor_pandas() -> None:
    code = "import sys; from benign.pipeline import provenance; print({'torch', 'pandas', 'numpy'} & set(sys.modules))"
    environment = {"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert answer.stdout.strip() == "set()"


def test_every_kind_of_import_is_followed(tmp_path: Path) -> None:
    root = tmp_path / "benign"
    for name, text in {
        "__init__.py": "",
        "a.py": "from typing import TYPE_CHECKING\nfrom . import b\nif TYPE_CHECKING:\n    from benign import never\n",
        "b.py": "def late():\n    import benign.c\n",
        "c.py": "from benign.d import inside, outside\nfrom benign.d.inside import thing\n",
        "never.py": "",
        "d/__init__.py": "outside = 1\n",
        "d/inside.py": "from .. import e\nfrom ..e import x\n",
        "e.py": "import os, json\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    package = Sources(root)
    found = sorted(module.path.relative_to(root).as_posix() for module in package.executed(["benign.a"]))
    assert found == ["__init__.py", "a.py", "b.py", "c.py", "d/__init__.py", "d/inside.py", "e.py"]
    with pytest.raises(LookupError, match=r"benign\.nowhere"):
        package.executed(["benign.nowhere"])


def test_a_folder_of_data_is_recorded_without_saying_where_it_lies(tmp_path: Path) -> None:
    table, output = tmp_path / "adversarial_training" / "table.csv", tmp_path / "out.json"
    origins = tmp_path / "adversarial_training" / "slices" / "origins.json"
    tables.write(table, [], [tables.KEY])
    tables.write_json(origins, [])
    config = {"mnist_root": "/data of/someone", "cifar10_root": "../cifar10", "data": {"mnist": "none"}}
    grid = ["--grids", str(settings.grid_file("adversarial_training")), "--citation", str(ROOT / "CITATION.cff")]
    options = ["--tier", "smoke", "--config", json.dumps(config), "--output", str(output), *grid]
    assert record_provenance.main([*options, "--tables", str(table), "--origins", str(origins), "--figures"]) == 0
    recorded = json.loads(output.read_text())["config"]
    assert recorded == {**config, "mnist_root": "folder", "cifar10_root": "folder"}


def repository(folder: Path) -> str:
    """Make one of all that lies in a folder; returns its commit."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_copy_within_another_repository_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "module.py").write_text("")
    monkeypatch.setattr(settings, "ROOT", project)
    nothing = {"commit": None, "modified": None}
    assert record_provenance.commit() == nothing
    other = repository(tmp_path)
    assert record_provenance.commit() == nothing
    own = repository(project)
    assert other != own
    for name, value in {"GIT_DIR": tmp_path / ".git", "GIT_WORK_TREE": tmp_path}.items():
        monkeypatch.setenv(name, str(value))
    assert record_provenance.commit() == {"commit": own, "modified": False}
    (project / "src" / "module.py").write_text("changed\n")
    assert record_provenance.commit() == {"commit": own, "modified": True}
