"""Compute the smoke tier in this one process, without the workflow, into FOLDER, which comes to look like reference/.

    ATEN_CPU_CAPABILITY=default python tests/regression/recompute.py FOLDER --images mnist=FILE

Tables are computed; figures' numbers are drawn from the reference's tables. Prints what PyTorch computes with.
Libraries choose their instructions once, when they are loaded: another choice needs another process.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))  # this checkout's code, not an installed one

import torch

from benign import studies
from benign.pipeline import settings, tables
from benign.pipeline.console import add_images
from benign.pipeline.plans import planned
from benign.pipeline.slices import load_images
from benign.study import Context

REFERENCE = Path(__file__).resolve().parent / "reference"


def main(arguments: list[str]) -> None:
    """One study after the other, on one thread, as the workflow's slices are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    add_images(parser)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(torch.backends.cpu.get_cpu_capability())
    files = dict(given.images)
    for study in studies.NAMES:
        compute(study, files, given.folder / f"{study}.csv")
        draw(study, given.folder / study)


def compute(study: str, files: dict[str, Path], table: Path) -> None:
    """Write the table of a study's smoke tier, trained anew on the data sets in `files`."""
    declared = studies.find(study)
    cells = list(planned(study, settings.section(settings.grid_file(study), study, "smoke"), files))
    context = Context(study=study, images=functools.cache(functools.partial(load_images, files)))
    tables.write(table, declared.part("experiment", "run")(cells, context), declared.columns())


def draw(study: str, folder: Path) -> None:
    """Write the numbers of the figures that a study draws from its reference table, NAME.csv each."""
    declared = studies.find(study)
    for figure in declared.part("figures", "figures")(declared.table(tables.read(REFERENCE / f"{study}.csv"))):
        tables.write_frame(folder / f"{figure.name}.csv", figure.numbers)


if __name__ == "__main__":
    main(sys.argv[1:])
