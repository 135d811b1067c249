"""Figures: benign and harmful overfitting on the same axes, what early stopping regains, and two other remedies."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import pandas as pd

from benign import plots
from benign.claims import of_experiments
from benign.plots import COLOURS, Figure
from benign.plots.looks import DOTTED, LOOKS, TRAIN, TRUE, Look, line, points
from benign.studies.robust_overfitting.courses import courses, once

RISE = "rise"
NAMES = {"clusters": "clusters", "mnist": "MNIST", "cifar10": "CIFAR-10"}
LABELS = "Test errors are with true labels, training errors with observed ones."


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    rows = courses(table)
    return [
        contrast(of_experiments(rows, "contrast")),
        early_stopping(of_experiments(rows, "contrast", "ordinary")),
        remedies(of_experiments(rows, "contrast", "remedies")),
    ]


def _figure(name: str, rows: pd.DataFrame, text: str, numbers: list[pd.DataFrame], draw: Any) -> Figure:
    """With the runs of each data set, budgets in its units."""
    parts = {title: rows[rows["data"] == data] for data, title in NAMES.items()}
    runs = [f"{title}: {plots.runs(part, 'n', 'budget', 'tested')}" for title, part in parts.items() if len(part)]
    said = plots.caption(text, LABELS, plots.INTERVALS, *(runs or [plots.runs(rows)]))
    return Figure(name, said, plots.gather(numbers), draw, frozenset(rows["key"]))


def _course(rows: pd.DataFrame, panel: str, series: str) -> list[pd.DataFrame]:
    """Robust test and training error of one setting over the passes."""
    place = (panel, TRUE, series)
    return [
        plots.over_seeds(rows, rows["epochs"], "robust_test_error", place, "tested"),
        plots.over_seeds(rows, rows["epochs"], "robust_train_error", (panel, TRAIN, series), "n"),
    ]


# ---------------------------------------------------------------- benign and harmful

DECAY = "η/10"


def contrast(rows: pd.DataFrame) -> Figure:
    """A panel for each problem, clusters first, the largest d first; a series for each β; x is the number of passes."""
    text = """Benign and harmful overfitting on the same axes: robust test error (top) and robust training error
        (bottom) against epochs, adversarial training, β the share of wrong training labels.
        Clusters: the flagship's two-layer networks, of whose gradient descent a step is an epoch. Images: convolutional
        networks by SGD. Rise, as in the claims: by how much robust test error ends above its
        value at the epoch that validation chooses, of clusters above its lowest recorded one, mean over seeds."""
    rows = rows[rows["budget"] > 0]
    problems: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(["data", "d", "signal"]))
    problems.sort(key=lambda problem: (list(NAMES).index(problem[0][0]), -problem[0][1]))
    numbers: list[pd.DataFrame] = []
    for (data, d, signal), problem in problems:
        panel = f"clusters, d = {plots.scientific(d)}, ‖μ‖ = {signal:g}" if data == "clusters" else NAMES[data]
        for beta, part in problem.groupby("flip_rate"):
            series, ends = f"β = {beta:g}", once(part)
            column = "rise" if data == "clusters" else "rise_chosen"
            rise = plots.over_seeds(ends, ends["epochs"], column, (panel, RISE, series))
            numbers += [*_course(part, panel, series), rise]
        total = problem["total_epochs"].max()  # 0 for clusters, whose rate is constant
        numbers += [plots.mark(total * share, (panel, TRAIN, DECAY)) for share in (0.5, 0.75) if total]
    return _figure("contrast", rows, text, numbers, draw_contrast)


def draw_contrast(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A column for each problem, test error above training error, all on the same axes."""
    marks, rises = numbers[numbers["kind"] == "mark"], numbers[numbers["quantity"] == RISE]
    shared: dict[str, Any] = {"sharex": "col", "sharey": "row", "height_ratios": [1.35, 1]}
    facets = plots.Facets(numbers.drop(marks.index), 4.1, quantities=[TRUE, TRAIN], **shared)
    shares = sorted(rises["series"].unique())
    looks = {series: LOOKS.get(series, points("grey", "D")) for series in shares}
    for series in shares:  # the legend's order
        facets.key(series)
    facets.draw(looks, linewidth=1.2)
    decay = line("grey", DOTTED, 0.7, zorder=1)
    for panel in facets:
        for x in marks.loc[marks["panel"] == panel.name, "x"]:
            panel.axes.axvline(x, **decay)
        if panel.quantity == TRUE:
            _write_rises(panel, rises[rises["panel"] == panel.name], looks)
    if len(marks):
        facets.key("learning rate falls to a tenth", **decay)
    facets.label("epochs", lambda name: "", log="x")
    for axes, quantity in zip(facets.grid[:, 0], (TRUE, TRAIN), strict=True):
        plots.error_axis(axes, facets.highest(quantity))
        axes.set_ylabel(quantity.replace(" (", "\n("))
    return facets.finish(4, lambda panel: panel.name.replace(", ", "\n", 1) if panel.quantity == TRUE else "")


