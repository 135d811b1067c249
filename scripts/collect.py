"""Join the slices of a study into its table, which has one row for every cell of the tier's grid and no other."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benign import studies
from benign.pipeline import settings, tables
from benign.pipeline.console import UserError, parser, reports_errors
from benign.pipeline.rows import planned


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--grid", required=True, type=Path, metavar="FILE")
    result.add_argument("--images", nargs="*", default=[], metavar="NAME", help="the data sets that the slices had")
    result.add_argument("--slices", required=True, nargs="+", type=Path, metavar="FILE.csv")
    result.add_argument("--output", required=True, type=Path, metavar="FILE.csv")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read, compare with the grid, write."""
    args = arguments().parse_args(argv)
    part = settings.section(args.grid, args.study, args.tier)
    cells = planned(args.study, part, {name: Path() for name in args.images})
    rows = [row for file in args.slices for row in tables.read_rows(file)]
    wanted, found = sorted(cell.key for cell in cells), sorted(row[tables.KEY] for row in rows)
    if wanted != found:
        raise UserError(
            f"{args.study}: the slices hold {len(found)} rows for the {len(wanted)} cells of {args.grid} "
            f"({len(set(wanted) - set(found))} cells lack one, {len(set(found) - set(wanted))} rows belong to none): "
            "delete the slices and run again"
        )
    tables.write(args.output, rows, studies.find(args.study).columns())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
