"""A film of training: one wrong label after the other is fitted, and test error stays near β."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import matplotlib.figure
import matplotlib.ticker
import pandas as pd

from benign import plots
from benign.plots import Figure
from benign.plots.looks import CLEAN, NOISE, ROBUST, TRAIN, Look, line, points
from benign.studies.adversarial_training.figures.boundary import (
    ACROSS,
    BOUNDARY,
    CLUSTERS,
    LOOKS_HERE,
    POINT,
    looked_at,
    plane,
)
from benign.studies.adversarial_training.figures.parts import figure, only

PLANE, WRONG, ERRORS, ERROR = "t", "wrong labels, t", "errors", "error"
BEYOND, EACH = "beyond the boundary along μ", "wrongly labelled points"
TRUE_SIDE, FITTED = "not fitted", "beyond by α or more"
LOOKS_OF_FILM: dict[str, Look] = LOOKS_HERE | {
    TRUE_SIDE: line("grey", alpha=0.2),
    FITTED: line("yellow", alpha=0.6),
    TRAIN: points("vermilion", "s"),
    ROBUST: points("blue", "o"),
    CLEAN: points("green", "^"),
}


def film(rows: pd.DataFrame) -> Figure:
    """A picture for each step that was recorded."""
    text = """A film of adversarial training, a picture for each recorded step t; here its last. (a) Decision boundary
        of one network in the plane of μ and of one wrongly labelled training point's noise, as in the figure
        `boundary`: it turns until the point and its ball of radius α have the wrong label, and stays between the
        clusters. (b) All wrongly labelled training points, in the order of the first picture: how far beyond the
        boundary each is along μ, from 0 on on its wrong label's side. (c) Robust training error falls to 0 as one
        after the other is fitted; test error stays near β. Intervals: of the test points of one network."""
    seen = looked_at(rows)
    numbers = [*_pictures(seen), *_errors(seen)] if len(seen) else []
    return dataclasses.replace(figure("film", rows, numbers, draw_film, text), frames=frames)


def _pictures(seen: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """(a) and (b) after each step, with the same ends of axes in all."""
    for steps, part in seen[seen["mislabelled"] == 0].groupby("steps"):
        yield from plane(part, f"{PLANE} = {steps}")
    each = seen[seen["height"] == 1].assign(beyond=lambda at: at["boundary"] - at["along"]).dropna(subset=["beyond"])
    place = each.sort_values("steps").groupby("mislabelled")["beyond"].first().rank(ascending=False) - 1
    low, high, top = each["beyond"].min() - 0.5, each["beyond"].max() + 0.5, len(place) - 0.5
    for steps, part in each.groupby("steps"):
        panel = f"{WRONG} = {steps}"
        for zone, ends in ((TRUE_SIDE, [low, 0.0]), (FITTED, [only(seen, "budget"), high])):
            yield plots.band(ends, [-0.5, -0.5], [top, top], (panel, EACH, zone))
        yield plots.theory([0.0, 0.0], [-0.5, top], (panel, EACH, BOUNDARY))
        yield plots.single_runs(part["beyond"], part["mislabelled"].map(place), (panel, EACH, POINT))


def _errors(seen: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """(c) after every step: cells of one step are of one network."""
    rows = seen.drop_duplicates("steps")
    yield plots.over_seeds(rows, rows["steps"], "robust_train_error", (ERRORS, ERROR, TRAIN))
    for series, column in ((ROBUST, "robust_test_error"), (CLEAN, "clean_test_error")):
        yield plots.over_seeds(rows, rows["steps"], column, (ERRORS, ERROR, series), "tested")
    yield plots.level(rows["steps"], only(rows, "flip_rate"), (ERRORS, ERROR, NOISE))


def frames(numbers: pd.DataFrame) -> list[pd.DataFrame]:
    """Of each step its pictures (a) and (b), and errors up to then."""
    kept = numbers["panel"] == ERRORS
    steps = sorted({int(panel.rpartition(" = ")[2]) for panel in numbers.loc[~kept, "panel"]})
    until = {t: kept & ((numbers["kind"] == "theory") | (numbers["x"] <= t)) for t in steps}
    return [numbers[numbers["panel"].isin([f"{PLANE} = {t}", f"{WRONG} = {t}"]) | until[t]] for t in steps]


def draw_film(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One picture: three panels side by side."""
    facets = plots.Facets(numbers, 3.6, gridspec_kw={"width_ratios": _widths(numbers)})
    facets.draw(LOOKS_OF_FILM, markersize=4)
    for panel in facets:
        kind, axes = _kind(panel.name), panel.axes
        if kind == PLANE:
            left = panel.numbers.loc[panel.numbers["series"].isin(CLUSTERS.values()), "x"].min()
            axes.set(xlim=(1.1 * left, -2.2 * left), aspect="equal", anchor="N")
        if kind == WRONG:
            axes.set(yticks=[], ylim=(-0.5, None))
            axes.margins(0)
        if kind == ERRORS:
            plots.log_axis(axes, "x", 5)
            plots.error_axis(axes, panel.numbers[["mean", "high"]].max().max())
            axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
    across, along = {PLANE: "along μ", WRONG: BEYOND, ERRORS: "steps t"}, {PLANE: ACROSS, WRONG: EACH, ERRORS: ERROR}
    facets.label(lambda name: across[_kind(name)], lambda name: along[_kind(name)])
    return facets.finish(3)


def _kind(panel: str) -> str:
    return panel.partition(" = ")[0]


def _widths(numbers: pd.DataFrame) -> list[float]:
    """The plane is as high as it is long, and so narrow."""
    return [1 if _kind(panel) == PLANE else 2 for panel in numbers["panel"].unique()]
