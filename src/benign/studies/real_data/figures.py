"""Robust test error against the budget, predicted against measured transitions, and what was interpolated."""

from __future__ import annotations

import matplotlib.figure
import pandas as pd

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import COLOURS, Figure
from benign.plots.looks import DASHED, OPEN, ROBUST, TRAIN
from benign.studies.real_data.predictions import half_space, transitions, white_averaging

OWN, WHITE = "network's direction, measured covariance", "averaging, white noise"
LEAST = "any classifier"
TRANSITION = "predicted α/‖μ̂‖ at error 1/2"


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    rows = table[table["training"] == "adversarial"]
    rows = rows.assign(
        pair=rows["data"].map({"mnist": "MNIST ", "cifar10": ""}) + rows["classes"].str.replace("v", "/", n=1)
    )
    pairs = of_experiments(rows, "pairs")
    return [
        transition(pairs[pairs["flip_rate"].isin([0, 0.1])]),
        predicted_transition(pairs),
        interpolation(rows[rows["flip_rate"] == 0.1]),
    ]


def _caption(rows: pd.DataFrame, text: str) -> str:
    return plots.caption(text, plots.runs(rows, "n", "flip_rate", "width", "slope", "tested"))


def _facets(numbers: pd.DataFrame) -> plots.Facets:
    """A panel for each pair, MNIST first, three in a row."""
    facets = plots.Facets(numbers, 0.6 + 2.1 * -(-numbers["panel"].nunique() // 3), wrap=3, sharey=True)
    facets.label("α / ‖μ̂‖", numbers["quantity"].iloc[0])
    return facets


# ---------------------------------------------------------------- transition


def transition(rows: pd.DataFrame) -> Figure:
    """A panel for each pair, a series for each β; x is α/‖μ̂‖."""
    text = """Robust test error (observed labels) after adversarial training against the budget over ‖μ̂‖, for each pair
        of classes, without and with label noise. Bars: 95 % intervals; one test set serves all seeds. Lines: closed
        forms, joined between the same budgets."""
    numbers = []
    for (pair, beta), part in rows.groupby(["pair", "flip_rate"]):
        place, ok = (str(pair), ROBUST, f"β = {beta:g}"), converged(part)
        x = part["budget_ratio"]
        numbers.append(plots.over_seeds(part, x, "robust_test_error", place, "tested"))
        for form, predict in ((OWN, half_space), (WHITE, white_averaging)):
            predicted = ok.assign(error=predict(ok, ok["flip_rate"]))
            line = (*place[:2], f"{place[2]}, {form}")
            numbers.append(plots.predicted(predicted, ok["budget_ratio"], "error", line))
    return Figure("transition", _caption(rows, text), plots.gather(numbers), draw_transition)


def draw_transition(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A colour for each β, a line style for each closed form."""
    facets = _facets(numbers)
    forms = {OWN: "-", WHITE: ":"}
    styles = {form.split(", ")[1]: {"linestyle": style} for form, style in forms.items()}
    unnamed = dict.fromkeys(numbers.loc[numbers["kind"] == "theory", "series"], "")
    facets.draw(styles, unnamed, linestyle="", markersize=3.6)
    for form, style in forms.items():
        facets.key(form, color="black", linestyle=style)
    facets.grid[0, 0].set_ylim(-0.03, 1.03)
    return facets.finish(columns=2)


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
    return Figure("predicted_transition", _caption(rows, text), plots.gather(numbers), draw_predicted)


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
    """A panel for each pair, a series for each n, and for trainings that went on for longer; x is α/‖μ̂‖."""
    text = """Robust training error against the budget over ‖μ̂‖ at β = 0.1, for each n. Bars: 95 % bootstrap intervals
        over seeds. Open: trainings that went on for longer. Dashed: the least that any classifier has on these points;
        where it is above 0 nothing interpolates robustly."""
    numbers = []
    for (pair, n, long, steps), part in rows.groupby(["pair", "n", rows["experiment"] == "long", "most_steps"]):
        x, place = part["budget_ratio"], (str(pair), TRAIN, f"n = {n}")
        if long:
            place = (*place[:2], f"{place[2]}, up to {steps} steps")
        numbers.append(plots.over_seeds(part, x, "robust_train_error", place))
        if not long:  # the bound depends on n alone
            least = (*place[:2], f"{place[2]}, {LEAST}")
            numbers.append(plots.predicted(part, x, "least_robust_train_error", least))
    return Figure("interpolation", _caption(rows, text), plots.gather(numbers), draw_interpolation)


def draw_interpolation(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A colour for each n."""
    facets = _facets(numbers)
    words = numbers["series"].str.split(", ", expand=True).reindex(columns=[0, 1])
    longer = {word: OPEN for word in words[1].dropna() if word != LEAST}
    unnamed = dict.fromkeys(numbers.loc[numbers["kind"] == "theory", "series"], "")
    facets.draw(plots.in_order(words[0]) | longer | {LEAST: {"linestyle": DASHED, "linewidth": 0.9}}, unnamed)
    facets.key(f"the least of {LEAST}", color="black", linestyle=DASHED, linewidth=0.9)
    return facets.finish(columns=3)
