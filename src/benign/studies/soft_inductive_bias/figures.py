"""Figures of the study, one for each of its experiments; numbers first, drawings of exactly these numbers after."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benign import plots
from benign.plots import COLOURS, Figure

PENALISED, FREE, TRUTH, SAMPLE = "with penalty", "without penalty", "truth", "points"
TARGETS = {"simple": "simple function", "structured": "structured function", "noise": "noise"}
FEATURES = {"gaussian": "Gaussian features", "relu": "random ReLU features"}
TRAIN, TEST, DIMENSION, PREDICTED = "training", "test", "effective dimension", "derived"
EVIDENCE, EXPECTED = "log marginal likelihood", "its expectation"
BOUND, RISK = "bound", "error"
LINE, BEZIER = "straight line", "trained Bézier curve"
RIVALS = {
    (2, False): "order 2",
    (15, False): "order 15",
    (15, True): "order 15, with penalty",
    (150, True): "order 150, with penalty",
}
LOOKS = {
    PENALISED: {"color": COLOURS["blue"], "marker": "o"},
    FREE: {"color": COLOURS["vermilion"], "marker": "s"},
    "order 2": {"color": COLOURS["orange"], "marker": "^"},
    "order 15": {"color": COLOURS["vermilion"], "marker": "s"},
    "order 15, with penalty": {"color": COLOURS["blue"], "marker": "o"},
    "order 150, with penalty": {"color": COLOURS["black"], "marker": "", "linestyle": "--"},
    TEST: {"color": COLOURS["blue"], "marker": "o"},
    TRAIN: {"color": COLOURS["orange"], "marker": "s"},
    DIMENSION: {"color": COLOURS["green"], "marker": "", "linestyle": "-"},
    EVIDENCE: {"color": COLOURS["green"], "marker": "D"},
    BOUND: {"color": COLOURS["black"], "marker": "v"},
    LINE: {"color": COLOURS["vermilion"], "marker": "s"},
    BEZIER: {"color": COLOURS["blue"], "marker": "o"},
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """All figures, also those of experiments that the table does not have."""
    return [_figure(table, *each) for each in FIGURES]


def _figure(
    table: pd.DataFrame,
    name: str,
    experiment: str,
    caption: str,
    numbers: Callable[[pd.DataFrame], pd.DataFrame],
    draw: Callable[[pd.DataFrame], matplotlib.figure.Figure],
) -> Figure:
    rows = table[table["experiment"] == experiment] if len(table) else table
    if not len(rows):
        return Figure(name, plots.caption(caption, "Not run in this tier."), plots.gather([]), draw)
    lost = int((rows["status"] != "ok").sum())
    replicates = rows["seed"].nunique()
    runs = f"n = {_range(rows['n'])}; {replicates} seed{'s' * (replicates > 1)}; {lost or 'none'} diverged."
    bars = "Bars: 95 % bootstrap intervals over seeds." if replicates > 1 else ""
    return Figure(name, plots.caption(caption, runs.replace("n = 0", "all training images"), bars), numbers(rows), draw)


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


# ---------------------------------------------------------------- polynomials


def fit_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """A panel for each target: the truth, the points, and both fits over x."""
    parts = []
    for target, panel in TARGETS.items():
        ok = rows[(rows["target"] == target) & (rows["status"] == "ok")].sort_values("position")
        for penalised, series in ((False, FREE), (True, PENALISED)):
            part = ok[(ok["penalty"] > 0) == penalised]
            parts.append(plots.single_runs(part["place"], part["fitted"], (panel, "y", series)))
        once = ok[ok["penalty"] > 0]
        parts.append(plots.theory(once["place"], once["truth"], (panel, "y", TRUTH)))
        seen = once.dropna(subset=["observed"])
        parts.append(plots.single_runs(seen["place"], seen["observed"], (panel, "y", SAMPLE)))
    return plots.gather(parts)


def draw_fits(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Three panels; what leaves the frame is cut off."""
    figure, panels = _canvas(numbers, 2.4)
    for axes, (_, part) in panels:
        series = dict(list(part.groupby("series")))
        plots.draw_line(axes, series[TRUTH], TRUTH, color=COLOURS["grey"], linewidth=2.4, alpha=0.6)
        plots.draw_line(axes, series[FREE], FREE, color=COLOURS["vermilion"], linewidth=0.8)
        plots.draw_line(axes, series[PENALISED], PENALISED, color=COLOURS["blue"], linewidth=1.1)
        axes.plot(series[SAMPLE]["x"], series[SAMPLE]["mean"], "o", color=COLOURS["black"], markersize=3, label=SAMPLE)
        seen = series[SAMPLE]["mean"]
        room = 0.45 * (seen.max() - seen.min())
        axes.set(xlabel="x", ylim=(seen.min() - room, seen.max() + room))
    figure.axes[0].set_ylabel("y")
    plots.legend(figure, 4)
    return figure


