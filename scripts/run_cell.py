"""Run one experiment from the command line, for a question of one's own.

    python scripts/run_cell.py adversarial_training d=10000 signal=8 budget=2 flip_rate=0.1 --json

Names left out take the values that the default tier's grid has in common. Exit status: 0 if the cell was run, 2 for an
unknown name or an impossible value (the reason on stderr).
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

import torch
from rich.console import Console
from rich.table import Table

from benign import studies
from benign.declared import described, kind_of
from benign.pipeline import settings, tables
from benign.pipeline.console import add_images, distinct, name_and_value, parser, reports_errors
from benign.pipeline.questions import usual
from benign.pipeline.single import answer, flat
from benign.pipeline.slices import load_images, memory_shortage_explained, prepare
from benign.study import Context, Study


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("study", choices=studies.NAMES)
    result.add_argument("values", nargs="*", type=name_and_value, metavar="name=value", help="fields of the cell")
    result.add_argument("--fields", action="store_true", help="list the fields of the study's cells, and run nothing")
    result.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    result.add_argument("--device", choices=("cpu", "cuda", "auto"), default="cpu")
    result.add_argument("--threads", type=int, default=torch.get_num_threads())
    add_images(result)
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Make the cell, run it, print what came out."""
    args = arguments().parse_intermixed_args(argv)
    device = settings.resolve_device(args.device)
    prepare(device, args.threads)
    study = studies.find(args.study)
    if args.fields:
        list_fields(study)
        return 0
    cell = study.single(distinct(args.values), usual(args.study))
    images = functools.partial(load_images, distinct(args.images))
    context = Context(study=args.study, device=device, threads=args.threads, images=images)
    with memory_shortage_explained():
        result = answer(study, cell, context)
    if args.json:
        print(json.dumps(tables.strict(result), allow_nan=False))
    else:
        show(args.study, result)
    return 0


def list_fields(study: Study) -> None:
    """Each field with its type, meaning, unit, limits and default, and what may be said instead of fields."""
    table = Table("field", "type", "meaning", "default", title=study.title)
    for name, info in (study.cell.model_fields | study.shorthand.model_fields).items():
        default = "" if info.is_required() else str(info.default)
        table.add_row(name, kind_of(info.annotation).__name__, described(info), default)
    Console(highlight=False).print(table, markup=False)


def show(study: str, result: dict[str, Any]) -> None:
    """A table for a reader: each number with its interval, nested entries one by one."""
    table = Table("", "value", "interval", title=study)
    for name, value in flat({key: value for key, value in result.items() if key != "cell"}).items():
        if not name.endswith("_interval"):
            table.add_row(name, text(value), text(result.get(f"{name}_interval")))
    console = Console(highlight=False)
    console.print(table)
    console.print("cell: " + " ".join(f"{name}={value}" for name, value in result["cell"].items()), markup=False)


def text(value: Any) -> str:
    """A value for a reader."""
    if value is None:
        return ""
    if isinstance(value, list):
        return f"[{', '.join(text(end) for end in value)}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
