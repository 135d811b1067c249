"""Figures of the networks at d = Θ(n): the heatmap, the error against d/n and against the signal, and training."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import of_experiments
from benign.plots import Figure, looks
from benign.studies.moderate_dimension.reported import REPORTED
from benign.theory.mixture import signal_noise

ERROR = "test error"
RULES = {"error": "until training error 0", "loss": "until hinge loss 0"}
NETWORKS, AUTHORS, SPREAD = "networks, mean over n and seeds", "authors' table", "its three standard errors"
HARD_MARGIN, ALIGNED, INTERPOLATOR = looks.LINEAR_MARGIN, "aligned neurons", "linear interpolator (closed form)"
HALF_SPACE = "half-space of the summed weights"
PREDICTED = {HARD_MARGIN: "linear_error", ALIGNED: "aligned_error", HALF_SPACE: "half_space_error"}
EIGHTH, UNIT = "1/8", "γ = 1/d"
LOOKS = {
    NETWORKS: looks.points("blue", "o"),
    AUTHORS: looks.line("grey", width=0.8),
    SPREAD: looks.line("grey", alpha=0.3),
    ALIGNED: looks.line("black", "-."),
    HALF_SPACE: looks.line("sky", width=1.2),
    INTERPOLATOR: looks.line("grey", ":", 1.1),
    EIGHTH: looks.line("grey", width=0.7),
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    rows = table.assign(ratio=table["d"] / table["n"], scaled=(table["gamma"] * table["n"]).round(6))
    grid, signal = of_experiments(rows, "heatmap"), of_experiments(rows, "signal")
    return [heatmap(grid), error_by_ratio(grid), error_by_signal(signal), training(grid, signal)]


def _runs(rows: pd.DataFrame) -> str:
    said = plots.runs(rows, "flip_rate", width="m", slope="slope", tested="test points")
    short = int((rows["reached"] == 0).sum())
    return f"{said} {short} had not met their rule after {rows['max_steps'].max():g} steps." if short else said


def _by_rule(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(panel, rows) for each stopping rule."""
    return [(panel, rows[rows["stop"] == rule]) for rule, panel in RULES.items() if (rows["stop"] == rule).any()]


# ---------------------------------------------------------------- heatmap


def heatmap(rows: pd.DataFrame) -> Figure:
    """A panel for each rule, a series for each n; x is d/n."""
    text = """Mean test error (clean labels) of leaky-ReLU networks that have fitted a tenth of flipped labels, for each
        n and d/n at γ = 5/n; left: stopped at training error 0, as in the authors' code; right: at hinge loss 0, as in
        their theorems."""
    numbers = [
        plots.over_seeds(part, part["ratio"], "test_error", (panel, ERROR, f"n = {n}"), "tested")
        for panel, stopped in _by_rule(rows)
        for n, part in stopped.groupby("n")
    ]
    return Figure(
        "heatmap", plots.caption(text, _runs(rows)), plots.gather(numbers), draw_heatmap, frozenset(rows["key"])
    )


