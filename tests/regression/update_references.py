"""Take a run of the smoke tier as the new reference: tables, the numbers drawn from them, and images of these figures.

    snakemake --cores 2 --configfile config/smoke.yaml --directory RUN_FOLDER
    python tests/regression/update_references.py RUN_FOLDER

RUN_FOLDER holds results/smoke/STUDY/table.csv and figures/smoke/STUDY/*.csv. Without it the tables stay, and their
numbers and images are drawn anew: after a change of figures alone. Prints what moved, and by how much: tables and drawn
numbers beyond tolerance, images by the root mean square of their pixels (of 255). Look at it, and at the images, before
committing them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import recompute  # type: ignore[import-not-found]  # beside this script, which is its folder

from benign import studies, tolerances
from benign.pipeline import comparison, tables

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Replace reference/ and baseline/*.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_folder", type=Path, metavar="RUN_FOLDER", nargs="?")
    folder = parser.parse_args(arguments).run_folder
    with tempfile.TemporaryDirectory() as before:
        for name in ("reference", "baseline"):
            shutil.copytree(HERE / name, Path(before, name))
        if folder is None:
            draw_again()
        else:
            take_over(folder, parser)
        shutil.rmtree(HERE / "baseline", ignore_errors=True)
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", f"--mpl-generate-path={HERE / 'baseline'}"]
        command += [str(HERE / "test_figure_images.py")]
        status = subprocess.run(command, check=False, cwd=HERE.parents[1]).returncode
        print("\n".join(moved(Path(before), HERE) or ["nothing moved"]))
    return status


def moved(before: Path, after: Path) -> list[str]:
    """How the references in one folder differ from those in another: a line for each file, new, gone or moved."""
    old, new = ({str(path.relative_to(side)): path for path in sorted(references(side))} for side in (before, after))
    lines = [f"{name}: {'gone' if name in old else 'new'}" for name in sorted(old.keys() ^ new.keys())]
    for name in sorted(old.keys() & new.keys()):
        if old[name].read_bytes() != new[name].read_bytes():
            found = how(old[name], new[name])
            lines.append(f"{name}: {found[0]}" + (f", and {len(found) - 1} more" if len(found) > 1 else ""))
    return lines


def references(side: Path) -> list[Path]:
    """The files of a folder that are references."""
    return [*side.glob("reference/**/*.csv"), *side.glob("baseline/*.png")]


def how(before: Path, after: Path) -> list[str]:
    """How a reference with other bytes differs, in words."""
    if before.suffix == ".png":
        distance = comparison.distance(before, after)
        return ["another size" if distance is None else f"pixels moved by {distance:.2f}"]
    if before.parent.name == "reference":
        found = tolerances.differences(before.stem, tables.read_rows(before), tables.read_rows(after))
    else:
        found = comparison.differences(tables.read_frame(before), tables.read_frame(after))
    return found or ["moved within tolerance"]


def draw_again() -> None:
    """Replace reference/STUDY/*.csv by what the reference's tables give."""
    for study in studies.NAMES:
        shutil.rmtree(HERE / "reference" / study, ignore_errors=True)
        recompute.draw(study, HERE / "reference" / study)


def take_over(folder: Path, parser: argparse.ArgumentParser) -> None:
    """Replace reference/ by a run's tables and numbers."""
    kept = {file: f"{file.parent.name}.csv" for file in folder.glob("results/smoke/*/table.csv")}
    kept |= {file: f"{file.parent.name}/{file.name}" for file in folder.glob("figures/smoke/*/*.csv")}
    if not kept:
        parser.error(f"{folder} has neither tables nor drawn numbers: run the smoke tier in RUN_FOLDER first")
    shutil.rmtree(HERE / "reference", ignore_errors=True)
    for file, name in kept.items():
        (HERE / "reference" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, HERE / "reference" / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
