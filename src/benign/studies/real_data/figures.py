"""Errors against the budget, predicted against measured transitions, and what more points and more steps do."""

from __future__ import annotations

import dataclasses
from typing import Any

import matplotlib.figure
import pandas as pd

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import COLOURS, Figure
from benign.plots.looks import DASHED, OPEN, ROBUST, TRAIN
from benign.studies.real_data.predictions import half_space, reaching, transitions, white_averaging

OWN, WHITE = "network's direction, measured covariance", "averaging, white noise"
LEAST = "the least of any classifier"
TRANSITION = "predicted α/‖μ̂‖ at error 1/2"
THEORY = {OWN.split(", ")[1]: {"linestyle": "-"}, WHITE.split(", ")[1]: {"linestyle": ":"}} | {
    LEAST: {"linestyle": DASHED, "linewidth": 0.9, "marker": ""}
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    pair = table["data"].map({"mnist": "MNIST ", "cifar10": ""}) + table["classes"].str.replace("v", "/", n=1)
    rows = table.assign(pair=pair)
    pairs, adversarial = of_experiments(rows, "pairs"), rows[rows["training"] == "adversarial"]
    return [
        transition(pairs),
        predicted_transition(pairs[pairs["training"] == "adversarial"]),
        interpolation(adversarial[adversarial["flip_rate"] == 0.1]),
    ]


def _figure(name: str, rows: pd.DataFrame, text: str, numbers: list[pd.DataFrame], draw: Any) -> Figure:
    said = plots.caption(text, plots.INTERVALS, plots.runs(rows, "n", "flip_rate", "width", "slope", "tested"))
    return Figure(name, said, plots.gather(numbers), draw, frozenset(rows["key"]))


def _measured(rows: pd.DataFrame, pair: str, series: str) -> list[pd.DataFrame]:
    """Robust test and training error over α/‖μ̂‖."""
    x = rows["budget_ratio"]
    columns = ((ROBUST, "robust_test_error", "tested"), (TRAIN, "robust_train_error", "n"))
    return [plots.over_seeds(rows, x, column, (pair, name, series), trials) for name, column, trials in columns]


def _least(rows: pd.DataFrame, pair: str, series: str) -> pd.DataFrame:
    """The least training error of any classifier."""
    return plots.predicted(rows, rows["budget_ratio"], "least_robust_train_error", (pair, TRAIN, f"{series}, {LEAST}"))


def _draw(numbers: pd.DataFrame, looks: dict[str, Any], *forms: str) -> matplotlib.figure.Figure:
    """A column for each pair, MNIST first, test error above training error; forms: closed forms that are named."""
    shared: dict[str, Any] = {"sharex": True, "sharey": "row"}
    facets = plots.Facets(numbers, 3.9, quantities=[ROBUST, TRAIN], **shared)
    unnamed = dict.fromkeys(numbers.loc[numbers["kind"] == "theory", "series"], "")
    facets.draw(THEORY | looks, unnamed, linestyle="", markersize=3.6)
    for form in forms:
        facets.key(form, color="black", **THEORY[form if form == LEAST else form.split(", ")[1]])
    facets.label("α / ‖μ̂‖")
    return facets.finish(columns=3)


# ---------------------------------------------------------------- transition


def transition(rows: pd.DataFrame) -> Figure:
    """A series for each β and training; x is α/‖μ̂‖."""
    text = """Robust test error (top, observed labels) and robust training error (bottom) against the budget over ‖μ̂‖,
        for each pair of classes, without and with label noise. Open: ordinary training, attacked at α. Lines: closed
        forms, joined between the same budgets. Dashed: the least that any classifier has on these points; from where it
        is above 0 a training ends after the fewest steps, since nothing can interpolate, and test error may fall."""
    numbers: list[pd.DataFrame] = []
    for (pair, beta), both in rows.groupby(["pair", "flip_rate"]):
        series = f"β = {beta:g}"
        part, ordinary = (both[both["training"] == how] for how in ("adversarial", "ordinary"))
        numbers += _measured(part, str(pair), series)
        numbers += _measured(ordinary, str(pair), f"{series}, ordinary training")
        ok = converged(part)
        for form, predict in ((OWN, half_space), (WHITE, white_averaging)):
            predicted = ok.assign(error=predict(ok, ok["flip_rate"]))
            line = (str(pair), ROBUST, f"{series}, {form}")
            numbers.append(plots.predicted(predicted, ok["budget_ratio"], "error", line))
        numbers.append(_least(part, str(pair), series))
    return _figure("transition", rows, text, numbers, draw_transition)


def draw_transition(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A colour for each β, a line style for each closed form."""
    return _draw(numbers, {}, OWN, WHITE, LEAST)


# ---------------------------------------------------------------- predicted against measured transitions


def predicted_transition(rows: pd.DataFrame) -> Figure:
    """A dot for each pair and β, a series for each closed form; x is the measured transition."""
    text = """Budget over ‖μ̂‖ at which half of the test points are lost (clean labels), closed form against measured: a
        point for each pair and β of which half are lost at a budget that was run. On the diagonal both agree."""
    found = transitions(converged(rows)).dropna(subset=["measured"])
    numbers = [
        plots.single_runs(found["measured"], found[column], ("", TRANSITION, form))
        for column, form in (("network", OWN), ("white", WHITE))
    ]
    figure = _figure("predicted_transition", rows, text, numbers, draw_predicted)
    return dataclasses.replace(figure, keys=frozenset(reaching(converged(rows))["key"]))


def draw_predicted(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Predicted over measured, and the diagonal."""
    facets = plots.Facets(numbers, 3.2, width=plots.COLUMN_WIDTH)
    facets.draw(plots.in_order([OWN, WHITE]), markersize=4.5)
    high = 1.1 * numbers[["x", "mean"]].max().max()
    facets.grid[0, 0].plot([0, high], [0, high], color=COLOURS["grey"], linewidth=0.8)
    facets.grid[0, 0].set(xlim=(0, high), ylim=(0, high))
    facets.label("measured α/‖μ̂‖ at error 1/2", TRANSITION)
    return facets.finish(columns=1)


# ---------------------------------------------------------------- interpolation


def interpolation(rows: pd.DataFrame) -> Figure:
    """A series for each n, and for trainings that went on for longer; x is α/‖μ̂‖."""
    text = """Robust test error (top) and robust training error (bottom) against the budget over ‖μ̂‖ at β = 0.1, for
        each n. Open: trainings that went on for longer. Dashed: the least that any classifier has on these points;
        where it is above 0 nothing interpolates robustly."""
    numbers: list[pd.DataFrame] = []
    for (pair, n, long, steps), part in rows.groupby(["pair", "n", rows["experiment"] == "long", "most_steps"]):
        series = f"n = {n}"
        numbers += _measured(part, str(pair), f"{series}, up to {steps} steps" if long else series)
        if not long:  # the bound depends on n alone
            numbers.append(_least(part, str(pair), series))
    return _figure("interpolation", rows, text, numbers, draw_interpolation)


def draw_interpolation(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A colour for each n."""
    words = numbers["series"].str.split(", ", expand=True).reindex(columns=[0, 1])
    longer = {word: OPEN for word in words[1].dropna() if word != LEAST}
    return _draw(numbers, plots.in_order(words[0]) | longer | THEORY, LEAST)
