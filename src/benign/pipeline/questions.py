"""Questions of one's own: a sweep over values; what sweep.py and `benign.sweep` ask. One cell: `pipeline.single`.

A sweep runs as a tier does: its cells are planned, slices of them run side by side by scripts/run_slice.py, and every
row is kept as it ends, so that a sweep that was interrupted, or asks for more, computes only what is missing.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benign import studies
from benign.declared import kind_of, nearest
from benign.pipeline import plans, provenance, settings, tables
from benign.pipeline.console import Ticker, UserError, duration, locked
from benign.pipeline.rows import Arrivals, tally
from benign.study import Cell, Study

FOLDER = Path("sweeps")
RUN_SLICE = settings.ROOT / "scripts" / "run_slice.py"
POLL_SECONDS = 0.2
PANELS = 12  # the most that a page can show


# ---------------------------------------------------------------- what is asked of


def study_named(name: str) -> Study:
    """A study; UserError, with the nearest name, if there is none."""
    if name not in studies.NAMES:
        known = ", ".join(studies.NAMES)
        raise UserError(f"unknown study {name!r}{nearest(name, studies.NAMES)}: the studies are {known}")
    return studies.find(name)


def usual(study: str) -> dict[str, Any]:
    """The default tier's grid, whose common values stand for what a question leaves out."""
    return settings.section(settings.grid_file(study), study, "default")["grid"]


# ---------------------------------------------------------------- values


def plain(value: Any) -> Any:
    """A value that may come from NumPy as Python has it."""
    return value.item() if isinstance(value, np.generic) else value


