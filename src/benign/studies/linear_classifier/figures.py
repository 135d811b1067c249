"""Figures of the linear classifiers: risk over the dimension, learning curves, and the margins reached."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.plots import COLOURS, Figure
from benign.theory.mixture import gaussian

RISK, TRAIN, LOSS, RATIO = "adversarial risk", "robust training error", "robust training loss", "relative margin"
STANDARD, ORDINARY, NOISE = "standard risk", "ordinary training", "label noise β"
AVERAGING, MARGIN = "averaging predictor", "max-margin predictor"
NORMS = {"l2": "ℓ2", "linf": "ℓ∞"}
LOOKS: dict[str, dict[str, Any]] = {
    "ℓ2": {"color": COLOURS["blue"], "marker": "o"},
    "ℓ∞": {"color": COLOURS["vermilion"], "marker": "s"},
    STANDARD: {"color": COLOURS["black"], "marker": ".", "linewidth": 0.8},
}
SERIES_LOOKS = [
    {"color": COLOURS[colour], "marker": marker}
    for colour, marker in (("blue", "o"), ("orange", "s"), ("vermilion", "^"), ("green", "D"))
]


def figures(table: pd.DataFrame) -> list[Figure]:
    """All figures, also those of experiments that the table does not have."""
    return [
        Figure(
            "risk_by_dimension",
            plots.caption(
                """Risk of adversarially trained linear classifiers, by the closed form with observed labels, over the
                dimension, for ‖μ‖ = d to the power s, ℓ2 budget 0.1 and ℓ∞ budget 0.01. Open markers: the adversarial
                risk of ordinary training. Lines: standard risk predicted for the averaging and the linear max-margin
                predictor (leading order for d ≫ n). From d = 10⁴ on, points are drawn in law and ℓ2 alone is run.
                Below: share of training points that are not fitted robustly. Bars: 95 % bootstrap intervals over
                seeds.""",
                _runs(table, "dimension", "beyond"),
            ),
            dimension_numbers(table),
            draw_dimension,
        ),
        Figure(
            "learning_curves",
            plots.caption(
                """Adversarial training of linear classifiers at d = 200 under three ℓ2 budgets: robust training loss
                and error, and adversarial risk by the closed form. Grey: label noise. Bars: 95 % bootstrap intervals
                over seeds.""",
                _runs(table, "curves"),
            ),
            curve_numbers(table),
            draw_curves,
        ),
        Figure(
            "margins",
            plots.caption(
                """Margins reached by normalised adversarial training, relative to those of the hard-margin classifier
                of the same points, over the budget. Filled: the ℓ2 margin, which is 1 in the hard-margin direction.
                Open: the robust margin, which ℓ∞ training raises above 1 by turning away from that direction.""",
                _runs(table, "margin"),
            ),
            margin_numbers(table),
            draw_margins,
        ),
    ]


def _runs(table: pd.DataFrame, *experiments: str) -> str:
    rows = table[table["experiment"].isin(experiments)] if len(table) else table
    if not len(rows):
        return "Not run in this tier."
    lost = int((rows["status"] != "ok").sum())
    ended = f"{lost} diverged and are left out" if lost else "none diverged"
    setting = f"n = {rows['n'].max():g}, β = {rows['flip_rate'].max():g}, up to {rows['steps'].max():g} steps"
    return f"{setting}; {len(rows)} cells, {rows['seed'].nunique()} seeds, {ended}."


# ---------------------------------------------------------------- numbers


def dimension_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each s; x is d."""
    parts = []
    rows = table[table["experiment"].isin(["dimension", "beyond"])]
    for s, part in rows.groupby("exponent"):
        panel = f"‖μ‖ = d^{s:g}"
        for norm, name in NORMS.items():
            here = part[part["norm"] == norm]
            for training, series in (("adversarial", name), ("ordinary", f"{name}, {ORDINARY}")):
                trained = here[here["training"] == training]
                parts.append(plots.over_seeds(trained, trained["d"], "adversarial_risk", (panel, RISK, series)))
                if training == "adversarial":
                    parts.append(
                        plots.over_seeds(trained, trained["d"], "robust_train_error", (panel, TRAIN, series), "n")
                    )
        plain = part[(part["norm"] == "l2") & (part["training"] == "adversarial")]
        parts.append(plots.over_seeds(plain, plain["d"], "standard_risk", (panel, RISK, STANDARD)))
        parts += _predicted(plain, panel)
        parts.append(plots.mark(float(part["n"].max()), (panel, RISK, "d = n")))
    return plots.gather(parts)


