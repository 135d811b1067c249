"""What tests share beside fixtures: the project's folder, and how to run its workflow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def snakemake(*arguments: str | Path, directory: Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the workflow of the project at `root` in `directory`, which it may fill."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
    return subprocess.run(
        [*command, "--directory", str(directory), "--cores", "2", *map(str, arguments)],
        cwd=directory,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
