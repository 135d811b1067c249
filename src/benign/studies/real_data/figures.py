"""Robust test error against the budget, predicted against measured transitions, and what was interpolated."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.plots import COLOURS, Figure
from benign.studies.real_data.predictions import half_space, transitions, white_averaging

MARKERS = "osD^v"
OWN, WHITE = "network's direction, measured covariance", "averaging, white noise"


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    ok = table[(table["status"] == "ok") & (table["training"] == "adversarial")] if len(table) else table
    seeds = int(ok["seed"].nunique()) if len(ok) else 0
    n = int(ok.loc[ok["experiment"] == "pairs", "n"].min()) if seeds else 0
    runs = f"n = {n}, up to {seeds} seed{'s' * (seeds > 1)}" if seeds else "not run"
    return [
        Figure(
            "transition",
            "Robust test error (observed labels) after adversarial training against the budget over ‖μ̂‖, per pair, "
            f"β = 0 and .1; {runs}. Bars: 95 %. Lines: closed forms, joined between the same budgets.",
            transition_numbers(ok),
            draw_transition,
        ),
        Figure(
            "predicted_transition",
            "Budget over ‖μ̂‖ at which half of the test points are lost (clean labels), closed form against measured; "
            f"one point per pair and β; {runs}. On the diagonal both agree.",
            predicted_numbers(ok),
            draw_predicted,
        ),
        Figure(
            "interpolation",
            "Robust training error against the budget over ‖μ̂‖ at β = .1, by n (mean over seeds), and of trainings "
            "that went on for longer; dashed: the least that any classifier has. Where it is above 0 nothing "
            "interpolates robustly.",
            interpolation_numbers(ok),
            draw_interpolation,
        ),
    ]


def _name(rows: pd.DataFrame) -> pd.Series:
    return rows["data"].map({"mnist": "MNIST ", "cifar10": ""}) + rows["classes"].str.replace("v", "/", n=1)


def transition_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Errors and closed forms at each budget of each pair."""
    if not len(rows):
        return plots.gather([])
    rows = rows[(rows["experiment"] == "pairs") & rows["flip_rate"].isin([0, 0.1])]
    parts = []
    for (name, beta), part in rows.groupby([_name(rows), "flip_rate"]):
        place = (str(name), "robust test error", f"β = {beta:g}")
        parts.append(
            plots.over_seeds(part, part["budget_ratio"], "robust_test_error", place, "tested", independent=False)
        )
        for series, form in ((OWN, half_space), (WHITE, white_averaging)):
            means = (
                pd.Series(form(part, part["flip_rate"]), index=part.index).groupby(part["budget_ratio"]).mean().dropna()
            )
            parts.append(plots.theory(means.index, means, (str(name), "robust test error", f"β = {beta:g}: {series}")))
    return plots.gather(parts)


def predicted_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Closed forms' transitions over the measured ones."""
    if not len(rows):
        return plots.gather([])
    found = transitions(rows).dropna(subset=["measured"])
    quantity = "predicted α/‖μ̂‖ at error 1/2"
    parts = [
        plots.single_runs(found["measured"], found[column], ("", quantity, series))
        for column, series in (("network", OWN), ("white", WHITE))
    ]
    return plots.gather(parts)


def interpolation_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Robust training error at each n, and for trainings that went on for longer; the bound depends on n alone."""
    if not len(rows):
        return plots.gather([])
    noisy = rows[rows["flip_rate"] == 0.1]
    parts = []
    for (name, n, long, steps), part in noisy.groupby([_name(noisy), "n", noisy["experiment"] == "long", "most_steps"]):
        series = f"n = {n}" + (f", up to {steps} steps" if long else "")
        place = (str(name), "robust training error", series)
        parts.append(plots.over_seeds(part, part["budget_ratio"], "robust_train_error", place))
        if long:
            continue
        bound = part.groupby("budget_ratio")["least_robust_train_error"].mean()
        parts.append(plots.theory(bound.index, bound, (str(name), "robust training error", f"n = {n}: any classifier")))
    return plots.gather(parts)


def _panels(numbers: pd.DataFrame) -> tuple[matplotlib.figure.Figure, list[tuple[str, matplotlib.axes.Axes]]]:
    names = sorted(numbers["panel"].unique(), key=lambda name: (not name.startswith("MNIST"), name))
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure = plots.canvas(plots.FULL_WIDTH, 2.1 * lines + 0.6)
    grid = np.atleast_1d(figure.subplots(lines, columns, sharey=True, squeeze=False)).ravel()
    for spare in grid[len(names) :]:
        spare.remove()
    plots.panel_titles(list(grid[: len(names)]), names)
    for axes in grid[: len(names)]:
        axes.set_xlabel(plots.typeset("α / ‖μ̂‖"))
    for axes in grid[: len(names) : columns]:
        axes.set_ylabel(numbers["quantity"].iloc[0])
    return figure, list(zip(names, grid, strict=False))


def draw_transition(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each pair."""
    figure, panels = _panels(numbers)
    for name, axes in panels:
        for series, rows in numbers[numbers["panel"] == name].groupby("series", sort=False):
            colour = COLOURS["blue" if str(series).startswith("β = 0.1") else "orange"]
            if rows["kind"].iloc[0] == "measured":
                marker = "s" if colour == COLOURS["blue"] else "o"
                plots.draw_points(axes, rows, str(series), color=colour, marker=marker, linestyle="none")
            else:
                style = "-" if str(series).endswith(OWN) else ":"
                plots.draw_line(axes, rows, str(series), color=colour, linestyle=style)
        axes.set_ylim(0, 1.02)
    plots.legend(figure, 2)
    return figure


def draw_predicted(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Predicted over measured, and the diagonal."""
    figure = plots.canvas(plots.COLUMN_WIDTH, 3.2)
    axes = figure.subplots()
    high = 1.1 * float(np.nanmax(numbers[["x", "mean"]].to_numpy(float)))
    axes.plot([0, high], [0, high], color=COLOURS["grey"], linewidth=0.8)
    for series, colour, marker in ((OWN, "blue", "o"), (WHITE, "vermilion", "^")):
        rows = numbers[numbers["series"] == series]
        axes.plot(rows["x"], rows["mean"], marker, color=COLOURS[colour], label=series)
    axes.set(xlim=(0, high), ylim=(0, high), ylabel=plots.typeset(numbers["quantity"].iloc[0]))
    axes.set_xlabel(plots.typeset("measured α/‖μ̂‖ at error 1/2"))
    plots.legend(figure, 1)
    return figure


def draw_interpolation(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each pair, a colour for each n."""
    figure, panels = _panels(numbers)
    sizes = sorted({str(s).split(":")[0] for s in numbers["series"]}, key=lambda s: (int(s.split()[2].strip(",")), s))
    colours = ["black", "blue", "orange", "green", "vermilion", "purple"]
    for name, axes in panels:
        for series, rows in numbers[numbers["panel"] == name].groupby("series", sort=False):
            place = sizes.index(str(series).split(":")[0])
            colour = COLOURS[colours[place % len(colours)]]
            if rows["kind"].iloc[0] == "measured":
                plots.draw_points(axes, rows, str(series), color=colour, marker=MARKERS[place % 5])
            else:
                plots.draw_line(axes, rows, str(series), color=colour, linestyle="--", linewidth=0.9)
    plots.legend(figure, 3)
    return figure
