"""Archives, pictures and names that were made to do harm: nothing of them is run, nothing is written elsewhere."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

import fetch_data
import plan
import run_cell
import run_slice
from benign.data.images import sources, storage
from benign.data.images.record import CIFAR10_CLASSES, DataError
from benign.pipeline import settings
from benign.pipeline.settings import SettingsError
from support import ROOT

pytestmark = pytest.mark.fault("files, archives and names made to do harm")

STUDY = "linear_classifier"
ODD = ["a b", "it's", '"q"', "$(touch struck)", "`touch struck`", "; touch struck", "-rf", "é\n", "{braces}", "*"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, two folders below one that has to stay as it is."""
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    return inner


def untouched(folder: Path) -> bool:
    return [path.name for path in folder.parent.iterdir()] == ["inner"] and not (folder / "struck").exists()


def archive(kind: str) -> bytes:
    """An archive whose one member lies outside of it."""
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as packed:
            packed.writestr("../struck", "struck")
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as packed_tar:
            member = tarfile.TarInfo("../struck")
            member.size = 6
            packed_tar.addfile(member, io.BytesIO(b"struck"))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_an_archive_that_is_not_the_published_one_is_not_unpacked(
    dataset: str, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", lambda url, **_: url)
    monkeypatch.setattr(
        "torchvision.datasets.utils._urlretrieve", lambda url, path: Path(path).write_bytes(archive(kind))
    )
    options = ["--dataset", dataset, "--source", "download", "--cache", "cache", "--output", "out.safetensors"]
    assert fetch_data.main(options) == 2
    assert "could not be downloaded" in capsys.readouterr().err
    assert untouched(folder)
    assert list((folder / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "content", [archive("zip"), archive("tar"), gzip.compress(bytes(10**7))], ids=["zip", "tar", "gz"]
)
def test_an_archive_in_the_place_of_an_image_file_is_refused(content: bytes, folder: Path) -> None:
    (folder / "x.safetensors").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.safetensors is not a usable image file"):
        storage.load(folder / "x.safetensors")
    assert untouched(folder)


@pytest.fixture
def pictures(folder: Path) -> Path:
    """Class folders with one picture each."""
    for part in ("train", "test"):
        for name in CIFAR10_CLASSES:
            (folder / part / name).mkdir(parents=True)
            Image.new("RGB", (32, 32), "teal").save(folder / part / name / "0.png")
    return folder


def test_a_picture_that_would_fill_the_memory_is_refused_by_its_size(pictures: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(pictures / "train" / "cat" / "1.png")
    with pytest.raises(DataError, match=r"train/cat/1\.png"):
        sources.cifar10_folder(pictures)


@pytest.mark.fault("missing, truncated, corrupt or other data")
def test_a_link_that_leads_nowhere_is_named(pictures: Path) -> None:
    (pictures / "train" / "cat" / "1.png").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"train/cat/1\.png is no file"):
        sources.cifar10_folder(pictures)


def test_a_pipe_among_the_pictures_is_refused_and_not_waited_for(pictures: Path) -> None:
    os.mkfifo(pictures / "train" / "cat" / "1.png")
    with pytest.raises(DataError, match=r"train/cat/1\.png is no file"):
        sources.cifar10_folder(pictures)


@pytest.mark.parametrize("name", ODD)
def test_a_picture_s_or_a_folder_s_name_is_never_a_command(
    name: str, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (32, 32)).save(pictures / "train" / "cat" / f"{name}.png")
    moved = pictures / f"./{name}"
    moved.mkdir()
    for part in ("train", "test"):
        (pictures / part).rename(moved / part)
    options = ["--dataset", "cifar10", f"--source=./{name}", "--output", f"./{name}.safetensors"]
    assert fetch_data.main(options) == 0, capsys.readouterr().err
    assert len(storage.load(pictures / f"{name}.safetensors").train_labels) == 11
    assert untouched(pictures)


@pytest.mark.parametrize("text", ["../../struck", "/struck", "..", "a/b", "$(touch struck)", "\0"])
def test_a_text_field_that_would_lead_out_of_the_folder_is_no_value(
    text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cell.main([STUDY, f"norm={text}"]) == 2
    assert "norm" in capsys.readouterr().err
    config = settings.read_yaml(settings.tier_file("smoke"))
    for place, value in (("tier", text), ("studies", [text])):
        with pytest.raises(SettingsError, match=place):
            settings.check_config({**config, place: value})
    assert untouched(folder)


def test_a_grid_that_would_run_a_command_is_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "grid.yaml").write_text("smoke: !!python/object/apply:os.system ['touch struck']\n")
    options = ["--study", STUDY, "--tier", "smoke", "--grid", "grid.yaml", "--output", "out"]
    assert plan.main(options) == 2
    assert "grid.yaml is not YAML" in capsys.readouterr().err
    assert untouched(folder)


def test_a_plan_that_names_a_file_elsewhere_writes_nothing_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = settings.section(settings.grid_file(STUDY), STUDY, "smoke")
    (folder / "grid.yaml").write_text(yaml.safe_dump(dict.fromkeys(("smoke", "default", "paper"), section)))
    assert plan.main(["--study", STUDY, "--tier", "smoke", "--grid", "grid.yaml", "--output", "out"]) == 0
    head, first, *_ = (folder / "out" / "00.plan").read_text().splitlines()
    hostile = [head.replace(STUDY, "../../struck"), head], [first, first.replace(first[2:18], "../../../struck")]
    for line, cell in zip(*hostile, strict=True):
        (folder / "out" / "00.plan").write_text(f"{line}\n{cell}\n")
        options = ["--plan", "out/00.plan", "--scratch", "scratch", "--output", "out/00.csv", "--tier", "smoke"]
        assert run_slice.main(options) == 2
        assert "out/00.plan" in capsys.readouterr().err
        assert untouched(folder)


def test_what_lies_in_the_folder_of_a_run_is_not_imported(folder: Path) -> None:
    """A folder of results is no place for code: a file that has a library's name there is passed over."""
    for name in ("yaml", "numpy", "benign", "plans"):
        (folder / f"{name}.py").write_text("open('struck', 'w')\n")
    command = [sys.executable, "-E", str(ROOT / "scripts" / "plan.py"), "--study", STUDY, "--tier", "smoke"]
    grid = ["--grid", str(settings.grid_file(STUDY)), "--output", "out"]
    answer = subprocess.run([*command, *grid], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert untouched(folder)
