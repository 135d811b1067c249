"""Panels in rows and columns with shared axes, titles with letters, names on the outer axes and one legend for all."""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from numpy.typing import NDArray

from benign.plots.drawing import draw_mark, draw_numbers, log_axis
from benign.plots.looks import Look
from benign.plots.style import FULL_WIDTH, typeset


@dataclasses.dataclass(frozen=True)
class Panel:
    """One pair of axes, and the numbers that belong to it.

    name: their `panel`; quantity: what the y-axis shows, "" where panels are not told apart by it
    """

    axes: Axes
    name: str
    quantity: str
    numbers: pd.DataFrame


class Facets:
    """A figure of panels, one for each `panel` of the numbers and, if they are given, each of the quantities.

    height, width: in inches
    panels: in this order, those without numbers left out; by default in order of appearance
    quantities: a row for each (a column with across=True), or name of the row to the quantities that it shows;
        without them the panels stand side by side, `wrap` in a row
    subplots: as for Figure.subplots: sharex, sharey, height_ratios, …
    """

    def __init__(
        self,
        numbers: pd.DataFrame,
        height: float,
        *,
        width: float = FULL_WIDTH,
        panels: Sequence[str] | None = None,
        quantities: Mapping[str, Sequence[str]] | Sequence[str] = (),
        across: bool = False,
        wrap: int | None = None,
        **subplots: Any,
    ) -> None:
        self.numbers = numbers
        present = list(dict.fromkeys(numbers["panel"]))
        self.names = [name for name in panels or present if name in present]
        shown = quantities if isinstance(quantities, Mapping) else {name: [name] for name in quantities}
        self.figure = canvas(width, height)
        if shown:
            shape = (len(self.names), len(shown)) if across else (len(shown), len(self.names))
        else:
            columns = min(wrap or len(self.names), len(self.names))
            shape = (-(-len(self.names) // columns), columns)
        self.grid: NDArray[Any] = self.figure.subplots(*shape, squeeze=False, **subplots)
        self.panels = [panel for panel in self._panels(shown, across) if len(panel.numbers)]
        self.panels.sort(key=lambda panel: list(self.grid.flat).index(panel.axes))
        self.shared, self.across = bool(subplots.get("sharex")), across
        used = {panel.axes for panel in self.panels}
        self.free: list[Axes] = [axes for axes in self.grid.flat if axes not in used]
        for axes in self.free:
            axes.axis("off")

    def _panels(self, shown: Mapping[str, Sequence[str]], across: bool) -> Iterator[Panel]:
        of = dict(iter(self.numbers.groupby("panel", sort=False)))
        if not shown:
            for axes, name in zip(self.grid.flat, self.names, strict=False):
                yield Panel(axes, name, "", of[name])
            return
        for name, line in zip(self.names, self.grid if across else self.grid.T, strict=True):
            for axes, (quantity, shows) in zip(line, shown.items(), strict=True):
                yield Panel(axes, name, quantity, of[name][of[name]["quantity"].isin(shows)])

    def __iter__(self) -> Iterator[Panel]:
        """In reading order."""
        return iter(self.panels)

    def place(self, panel: Panel) -> tuple[bool, bool]:
        """Whether it is the lowest of its column, and the first of its row, of those that have numbers."""
        at = {tuple(map(int, np.argwhere(self.grid == each.axes)[0])) for each in self}
        row, column = map(int, np.argwhere(self.grid == panel.axes)[0])
        return row == max(i for i, j in at if j == column), column == min(j for i, j in at if i == row)

    def draw(self, own: Mapping[str, Look] | None = None, names: Mapping[str, str] | None = None, **look: Any) -> None:
        """Draw all numbers of all panels, see `draw_numbers`."""
        for panel in self:
            draw_numbers(panel.axes, panel.numbers, own, names, **look)

    def label(
        self, x: str | Callable[[str], str], y: str | Callable[[str], str] = "", log: str = "", most: int = 5
    ) -> None:
        """Name the axes: x under every panel, or under the lowest if x is shared; y left of the first, or, if it is a
        function of the panel's name, of each. Without y, what the row shows stands there.

        log: "x", "y" or "xy": logarithmic, with about `most` labels
        """
        for panel in self:
            lowest, first = self.place(panel)
            if lowest or not self.shared:
                panel.axes.set_xlabel(typeset(x(panel.name) if callable(x) else x))
                panel.axes.tick_params(labelbottom=True)
            if first:
                panel.axes.tick_params(labelleft=True)
            if callable(y) or first:
                otherwise = panel.name if self.across else panel.quantity
                panel.axes.set_ylabel(typeset(y(panel.name) if callable(y) else y or otherwise))
            for axis in log:
                log_axis(panel.axes, axis, most)

    def key(self, name: str, **look: Any) -> None:
        """An entry of the legend for what has many colours, or stands in no panel."""
        self.panels[0].axes.plot([], [], label=typeset(name), **look)

    def highest(self, *quantities: str) -> float:
        """The largest mean or end of an interval among these quantities; a span's ends are places on the x-axis."""
        rows = self.numbers[self.numbers["quantity"].isin(quantities) & (self.numbers["kind"] != "span")]
        return float(rows[["mean", "high"]].max().max())

    def finish(
        self, columns: int, titles: Callable[[Panel], str] | None = None, height: float = 0.98
    ) -> matplotlib.figure.Figure:
        """The figure, with its marks named at `height` of their panels, letters and titles over these, and a legend
        below, or at the place that the last row of panels leaves free.

        columns: of the legend, 0 for none; titles: by default of the topmost panels, their names
        """
        for panel in self:
            for series, rows in panel.numbers[panel.numbers["kind"] == "mark"].groupby("series"):
                draw_mark(panel.axes, rows, str(series), height)
        panel_titles([panel.axes for panel in self], [(titles or self._title)(panel) for panel in self])
        for axes in self.free[1 if columns else 0 :]:
            axes.remove()
        if columns:
            legend(self.figure, columns, next(iter(self.free), None))
        return self.figure

    def _title(self, panel: Panel) -> str:
        if panel.quantity and panel.axes not in self.grid[0]:
            return ""
        return panel.quantity if self.across else panel.name


def canvas(width: float, height: float) -> matplotlib.figure.Figure:
    """An empty figure of this size in inches, laid out so that nothing overlaps; needs no display."""
    figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.03)  # type: ignore[call-arg, union-attr]
    return figure


def legend(figure: matplotlib.figure.Figure, columns: int, free: Axes | None = None) -> None:
    """One legend below all panels, or in one column at the place of `free` axes: each label once, what was measured
    first, else in the order of first appearance.
    """
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in handles or _measured(handle) > _measured(handles[label]):
                handles[label] = handle
    labels = sorted(handles, key=lambda label: not _measured(handles[label]))
    chosen = [handles[label] for label in labels]
    if free is None:
        figure.legend(chosen, labels, loc="outside lower center", ncols=columns)
    else:
        free.legend(chosen, labels, loc="center left", borderaxespad=0)


def _measured(handle: Any) -> bool:
    return isinstance(handle, ErrorbarContainer)


def panel_titles(axes: Sequence[Axes], titles: Sequence[str]) -> None:
    """Titles, with letters (a), (b), … where there are several panels, so that a caption or a claim can name one."""
    for letter, each, title in zip(string.ascii_lowercase, axes, titles, strict=False):
        each.set_title(f"({letter}) {typeset(title)}".strip() if len(titles) > 1 else typeset(title), loc="left")
