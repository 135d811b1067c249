"""Take a run of the smoke tier as the new reference: tables, the numbers drawn from them, and images of these figures.

    snakemake --cores 2 --configfile config/smoke.yaml --directory RUN_FOLDER
    python tests/regression/update_references.py RUN_FOLDER

RUN_FOLDER holds results/smoke/STUDY/table.csv and figures/smoke/STUDY/*.csv. Look at `git diff` and at the images
before committing them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Replace reference/STUDY.csv, reference/STUDY/*.csv and baseline/*.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_folder", type=Path, metavar="RUN_FOLDER")
    folder = parser.parse_args(arguments).run_folder
    kept = {file: f"{file.parent.name}.csv" for file in folder.glob("results/smoke/*/table.csv")}
    kept |= {file: f"{file.parent.name}/{file.name}" for file in folder.glob("figures/smoke/*/*.csv")}
    if not kept:
        parser.error(f"{folder} has neither tables nor drawn numbers: run the smoke tier in RUN_FOLDER first")
    for name in ("reference", "baseline"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    for file, name in kept.items():
        (HERE / "reference" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, HERE / "reference" / name)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", f"--mpl-generate-path={HERE / 'baseline'}"]
    return subprocess.run([*command, str(HERE / "test_figure_images.py")], check=False, cwd=HERE.parents[1]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