def order_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Means of log10 RMSE over seeds at each order; the noise target shows the training error."""
    parts = []
    for target, panel in TARGETS.items():
        column, quantity = ("train_rmse", "training RMSE") if target == "noise" else ("test_rmse", "test RMSE")
        here = rows[(rows["target"] == target) & (rows["noise"] > 0)]
        for penalised, series in ((False, FREE), (True, PENALISED)):
            part = here[(here["penalty"] > 0) == penalised]
            parts.append(_geometric(part, part["order"], column, (panel, quantity, series)))
        if len(here):
            parts.append(plots.mark(float(here["n"].iloc[0] - 1), (panel, quantity, "n − 1")))
    return plots.gather(parts)


def _geometric(rows: pd.DataFrame, x: pd.Series, column: str, place: tuple[str, str, str]) -> pd.DataFrame:
    """Geometric means over seeds and their intervals: errors differ by powers of ten between samples."""
    logs = rows.assign(**{column: np.log(rows[column].astype(float).clip(lower=1e-16))})
    numbers = plots.over_seeds(logs, x, column, place)
    numbers[["mean", "low", "high"]] = np.exp(numbers[["mean", "low", "high"]])
    return numbers


def draw_orders(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """RMSE over the order, a panel for each target."""
    figure, panels = _canvas(numbers, 2.5)
    for axes, (panel, part) in panels:
        _draw_series(axes, part[part["kind"] == "measured"])
        axes.set_xscale("symlog", linthresh=10, linscale=0.8)
        ticks = [0, 2, 5, 10, 20, 50, 150]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        bottom, top = (1e-3, 2) if panel == TARGETS["noise"] else (1e-2, 1e4)
        axes.set(xlabel="order", ylabel=part["quantity"].iloc[0], yscale="log", ylim=(bottom, top), xlim=(0, 170))
        # Below the peak, where there is room for it beside the line.
        plots.draw_mark(axes, part[part["kind"] == "mark"], "n − 1", 0.98 if panel == TARGETS["noise"] else 0.3)
    plots.legend(figure, 2)
    return figure


def sample_size_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Test RMSE over n: low order, high order, and the high orders with penalty."""
    parts = []
    for target in ("simple", "structured"):
        here = rows[rows["target"] == target]
        for (order, penalised), series in RIVALS.items():
            part = here[(here["order"] == order) & ((here["penalty"] > 0) == penalised)]
            parts.append(_geometric(part, part["n"], "test_rmse", (TARGETS[target], "test RMSE", series)))
    return plots.gather(parts)


