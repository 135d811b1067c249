"""Claims: statements that a reader can disagree with, and the verdict that the measurements give."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["replicated", "partly", "not replicated", "not run"]
VERDICTS: tuple[str, ...] = get_args(Verdict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """One checked statement.

    id: unique within its study, e.g. "interpolation"
    study: the study's name
    statement: one sentence a reader can disagree with; a claim about a regime names the regime
    source: theorem, figure or "beyond the paper", with its tag, e.g. "Thm 3.1 [abstract, digest]"
    measured: named numbers; always has "cells", how many cells the verdict rests on
    expected: what the measured numbers are compared with
    tolerance: how far off counts as agreeing, and where that width comes from
    verdict: what was measured says; "not run" if there is no cell in the regime
    figure: the figure that shows it, "" if none
    """

    id: str
    study: str
    statement: str
    source: str
    measured: dict[str, float | int | str | None]
    expected: str
    tolerance: str
    verdict: Verdict
    figure: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"claim {self.id!r}: verdict {self.verdict!r} is not one of {', '.join(VERDICTS)}")
        if "cells" not in self.measured:
            raise ValueError(f"claim {self.id!r}: measured needs 'cells', how many cells the verdict rests on")
        if self.measured["cells"] == 0 and self.verdict != "not run":
            raise ValueError(f"claim {self.id!r}: no cells, so the verdict can only be 'not run'")

    def record(self) -> dict[str, Any]:
        """As it stands in claims.json."""
        return dataclasses.asdict(self)


def converged(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that claims are judged on: those that ended well."""
    return table[table["status"] == "ok"]


def on_converged(judges: Sequence[Callable[[pd.DataFrame], Claim]]) -> Callable[[pd.DataFrame], list[Claim]]:
    """A study's `claims`: from its table every claim, judged on the rows that converged."""
    return lambda table: [judged(converged(table)) for judged in judges]


def of_experiments(table: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    """The rows of these experiments."""
    return table[table["experiment"].isin(experiments)]


def judge(holds: Any, partly: Any = False) -> Verdict:
    """The verdict of a claim whose cells were run: `holds` in full, else `partly`, else not replicated.

    Both are true or false, as Python's or NumPy's booleans are.
    """
    if holds:
        return "replicated"
    return "partly" if partly else "not replicated"


def conclude(
    study: str, id: str, cells: float, verdict: Verdict, *, measured: dict[str, Any], figure: str = "", **words: str
) -> Claim:
    """A claim as a study makes it: numbers with four digits, and "not run" without numbers if no cell is there.

    cells: how many cells the verdict rests on, a whole number
    words: statement, source, expected and tolerance, as in `Claim`
    """
    if not cells:
        return Claim(id=id, study=study, measured={"cells": 0}, verdict="not run", figure=figure, **words)
    rounded = {name: _rounded(value) for name, value in measured.items()}
    return Claim(id=id, study=study, measured={"cells": int(cells), **rounded}, verdict=verdict, figure=figure, **words)


def _rounded(value: Any) -> Any:
    """Four digits of a number, None for what is not a number (NaN), anything else as it is."""
    if isinstance(value, numbers.Integral) or not isinstance(value, numbers.Real):
        return int(value) if isinstance(value, numbers.Integral) else value
    return float(f"{value:.4g}") if math.isfinite(value) else None
