"""Record what a tier's tables and figures came from: code, versions, configuration, data, seeds, minutes, processors.

A figure is stale if the recorded hash of its sources, or of its table, is no longer the hash of what is there.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

import pandas as pd

from benign import studies
from benign.pipeline import provenance, settings, tables
from benign.pipeline.console import add_images, distinct, parser, reports_errors


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--config", required=True, type=json.loads, metavar="JSON", help="the configuration as run")
    for name, file in (
        ("--tables", "results/TIER/STUDY/table.csv"),
        ("--figures", "figures/TIER/STUDY/NAME.png"),
        ("--origins", "results/TIER/STUDY/slices/origins.json"),
        ("--grids", "config/grids/STUDY.yaml"),
    ):
        result.add_argument(name, required=True, nargs="*", action="extend", type=Path, metavar=file)
    add_images(result)
    result.add_argument("--citation", required=True, type=Path, metavar="CITATION.cff", help="who, what, which version")
    result.add_argument("--output", required=True, type=Path, metavar="FILE.json")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Hash, ask, write."""
    args = arguments().parse_args(argv)
    table_of = {file.parent.name: file for file in args.tables}
    origins = {file.parent.parent.name: tables.read_json(file) for file in args.origins}
    sections = {file.stem: settings.section(file, file.stem, args.tier) for file in args.grids}
    images = {name: tables.digest(file) for name, file in distinct(args.images).items()}
    record = {
        "tier": args.tier,
        "software": software(args.citation),
        **commit(),
        "studies": {
            study: study_record(study, file, origins[study])
            | inputs_record(file, origins[study], sections[study], images)
            for study, file in table_of.items()
        },
        "figures": {
            f"{file.parent.name}/{file.stem}": figure_record(file, table_of[file.parent.name]) for file in args.figures
        },
        "environment": provenance.environment_of(itertools.chain(*origins.values())),
        "config": without_folders(args.config),
    }
    tables.write_json(args.output, record)
    return 0


def study_record(study: str, table: Path, origins: list[dict[str, Any]]) -> dict[str, Any]:
    """A table: what computes it, what it is, how many minutes of one thread its rows took, and what computed them.

    `computed_by` has more than `experiment` where rows were taken over from older code (tools/adopt_rows.py);
    `taken_over` says for each such code how many, and what speaks for them.
    """
    return {
        "experiment": provenance.code_of(study),
        "table": tables.digest(table),
        "cells": sum(origin["cells"] for origin in origins),
        "minutes": round(sum(origin["seconds"] for origin in origins) / 60, 2),
        "computed_by": sorted({origin["code"] for origin in origins}),
        "processors": sorted({origin["processor"] for origin in origins}),
        "taken_over": [
            {"code": origin["code"], "processor": origin["processor"], "rows": origin["cells"], **origin["taken_over"]}
            for origin in origins
            if "taken_over" in origin
        ],
    }


def inputs_record(
    table: Path, origins: list[dict[str, Any]], section: dict[str, Any], images: dict[str, str]
) -> dict[str, Any]:
    """What a table was made of beside code: grid (its hash), data sets (theirs), seeds, and the rows' environment.

    images: the hash of each data set that the run had
    """
    grid = json.dumps(section["grid"], sort_keys=True).encode()
    seeds = pd.read_csv(table, usecols=lambda name: name == "seed")
    return {
        "grid": hashlib.sha256(grid).hexdigest(),
        "data": {name: images[name] for name in section["data"] if name in images},
        "seeds": sorted({int(seed) for seed in seeds.dropna().to_numpy().ravel()}),
        "environment": provenance.environment_of(origins),
    }


def software(citation: Path) -> dict[str, Any]:
    """What CITATION.cff says of this software: title, version, date, licence, authors."""
    said = settings.read_yaml(citation)
    known = {name: str(said[name]) for name in ("title", "version", "license")}
    names = [each.get("name") or f"{each['given-names']} {each['family-names']}" for each in said["authors"]]
    return known | {"date": str(said["date-released"]), "authors": names}


def figure_record(figure: Path, table: Path) -> dict[str, str]:
    """A figure: what drew it, from what, and what it is."""
    study = studies.find(figure.parent.name)
    film = {"gif": tables.digest(figure.with_suffix(".gif"))} if figure.stem in study.films else {}
    shows_data = figure.stem in study.pictures
    return {
        "sources": provenance.code_of(study.name, "pictures" if shows_data else "figures"),
        "table": tables.digest(table),
        "numbers": tables.digest(figure.with_suffix(".csv")),
        "png": tables.digest(figure),
        "captions": tables.digest(figure.with_name("pictures.json" if shows_data else "captions.json")),
        **film,
    }


def without_folders(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as run, but with "folder" for a folder of data: where it lies is nobody else's business."""
    return {name: "folder" if name.endswith("_root") else value for name, value in config.items()}


def commit() -> dict[str, Any]:
    """The commit, and whether tracked sources differ from it; nulls where this project is no Git checkout of its own.

    A copy without Git that lies in another repository is none: that repository's commit says nothing of it.
    """
    elsewhere = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # a hook of another repository sets them
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(settings.ROOT), *arguments]
        try:
            return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    if git("rev-parse", "--show-toplevel") != str(settings.ROOT):
        return {"commit": None, "modified": None}
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "scripts", "workflow", "config")
    return {"commit": git("rev-parse", "HEAD"), "modified": None if changed is None else bool(changed)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
