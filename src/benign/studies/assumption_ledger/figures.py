"""The ledger itself, one line for each assumption at its most broken, and the sweeps that lead there.

Numbers are in benign.plots.COLUMNS. In "ledger" a panel is an assumption and x its line; in "sweeps" a panel is an
experiment and x the broken quantity.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benign import plots
from benign.plots import COLOURS, Figure
from benign.studies.assumption_ledger.ledger import ENTRIES, NEAR, base, broken

ROBUST, TRAIN = "robust test error", "robust training error"
BASE, LIMIT, THEORY, ORDINARY = "base setting", f"β + {NEAR:g}", "closed form and recursion", "ordinary training"
# Test points are a sample, and their share an estimate; the training points are all there are.
MEASURED: dict[str, tuple[str, str | None]] = {
    ROBUST: ("robust_test_error", "tested"),
    TRAIN: ("robust_train_error", None),
}
EXACT = 60.0  # where the exact inner maximum stands among the numbers of PGD's steps
Rows = pd.DataFrame
Choice = Callable[[Rows], Rows]


def _is(**values: Any) -> Choice:
    """Rows in which each field has its value."""

    def chosen(rows: Rows) -> Rows:
        for name, value in values.items():
            rows = rows[rows[name] == value]
        return rows

    return chosen


@dataclasses.dataclass(frozen=True)
class Sweep:
    """One panel of "sweeps".

    title, across: the panel's title and its x-axis' label · experiment: whose rows · x: where each row stands
    scale: "log" or "linear" · based: whether the base setting is a point of the sweep
    series: the adversarially trained series, name to the rows that belong to it; the first is drawn as the main one
    """

    title: str
    across: str
    experiment: str
    x: Callable[[Rows], pd.Series]
    scale: str = "log"
    based: bool = True
    series: dict[str, Choice] = dataclasses.field(default_factory=lambda: {ROBUST: lambda rows: rows})


def _inverse_tail(rows: Rows) -> pd.Series:
    """1/ν, 0 for Gaussian noise."""
    return (1 / rows["tail"].where(rows["tail"] > 0, np.inf)).round(4)


def _batch(rows: Rows) -> pd.Series:
    return rows["batch"].where(rows["batch"] > 0, rows["n"])


def _inner_steps(rows: Rows) -> pd.Series:
    return rows["inner_steps"].where(rows["inner"] == "pgd", EXACT).astype(float)


SMOOTH, POWER = "smoothed leaky ReLU", "power-law spectrum"
WORST, ONE_CLASS = "worst choice of flips", "flips in one class"
SWEEPS = (
    Sweep("dimension", "d", "dimension", lambda r: r["d"]),
    Sweep("number of points", "n", "sample_size", lambda r: r["n"]),
    Sweep("signal", "‖μ‖", "signal", lambda r: r["signal"], "linear"),
    Sweep(
        "wrong labels",
        "β",
        "flip_rate",
        lambda r: r["flip_rate"],
        "linear",
        based=False,
        series={ROBUST: _is(flips="exact"), WORST: _is(flips="worst"), ONE_CLASS: _is(flips="one_class")},
    ),
    Sweep("Student t noise", "1/ν (0: Gaussian)", "student_t", _inverse_tail, "linear"),
    Sweep("sparse noise", "density (1: Rademacher)", "sparse", lambda r: r["tail"], based=False),
    Sweep(
        "correlated noise",
        "effective dimension",
        "correlation",
        lambda r: r["effective_dimension"].round(3),
        series={
            ROBUST: lambda rows: rows[rows["covariance"] != "power_law"],
            POWER: lambda rows: rows[rows["covariance"] != "ar1"],
        },
    ),
    Sweep("mini-batches", "batch size (n: all)", "minibatch", _batch, based=False),
    Sweep("initialisation", "σ√d", "initialisation", lambda r: r["init_scale"]),
    Sweep(
        "step",
        "c, η = cn/E‖x‖²",
        "step",
        lambda r: r["step_scale"],
        series={ROBUST: _is(activation="leaky_relu"), SMOOTH: _is(activation="smooth_leaky_relu")},
    ),
    Sweep("budget", "α", "budget", lambda r: r["budget"], "linear"),
    Sweep("inner maximum", "steps of PGD", "inner", _inner_steps),
)
LOOKS: dict[str, dict[str, Any]] = {
    ROBUST: {"color": COLOURS["blue"], "marker": "o"},
    WORST: {"color": COLOURS["vermilion"], "marker": "^"},
    ONE_CLASS: {"color": COLOURS["purple"], "marker": "D", "linestyle": ""},
    POWER: {"color": COLOURS["vermilion"], "marker": "s"},
    SMOOTH: {"color": COLOURS["green"], "marker": "s"},
    ORDINARY: {"color": COLOURS["black"], "marker": "x", "linestyle": ""},
    TRAIN: {"color": COLOURS["orange"], "marker": "v", "markerfacecolor": "none"},
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """Both figures, also those of experiments that the table does not have."""
    sound = table[table["status"] != "outvoted"]
    definition = f"""Benign: robust training error 0 and robust test error, with observed labels, within {NEAR:g} of
        the noise level β; harmful: its 95 % interval lies beyond; unclear: only its mean does."""
    return [
        Figure(
            "ledger",
            plots.caption(
                f"""Each assumption, broken as far as this tier goes, and what happens then (filled); open: the base
                setting, from which the cells differ in that assumption alone. Bars: 95 % intervals; dotted:
                {LIMIT}. {definition} dₑ: effective dimension (tr Σ)²/tr Σ².""",
                _setting(table),
            ),
            ledger_numbers(sound),
            draw_ledger,
        ),
        Figure(
            "sweeps",
            plots.caption(
                f"""From an assumption that holds to one that is well broken. Dots: means over seeds with 95 %
                intervals; dashed: {THEORY} for the same samples, which know only d, n, ‖μ‖, β, γ, α, the step size, the
                effective dimension and how flips are chosen; dotted: {LIMIT}. {definition} In (b) the signal keeps
                n‖μ‖⁴/d as it is; in (g) circles are an autoregression on a ring.""",
                _setting(table),
            ),
            sweep_numbers(sound),
            draw_sweeps,
        ),
    ]


def _setting(table: pd.DataFrame) -> str:
    rows = base(table)
    if not len(rows):
        return "Not run in this tier."
    one = rows.iloc[0]
    lost = int((table["status"] != "ok").sum())
    return (
        f"Base: n = {one['n']}, d = {plots.scientific(one['d'])}, ‖μ‖ = {one['signal']:g}, β = {one['flip_rate']:g}, "
        f"α = {one['budget']:g}, γ = {one['slope']:g}, m = {one['width']}, t = {one['steps']} steps, "
        f"c = {one['step_scale']:g}, σ√d = {one['init_scale']:g}. {len(table)} cells; seeds: {rows['seed'].nunique()} "
        f"(more where points are few); {lost} without result."
    )


# ---------------------------------------------------------------- numbers


def ledger_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Both errors of each entry's most broken cells and of the base; the limit stands as a theory point beside them."""
    parts: list[pd.DataFrame] = []
    usual = base(table)
    for line, entry in enumerate(ENTRIES):
        rows = entry.rows(table)
        if not (rows["status"] == "ok").any() or not len(usual):
            continue
        for series, part in ((BASE, usual), (entry.shown(rows.iloc[0]), rows)):
            parts += [
                plots.over_seeds(part, np.full(len(part), line), column, (entry.name, quantity, series), trials)
                for quantity, (column, trials) in MEASURED.items()
            ]
        parts.append(plots.theory([line], rows["flip_rate"].iloc[0] + NEAR, (entry.name, ROBUST, LIMIT)))
    return plots.gather(parts)