def draw_sample_sizes(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two panels with one y-axis."""
    figure, panels = _canvas(numbers, 2.7, sharey=True)
    for axes, (_, part) in panels:
        _draw_series(axes, part)
        axes.set(xlabel="training points $n$", ylim=(5e-3, 30), yscale="log")
        plots.log_axis(axes, "x")
    figure.axes[0].set_ylabel("test RMSE")
    plots.legend(figure, 4)
    return figure


# ---------------------------------------------------------------- double descent


def descent_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """A panel for each kind of features: test and training error, effective dimension, the derived error."""
    parts = []
    for features, panel in FEATURES.items():
        here = rows[rows["features"] == features]
        ok = here[here["status"] == "ok"]
        parts += [_geometric(here, here["d"], "test_error", (panel, RISK, TEST))]
        parts += [plots.over_seeds(here, here["d"], "train_error", (panel, RISK, TRAIN))]
        parts += [plots.over_seeds(here, here["d"], "posterior_dimension", (panel, DIMENSION, DIMENSION))]
        derived = ok.dropna(subset=["predicted_error"]).groupby("d")["predicted_error"].first()
        parts.append(plots.theory(derived.index, derived, (panel, RISK, PREDICTED)))
        if len(here):
            parts.append(plots.mark(float(here["n"].iloc[0]), (panel, RISK, "d = n")))
    return plots.gather(parts)


def draw_descent(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Errors above, effective dimension below, a column for each kind of features."""
    names = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH, 3.9)
    grid = figure.subplots(2, len(names), squeeze=False, sharex=True, gridspec_kw={"height_ratios": [1.5, 1]})
    for (above, below), panel in zip(grid.T, names, strict=True):
        part = numbers[numbers["panel"] == panel]
        measured = part[(part["kind"] == "measured") & (part["quantity"] == RISK)]
        _draw_series(above, measured)
        derived = part[part["kind"] == "theory"]
        threshold = float(part.loc[part["kind"] == "mark", "x"].iloc[0])
        for _, side in derived.groupby(derived["x"] > threshold):
            plots.draw_line(above, side, "test, derived", color=COLOURS["grey"], linestyle="--", linewidth=1.4)
        above.set_yscale("symlog", linthresh=0.1, linscale=0.6)
        above.set_ylim(-0.01, 30)
        _draw_series(below, part[part["quantity"] == DIMENSION])
        below.set(xlabel="features $d$", ylim=(0, None))
        plots.draw_mark(above, part[part["kind"] == "mark"], "d = n")
        plots.draw_mark(below, part[part["kind"] == "mark"], "")
    grid[0, 0].set_ylabel(r"error $\|\hat{y}-y\|/\|y\|$")
    grid[1, 0].set_ylabel("effective dimension")
    plots.panel_titles(list(grid[0]), names)
    plots.legend(figure, 4)
    return figure


# ---------------------------------------------------------------- images


def altered_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracies, and the marginal likelihood with its expectation, over the share of altered labels."""
    at, panels = rows["flip_rate"], ("accuracy", EVIDENCE)
    ok = rows[rows["status"] == "ok"]
    expected = ok.groupby("flip_rate")["expected_log_evidence"].mean()
    return plots.gather(
        [
            plots.over_seeds(rows, at, "train_accuracy", (panels[0], "accuracy", TRAIN)),
            plots.over_seeds(rows, at, "test_accuracy", (panels[0], "accuracy", TEST), "tested", independent=False),
            plots.over_seeds(rows, at, "log_evidence", (panels[1], EVIDENCE, EVIDENCE)),
            plots.theory(expected.index, expected, (panels[1], EVIDENCE, EXPECTED)),
        ]
    )


def draw_altered(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Accuracies left, evidence right."""
    figure, panels = _canvas(numbers, 2.5)
    for axes, (panel, part) in panels:
        line = part[part["kind"] == "theory"]
        if len(line):
            plots.draw_line(axes, line, EXPECTED, color=COLOURS["grey"], linestyle="--")
        _draw_series(axes, part[part["kind"] == "measured"])
        axes.set(xlabel="share of altered labels $p$", ylabel=panel)
    figure.axes[0].set_ylim(0.45, 1.03)
    plots.legend(figure, 4)
    return figure


def bound_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """A panel for each labelling: bound, test and training error over the message's mean length."""
    parts = []
    for labels in ("true", "random"):
        here = rows[rows["labels"] == labels]
        bits = here["bits"].astype(float).groupby(here["subspace"]).transform("mean")
        place = f"{labels} labels"
        parts.append(plots.over_seeds(here, bits, "bound", (place, RISK, BOUND)))
        parts.append(plots.over_seeds(here, bits, "test_error", (place, RISK, TEST), "tested", independent=False))
        parts.append(plots.over_seeds(here, bits, "train_error", (place, RISK, TRAIN), "trained", independent=False))
    return plots.gather(parts)


