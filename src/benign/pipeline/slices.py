"""Running the cells of one slice: rows kept as they end, images read once, shortages explained."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benign import studies
from benign.data.images import record, storage
from benign.pipeline import provenance, tables
from benign.pipeline.console import Ticker, UserError
from benign.pipeline.rows import Entry, KeptRows
from benign.study import Cell, Context
from benign.train.device import hold_precision


def complete(cells: Sequence[Cell], kept: KeptRows, context: Context, title: str) -> tuple[list[Entry], int]:
    """(what is kept of every cell, in their order; how many were kept from before).

    Of a group that was cut short only the cells without a row are run: a checkpoint lies beyond those that have one,
    and a study that was asked for them again would have to train from the start.
    """
    with kept.appending():
        known = kept.load({cell.key for cell in cells})
        waiting = {cell.key: cell for cell in cells if cell.key not in known}
        reused = len(known)
        with Ticker(title, total=len(cells), done=reused) as ticker:
            for cell, entry in _run(waiting, kept, with_notify(context, ticker)):
                known[cell.key] = entry
                if entry["row"].get("status") == "diverged":
                    ticker.tell(f"cell {cell.key} diverged and is kept as such: {cell.fields()}")
                ticker.advance()
    if waiting:
        raise RuntimeError(f"study {context.study} yielded no row for cells {', '.join(waiting)}")
    return [known[cell.key] for cell in cells], reused


def _run(waiting: dict[str, Cell], kept: KeptRows, context: Context) -> Iterator[tuple[Cell, Entry]]:
    """Each cell with its row, kept as it ends, and taken off those that are waiting."""
    if not waiting:
        return
    origin, started = provenance.origin(context.study, context.device, context.threads), time.monotonic()
    for row in run_of(context.study)(list(waiting.values()), context):
        cell = waiting.pop(str(row.get(tables.KEY)), None)
        if cell is None:
            raise RuntimeError(f"study {context.study} yielded a row that nothing asked for: {row!r}")
        elapsed, started = time.monotonic() - started, time.monotonic()
        yield cell, kept.save(cell, row, elapsed, origin)


def run_of(study: str) -> Callable[[list[Cell], Context], Iterator[dict[str, Any]]]:
    """What runs a study's cells."""
    return studies.find(study).part("experiment", "run")


def existing(name: str, file: Path) -> Path:
    """The file of a data set; UserError if it is not there."""
    if not file.is_file():
        raise UserError(f"--images {name}={file}: there is no such file: make it with scripts/fetch_data.py")
    return file


def load_images(files: Mapping[str, Path], name: str) -> record.ImageSet:
    """A data set by name; UserError if it was not given or cannot be used."""
    if name not in files:
        raise UserError(f"this study needs the images of {name}: give --images {name}=FILE")
    try:
        return storage.load(files[name])
    except record.DataError as error:
        raise UserError(str(error)) from error


def prepare(device: str, threads: int) -> None:
    """Set the number of CPU threads, and the device's precision; UserError for what this machine does not have."""
    processors = os.cpu_count() or 1
    if not 1 <= threads <= processors:
        raise UserError(f"--threads {threads}: give a number from 1 to {processors}, the processors of this machine")
    torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda: Torch finds no usable GPU: run with --config device=cpu, or on a GPU machine")
    hold_precision(device)


@contextlib.contextmanager
def memory_shortage_explained() -> Iterator[None]:
    """Turn a lack of memory, of the machine or of its GPU, into a UserError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise UserError(
            f"out of memory ({str(error).splitlines()[0] if str(error) else 'no details'}); finished rows are kept: "
            "run fewer jobs at once (--cores 1), or make n, width or test_points smaller"
        ) from error


def with_notify(context: Context, ticker: Ticker) -> Context:
    """The same context, its notes going to the ticker."""
    return Context(**{**vars(context), "notify": ticker.note})
