"""Plan a study's cells: write which of them each slice computes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import studies
from benign.pipeline import plans, settings
from benign.pipeline.console import UserError, data_set, parser, reports_errors


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--grid", required=True, type=Path, metavar="FILE", help="config/grids/STUDY.yaml")
    result.add_argument(
        "--images",
        action="append",
        type=data_set,
        default=[],
        metavar="NAME",
        help="a data set, once for each; cells of one that is not given are left out",
    )
    result.add_argument("--slices", type=int, metavar="N", help="how many there are; by default what the grid says")
    result.add_argument("--output", required=True, type=Path, metavar="DIR", help="where NN.plan of each slice goes")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read the grid, make its cells, write."""
    args = arguments().parse_args(argv)
    section = settings.section(args.grid, args.study, args.tier)
    slices = section["slices"] if args.slices is None else args.slices
    if slices < 1:
        raise UserError(f"--slices {slices}: give a number of slices, at least 1")
    cells = plans.planned(args.study, section, dict.fromkeys(args.images))
    print(f"{args.study}: {plans.write(args.output, args.study, cells, slices)} cells in {slices} slices")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
