"""Panels in rows and columns with shared axes, titles with letters, names on the outer axes and one legend for all."""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib.figure
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
        self.panels = list(self._panels(shown, across))
        self.shared, self.across = bool(subplots.get("sharex")), across
        for spare in set(self.grid.flat) - {panel.axes for panel in self.panels}:
            spare.remove()

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
        return iter(self.panels)

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
            place: Any = panel.axes.get_subplotspec()
            if place.is_last_row() or not self.shared:
                panel.axes.set_xlabel(typeset(x(panel.name) if callable(x) else x))
            if callable(y) or place.is_first_col():
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
        self, columns: int, titles: Callable[[str], str] = str, height: float = 0.98
    ) -> matplotlib.figure.Figure:
        """The figure, with its marks named at `height` of their panels, titles over the topmost, and a legend below.

        columns: of the legend, 0 for none; titles: of a panel's name
        """
        for panel in self:
            for series, rows in panel.numbers[panel.numbers["kind"] == "mark"].groupby("series"):
                draw_mark(panel.axes, rows, str(series), height)
        topmost = [panel for panel in self if not panel.quantity or panel.axes in self.grid[0]]
        said = [titles(panel.quantity if self.across else panel.name) for panel in topmost]
        panel_titles([panel.axes for panel in topmost], said)
        if columns:
            legend(self.figure, columns)
        return self.figure


def canvas(width: float, height: float) -> matplotlib.figure.Figure:
    """An empty figure of this size in inches, laid out so that nothing overlaps; needs no display."""
    figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.03)  # type: ignore[call-arg, union-attr]
    return figure


def legend(figure: matplotlib.figure.Figure, columns: int) -> None:
    """One legend below all panels: each label once, what was measured first, else in the order of first appearance."""
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in handles or _measured(handle) > _measured(handles[label]):
                handles[label] = handle
    labels = sorted(handles, key=lambda label: not _measured(handles[label]))
    figure.legend([handles[label] for label in labels], labels, loc="outside lower center", ncols=columns)


def _measured(handle: Any) -> bool:
    return isinstance(handle, ErrorbarContainer)


def panel_titles(axes: Sequence[Axes], titles: Sequence[str]) -> None:
    """Titles, with letters (a), (b), … where there are several panels, so that a caption or a claim can name one."""
    for letter, each, title in zip(string.ascii_lowercase, axes, titles, strict=False):
        each.set_title(f"({letter}) {typeset(title)}" if len(titles) > 1 else typeset(title), loc="left")
