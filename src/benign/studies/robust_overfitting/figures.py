"""Figures: benign and harmful overfitting on the same axes, what early stopping regains, and two other remedies."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benign import plots
from benign.plots import COLOURS, Figure
from benign.studies.robust_overfitting.courses import courses

ROBUST, TRAIN, RISE = "robust test error", "robust training error", "rise"
ERRORS, RISES = "errors", "rises"
LAST, CHOSEN, LOWEST = "end of training", "chosen on validation", "lowest on test"
ROBUST_RISE, CLEAN_RISE, CONTROL = "robust error", "clean error of the same networks", "clean error, ordinary training"
NAMES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
NOISE_LOOK: dict[str, dict[str, Any]] = {
    "β = 0": {"color": COLOURS["green"], "marker": "^"},
    "β = 0.1": {"color": COLOURS["blue"], "marker": "o"},
    "β = 0.2": {"color": COLOURS["vermilion"], "marker": "s"},
}
OTHER_NOISE: dict[str, Any] = {"color": COLOURS["grey"], "marker": "D"}
LOOKS: dict[str, dict[str, Any]] = {
    LAST: {"color": COLOURS["vermilion"], "marker": "s"},
    CHOSEN: {"color": COLOURS["blue"], "marker": "o", "markersize": 6, "markerfacecolor": "none"},
    LOWEST: {"color": COLOURS["grey"], "marker": "v"},
    ROBUST_RISE: {"color": COLOURS["vermilion"], "marker": "s"},
    CLEAN_RISE: {"color": COLOURS["purple"], "marker": "D"},
    CONTROL: {"color": COLOURS["green"], "marker": "^"},
}
INTERVALS = """Bars are 95 % intervals: for errors the hull of Clopper-Pearson's and of the bootstrap over seeds, for
    rises the bootstrap over seeds alone. Test errors are with true labels, training errors with observed ones."""


def figures(table: pd.DataFrame) -> list[Figure]:
    """All figures, also those of experiments that the table does not have."""
    return [
        Figure(
            "contrast",
            plots.caption(
                """Benign and harmful overfitting on the same axes: robust test error (top) and robust training error
                (bottom) against passes over the training set, adversarial training, β the share of wrong training
                labels. Clusters: the flagship's two-layer networks, of whose gradient descent a step is a pass. Images:
                convolutional networks by SGD. Rise: by how much robust test error ends above its lowest recorded
                value, mean over seeds. Dotted: where the learning rate falls to a tenth.""",
                INTERVALS,
                _runs(table, "contrast"),
            ),
            contrast_numbers(table),
            draw_contrast,
        ),
        Figure(
            "early_stopping",
            plots.caption(
                """What training past the best point costs, over the share β of wrong training labels. Left: robust test
                error at the end, at the epoch with the least robust error on held-out images whose labels are as noisy,
                and the lowest, which the test set itself chooses. Right: by how much errors end above those of the
                epoch that the validation images choose: robust and clean test error in adversarial training, and clean
                test error in ordinary training of the same network.""",
                INTERVALS,
                _runs(table, "contrast", "ordinary"),
            ),
            early_stopping_numbers(table),
            draw_early_stopping,
        ),
        Figure(
            "remedies",
            plots.caption(
                """Less capacity and more weight decay: robust test and training error against passes over the training
                set, beside the network and the weight decay of the other figures, at the same share β.""",
                INTERVALS,
                _runs(table, "remedies"),
            ),
            remedies_numbers(table),
            draw_remedies,
        ),
    ]


def _runs(table: pd.DataFrame, *experiments: str) -> str:
    """What stands behind the points: sizes, seeds, budgets in the data's units."""
    rows = table[table["experiment"].isin(experiments)] if len(table) else table
    if not len(rows):
        return "Not run in this tier."
    sizes = []
    for data, part in rows[rows["budget"] > 0].groupby("data"):
        test = part["tested"].max() if "tested" in part else np.nan
        sizes.append(
            f"{NAMES.get(str(data), data)}: n = {part['n'].max()}, α = {part['budget'].max():.3g}, {test:g} test points"
        )
    lost = int((rows["status"] != "ok").sum())
    return f"{'; '.join(sizes)}; seeds: {rows['seed'].nunique()}. {lost or 'No'} cells diverged."


# ---------------------------------------------------------------- numbers


