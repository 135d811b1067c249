"""How a network fits one wrong label: its decision boundary in the plane of μ and of that training point's noise."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import converged
from benign.plots import Figure
from benign.plots.looks import Look, line, points
from benign.studies.adversarial_training.figures.parts import figure

ACROSS, BOUNDARY, POINT = "across μ", "network's boundary", "wrongly labelled point"
BALL = "ball of radius α"
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
    seen = looked_at(rows)
    first_and_last = seen["steps"].isin([seen["steps"].min(), seen["steps"].max()])
    numbers = [
        part
        for steps, at in seen[first_and_last & (seen["mislabelled"] == 0)].groupby("steps")
        for part in plane(at, f"t = {steps}")
    ]
    return figure("boundary", rows, numbers, draw_boundary, text)


def looked_at(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the first replicate what was measured around wrongly labelled points."""
    seen = converged(rows).dropna(subset=["across"])
    return seen[seen["seed"] == seen["seed"].min()]


def plane(rows: pd.DataFrame, panel: str) -> Iterator[pd.DataFrame]:
    """Clusters, boundary, point and its ball after one step, in the plane of μ and of that point's noise."""
    turn = np.linspace(0, 2 * np.pi, 61)
    circle, radius = np.stack([np.cos(turn), np.sin(turn)]), (-2 * np.log(0.05)) ** 0.5
    one = rows.iloc[0]
    for side, name in CLUSTERS.items():
        x, y = radius * circle + [[side * one["signal"]], [0.0]]
        yield plots.theory(x, y, (panel, ACROSS, name))
    crossed = rows.dropna(subset=["boundary"]).assign(y=lambda each: each["height"] * each["across"])
    yield plots.over_seeds(crossed, crossed["boundary"], "y", (panel, ACROSS, BOUNDARY))
    yield plots.single_runs([one["along"]], [one["across"]], (panel, ACROSS, POINT))
    x, y = one["budget"] * circle + [[one["along"]], [one["across"]]]
    yield plots.theory(x, y, (panel, ACROSS, BALL))


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