def draw_heatmap(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Errors as colours and as text; all panels with one scale."""
    numbers = numbers.assign(n=numbers["series"].str.removeprefix("n = ").astype(int))
    top = max(numbers["mean"].max(), 0.01)
    facets = plots.Facets(numbers, 1.4 + 0.22 * numbers["n"].nunique(), sharey=True)
    for panel in facets:
        plots.draw_heatmap(panel.axes, panel.numbers.pivot(index="n", columns="x", values="mean"), top)
    facets.label("d/n", "training points n")
    facets.figure.colorbar(panel.axes.collections[0], ax=facets.figure.axes, label=ERROR, pad=0.01)
    return facets.finish(columns=0)


# ---------------------------------------------------------------- error over d/n


def error_by_ratio(rows: pd.DataFrame) -> Figure:
    """A panel for each rule; x is d/n."""
    text = """The same errors against d/n. Bars: 95 % intervals over n and seeds (Student's t). Grey band: the authors'
        table, whose networks stopped at training error 0. Lines: mean errors of the half-spaces of the networks' summed
        weights; those predicted for the same points by the linear hard-margin classifier and by the max-margin network
        of aligned neurons; the closed form of the linear interpolator. The y-axis is linear below 0.001."""
    at, mean, error = REPORTED.index, REPORTED["mean"], REPORTED["error"]
    numbers = []
    for panel, part in _by_rule(rows):
        numbers += [
            plots.band(at, np.maximum(mean - 3 * error, 0), mean + 3 * error, (panel, ERROR, SPREAD)),
            plots.theory(at, mean, (panel, ERROR, AUTHORS)),
            plots.over_seeds(part, part["ratio"], "test_error", (panel, ERROR, NETWORKS), "tested"),
            *_predictions(part, part["ratio"], panel),
            _interpolator(part, panel),
        ]
    caption = plots.caption(text, _runs(rows))
    return Figure("error_by_ratio", caption, plots.gather(numbers), draw_ratio, frozenset(rows["key"]))


def _predictions(rows: pd.DataFrame, x: pd.Series, panel: str) -> list[pd.DataFrame]:
    return [plots.predicted(rows, x, column, (panel, ERROR, series)) for series, column in PREDICTED.items()]


def _interpolator(rows: pd.DataFrame, panel: str) -> pd.DataFrame:
    """The closed form at the mean n, for d ≥ 1.5 n."""
    n, beta, scaled = rows["n"].mean(), rows["flip_rate"].mean(), rows["scaled"].mean()
    ratio = np.linspace(1.5, max(rows["ratio"].max(), 2), 60)
    predicted = signal_noise.interpolator_error(n, ratio * n, scaled / n, beta)
    return plots.theory(ratio, predicted, (panel, ERROR, INTERPOLATOR))


def draw_ratio(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each rule."""
    facets = plots.Facets(numbers, 3.1, sharey=True)
    facets.draw(LOOKS)
    for panel in facets:
        panel.axes.set_yscale("symlog", linthresh=1e-3, linscale=0.5)
        panel.axes.set_ylim(-1e-4, 0.3)
    facets.label("d/n", ERROR)
    return facets.finish(columns=3)


# ---------------------------------------------------------------- error over the signal


def error_by_signal(rows: pd.DataFrame) -> Figure:
    """A panel for each rule, a series for each n; x is γn."""
    text = """Test error against the signal γ, times n, at d = 2n. Horizontal: 1/8, above which overfitting is called
        harmful; vertical: γ = 1/d. Lines as in the figure over d/n. The x-axis is linear below 0.1."""
    numbers = []
    for panel, part in _by_rule(rows):
        numbers += [
            *(
                plots.over_seeds(own, own["scaled"], "test_error", (panel, ERROR, f"n = {n}"), "tested")
                for n, own in part.groupby("n")
            ),
            *_predictions(part, part["scaled"], panel),
            plots.level(part["scaled"], 1 / 8, (panel, ERROR, EIGHTH)),
            plots.mark((part["n"] / part["d"]).mean(), (panel, ERROR, UNIT)),
        ]
    caption = plots.caption(text, plots.INTERVALS, _runs(rows))
    return Figure("signal", caption, plots.gather(numbers), draw_signal, frozenset(rows["key"]))


def draw_signal(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each rule."""
    facets = plots.Facets(numbers, 3.1, sharey=True)
    sizes = numbers.loc[numbers["kind"] == "measured", "series"]
    facets.draw(LOOKS | plots.in_order(sizes), {EIGHTH: "harmful above 1/8"})
    for panel in facets:
        _signal_axis(panel)
        panel.axes.set_ylim(0, 0.55)
    facets.label("signal γn", ERROR)
    return facets.finish(columns=3)


def _signal_axis(panel: plots.Panel) -> None:
    panel.axes.set_xscale("symlog", linthresh=0.1, linscale=0.4)
    panel.axes.set_xticks([0, 0.1, 1, 10], ["0", "0.1", "1", "10"])
    panel.axes.set_xlim(-0.02, 1.3 * panel.numbers["x"].max())


# ---------------------------------------------------------------- training

STEPS, LENGTH = "steps t", "‖W‖ / max-margin's"
OVER = {"γ = 5/n": ("ratio", "d/n"), "d/n = 2": ("scaled", "signal γn")}  # panel to what stands on its x-axis


def training(*experiments: pd.DataFrame) -> Figure:
    """A panel for each experiment, a row for the steps and one for the weights."""
    text = """Above: steps of gradient descent until every training point is classified as its label says, and until the
        hinge loss is 0. Below: length of the weights at hinge loss 0, scaled to least margin 1, relative to those of a
        network that computes the linear hard-margin classifier. Bars: 95 % intervals over n and seeds (Student's t)."""
    numbers = []
    for (panel, (x, _)), rows in zip(OVER.items(), experiments, strict=True):
        for rule, series in RULES.items():
            part = rows[rows["stop"] == rule]
            numbers.append(plots.over_seeds(part, part[x], "steps", (panel, STEPS, series)))
        met = rows[(rows["stop"] == "loss") & (rows["reached"] == 1)]
        met = met.assign(length=met["weight_norm"] / met["linear_norm"])
        numbers.append(plots.over_seeds(met, met[x], "length", (panel, LENGTH, RULES["loss"])))
    rows = pd.concat(experiments)
    caption = plots.caption(text, _runs(rows))
    return Figure("training", caption, plots.gather(numbers), draw_training, frozenset(rows["key"]))


def draw_training(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One column for each experiment."""
    facets = plots.Facets(numbers, 4.2, quantities=[STEPS, LENGTH], sharex="col", sharey="row")
    facets.draw(plots.in_order(RULES.values()))
    for panel in facets:
        if OVER[panel.name][0] == "scaled":
            _signal_axis(panel)
    facets.label(lambda name: OVER[name][1])
    plots.log_axis(facets.grid[0, 0], "y", 5)
    return facets.finish(columns=2)