def contrast_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each problem, clusters first; a series for each β; x is the number of passes."""
    if not len(table):
        return plots.gather([])
    rows = table[(table["experiment"] == "contrast") & (table["budget"] > 0)]
    parts: list[pd.DataFrame] = []
    problems: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(["data", "d", "signal"]))
    # Clusters first, the largest d first, then MNIST before CIFAR-10.
    problems.sort(key=lambda item: (["clusters", *NAMES].index(item[0][0]), -item[0][1]))
    for (data, d, signal), problem in problems:
        panel = f"clusters, d = {plots.scientific(d)}, ‖μ‖ = {signal:g}" if data == "clusters" else NAMES[data]
        for beta, part in problem.groupby("flip_rate"):
            series = f"β = {beta:g}"
            parts += _course(part, panel, series)
            ends = courses(part).assign(status=lambda t: np.where(t["diverged"], "diverged", "ok"))
            parts.append(
                plots.over_seeds(ends, np.full(len(ends), part["epochs"].max()), "rise", (panel, RISE, series))
            )
        if data != "clusters":
            total = problem["total_epochs"].max()
            parts += [plots.mark(total * share, (panel, TRAIN, "η/10")) for share in (0.5, 0.75)]
    return plots.gather(parts)


def _course(part: pd.DataFrame, panel: str, series: str) -> list[pd.DataFrame]:
    """Robust test and training error of one setting over the passes; image sets share one test set among seeds."""
    fresh = part["data"].iloc[0] == "clusters"
    return [
        plots.over_seeds(
            part, part["epochs"], "robust_test_error", (panel, ROBUST, series), "tested", independent=fresh
        ),
        plots.over_seeds(part, part["epochs"], "robust_train_error", (panel, TRAIN, series), "n"),
    ]


def early_stopping_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Two panels for each data set: errors at three epochs, and rises; x is β."""
    whole = courses(table)
    whole = whole.assign(status=np.where(whole["diverged"] == True, "diverged", "ok"))  # noqa: E712
    parts = []
    for data, name in NAMES.items():
        rows = whole[(whole["data"] == data) & (whole["experiment"] == "contrast") & (whole["budget"] > 0)]
        control = whole[(whole["data"] == data) & (whole["experiment"] == "ordinary")]
        for series, column in ((LAST, "last"), (CHOSEN, "chosen"), (LOWEST, "lowest")):
            place = (f"{name}, {ERRORS}", ROBUST, series)
            parts.append(plots.over_seeds(rows, rows["flip_rate"], column, place, "tested", independent=False))
        for series, part, column in (
            (ROBUST_RISE, rows, "rise_chosen"),
            (CLEAN_RISE, rows, "clean_rise_chosen"),
            (CONTROL, control, "rise_chosen"),
        ):
            parts.append(plots.over_seeds(part, part["flip_rate"], column, (f"{name}, {RISES}", RISE, series)))
    return plots.gather(parts)


def remedies_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """One panel; a series for each network and weight decay, the contrast's own first."""
    if not len(table):
        return plots.gather([])
    others = table[table["experiment"] == "remedies"]
    parts: list[pd.DataFrame] = []
    for (data, beta), part in others.groupby(["data", "flip_rate"]):
        own = table[(table["experiment"] == "contrast") & (table["data"] == data) & (table["flip_rate"] == beta)]
        settings = [("contrast", own), ("remedies", part)]
        for _, rows in settings:
            for (width, decay), same in rows.groupby(["width", "weight_decay"], sort=False):
                series = f"{width} channels, weight decay {decay:g}"
                parts += _course(same, f"{NAMES[str(data)]}, β = {beta:g}", series)
    return plots.gather(parts)


# ---------------------------------------------------------------- drawing


