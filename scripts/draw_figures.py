"""Draw a study's figures from its table: NAME.png, NAME.pdf (NAME.gif too, of a film) and NAME.csv, the numbers that
are drawn; and captions.json, the caption of each.

The same table gives the same bytes: fixed backend, fonts and metadata, no dates.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one
os.environ["MPLBACKEND"] = "agg"  # a notebook's shell names one that may not be here: Matplotlib would not load

from benign import plots, studies
from benign.pipeline import tables
from benign.pipeline.console import parser, reports_errors
from benign.plots import Figure


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--table", required=True, type=Path, metavar="FILE.csv")
    result.add_argument("--output", required=True, type=Path, metavar="DIR")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read the table, draw, write."""
    args = arguments().parse_args(argv)
    study = studies.find(args.study)
    figures = study.part("figures", "figures")(study.table(tables.read(args.table)))
    if (offered := tuple(figure.name for figure in figures)) != study.figures:
        raise ValueError(f"study {study.name} declares the figures {study.figures} and draws {offered}")
    if (offered := tuple(figure.name for figure in figures if figure.frames)) != study.films:
        raise ValueError(f"study {study.name} declares the films {study.films} and draws {offered}")
    for figure in figures:
        draw(figure, args.output)
    tables.write_json(args.output / "captions.json", {figure.name: figure.caption for figure in figures})
    return 0


def draw(figure: Figure, folder: Path) -> None:
    """Write one figure and its numbers."""
    for kind, content in plots.render(figure).items():
        tables.write_bytes(folder / f"{figure.name}.{kind}", content)
    tables.write_frame(folder / f"{figure.name}.csv", figure.numbers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
