"""Which cells a run has, and which slice computes each: planned once, written to one file a slice, and read from there.

A plan file holds one JSON array a line: first {"study", "slice", "slices", "fields"}, then [key, value of each field].
Nothing that trains is imported here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benign import studies
from benign.pipeline import tables
from benign.pipeline.console import UserError
from benign.study import Cell, slice_of


@dataclasses.dataclass(frozen=True)
class Slice:
    """What a job runs.

    share: (which slice, of how many): the part of all cells that there can be (`benign.study.slice_of`)
    cells: those of the grid that are in it, in the grid's order
    """

    study: str
    share: tuple[int, int]
    cells: list[Cell]


def planned(study: str, section: Mapping[str, Any], images: Mapping[str, Any]) -> Iterator[Cell]:
    """The cells of a tier's section, without those of a data set that the section names and this run leaves out."""
    absent = set(section["data"]) - set(images)
    for cell in studies.find(study).each(section["grid"]):
        if not absent or cell.fields().get("data") not in absent:
            yield cell


def file_of(folder: Path, slice_: int, kind: str = "plan") -> Path:
    """Where a slice's plan stands, or another of its files ("csv": its table; "json": what computed its rows)."""
    return folder / f"{slice_:02d}.{kind}"


def write(folder: Path, study: str, cells: Iterator[Cell], slices: int) -> int:
    """Write the plan of each slice; returns how many cells there are."""
    lines: list[list[str]] = [[] for _ in range(slices)]
    fields = list(studies.find(study).cell.model_fields)
    for cell in cells:
        values = cell.fields()
        lines[slice_of(cell, slices)].append(json.dumps([cell.key, *(values[name] for name in fields)]))
    for slice_, mine in enumerate(lines):
        head = json.dumps({"study": study, "slice": slice_, "slices": slices, "fields": fields})
        tables.write_text(file_of(folder, slice_), "\n".join([head, *mine, ""]))
    return sum(map(len, lines))


def read(path: Path) -> Slice:
    """A slice's plan. Raises UserError if it is not there, damaged, or of other declarations than today's."""
    with _damage_named(path):
        head, lines = _lines(path)
        make, fields = studies.find(head["study"]).cell, head["fields"]
        cells = []
        for line in lines:
            key, *values = json.loads(line)
            cells.append(make(**dict(zip(fields, values, strict=True))))
            if cells[-1].key != key:
                raise UserError(f"{path}: cell {key} is {cells[-1].key} today: delete the file and plan again")
        return Slice(head["study"], (int(head["slice"]), int(head["slices"])), cells)


def keys(path: Path) -> list[str]:
    """The keys of a slice's cells, in order."""
    with _damage_named(path):
        _, lines = _lines(path)
        return [json.loads(line)[0] for line in lines]


def _lines(path: Path) -> tuple[dict[str, Any], list[str]]:
    head, *lines = path.read_text(encoding="utf-8").split("\n")
    if lines.pop() != "":
        raise ValueError("its last line is cut off")
    return json.loads(head), lines


@contextlib.contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Whatever is wrong with what a plan holds becomes a UserError."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: make it with scripts/plan.py") from None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is not a plan ({error}): delete it and plan again") from None


__all__ = ["Slice", "file_of", "keys", "planned", "read", "write"]