def read_values(study: Study, given: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Name to values, from "4,8,16", "0:8:9" or "1e2:1e6:5:log", or from one or several as they are; seeds=5 is five.

    Raises UserError for what is no range, or no value at all.
    """
    given = dict(given)
    if "seeds" in given:
        if "seed" in given:
            raise UserError("seed and seeds exclude each other: give one of them")
        given["seed"] = range(_count("seeds", str(given.pop("seeds"))))
    values = {name: _values(study, name, value) for name, value in given.items()}
    for name, found in values.items():
        if not found:
            raise UserError(f"{name} has no value: give at least one")
    return values


def _values(study: Study, name: str, value: Any) -> list[Any]:
    if not isinstance(value, str):
        return [plain(each) for each in (value if isinstance(value, Iterable) else [value])]
    fields = study.shorthand.model_fields | study.cell.model_fields
    kind = kind_of(fields[name].annotation) if name in fields else None
    found: list[Any] = []
    for part in value.split(","):
        found += _range(name, part, kind is int) if ":" in part and kind in (int, float) else [part]
    return found


def _range(name: str, text: str, whole: bool) -> list[float]:
    """The values of "low:high:count", evenly spaced, or of "low:high:count:log", evenly in logarithm; ends included."""
    parts = text.split(":")
    spread = np.geomspace if parts[-1] == "log" else np.linspace
    try:
        low, high, count = parts[:-1] if parts[-1] == "log" else parts
        ends = float(low), float(high)
    except ValueError:
        raise UserError(f"{name}={text!r} is no range: write low:high:count or low:high:count:log, as 0:8:9") from None
    if not np.all(np.isfinite(ends)) or (spread is np.geomspace and min(ends) <= 0):
        raise UserError(f"{name}={text!r}: give a range finite ends, a logarithmic one positive ends")
    spaced = spread(*ends, _count(name, count)).tolist()
    return [round(each) if whole else float(f"{each:.10g}") for each in spaced]


def _count(name: str, text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise UserError(f"{name}: {text!r} is no number of values: give a whole number, at least 1")
    return int(text)


# ---------------------------------------------------------------- a sweep


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A product of values, and the cells that its points stand for.

    values: name to its values; points: what was asked at each point, and its cell
    """

    study: Study
    values: dict[str, list[Any]]
    points: list[tuple[dict[str, Any], Cell]]

    @classmethod
    def of(cls, study: str, given: Mapping[str, Any]) -> Sweep:
        """From values as `read_values` takes them. Raises UserError or CellError."""
        asked = study_named(study)
        values = read_values(asked, given)
        return cls(asked, values, asked.asked(values, usual(study)))

    @property
    def cells(self) -> list[Cell]:
        """Each once."""
        return list({cell.key: cell for _, cell in self.points}.values())

    @property
    def several(self) -> list[str]:
        """Names that have several values, the replicate apart."""
        return [name for name, values in self.values.items() if len(values) > 1 and name != "seed"]

    def table(self, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        """The rows as the study's table."""
        return self.study.table(sorted(rows, key=lambda row: row[tables.KEY]))

    def asked(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table's rows once for each point, with what was asked of them, shorthands included, in its columns."""
        said = pd.DataFrame([{tables.KEY: cell.key, **point} for point, cell in self.points])
        rest = table.drop(columns=[name for name in said if name != tables.KEY and name in table])
        return said.merge(rest, on=tables.KEY)


def compute(
    sweep: Sweep,
    folder: Path = FOLDER,
    cores: int | None = None,
    device: str = "cpu",
    images: Mapping[str, Path] | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(a row of each cell, what it cost); rows are kept in `folder`, and taken from there by the next sweep.

    Raises UserError for what stops a slice.
    """
    started = time.monotonic()
    device, files = (
        settings.resolve_device(device),
        {name: Path(file).resolve() for name, file in (images or {}).items()},
    )
    for name, file in files.items():
        if not file.is_file():
            raise UserError(f"images {name}={file}: there is no such file: make it with scripts/fetch_data.py")
    most = 1 if device == "cuda" else cores or len(os.sched_getaffinity(0))
    cells, slices = sweep.cells, min(most, len(sweep.cells))
    name, folder = sweep.study.name, folder.resolve()
    kept, work = folder / "kept", folder / name / "slices"
    mark = provenance.run_fingerprint(name, device, 1, files)
    arrivals = Arrivals(kept / "default" / name / mark[:16] / "rows")
    with locked(work / "lock", "another sweep of this study is at work"):
        plans.write(work, name, iter(cells), slices)
        wanted = {cell.key for cell in cells}
        before = {key for key, _ in arrivals.look()} & wanted
        with Ticker(name, len(cells), len(before)) as ticker:
            _run_slices([_command(work, kept, i, device, files) for i in range(slices)], work, arrivals, wanted, ticker)
        rows = [row for i in range(slices) for row in tables.read_rows(plans.file_of(work, i, "csv"))]
        timings = [tables.read_json(plans.file_of(work, i, "json")) for i in range(slices)]
    cost = {
        **{"study": name, "cells": len(cells), "kept": len(before), "cores": slices, "device": device},
        "seconds_of_one_core": round(sum(timing["seconds"] for timing in timings), 3),
        "wall_seconds": round(time.monotonic() - started, 3),
        "origins": tally(origin for timing in timings for origin in timing["origins"]),
    }
    return rows, cost


def _command(work: Path, kept: Path, slice_: int, device: str, files: Mapping[str, Path]) -> list[str]:
    file = functools.partial(plans.file_of, work, slice_)
    command = [sys.executable, str(RUN_SLICE), "--tier", "default", "--plan", str(file()), "--scratch", str(kept)]
    command += ["--output", str(file("csv")), "--timing", str(file("json")), "--device", device]
    return command + [word for name, path in files.items() for word in ("--images", f"{name}={path}")]


def _run_slices(commands: list[list[str]], work: Path, arrivals: Arrivals, wanted: set[str], ticker: Ticker) -> None:
    """All side by side, one thread each; they end with this process, and what they have finished is kept."""
    logs = [plans.file_of(work, i, "log") for i in range(len(commands))]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command, log in zip(commands, logs, strict=True):
            with open(log, "wb") as words:
                environment = {**os.environ, "OMP_NUM_THREADS": "1"}
                processes.append(
                    subprocess.Popen(command, cwd=work, env=environment, stdout=words, stderr=subprocess.STDOUT)
                )
        while any(process.poll() is None for process in processes):
            ticker.advance(sum(key in wanted for key, _ in arrivals.look()))
            time.sleep(POLL_SECONDS)
        ticker.advance(sum(key in wanted for key, _ in arrivals.look()))
    finally:
        for process in processes:
            process.terminate()
            process.wait()
    for process, log in zip(processes, logs, strict=True):
        if process.returncode:
            said = log.read_text(errors="replace").strip().splitlines()
            faults = [text.removeprefix("error: ") for text in said if text.startswith("error: ")]
            raise UserError(faults[-1] if faults else f"a slice failed, {log} says why: {said[-1] if said else ''}")


def sweep(
    study: str,
    *,
    cores: int | None = None,
    device: str = "cpu",
    images: Mapping[str, str | Path] | None = None,
    folder: str | Path = FOLDER,
    **values: Any,
) -> pd.DataFrame:
    """Run a product of values on all cores and return the table that scripts/sweep.py writes, one row a cell.

    values: fields of the cells, each a value, several, or text as on the command line, and seeds, e.g.
        benign.sweep("adversarial_training", budget="0:8:9", signal=[4, 8, 16], seeds=5)
    images: data set to its file; folder: where finished rows are kept for the next sweep
    What it cost is in the table's attrs["cost"].
    """
    asked = Sweep.of(study, values)
    rows, cost = compute(
        asked, Path(folder), cores, device, {name: Path(file) for name, file in (images or {}).items()}
    )
    table = asked.table(rows)
    table.attrs["cost"] = cost
    return table


# ---------------------------------------------------------------- what is drawn of it, and said


def axes_of(sweep: Sweep, x: str | None, y: str | None) -> tuple[str, str]:
    """(x, y) of the figure: as given, else the first name with several values, and the first column with a theory.

    Raises UserError for what cannot be drawn, before anything is run.
    """
    results = [name for name in sweep.study.columns() if name in sweep.study.row.model_fields]
    numbers = [name for name, kind in sweep.study.columns().items() if name in results and kind is not str]
    y = y or next(iter(sweep.study.theory), None)
    if y not in numbers:
        what = f"{y!r} is no column of numbers{nearest(y, numbers)}" if y else "this study has no theory to draw"
        raise UserError(f"--y: {what}: give one of {', '.join(numbers)}")
    several = {name: [point[name] for point, _ in sweep.points] for name in sweep.several}
    drawable = [name for name, values in several.items() if all(isinstance(value, int | float) for value in values)]
    x = x or next(iter(drawable), None)
    if x not in drawable:
        what = f"{x!r} has no several numbers{nearest(x, drawable)}" if x else "nothing has several numbers"
        raise UserError(
            f"--x: {what}: give a field a range such as 0:8:9, and name it ({', '.join(drawable) or 'none'})"
        )
    panels = len(set(zip(*(values for name, values in several.items() if name != x), strict=True)))
    if panels > PANELS:
        raise UserError(f"the figure would have {panels} panels, more than {PANELS}: give fewer values besides {x}")
    return x, y


def in_words(cost: Mapping[str, Any]) -> str:
    """What a sweep cost, for a reader."""
    return (
        f"{cost['cells']} cells, {cost['kept']} of them kept from before: {duration(cost['wall_seconds'])} on "
        f"{cost['cores']} cores; all rows together took {duration(cost['seconds_of_one_core'])} of one core"
    )


__all__ = [
    "FOLDER",
    "Sweep",
    "axes_of",
    "compute",
    "in_words",
    "plain",
    "study_named",
    "sweep",
    "usual",
]
