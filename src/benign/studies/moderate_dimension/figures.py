"""Figures of the networks at d = Θ(n): the heatmap, the error against d/n, and the error against the signal."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.plots import COLOURS, Figure
from benign.studies.moderate_dimension.reported import REPORTED
from benign.theory.mixture import signal_noise

ERROR = "test error"
RULES = {"error": "until training error 0", "loss": "until hinge loss 0"}
NETWORKS, AUTHORS = "networks, mean over n and seeds", "authors' table (three standard errors)"
HARD_MARGIN, ALIGNED, INTERPOLATOR = "linear hard margin", "aligned neurons", "linear interpolator (closed form)"
PREDICTED = {HARD_MARGIN: "linear_error", ALIGNED: "aligned_error"}
EIGHTH, UNIT = "1/8", "γ = 1/d"
LOOKS = [
    {"color": COLOURS[colour], "marker": marker}
    for colour, marker in (("blue", "o"), ("vermilion", "s"), ("green", "^"), ("purple", "D"))
]
LINES: dict[str, dict[str, Any]] = {
    HARD_MARGIN: {"color": COLOURS["orange"], "linestyle": "--", "linewidth": 1.1},
    ALIGNED: {"color": COLOURS["green"], "linestyle": "-.", "linewidth": 1.0},
    INTERPOLATOR: {"color": COLOURS["grey"], "linestyle": ":", "linewidth": 1.1},
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """All figures, also those of experiments that the table does not have."""
    return [
        Figure(
            "heatmap",
            plots.caption(
                """Mean test error (clean labels) of leaky-ReLU networks that have fitted a tenth of flipped labels, for
                each n and d/n at γ = 5/n; left: stopped at training error 0, as in the authors' code; right: at hinge
                loss 0, as in their theorems.""",
                _runs(table, "heatmap"),
            ),
            heatmap_numbers(table),
            draw_heatmap,
        ),
        Figure(
            "error_by_ratio",
            plots.caption(
                """The same errors against d/n. Bars: 95 % intervals, the hull of Clopper-Pearson and bootstrap over
                runs. Grey band: the authors' table, whose networks stopped at training error 0. Lines: mean errors
                predicted for the same points by the linear hard-margin classifier and by the max-margin network of
                aligned neurons, and the closed form of the linear interpolator. The y-axis is linear below 0.001.""",
                _runs(table, "heatmap"),
            ),
            ratio_numbers(table),
            draw_ratio,
        ),
        Figure(
            "signal",
            plots.caption(
                """Test error against the signal γ, times n, at d = 2n. Horizontal: 1/8, above which overfitting is
                called harmful; vertical: γ = 1/d. Bars and lines as in the figure over d/n. The x-axis is linear
                below 0.1.""",
                _runs(table, "signal"),
            ),
            signal_numbers(table),
            draw_signal,
        ),
    ]


def _runs(table: pd.DataFrame, experiment: str) -> str:
    rows = table[table["experiment"] == experiment] if len(table) else table
    if not len(rows):
        return "Not run in this tier."
    short = int((rows["reached"] == 0).sum())
    ended = f"{short} had not reached their rule after {rows['max_steps'].max():g} steps" if short else "all reached"
    setting = f"m = {rows['width'].max():g}, β = {rows['flip_rate'].max():g}, slope {rows['slope'].max():g}"
    return (
        f"{setting}; {len(rows)} cells, {rows['seed'].nunique()} seeds, {rows['tested'].max():g} test points; {ended}."
    )


def _stopped(table: pd.DataFrame, experiment: str) -> list[tuple[str, pd.DataFrame]]:
    """(panel, rows) for each stopping rule."""
    rows = table[table["experiment"] == experiment]
    rows = rows.assign(ratio=rows["d"] / rows["n"], scaled=(rows["gamma"] * rows["n"]).astype(float).round(6))
    parts = [(text, rows[rows["stop"] == rule]) for rule, text in RULES.items()]
    return [(text, part) for text, part in parts if len(part)]


# ---------------------------------------------------------------- numbers


def heatmap_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each rule, a series for each n; x is d/n."""
    return plots.gather(
        [
            plots.over_seeds(part, part["ratio"], "test_error", (panel, ERROR, f"n = {n}"), "tested")
            for panel, rows in _stopped(table, "heatmap")
            for n, part in rows.groupby("n")
        ]
    )


