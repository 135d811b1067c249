"""Store what a cell of each study takes, for the forecast of scripts/run_pipeline.py: benchmarks/cell_seconds.json.

    python benchmarks/cell_seconds.py results/default results/paper

Takes it from the provenance of finished runs; what the file says of other tiers and studies stays. What a job of each
kind takes beside computing cells (starting, drawing) is the same in all tiers: it comes from the logs of the last of
these runs that lie beside its results and are of a run that found no row kept, and stays where there are none. Exit
status: 2 if a run has no provenance.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

import pandas as pd

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
        if jobs := jobs_of(run.resolve().parents[1] / "logs" / record["tier"]):
            stored["jobs"] = jobs
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


def jobs_of(logs: Path) -> dict[str, Any] | None:
    """Seconds that a job of each kind takes on average, without those of cells, and Snakemake beside all jobs."""
    if not (logs / "run.json").is_file():
        return None
    run = tables.read_json(logs / "run.json")
    if run["exit_status"] or any(study["kept"] or not study["computed"] for study in run["studies"].values()):
        return None  # what the logs say is then of several runs
    seconds: dict[str, list[float]] = {}
    folders = [logs, *(logs / study for study in run["studies"])]
    for file in [file for folder in folders for file in folder.glob("*.tsv")]:
        seconds.setdefault(file.stem.partition("-")[0], []).append(float(pd.read_csv(file, sep="\t")["s"].sum()))
    total = {kind: sum(each) for kind, each in seconds.items()}
    beside = total | {"slice": total["slice"] - run["cell_seconds"]}
    mean = {kind: round(beside[kind] / len(each), 2) for kind, each in sorted(seconds.items())}
    mean["snakemake"] = round(run["wall_seconds"] - sum(total.values()) / run["cores"], 2)
    return {"seconds": mean, "machine": run["machine"]["cpu"]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
