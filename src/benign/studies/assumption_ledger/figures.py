"""The ledger itself, one line for each assumption at its most broken, and the sweeps that lead there."""

from __future__ import annotations

import dataclasses
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benign import plots
from benign.claims import converged
from benign.plots import COLOURS, Figure
from benign.plots.looks import ACTIVATIONS, DASHED, DOTTED, OPEN, ROBUST, TRAIN, TRAININGS, line, points
from benign.studies.assumption_ledger.ledger import ENTRIES, NEAR, base, broken

BASE, BROKEN, LIMIT = "base setting", "broken, in its outcome's colour", f"β + {NEAR:g}"
DOTS: dict[str, Any] = {"linewidth": 1.0, "linestyle": ":"}
# Test points are a sample, and their share an estimate; the training points are all there are.
MEASURED: dict[str, tuple[str, str | None]] = {
    ROBUST: ("robust_test_error", "tested"),
    TRAIN: ("robust_train_error", None),
}
DEFINITION = f"""Benign: robust training error 0 at every seed, and the whole interval of the robust test error, with
    observed labels, up to {NEAR:g} above the noise level β; harmful: all of it beyond; else unclear.
    {plots.INTERVALS}"""


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    return [ledger(table), sweeps(table)]


def _caption(rows: pd.DataFrame, text: str) -> str:
    """With the base setting, from which all cells differ in one assumption, and how many cells there are."""
    fields = ("n", "d", "signal", "flip_rate", "budget", "slope", "width", "steps", "step_scale", "init_scale")
    usual, every = plots.runs(base(rows), *fields), plots.runs(_sound(rows))
    lost = len(rows) - len(_sound(rows))
    outvoted = f"{lost} more without result: in their samples wrong labels are the majority." if lost else ""
    return plots.caption(text, DEFINITION, f"Base: {usual}", f"In all: {every}", outvoted)


def _sound(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["status"] != "outvoted"]


# ---------------------------------------------------------------- ledger


def ledger(rows: pd.DataFrame) -> Figure:
    """A panel for each assumption, x is its line: both errors of its most broken cells and of the base."""
    text = f"""Each assumption, broken as far as this tier goes, and what happens then (filled); open: the base setting,
        from which the cells differ in that assumption alone. Dotted: {LIMIT}. dₑ: effective dimension (tr Σ)²/tr Σ²."""
    numbers: list[pd.DataFrame] = []
    keys: set[str] = set()
    for at, entry in enumerate(ENTRIES):
        most = entry.rows(_sound(rows))
        if most.empty:
            continue
        keys |= {*base(rows)["key"], *most["key"]}
        for series, part in {BASE: base(rows), entry.shown(most.iloc[0]): most}.items():
            numbers += [
                plots.over_seeds(part, np.full(len(part), at), column, (entry.name, quantity, series), trials)
                for quantity, (column, trials) in MEASURED.items()
            ]
        numbers.append(plots.theory([at], most["flip_rate"].iloc[0] + NEAR, (entry.name, ROBUST, LIMIT)))
    return Figure("ledger", _caption(rows, text), plots.gather(numbers), draw_ledger, frozenset(keys))


OUTCOMES = {"benign": "green", "harmful": "vermilion", "unclear": "blue", "not fitted": "purple"}


def outcome(part: pd.DataFrame) -> str:
    """ "benign", "harmful" (also if not fitted), "unclear" or "not fitted", from an entry's numbers."""
    measured = part[(part["kind"] == "measured") & (part["series"] != BASE)].set_index("quantity")
    limit = part.loc[part["series"] == LIMIT, "mean"].iloc[0]
    fitted = measured.loc[TRAIN, "mean"] == 0 and measured.loc[TRAIN, "diverged"] == 0
    if measured.loc[ROBUST, "low"] > limit:
        return "harmful" if fitted else "harmful, not fitted"
    if not fitted:
        return "not fitted"
    return "benign" if measured.loc[ROBUST, "high"] <= limit else "unclear"


