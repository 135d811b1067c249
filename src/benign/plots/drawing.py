"""Each kind of number drawn into a panel, exactly as it stands; looks are keywords, as for Axes.plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.ticker
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes

from benign.plots.looks import Look, look
from benign.plots.style import COLOURS, typeset


def draw_numbers(
    axes: Axes,
    numbers: pd.DataFrame,
    own: Mapping[str, Look] | None = None,
    names: Mapping[str, str] | None = None,
    **points: Any,
) -> None:
    """Every series of a panel, each kind of number in its own way; marks wait for the final axes (`Facets.finish`).

    own: looks of names that the table of looks does not know; names: series to what the legend calls it, if not so
    points: what measured points and runs look like where the table says nothing
    """
    names = names or {}
    base = {"linewidth": 0.9, "markersize": 3.0, "zorder": 3} | points
    for place, rows in numbers.groupby(["quantity", "kind", "series"], sort=False):
        quantity, kind, series = map(str, place)  # type: ignore[arg-type]  # pandas says Hashable
        label, looks = names.get(series, series), {} if kind in ("mark", "run", "span") else look(series, quantity, own)
        if kind == "measured":
            draw_points(axes, rows, label, **base | looks)
        elif kind == "theory":
            draw_line(axes, rows, label, **looks)
        elif kind == "band":
            draw_band(axes, rows, label, **looks)
        elif kind == "span":
            draw_spans(axes, rows, label)
    if (numbers["kind"] == "run").any():
        draw_runs(axes, numbers[numbers["kind"] == "run"], own, names, **points)


def draw_points(axes: Axes, rows: pd.DataFrame, label: str, **look: Any) -> None:
    """A measured series: markers with their intervals as bars, joined in order of x."""
    rows = rows.dropna(subset=["mean"]).sort_values("x")
    bars = rows[["low", "high"]].sub(rows["mean"], axis=0).abs().fillna(0.0).to_numpy().T  # (2, points)
    axes.errorbar(rows["x"], rows["mean"], yerr=bars, elinewidth=0.8, capsize=0, label=typeset(label), **look)


def draw_runs(
    axes: Axes,
    rows: pd.DataFrame,
    own: Mapping[str, Look] | None = None,
    names: Mapping[str, str] | None = None,
    **points: Any,
) -> None:
    """Clouds of single runs, each series in its colour and with its marker; own, names as for `draw_numbers`."""
    series = list(map(str, rows["series"].unique()))
    labels = {each: typeset((names or {}).get(each, each)) for each in series}
    looks = {labels[each]: look(each, own=own) for each in series}
    size = points.pop("markersize", 3.0)
    seaborn.scatterplot(
        rows.assign(series=rows["series"].map(labels)),
        x="x",
        y="mean",
        hue="series",
        style="series",
        palette={label: each["color"] for label, each in looks.items()},
        markers={label: each["marker"] for label, each in looks.items()},
        s=size**2,
        ax=axes,
        **{"linewidth": 0.0, "zorder": 3} | points,
    )
    axes.get_legend().remove()  # type: ignore[union-attr]  # the figure has one for all panels
    axes.set(xlabel="", ylabel="")


LINE = ("color", "linestyle", "linewidth", "alpha", "zorder")


def draw_line(axes: Axes, rows: pd.DataFrame, label: str, **look: Any) -> None:
    """A line without markers, through theory or through measured means, of what a look says of lines."""
    axes.plot(rows["x"], rows["mean"], label=typeset(label), **{name: look[name] for name in LINE if name in look})


def draw_band(axes: Axes, rows: pd.DataFrame, label: str, **look: Any) -> None:
    """The region between low and high, in a look's colour."""
    colour, alpha = look["color"], look.get("alpha", 0.3)
    axes.fill_between(
        rows["x"], rows["low"], rows["high"], linewidth=0, label=typeset(label), color=colour, alpha=alpha
    )


def draw_mark(axes: Axes, rows: pd.DataFrame, text: str, height: float = 0.98) -> None:
    """A thin vertical line with its name beside it, at `height` of the axes, right of it if there is more room."""
    for x in rows["x"]:
        axes.axvline(x, color=COLOURS["grey"], linewidth=0.7, linestyle=(0, (1, 1.5)), zorder=1)
        place = axes.transAxes.inverted().transform(axes.transData.transform((x, 0)))[0]
        side, gap = ("left", 2) if place < 0.6 else ("right", -2)
        axes.annotate(
            typeset(text),
            (x, height),
            (gap, 0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha=side,
            va="top",
            color=COLOURS["grey"],
            fontsize=7,
        )


def draw_spans(axes: Axes, rows: pd.DataFrame, label: str) -> None:
    """Parts of the x-axis in a light colour."""
    for low, high in zip(rows["low"], rows["high"], strict=True):
        axes.axvspan(low, high, color=COLOURS["yellow"], alpha=0.35, linewidth=0, zorder=0, label=typeset(label))


def log_axis(axes: Axes, name: str, most: int = 6) -> None:
    """Make axis `name` ("x" or "y") logarithmic, labelled at no more than about `most` powers of ten, or at 1, 2, 5
    times each where there would be one label alone; an axis without positive data, as where every run diverged, stays
    as it is.
    """
    axis = axes.xaxis if name == "x" else axes.yaxis
    if not np.isfinite(axis.get_minpos()):
        return
    axes.set(**{f"{name}scale": "log"})
    low, high = axis.get_view_interval()
    powers = np.floor(np.log10(high)) - np.ceil(np.log10(low)) + 1
    if np.log10(high / low) >= 1.5 and powers >= 2:
        axis.set_major_locator(matplotlib.ticker.LogLocator(numticks=most))
    else:
        axis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axis.set_minor_locator(matplotlib.ticker.NullLocator())


def error_axis(axes: Axes, highest: float = 1.0) -> None:
    """A y-axis for errors, from 0 to the quarter above `highest`, with room for whole markers at its ends."""
    top = min(max(np.ceil(4 * highest), 1), 4) / 4 if np.isfinite(highest) else 1.0
    axes.set(ylim=(-0.03 * top, 1.03 * top), yticks=np.arange(0, top + 0.01, 0.25))


def draw_heatmap(axes: Axes, image: pd.DataFrame, top: float) -> None:
    """Values from 0 to `top` as colours and, with three digits, as text; rows upwards."""
    digits: Any = {"annot": image.map(lambda value: f"{value:.3f}".removeprefix("0")), "annot_kws": {"size": 7}}
    shown = image.rename(columns="{:g}".format)
    seaborn.heatmap(shown, cmap="cividis", vmin=0, vmax=top, cbar=False, ax=axes, fmt="", **digits)
    axes.invert_yaxis()
    axes.tick_params(axis="y", rotation=0)
    axes.set(xlabel="", ylabel="")
