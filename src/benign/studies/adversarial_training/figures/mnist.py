"""MNIST 0 v 1 over the image's side and over the budget."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.figure
import matplotlib.ticker
import pandas as pd

from benign import plots
from benign.claims import of_experiments
from benign.plots import INTERVALS, Figure
from benign.plots.looks import (
    LOOKS,
    NOISE,
    ROBUST,
    TRAIN,
    TRAININGS,
)
from benign.studies.adversarial_training.figures.parts import by, figure, measured

OVER_SIDE, OVER_BUDGET = "image side", "budget"


def mnist(rows: pd.DataFrame) -> Figure:
    """A panel over the side of the images at each fixed α/√d, and one over α/‖μ̂‖ at each fixed side."""
    text = f"""MNIST, digits 0 and 1, down-sampled and normalised (how, is our choice), without and with label noise
        (beyond the paper): over the side of the images at a fixed ratio α/√d, and over α/‖μ̂‖, where 2‖μ̂‖ is the
        distance of the class means. Errors are with observed labels. {INTERVALS}"""
    by_side, by_budget = of_experiments(rows, "mnist_side"), of_experiments(rows, "mnist_budget")
    numbers: list[pd.DataFrame] = []
    for ratio, part in by_side.groupby((by_side["budget"] / by_side["side"]).round(6)):
        numbers += _mnist_panel(part, part["side"], f"{OVER_SIDE}, α = {ratio:g} √d")
    for side, part in by_budget.groupby("side"):
        norm = part["mean_norm"].mean()  # ‖μ̂‖ is the whole training pool's: the same for every seed
        numbers += _mnist_panel(part, (part["budget"] / norm).round(9), f"{OVER_BUDGET}, {side} × {side} pixels")
    return figure("mnist", rows, numbers, draw_mnist, text)


def mnist_unit_norm(rows: pd.DataFrame) -> Figure:
    """A panel over the budget for each side."""
    text = f"""MNIST, digits 0 and 1, as published code of the paper's first author for another paper has it: each image
        divided by its norm, so that ‖μ̂‖ hardly changes with the side; but for its box, pixels in [0, 1], which our
        adversary may leave. Over the budget, without and with label noise. Errors are with observed labels.
        {INTERVALS}"""
    numbers: list[pd.DataFrame] = []
    for side, part in rows.groupby("side"):
        numbers += _mnist_panel(part, part["budget"], f"{side} × {side} pixels")
    return figure("mnist_unit_norm", rows, numbers, draw_mnist, text)


def _mnist_panel(rows: pd.DataFrame, x: pd.Series, panel: str) -> Iterator[pd.DataFrame]:
    noises = sorted(rows["flip_rate"].unique())
    for (training, beta), part in by(rows, training=list(TRAININGS), flip_rate=noises):
        series = f"{TRAININGS[training]}, β = {beta:g}"
        yield measured(part, x[part.index], (panel, ROBUST, series))
        yield measured(part, x[part.index], (panel, TRAIN, series))
    for beta in filter(None, noises):
        yield plots.level(x, beta, (panel, ROBUST, f"{NOISE} = {beta:g}"))


def draw_mnist(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test error above, training error below; over the side on the left, over the budget on the right."""
    facets = plots.Facets(numbers, 3.9, quantities=[ROBUST, TRAIN], sharex="col", sharey="row")
    facets.draw({series: LOOKS[NOISE] for series in numbers["series"] if series.startswith(NOISE)})
    unit = "budget α" if numbers["x"].max() < 0.9 else "budget α/‖μ̂‖"
    facets.label(lambda name: "side (pixels), d = side²" if name.startswith(OVER_SIDE) else unit)
    for panel in facets:
        plots.error_axis(panel.axes)
        if panel.name.startswith(OVER_SIDE):
            panel.axes.set_xticks(sorted(panel.numbers["x"].unique()))
    return facets.finish(3)