def draw_ledger(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A table whose last columns are drawn."""
    entries = [entry for entry in ENTRIES if (numbers["panel"] == entry.name).any()]
    figure = plots.canvas(plots.FULL_WIDTH, 0.95 + 0.235 * len(entries))
    words, robust, train, end = figure.subplots(1, 4, sharey=True, width_ratios=[4.3, 1.8, 1.2, 1.0])
    columns = [(words, 0.0), (words, 0.45), (words, 0.76), (end, 0.0)]  # where each column of the text begins

    def write(y: float, texts: list[str], **last: Any) -> None:
        for (axes, x), text in zip(columns, texts, strict=True):
            look = {"color": COLOURS["grey"]} if y < 0 else last if axes is end else {}
            axes.text(x, y, plots.typeset(text), va="center", fontsize=7, **look)

    write(-0.9, ["assumption", "the theorem has", "broken to", "outcome"])
    for y, entry in enumerate(entries):
        part = numbers[numbers["panel"] == entry.name]
        broken_to = part.loc[~part["series"].isin([BASE, LIMIT]), "series"].iloc[0]
        found = outcome(part)
        colour = COLOURS[OUTCOMES[found.split(",")[0]]]
        write(y, [entry.name, entry.needs, broken_to, found], color=colour, weight="bold")
        for axes, quantity in ((robust, ROBUST), (train, TRAIN)):
            _draw_entry(axes, part[part["quantity"] == quantity], y, colour)
    words.set(xlim=(0, 1), ylim=(len(entries) - 0.4, -1.4))
    for axes in (words, end):
        axes.axis("off")
    plots.panel_titles([robust, train], [ROBUST, TRAIN.replace("training", "\ntraining")])
    for axes in (robust, train):
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelleft=False)
    robust.set(xlim=(-0.02, 1.03), xticks=[0, 0.25, 0.5, 0.75, 1], xticklabels=["0", ".25", ".5", ".75", "1"])
    train.set_xlim(-0.01, max(0.1, 1.2 * numbers.loc[numbers["quantity"] == TRAIN, "mean"].max()))
    train.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3))
    looks: dict[str, dict[str, Any]] = {
        BROKEN: {"marker": "o", "markersize": 4},
        BASE: {"marker": "o"} | OPEN,
        LIMIT: DOTS,
    }
    for name, look in looks.items():
        robust.plot([], [], label=plots.typeset(name), **{"color": COLOURS["grey"], "linestyle": ""} | look)
    plots.legend(figure, 3)
    return figure


def _draw_entry(axes: Axes, part: pd.DataFrame, y: float, colour: str) -> None:
    axes.axhline(y, color="#E6E6E6", linewidth=0.5, zorder=0)
    for series, row in part.set_index("series").iterrows():
        if series == LIMIT:
            axes.plot([row["mean"]] * 2, [y - 0.42, y + 0.42], color=COLOURS["grey"], **DOTS)
            continue
        look = {"color": COLOURS["grey"]} | OPEN if series == BASE else {"color": colour, "markersize": 4}
        bars = np.nan_to_num(np.abs(np.array([[row["low"]], [row["high"]]]) - row["mean"]))
        axes.errorbar([row["mean"]], [y], xerr=bars, marker="o", elinewidth=0.8, **look)


# ---------------------------------------------------------------- sweeps

THEORY, ORDINARY, SMOOTH = "closed form and recursion", TRAININGS["ordinary"], ACTIVATIONS["smooth_leaky_relu"]
WORST, ONE_CLASS, POWER = "worst choice of flips", "flips in one class", "power-law spectrum"
DIMENSION = "effective_dimension"
EXACT = 60.0  # where the exact inner maximum stands among the numbers of PGD's steps


@dataclasses.dataclass(frozen=True)
class Sweep:
    """One panel of "sweeps".

    experiment: whose rows · title, across: the panel's title and its x-axis' label · x: the column that is broken
    log: whether its axis is · based: whether the base setting is a point of the sweep
    series: the adversarially trained series, name to its values of the column `by`; the first is the main one
    """

    experiment: str
    title: str
    across: str
    x: str
    log: bool = True
    based: bool = True
    by: str = "training"
    series: dict[str, list[str]] = dataclasses.field(default_factory=lambda: {ROBUST: ["adversarial"]})

    def rows(self, table: pd.DataFrame, training: str) -> pd.DataFrame:
        """The sweep's cells of this training and the base's; none if none of its own has ended well."""
        rows = broken(table, self.experiment, training)
        if converged(rows).empty:
            return rows.head(0)
        if not self.based:
            return rows
        usual = broken(table, "base", training) if self.by == "activation" else base(table, training)
        return pd.concat([rows, usual])


FLIPS = {ROBUST: ["exact"], WORST: ["worst"], ONE_CLASS: ["one_class"]}
SPECTRA = {ROBUST: ["identity", "ar1"], POWER: ["identity", "power_law"]}
NETWORKS = {ROBUST: ["leaky_relu"], SMOOTH: ["smooth_leaky_relu"]}
SWEEPS = (
    Sweep("dimension", "dimension", "dimension d", "d"),
    Sweep("sample_size", "number of points", "training points n", "n"),
    Sweep("signal", "signal", "signal ‖μ‖", "signal", log=False),
    Sweep("flip_rate", "wrong labels", "label noise β", "flip_rate", log=False, based=False, by="flips", series=FLIPS),
    Sweep("student_t", "Student t noise", "1/ν (0: Gaussian)", "inverse_tail", log=False),
    Sweep("sparse", "sparse noise", "density (1: Rademacher)", "tail", based=False),
    Sweep("correlation", "correlated noise", "effective dimension", DIMENSION, by="covariance", series=SPECTRA),
    Sweep("minibatch", "mini-batches", "batch size (n: all)", "batch", based=False),
    Sweep("initialisation", "initialisation", "initial scale σ√d", "init_scale"),
    Sweep("step", "step", "step size c", "step_scale", by="activation", series=NETWORKS),
    Sweep("budget", "budget", "budget α", "budget", log=False),
    Sweep("inner", "inner maximum", "steps of PGD", "inner_steps"),
)


def sweeps(rows: pd.DataFrame) -> Figure:
    """A panel for each sweep that was run, x is the broken quantity; all errors are drawn on one axis."""
    text = f"""From an assumption that holds to one that is well broken: robust test error of adversarial training, and
        what the legend names. Dashed: {THEORY} for the same samples, which know only d, n, ‖μ‖, β, γ, α, the step size,
        the effective dimension and how flips are chosen; dotted: {LIMIT}. In (b) the signal keeps n‖μ‖⁴/d as it is; in
        (j) η = cn/E‖x‖²; in (g) circles are an autoregression on a ring."""
    placed = _sound(rows).assign(
        inverse_tail=(1 / rows["tail"].where(rows["tail"] > 0, np.inf)).round(4),
        effective_dimension=rows["effective_dimension"].round(3),
        batch=rows["batch"].where(rows["batch"] > 0, rows["n"]),
        inner_steps=rows["inner_steps"].where(rows["inner"] == "pgd", EXACT).astype(float),
    )
    numbers = plots.gather(part for sweep in SWEEPS for part in _sweep(placed, sweep))
    shown = pd.concat([sweep.rows(placed, training) for sweep in SWEEPS for training in TRAININGS])
    return Figure("sweeps", _caption(rows, text), numbers, draw_sweeps, frozenset(shown["key"]))


def _sweep(table: pd.DataFrame, sweep: Sweep) -> list[pd.DataFrame]:
    def place(series: str) -> tuple[str, str, str]:
        return (sweep.title, ROBUST, series)

    def measured(rows: pd.DataFrame, quantity: str, series: str) -> pd.DataFrame:
        column, trials = MEASURED[quantity]
        return plots.over_seeds(rows, rows[sweep.x], column, place(series), trials)

    rows, control = sweep.rows(table, "adversarial"), sweep.rows(table, "ordinary")
    parts = []
    for series, values in sweep.series.items():
        chosen = rows[rows[sweep.by].isin(values)]
        parts.append(measured(chosen, ROBUST, series))
        if series == ROBUST:
            parts.append(measured(chosen, TRAIN, TRAIN))
        if series in (ROBUST, WORST):
            # Of a spectrum the effective dimension alone is known, so that one line is all spectra's.
            expected = rows if sweep.by == "covariance" else chosen
            parts.append(plots.predicted(expected, expected[sweep.x], "expected_error", place(f"{THEORY}, {series}")))
    limits = rows.groupby(sweep.x)["flip_rate"].first() + NEAR
    return [*parts, measured(control, ROBUST, ORDINARY), plots.theory(limits.index, limits, place(LIMIT))]


def draw_sweeps(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Small multiples, four in a row."""
    facets = plots.Facets(numbers.assign(quantity="error"), 0.55 + 1.62 * -(-numbers["panel"].nunique() // 4), wrap=4)
    control = points("blue", "o", linestyle="") | OPEN
    lines = {LIMIT: line("grey", DOTTED, 0.8), THEORY: {"linestyle": DASHED, "linewidth": 0.9, "alpha": 0.8}}
    open_square = points("vermilion", "s") | OPEN
    looks = plots.in_order([ROBUST, POWER, WORST, ONE_CLASS, TRAIN]) | lines | {ORDINARY: control, SMOOTH: open_square}
    facets.draw(looks, {f"{THEORY}, {ROBUST}": "", f"{THEORY}, {WORST}": ""}, linewidth=0.8)
    facets.key(THEORY, color=COLOURS["black"], **lines[THEORY])
    of = {sweep.title: sweep for sweep in SWEEPS}
    facets.label(lambda title: of[title].across, "error")
    for panel in facets:
        plots.error_axis(panel.axes, panel.numbers[["mean", "high"]].max().max())
        if of[panel.name].log:
            plots.log_axis(panel.axes, "x", 5)
        if of[panel.name].x == "inner_steps":
            at = sorted({*panel.numbers["x"], EXACT})
            panel.axes.set_xticks(at, [f"{x:g}" if x < EXACT else "exact" for x in at])
    return facets.finish(columns=4)
