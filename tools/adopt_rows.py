"""Take the rows of a kept table over as finished rows, so that the next run computes only what is new.

For those who add a study or a figure, or change code in a way that is meant to change no number, and need not compute
hours of other results again. A random sample of the rows is computed again here: one group of cells in SHARE, LEAST of
them at least, and one for each data set, as a hash with the table's own digest ranks them. All rows are taken over if
the sample agrees within the tolerances that the regression suite holds (benign.tolerances), none if not. One row in
tolerances.STRANGERS may be another: on another processor, or with another order of the same sums, a training near its
limit of stability ends elsewhere. Provenance goes on to name what computed the rows, and says how many there are, how
many were computed again, how many of these agree, and within what.
Exit status: 0 if the rows are in place, 2 if they cannot be (the reason on stderr).
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import studies, tolerances
from benign.pipeline import provenance, settings, tables
from benign.pipeline.console import UserError, add_images, distinct, parser, reports_errors
from benign.pipeline.plans import planned
from benign.pipeline.rows import KeptRows
from benign.pipeline.slices import existing, load_images, prepare, run_of
from benign.study import Cell, Context, slice_of

SHARE, LEAST = 40, 4
Rows = dict[str, dict[str, Any]]  # by key


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    result.add_argument("--threads", type=int, default=1, help="as the workflow's slices have them")
    add_images(result)
    result.add_argument(
        "--without",
        nargs=1,
        action="extend",
        default=[],
        metavar="COLUMN",
        help="a column that means something else by now: left out of the rows (may be given again)",
    )
    result.add_argument(
        "--partly",
        nargs=1,
        action="extend",
        default=[],
        metavar="COLUMN",
        help="a column that the older ones of the rows lack: compared where a row has it (may be given again)",
    )
    result.add_argument("--scratch", type=Path, default=Path("scratch"), metavar="DIR")
    result.add_argument("--results", type=Path, default=settings.ROOT / "results", metavar="DIR")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Compare what is recorded, compute a sample again, then keep all."""
    args = arguments().parse_args(argv)
    prepare(args.device, args.threads)
    images = {name: existing(name, file) for name, file in distinct(args.images).items()}
    table = args.results / args.tier / args.study / "table.csv"
    record = tables.read_json(args.results / args.tier / "provenance.json")
    require_recorded(args.study, table, record, args.device)
    section = settings.section(settings.grid_file(args.study), args.study, args.tier)
    cells = {cell.key: cell for cell in planned(args.study, section, images)}
    old = {row[tables.KEY]: row for row in tables.read_rows(table) if row[tables.KEY] in cells}
    # A field that is younger than the rows is at its default in them, or their keys would be others.
    rows = {
        key: {**cells[key].fields(), **{name: value for name, value in row.items() if name not in args.without}}
        for key, row in old.items()
    }
    context = Context(
        study=args.study,
        device=args.device,
        threads=args.threads,
        images=functools.cache(functools.partial(load_images, images)),
    )
    again = sample([cells[key] for key in rows], tables.digest(table))
    vouching = {
        **compared(again, rows, context, table, args.partly),
        "left_out": args.without,
        "partly": args.partly,
        **sizes(again, [cells[key] for key in rows]),
    }
    mark = provenance.run_fingerprint(args.study, args.device, args.threads, images)
    folder = args.scratch / args.tier / args.study / mark[:16] / "rows"
    for slice_ in range(section["slices"]):
        share = [cell for cell in cells.values() if cell.key in rows and slice_of(cell, section["slices"]) == slice_]
        keep(share, rows, KeptRows(folder, (slice_, section["slices"])), record, vouching, args.study)
    print(
        f"{args.study}, {args.tier}: {len(rows)} of {len(cells)} rows taken over; {vouching['computed_again']} were "
        f"computed again, {vouching['agreed']} of them agree, {vouching['to_the_bit']} to the bit"
    )
    return 0


