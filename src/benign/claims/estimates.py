"""Estimates: a number that rows give, with a 95 % interval over what was drawn anew, seeds first.

The interval of any statistic is the jackknife's: the statistic is computed again without each draw in turn, and
Student's t takes the spread (Tukey 1958; Miller, Biometrika 1974). For a mean over draws it is Student's interval to
the digit, which covers with few draws where a percentile bootstrap does not. All rows of one draw are one observation:
neither a network's test points nor the points of a sweep that share a sample are counted as if they were independent.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from benign.stats import clopper_pearson, student

MOST = 10_000  # draws beyond which no number is given


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number and its 95 % interval.

    value: NaN where the rows do not give it
    low, high: infinite where too few draws say nothing of the spread
    draws: how many draws the interval is over; 0 if nothing was drawn, and the number is exact
    over: what was drawn, e.g. "seeds"
    """

    value: float
    low: float
    high: float
    draws: int
    over: str = "seeds"

    def draws_to_decide(self, limit: float) -> int | None:
        """The draws that would put the interval on one side of `limit`, were value and spread to stay as they are.

        None if that is not known (one draw) or more than MOST.
        """
        if self.draws < 2 or not math.isfinite(self.high):
            return None
        deviation = (self.high - self.value) / float(student(self.draws))
        enough = (n for n in _counts(self.draws) if deviation * float(student(n)) < abs(self.value - limit))
        return next(enough, None)

    @property
    def interval(self) -> str:
        """What the interval is, in words."""
        return f"Student's t over {self.draws} {self.over}" if self.draws else "exact: nothing was drawn"


class Share(Estimate):
    """The share of draws that have a property, with the Clopper-Pearson interval."""

    def draws_to_decide(self, limit: float) -> int | None:
        """As for any estimate, were the share to stay as it is."""
        for n in _counts(self.draws):
            low, high = clopper_pearson(round(self.value * n), n)
            if low > limit or high < limit:
                return n
        return None

    @property
    def interval(self) -> str:
        """What the interval is, in words."""
        return f"Clopper-Pearson over {self.draws} {self.over}"


def _counts(least: int) -> Sequence[int]:
    """Numbers of draws to try: each up to 100, then in steps of a tenth."""
    first = list(range(max(least, 2), 101))
    return first + [int(n) for n in np.geomspace(max(least, 110), MOST, 48)]


def estimate(
    rows: pd.DataFrame, statistic: Callable[[pd.DataFrame], float], by: str | list[str] = "seed", over: str = "seeds"
) -> Estimate:
    """What `statistic` gives on the rows, with the jackknife's interval over the draws.

    statistic: a number from rows; NaN where they lack what it needs. It should take the mean over seeds inside, so
        that leaving a draw out changes it smoothly.
    by: the column, or columns, that tell draws apart; over: what a draw is called
    """
    several = estimates(rows, lambda part: pd.Series([float(statistic(part))]), by, over)
    return several[0] if several else Estimate(value=math.nan, low=math.nan, high=math.nan, draws=0, over=over)


def estimates(
    rows: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], pd.Series],
    by: str | list[str] = "seed",
    over: str = "seeds",
) -> list[Estimate]:
    """Several numbers at once, such as one for each point of a sweep, each with the jackknife's interval.

    statistic: the numbers, by an index of what they are of; all from the same draws
    """
    if rows.empty:
        return []
    draw = rows.groupby(by, dropna=False).ngroup()
    count = int(draw.nunique())
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # of too few rows a slope or a correlation is NaN, which says so
        values = statistic(rows)
        without = [statistic(rows[draw != each]).reindex(values.index) for each in range(count) if count > 1]
        # √count times the jackknife's standard error: what the deviation of one draw is for a mean.
        deviation = (count - 1) * np.std(np.array(without, float), axis=0, ddof=1) if without else math.inf
    half = np.broadcast_to(np.where(np.isfinite(deviation), deviation * float(student(count)), math.inf), len(values))
    return [
        Estimate(value=value, low=value - width, high=value + width, draws=count, over=over)
        for value, width in zip(map(float, values), map(float, half), strict=True)
    ]


def means(rows: pd.DataFrame, values: pd.Series, point: list[str]) -> list[Estimate]:
    """The mean over its own seeds at each point, a setting of the cells, with Student's interval.

    values: (rows,), with the rows' index; rows without one (NaN) are left out. Points may have different seeds.
    """
    told = rows[[*point, "seed"]].assign(value=values).dropna(subset="value")
    return [estimate(part, _value) for _, part in told.groupby(point, dropna=False)]


def _value(rows: pd.DataFrame) -> float:
    return rows.groupby("seed")["value"].mean().mean()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Extreme(Estimate):
    """The largest, or the least, of several estimates; `draws` are those of the one with fewest."""

    each: tuple[Estimate, ...]

    def draws_to_decide(self, limit: float) -> int | None:
        """Those that decide every one whose interval holds the limit."""
        needed = [one.draws_to_decide(limit) for one in self.each if one.low <= limit <= one.high]
        return None if None in needed else max((n for n in needed if n is not None), default=None)

    @property
    def interval(self) -> str:
        """What the interval is, in words."""
        return f"Student's t over {self.draws} {self.over} or more, for each of {len(self.each)} numbers"


def largest_of(several: Sequence[Estimate]) -> Extreme:
    """The largest of several numbers, with the largest of their lower and of their upper ends.

    So a limit is kept only where every number's own interval keeps it. The jackknife of the maximum itself would have
    the spread of whichever number is the largest, and noise that makes another the largest would help.
    """
    return _extreme(max, several)


def least_of(several: Sequence[Estimate]) -> Extreme:
    """The least of several numbers, with the least of their lower and of their upper ends."""
    return _extreme(min, several)


def _extreme(pick: Callable[..., float], several: Sequence[Estimate]) -> Extreme:
    value, low, high = (
        pick((getattr(one, name) for one in several), default=math.nan) for name in ("value", "low", "high")
    )
    if any(math.isnan(one.value) for one in several):
        value = math.nan
    draws, over = min((one.draws for one in several), default=0), several[0].over if several else "seeds"
    return Extreme(value=value, low=low, high=high, draws=draws, over=over, each=tuple(several))


def share(rows: pd.DataFrame, holds: pd.Series, by: str | list[str] = "seed", over: str = "seeds") -> Share:
    """The share of draws in all of whose rows something holds. holds: (rows,) true or false, with the rows' index."""
    if rows.empty:
        return Share(value=math.nan, low=math.nan, high=math.nan, draws=0, over=over)
    each = holds.astype(bool).groupby([rows[name] for name in ([by] if isinstance(by, str) else by)]).all()
    low, high = clopper_pearson(int(each.sum()), len(each))
    return Share(value=float(each.mean()), low=float(low), high=float(high), draws=len(each), over=over)


def exact(value: float) -> Estimate:
    """A number in which nothing was drawn, such as one from closed forms."""
    return Estimate(value=float(value), low=float(value), high=float(value), draws=0)
