"""Kept rows: whole whatever moment a process is killed at, each with what computed it, and one writer at a time."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benign.pipeline.console import UserError
from benign.pipeline.rows import Arrivals, KeptRows, tally
from benign.study import Cell

HERE, THERE = ({"code": code, "processor": "p", "environment": {"torch": code}} for code in ("here", "there"))


class Toy(Cell):
    x: int


CELLS = [Toy(x=x) for x in range(6)]
KEYS = [cell.key for cell in CELLS]


def fill(folder: Path, cells: list[Toy], origin: dict[str, Any] = HERE, share: tuple[int, int] = (0, 1)) -> KeptRows:
    kept = KeptRows(folder, share)
    with kept.appending():
        for cell in cells:
            kept.save(cell, cell.row(y=0.1 * cell.x), 1.5, origin)
    return kept


def known(folder: Path, share: tuple[int, int] = (0, 1)) -> dict[int, tuple[float, str]]:
    """x to (y, code) of what is kept."""
    found = KeptRows(folder, share).load(set(KEYS)).values()
    return {entry["row"]["x"]: (entry["row"]["y"], entry["origin"]["code"]) for entry in found}


def test_rows_come_back_as_they_were_each_with_what_computed_it(tmp_path: Path) -> None:
    fill(tmp_path, CELLS[:2])
    fill(tmp_path, CELLS[2:3], THERE)
    fill(tmp_path, CELLS[3:])
    assert known(tmp_path) == {cell.x: (0.1 * cell.x, "there" if cell.x == 2 else "here") for cell in CELLS}
    assert set(KeptRows(tmp_path, (0, 1)).load({KEYS[1]})) == {KEYS[1]}


def test_cut_off_anywhere_the_whole_rows_are_there_and_the_next_one_is_written_whole(tmp_path: Path) -> None:
    path = fill(tmp_path, CELLS[:3]).path
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert len(known(tmp_path)) == max(content[:length].count(b"\n") - 1, 0)  # the first line is an origin
        fill(tmp_path, CELLS[3:4], THERE)
        assert known(tmp_path)[3] == (0.1 * 3, "there")
        assert [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_damaged_line_is_dropped_and_no_row_gets_another_s_origin(tmp_path: Path) -> None:
    path = fill(tmp_path, CELLS[:2]).path
    fill(tmp_path, CELLS[2:4], THERE)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 6  # two origins, four rows
    for damaged, lost in [(0, {0, 1}), (1, {0}), (2, {1}), (3, {2, 3}), (5, {3})]:
        for line in (lines[damaged][:20] + b"\n", b"\0" * 40 + b"\n", lines[damaged].replace(b'"', b"", 1)):
            path.write_bytes(b"".join([*lines[:damaged], line, *lines[damaged + 1 :]]))
            found = known(tmp_path)
            # What is no row any more may have been an origin: the rows after it are dropped with it.
            assert not lost & set(found)
            assert all(code == ("here" if x < 2 else "there") for x, (_, code) in found.items())


def test_a_full_disk_leaves_the_rows_before(tmp_path: Path) -> None:
    code = (
        "import resource; import sys; from pathlib import Path; from test_rows import *\n"
        "kept = KeptRows(Path(sys.argv[1]), (0, 1))\n"
        "with kept.appending():\n"
        "    kept.save(CELLS[0], CELLS[0].row(y=0.0), 1.5, HERE)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (kept.path.stat().st_size + 20,) * 2)\n"
        "    kept.save(CELLS[1], CELLS[1].row(y=0.1), 1.5, HERE)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env=environment
    )
    assert f"OSError: [Errno {errno.EFBIG}]" in answer.stderr
    assert known(tmp_path) == {0: (0.0, "here")}
    assert (tmp_path / "0-of-1.jsonl").read_bytes().endswith(b"\n")


def test_a_killed_process_keeps_every_row_that_it_has_saved_and_holds_no_lock(tmp_path: Path) -> None:
    code = (
        "import itertools, sys; from pathlib import Path; from test_rows import *\n"
        "kept = KeptRows(Path(sys.argv[1]), (0, 1))\n"
        "with kept.appending():\n"
        "    for x in itertools.count():\n"
        "        kept.save(Toy(x=x), Toy(x=x).row(y=1.0), 1.5, HERE)\n"
        "        print(Toy(x=x).key, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    with process.stdout:
        said = [process.stdout.readline().strip() for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().split()
        process.wait()
    said = [key for key in said if len(key) == 16]
    assert len(KeptRows(tmp_path, (0, 1)).load(set(said))) == len(said) >= 50
    fill(tmp_path, CELLS)


def test_two_processes_cannot_append_to_the_rows_of_one_slice(tmp_path: Path) -> None:
    kept = KeptRows(tmp_path, (0, 1))
    with kept.appending():
        with pytest.raises(UserError, match=r"another process runs this slice and holds .*0-of-1\.jsonl: wait"):
            fill(tmp_path, CELLS)
        fill(tmp_path, CELLS[:1], share=(0, 2))
    fill(tmp_path, CELLS[1:])
    assert set(known(tmp_path)) == set(range(6))


def test_arrivals_are_seen_once_each_and_only_when_they_are_whole(tmp_path: Path) -> None:
    arrivals = Arrivals(tmp_path / "rows")
    assert list(arrivals.look()) == []
    kept = fill(tmp_path / "rows", CELLS[:2])
    assert list(arrivals.look()) == [(KEYS[0], 1.5), (KEYS[1], 1.5)]
    assert list(arrivals.look()) == []
    whole = kept.path.read_bytes()
    fill(tmp_path / "rows", CELLS[2:3])
    added = kept.path.read_bytes()[len(whole) :]
    for length in range(len(added)):
        kept.path.write_bytes(whole + added[:length])
        assert list(arrivals.look()) == []
    kept.path.write_bytes(whole + added)
    fill(tmp_path / "rows", CELLS[3:4], share=(1, 2))
    assert sorted(arrivals.look()) == sorted([(KEYS[2], 1.5), (KEYS[3], 1.5)])


def test_what_computed_rows_is_counted_once_for_each_origin() -> None:
    counted = [{**HERE, "cells": 2, "seconds": 3.0}, {**THERE, "cells": 1, "seconds": 1.0}]
    assert tally([*counted, counted[0]]) == [{**HERE, "cells": 4, "seconds": 6.0}, counted[1]]