def require_recorded(study: str, table: Path, record: Mapping[str, Any], device: str) -> None:
    """UserError unless the table is the recorded one, made with these libraries on such a device."""
    known = record["studies"].get(study)
    if known is None:
        raise UserError(f"{table.parents[1] / 'provenance.json'} knows no study {study}: run the tier instead")
    facts = {"table": tables.digest(table), "device": device}
    facts |= {name: importlib.metadata.version(name) for name in provenance.LIBRARIES}
    recorded = {**record["environment"], **known}
    differing = [name for name, value in facts.items() if recorded.get(name) != value]
    if differing:
        raise UserError(
            f"{table} was made with another {', another '.join(differing)}: its rows are not what this checkout "
            "would compute, so run the tier instead"
        )


def least(groups: int) -> int:
    """How many of so many groups of cells have to be computed again."""
    return min(groups, max(LEAST, -(-groups // SHARE)))


def sample(cells: Sequence[Cell], salt: str) -> list[Cell]:
    """The cells of as many groups as have to be computed again, and of one group for each data set."""

    def rank(cell: Cell) -> str:
        return hashlib.sha256(f"{salt} {cell.group}".encode()).hexdigest()

    ranked = sorted(cells, key=rank)
    groups = list(dict.fromkeys(cell.group for cell in ranked))
    chosen = {*groups[: least(len(groups))], *{cell.fields().get("data"): cell.group for cell in ranked[::-1]}.values()}
    return [cell for cell in ranked if cell.group in chosen]


def sizes(again: Sequence[Cell], cells: Sequence[Cell]) -> dict[str, int]:
    """How many groups of cells there are, and how many of them were computed again."""
    return {"groups": len({cell.group for cell in cells}), "groups_again": len({cell.group for cell in again})}


def compared(
    cells: Sequence[Cell], rows: Rows, context: Context, table: Path, partly: Sequence[str] = ()
) -> dict[str, Any]:
    """What speaks for the rows: some computed again, and how they compare. UserError if they do not agree."""
    known = {
        name for row in rows.values() for name in row
    }  # what is younger than the rows, or left out, is not compared
    here = {
        str(row[tables.KEY]): {
            name: value for name, given in row.items() if name in known and (value := tables.plain(given)) is not None
        }
        for row in run_of(context.study)(list(cells), context)
    }
    for key, row in here.items():
        for name in partly:
            if rows[key].get(name) is None:
                row.pop(name, None)
    strangers, found = tolerances.agreement(context.study, [rows[key] for key in here], list(here.values()))
    if found:
        raise UserError(
            f"{table}: of {len(here)} cells computed again here some come out differently, so its rows are not taken "
            "over; run the tier instead:\n" + "\n".join(found[:10])
        )
    return {
        "for": provenance.code_of(context.study),
        "computed_again": len(here),
        "agreed": len(here) - len(strangers),
        "to_the_bit": sum(here[key] == rows[key] for key in here),
        "tolerance": tolerance(context.study),
        "not_compared": f"what was trained in rows with an inner_gap above {tolerances.UNSETTLED}",
    }


def tolerance(study: str) -> list[dict[str, Any]]:
    """How far the columns of a study may move, stated: see `benign.tolerances.Tolerance`."""
    columns: dict[tolerances.Tolerance, list[str]] = {}
    for name, each in sorted(tolerances.of(study).items()):
        columns.setdefault(each, []).append(name)
    return [
        {"usual": each.usual, "most": each.most, "scale": each.scale, "columns": names}
        for each, names in sorted(columns.items(), key=lambda pair: pair[1])
    ]


def keep(
    cells: Sequence[Cell],
    rows: Rows,
    kept: KeptRows,
    record: Mapping[str, Any],
    vouching: Mapping[str, Any],
    study: str,
) -> None:
    """Keep the rows of a slice's cells that are not kept yet, under the name of what computed them."""
    known = record["studies"][study]
    # Of a table's seconds only the sum is recorded: each row gets its share, so that the sum stays.
    seconds = 60 * known["minutes"] / known["cells"]
    origin = {
        "code": " and ".join(known["computed_by"]),
        "processor": " and ".join(known["processors"]),
        "environment": record["environment"],
        "taken_over": vouching,
    }
    with kept.appending():
        present = kept.load({cell.key for cell in cells})
        for cell in cells:
            if cell.key not in present:
                kept.save(cell, rows[cell.key], seconds, origin)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