def draw_contrast(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A column for each problem, test error above training error, all on the same axes."""
    panels = list(numbers["panel"].unique())
    shares = sorted({str(series) for series in numbers["series"] if str(series).startswith("β")})
    looks = {series: NOISE_LOOK.get(series, OTHER_NOISE) for series in shares}
    figure = plots.canvas(plots.FULL_WIDTH, 3.9)
    grid = figure.subplots(2, len(panels), sharex=True, sharey="row", height_ratios=[1.35, 1], squeeze=False)
    for series, look in looks.items():  # so that the legend goes through β in order, whatever the first panel has
        grid[0, 0].errorbar([], [], [], label=plots.typeset(series), markersize=3.0, elinewidth=0.8, **look)
    for column, panel in zip(grid.T, panels, strict=True):
        part = numbers[numbers["panel"] == panel]
        for axes, quantity in zip(column, (ROBUST, TRAIN), strict=True):
            axes.set_xscale("log")
            points = part[(part["quantity"] == quantity) & (part["kind"] == "measured")]
            for series, rows in points.groupby("series", sort=False):
                plots.draw_points(axes, rows, str(series), markersize=3.0, zorder=3, **looks[str(series)])
            for x in part.loc[part["kind"] == "mark", "x"]:
                axes.axvline(x, color=COLOURS["grey"], linewidth=0.7, linestyle=(0, (1, 1.5)), zorder=1)
        _write_rises(column[0], part, looks)
        column[1].set_xlabel("passes over the data")
        plots.log_axis(column[1], "x", most=5)
    for axes, quantity in zip(grid[:, 0], (ROBUST, TRAIN), strict=True):
        axes.set_ylabel(quantity)
        plots.error_axis(axes, numbers.loc[numbers["quantity"] == quantity, ["mean", "high"]].max().max())
    for axes, panel in zip(grid[0], panels, strict=True):
        axes.set_title(plots.typeset(panel.replace(", ", "\n", 1)), loc="left")
    plots.legend(figure, len(looks))
    return figure


def _write_rises(axes: Axes, part: pd.DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    """The rises as a small table in the series' colours, where no curve passes."""
    rises = part[part["quantity"] == RISE].sort_values("series", ascending=False)
    for line, (series, rise) in enumerate(zip(rises["series"], rises["mean"], strict=True)):
        axes.annotate(
            f"rise {rise:+.3f}",
            (0.98, 0.97),
            (0, -9 * line),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=7,
            color=looks[series]["color"],
        )


def draw_early_stopping(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A row for each data set: errors on the left, rises on the right."""
    names = [name for name in NAMES.values() if numbers["panel"].str.startswith(name).any()]
    figure = plots.canvas(plots.FULL_WIDTH, 0.75 + 1.9 * len(names))
    grid = figure.subplots(len(names), 2, sharex=True, squeeze=False)
    for row, name in zip(grid, names, strict=True):
        for axes, kind, label in zip(row, (ERRORS, RISES), (ROBUST, "rise of the test error"), strict=True):
            part = numbers[numbers["panel"] == f"{name}, {kind}"]
            for series, points in part.groupby("series", sort=False):
                plots.draw_points(axes, points, str(series), linewidth=0.9, **LOOKS[str(series)])
            axes.set_ylabel(label)
        plots.error_axis(row[0], numbers.loc[numbers["quantity"] == ROBUST, ["mean", "high"]].max().max())
        row[1].axhline(0, color=COLOURS["grey"], linewidth=0.7, zorder=1)
    for axes in grid[-1]:
        axes.set_xlabel(plots.typeset("share of wrong training labels β"))
        axes.set_xticks(sorted(numbers["x"].unique()))
        axes.margins(x=0.08)
    for axes, place in zip(grid[0], ("lower left", "upper left"), strict=True):
        axes.legend(loc=place)
    plots.panel_titles(list(grid.ravel()), [f"{name}: {kind}" for name in names for kind in ("stopping", RISES)])
    return figure


def draw_remedies(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test error on the left, training error on the right."""
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH, 0.6 + 2.1 * len(panels))
    grid = figure.subplots(len(panels), 2, sharex=True, sharey=True, squeeze=False)
    looks = dict(
        zip(numbers["series"].unique(), [LOOKS[LAST], NOISE_LOOK["β = 0.1"], NOISE_LOOK["β = 0"]], strict=False)
    )
    for row, panel in zip(grid, panels, strict=True):
        for axes, quantity in zip(row, (ROBUST, TRAIN), strict=True):
            axes.set_xscale("log")
            part = numbers[(numbers["panel"] == panel) & (numbers["quantity"] == quantity)]
            for series, points in part.groupby("series", sort=False):
                plots.draw_points(axes, points, str(series), **looks[series])
            axes.set_ylabel(quantity)
            plots.error_axis(axes)
    for axes in grid[-1]:
        axes.set_xlabel("passes over the data")
        plots.log_axis(axes, "x", most=4)
    titles = [f"{panel}: {kind}" for panel in panels for kind in ("test", "training")]
    plots.panel_titles(list(grid.ravel()), titles)
    plots.legend(figure, 3)
    return figure