def sweep_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each sweep that was run."""
    parts: list[pd.DataFrame] = []
    for sweep in SWEEPS:
        own = broken(table, sweep.experiment)
        if not (own["status"] == "ok").any():
            continue
        rows = _with_base(table, sweep, "adversarial")
        for number, (series, choose) in enumerate(sweep.series.items()):
            chosen = choose(rows)
            parts.append(_measured(sweep, chosen, ROBUST, series))
            if not number:
                parts.append(_measured(sweep, chosen, TRAIN, TRAIN))
            if not number or series == WORST:
                parts.append(_expected(sweep, rows if sweep.experiment == "correlation" else chosen, series))
        if len(broken(table, sweep.experiment, "ordinary")):
            control = _with_base(table, sweep, "ordinary")
            parts.append(_measured(sweep, control, ROBUST, ORDINARY))
        limits = rows.assign(x=sweep.x(rows)).groupby("x")["flip_rate"].first() + NEAR
        parts.append(plots.theory(limits.index, limits, (sweep.title, ROBUST, LIMIT)))
    return plots.gather(parts)


def _with_base(table: pd.DataFrame, sweep: Sweep, training: str) -> pd.DataFrame:
    parts = [broken(table, sweep.experiment, training)]
    if sweep.based:
        every = table[(table["experiment"] == "base") & (table["training"] == training)]
        parts.append(every if sweep.experiment == "step" else base(table, training))
    return pd.concat(parts)


def _measured(sweep: Sweep, rows: pd.DataFrame, quantity: str, series: str) -> pd.DataFrame:
    column, trials = MEASURED[quantity]
    return plots.over_seeds(rows, sweep.x(rows), column, (sweep.title, ROBUST, series), trials)


def _expected(sweep: Sweep, rows: pd.DataFrame, series: str) -> pd.DataFrame:
    at = rows.assign(x=sweep.x(rows))
    line = at[at["status"] == "ok"].groupby("x")["expected_error"].mean()
    return plots.theory(line.index, line, (sweep.title, ROBUST, f"{THEORY}, {series}"))


# ---------------------------------------------------------------- drawing


def draw_sweeps(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Small multiples, four in a row."""
    panels = [sweep for sweep in SWEEPS if (numbers["panel"] == sweep.title).any()]
    lines = -(-len(panels) // 4)
    figure = plots.canvas(plots.FULL_WIDTH, 0.55 + 1.62 * lines)
    grid = figure.subplots(lines, 4, squeeze=False).ravel()
    for axes, sweep in zip(grid, panels, strict=False):
        _draw_sweep(axes, sweep, numbers[numbers["panel"] == sweep.title])
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[::4]:
        axes.set_ylabel("error")
    plots.panel_titles(list(grid[: len(panels)]), [sweep.title for sweep in panels])
    plots.legend(figure, 4)
    return figure


def _draw_sweep(axes: Axes, sweep: Sweep, part: pd.DataFrame) -> None:
    for series, rows in part.groupby("series", sort=False):
        name = str(series)
        if name == LIMIT:
            plots.draw_line(axes, rows, LIMIT, color=COLOURS["grey"], linewidth=0.8, linestyle=(0, (1, 1.5)))
        elif name.startswith(THEORY):
            colour = LOOKS[name.removeprefix(f"{THEORY}, ")]["color"]
            look = {"color": colour, "linewidth": 0.9, "linestyle": (0, (4, 2)), "alpha": 0.8}
            plots.draw_line(axes, rows, THEORY if name.endswith(ROBUST) else "", **look)
        else:
            plots.draw_points(axes, rows, name, linewidth=0.8, markersize=3.0, **LOOKS[name])
    plots.error_axis(axes, part[["mean", "high"]].max().max())
    axes.set_xlabel(plots.typeset(sweep.across))
    if sweep.scale == "log":
        plots.log_axis(axes, "x", 5)
    if sweep.experiment == "inner":
        axes.set_xticks([*(x for x in sorted(part["x"].unique()) if x < EXACT), EXACT])
        axes.set_xticklabels([f"{x:g}" if x < EXACT else "exact" for x in axes.get_xticks()])


OUTCOMES = {
    "benign": COLOURS["green"],
    "harmful": COLOURS["vermilion"],
    "unclear": COLOURS["blue"],
    "not fitted": COLOURS["purple"],
}
LEFT, NEEDS, BROKEN, RIGHT = 0.0, 0.45, 0.76, 1.0  # columns of the text, as shares of its width


def outcome(part: pd.DataFrame) -> str:
    """ "benign", "harmful" (also if not fitted), "unclear" or "not fitted", from an entry's numbers.

    Unclear: all is fitted, the mean error is beyond the limit, and its interval is not.
    """
    measured = part[(part["kind"] == "measured") & (part["series"] != BASE)].set_index("quantity")
    limit = part.loc[part["series"] == LIMIT, "mean"].iloc[0]
    fitted = measured.loc[TRAIN, "mean"] == 0 and measured.loc[TRAIN, "diverged"] == 0
    harmful = measured.loc[ROBUST, "low"] > limit
    if harmful:
        return "harmful" if fitted else "harmful, not fitted"
    if not fitted:
        return "not fitted"
    return "benign" if measured.loc[ROBUST, "mean"] <= limit else "unclear"


def draw_ledger(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A table whose last columns are drawn."""
    entries = [entry for entry in ENTRIES if (numbers["panel"] == entry.name).any()]
    figure = plots.canvas(plots.FULL_WIDTH, 0.95 + 0.235 * len(entries))
    words, robust, train, end = figure.subplots(1, 4, sharey=True, width_ratios=[4.3, 1.8, 1.2, 1.0])
    for axes, title in ((robust, "robust test error"), (train, "robust training\nerror")):
        axes.set_title(title, loc="left", fontsize=7)
        axes.grid(axis="y", visible=False)
    for y, entry in enumerate(entries):
        part = numbers[numbers["panel"] == entry.name]
        broken_as = part.loc[~part["series"].isin([BASE, LIMIT]), "series"].iloc[0]
        for x, text in ((LEFT, entry.name), (NEEDS, entry.needs), (BROKEN, broken_as)):
            words.text(x, y, plots.typeset(text), va="center", ha="left", fontsize=7)
        found = outcome(part)
        colour = OUTCOMES[found.split(",")[0]]
        end.text(0.0, y, found, va="center", color=colour, fontsize=7, weight="bold")
        for axes, quantity in ((robust, ROBUST), (train, TRAIN)):
            _draw_entry(axes, part[part["quantity"] == quantity], y, colour)
    for x, text in ((LEFT, "assumption"), (NEEDS, "the theorem has"), (BROKEN, "broken to")):
        words.text(x, -0.9, text, va="center", ha="left", fontsize=7, color=COLOURS["grey"])
    end.text(0.0, -0.9, "outcome", va="center", fontsize=7, color=COLOURS["grey"])
    words.set(xlim=(LEFT, RIGHT), ylim=(len(entries) - 0.4, -1.4))
    for axes in (words, end):
        axes.axis("off")
    for axes in (robust, train):
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelleft=False)
    robust.set(xlim=(-0.02, 1.03), xticks=[0, 0.25, 0.5, 0.75, 1], xticklabels=["0", ".25", ".5", ".75", "1"])
    widest = numbers.loc[numbers["quantity"] == TRAIN, "mean"].max()
    train.set(xlim=(-0.01, max(0.1, 1.2 * widest)))
    train.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3))
    return figure


def _draw_entry(axes: Axes, part: pd.DataFrame, y: float, colour: str) -> None:
    axes.axhline(y, color="#E6E6E6", linewidth=0.5, zorder=0)
    for series, row in part.set_index("series").iterrows():
        if series == LIMIT:
            axes.plot([row["mean"]] * 2, [y - 0.42, y + 0.42], color=COLOURS["grey"], linewidth=1.0, linestyle=":")
        else:
            usual = series == BASE
            look: dict[str, Any] = {
                "color": COLOURS["grey"] if usual else colour,
                "markerfacecolor": "none" if usual else colour,
            }
            bars = np.nan_to_num(np.abs(np.array([[row["low"]], [row["high"]]]) - row["mean"]))
            axes.errorbar([row["mean"]], [y], xerr=bars, marker="o", markersize=4, elinewidth=0.8, **look)
