"""What tests share beside fixtures: the project's folder, and how to run its workflow."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from benign import studies
from benign.claims import Claim
from benign.plots import Figure

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("src", "scripts", "workflow", "config", "Snakefile", "environment.yml", "pyproject.toml", "CITATION.cff")


def copy_project(to: Path) -> Path:
    """The files of this checkout that a run needs."""
    to.mkdir(parents=True)
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(ROOT / name, to / name)
    return to


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


def claims_of(study: str, table: pd.DataFrame) -> list[Claim]:
    """A study's claims, judged on a table that has at least some of its columns."""
    return studies.find(study).part("claims", "claims")(studies.find(study).table(table))


def figures_of(study: str, table: pd.DataFrame) -> list[Figure]:
    """A study's figures, from a table that has at least some of its columns."""
    return studies.find(study).part("figures", "figures")(studies.find(study).table(table))


def verdicts_of(study: str, table: pd.DataFrame) -> dict[str, str]:
    """The verdict of each claim, by its id."""
    return {claim.id: claim.verdict for claim in claims_of(study, table)}


def smoke_figures() -> list[str]:
    """The smoke tier's figures, each as STUDY/NAME."""
    return [f"{study}/{figure}" for study in studies.NAMES for figure in studies.find(study).figures]


def killed_pipeline(root: Path, directory: Path, moments: Iterable[float], study: str) -> int:
    """Run a study's smoke tier, of a project, in `directory`, killing all of it at these moments; returns the kills.

    moments: seconds after the start of a run, one for each run: one that is over by then has to have succeeded, and is
    the last; after the last moment a run is left alone and has to succeed
    """
    command = [sys.executable, str(root / "scripts" / "run_pipeline.py"), "--tier", "smoke", "--cores", "2"]
    command += ["--config", f"studies=[{study}]"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    directory.mkdir()
    killed = -1
    for killed, moment in enumerate(moments):
        process = subprocess.Popen(
            command, cwd=directory, env=environment, start_new_session=True, stderr=subprocess.DEVNULL
        )
        try:
            assert process.wait(moment) == 0
            return killed
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    last = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stderr
    return killed + 1


def made_by_the_pipeline(directory: Path) -> dict[str, bytes]:
    """What lies in results/ and figures/: names and bytes, but for the seconds that it took."""
    found = {}
    for path in [*directory.glob("results/**/*"), *directory.glob("figures/**/*")]:
        if path.is_file() and (path.parent.name, path.suffix) != ("slices", ".json"):
            found[str(path.relative_to(directory))] = path.read_bytes()
    for name in [name for name in found if name.endswith("/provenance.json")]:
        digest = hashlib.sha256(found[name]).hexdigest()
        record = json.loads(found[name])
        for study in record["studies"].values():
            del study["minutes"]
        found[name] = json.dumps(record).encode()
        crate = str(Path(name).with_name("ro-crate-metadata.json"))  # it has the hash and the size of that file
        found[crate] = re.sub(
            rb'"contentSize": "\d+",(\s+)"sha256": "' + digest.encode(), rb'\1"sha256": "', found[crate]
        )
    return found
