"""Whatever a file or a command line holds, a reader takes it whole or says what is wrong: no traceback, no hang."""

from __future__ import annotations

import json
import struct
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.numpy
import torch
import yaml
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import run_cell
from benign.data.images import sources, storage
from benign.data.images.record import CIFAR10_CLASSES, DataError
from benign.pipeline import console, plans, settings, tables
from benign.pipeline.rows import KeptRows
from benign.train.checkpoints import Checkpoints

pytestmark = pytest.mark.fault("missing, truncated, corrupt or other data")

STUDY = "linear_classifier"
# The folder is the same for all examples of a test: each overwrites the one before.
swiftly = hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = (
    "tier studies device data mnist mnist_root cifar10_root smoke default paper grid slices common seeds experiments"
)
KEYS = st.sampled_from([*NAMES.split(), "dimension", "d", "n", "exponent", "norm", "steps", ""])
WORDS = st.text(max_size=12) | st.sampled_from(["d=10", "d=", "=1", "seed=0", "d=1e3", "n=[1]"])
NESTED = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
GRID = yaml.safe_load(settings.grid_file(STUDY).read_text())
TIER = yaml.safe_load(settings.tier_file("smoke").read_text())


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each value of nested content stands."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(place for name, value in inner for place in places(value, (*path, name)))]


def planted(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place."""
    if not place:
        return value
    copy = dict(content) if isinstance(content, dict) else list(content)
    copy[place[0]] = planted(copy[place[0]], place[1:], value)
    return copy


def takes_or_names(reader: Callable[[], Any], file: Path | str, *errors: type[Exception]) -> None:
    """The reader returns, or raises one of its errors with the file's name in it; anything else fails the test."""
    said = str(file)
    try:
        reader()
    except errors as error:
        said = str(error)
    assert str(file) in said


# ---------------------------------------------------------------- settings


@pytest.mark.fault("unknown, mistyped or repeated configuration")
@swiftly
@given(place=st.sampled_from(places(TIER)), value=NESTED)
def test_a_tier_file_with_anything_anywhere_is_taken_or_refused(place: tuple[Any, ...], value: Any) -> None:
    config = planted(TIER, place, value)
    takes_or_names(lambda: settings.check_config(config, "this file"), "this file", settings.SettingsError)


@pytest.mark.fault("impossible values")
@swiftly
@given(place=st.sampled_from(places(GRID)), value=NESTED)
def test_a_grid_with_anything_anywhere_is_taken_or_refused(place: tuple[Any, ...], value: Any, tmp_path: Path) -> None:
    file = tmp_path / "grid.yaml"
    file.write_text(yaml.safe_dump(planted(GRID, place, value), allow_unicode=True), encoding="utf-8")

    def reader() -> None:
        section = settings.section(file, STUDY, "smoke")
        for _, _cell in zip(range(3), plans.planned(STUDY, section, {}), strict=False):
            pass

    takes_or_names(reader, "", settings.SettingsError, console.CellError)


@pytest.mark.fault("unknown, mistyped or repeated configuration")
@swiftly
@given(content=st.binary(max_size=200))
@example(content=b"\xff\xfe")
@example(content=b"[" * 100_000)
@example(content=b"a: &a [x, x]\n")
@example(content=b"!!python/object/apply:os.system [touch struck]")
@example(content=b"- !!timestamp 9999-99-99")
@example(content=b"? [a]\n: b")
@example(content=b"\x00")
@example(content=b"a: 1\na: 2\n")
def test_any_bytes_for_a_grid_are_refused_by_the_file_s_name(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "grid.yaml"
    file.write_bytes(content)
    with pytest.raises(settings.SettingsError, match=r"grid\.yaml"):
        settings.section(file, STUDY, "smoke")


@pytest.mark.fault("unknown, mistyped or repeated configuration")
@swiftly
@given(words=st.lists(WORDS, max_size=3))
@example(words=["norm=../../etc"])
@example(words=["d=" + "9" * 5000])
@example(words=["exponent=nan"])
@example(words=["--fields", "--json"])
def test_any_words_after_run_cell_are_taken_or_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_cell, "answer", lambda study, cell, context: {"cell": cell.fields()})
        with pytest.raises(SystemExit) as stop:
            sys.exit(run_cell.main([STUDY, *words]))
    assert stop.value.code in (0, 2)
    capsys.readouterr()


# ---------------------------------------------------------------- results


ROWS: list[dict[str, Any]] = [{"key": "a", "x": 1.5, "name": 'it\'s "so"'}, {"key": "b", "x": None, "name": "01"}]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    tables.write(tmp_path / "table.csv", ROWS, ["key", "x", "name"])
    return tmp_path / "table.csv"


@swiftly
@given(content=st.binary(max_size=80) | st.text('key,"01.e-nf\n\rTrue', max_size=80).map(str.encode))
@example(content=b"key\n")
@example(content=b'"key"\n\n')
@example(content=b'"key","key"\n"a","b"\n')
@example(content=b'"key"\n' + b"9" * 5000 + b"\n")
@example(content=b"\n")
@example(content=b'"key",\n"a",1\n')
@example(content=b'"key"\nTrue\n')
def test_any_bytes_for_a_table_are_taken_or_refused(content: bytes, table: Path) -> None:
    table.write_bytes(content)
    for reader in (tables.read, tables.read_rows, tables.read_frame):
        takes_or_names(lambda reader=reader: reader(table), table, tables.TableError)  # type: ignore[misc]


@swiftly
@given(data=st.data())
def test_a_table_that_lost_bytes_is_refused_or_still_a_table(data: st.DataObject, table: Path) -> None:
    whole = table.read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:start] + data.draw(st.binary(max_size=3)) + whole[data.draw(st.integers(start, len(whole))) :]
    table.write_bytes(damaged)
    takes_or_names(lambda: tables.read(table), table, tables.TableError)
    tables.write(table, ROWS, ["key", "x", "name"])


