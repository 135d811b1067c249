"""What is installed is what was locked, under licences that one may rely on; and the house's arrows point one way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path

import pytest

import licences
import lock
import structure
from benign.pipeline.console import UserError
from support import ROOT, copy_project

# ---------------------------------------------------------------- hashes


def test_every_pin_says_which_files_it_may_be() -> None:
    lock.compare_hashes(lock.LOCK, lock.PEERS)


def test_a_pin_without_a_hash_is_named(tmp_path: Path) -> None:
    half = f"a==1 \\\n    --hash=sha256:{'0' * 64}\nb==2\nc==3 \\\n    --hash=sha256:0\n"
    (tmp_path / "x.lock").write_text(half)
    assert lock.locked(tmp_path / "x.lock") == {"a": "1", "b": "2", "c": "3"}
    with pytest.raises(UserError, match=r"^x\.lock has no hash for b==2, c==3 --hash=sha256:0: run tools/lock\.py"):
        lock.compare_hashes(tmp_path / "x.lock")


@pytest.mark.parametrize("target", ["reproduce", "test"])
def test_make_installs_nothing_whose_hash_is_not_in_a_lock(target: str, tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "requirements-peers.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    said = subprocess.run(["make", "-n", target], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    installs = [line for line in said.splitlines() if "pip install" in line and "-e ." not in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)


# ---------------------------------------------------------------- licences


def test_the_page_of_licences_has_every_package_as_it_describes_itself() -> None:
    names = sorted({*lock.locked(lock.LOCK), *lock.locked(lock.PEERS)})
    found = licences.licences(names)
    licences.compare(licences.PAGE.read_text(), names, found)
    assert [name for name, licence in found.items() if not licences.free(licence) and not licences.seen(name)] == []


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("MIT", True),
        ("Apache License, Version 2.0", True),
        ("Apache-2.0 WITH LLVM-exception AND BSD-3-Clause", True),
        ("MIT OR GPL-3.0", False),
        ("GNU Affero General Public License v3", False),
        ("LGPL-2.1", False),
        ("CC-BY-NC-4.0", False),
        ("not stated", False),
        ("", False),
    ],
)
def test_a_licence_that_binds_its_users_is_told_from_a_free_one(licence: str, free: bool) -> None:
    assert licences.free(licence) is free


def described(**fields: str) -> Distribution:
    """A package with such metadata and no files."""
    said = Message()
    for name, value in fields.items():
        said[name.replace("_", "-")] = value

    class Described(Distribution):
        metadata = said  # type: ignore[assignment]

        def read_text(self, filename: str) -> None:
            return None

        def locate_file(self, path: object) -> Path:
            return Path(str(path))

    return Described()


def test_the_most_exact_word_on_a_licence_counts() -> None:
    classifier = "License :: OSI Approved :: BSD License"
    assert licences.licence(described(License_Expression="MIT", License="BSD", Classifier=classifier)) == "MIT"
    assert licences.licence(described(License="BSD-3-Clause", Classifier=classifier)) == "BSD-3-Clause"
    assert licences.licence(described(License="Copyright …\nwhole text", Classifier=classifier)) == "BSD License"
    assert licences.licence(described()) == "not stated"


def test_a_page_that_lacks_a_package_or_says_something_else_is_out_of_date() -> None:
    page = licences.page({"a": "MIT", "gone": "MIT"})
    with pytest.raises(UserError) as error:
        licences.compare(page, ["a", "b"], {"a": "BSD", "b": "MIT"})
    for fault in ("b is not in", "gone is in licences.md and in no lock", "a says BSD, licences.md MIT"):
        assert fault in str(error.value)


# ---------------------------------------------------------------- structure


def test_an_import_against_the_arrows_breaks_its_contract(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    shutil.copytree(ROOT / "tools", project / "tools")
    against = {
        "train/device.py": "from benign.pipeline import tables",
        "studies/real_data/experiment.py": "from benign.studies.no_free_lunch import grid as theirs",
        "studies/linear_classifier/claims.py": "from benign.studies.linear_classifier import experiment",
    }
    for name, line in against.items():
        file = project / "src" / "benign" / name
        file.write_text(file.read_text().replace("import annotations\n", f"import annotations\n\n{line}\n"))
    environment = {**os.environ, "PYTHONPATH": str(project / "src")}
    command = [sys.executable, str(project / "tools" / "structure.py")]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "Contracts: 0 kept, 3 broken." in answer.stdout
    for line in ("train.device -> benign.pipeline.tables", "real_data.experiment -> benign.studies.no_free_lunch.grid"):
        assert line in answer.stdout
    assert "error: an import goes against the arrows" in answer.stderr


def test_what_nothing_uses_is_found_and_what_tests_alone_use_too(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "a.py").write_text(
        "import os\n\n\ndef used():\n    return 1\n\n\ndef tested():\n    return used()\n\n\n"
        "class Row(dict):\n    column: int = used()\n\n\nRow()\n"
    )
    (tmp_path / "tests" / "test_a.py").write_text(
        "from a import tested\n\n\ndef test_it():\n    assert tested()\n\n\ndef helper():\n    return 2\n"
    )
    assert list(structure.unused(tmp_path, ("src",))) == [
        "src/a.py:1: unused import 'os'",
        "src/a.py:8: unused function 'tested'",
    ]
    assert list(structure.unused(tmp_path, ("src", "tests"), within="tests")) == [
        "tests/test_a.py:8: unused function 'helper'"
    ]
