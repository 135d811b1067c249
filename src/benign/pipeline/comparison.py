"""One finished run of a tier beside another: verdicts, estimates, tables, drawn numbers, images."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from benign import plots, studies, tolerances
from benign.pipeline import tables
from benign.study import Context
from benign.tolerances import DOUBLE, STRANGERS, TRAINED

PLACE = ["panel", "quantity", "series", "kind"]  # of a drawn number: what is text
LOOKS = 1.0  # root mean square, of 255, by which images may differ that look alike, as in the regression suite


class Difference(NamedTuple):
    """What is not as expected: of which part, where, and both sides in words."""

    part: str
    where: str
    expected: str
    found: str


@dataclasses.dataclass
class Part:
    """How one kind of thing compares: `same` to the byte or digit, `near` within its tolerance, the rest different."""

    name: str
    same: int = 0
    near: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)
    differences: list[Difference] = dataclasses.field(default_factory=list)

    def differs(self, where: str, expected: object, found: object) -> None:
        """Count one that is neither."""
        self.differences.append(Difference(self.name, where, str(expected), str(found)))

    def __str__(self) -> str:
        alike = f"all {self.same}" if not self.near and not self.differences else f"{self.same}"
        words = [f"{alike} the same"] + [f"{self.near} within tolerance"] * bool(self.near)
        wrong = {difference.where for difference in self.differences}
        more = f", in {len(self.differences)} places" * (len(self.differences) > len(wrong))
        words += [f"{len(wrong)} NOT{more}"] * bool(wrong)
        return f"{self.name}: {', '.join(words)}{''.join(f' ({note})' for note in self.notes)}"


def compare(before: Path, after: Path, tier: str) -> list[Part]:
    """How a tier's run in folder `after` compares with the expected one in `before`; parts in the order of reading."""
    old, new = Run(before, tier), Run(after, tier)
    data, moved = tables_of(old, new)
    numbers = drawn_numbers(old, new, moved)
    pictures = images(old, new, {difference.where for difference in numbers.differences})
    return [verdicts(old, new), estimates(old, new), data, numbers, pictures]


class Run:
    """A finished run of a tier, in a folder."""

    def __init__(self, folder: Path, tier: str) -> None:
        self.results, self.figures = folder / "results" / tier, folder / "figures" / tier
        self.claims = {
            f"{claim['study']}/{claim['id']}": claim
            for claim in tables.read_json(self.results / "claims.json")["claims"]
        }
        self.estimates = {
            f"{name}, {each['name']}": each for name, claim in self.claims.items() for each in claim["criteria"]
        }
        self.record = tables.read_json(self.results / "provenance.json")

    def table(self, study: str) -> Path:
        """Where a study's table is."""
        return self.results / study / "table.csv"


