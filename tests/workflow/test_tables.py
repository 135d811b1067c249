"""Tables: equal tables are equal bytes, and what is read is what was written, or an error."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benign.pipeline import tables

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n\r"))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT)
ROWS = st.lists(
    st.fixed_dictionaries({"key": st.from_regex("[0-9a-f]{16}", fullmatch=True), "x": SCALARS, "y": SCALARS}),
    unique_by=lambda row: row["key"],
)


def without_missing(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return sorted(kept, key=lambda row: row["key"])


@given(rows=ROWS)
def test_rows_come_back_as_they_were_written(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("table") / "table.csv"
    tables.write(path, rows, ["key", "x", "y"])
    found = tables.read_rows(path)
    assert [{k: (type(v), v) for k, v in row.items()} for row in found] == [
        {k: (type(v), v) for k, v in row.items()} for row in without_missing(rows)
    ]


@given(rows=ROWS, seed=st.randoms())
def test_the_order_in_which_cells_end_does_not_change_the_bytes(
    rows: list[dict[str, Any]], seed: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("table")
    tables.write(folder / "a.csv", rows, ["key", "x", "y"])
    seed.shuffle(rows)
    tables.write(folder / "b.csv", [dict(reversed(row.items())) for row in rows], ["key", "x", "y"])
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes()


def test_columns_have_the_types_of_what_was_written(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"key": "1e10", "name": "01", "empty": "", "count": 2, "share": 0.1 + 0.2, "holds": True, "rare": True},
        {"key": "0b", "name": "2", "empty": "", "count": 10**9, "share": math.inf, "holds": False, "gap": 1e-300},
    ]
    tables.write(tmp_path / "t.csv", rows, ["key", "name", "count", "empty", "gap", "holds", "rare", "share"])
    frame = tables.read(tmp_path / "t.csv")
    assert list(frame.columns) == ["key", "name", "count", "empty", "gap", "holds", "rare", "share"]
    assert frame["key"].tolist() == ["0b", "1e10"]
    assert frame["name"].tolist() == ["2", "01"]
    assert frame["empty"].tolist() == ["", ""]
    kinds = {name: str(frame[name].dtype) for name in ("count", "share", "holds", "rare", "gap")}
    assert kinds == {"count": "int64", "share": "float64", "holds": "bool", "rare": "boolean", "gap": "float64"}
    assert frame["share"].tolist() == [math.inf, 0.30000000000000004]


def test_other_readers_of_csv_read_it_too(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"key": "a", "text": 'with "quotes", and commas', "x": 1.5},
        {"key": "b", "text": "", "x": None},
    ]
    tables.write(tmp_path / "t.csv", rows, ["key", "text", "x"])
    frame = pd.read_csv(tmp_path / "t.csv", keep_default_na=False, na_values={"x": [""]})
    assert frame["text"].tolist() == [row["text"] for row in rows]
    assert frame["x"].isna().tolist() == [False, True]


def test_a_frame_comes_back_in_its_own_order(tmp_path: Path) -> None:
    frame = pd.DataFrame({"d": [3, 1, 2], "name": ["b", "a", "c"], "error": [0.1, None, 0.3]})
    tables.write_frame(tmp_path / "f.csv", frame)
    pd.testing.assert_frame_equal(tables.read_frame(tmp_path / "f.csv"), frame.astype({"name": object}))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "cut off"),
        ('"key","x"\n"a",1', "cut off"),
        ('"key","x"\n"a",1\n"b"\n', "line 3: 1 values for 2 columns"),
        ('"key","x"\n"a,1\n', "line 2: unfinished or stray quote"),
        ("key,x\na,1\n", "line 1: 'key' is neither a number nor quoted text"),
        ('"name","x"\n"a",1\n', "the first column is not 'key'"),
        ('"key","x"\n"b",1\n"a",1\n', "keys repeat or are not sorted"),
        ('"key","x"\n"a",1\n"a",1\n', "keys repeat or are not sorted"),
        ('"key","x"\n"a",<html>\n', "line 2: '<html>' is neither"),
    ],
)
def test_a_file_that_is_no_whole_table_is_an_error_that_says_where(
    content: str, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(tables.TableError, match=complaint) as error:
        tables.read(path)
    assert str(path) in str(error.value)


def test_a_missing_table_and_a_binary_one_are_errors_too(tmp_path: Path) -> None:
    with pytest.raises(tables.TableError, match="does not exist"):
        tables.read(tmp_path / "table.csv")
    (tmp_path / "table.csv").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(tables.TableError, match="is not text"):
        tables.read(tmp_path / "table.csv")


def test_json_is_strict(tmp_path: Path) -> None:
    import numpy as np

    content = {"a": math.nan, "b": [np.float64(1.5), np.int64(2), np.bool_(True)], "c": math.inf, "d": None}
    tables.write_json(tmp_path / "x.json", content)
    text = (tmp_path / "x.json").read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name)) == {
        "a": None, "b": [1.5, 2, True], "c": None, "d": None,
    }  # fmt: skip
    (tmp_path / "x.json").write_text(text[:10])
    with pytest.raises(tables.TableError, match="is not JSON"):
        tables.read_json(tmp_path / "x.json")


def test_what_a_table_cannot_hold_is_refused(tmp_path: Path) -> None:
    for value in ([1, 2], {"a": 1}, 1j, "two\nlines"):
        with pytest.raises(TypeError):
            tables.write(tmp_path / "t.csv", [{"key": "a", "x": value}], ["key", "x"])
    with pytest.raises(ValueError, match="rows have y, which the study does not declare"):
        tables.write(tmp_path / "t.csv", [{"key": "a", "y": 1}], ["key", "x"])
    assert list(tmp_path.iterdir()) == []
