"""Sweep fields of a study's cells on all cores, for a question of one's own: a table, a figure with theory, the cost.

    python scripts/sweep.py adversarial_training budget=0:8:9 signal=4,8,16 seeds=5 --x budget --y robust_test_error

A value is one (d=10000), a list (signal=4,8,16), or a range with both ends: low:high:count, evenly spaced, or
low:high:count:log. seeds=5 runs five replicates of each point. Fields and what a grid may say instead of them (for the
flagship: budget_ratio, crowding, …) are those that `run_cell.py STUDY --fields` lists; names left out take the default
tier's values. The product of all values is run, one thread a process, and every row is kept as it ends: after an
interruption, or with more values, the same command computes only what is missing.

In the output folder: table.csv (one row a cell), figure.png and .pdf with figure.csv, the numbers drawn, and cost.json.
Exit status: 0 if all was run, 2 if something has to be mended first (the reason on stderr), 130 if interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one
os.environ["MPLBACKEND"] = "agg"  # a notebook's shell names one that may not be here: Matplotlib would not load

from benign import plots
from benign.pipeline import questions, sweep_figure, tables
from benign.pipeline.console import UserError, add_images, distinct, name_and_value, parser, reports_errors


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("study", help="its name, as in config/config.yaml")
    result.add_argument(
        "values", nargs="+", type=name_and_value, metavar="name=values", help="a value, a list or a range; seeds=N"
    )
    result.add_argument("--x", metavar="NAME", help="along the x-axis; by default the first name with several numbers")
    result.add_argument("--y", metavar="COLUMN", help="what is drawn; by default the study's first with a theory")
    result.add_argument("--cores", type=int, metavar="N", help="processes that run side by side; by default all cores")
    result.add_argument("--device", choices=("cpu", "cuda", "auto"), default="cpu")
    result.add_argument(
        "--folder", type=Path, default=questions.FOLDER, metavar="DIR", help="where rows are kept (default sweeps)"
    )
    result.add_argument("--output", type=Path, metavar="DIR", help="where results go; by default DIR/STUDY of --folder")
    add_images(result)
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Make the cells, run those that are missing, write and print what came out."""
    args = arguments().parse_intermixed_args(argv)
    if args.cores is not None and args.cores < 1:
        raise UserError(f"--cores {args.cores}: give a number of cores, at least 1")
    sweep = questions.Sweep.of(args.study, distinct(args.values))
    x, y = questions.axes_of(sweep, args.x, args.y)
    try:
        rows, cost = questions.compute(sweep, args.folder, args.cores, args.device, distinct(args.images))
    except KeyboardInterrupt:
        print("interrupted: finished rows are kept, the same command goes on from there", file=sys.stderr)
        return 130
    output = args.output or args.folder / sweep.study.name
    tables.write(output / "table.csv", rows, sweep.study.columns())
    figure = sweep_figure.figure(sweep, sweep.table(rows), x, y)
    for kind, content in plots.render(figure).items():
        tables.write_bytes(output / f"figure.{kind}", content)
    tables.write_frame(output / "figure.csv", figure.numbers)
    tables.write_json(output / "cost.json", cost)
    shown = sweep_figure.summary(figure.numbers, x, y).to_string(index=False, float_format="{:.4g}".format, na_rep="")
    print(f"{figure.caption}\n\n{shown}\n")
    print(f"{questions.in_words(cost)}\nwrote {output}/table.csv, figure.png, figure.pdf, figure.csv, cost.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
