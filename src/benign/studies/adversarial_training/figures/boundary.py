"""How a network fits one wrong label: its decision boundary in the plane of μ and of that training point's noise."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import converged
from benign.plots import Figure
from benign.plots.looks import Look, line, points
from benign.studies.adversarial_training.figures.parts import figure

ACROSS, BOUNDARY, POINT, BALL = (
    "across μ",
    "network's boundary",
    "wrongly labelled point",
    "ball of radius α",
)
CLUSTERS = {1: "95 % of fresh points, its own cluster", -1: "95 % of fresh points, the other cluster"}
LOOKS_HERE: dict[str, Look] = {
    BOUNDARY: points("black", "o", linestyle="-", linewidth=1.0, markersize=2.0),
    POINT: points("vermilion", "X"),
    BALL: line("purple"),
    CLUSTERS[1]: line("blue"),
    CLUSTERS[-1]: line("vermilion", "--"),
}


def boundary(rows: pd.DataFrame) -> Figure:
    """A panel after the first step and one after the last, in units of the noise."""
    text = """How a network fits a wrong label: decision boundary, measured, of one adversarially trained
        leaky ReLU network in the plane of μ (to the right: the cluster that a training point x with a wrong label comes
        from) and of x's own noise, after the first and after the last step. To the left of the boundary points get x's
        wrong label. Its noise has length about √d, that of fresh points and of the other training points has standard
        deviation 1 along x's: circles hold 95 % of them. So the boundary may bend around x and its ball and stay
        away from the clusters."""
    turn = np.linspace(0, 2 * np.pi, 61)
    circle, radius = np.stack([np.cos(turn), np.sin(turn)]), (-2 * np.log(0.05)) ** 0.5
    numbers = []
    seen = converged(rows).dropna(subset=["across"])
    seen = seen[(seen["seed"] == seen["seed"].min()) & (seen["mislabelled"] == 0)]
    for steps, part in seen[seen["steps"].isin([seen["steps"].min(), seen["steps"].max()])].groupby("steps"):
        panel, one = f"t = {steps}", part.iloc[0]
        for side, name in CLUSTERS.items():
            x, y = radius * circle + [[side * one["signal"]], [0.0]]
            numbers.append(plots.theory(x, y, (panel, ACROSS, name)))
        crossed = part.dropna(subset=["boundary"]).assign(y=lambda each: each["height"] * each["across"])
        numbers.append(plots.over_seeds(crossed, crossed["boundary"], "y", (panel, ACROSS, BOUNDARY)))
        numbers.append(plots.single_runs([one["along"]], [one["across"]], (panel, ACROSS, POINT)))
        x, y = one["budget"] * circle + [[one["along"]], [one["across"]]]
        numbers.append(plots.theory(x, y, (panel, ACROSS, BALL)))
    return figure("boundary", rows, numbers, draw_boundary, text)


def draw_boundary(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Panels side by side with equal axes, as high as that makes them."""
    span = {name: numbers[name].max() - numbers[name].min() for name in ("x", "mean")}
    height = 1.6 + 1.35 * span["mean"] / span["x"]  # inches: titles and legend, and panels 1.35 wide
    facets = plots.Facets(numbers, height, width=plots.COLUMN_WIDTH, sharex=True, sharey=True)
    facets.draw(LOOKS_HERE, markersize=5)
    for panel in facets:
        panel.axes.set_aspect("equal")
    facets.label("along μ", ACROSS)
    return facets.finish(1)