@swiftly
@given(content=st.binary(max_size=60))
@example(content=b"[" * 100_000)
@example(content=b"9" * 5000)
@example(content=b"\xff")
def test_any_bytes_for_json_are_taken_or_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    takes_or_names(lambda: tables.read_json(tmp_path / "x.json"), "x.json", tables.TableError)


HEAD = {"study": STUDY, "slice": 0, "slices": 1, "fields": ["d"]}


@swiftly
@given(content=st.binary(max_size=80) | NESTED.map(lambda value: json.dumps(value).encode() + b"\n"))
@example(content=json.dumps({**HEAD, "study": "../../evil"}).encode() + b"\n")
@example(content=json.dumps({**HEAD, "fields": ["__class__"]}).encode() + b'\n["0", 1]\n')
@example(content=json.dumps({**HEAD, "fields": None}).encode() + b'\n["0", 1]\n')
@example(content=json.dumps(HEAD).encode() + b"\n[1, 2, 3]\n")
@example(content=json.dumps(HEAD).encode() + b"\nno json\n")
@example(content=json.dumps(HEAD).encode() + b'\n["../../evil", 10]\n')
@example(content=json.dumps(HEAD).encode() + b"\n{}\n")
@example(content=json.dumps(HEAD).encode() + b"\n" + b"[" * 100_000 + b"\n")
def test_any_bytes_for_a_plan_are_refused_by_the_file_s_name(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "00.plan"
    file.write_bytes(content)
    for reader in (plans.read, plans.keys):
        takes_or_names(lambda reader=reader: reader(file), file, console.UserError)  # type: ignore[misc]


@swiftly
@given(content=st.binary(max_size=80) | NESTED.map(lambda value: json.dumps(value).encode() + b"\n"))
@example(content=b'{"key": "' + b"0" * 16 + b'", "seconds": 1, "row": []}\n')
@example(content=b'{"origin": 3}\n{"key": "' + b"0" * 16 + b'", "seconds": 1.0, "row": {"key": 5}}\n')
@example(content=b"[" * 100_000 + b"\n")
def test_no_bytes_among_kept_rows_stop_a_run(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "0-of-1.jsonl").write_bytes(content)
    kept = KeptRows(tmp_path, (0, 1))
    assert kept.load({"0" * 16}) == {}
    with kept.appending():
        pass


# ---------------------------------------------------------------- images and checkpoints


HEADER = json.dumps({"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()


@swiftly
@given(content=st.binary(max_size=120))
@example(content=struct.pack("<Q", len(HEADER)) + HEADER)
@example(content=struct.pack("<Q", 2**63) + b"{}")
@example(content=safetensors.numpy.save({}, {"benign": "[]"}))
@example(content=safetensors.numpy.save({}, {"benign": '{"format": 1}'}))
def test_any_bytes_for_images_or_a_checkpoint_are_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.safetensors is not a usable image file"):
        storage.load(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Checkpoints(tmp_path, "code").load("x") is None


@pytest.mark.fault("files, archives and names made to do harm")
def test_a_checkpoint_that_torch_pickled_is_not_opened(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "x.safetensors")
    with pytest.warns(UserWarning, match="this training starts over"):
        assert Checkpoints(tmp_path, "code").load("x") is None


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    root = tmp_path_factory.mktemp("pictures")
    for part in ("train", "test"):
        for name in CIFAR10_CLASSES:
            (root / part / name).mkdir(parents=True)
            Image.new("RGB", (32, 32), "teal").save(root / part / name / "0.png")
    return root


PNG = b"\x89PNG\r\n\x1a\n"


@swiftly
@given(content=st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: PNG + b"\x00\x00\x00\rIHDR" + rest))
@example(content=PNG + b"\x00\x00\x00\rIHDR" + struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0) + b"0000")
@example(content=b"PK\x03\x04" + b"\x00" * 40)
@example(content=b"GIF89a" + struct.pack("<HH", 32, 32) + b"\x00" * 20)
@example(content=b"<svg xmlns='http://www.w3.org/2000/svg' width='32' height='32'/>")
@example(content=b"%PDF-1.4\n")
@example(content=b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n(touch struck) run\n")
def test_any_bytes_for_a_picture_are_refused_by_the_file_s_name(content: bytes, pictures: Path) -> None:
    file = pictures / "train" / "cat" / "0.png"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"train/cat/0\.png"):
        sources.cifar10_folder(pictures)
