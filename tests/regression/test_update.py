"""The command that renews the references says what moved."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from benign.pipeline import tables

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from update_references import moved  # type: ignore[import-not-found]  # noqa: E402  # beside this file

STUDY, FIGURE = "moderate_dimension", "signal"
TABLE, DRAWN = f"reference/{STUDY}.csv", f"reference/{STUDY}/{FIGURE}.csv"
IMAGE = f"baseline/test_figure_looks_as_committed_{STUDY}-{FIGURE}.png"


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """The references of one figure, before and after."""
    for side in ("before", "after"):
        for name in (TABLE, DRAWN, IMAGE):
            (tmp_path / side / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HERE / name, tmp_path / side / name)
    return tmp_path / "before", tmp_path / "after"


def test_what_did_not_change_did_not_move(sides: tuple[Path, Path]) -> None:
    assert moved(*sides) == []


@pytest.mark.parametrize(("move", "words"), [(1e-12, "moved within tolerance"), (0.1, "test_error was ")])
def test_a_table_that_moved_is_named_with_how_far(move: float, words: str, sides: tuple[Path, Path]) -> None:
    rows = tables.read_rows(sides[1] / TABLE)
    names = list(dict.fromkeys(name for row in rows for name in row))
    tables.write(sides[1] / TABLE, [row | {"test_error": row["test_error"] + move} for row in rows], names)
    (line,) = moved(*sides)
    assert line.startswith(f"{TABLE}: {words}")


def test_drawn_numbers_and_images_that_moved_are_named_with_how_far(sides: tuple[Path, Path]) -> None:
    frame = tables.read_frame(sides[1] / DRAWN)
    tables.write_frame(sides[1] / DRAWN, frame.assign(mean=frame["mean"] + 1))
    with Image.open(sides[1] / IMAGE) as image:
        image.convert("L").save(sides[1] / IMAGE)
    image_line, numbers_line = moved(*sides)
    assert image_line.startswith(f"{IMAGE}: pixels moved by ")
    assert numbers_line.startswith(f"{DRAWN}: mean was ")
    assert " more" in numbers_line


def test_what_is_new_and_what_is_gone_is_named(sides: tuple[Path, Path]) -> None:
    (sides[1] / DRAWN).rename((sides[1] / DRAWN).with_name("another.csv"))
    assert moved(*sides) == [f"reference/{STUDY}/another.csv: new", f"{DRAWN}: gone"]