def draw_bounds(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """True labels left, random ones right, with the errors that no bound needs to promise."""
    figure, panels = _canvas(numbers, 2.6, sharey=True)
    for axes, (_, part) in panels:
        axes.axhspan(1, 1.5, color=COLOURS["grey"], alpha=0.18, linewidth=0, label="vacuous")
        axes.axhline(0.9, color=COLOURS["grey"], linewidth=0.8, linestyle=":", label="guessing")
        _draw_series(axes, part)
        axes.set(xlabel="description length $K$ (bits)", ylim=(0, 1.32))
        plots.log_axis(axes, "x")
    figure.axes[0].set_ylabel("error")
    plots.legend(figure, 5)
    return figure


def connectivity_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Training loss and test error over the place on the path, for both paths."""
    parts = []
    for column, panel in (("train_loss", "training loss"), ("test_error", "test error")):
        for path, series in (("line", LINE), ("bezier", BEZIER)):
            here = rows[rows["path"] == path]
            parts.append(plots.over_seeds(here, here["position"], column, (panel, panel, series)))
    return plots.gather(parts)


def draw_connectivity(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Loss left, test error right."""
    figure, panels = _canvas(numbers, 2.5)
    for axes, (panel, part) in panels:
        _draw_series(axes, part)
        axes.set(xlabel="place on the path $t$", ylabel=panel, ylim=(0, None))
    plots.legend(figure, 2)
    return figure


# ---------------------------------------------------------------- shared


def _canvas(
    numbers: pd.DataFrame, height: float, sharey: bool = False
) -> tuple[matplotlib.figure.Figure, list[tuple[Axes, tuple[str, pd.DataFrame]]]]:
    """A row of panels, each with its title and its part of the numbers."""
    names = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH, height)
    grid = figure.subplots(1, len(names), squeeze=False, sharey=sharey)[0]
    plots.panel_titles(list(grid), names)
    return figure, [(axes, (name, numbers[numbers["panel"] == name])) for axes, name in zip(grid, names, strict=True)]


def _draw_series(axes: Axes, numbers: pd.DataFrame) -> None:
    for series, part in numbers.groupby("series", sort=False):
        plots.draw_points(axes, part, str(series), **{"linewidth": 1.0, "markersize": 3.2, **LOOKS[str(series)]})


FIGURES = (
    (
        "fits",
        "curve",
        """Least-squares polynomials of order 150 in the Legendre basis through evenly spaced points, without a penalty
        (least norm) and with one that grows as 1.5 to the power of the order.""",
        fit_numbers,
        draw_fits,
    ),
    (
        "orders",
        "order",
        """Error of polynomials of increasing order, fitted to noisy points at random places. Functions: noise of
        standard deviation 0.1, penalty 0.01, error against the function. Noise: standard deviation 1, penalty 1e-10,
        training error. Geometric means; values outside the frames are cut off.""",
        order_numbers,
        draw_orders,
    ),
    (
        "sample_sizes",
        "sample_size",
        """Test error of polynomials over the number of training points, noise of standard deviation 0.1. The simple
        function (left) is itself of order 2. Geometric means; values above the frames are cut off.""",
        sample_size_numbers,
        draw_sample_sizes,
    ),
    (
        "double_descent",
        "double_descent",
        """Least squares of least norm over the number of features. Above: relative errors (test: geometric means;
        linear below 0.1). Below: the posterior's effective dimension, the directions that the data leave to the
        prior.""",
        descent_numbers,
        draw_descent,
    ),
    (
        "altered_labels",
        "altered_labels",
        """Gaussian-process regression on MNIST 4 v 9 with a share of the training labels altered: accuracy on the
        labels as altered (training) and on true ones (test), and the log marginal likelihood. Dashed: its exact
        expectation over the alterations.""",
        altered_numbers,
        draw_altered,
    ),
    (
        "bounds",
        "compression",
        """Countable-hypothesis bound (δ = 0.05) for networks that were trained in random subspaces of increasing
        dimension, quantised, and encoded in K bits, on MNIST's ten digits with true and with random labels.""",
        bound_numbers,
        draw_bounds,
    ),
    (
        "connectivity",
        "connectivity",
        """Two networks trained on MNIST independently of each other, at t = 0 and t = 1, and the networks between them:
        on the straight line, and on a quadratic Bézier curve whose middle point was trained.""",
        connectivity_numbers,
        draw_connectivity,
    ),
)
