"""Run one slice of a study's cells and write its table.

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

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import studies
from benign.pipeline import plans, provenance, settings, tables
from benign.pipeline.console import UserError, add_images, distinct, parser, reports_errors
from benign.pipeline.rows import KeptRows, tally
from benign.pipeline.slices import complete, existing, load_images, memory_shortage_explained, prepare
from benign.study import Context
from benign.train.checkpoints import Checkpoints


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--plan", required=True, type=Path, metavar="NN.plan", help="the cells, from scripts/plan.py")
    result.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    result.add_argument("--threads", type=int, default=1)
    add_images(result)
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
    if not args.checkpoint_seconds >= 0:
        raise UserError(f"--checkpoint-seconds {args.checkpoint_seconds}: give a number of seconds, at least 0")
    prepare(args.device, args.threads)
    mine = plans.read(args.plan)
    images = {name: existing(name, file) for name, file in distinct(args.images).items()}
    mark = provenance.run_fingerprint(mine.study, args.device, args.threads, images)
    scratch = args.scratch / args.tier / mine.study / mark[:16]
    context = Context(
        study=mine.study,
        device=args.device,
        threads=args.threads,
        images=functools.cache(functools.partial(load_images, images)),
        checkpoints=Checkpoints(scratch / "checkpoints", mark, args.checkpoint_seconds),
    )
    kept = KeptRows(scratch / "rows", mine.share)
    with tables.naming(scratch), memory_shortage_explained():
        entries, reused = complete(mine.cells, kept, context, f"{mine.study} {mine.share[0] + 1}/{mine.share[1]}")
    tables.write(args.output, [entry["row"] for entry in entries], studies.find(mine.study).columns())
    if args.timing:
        seconds = sum(entry["seconds"] for entry in entries)
        timing = {
            "cells": len(entries),
            "reused": reused,
            "seconds": seconds,
            "origins": tally({**entry["origin"], "cells": 1, "seconds": entry["seconds"]} for entry in entries),
        }
        tables.write_json(args.timing, timing)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
