"""The figure of a sweep: a measured column over one of the names that were swept, and what theory says beside it."""

from __future__ import annotations

import functools
from typing import Any

import matplotlib.figure
import pandas as pd

from benign import plots
from benign.letters import SYMBOLS
from benign.pipeline import tables
from benign.pipeline.questions import Sweep
from benign.plots.looks import line, points

LOG_FROM = 100  # values that span so large a ratio are drawn on a logarithmic axis
INTERVALS = "Bars: 95 % intervals over seeds (Student's t), none for one seed."
THEORIES = [  # in the order in which a study names them
    line("grey", ":", 1.2),
    line("purple", "-."),
    line("orange", "--"),
    line("green", (0, (5, 1))),
    line("black"),
    line("sky", "--"),
]


def figure(sweep: Sweep, table: pd.DataFrame, x: str, y: str) -> plots.Figure:
    """y over x, the mean over seeds with its interval, and what theory says beside; a panel for each other point."""
    rows = sweep.asked(table)
    rows = rows[(rows["status"] != "ok") | rows[y].notna()]
    others, meaning = [name for name in sweep.several if name != x], str(sweep.study.row.model_fields[y].description)
    numbers = []
    for values, part in rows.groupby(others, sort=False) if others else [((), rows)]:
        panel = ", ".join(f"{SYMBOLS.get(name, name)} = {_short(v)}" for name, v in zip(others, values, strict=True))
        for theory in sweep.study.theory.get(y, ()):
            if theory in part:
                numbers.append(plots.predicted(part, part[x], theory, (panel, meaning, theory)))
        numbers.append(plots.over_seeds(part, part[x], y, (panel, meaning, y)))
    lettered = [name for name in SYMBOLS if name in sweep.study.cell.model_fields]
    words = (f"{y}, {meaning}, over {x}.", INTERVALS, plots.runs(rows, *lettered))
    draw = functools.partial(_draw, x=x, y=y)
    return plots.Figure("figure", plots.caption(*words), plots.gather(numbers), draw, frozenset(rows[tables.KEY]))


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _draw(numbers: pd.DataFrame, x: str, y: str) -> matplotlib.figure.Figure:
    panels = numbers["panel"].nunique()
    columns, lines = min(panels, 3), -(-panels // 3)
    width = plots.COLUMN_WIDTH if columns == 1 else plots.FULL_WIDTH
    facets = plots.Facets(numbers, height=0.7 + 1.9 * lines, width=width, wrap=3, sharex=True, sharey=True)
    theories = list(dict.fromkeys(numbers.loc[numbers["kind"] == "theory", "series"]))
    facets.draw({y: points("blue", "o"), **dict(zip(theories, THEORIES[: len(theories)], strict=True))})
    if "error" in y:  # an interval over few seeds may reach beyond what an error can be
        for panel in facets:
            plots.error_axis(panel.axes, float(numbers["mean"].max()))
    positive = numbers["x"].min() > 0 and numbers["x"].max() >= LOG_FROM * numbers["x"].min()
    facets.label(f"{x} {SYMBOLS[x]}" if x in SYMBOLS else x, y, log="x" if positive else "")
    return facets.finish(columns=2 if columns == 1 else 3)


def summary(numbers: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """What is drawn, for a reader: a line for each x of a panel, y with its interval, each theory in a column."""
    wide = numbers[numbers["kind"] == "measured"][["panel", "x", "mean", "low", "high", "seeds"]]
    for name, part in numbers[numbers["kind"] == "theory"].groupby("series", sort=False):
        values = part[["panel", "x", "mean"]].rename(columns={"mean": str(name)})
        wide = wide.merge(values, on=["panel", "x"], how="left")
    empty = [] if wide["panel"].any() else ["panel"]
    return wide.drop(columns=empty).rename(columns={"x": x, "mean": y})


__all__ = ["figure", "summary"]
