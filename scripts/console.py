"""How every script talks to a person: errors that say what to do, without a traceback, and signs of progress."""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benign.cells import CellError
from benign.data.images import DataError
from benign.tables import TableError
from settings import SettingsError


class UserError(Exception):
    """Something that the person at the keyboard can mend; the message says how."""


# OSError: full disks, missing permissions, unreadable files; its message has the file's name.
REPORTED = (UserError, CellError, DataError, TableError, SettingsError, OSError)


def reports_errors(main: Callable[[list[str]], int]) -> Callable[[list[str]], int]:
    """Turn what a person can mend into one message on stderr and exit status 2; all else keeps its traceback."""

    @functools.wraps(main)
    def guarded(argv: list[str]) -> int:
        try:
            return main(argv)
        except REPORTED as error:
            print(f"error: {error}", file=sys.stderr)
            return 2

    return guarded


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


class Ticker:
    """Counts finished cells on stderr: a bar at a terminal, else a plain line at most every `seconds`."""

    def __init__(self, title: str, total: int, done: int = 0, seconds: float = 10.0) -> None:
        self.title, self.total, self.done, self.seconds = title, total, done, seconds
        self._told = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(title, total=total, completed=done)

    def __enter__(self) -> Ticker:
        self._bar.start()
        self.tell(f"{self.done} of {self.total} cells were kept from before")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        self.tell(f"{self.done} of {self.total} cells done")

    def advance(self) -> None:
        """One more cell is done."""
        self.done += 1
        self._bar.advance(self._task)
        if time.monotonic() - self._told >= self.seconds:
            self.tell(f"{self.done} of {self.total} cells done")

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
