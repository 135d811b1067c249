"""Draw a study's figures from its table: NAME.png, NAME.pdf and NAME.csv, the numbers that are drawn.

The same table gives the same bytes: fixed backend, fonts and metadata, no dates.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benign import plots, studies
from benign.pipeline import settings, tables
from benign.pipeline.console import UserError, parser, reports_errors
from benign.plots import Figure


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--table", required=True, type=Path, metavar="FILE.csv")
    result.add_argument("--names", required=True, nargs="*", help="the figures that the grid file lists for this tier")
    result.add_argument("--output", required=True, type=Path, metavar="DIR")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read the table, draw, write."""
    args = arguments().parse_args(argv)
    figures = {figure.name: figure for figure in studies.part(args.study, "figures")(tables.read(args.table))}
    compare(args.study, args.names, list(figures))
    for figure in figures.values():
        draw(figure, args.output)
    return 0


def compare(study: str, listed: Sequence[str], offered: Sequence[str]) -> None:
    """UserError unless the grid file lists exactly the figures that the study offers for the table."""
    if sorted(listed) != sorted(offered):
        raise UserError(
            f"{settings.grid_file(study)}: figures lists {', '.join(sorted(listed)) or 'none'}, but from this tier's "
            f"table the study draws {', '.join(sorted(offered)) or 'none'}: write these"
        )


def draw(figure: Figure, folder: Path) -> None:
    """Write one figure and its numbers."""
    for kind, content in plots.render(figure).items():
        tables.write_bytes(folder / f"{figure.name}.{kind}", content)
    tables.write_frame(folder / f"{figure.name}.csv", figure.numbers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
