"""Store what a cell of each study takes, for the forecast of scripts/run_pipeline.py: benchmarks/cell_seconds.json.

    python benchmarks/cell_seconds.py results/default results/paper

Takes it from the provenance of finished runs; what the file says of other tiers and studies stays. Exit status: 2 if a
run has no provenance.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign.pipeline import settings, tables
from benign.pipeline.console import parser, reports_errors


@reports_errors
def main(argv: list[str]) -> int:
    """Read the runs' records, write the file."""
    arguments = parser(__doc__)
    arguments.add_argument("runs", nargs="+", type=Path, metavar="results/TIER")
    arguments.add_argument("--output", type=Path, default=settings.CELL_SECONDS, metavar="FILE.json")
    args = arguments.parse_args(argv)
    stored: dict[str, dict[str, Any]] = tables.read_json(args.output) if args.output.exists() else {}
    for run in args.runs:
        record = tables.read_json(run / "provenance.json")
        stored.setdefault(record["tier"], {}).update(studies_of(record))
    tables.write_json(args.output, stored)
    return 0


def studies_of(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """For each study of a run that has cells: seconds of one thread that one of them takes, and where."""
    return {
        study: {
            "seconds_per_cell": round(60 * part["minutes"] / part["cells"], 4),
            "machine": " and ".join(part["processors"]),
        }
        for study, part in record["studies"].items()
        if part["cells"]
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
