"""Run one slice of a study's grid and write its table.

Every row is kept as it ends, in SCRATCH/TIER/STUDY/FINGERPRINT/rows, and taken from there by the next run of the same
code, libraries, data and device; a long training keeps where it stands in .../checkpoints. A killed slice goes on from
there: a kill costs the training since the last checkpoint, the row being measured, and starting up again. Exit status:
0 if the table was written, 2 if something has to be mended first (the reason on stderr, finished rows kept).
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import settings
from benign import studies, tables
from benign.cells import Cell, Context, slice_of
from benign.data import images as image_sets
from benign.train.checkpoints import Checkpoints
from benign.train.device import hold_precision
from console import Ticker, UserError, locked, name_and_value, parser, reports_errors
from kept_rows import KeptRows, code_of, planned, run_fingerprint


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--grid", required=True, type=Path, metavar="FILE", help="config/grids/STUDY.yaml")
    result.add_argument("--slice", required=True, type=int, metavar="I", help="which slice, from 0")
    result.add_argument("--slices", required=True, type=int, metavar="N", help="how many there are")
    result.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    result.add_argument("--threads", type=int, default=1)
    result.add_argument(
        "--images",
        nargs="*",
        type=name_and_value,
        default=[],
        metavar="NAME=FILE",
        help="data sets, as scripts/fetch_data.py writes them; cells of one that is not given are left out",
    )
    result.add_argument("--scratch", required=True, type=Path, metavar="DIR")
    result.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=30.0,
        metavar="S",
        help="how often a training keeps where it stands, and so how many seconds of it a kill can cost",
    )
    result.add_argument("--timing", type=Path, metavar="FILE.json", help="where to write how long the rows took")
    result.add_argument("--output", required=True, type=Path, metavar="FILE.csv")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Run what is missing, then write the table."""
    args = arguments().parse_args(argv)
    if not 0 <= args.slice < args.slices:
        raise UserError(f"--slice {args.slice} of --slices {args.slices}: slices are numbered from 0")
    if not args.checkpoint_seconds >= 0:
        raise UserError(f"--checkpoint-seconds {args.checkpoint_seconds}: give a number of seconds, at least 0")
    prepare_device(args.device)
    torch.set_num_threads(args.threads)
    part = settings.section(args.grid, args.study, args.tier)
    images = {name: Path(file) for name, file in args.images}
    everything = planned(args.study, part, images)
    mine = [cell for cell in everything if slice_of(cell, args.slices) == args.slice]
    mark = run_fingerprint(args.study, args.device, args.threads, images)
    scratch = args.scratch / args.tier / args.study / mark[:16]
    context = Context(
        study=args.study,
        device=args.device,
        threads=args.threads,
        images=functools.cache(functools.partial(load_images, images)),
        checkpoints=Checkpoints(scratch / "checkpoints", mark, args.checkpoint_seconds),
    )
    lock = scratch / f"slice-{args.slice}-of-{args.slices}.lock"
    with locked(lock, "another process runs this slice"), memory_shortage_explained():
        kept = KeptRows(scratch / "rows")
        entries, reused = complete(mine, kept, context, f"{args.study} {args.slice + 1}/{args.slices}")
    rows, seconds = [entry["row"] for entry in entries], sum(entry["seconds"] for entry in entries)
    tables.write(args.output, rows, [name for cell in everything[:1] for name in cell.fields()])
    if args.timing:
        origin = {f"{name}s": sorted({entry[name] for entry in entries}) for name in ("code", "processor")}
        timing = {"cells": len(rows), "reused": reused, "seconds": seconds, **origin}
        tables.write_json(args.timing, timing)
    return 0


def complete(cells: Sequence[Cell], kept: KeptRows, context: Context, title: str) -> tuple[list[dict[str, Any]], int]:
    """(what is kept of every cell, in their order; how many were kept from before).

    Of a group that was cut short only the cells without a row are run: a checkpoint lies beyond those that have one,
    and a study that was asked for them again would have to train from the start.
    """
    known = {cell.key: entry for cell in cells if (entry := kept.load(cell)) is not None}
    waiting = {cell.key: cell for cell in cells if cell.key not in known}
    reused = len(known)
    with Ticker(title, total=len(cells), done=reused) as ticker:
        if waiting:
            context = with_notify(context, ticker)
            code, started = code_of(context.study), time.monotonic()
            for row in studies.part(context.study, "run")(list(waiting.values()), context):
                cell = waiting.pop(row.get(tables.KEY), None)
                if cell is None:
                    raise RuntimeError(f"study {context.study} yielded a row that nothing asked for: {row!r}")
                elapsed, started = time.monotonic() - started, time.monotonic()
                known[cell.key] = kept.save(cell, row, elapsed, code)
                if row.get("status") == "diverged":
                    ticker.tell(f"cell {cell.key} diverged and is kept as such: {cell.fields()}")
                ticker.advance()
    if waiting:
        raise RuntimeError(f"study {context.study} yielded no row for cells {', '.join(waiting)}")
    return [known[cell.key] for cell in cells], reused


def load_images(files: Mapping[str, Path], name: str) -> image_sets.ImageSet:
    """A data set by name; UserError if it was not given or cannot be used."""
    if name not in files:
        raise UserError(f"this study needs the images of {name}: give --images {name}=FILE")
    try:
        return image_sets.load(files[name])
    except image_sets.DataError as error:
        raise UserError(str(error)) from error


def prepare_device(device: str) -> None:
    """Set the device's precision; UserError if a GPU is asked for and none can be used."""
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
            "run fewer jobs at once (--cores 1), or make n, width or test_points smaller in the grid"
        ) from error


def with_notify(context: Context, ticker: Ticker) -> Context:
    """The same context, its notes going to the ticker."""
    return Context(**{**vars(context), "notify": ticker.note})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
