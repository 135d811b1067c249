"""Run one slice of a study's grid and write its table.

Every row is kept as it ends, in SCRATCH/TIER/STUDY/FINGERPRINT/rows, and taken from there by the next run of the same
code, libraries, data and device; a long training keeps where it stands in .../checkpoints. A killed slice goes on from
there: a kill costs the training since the last checkpoint, the row being measured, and starting up again. Exit status:
0 if the table was written, 2 if something has to be mended first (the reason on stderr, finished rows kept).
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

import torch

from benign import studies
from benign.pipeline import provenance, settings, tables
from benign.pipeline.console import UserError, locked, name_and_value, parser, reports_errors
from benign.pipeline.rows import KeptRows, planned
from benign.pipeline.slices import complete, existing, load_images, memory_shortage_explained, require_device
from benign.study import Context, slice_of
from benign.train.checkpoints import Checkpoints


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
    require_device(args.device)
    torch.set_num_threads(args.threads)
    part = settings.section(args.grid, args.study, args.tier)
    images = {name: existing(name, Path(file)) for name, file in args.images}
    everything = planned(args.study, part, images)
    mine = [cell for cell in everything if slice_of(cell, args.slices) == args.slice]
    mark = provenance.run_fingerprint(args.study, args.device, args.threads, images)
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
    tables.write(args.output, rows, studies.find(args.study).columns())
    if args.timing:
        origin = {f"{name}s": sorted({entry[name] for entry in entries}) for name in ("code", "processor")}
        timing = {"cells": len(rows), "reused": reused, "seconds": seconds, **origin}
        tables.write_json(args.timing, timing)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
