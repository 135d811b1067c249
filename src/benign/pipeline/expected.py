"""What a finished run is expected to give: a committed archive for each tier that is kept, and a run beside it.

results/expected/TIER.tar.xz has the tables, claims and provenance of the kept run, and the numbers that its figures
draw, under the names that they have in the folder of a run: opened, it is compared as one run with another. No run
writes it: `make artifact` does.
"""

from __future__ import annotations

import contextlib
import io
import lzma
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benign.pipeline import crate, tables
from benign.pipeline.comparison import Part, compare
from benign.pipeline.console import UserError
from benign.pipeline.pages.tiers import COMMANDS

WIDTH = 150  # of the table of differences, in characters


# ---------------------------------------------------------------- the archive


def members(folder: Path, tier: str) -> dict[str, Path]:
    """The files of a run that its archive has, by their names in the run's folder."""
    results, figures = folder / "results" / tier, folder / "figures" / tier
    record = tables.read_json(results / crate.RECORD)
    found = [results / "claims.json", results / crate.RECORD, figures / "claims.csv"]
    found += [results / study / "table.csv" for study in record["studies"]]
    found += [figures / f"{figure}.csv" for figure in record["figures"]]
    return {path.relative_to(folder).as_posix(): path for path in found}


def stale(folder: Path, tier: str, archive: Path) -> list[str]:
    """The files of a kept run that its archive has otherwise, or not at all; of figures those that are kept."""
    here = {name: path for name, path in members(folder, tier).items() if path.exists()}
    try:
        with opened(archive) as kept:
            return [
                name
                for name, path in here.items()
                if not (kept / name).exists() or tables.digest(kept / name) != tables.digest(path)
            ]
    except UserError:
        return list(here)


def renew(folder: Path, tier: str, archive: Path) -> None:
    """Write the archive of a kept run, unless it has that run. UserError if the run lacks what its figures draw."""
    if not stale(folder, tier, archive):
        return
    record = tables.read_json(folder / "results" / tier / crate.RECORD)
    for name, figure in record["figures"].items():
        numbers = folder / "figures" / tier / f"{name}.csv"
        if not numbers.exists() or tables.digest(numbers) != figure["numbers"]:
            raise UserError(f"{numbers} is not what {crate.RECORD} has: run the tier first (`{COMMANDS[tier]}`)")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=9) as tar:
        for name, path in members(folder, tier).items():
            content, entry = path.read_bytes(), tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    tables.write_bytes(archive, buffer.getvalue())


@contextlib.contextmanager
def opened(archive: Path) -> Iterator[Path]:
    """A folder, for a while, with what an archive has. UserError if there is none, or if it is damaged."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(archive, "r:xz") as tar:
                tar.extractall(folder, filter="data")
        except FileNotFoundError:
            raise UserError(f"{archive} does not exist: nothing is expected of this tier yet") from None
        except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
            raise UserError(f"{archive} cannot be opened ({error}): take it from the project again") from None
        yield Path(folder)


# ---------------------------------------------------------------- the verdict on a run


def verified(folder: Path, tier: str, archive: Path) -> list[Part]:
    """How a tier's run in `folder` compares with the expected one, and its files with what was recorded of them.

    Of a tier of which nothing is expected only the files are looked at. UserError if the run is not there.
    """
    crate_file = folder / "results" / tier / crate.NAME
    if lost := [path for path in (crate_file, folder / "figures" / tier) if not path.exists()]:
        raise UserError(f"{lost[0]} is not there: run the tier first (`{COMMANDS[tier]}`)")
    parts = []
    if archive.exists():
        with opened(archive) as kept:
            parts = compare(kept, folder, tier)
    return [*parts, intact(folder, tier)]


def intact(folder: Path, tier: str) -> Part:
    """Each file has the bytes that were recorded of it."""
    part = Part("files as recorded")
    for name, wrong in crate.faults(folder, tier):
        part.differs(name, "", wrong)
    part.same = len(crate.files_of(folder, tier)) + 1 - len(part.differences)
    return part


def report(tier: str, parts: Sequence[Part], most: int | None = None) -> list[str]:
    """A line for each part; then a table of what is not as expected, of so many rows at most."""
    lines = [f"{tier}: {part}" for part in parts]
    if len(parts) == 1:
        lines.insert(0, f"{tier}: nothing is expected of this tier; its files alone are looked at")
    wrong = [difference for part in parts for difference in part.differences]
    if not wrong:
        return lines
    table = Table("part", "where", "expected", "found", box=box.MARKDOWN, expand=False)
    for difference in wrong[:most]:
        table.add_row(*map(escape, difference))
    text = io.StringIO()
    Console(file=text, width=WIDTH).print(table)
    shown = [line for line in text.getvalue().split("\n") if line.strip()]
    more = [f"and {len(wrong) - most} more: `make verify` shows all"] if most is not None and len(wrong) > most else []
    return [*lines, "", *(line.rstrip() for line in shown), *more]
