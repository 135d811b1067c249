"""The record of a claim, and how one is drawn from rows and criteria."""

from __future__ import annotations

import dataclasses
import math
import numbers
import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from benign.claims.criteria import Criterion, rounded
from benign.letters import SYMBOLS, span, values

if TYPE_CHECKING:
    import pandas as pd

    from benign.study import Cell

Kind = Literal["paper", "derived", "beyond", "check"]
Verdict = Literal["replicated", "partly", "undecided", "not replicated", "not run"]
Thresholds = Literal["before any run", "after the default tier", "after the paper tier"]
KINDS: tuple[str, ...] = get_args(Kind)
VERDICTS: tuple[str, ...] = get_args(Verdict)
THRESHOLDS: tuple[str, ...] = get_args(Thresholds)
NOT_SAID = {"seed", "experiment", "test_points"}  # of a cell's fields: what a scope says otherwise, or not


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """One checked statement.

    id: unique within its study, e.g. "interpolation"
    study: the study's name
    kind: "paper" (a statement of a paper, read or by its tag), "derived" (proved or derived by us, docs/theory.md),
        "beyond" (our own finding or hypothesis), "check" (true by mathematics or construction: can fail only through a
        fault of ours; in no total)
    statement: one sentence that stands alone and a reader can disagree with; everything it says is judged
    source: theorem, figure or section that says it, with its tag, e.g. "Thm 3.1 [abstract, digest]"
    scope: what was run to judge it, from the cells
    measured: named numbers; always has "cells", how many cells the verdict rests on
    expected: what the measured numbers are compared with
    tolerance: what the intervals are, and where the limits come from
    verdict: what was measured says; "not run" if there is no cell in the regime
    why: what explains a verdict that is not "replicated"; for "undecided" what would decide it
    thresholds: when the limits were written down
    figure: the figure that draws its cells, "" if none
    criteria: each comparison, see `Criterion.record`
    keys: of the cells that the verdict rests on; not part of the record
    """

    id: str
    study: str
    kind: Kind
    statement: str
    source: str
    scope: str
    measured: dict[str, float | int | str | None]
    expected: str
    tolerance: str
    verdict: Verdict
    why: str
    thresholds: Thresholds
    figure: str
    criteria: tuple[dict[str, Any], ...]
    keys: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, value, known in (
            ("kind", self.kind, KINDS),
            ("verdict", self.verdict, VERDICTS),
            ("thresholds", self.thresholds, THRESHOLDS),
        ):
            if value not in known:
                raise ValueError(f"claim {self.id!r}: {name} {value!r} is not one of {', '.join(known)}")
        if "cells" not in self.measured:
            raise ValueError(f"claim {self.id!r}: measured needs 'cells', how many cells the verdict rests on")
        if self.measured["cells"] == 0 and self.verdict != "not run":
            raise ValueError(f"claim {self.id!r}: no cells, so the verdict can only be 'not run'")

    def record(self) -> dict[str, Any]:
        """As it stands in claims.json."""
        fields = dataclasses.asdict(self)
        del fields["keys"]
        return {**fields, "criteria": list(self.criteria)}