def _predicted(rows: pd.DataFrame, panel: str) -> list[pd.DataFrame]:
    """Predicted standard risk on a dense axis of d ≥ 2n, averaged over the samples' own shares of flips."""
    n, beta, s = rows["n"].max(), rows["flip_rate"].max(), rows["exponent"].max()
    ok = rows[rows["status"] == "ok"]
    if rows["d"].max() <= 2 * n or not len(ok):
        return []
    d = np.geomspace(2 * n, rows["d"].max(), 81)
    shares = ok.groupby("seed")["flipped"].first()
    lines = []
    for series, rho in ((AVERAGING, gaussian.averaging_rho), (MARGIN, gaussian.max_margin_rho)):
        risks = [gaussian.half_space_error(0, rho(n, d, d**s, share), beta) for share in shares]
        lines.append(plots.theory(d, np.mean(risks, axis=0), (panel, RISK, series)))
    return [*lines, plots.theory([rows["d"].min(), rows["d"].max()], beta, (panel, RISK, NOISE))]


def curve_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each s, a series for each budget; x is the number of steps."""
    parts = []
    for s, panel_rows in table[table["experiment"] == "curves"].groupby("exponent"):
        panel = f"d = {panel_rows['d'].max():g}, ‖μ‖ = d^{s:g}"
        for budget, part in panel_rows.groupby("budget"):
            series = f"α = {budget:g}"
            for quantity, column, trials in (
                (LOSS, "robust_train_loss", None),
                (TRAIN, "robust_train_error", "n"),
                (RISK, "adversarial_risk", None),
            ):
                parts.append(plots.over_seeds(part, part["steps"], column, (panel, quantity, series), trials))
        steps = panel_rows["steps"]
        parts.append(plots.theory([steps.min(), steps.max()], panel_rows["flip_rate"].max(), (panel, RISK, NOISE)))
    return plots.gather(parts)


def margin_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each norm, a series for each d; x is the budget."""
    parts = []
    rows = table[table["experiment"] == "margin"]
    for norm, name in NORMS.items():
        for d, part in rows[rows["norm"] == norm].groupby("d"):
            for column, kind in (("margin_ratio", "ℓ2 margin"), ("robust_margin_ratio", "robust margin")):
                place = (f"{name} training", RATIO, f"{kind}, d = {d}")
                parts.append(plots.over_seeds(part, part["budget"], column, place))
    return plots.gather(parts)


# ---------------------------------------------------------------- drawing


