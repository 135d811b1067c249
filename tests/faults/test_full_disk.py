"""A disk that is full: each step says so, leaves no half-written file, and does its work once there is room."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import collect
import draw_figures
import judge_claims
import plan
import run_slice
from benign.pipeline import settings

pytestmark = pytest.mark.fault("a full disk, or a place that cannot be written to")

STUDY = "linear_classifier"
STEPS = ("plan", "slice", "collect", "claims", "figures")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here: that takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke tier's first experiment."""
    section = settings.section(settings.grid_file(STUDY), STUDY, "smoke")
    experiments = section["grid"]["experiments"]
    first = next(iter(experiments))
    small = {"slices": 1, "data": [], "grid": {**section["grid"], "experiments": {first: experiments[first]}}}
    path = tmp_path_factory.mktemp("grid") / f"{STUDY}.yaml"
    path.write_text(yaml.safe_dump(dict.fromkeys(("smoke", "default", "paper"), small)))
    return path


def do(step: str, folder: Path, grid: Path) -> int:
    """One step of the pipeline in a folder, by its script."""
    slices, table = folder / "slices", folder / "table.csv"
    of_study, from_table = ["--study", STUDY], ["--table", str(table)]
    if step == "plan":
        return plan.main([*of_study, "--tier", "smoke", "--grid", str(grid), "--output", str(slices)])
    if step == "slice":
        files = ["--plan", str(slices / "00.plan"), "--timing", str(slices / "00.json")]
        scratch = ["--scratch", str(folder / "scratch")]
        return run_slice.main(["--tier", "smoke", *files, *scratch, "--output", str(slices / "00.csv")])
    if step == "collect":
        return collect.main([*of_study, "--folder", str(slices), "--slices", "1", "--output", str(table)])
    if step == "claims":
        claims = ["--output", str(folder / "claims.json")]
        return judge_claims.main([*of_study, *from_table, "--tier", "smoke", *claims])
    return draw_figures.main([*of_study, *from_table, "--output", str(folder / "figures")])


def made(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, but for the rows that are kept and the seconds that they took."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: text for name, text in files.items() if not name.startswith("scratch") and name != "slices/00.json"}


@pytest.fixture(scope="module")
def roomy(grid: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """What lies in the folder after each step where there is room."""
    folder = tmp_path_factory.mktemp("roomy")
    found = {}
    for step in STEPS:
        assert do(step, folder, grid) == 0
        found[step] = made(folder)
    return found


@pytest.mark.parametrize("room", [0, 4096], ids=["none", "a page"])
@pytest.mark.parametrize("step", STEPS)
def test_each_step_on_a_full_disk_leaves_what_was_there_and_works_when_there_is_room(
    step: str,
    room: int,
    disk: Path,
    grid: Path,
    roomy: dict[str, dict[str, bytes]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One page is room for a folder, or for part of a file."""
    before = roomy[STEPS[STEPS.index(step) - 1]] if step != "plan" else {}
    for name, content in before.items():
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_bytes(content)
    if step == "collect":
        (disk / "slices" / "00.json").write_text('{"origins": []}')
    filled = disk / "filled"
    filled.write_bytes(bytes(shutil.disk_usage(disk).free - room))
    assert shutil.disk_usage(disk).free == room
    assert do(step, disk, grid) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert str(disk) in said
    assert "Traceback" not in said
    filled.unlink()
    left = made(disk)
    assert {name: left.get(name) for name in before} == before
    assert {name: text for name, text in left.items() if name not in before} == {
        name: roomy[step][name] for name in left if name not in before
    }, "what is there is whole"
    assert do(step, disk, grid) == 0
    assert made(disk) == roomy[step]