def converged(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that claims are judged on: those that ended well."""
    return table[table["status"] == "ok"]


def on_converged(judges: Sequence[Callable[[pd.DataFrame], Claim]]) -> Callable[[pd.DataFrame], list[Claim]]:
    """A study's `claims`: from its table every claim, judged on rows that converged; scopes say how many did not."""

    def claims(table: pd.DataFrame) -> list[Claim]:
        kept = converged(table)
        lost = len(table) - len(kept)
        words = f"; {lost} of the study's {len(table)} cells diverged and are left out" if lost else ""
        found = [judged(kept) for judged in judges]
        return [dataclasses.replace(claim, scope=claim.scope + words) if claim.scope else claim for claim in found]

    return claims


def of_experiments(table: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    """The rows of these experiments."""
    return table[table["experiment"].isin(experiments)]


def conclude(
    study: str,
    cell: type[Cell],
    id: str,
    rows: pd.DataFrame,
    *criteria: Criterion,
    kind: Kind,
    statement: str,
    source: str,
    thresholds: Thresholds,
    limits: str = "limits are ours",
    also: Mapping[str, Any] | None = None,
    why: str = "",
    figure: str = "",
    letters: Mapping[str, str] = types.MappingProxyType({}),
) -> Claim:
    """The claim that the criteria judge.

    study: the study's name; cell: what its cells are; letters: its paper's for fields, where not those of SYMBOLS
    rows: the cells that the verdict rests on; "not run" if there are none, or if they do not give a number
    limits: where the limits come from; also: numbers that help a reader and are not judged
    why: what explains the verdict wherever the claim does not come out; kept where it is not "replicated"
    """
    fixed: Any = {"id": id, "study": study, "kind": kind, "statement": statement, "source": source}
    fixed |= {"thresholds": thresholds, "figure": figure, "expected": "; ".join(each.expected for each in criteria)}
    intervals = dict.fromkeys(each.estimate.interval for each in criteria)
    tolerance = f"the whole 95 % interval ({', '.join(intervals)}) lies within the limits; {limits}"
    verdict = _verdict(criteria)
    if rows.empty or verdict == "not run":
        return Claim(
            **fixed, tolerance=tolerance, scope="", measured={"cells": 0}, verdict="not run", why="", criteria=()
        )
    measured = {each.name: rounded(each.estimate.value) for each in criteria}
    measured |= {name: _plain(value) for name, value in (also or {}).items()}
    return Claim(
        **fixed,
        tolerance=tolerance,
        scope=scope(cell, rows, letters),
        measured={"cells": len(rows), **measured},
        verdict=verdict,
        why=_why(verdict, criteria, why),
        criteria=tuple(each.record() for each in criteria),
        keys=frozenset(rows["key"]),
    )


def _verdict(criteria: Sequence[Criterion]) -> Verdict:
    """Of all criteria together: partly if some are met and some fail."""
    found = {each.verdict for each in criteria}
    if "not run" in found:
        return "not run"
    if "not replicated" in found:
        return "partly" if "replicated" in found else "not replicated"
    return "undecided" if "undecided" in found else "replicated"


def _why(verdict: Verdict, criteria: Sequence[Criterion], why: str) -> str:
    if verdict == "replicated":
        return ""
    undecided = [each for each in criteria if each.verdict == "undecided"]
    return " ".join([*(_would_decide(each) for each in undecided), *([why] if why else [])])


def _would_decide(criterion: Criterion) -> str:
    found, needed = criterion.estimate, criterion.draws_needed
    have = f"the interval over {found.draws} {found.over} holds the limit"
    return f"{criterion.says}: {have}; {f'about {needed} would decide' if needed else 'how many would decide is open'}."


def scope(cell: type[Cell], rows: pd.DataFrame, letters: Mapping[str, str]) -> str:
    """What was run: the range of each field that has a letter and matters, or varies, the draws, how many cells."""
    names = list(cell.model_fields)
    fields = [name for name in names if name not in NOT_SAID and rows[name].notna().any()]
    letters = {**SYMBOLS, **letters}
    one_each = rows.drop_duplicates("experiment") if "experiment" in rows else rows.head(1)
    records = one_each[names].itertuples(index=False, name=None)
    idle = set.intersection(*(set(cell(**dict(zip(names, record, strict=True))).irrelevant()) for record in records))
    said = {
        name: letters.get(name, name.replace("_", " "))
        for name in fields
        if (name in letters and name not in idle) or rows[name].nunique() > 1
    }
    seeds = span(rows.groupby("experiment")["seed"].nunique()) if "experiment" in rows else span(rows["seed"])
    return f"{', '.join(values(rows, said))}; seeds: {seeds}; {len(rows)} cells"


def _plain(value: Any) -> Any:
    """Four digits of a number, None for what is not a number (NaN), anything else as it is."""
    if isinstance(value, numbers.Integral) or not isinstance(value, numbers.Real):
        return int(value) if isinstance(value, numbers.Integral) else value
    return rounded(float(value)) if math.isfinite(value) else None