def _write_rises(panel: plots.Panel, rises: pd.DataFrame, looks: dict[str, Look]) -> None:
    """The rises as a small table in the series' colours, where no curve passes."""
    rises = rises.sort_values("series", ascending=False)
    where: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right", "va": "top"}
    for row, (series, rise) in enumerate(zip(rises["series"], rises["mean"], strict=True)):
        place = (0.98, 0.97), (0, -9 * row)
        panel.axes.annotate(f"rise {rise:+.3f}", *place, **where, fontsize=7, color=looks[series]["color"])


# ---------------------------------------------------------------- early stopping

ERRORS, RISES = "errors", "rises"
LAST, CHOSEN, LOWEST = "end of training", "chosen on validation", "lowest on test"
ROBUST_RISE, CLEAN_RISE, CONTROL = "robust error", "clean error of the same networks", "clean error, ordinary training"
STOPS = {LAST: "last", CHOSEN: "chosen", LOWEST: "lowest"}
OF_STOPPING = {
    LAST: points("vermilion", "s"),
    CHOSEN: points("blue", "o", markersize=6, markerfacecolor="none"),
    LOWEST: points("grey", "v"),
    ROBUST_RISE: points("black", "X"),
    CLEAN_RISE: points("purple", "D"),
    CONTROL: points("green", "^"),
}


def early_stopping(rows: pd.DataFrame) -> Figure:
    """Two panels for each set of images: errors at three epochs, and rises; x is β."""
    text = """What training past the best point costs, over the share β of wrong training labels. Left: robust test
        error at the end, at the epoch with the least robust error on held-out images whose labels are as noisy, and the
        lowest, which the test set itself chooses. Right: by how much errors end above those of the epoch that the
        validation images choose: robust and clean test error in adversarial training, and clean test error in ordinary
        training of the same network."""
    rows = rows[rows["data"] != "clusters"]
    whole, numbers = once(rows), []
    for data, name in NAMES.items():
        part = whole[whole["data"] == data]
        trained, control = part[part["budget"] > 0], part[part["experiment"] == "ordinary"]
        for series, column in STOPS.items():
            place = (f"{name}, {ERRORS}", TRUE, series)
            numbers.append(plots.over_seeds(trained, trained["flip_rate"], column, place, "tested"))
        numbers += [
            plots.over_seeds(ends, ends["flip_rate"], column, (f"{name}, {RISES}", RISE, series))
            for series, ends, column in (
                (ROBUST_RISE, trained, "rise_chosen"),
                (CLEAN_RISE, trained, "clean_rise_chosen"),
                (CONTROL, control, "rise_chosen"),
            )
        ]
    return _figure("early_stopping", rows, text, numbers, draw_early_stopping)


def draw_early_stopping(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A row for each data set: errors on the left, rises on the right."""
    rows = -(-numbers["panel"].nunique() // 2)
    facets = plots.Facets(numbers, 1 + 1.8 * rows, wrap=2, sharex=True)
    facets.draw(OF_STOPPING)
    facets.label("label noise β", lambda name: TRUE if name.endswith(ERRORS) else "rise of the test error")
    for panel in facets:
        if panel.name.endswith(ERRORS):
            plots.error_axis(panel.axes, facets.highest(TRUE))
        else:
            panel.axes.axhline(0, color=COLOURS["grey"], linewidth=0.7, zorder=1)
        panel.axes.set_xticks(sorted(numbers["x"].unique()))
        panel.axes.margins(x=0.08)
    return facets.finish(columns=2)


# ---------------------------------------------------------------- remedies


def remedies(rows: pd.DataFrame) -> Figure:
    """A panel for each data set and β; a series for each network and weight decay, the contrast's own first."""
    text = """Less capacity and more weight decay: robust test and training error against epochs, beside the network
        and the weight decay of the other figures, at the same share β."""
    tried, shown, numbers = of_experiments(rows, "remedies"), [], []
    for (data, beta), _ in tried.groupby(["data", "flip_rate"]):
        part = rows[(rows["data"] == data) & (rows["flip_rate"] == beta)].sort_values("experiment", kind="stable")
        shown.append(part)
        for (_, width, decay), same in part.groupby(["experiment", "width", "weight_decay"], sort=False):
            series = f"{width} channels, weight decay {decay:g}"
            numbers += _course(same, f"{NAMES[str(data)]}, β = {beta:g}", series)
    return _figure("remedies", pd.concat([tried[:0], *shown]), text, numbers, draw_remedies)


def draw_remedies(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test error on the left, training error on the right."""
    height = 0.6 + 2.1 * numbers["panel"].nunique()
    facets = plots.Facets(numbers, height, quantities=[TRUE, TRAIN], across=True, sharex=True, sharey=True)
    facets.draw(plots.in_order(numbers["series"]), linewidth=1.2)
    facets.label("epochs", log="x", most=4)
    for panel in facets:
        plots.error_axis(panel.axes)
    return facets.finish(columns=3)
