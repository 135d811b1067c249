"""Finished rows, kept as they end: appended to one file for each slice, so that a kill loses the row in the making.

In SCRATCH/TIER/STUDY/FINGERPRINT/rows a file I-of-N.jsonl is for the share I of all cells. It holds one JSON object a
line: an *origin* ({"code", "processor", "environment"}, what computed the rows after it), or a row with its key and
seconds. One process at a time appends to a file; a line without an end is a row that was being written when its process
was killed, and is dropped. A share is a range of hashes, so that after the number of slices has changed a slice finds
its rows again in the few files whose ranges meet its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benign.pipeline import tables
from benign.pipeline.console import locked
from benign.study import Cell

ROW = re.compile(rb'\{"key": "([0-9a-f]{16})", "seconds": ([\d.e+-]+), ')
SYNC_SECONDS = 1.0  # a kill loses no row that has been written; a power cut loses at most those of so many seconds

Entry = dict[str, Any]  # {"row", "seconds", "origin"}


class KeptRows:
    """The finished rows of one fingerprint, as a slice sees them that is `share` = (slice, slices)."""

    def __init__(self, folder: Path, share: tuple[int, int]) -> None:
        self.folder, self.share = folder, share
        self._file: io.FileIO | None = None
        self._origin: Mapping[str, Any] | None = None
        self._synced = 0.0

    @property
    def path(self) -> Path:
        """The file that this slice appends to."""
        return self.folder / "{}-of-{}.jsonl".format(*self.share)

    def load(self, keys: Collection[str]) -> dict[str, Entry]:
        """What is kept of these cells, key to {"row", "seconds", "origin"}; damaged rows are left out."""
        found: dict[str, Entry] = {}
        for path in sorted(self.folder.glob("*-of-*.jsonl")):
            if self._meets(path):
                for key, entry in _entries(path, keys):
                    found.setdefault(key, entry)
        return found

    @contextlib.contextmanager
    def appending(self) -> Iterator[None]:
        """Rows can be saved. UserError if another process appends to this slice's rows."""
        with locked(self.path, "another process runs this slice"), open(self.path, "r+b", buffering=0) as file:
            file.truncate(_whole(file))
            file.seek(0, os.SEEK_END)
            self._file, self._origin = file, None
            try:
                yield
            finally:
                os.fsync(file.fileno())
                self._file = None

    def save(self, cell: Cell, row: Mapping[str, Any], seconds: float, origin: Mapping[str, Any]) -> Entry:
        """Keep a row, what it took and what computed it (see above); returns what `load` will return."""
        values = {name: tables.plain(value) for name, value in row.items()}
        if {name: values.get(name) for name in cell.fields()} != cell.fields():
            raise RuntimeError(f"the row of cell {cell.key} does not repeat the cell's fields: {values}")
        if origin != self._origin:
            self._append({"origin": origin})
            self._origin = origin
        entry = {"seconds": round(seconds, 3), "row": values}
        self._append({"key": cell.key, **entry})
        return {**entry, "origin": origin}

    def _append(self, content: Mapping[str, Any]) -> None:
        """A whole line, or nothing."""
        assert self._file is not None, "rows are saved while `appending`"
        line, start = memoryview((json.dumps(content) + "\n").encode()), self._file.tell()
        try:
            while line:
                line = line[self._file.write(line) :]
            if time.monotonic() - self._synced >= SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError:
            self._file.truncate(start)
            raise

    def _meets(self, path: Path) -> bool:
        """Whether a file's share of all cells has some in common with this slice's."""
        slice_, slices = self.share
        other, others = (int(number) for number in path.stem.split("-of-"))
        return slice_ * others < (other + 1) * slices and other * slices < (slice_ + 1) * others


class Arrivals:
    """The rows of one fingerprint as they come: each look reads only what was written since the last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, int] = {}

    def look(self) -> Iterator[tuple[str, float]]:
        """(key, seconds) of each row that has come since the last look."""
        if not self.folder.is_dir():
            return
        for entry in os.scandir(self.folder):
            start = self._read.get(entry.name, 0)
            if entry.name.endswith(".jsonl") and entry.stat().st_size > start:
                with open(entry.path, "rb") as file:
                    file.seek(start)
                    for line in file:
                        if not line.endswith(b"\n"):
                            break
                        start += len(line)
                        if match := ROW.match(line):
                            yield match[1].decode(), float(match[2])
                self._read[entry.name] = start


def tally(origins: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each origin once, with all its "cells" and "seconds"."""
    found: dict[str, dict[str, Any]] = {}
    for origin in origins:
        name = json.dumps({**origin, "cells": 0, "seconds": 0}, sort_keys=True)
        each = found.setdefault(name, {**origin, "cells": 0, "seconds": 0.0})
        each["cells"] += origin["cells"]
        each["seconds"] += origin["seconds"]
    return [found[name] for name in sorted(found)]


def _entries(path: Path, keys: Collection[str]) -> Iterator[tuple[str, Entry]]:
    """The rows of these cells in a file. After a line that is neither row nor origin no origin is known."""
    origin: Mapping[str, Any] | None = None
    with open(path, "rb") as file:
        for line in file:
            match = ROW.match(line)
            key = match[1].decode() if match else None
            if key is not None and (origin is None or key not in keys):
                continue
            try:
                content = json.loads(line) if line.endswith(b"\n") else {}
                if key is None:
                    origin = content["origin"]
                elif content["row"][tables.KEY] == key:
                    yield key, {"seconds": content["seconds"], "row": content["row"], "origin": origin}
            except (ValueError, KeyError, TypeError, RecursionError):
                origin = None if key is None else origin


def _whole(file: io.FileIO, block: int = 1 << 16) -> int:
    """The length of a file up to the end of its last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(end - block, 0)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


__all__ = ["Arrivals", "Entry", "KeptRows", "tally"]
