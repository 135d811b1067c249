"""Figures as data, and their files: the same numbers give the same bytes (no dates, no versions, shipped fonts)."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterable
from typing import Any

import matplotlib.figure
import pandas as pd

from benign.plots.captions import caption, runs
from benign.plots.facets import canvas
from benign.plots.numbers import gather
from benign.plots.style import COLOURS, COLUMN_WIDTH, style

# No software version and no date: they would change a file that shows the same.
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of a study.

    name: file name without extension, e.g. "dimension"
    caption: what a reader needs to read it alone
    numbers: every number that is drawn, tidy; written beside the figure as CSV
    draw: makes the Matplotlib figure from `numbers` and nothing else; called with numbers only, see `plots.draw`
    keys: of the cells that are behind the numbers; a claim names a figure that has its cells
    """

    name: str
    caption: str
    numbers: pd.DataFrame
    draw: Callable[[pd.DataFrame], matplotlib.figure.Figure]
    keys: frozenset[str] = frozenset()


def of_rows(
    name: str,
    rows: pd.DataFrame,
    text: str,
    numbers: Iterable[pd.DataFrame],
    draw: Callable[[pd.DataFrame], matplotlib.figure.Figure],
    *fields: str,
    **letters: str,
) -> Figure:
    """A figure in which all the rows are drawn; fields and letters: what its caption says of them, see `runs`."""
    return Figure(name, caption(text, runs(rows, *fields, **letters)), gather(numbers), draw, frozenset(rows["key"]))


def draw(figure: Figure) -> matplotlib.figure.Figure:
    """What the figure's own function draws; where there are no numbers, a frame that says so."""
    if len(figure.numbers):
        return figure.draw(figure.numbers)
    empty = canvas(COLUMN_WIDTH, 1.6)
    axes = empty.subplots()
    axes.set(xticks=[], yticks=[])
    note: dict[str, Any] = {"ha": "center", "va": "center", "color": COLOURS["grey"], "transform": axes.transAxes}
    axes.text(0.5, 0.5, "not run in this tier", **note)
    return empty


def render(figure: Figure) -> dict[str, bytes]:
    """{"png": …, "pdf": …}: the file of each kind. Same numbers and same Matplotlib, same bytes."""
    with style():
        drawn = draw(figure)
        files = {}
        for kind, metadata in METADATA.items():
            buffer = io.BytesIO()
            drawn.savefig(buffer, format=kind, metadata=metadata)
            files[kind] = buffer.getvalue()
            drawn.set_layout_engine("none")  # laid out once, all kinds look alike
    return files
