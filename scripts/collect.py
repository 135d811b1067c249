"""Join the slices of a study into its table, which has one row for every planned cell and no other."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import studies
from benign.pipeline import plans, tables
from benign.pipeline.console import UserError, parser, reports_errors
from benign.pipeline.rows import tally


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--folder", required=True, type=Path, metavar="DIR", help="with NN.plan, NN.csv and NN.json")
    result.add_argument("--slices", required=True, type=int, metavar="N", help="how many there are")
    result.add_argument("--origins", type=Path, metavar="FILE.json", help="where to write what computed the rows")
    result.add_argument("--output", required=True, type=Path, metavar="FILE.csv")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read, compare with the plan, write."""
    args = arguments().parse_args(argv)
    rows: list[dict[str, Any]] = []
    for slice_ in range(args.slices):
        found = tables.read_rows(plans.file_of(args.folder, slice_, "csv"))
        require_planned(plans.file_of(args.folder, slice_), [row[tables.KEY] for row in found])
        rows += found
    tables.write(args.output, rows, studies.find(args.study).columns())
    if args.origins:
        parts = [tables.read_json(plans.file_of(args.folder, slice_, "json")) for slice_ in range(args.slices)]
        tables.write_json(args.origins, tally(origin for part in parts for origin in part["origins"]))
    return 0


def require_planned(plan: Path, found: list[str]) -> None:
    """UserError unless a slice has a row for each of its cells, and no other."""
    wanted = plans.keys(plan)
    if sorted(wanted) != sorted(found):
        raise UserError(
            f"{plan.with_suffix('.csv')} holds {len(found)} rows for the {len(wanted)} cells of {plan.name} "
            f"({len(set(wanted) - set(found))} cells lack one, {len(set(found) - set(wanted))} rows belong to none): "
            "delete it and run again"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
