"""What a cell costs beside its computation, in grids of 10³, 10⁴ and 10⁵ cells, and how long 10⁶ take to plan.

    python benchmarks/growth.py

The cells are the flagship's, with all its columns, and cost nothing: what is run in their place yields ones. A slice
has 1,000 of them. Seconds are those of one core (waiting for the disk is not in them). Written to results/growth.json.
Exit status: 1 if a stage's seconds a cell grow by more than FLAT from the smallest grid to the largest, or if planning
takes more than PLAN_SECONDS; else 0.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one
sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

import collect
import run_slice
from benign import plots, studies
from benign.pipeline import plans, provenance, rows, slices, tables
from benign.study import Cell, Context

ROOT = Path(__file__).resolve().parents[1]
STUDY = "adversarial_training"
CELLS_A_SLICE = 1000
SIZES = (10**3, 10**4, 10**5)
PLANNED = 10**6
FLAT, PLAN_SECONDS = 1.2, 120.0
COMMON = {
    "d": 10_000, "n": 100, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1, "curvature": 1.0, "width": 1000,
    "init_scale": 0.001, "step_scale": 2.0, "steps": 1000, "test_points": 2000,
}  # fmt: skip


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    result.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="CELLS")
    result.add_argument("--planned", type=int, default=PLANNED, metavar="CELLS", help="cells that are only planned")
    result.add_argument("--output", type=Path, default=ROOT / "results" / "growth.json", metavar="FILE")
    return result


def main(argv: Sequence[str]) -> int:
    """Measure, write, say whether it is flat."""
    args = arguments().parse_args(argv)
    sizes = []
    measured(CELLS_A_SLICE)  # the first slice of a process imports and reads sources
    for cells in args.sizes:
        sizes.append(measured(cells))
        print(f"{cells:,} cells: " + ", ".join(f"{name} {value:.3g}" for name, value in sizes[-1].items()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        seconds = timed(lambda: plan(args.planned, Path(folder)))
    growth = {name: sizes[-1][name] / sizes[0][name] for name in sizes[0] if name.endswith("_us")}
    record = {
        "cpu": provenance.processor(),
        "cells_a_slice": CELLS_A_SLICE,
        "sizes": sizes,
        "growth": growth,
        "planned_cells": args.planned,
        "plan_seconds": seconds,
    }
    tables.write_json(args.output, record)
    print(f"growth: {growth}; {args.planned:,} cells planned in {seconds:.0f} s")
    return int(growth["cell_us"] > FLAT or seconds > PLAN_SECONDS)


def measured(cells: int) -> dict[str, float]:
    """Microseconds a cell of each stage, and milliseconds of a look at the rows while nothing is new."""
    with tempfile.TemporaryDirectory() as name, free_cells():
        folder = Path(name)
        count = cells // CELLS_A_SLICE
        planning = timed(lambda: plan(cells, folder))
        running = timed(lambda: run(folder, count))
        resuming = timed(lambda: run(folder, count))
        options = ["--study", STUDY, "--folder", name, "--slices", str(count), "--output", str(folder / "table.csv")]
        collecting = timed(lambda: collect.main([*options, "--origins", str(folder / "origins.json")]))
        (kept,) = folder.glob("scratch/*/*/*/rows")
        arrivals = rows.Arrivals(kept)
        counting = timed(lambda: list(arrivals.look()))
        looking = timed(lambda: [list(arrivals.look()) for _ in range(100)])
        table = tables.read(folder / "table.csv")
        drawing = timed(lambda: plots.over_seeds(table, table["signal"], "rho", ("", "", "")))
    stages = {"plan": planning, "run": running, "resume": resuming, "collect": collecting, "count": counting}
    stages["draw"] = drawing
    each = {f"{name}_us": 1e6 * seconds / cells for name, seconds in stages.items()}
    return {"cells": cells, **each, "cell_us": 1e6 * (planning + running + collecting) / cells, "look_ms": 10 * looking}


def grid(cells: int) -> dict[str, Any]:
    """So many of the flagship's cells: every signal with ten seeds."""
    signals = [round(4 + 0.001 * i, 3) for i in range(cells // 10)]
    return {"common": COMMON, "seeds": 10, "experiments": {"growth": [{"budget": 1.0, "signal": signals}]}}


def plan(cells: int, folder: Path) -> None:
    """Plan them, in slices of CELLS_A_SLICE."""
    planned = plans.planned(STUDY, {"data": [], "grid": grid(cells)}, {})
    assert plans.write(folder, STUDY, planned, cells // CELLS_A_SLICE) == cells


def run(folder: Path, count: int) -> None:
    """Run so many slices."""
    for slice_ in range(count):
        options = ["--tier", "paper", "--plan", str(plans.file_of(folder, slice_)), "--scratch", f"{folder}/scratch"]
        options += ["--timing", str(plans.file_of(folder, slice_, "json"))]
        assert run_slice.main([*options, "--output", str(plans.file_of(folder, slice_, "csv"))]) == 0


@contextlib.contextmanager
def free_cells() -> Iterator[None]:
    """Running the flagship's cells costs nothing, and nothing is said about it."""
    measured = {name: kind(1) for name, kind in studies.find(STUDY).columns().items() if name != "key"}

    def ones(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
        for cell in cells:
            yield {**measured, **cell.row(status="ok")}

    with (
        mock.patch.object(slices, "run_of", return_value=ones),
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def timed(action: Callable[[], object]) -> float:
    """How many seconds of one core it takes."""
    started = time.process_time()
    action()
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
