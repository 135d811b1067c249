"""What a figure draws, as tidy numbers: measured means with intervals, single runs, theory, bands, marks and spans.

Columns `panel`, `quantity` (what the y-axis shows), `series` (what the legend tells apart) and `kind` place a row; the
rest is drawn:
  measured  mean of `seeds` runs at x with its interval [low, high]; `trials` events pooled (0 for what is no
            proportion); `diverged` runs were left out
  run       one run, a dot at (x, mean), in the order of the table: both may be measured
  theory    a point (x, mean) of a closed form's line        band  the region from low to high at x
  mark      a place x on the x-axis                          span  the part of the x-axis from low to high
  pixel     the value `mean` of number x of an image's values, row by row from the top left, in colour three a pixel
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from benign.stats import clopper_pearson, mean_intervals

KEYS = ["panel", "quantity", "series", "kind", "x"]
COLUMNS = [*KEYS, "mean", "low", "high", "seeds", "trials", "diverged"]


def over_seeds(
    rows: pd.DataFrame,
    x: ArrayLike,
    column: str,
    place: Sequence[str],
    trials: str | None = None,
) -> pd.DataFrame:
    """Numbers of kind "measured": the mean of `column` over the seeds at each x, with a 95 % interval.

    rows: one row per cell, with "status" and, where that is "ok", a finite `column`; other rows are counted as diverged
    x: (rows,) where each stands on the x-axis; place: (panel, quantity, series)
    trials: the column with the number of trials if `column` is a proportion
    The interval is Student's over the seeds, as in claims: the test points of one network are no independent draws.
    One seed says nothing of the spread: a proportion then has the Clopper-Pearson interval of its own test points,
    anything else none (NaN).
    """
    stands = np.asarray(x, float)
    order = np.argsort(stands, kind="stable")
    positions, starts = np.unique(stands[order], return_index=True)
    ok, values = rows["status"].eq("ok").to_numpy(bool), rows[column].to_numpy(float)
    counts = rows[trials].to_numpy(float) if trials else np.zeros(len(rows))
    here = np.split(order, starts[1:]) if len(rows) else []
    kept = [each[ok[each]] for each in here]
    pooled = np.array([counts[each].sum() for each in kept], int)
    means, low, high = summaries([values[each] for each in kept], pooled)
    numbers = dict(zip(("panel", "quantity", "series"), place, strict=True)) | {"kind": "measured", "x": positions}
    numbers |= {"mean": means, "low": low, "high": high, "seeds": [len(each) for each in kept], "trials": pooled}
    lost = [len(each) - len(still) for each, still in zip(here, kept, strict=True)]
    return pd.DataFrame({**numbers, "diverged": lost}, columns=COLUMNS)


def summaries(values: Sequence[NDArray], trials: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """(means, lows, highs), each (samples,), of samples of one value per seed; NaN for an empty sample.

    Proportions where `trials`, (samples,), are not 0.
    """
    shares, sizes = trials > 0, np.array([len(each) for each in values], int)
    means = np.array([each.mean() if len(each) else np.nan for each in values], float)
    low, high = mean_intervals(values)
    low[shares], high[shares] = np.clip(low[shares], 0.0, 1.0), np.clip(high[shares], 0.0, 1.0)
    alone = shares & (sizes == 1)
    low[alone], high[alone] = clopper_pearson(np.round(means * trials)[alone], trials[alone])
    return means, low, high


def theory(x: ArrayLike, y: ArrayLike, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "theory": a line through (x, y)."""
    across, along = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    return _exact(place, "theory", across, mean=along)


def predicted(rows: pd.DataFrame, x: ArrayLike, column: str, place: Sequence[str]) -> pd.DataFrame:
    """A line of theory through what rows carry: at each x the mean of `column` over those that ended well."""
    found = rows.assign(x=np.asarray(x, float))[rows["status"] == "ok"].dropna(subset=[column])
    means = found.groupby("x")[column].mean()
    return theory(means.index, means, place)


def level(x: pd.Series, y: float, place: Sequence[str]) -> pd.DataFrame:
    """A horizontal line of theory across the range of x; none without x."""
    return theory([x.min(), x.max()] if len(x) else [], y, place)


def single_runs(x: ArrayLike, values: ArrayLike, place: Sequence[str], trials: ArrayLike = 0) -> pd.DataFrame:
    """Numbers of kind "run": one value of one run at each x, which may be measured too; trials as in `over_seeds`."""
    counted = np.broadcast_to(np.asarray(trials), np.shape(x))
    return _exact(place, "run", np.asarray(x, float), mean=np.asarray(values, float)).assign(seeds=1, trials=counted)


def band(x: ArrayLike, low: ArrayLike, high: ArrayLike, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "band": a region from `low` to `high`."""
    return _exact(place, "band", np.asarray(x, float), low=low, high=high)


def mark(x: ArrayLike, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "mark": places on the x-axis, each once."""
    return _exact(place, "mark", np.unique(np.asarray(x, float)))


def pixels(values: NDArray, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "pixel": an image, flattened, to four digits, which are more than an eye sees."""
    return _exact(place, "pixel", np.arange(len(values), dtype=float), mean=np.round(values, 4))


def spans(x: NDArray, inside: NDArray, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "span": each run of consecutive x, (N,) increasing, that are `inside`, (N,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    starts, ends = x[edges[::2]], x[edges[1::2] - 1]
    return _exact(place, "span", starts, low=starts, high=ends)


def _exact(place: Sequence[str], kind: str, x: NDArray, **values: Any) -> pd.DataFrame:
    drawn = {"mean": np.nan, "low": np.nan, "high": np.nan} | values
    fixed = dict(zip(KEYS, [*place, kind], strict=False)) | {"seeds": 0, "trials": 0, "diverged": 0}
    return pd.DataFrame({"x": x, **drawn}).assign(**fixed)[COLUMNS]


def gather(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All numbers of a figure, in drawing order; without any part an empty frame with the same columns."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)
