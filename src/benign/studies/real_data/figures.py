"""Errors against the budget, predicted against measured transitions, and what more points and more steps do."""

from __future__ import annotations

import dataclasses
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import converged, estimates, of_experiments
from benign.plots import Figure
from benign.plots.looks import DASHED, OPEN, ROBUST, TRAIN, points
from benign.studies.real_data.predictions import half_space, reaching, transitions, white_averaging

OWN, WHITE = "network's direction, measured covariance", "averaging, white noise"
LEAST = "the least of any classifier"
OF_FORMS = ["budget", "network_rho", "network_sigma_first", "network_sigma_second", "averaging_rho", "first_share"]
TRANSITION, MEASURED = "budget α/‖μ̂‖ at error 1/2", "measured"
FORMS = {MEASURED: "measured", OWN: "network", WHITE: "white"}  # a series and its column among the transitions
THEORY = {OWN.split(", ")[1]: {"linestyle": "-"}, WHITE.split(", ")[1]: {"linestyle": ":"}} | {
    LEAST: {"linestyle": DASHED, "linewidth": 0.9, "marker": ""}
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    rows = with_pair(table)
    pairs, adversarial = of_experiments(rows, "pairs"), rows[rows["training"] == "adversarial"]
    return [
        transition(pairs),
        predicted_transition(pairs[pairs["training"] == "adversarial"]),
        interpolation(adversarial[adversarial["flip_rate"] == 0.1]),
    ]


def with_pair(table: pd.DataFrame) -> pd.DataFrame:
    """With the column `pair`, what figures call a pair of classes."""
    pair = table["data"].map({"mnist": "MNIST ", "cifar10": ""}) + table["classes"].str.replace("v", "/", n=1)
    return table.assign(pair=pair)


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
    facets.label("budget α/‖μ̂‖")
    return facets.finish(columns=3)


# ---------------------------------------------------------------- transition


def transition(rows: pd.DataFrame) -> Figure:
    """A series for each β and training; x is α/‖μ̂‖."""
    text = """Robust test error (top, observed labels) and robust training error (bottom) against the budget over ‖μ̂‖,
        for each pair of classes, without and with label noise. Open: ordinary training, attacked at α. Lines: closed
        forms on a fine grid of budgets, between those that were run with the network's direction interpolated. Dashed:
        the least that any classifier has on these points; from where it
        is above 0 a training ends after the fewest steps, since nothing can interpolate, and test error may fall."""
    numbers: list[pd.DataFrame] = []
    for (pair, beta), both in rows.groupby(["pair", "flip_rate"]):
        series = f"β = {beta:g}"
        part, ordinary = (both[both["training"] == how] for how in ("adversarial", "ordinary"))
        numbers += _measured(part, str(pair), series)
        numbers += _measured(ordinary, str(pair), f"{series}, ordinary training")
        ok = converged(part)
        for form, predict in ((OWN, half_space), (WHITE, white_averaging)):
            between = _between(ok)
            predicted = between.assign(error=predict(between, between["flip_rate"]))
            line = (str(pair), ROBUST, f"{series}, {form}")
            numbers.append(plots.predicted(predicted, predicted["budget_ratio"], "error", line))
        numbers.append(_least(part, str(pair), series))
    return _figure("transition", rows, text, numbers, draw_transition)


def _between(rows: pd.DataFrame, points: int = 101) -> pd.DataFrame:
    """Rows on a fine grid of budgets: of each seed what its rows measured, linear between the budgets that were run."""
    fine = []
    for _, part in rows.sort_values("budget_ratio").groupby("seed"):
        at = part["budget_ratio"].to_numpy(float)
        dense = np.union1d(np.linspace(at[0], at[-1], points), at).round(9)
        measured = {name: np.interp(dense, at, part[name].to_numpy(float)) for name in OF_FORMS}
        fine.append(part.iloc[[0] * len(dense)].assign(budget_ratio=dense, **measured))
    return pd.concat(fine, ignore_index=True) if fine else rows


def draw_transition(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A colour for each β, a line style for each closed form."""
    return _draw(numbers, {}, OWN, WHITE, LEAST)


# ---------------------------------------------------------------- predicted against measured transitions


def predicted_transition(rows: pd.DataFrame) -> Figure:
    """A panel for each pair, a series for what was measured and each closed form; x is β."""
    text = """Budget over ‖μ̂‖ at which half of the test points are lost (true labels), measured and by closed forms,
        for each pair and β of which half are lost at a budget that was run. Bars: the jackknife's over seeds, as in
        the claims."""
    reached = reaching(converged(rows))
    numbers = [
        _judged(of_beta, name, (str(pair), TRANSITION, series))
        for pair, part in reached.groupby("pair")
        for series, name in FORMS.items()
        for _, of_beta in part.groupby("flip_rate")
    ]
    figure = _figure("predicted_transition", rows, text, numbers, draw_predicted)
    return dataclasses.replace(figure, keys=frozenset(reached["key"]))


def _judged(rows: pd.DataFrame, name: str, place: tuple[str, str, str]) -> pd.DataFrame:
    """One transition of a pair and β, with the interval that claims have; none if the form reaches no half."""
    (found,) = estimates(rows, lambda cells: transitions(cells)[name])
    low, high = (bound if np.isfinite(bound) else np.nan for bound in (found.low, found.high))
    point = {"x": rows["flip_rate"].iloc[0], "mean": found.value, "low": low, "high": high, "seeds": found.draws}
    fixed = dict(zip(("panel", "quantity", "series"), place, strict=True)) | {"kind": "measured"}
    return pd.DataFrame([fixed | point | {"trials": 0, "diverged": 0}], columns=plots.COLUMNS)


def draw_predicted(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """The measured transitions in black, the forms beside them."""
    order = [MEASURED, OWN, WHITE]
    aside = numbers["series"].map({name: 0.012 * (place - 1) for place, name in enumerate(order)})
    facets = plots.Facets(numbers.assign(x=numbers["x"] + aside), 2.6, sharey=True)
    facets.draw({MEASURED: points("black", "D")} | plots.in_order([OWN, WHITE]), linestyle="", markersize=4)
    facets.label("label noise β", TRANSITION)
    for panel in facets:
        panel.axes.set(xticks=sorted(numbers["x"].unique()), ylim=(0, None))
        panel.axes.margins(x=0.15)
    return facets.finish(columns=3)


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
