"""Take the rows of a kept table over as finished rows, so that the next run computes only what is new.

For those who add a study or a figure and need not compute an hour of other results again. Rows are taken over only if
the table is the one that its provenance describes, if code, libraries and device are the ones that computed it, and if
some of its rows (--check groups of cells, and one for each data set) come out of a computation here with the same bits,
or, with --other-processor, with the same numbers up to roundings. With --other-code they may come from another version
of the code, one that is meant to give the same numbers: then a fortieth of the groups, at least, is computed again.
Provenance goes on to name what computed them.
Exit status: 0 if the rows are in place, 2 if they cannot be (the reason on stderr).
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.metadata
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benign import studies
from benign.pipeline import provenance, settings, tables
from benign.pipeline.console import UserError, name_and_value, parser, reports_errors
from benign.pipeline.rows import KeptRows, planned
from benign.pipeline.slices import existing, load_images, require_device
from benign.study import Cell, Context

# In errors: a few of 2,000 test points change sides.
ROUNDINGS = 0.01


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    result.add_argument("--threads", type=int, default=1, help="as the workflow's slices have them")
    result.add_argument("--images", nargs="*", type=name_and_value, default=[], metavar="NAME=FILE")
    result.add_argument("--scratch", type=Path, default=Path("scratch"), metavar="DIR")
    result.add_argument("--results", type=Path, default=settings.ROOT / "results", metavar="DIR")
    result.add_argument("--other-processor", action="store_true", help="the rows come from another kind of processor")
    result.add_argument("--other-code", action="store_true", help="the rows come from another version of the code")
    result.add_argument("--check", type=int, default=4, metavar="N", help="how many groups of cells to compute again")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Compare what is recorded, compute a few rows again, then keep all."""
    args = arguments().parse_args(argv)
    require_device(args.device)
    torch.set_num_threads(args.threads)
    images = {name: existing(name, Path(file)) for name, file in args.images}
    table = args.results / args.tier / args.study / "table.csv"
    record = tables.read_json(args.results / args.tier / "provenance.json")
    require_same_origin(args.study, table, record, args.device, other_code=args.other_code)
    part = settings.section(settings.grid_file(args.study), args.study, args.tier)
    cells = {cell.key: cell for cell in planned(args.study, part, images)}
    rows = {row[tables.KEY]: row for row in tables.read_rows(table) if row[tables.KEY] in cells}
    context = Context(
        study=args.study,
        device=args.device,
        threads=args.threads,
        images=functools.cache(functools.partial(load_images, images)),
    )
    groups = len({cells[key].group for key in rows})
    count = max(args.check, -(-groups // 40)) if args.other_code else args.check
    again = chosen([cells[key] for key in rows], count, tables.digest(table))
    require_same_rows(again, rows, context, table, to_the_bit=not args.other_processor)
    mark = provenance.run_fingerprint(args.study, args.device, args.threads, images)
    kept = KeptRows(args.scratch / args.tier / args.study / mark[:16] / "rows")
    known = record["studies"][args.study]
    # Of a table's seconds only the sum is recorded: each row gets its share, so that the sum stays.
    seconds = 60 * known["minutes"] / known["cells"]
    code, processor = " and ".join(known["computed_by"] or [known["experiment"]]), " and ".join(known["processors"])
    for key, row in rows.items():
        kept.save(cells[key], row, seconds, code, processor)
    print(
        f"{args.study}, {args.tier}: {len(rows)} of {len(cells)} rows taken over; {len(again)} came out the same here"
    )
    return 0


def require_same_origin(study: str, table: Path, record: dict[str, Any], device: str, *, other_code: bool) -> None:
    """UserError unless the table is the recorded one, made by this code with these libraries on such a device."""
    known = record["studies"].get(study)
    if known is None:
        raise UserError(f"{table.parents[1] / 'provenance.json'} knows no study {study}: run the tier instead")
    facts = {"table": tables.digest(table), "device": device}
    facts |= {} if other_code else {"experiment": provenance.code_of(study)}
    facts |= {name: importlib.metadata.version(name) for name in provenance.LIBRARIES}
    recorded = {**record["environment"], **known}
    differing = [name for name, value in facts.items() if recorded.get(name) != value]
    if differing:
        raise UserError(
            f"{table} was made with another {', another '.join(differing)}: its rows are not what this checkout "
            "would compute, so run the tier instead; if only the code differs, and not in what it computes, give "
            "--other-code"
        )


def chosen(cells: Sequence[Cell], count: int, salt: str) -> list[Cell]:
    """The cells of `count` groups, and of one group for each data set, as a hash with the salt picks them."""

    def rank(cell: Cell) -> str:
        return hashlib.sha256(f"{salt} {cell.group}".encode()).hexdigest()

    ranked = sorted(cells, key=rank)
    groups = list(dict.fromkeys(cell.group for cell in ranked))[:count]
    groups += {cell.fields().get("data"): cell.group for cell in reversed(ranked)}.values()
    return [cell for cell in ranked if cell.group in groups]


def require_same_rows(
    cells: Sequence[Cell], rows: dict[str, dict[str, Any]], context: Context, table: Path, *, to_the_bit: bool
) -> None:
    """UserError if computing the cells here gives rows that differ from the table's: in a bit, or beyond roundings."""
    for computed in studies.find(context.study).part("experiment", "run")(list(cells), context):
        plain = {name: tables.plain(value) for name, value in computed.items()}
        key = plain[tables.KEY]
        here = {name: value for name, value in plain.items() if value is not None}
        if here != rows[key] and (to_the_bit or not alike(here, rows[key])):
            mend = "run the tier instead, or, if it comes from another kind of processor, give --other-processor"
            raise UserError(
                f"{table}: cell {key} comes out differently on this machine, so its rows are not taken over: "
                + (mend if to_the_bit else "run the tier instead")
            )


def alike(here: dict[str, Any], there: dict[str, Any]) -> bool:
    """Whether two rows differ by no more than trainings with other 32-bit roundings do.

    Numbers may differ by a fifth or by ROUNDINGS; whole numbers, which say how much work something was, by half.
    """
    return here.keys() == there.keys() and all(
        math.isclose(value, there[name], rel_tol=0.5 if isinstance(value, int) else 0.2, abs_tol=ROUNDINGS)
        if isinstance(value, int | float)
        else value == there[name]
        for name, value in here.items()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
