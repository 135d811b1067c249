"""Statements about every point of a sweep: each has its own mean, interval and number of draws, and the weakest judges.

A point is a setting of cells; its rows differ in what was drawn.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benign.claims.criteria import Criterion, always
from benign.claims.estimates import Estimate
from benign.stats import student


@dataclasses.dataclass(frozen=True, kw_only=True)
class Extreme(Estimate):
    """The largest, or the least, of several estimates; draws are those of the one with fewest."""

    each: tuple[Estimate, ...]

    @classmethod
    def of(cls, pick: Callable[..., float], rows: pd.DataFrame, values: pd.Series, point: list[str]) -> Extreme:
        """pick: max or min of the points' means over seeds, and of the ends of their intervals."""
        told = rows.assign(value=values, point=_numbered(rows, point)).dropna(subset="value")
        seeds = told.groupby(["point", "seed"])["value"].mean()
        each = tuple(_mean(part.to_numpy()) for _, part in seeds.groupby(level="point"))
        value, low, high = (
            pick((getattr(one, name) for one in each), default=math.nan) for name in ("value", "low", "high")
        )
        return cls(value=value, low=low, high=high, draws=min((one.draws for one in each), default=0), each=each)

    def draws_to_decide(self, limit: float) -> int | None:
        """Those that decide every point whose interval holds the limit."""
        needed = [one.draws_to_decide(limit) for one in self.each if one.low <= limit <= one.high]
        return None if None in needed else max((n for n in needed if n is not None), default=None)

    @property
    def interval(self) -> str:
        """What the interval is, in words."""
        return f"Student's t over {self.draws} {self.over} or more, at each of {len(self.each)} points"


def largest(rows: pd.DataFrame, values: pd.Series, point: list[str]) -> Extreme:
    """The largest of the points' means over seeds; it is at most a limit only if every point's whole interval is.

    values: (rows,), with the rows' index; rows without one (NaN) are left out
    """
    return Extreme.of(max, rows, values, point)


def least(rows: pd.DataFrame, values: pd.Series, point: list[str]) -> Extreme:
    """The least of the points' means over seeds; it is at least a limit only if every point's whole interval is."""
    return Extreme.of(min, rows, values, point)


def everywhere(name: str, says: str, rows: pd.DataFrame, holds: pd.Series, point: list[str]) -> Criterion:
    """Something holds at every point, in every draw: judged at the point with an exception, else that with fewest."""
    at = _numbered(rows, point)
    known = pd.DataFrame({"holds": holds, "seed": rows["seed"]}).groupby(at).agg({"holds": "all", "seed": "nunique"})
    weakest = rows[at == known.sort_values(["holds", "seed"], kind="stable").index[0]] if len(rows) else rows
    return always(name, says, weakest, holds[weakest.index])


def _numbered(rows: pd.DataFrame, point: list[str]) -> pd.Series:
    """Which point each row belongs to."""
    return rows.groupby(point, dropna=False).ngroup()


def _mean(values: NDArray) -> Estimate:
    """The mean of one value for each seed, (seeds,), with Student's interval, which the jackknife's is for a mean."""
    value, draws = float(values.mean()), len(values)
    half = float(np.std(values, ddof=1)) * float(student(draws)) if draws > 1 else math.inf
    return Estimate(value=value, low=value - half, high=value + half, draws=draws)
