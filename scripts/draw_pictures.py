"""Draw the figures of a study that show images: as draw_figures.py does, NAME.png, NAME.pdf and NAME.csv of each, and
pictures.json, their captions.

A table has no images: what it has of a few networks is trained again, and shown on the data sets that are given.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one
os.environ["MPLBACKEND"] = "agg"  # a notebook's shell names one that may not be here: Matplotlib would not load

from benign import studies
from benign.pipeline import tables
from benign.pipeline.console import add_images, distinct, parser, reports_errors
from benign.pipeline.slices import existing, load_images, prepare
from benign.study import Context
from draw_figures import draw


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument(
        "--study", required=True, choices=[name for name in studies.NAMES if studies.find(name).pictures]
    )
    result.add_argument("--table", required=True, type=Path, metavar="FILE.csv")
    add_images(result)
    result.add_argument("--output", required=True, type=Path, metavar="DIR")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read the table, train, draw, write."""
    args = arguments().parse_args(argv)
    study, files = studies.find(args.study), {k: existing(k, v) for k, v in distinct(args.images).items()}
    prepare("cpu", threads=1)
    context = Context(study.name, images=functools.cache(functools.partial(load_images, files)))
    table = study.table(tables.read(args.table))
    figures = study.part("pictures", "pictures")(table[table["data"].isin(files)], context)
    if (offered := tuple(figure.name for figure in figures)) != study.pictures:
        raise ValueError(f"study {study.name} declares the pictures {study.pictures} and draws {offered}")
    for figure in figures:
        draw(figure, args.output)
    tables.write_json(args.output / "pictures.json", {figure.name: figure.caption for figure in figures})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