def draw_dimension(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Risks above, robust training error in a slim row below, one column for each s."""
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH, 3.7)
    grid = figure.subplots(2, len(panels), sharex=True, sharey="row", squeeze=False, height_ratios=[3, 1])
    for column, panel in enumerate(panels):
        part = numbers[numbers["panel"] == panel]
        above, below = grid[:, column]
        for series, rows in part[part["quantity"] == RISK].groupby("series", sort=False):
            _draw_risk(above, str(series), rows)
        for series, rows in part[part["quantity"] == TRAIN].groupby("series", sort=False):
            plots.draw_points(below, rows, "", linewidth=0.9, markersize=3, **LOOKS[str(series)])
        below.set_xlabel(plots.typeset("dimension d"))
        plots.log_axis(below, "x", 5)
        plots.draw_mark(above, part[part["series"] == "d = n"], "d = n")
    # Closed forms leave the range of the measurements below d = n, where they do not hold.
    high = numbers.loc[(numbers["quantity"] == RISK) & (numbers["kind"] == "measured"), ["mean", "high"]].max().max()
    grid[0, 0].set(ylabel="risk", ylim=(0.08, max(0.2, high + 0.02)))
    grid[1, 0].set(ylabel="robust\ntraining error", ylim=(-0.02, None))
    plots.panel_titles(list(grid[0]), panels)
    plots.legend(figure, 3)
    return figure


def _draw_risk(axes: Any, series: str, rows: pd.DataFrame) -> None:
    name = series.removesuffix(f", {ORDINARY}")
    if series == NOISE:
        plots.draw_line(axes, rows, NOISE, color=COLOURS["grey"], linewidth=0.7, zorder=1.5)
    elif series in (AVERAGING, MARGIN):
        dashes: Any = "-." if series == AVERAGING else "--"
        colour = COLOURS["purple" if series == AVERAGING else "orange"]
        plots.draw_line(axes, rows, series, color=colour, linewidth=1.0, linestyle=dashes, zorder=1.8)
    elif name != series:
        look = LOOKS[name] | {"linestyle": "", "markerfacecolor": "none", "markersize": 5.5, "markeredgewidth": 0.7}
        plots.draw_points(axes, rows, f"adversarial risk, {name}, {ORDINARY}", **look)
    elif series == STANDARD:
        plots.draw_points(axes, rows, STANDARD, **LOOKS[STANDARD])
    elif series in LOOKS:
        plots.draw_points(axes, rows, f"adversarial risk, {series}", linewidth=0.9, markersize=3, **LOOKS[series])


def draw_curves(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Rows: loss, training error, risk; one column for each s."""
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH if len(panels) > 1 else 0.7 * plots.FULL_WIDTH, 4.6)
    grid = figure.subplots(3, len(panels), sharex=True, sharey="row", squeeze=False)
    measured = numbers[numbers["kind"] == "measured"]
    for column, panel in enumerate(panels):
        for row, quantity in enumerate((LOSS, TRAIN, RISK)):
            axes, part = grid[row, column], numbers[(numbers["panel"] == panel) & (numbers["quantity"] == quantity)]
            for look, series in zip(SERIES_LOOKS, measured["series"].unique(), strict=False):
                rows = part[part["series"] == series]
                plots.draw_points(axes, rows, str(series), linewidth=0.9, markersize=3, **look)
            noise = part[part["series"] == NOISE]
            if len(noise):
                plots.draw_line(axes, noise, NOISE, color=COLOURS["grey"], linewidth=0.7)
        plots.log_axis(grid[0, column], "y", 5)
        plots.log_axis(grid[2, column], "x", 5)
        grid[2, column].set_xlabel("steps of gradient descent")
    for axes, quantity in zip(grid[:, 0], (LOSS, TRAIN, RISK), strict=True):
        axes.set_ylabel(quantity)
    plots.panel_titles(list(grid[0]), panels)
    plots.legend(figure, 4)
    return figure


def draw_margins(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each norm."""
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(0.85 * plots.FULL_WIDTH, 2.9)
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    dimensions = sorted({series.split("d = ")[1] for series in numbers["series"]}, key=int)
    for axes, panel in zip(grid, panels, strict=True):
        axes.axhline(1, color=COLOURS["grey"], linewidth=0.7)
        part = numbers[numbers["panel"] == panel]
        for series, rows in part.groupby("series", sort=False):
            look = dict(SERIES_LOOKS[dimensions.index(str(series).split("d = ")[1])])
            robust = str(series).startswith("robust")
            look |= {"markerfacecolor": "none", "linestyle": ":"} if robust else {}
            plots.draw_points(axes, rows, str(series), linewidth=0.9, markersize=4, **look)
        axes.set_xlabel(plots.typeset(f"{panel.split()[0]} budget α"))
    grid[0].set_ylabel("margin / hard-margin classifier's")
    plots.panel_titles(list(grid), panels)
    plots.legend(figure, 2)
    return figure
