"""Criteria: each holds an estimate's whole interval against a range that was written down.

Inside: replicated. Outside: not replicated. Across a limit: undecided, with the number of draws that would decide it.
Noise makes intervals wider, so it can turn a verdict into "undecided" but never into "replicated".
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from benign.claims.estimates import Estimate, share

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True, kw_only=True)
class Criterion:
    """One comparison.

    name: of the number, among those that the claim has measured, e.g. "largest_excess"
    says: the same in words, e.g. "largest excess of robust test error over β"
    low, high: the range in which the whole interval has to lie, ends included
    without_exception: a share of draws: one draw that is not among them refutes it, whatever the interval
    """

    name: str
    says: str
    estimate: Estimate
    low: float = -math.inf
    high: float = math.inf
    without_exception: bool = False

    @property
    def verdict(self) -> str:
        """replicated, undecided, not replicated, or "not run" where the rows do not give the number."""
        found = self.estimate
        if math.isnan(found.value):
            return "not run"
        if found.low > self.high or found.high < self.low or (self.without_exception and found.value < 1):
            return "not replicated"
        return "replicated" if found.low >= self.low and found.high <= self.high else "undecided"

    @property
    def expected(self) -> str:
        """What the number is compared with, in words."""
        if self.without_exception:
            return f"{self.says}: in every draw, and in enough of them for more than half of new ones"
        ends = [f"at least {self.low:.4g}"] if math.isfinite(self.low) else []
        ends += [f"at most {self.high:.4g}"] if math.isfinite(self.high) else []
        return f"{self.says}: {' and '.join(ends)}"

    @property
    def draws_needed(self) -> int | None:
        """Where undecided: the draws that would decide it, None if that is not known."""
        needed = [self.estimate.draws_to_decide(end) for end in (self.low, self.high) if math.isfinite(end)]
        return None if self.verdict != "undecided" or None in needed else max(n for n in needed if n is not None)

    def record(self) -> dict[str, Any]:
        """As it stands in claims.json: infinite ends are null."""
        found = self.estimate
        ends = {"value": found.value, "low": found.low, "high": found.high}
        limits = {"at_least": self.low, "at_most": self.high}
        numbers = {name: rounded(value) for name, value in {**ends, **limits}.items()}
        return {"name": self.name, "says": self.says, **numbers, "draws": found.draws, "over": found.over} | {
            "verdict": self.verdict,
            "draws_needed": self.draws_needed,
        }


def rounded(value: float) -> float | None:
    """Four digits, None for what is not finite."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def at_most(name: str, says: str, estimate: Estimate, limit: float) -> Criterion:
    """The number is at most `limit`."""
    return Criterion(name=name, says=says, estimate=estimate, high=limit)


def at_least(name: str, says: str, estimate: Estimate, limit: float) -> Criterion:
    """The number is at least `limit`."""
    return Criterion(name=name, says=says, estimate=estimate, low=limit)


def within(name: str, says: str, estimate: Estimate, low: float, high: float) -> Criterion:
    """The number lies from `low` to `high`."""
    return Criterion(name=name, says=says, estimate=estimate, low=low, high=high)


def always(
    name: str, says: str, rows: pd.DataFrame, holds: pd.Series, by: str | list[str] = "seed", over: str = "seeds"
) -> Criterion:
    """Something holds in every row of every draw.

    One exception refutes it. Without one it is replicated from 6 draws on: then, at 95 %, it holds in more than half of
    all draws; with fewer it is undecided. holds: (rows,), with the rows' index
    """
    found = share(rows, holds, by, over)
    return Criterion(name=name, says=says, estimate=found, low=0.5, without_exception=True)


def everywhere(name: str, says: str, rows: pd.DataFrame, holds: pd.Series, point: list[str]) -> Criterion:
    """Something holds at every point, in every draw: judged at the point with an exception, else that with fewest.

    point: columns that tell the points of a sweep apart, which may have different seeds
    """
    at = rows.groupby(point, dropna=False).ngroup()
    known = rows.assign(holds=holds).groupby(at).agg({"holds": "all", "seed": "nunique"})
    weakest = rows[at == known.sort_values(["holds", "seed"], kind="stable").index[0]] if len(rows) else rows
    return always(name, says, weakest, holds[weakest.index])
