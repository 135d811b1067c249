"""The one table format; tables, text and JSON are written whole or not at all.

A table is a CSV file whose rows are sorted by cell key and whose columns are those that the study declares (key, cell
fields as declared, results by name), whatever the rows lack. Text is quoted and nothing else is, so that "01" stays
text, a missing value stays apart from empty text, and a float is written with the digits that give the same float back:
equal tables are equal bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benign import files

KEY = "key"
_ENTRY = re.compile(r'("(?:[^"]|"")*"|[^",]*)(?:,|$)')


class TableError(ValueError):
    """A file that is not a whole table; the message names the file, the place and the mend."""


def write_text(path: Path, content: str) -> None:
    """Write text whole or not at all, always UTF-8 with "\\n"."""
    write_bytes(path, content.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all (`files.write_bytes`); an OSError names it."""
    with naming(path):
        files.write_bytes(path, content)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an OSError the name of what was written: that of a full disk has none."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        message = f"{error.strerror}; nothing half-written is left: mend that and run again"
        raise OSError(error.errno, message, str(path)) from error


def write_json(path: Path, content: Any) -> None:
    """Indented, strictly valid JSON: NumPy scalars become numbers, and NaN and infinities become null."""
    write_text(path, json.dumps(strict(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The contents of a JSON file; TableError if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{path} does not exist: run the rule that makes it") from None
    except (ValueError, RecursionError) as error:
        raise TableError(f"{path} is not JSON ({error}): delete it and run again") from None


def write(path: Path, rows: Iterable[dict[str, Any]], columns: Iterable[str]) -> None:
    """Write a table of cells.

    rows: one dict per cell, each with "key"; a column that a row lacks is written as missing
    columns: all columns that the study declares, "key" first, in their order
    Raises ValueError if a row has a column that is not declared.
    """
    ordered, names = sorted(rows, key=lambda row: str(row[KEY])), list(columns)
    if unknown := sorted({name for row in ordered for name in row} - set(names)):
        raise ValueError(f"{path}: rows have {', '.join(unknown)}, which the study does not declare as a column")
    write_text(path, _csv(names, [[row.get(name) for name in names] for row in ordered]))


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write numbers that are no table of cells (what a figure draws), in the same format and in their own order."""
    write_text(path, _csv([str(name) for name in frame.columns], frame.astype(object).to_numpy().tolist()))


def read(path: Path) -> pd.DataFrame:
    """A table of cells: text (object), bool, int64 or float64; with missing values, bool is "boolean", int float64.

    Int is float64, too, in a column with values beyond 64 bits.

    Raises TableError if the file is missing, cut off, not a table of cells, or has a key twice or out of order.
    """
    return _frame(*_parse(path, keyed=True))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """A table of cells as it was given to `write`: one dict per row, without the values that the row lacks.

    Raises TableError as `read` does.
    """
    names, rows = _parse(path, keyed=True)
    return [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows]


def read_frame(path: Path) -> pd.DataFrame:
    """What `write_frame` wrote, with the types that `read` gives.

    Raises TableError if the file is missing, cut off or not in this format.
    """
    return _frame(*_parse(path, keyed=False))


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(value: Any) -> Any:
    """A scalar as Python's own str, bool, int or float; None for any missing value."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str | bool | int | float):
        raise TypeError(f"a table holds text, bool, int and float, not {type(value).__name__} {value!r}")
    return value


def strict(content: Any) -> Any:
    """Nested dicts and lists as strict JSON has them: NumPy scalars as numbers, NaN and infinities as None."""
    if isinstance(content, dict):
        return {str(key): strict(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [strict(value) for value in content]
    value = plain(content)
    return None if isinstance(value, float) and math.isinf(value) else value


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    buffer.write(",".join(_entry(name) for name in names) + "\n")
    for row in rows:
        buffer.write(",".join(_entry(plain(value)) for value in row) + "\n")
    return buffer.getvalue()


def _entry(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if "\n" in value or "\r" in value:
            raise TypeError(f"text in a table has no line breaks: {value!r}")
        return '"' + value.replace('"', '""') + '"'
    return repr(value)


def _parse(path: Path, keyed: bool) -> tuple[list[str], list[list[Any]]]:
    """(column names, rows of values) of a file in this format; `keyed` if it has to be a table of cells."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TableError(f"{path} does not exist: run the rule that makes it") from None
    except UnicodeDecodeError:
        raise TableError(f"{path} is not text: delete it and run again") from None
    lines = text.split("\n")
    if lines.pop() != "" or not lines:
        raise TableError(f"{path} is cut off after {len(text)} characters: delete it and run again")
    names, *rows = (
        [_value(path, number, entry) for entry in _entries(path, number, line)] for number, line in enumerate(lines, 1)
    )
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise TableError(
                f"{path}, line {number}: {len(row)} values for {len(names)} columns: delete it and run again"
            )
    if keyed and names[0] != KEY:
        raise TableError(
            f"{path}: the first column is not {KEY!r}, so it is no table of cells: delete it and run again"
        )
    if keyed and [row[0] for row in rows] != sorted({str(row[0]) for row in rows}):
        raise TableError(f"{path}: keys repeat or are not sorted, so something else wrote it: delete it and run again")
    return names, rows


def _entries(path: Path, number: int, line: str) -> list[str]:
    entries, position = [], 0
    while True:
        match = _ENTRY.match(line, position)
        if match is None:
            raise TableError(f"{path}, line {number}: unfinished or stray quote: delete it and run again")
        entries.append(match[1])
        if match.end() == len(line) and not match[0].endswith(","):
            return entries
        if match.end() == len(line):
            return [*entries, ""]
        position = match.end()


def _value(path: Path, number: int, entry: str) -> Any:
    if entry.startswith('"'):
        return entry[1:-1].replace('""', '"')
    if entry in ("", "True", "False"):
        return {"": None, "True": True, "False": False}[entry]
    try:
        return float(entry) if re.search(r"[.einf]", entry) else int(entry)
    except ValueError:
        raise TableError(
            f"{path}, line {number}: {entry!r} is neither a number nor quoted text: delete it and run again"
        ) from None


def _frame(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: _column([row[i] for row in rows]) for i, name in enumerate(names)})


def _column(values: list[Any]) -> pd.Series:
    kinds = {type(value) for value in values if value is not None}
    missing = None in values
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean" if missing else "bool")
    if kinds == {int} and not missing and all(-(2**63) <= value < 2**63 for value in values):
        return pd.Series(values, dtype="int64")
    if kinds <= {int, float} and values:
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="object")


__all__ = [
    "KEY",
    "TableError",
    "digest",
    "naming",
    "plain",
    "read",
    "read_frame",
    "read_json",
    "read_rows",
    "strict",
    "write",
    "write_bytes",
    "write_frame",
    "write_json",
    "write_text",
]
