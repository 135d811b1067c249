"""How every script talks to a person: errors that say what to do, without a traceback, and signs of progress."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benign.data.images.record import DataError
from benign.pipeline.settings import SettingsError, Sources
from benign.pipeline.tables import TableError
from benign.study import CellError


class UserError(Exception):
    """Something that the person at the keyboard can mend; the message says how."""


# OSError: full disks, missing permissions, unreadable files; its message has the file's name.
REPORTED = (UserError, CellError, DataError, TableError, SettingsError, OSError)


def reports_errors(main: Callable[[list[str]], int]) -> Callable[[list[str]], int]:
    """Turn what a person can mend into one message on stderr and exit status 2; all else keeps its traceback."""

    @functools.wraps(main)
    def guarded(argv: list[str]) -> int:
        open_closed_streams()
        try:
            return main(argv)
        except REPORTED as error:
            print(f"error: {error}", file=sys.stderr)
            return 2

    return guarded


def open_closed_streams() -> None:
    """Open the null device for each standard stream that is closed (`make smoke 2>&-`), here and for what is started.

    Else Python has none to write to, and the next file to be opened gets the number of the stream and its words.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: the stream's own
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def parser(documentation: str | None) -> argparse.ArgumentParser:
    """A parser that shows the module's own docstring as its help."""
    return argparse.ArgumentParser(
        description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )


def name_and_value(text: str) -> tuple[str, str]:
    """For argparse: "name=value" as a pair."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    return name, value


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The assignments by name; UserError if a name comes twice."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{name} is given {names.count(name)} times: give it once")
    return dict(pairs)


def data_set(text: str) -> str:
    """For argparse: the name of a data set."""
    if text not in Sources.model_fields:
        raise argparse.ArgumentTypeError(f"{text!r} is no data set: give one of {', '.join(Sources.model_fields)}")
    return text


def images_file(text: str) -> tuple[str, Path]:
    """For argparse: "mnist=FILE" as a pair."""
    name, file = name_and_value(text)
    return data_set(name), Path(file)


def add_images(command: argparse.ArgumentParser) -> None:
    """Let a command take data sets. One file for each --images: an option of many values would eat what follows it."""
    command.add_argument(
        "--images",
        action="append",
        type=images_file,
        default=[],
        metavar="NAME=FILE",
        help="a data set, from scripts/fetch_data.py; give the option once for each",
    )


@contextlib.contextmanager
def locked(path: Path, who: str) -> Iterator[IO[str]]:
    """Hold a file, which is made if need be. UserError if another process holds it.

    The system lets go of it however the process ends. A child that is given the open file holds the lock as well.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{who} and holds {path}: wait for it, or end it") from None
        yield file


class Ticker:
    """Counts finished cells on stderr, with rate and time left: a bar at a terminal, else a line every `seconds`.

    work: what is still to be done, in any unit in which `advance` counts; by default a cell is one. The time left
    follows from it: where some cells take far longer than others, their number would mislead.
    """

    def __init__(self, title: str, total: int, done: int = 0, seconds: float = 10.0, work: float | None = None) -> None:
        self.title, self.total, self.done, self.seconds = title, total, done, seconds
        self._kept, self._started = done, time.monotonic()
        self._work, self._worked = float(total - done) if work is None else work, 0.0
        self._told = self._started
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[pace]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(title, total=total, completed=done, pace="")

    def __enter__(self) -> Ticker:
        self._bar.start()
        self.tell(f"{self.done} of {self.total} cells were kept from before")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        self.tell(f"{self.done} of {self.total} cells done")

    def advance(self, cells: int = 1, work: float | None = None) -> None:
        """So many more cells are done, and so much of the work."""
        self.done += cells
        self._worked += cells if work is None else work
        self._bar.update(self._task, completed=self.done, pace=self.pace())
        if time.monotonic() - self._told >= self.seconds:
            self.tell(f"{self.done} of {self.total} cells done, {self.pace()}")

    def pace(self) -> str:
        """Rate and time left, as far as this process has come by itself."""
        elapsed = max(time.monotonic() - self._started, 1e-9)
        if self.done == self._kept or not self._worked:
            return "rate not known yet"
        left = elapsed * max(self._work - self._worked, 0) / self._worked
        rate = (self.done - self._kept) / elapsed
        shown = f"{rate:.1f} cells/s" if rate >= 1 else f"{duration(1 / rate)} a cell"
        return f"{shown}, {duration(left)} left"

    def note(self, text: str) -> None:
        """A sign of progress within a cell: shown beside the bar, and now and then in a log."""
        self._bar.update(self._task, description=f"{self.title}: {text}")
        if time.monotonic() - self._told >= self.seconds:
            self.tell(text)

    def tell(self, text: str) -> None:
        """A line that stays."""
        self._told = time.monotonic()
        if sys.stderr.isatty():
            self._bar.console.print(f"{self.title}: {text}", highlight=False, markup=False)
        else:
            print(f"{self.title}: {text}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds for a reader: "8 s", "4.4 min", "2.1 h"."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