def pairs(part: Part, what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(name, expected, found) of what both have; what one lacks differs."""
    for name in {**old, **new}:
        if name in old and name in new:
            yield name, old[name], new[name]
        else:
            part.differs(name, what if name in old else f"no {what}", what if name in new else f"no {what}")


def verdicts(old: Run, new: Run) -> Part:
    """Each claim has the expected verdict."""
    part = Part("verdicts")
    for name, before, after in pairs(part, "claim", old.claims, new.claims):
        if before["verdict"] == after["verdict"]:
            part.same += 1
        else:
            part.differs(name, before["verdict"], after["verdict"])
    return part


def estimates(old: Run, new: Run) -> Part:
    """Each number that a claim is judged by lies within its expected interval."""
    part = Part("estimates")
    for name, before, after in pairs(part, "estimate", old.estimates, new.estimates):
        if before["value"] == after["value"]:
            part.same += 1
        elif within(after["value"], before):
            part.near += 1
        else:
            part.differs(name, "{value} [{low}, {high}]".format(**before), after["value"])
    return part


def within(value: float | None, expected: Mapping[str, Any]) -> bool:
    """Whether a number lies in an interval, whose ends are rounded to four digits; an end that is None is infinite."""
    if value is None or expected["value"] is None:
        return False
    low, high = (expected[end] for end in ("low", "high"))
    return all(
        end is None or sign * (value - end) >= 0 or math.isclose(value, end, rel_tol=1e-3)
        for end, sign in ((low, 1), (high, -1))
    )


def tables_of(old: Run, new: Run) -> tuple[Part, set[str]]:
    """(how the tables compare, the studies whose tables are not the same to the byte)."""
    part, moved = Part("tables"), set[str]()
    for study, *_ in pairs(part, "study", old.record["studies"], new.record["studies"]):
        if tables.digest(old.table(study)) == tables.digest(new.table(study)):
            part.same += 1
            continue
        moved.add(study)
        rows = tables.read_rows(old.table(study))
        strangers, found = tolerances.agreement(study, rows, tables.read_rows(new.table(study)))
        part.near += not found
        if strangers and not found:
            part.notes.append(f"{study}: {len(strangers)} of {len(rows)} rows stray, 1 in {STRANGERS} may")
        for text in found:
            part.differs(f"{study}/table.csv", "", text)
    return part, moved


# ---------------------------------------------------------------- figures


def drawn_numbers(old: Run, new: Run, moved: set[str]) -> Part:
    """The numbers that figures draw. moved: studies whose tables are within tolerance, but not the same."""
    part = Part("drawn numbers")
    sides = (
        {path.relative_to(run.figures).as_posix(): path for path in sorted(run.figures.rglob("*.csv"))}
        for run in (old, new)
    )
    for name, before, after in pairs(part, "file", *sides):
        if tables.digest(before) == tables.digest(after):
            part.same += 1
            continue
        frames = tables.read_frame(before), tables.read_frame(after)
        found = differences(*frames)
        if found and name.split("/")[0] in moved:
            found = strayed(*frames)
        part.near += not found
        if found:
            part.differs(name, "", found[0] if len(found) == 1 else f"{found[0]}, and {len(found) - 1} more")
    return part


def differences(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Every way in which drawn numbers differ, in words: they have the same columns and the same rows in one order.

    They were drawn from the same table, in float64, and agree to that.
    """
    if found := misshapen(before, after):
        return found
    return [
        f"{name} was {before[name].iat[i]!r} and is {after[name].iat[i]!r} in row {i}"
        for name in before.columns
        for i in map(int, np.flatnonzero(~equal(before[name], after[name])))
    ]


def strayed(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """How numbers differ that were drawn from two tables which agree within tolerance; none if they agree as well.

    The same things are drawn in the same places. Of STRANGERS points of a kind all but one lie where they were, or
    within the interval that was drawn there: an interval over few seeds follows each of them.
    """
    if found := misshapen(before, after):
        return found
    if not all(equal(before[name], after[name]).all() for name in PLACE):
        return ["other things are drawn"]
    stays = close(before["x"], after["x"], TRAINED.usual, TRAINED.scale)
    stays &= close(before["mean"], after["mean"], TRAINED.usual, TRAINED.scale) | after["mean"].between(
        before["low"], before["high"]
    ).to_numpy(bool)
    kinds = before["kind"].to_numpy()
    found = []
    for kind in dict.fromkeys(kinds):
        strays = np.flatnonzero((kinds == kind) & ~stays)
        if len(strays) > max(1, int(np.sum(kinds == kind)) // STRANGERS):
            found.append(
                f"{len(strays)} points of kind {kind} lie elsewhere, beyond intervals; the first in row {strays[0]}"
            )
    return found


def misshapen(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """How two tables cannot be compared number by number."""
    if list(before.columns) != list(after.columns):
        return [f"columns were {', '.join(before.columns)} and are {', '.join(after.columns)}"]
    return [f"{len(before)} rows were drawn and {len(after)} are"] if len(before) != len(after) else []


def equal(before: pd.Series, after: pd.Series) -> np.ndarray:
    """Where two columns agree: numbers as float64 does, text to the letter, both missing."""
    if pd.api.types.is_numeric_dtype(before) and pd.api.types.is_numeric_dtype(after):
        return close(before, after, DOUBLE.most, DOUBLE.scale)
    return ((before == after) | (before.isna() & after.isna())).to_numpy(bool)


def close(before: pd.Series, after: pd.Series, share: float, scale: float) -> np.ndarray:
    """Where numbers agree up to a share of their size, or of the scale that they live on; or are missing in both."""
    old, new = (column.to_numpy(float) for column in (before, after))
    return np.isclose(new, old, rtol=share, atol=share * scale, equal_nan=True)


def images(old: Run, new: Run, other: set[str]) -> Part:
    """The figures as pictures: the expected bytes or, where those differ, what their numbers draw here.

    other: the drawn numbers that are not as expected, whose pictures differ with them
    """
    part = Part("images")
    for name, before, after in pairs(part, "figure", old.record["figures"], new.record["figures"]):
        file = new.figures / f"{name}.png"
        if not file.exists():
            part.differs(file.name, "a file", "none")
        elif tables.digest(file) == before["png"]:
            part.same += 1
        elif f"{name}.csv" in other:
            part.differs(name, "", "its numbers are not as expected")
        elif before["sources"] != after["sources"]:
            part.differs(name, "", "was drawn by other code")
        elif looks_alike(file, drawn(new, *name.split("/"))):
            part.near += 1
        else:
            part.differs(name, "", "does not show its numbers")
    return part


def drawn(run: Run, study: str, figure: str) -> bytes:
    """A picture of a run's numbers, drawn here."""
    made = next(each for each in _figures(study, run.table(study)) if each.name == figure)
    numbers = tables.read_frame(run.figures / study / f"{figure}.csv")
    return plots.render(dataclasses.replace(made, numbers=numbers))["png"]


@functools.lru_cache(maxsize=1)
def _figures(study: str, table: Path) -> list[plots.Figure]:
    declared = studies.find(study)
    read = declared.table(tables.read(table))
    # A picture's numbers need images, how they are drawn does not.
    shown = declared.part("pictures", "pictures")(read[:0], Context(study)) if declared.pictures else []
    return [*declared.part("figures", "figures")(read), *shown]


def looks_alike(file: Path, picture: bytes) -> bool:
    """Whether an image file shows a picture, but for antialiasing."""
    found = distance(file, io.BytesIO(picture))
    return found is not None and found <= LOOKS


def distance(one: Path | io.BytesIO, other: Path | io.BytesIO) -> float | None:
    """The root mean square, of 255, by which two pictures differ; None if they have other sizes."""
    pixels = [np.asarray(Image.open(source).convert("RGBA"), float) for source in (one, other)]
    return float(np.sqrt(np.mean((pixels[0] - pixels[1]) ** 2))) if pixels[0].shape == pixels[1].shape else None