def ratio_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each rule; x is d/n."""
    parts = []
    for panel, rows in _stopped(table, "heatmap"):
        at, mean, error = REPORTED.index, REPORTED["mean"], REPORTED["error"]
        low, high = np.maximum(mean - 3 * error, 0), mean + 3 * error
        parts += [plots.band(at, low, high, (panel, ERROR, AUTHORS)), plots.theory(at, mean, (panel, ERROR, AUTHORS))]
        parts.append(plots.over_seeds(rows, rows["ratio"], "test_error", (panel, ERROR, NETWORKS), "tested"))
        for series, column in PREDICTED.items():
            predicted = rows[rows["status"] == "ok"].groupby("ratio")[column].mean()
            parts.append(plots.theory(predicted.index, predicted, (panel, ERROR, series)))
        parts.append(_interpolator(rows, panel))
    return plots.gather(parts)


def _interpolator(rows: pd.DataFrame, panel: str) -> pd.DataFrame:
    """The closed form at the mean n, for d ≥ 1.5 n."""
    n, beta, scaled = rows["n"].mean(), rows["flip_rate"].mean(), rows["scaled"].mean()
    ratio = np.linspace(1.5, max(rows["ratio"].max(), 2), 60)
    predicted = signal_noise.interpolator_error(n, ratio * n, scaled / n, beta)
    return plots.theory(ratio, predicted, (panel, ERROR, INTERPOLATOR))


def signal_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each rule, a series for each n; x is γn."""
    parts = []
    for panel, rows in _stopped(table, "signal"):
        for n, part in rows.groupby("n"):
            parts.append(plots.over_seeds(part, part["scaled"], "test_error", (panel, ERROR, f"n = {n}"), "tested"))
        for series, column in PREDICTED.items():
            predicted = rows[rows["status"] == "ok"].groupby("scaled")[column].mean()
            parts.append(plots.theory(predicted.index, predicted, (panel, ERROR, series)))
        x = np.array([rows["scaled"].min(), rows["scaled"].max()])
        parts.append(plots.theory(x, 1 / 8, (panel, ERROR, EIGHTH)))
        parts.append(plots.mark(float((rows["n"] / rows["d"]).mean()), (panel, ERROR, UNIT)))
    return plots.gather(parts)


# ---------------------------------------------------------------- drawing


def draw_heatmap(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One heatmap for each rule, errors written in the cells."""
    panels = list(numbers["panel"].unique())
    names = sorted(numbers["series"].unique(), key=lambda name: int(name.split()[-1]))
    figure = plots.canvas(plots.FULL_WIDTH, 1.4 + 0.22 * len(names))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    top = max(numbers["mean"].max(), 0.01)
    for axes, panel in zip(grid, panels, strict=True):
        part = numbers[numbers["panel"] == panel]
        image = part.pivot(index="series", columns="x", values="mean").loc[names]
        shown = axes.imshow(image, cmap="cividis", vmin=0, vmax=top, aspect="auto", origin="lower")
        for (row, column), value in np.ndenumerate(image.to_numpy(float)):
            colour = "black" if value > 0.6 * top else "white"
            text = f"{value:.3f}".removeprefix("0")
            axes.text(column, row, text, ha="center", va="center", fontsize=5.5, color=colour)
        axes.set_xticks(range(len(image.columns)), [f"{x:g}" for x in image.columns])
        axes.set_yticks(range(len(names)), [name.split()[-1] for name in names])
        axes.set_xlabel(plots.typeset("d/n"))
        axes.grid(False)
    grid[0].set_ylabel(plots.typeset("n"))
    plots.panel_titles(list(grid), panels)
    figure.colorbar(shown, ax=list(grid), label=ERROR, pad=0.01)
    return figure


def draw_ratio(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each rule."""
    figure, grid, panels = _two_panels(numbers)
    for axes, panel in zip(grid, panels, strict=True):
        part = numbers[numbers["panel"] == panel]
        authors = part[part["series"] == AUTHORS]
        plots.draw_band(axes, authors[authors["kind"] == "band"], AUTHORS, color=COLOURS["grey"], alpha=0.3)
        plots.draw_line(axes, authors[authors["kind"] == "theory"], "", color=COLOURS["grey"], linewidth=0.8)
        _draw_predictions(axes, part)
        plots.draw_points(axes, part[part["series"] == NETWORKS], NETWORKS, linewidth=1.0, **LOOKS[0])
        axes.set_yscale("symlog", linthresh=1e-3, linscale=0.5)
        axes.set(xlabel=plots.typeset("d/n"), ylim=(-1e-4, 0.3))
    grid[0].set_ylabel(ERROR)
    plots.panel_titles(grid, panels)
    plots.legend(figure, 3)
    return figure


def draw_signal(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each rule."""
    figure, grid, panels = _two_panels(numbers)
    measured = numbers[numbers["kind"] == "measured"]
    for axes, panel in zip(grid, panels, strict=True):
        part = numbers[numbers["panel"] == panel]
        plots.draw_line(axes, part[part["series"] == EIGHTH], "harmful above 1/8", color=COLOURS["grey"], linewidth=0.7)
        _draw_predictions(axes, part)
        for look, series in zip(LOOKS, measured["series"].unique(), strict=False):
            plots.draw_points(axes, part[part["series"] == series], str(series), linewidth=0.9, **look)
        axes.set_xscale("symlog", linthresh=0.1, linscale=0.4)
        axes.set_xticks([0, 0.1, 1, 10], ["0", "0.1", "1", "10"])
        axes.set(xlabel="γn", ylim=(0, 0.55), xlim=(-0.02, 1.3 * part["x"].max()))
        plots.draw_mark(axes, part[part["series"] == UNIT], UNIT)
    grid[0].set_ylabel(ERROR)
    plots.panel_titles(grid, panels)
    plots.legend(figure, 3)
    return figure


def _two_panels(numbers: pd.DataFrame) -> tuple[matplotlib.figure.Figure, list[Any], list[str]]:
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH, 3.1)
    return figure, list(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]), panels


def _draw_predictions(axes: Any, part: pd.DataFrame) -> None:
    for series, look in LINES.items():
        rows = part[part["series"] == series]
        if len(rows):
            plots.draw_line(axes, rows, series, **look)
