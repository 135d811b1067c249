"""Figures of the certified brackets: the brackets themselves over the budget, and their widths."""

from __future__ import annotations

import matplotlib.figure
import matplotlib.ticker
import pandas as pd

from benign import plots
from benign.plots import COLOURS, Figure

ROBUST, WIDTH = "robust test error", "width of the bracket"
ATTACKS, LOWER, UPPER, PLAIN = "attacks", "lower bound", "certified upper bound", "upper bound without branching"
BRACKET = "certified bracket"
AVERAGING, MARGIN = "averaging predictor", "linear max-margin predictor"
OVER_BUDGET, OVER_WIDTH, OVER_DIMENSION = "over the budget", "over the number of neurons", "over the dimension"
ACTIVATIONS = {"leaky_relu": "leaky ReLU", "smooth_leaky_relu": "smoothed leaky ReLU", "relu": "ReLU"}
COLUMN_OF = {ATTACKS: "test_attacked", LOWER: "test_lower", UPPER: "test_upper", PLAIN: "test_plain_upper"}
LOOKS = {
    "leaky ReLU": {"color": COLOURS["blue"], "marker": "o"},
    "smoothed leaky ReLU": {"color": COLOURS["green"], "marker": "s"},
    "ReLU": {"color": COLOURS["vermilion"], "marker": "^"},
    "MNIST, β = 0": {"color": COLOURS["purple"], "marker": "D"},
    "MNIST, β = 0.1": {"color": COLOURS["orange"], "marker": "v"},
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """Both figures, also those of experiments that the table does not have."""
    return [
        Figure(
            "brackets",
            plots.caption(
                """Robust test error of trained networks against the budget, bounded from both sides. Dots: what the
                attacks find, with 95 % intervals over test points. Dark: between the lower bound (attacks, and what the
                search meets) and the certified upper bound. Line: the upper bound without branching. Dashed: the
                averaging and the linear max-margin predictor. Errors are with observed labels.""",
                _runs(table),
            ),
            bracket_numbers(table),
            draw_brackets,
        ),
        Figure(
            "widths",
            plots.caption(
                """Width of the certified bracket of the robust test error: share of test points that are neither
                turned nor proved robust. Filled: with branching. Open: without. Dotted: two points. The y-axis is
                linear below 0.001.""",
                _runs(table),
            ),
            width_numbers(table),
            draw_widths,
        ),
    ]


def _runs(table: pd.DataFrame) -> str:
    if not len(table):
        return "Not run in this tier."
    return f"{len(table)} cells; seeds: {table['seed'].nunique()}; n = {table['n'].max()}."


def _ratio(rows: pd.DataFrame) -> pd.Series:
    """α/‖μ‖, or α/‖μ̂‖ for images."""
    return (rows["budget"] / rows["mean_norm"]).astype(float)


def _panels(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(title, rows) of each network whose budget is varied."""
    swept = table[table["experiment"] == "budget"]
    panels = [(text, swept[swept["activation"] == name]) for name, text in ACTIVATIONS.items()]
    images = table[table["experiment"] == "mnist"]
    panels += [(f"MNIST, β = {rate:g}", rows) for rate, rows in images.groupby("flip_rate")]
    return [(title, rows[rows["status"] == "ok"]) for title, rows in panels if (rows["status"] == "ok").any()]


def _at_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds at each budget, with the ratio that they share."""
    numbers = rows.assign(ratio=_ratio(rows)).groupby("budget").mean(numeric_only=True)
    return numbers.sort_values("ratio")


def bracket_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each activation, and for MNIST with and without label noise; x is α/‖μ‖."""
    parts = []
    for panel, rows in _panels(table):
        means = _at_each(rows)
        x = means["ratio"].to_numpy()
        at = rows["budget"].map(means["ratio"])
        one_test_set = panel.startswith("MNIST")
        parts += [
            plots.over_seeds(rows, at, column, (panel, ROBUST, series), "tested", independent=not one_test_set)
            for series, column in COLUMN_OF.items()
        ]
        for name, column in ((AVERAGING, "averaging_error"), (MARGIN, "linear_max_margin_error")):
            if not one_test_set:
                parts.append(plots.theory(x, means[column], (panel, ROBUST, name)))
    return plots.gather(parts)


def width_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Widths over α/‖μ‖, over the number of neurons and over the dimension."""
    ok = table[table["status"] == "ok"]
    parts = []
    for series, rows in _panels(table):
        parts += _widths(rows, rows["budget"].map(_at_each(rows)["ratio"]), OVER_BUDGET, series)
    anchor = ok[(ok["experiment"] == "budget") & (ok["activation"] == "leaky_relu")]
    widths = ok[ok["experiment"] == "width"]
    same = anchor[anchor["budget"].isin(widths["budget"])]
    if len(widths):
        rows = pd.concat([widths, same])
        parts += _widths(rows, rows["width"], OVER_WIDTH, "leaky ReLU")
    for activation, rows in ok[ok["experiment"] == "dimension"].groupby("activation"):
        parts += _widths(rows, rows["d"], OVER_DIMENSION, ACTIVATIONS[str(activation)])
    return plots.gather(parts)


def _widths(rows: pd.DataFrame, x: pd.Series, panel: str, series: str) -> list[pd.DataFrame]:
    branched = rows.assign(gap=rows["test_upper"] - rows["test_lower"])
    plain = rows.assign(gap=rows["test_plain_upper"] - rows["test_attacked"])
    return [
        plots.over_seeds(branched, x, "gap", (panel, WIDTH, series)),
        plots.over_seeds(plain, x, "gap", (panel, WIDTH, f"{series}, plain")),
    ]


def draw_brackets(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel a network, three in a row."""
    panels = list(numbers["panel"].unique())
    rows = -(-len(panels) // 3)
    figure = plots.canvas(plots.FULL_WIDTH, 0.5 + 1.9 * rows)
    grid = figure.subplots(rows, 3, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        part = numbers[numbers["panel"] == panel]
        series = {str(name): rows for name, rows in part.groupby("series", sort=False)}
        for name, dashes in ((AVERAGING, (0, (4, 2))), (MARGIN, (0, (1, 1)))):
            if name in series:
                plots.draw_line(axes, series[name], name, color=COLOURS["grey"], linewidth=0.9, linestyle=dashes)
        plots.draw_line(axes, series[PLAIN], PLAIN, color=COLOURS["orange"], linewidth=1.0)
        bracket = series[UPPER].assign(low=series[LOWER]["mean"].to_numpy(), high=series[UPPER]["mean"])
        plots.draw_band(axes, bracket, BRACKET, color=COLOURS["blue"], alpha=0.45)
        plots.draw_points(
            axes, series[ATTACKS], ATTACKS, color=COLOURS["black"], marker=".", markersize=3.5, linestyle=""
        )
        plots.error_axis(axes, part[["mean", "high"]].max().max())
        axes.set_xlabel(plots.typeset("budget α/‖μ̂‖" if panel.startswith("MNIST") else "budget α/‖μ‖"))
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[::3]:
        axes.set_ylabel(ROBUST)
    plots.panel_titles(list(grid[: len(panels)]), [plots.typeset(panel) for panel in panels])
    plots.legend(figure, 3)
    return figure


def draw_widths(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Widths over the budget, the number of neurons and the dimension, where these were run."""
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH, 2.7)
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(grid, panels, strict=True):
        part = numbers[numbers["panel"] == panel]
        for series, points in part.groupby("series", sort=False):
            name = str(series).removesuffix(", plain")
            plain = name != series
            look = LOOKS[name] | ({"markerfacecolor": "none", "linestyle": (0, (1, 1))} if plain else {})
            plots.draw_points(axes, points, "" if plain else plots.typeset(name), linewidth=0.8, markersize=3.2, **look)
        axes.axhline(0.02, color=COLOURS["grey"], linewidth=0.7, linestyle=":")
        axes.set_yscale("symlog", linthresh=1e-3, linscale=0.5)
        axes.set_ylim(-1e-4, 1)
        if panel == OVER_BUDGET:
            axes.set_xlabel(plots.typeset("budget α/‖μ‖"))
        else:
            axes.set_xscale("log")
            axes.set_xlabel(plots.typeset("neurons m" if panel == OVER_WIDTH else "dimension d"))
            at = sorted(part["x"].unique())
            axes.set_xticks(at, [plots.typeset(plots.scientific(x)) for x in at], minor=False)
            axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    grid[0].set_ylabel(WIDTH)
    plots.panel_titles(list(grid), panels)
    plots.legend(figure, 3)
    return figure
