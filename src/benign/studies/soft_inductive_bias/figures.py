"""The study's figures: fits of polynomials, their error over the order and over n, double descent, altered labels, a
bound from compression, paths between networks, networks of increasing width, and networks on altered labels.
"""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import COLOURS, INTERVALS, Figure
from benign.plots.looks import DOTTED, Look, line, points
from benign.studies.soft_inductive_bias.interpolating import past_interpolation

PENALISED, FREE = "with penalty", "without penalty"
TARGETS = {"simple": "simple function", "structured": "structured function", "noise": "noise"}
TRAIN, TEST, ERROR = "training", "test", "error"


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    return [
        fits(of_experiments(table, "curve")),
        orders(of_experiments(table, "order")),
        sample_sizes(of_experiments(table, "sample_size")),
        double_descent(of_experiments(table, "double_descent")),
        altered_labels(of_experiments(table, "altered_labels")),
        bounds(of_experiments(table, "compression")),
        connectivity(of_experiments(table, "connectivity")),
        widths(of_experiments(table, "widths")),
        altered_networks(of_experiments(table, "altered_networks")),
    ]


def _geometric(rows: pd.DataFrame, x: pd.Series, column: str, place: tuple[str, str, str]) -> pd.DataFrame:
    """Geometric means over seeds and their intervals: errors differ by powers of ten between samples."""
    logs = rows.assign(**{column: np.log(rows[column].clip(lower=1e-16))})
    numbers = plots.over_seeds(logs, x, column, place)
    return numbers.assign(**{name: np.exp(numbers[name].astype(float)) for name in ("mean", "low", "high")})


def _both(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Fits without and with a penalty."""
    return {FREE: rows[rows["penalty"] == 0], PENALISED: rows[rows["penalty"] > 0]}


# ---------------------------------------------------------------- fits

TRUTH, SAMPLE = "truth", "points"
CURVES = {
    TRUTH: line("grey", width=2.4, alpha=0.6),
    FREE: line("vermilion", width=0.8),
    PENALISED: line("blue", width=1.1),
}


def fits(rows: pd.DataFrame) -> Figure:
    """A panel for each target: the truth, the points, and both fits over x."""
    text = """Least-squares polynomials of order 150 in the Legendre basis through evenly spaced points, without a
        penalty (least norm) and with one that grows as 1.5 to the power of the order."""
    numbers = []
    for target, panel in TARGETS.items():
        fitted = _both(rows[(rows["target"] == target) & (rows["status"] == "ok")].sort_values("position"))
        for series, part in fitted.items():
            numbers.append(plots.single_runs(part["place"], part["fitted"], (panel, "y", series)))
        once = fitted[PENALISED]
        seen = once.dropna(subset=["observed"])
        numbers.append(plots.theory(once["place"], once["truth"], (panel, "y", TRUTH)))
        numbers.append(plots.single_runs(seen["place"], seen["observed"], (panel, "y", SAMPLE)))
    return plots.of_rows("fits", rows, text, numbers, draw_fits, "n")


def draw_fits(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Three panels; what leaves the frame is cut off."""
    facets = plots.Facets(numbers, 2.4)
    for panel in facets:
        series = dict(iter(panel.numbers.groupby("series")))
        for name, look in CURVES.items():
            plots.draw_line(panel.axes, series[name], name, **look)
        plots.draw_runs(panel.axes, series[SAMPLE], {SAMPLE: points("black", "o")}, markersize=3.6)
        seen = series[SAMPLE]["mean"]
        room = 0.45 * (seen.max() - seen.min())
        panel.axes.set_ylim(seen.min() - room, seen.max() + room)
    facets.label("$x$", "$y$")
    return facets.finish(columns=4)


# ---------------------------------------------------------------- error over the order

LAST = "n − 1"
NOISELESS = "with penalty, noiseless points"
LOOKS = {PENALISED: points("blue", "o"), FREE: points("vermilion", "s"), NOISELESS: points("green", "D")}


def orders(rows: pd.DataFrame) -> Figure:
    """A panel for each target; the noise target shows the training error."""
    text = f"""Error of polynomials of increasing order, fitted to noisy points at random places. Functions: noise of
        standard deviation 0.1, penalty 0.01, error against the function. Noise: standard deviation 1, penalty 1e-10,
        training error. Diamonds: order 150 with penalty 1e-10 on noiseless points. Geometric means; values outside the
        frames are cut off. {INTERVALS}"""
    numbers = []
    for target, panel in TARGETS.items():
        column, quantity = ("train_rmse", "training RMSE") if target == "noise" else ("test_rmse", "test RMSE")
        of_target = rows[rows["target"] == target]
        noisy, clean = of_target[of_target["noise"] > 0], of_target[of_target["noise"] == 0]
        for series, part in _both(noisy).items():
            numbers.append(_geometric(part, part["order"], column, (panel, quantity, series)))
        numbers.append(_geometric(clean, clean["order"], column, (panel, quantity, NOISELESS)))
        numbers.append(plots.mark(noisy["n"] - 1, (panel, quantity, LAST)))
    return plots.of_rows("orders", rows, text, numbers, draw_orders, "n")


def draw_orders(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """RMSE over the order, linear below 10."""
    facets = plots.Facets(numbers, 2.5)
    facets.draw(LOOKS)
    facets.label("order", dict(zip(numbers["panel"], numbers["quantity"], strict=True)).__getitem__)
    for panel in facets:
        panel.axes.set_xscale("symlog", linthresh=10, linscale=0.8)
        ticks = [0, 2, 5, 10, 20, 50, 150]
        panel.axes.set_xticks(ticks, list(map(str, ticks)))
        panel.axes.minorticks_off()
        frame = (1e-3, 2) if panel.name == TARGETS["noise"] else (1e-3, 1e4)
        panel.axes.set(yscale="log", ylim=frame, xlim=(0, 170))
    return facets.finish(columns=2, height=0.1)  # below the curves, where there is room for a mark's name


# ---------------------------------------------------------------- error over n

RIVALS = {  # order, whether with a penalty: its series
    (2, False): "order 2",
    (15, False): "order 15",
    (15, True): "order 15, with penalty",
    (150, True): "order 150, with penalty",
}
OF_RIVALS = [points("orange", "^"), points("vermilion", "s"), points("blue", "o"), line("black", "--", zorder=3.1)]


def sample_sizes(rows: pd.DataFrame) -> Figure:
    """A panel for each function, a series for low order, high order, and the high orders with penalty; x is n."""
    text = f"""Test error of polynomials over the number of training points, noise of standard deviation 0.1. The simple
        function (left) is itself of order 2. Geometric means; values above the frames are cut off. {INTERVALS}"""
    numbers = []
    for target in ("simple", "structured"):
        for (order, penalised), series in RIVALS.items():
            same = (rows["target"] == target) & (rows["order"] == order) & ((rows["penalty"] > 0) == penalised)
            part = rows[same]
            numbers.append(_geometric(part, part["n"], "test_rmse", (TARGETS[target], "test RMSE", series)))
    return plots.of_rows("sample_sizes", rows, text, numbers, draw_sample_sizes, "n")


def draw_sample_sizes(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two panels with one y-axis."""
    facets = plots.Facets(numbers, 2.7, sharey=True)
    facets.draw(dict(zip(RIVALS.values(), OF_RIVALS, strict=True)))
    facets.label("training points n", "test RMSE", log="xy")
    facets.grid[0, 0].set_ylim(5e-3, 30)
    return facets.finish(columns=4)


# ---------------------------------------------------------------- double descent

FEATURES = {"gaussian": "Gaussian features", "relu": "random ReLU features"}
DIMENSION, PRIOR, PREDICTED = "effective dimension", "min(n, d) less effective dimension", "derived"


def double_descent(rows: pd.DataFrame) -> Figure:
    """A panel for each kind of features: errors, directions left to the prior, the derived error; x is d."""
    text = f"""Least squares of least norm over the number of features. Above: relative errors (test: geometric means;
        linear below 0.1). Below: the directions that the data leave to the prior, min(n, d) less the effective
        dimension. {INTERVALS}"""
    numbers = []
    for features, panel in FEATURES.items():
        part = rows[rows["features"] == features]
        derived = converged(part).drop_duplicates("d")  # the same for every seed
        numbers += [
            _geometric(part, part["d"], "test_error", (panel, ERROR, TEST)),
            plots.over_seeds(part, part["d"], "train_error", (panel, ERROR, TRAIN)),
            plots.over_seeds(part, part["d"], "posterior_dimension", (panel, PRIOR, PRIOR)),
            plots.predicted(derived, derived["d"], "predicted_error", (panel, ERROR, PREDICTED)),
            plots.mark(part["n"], (panel, ERROR, "d = n")),
        ]
    return plots.of_rows("double_descent", rows, text, numbers, draw_descent, "n")


def draw_descent(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Errors above, directions left to the prior below, a column for each kind of features."""
    # The derived error is infinite at the threshold: no line goes through it.
    gaps = numbers[numbers["kind"] == "mark"].assign(kind="theory", series=PREDICTED)
    whole = pd.concat([numbers, gaps]).sort_values("x", kind="stable")
    quantities = {r"error $\|\hat{y}-y\|/\|y\|$": [ERROR], PRIOR.replace(" less", "\nless"): [PRIOR]}
    facets = plots.Facets(
        whole, 3.9, panels=list(FEATURES.values()), quantities=quantities, sharex=True, height_ratios=[1.5, 1]
    )
    looks = {TEST: points("blue", "o"), TRAIN: points("orange", "s"), PRIOR: line("green")}
    facets.draw(looks | {PREDICTED: line("grey", "--", 1.4)}, {PREDICTED: "test, derived"})
    facets.label("dimension d")
    for panel in facets:
        if (panel.numbers["quantity"] == PRIOR).all():
            panel.axes.set_ylim(0, None)
        else:
            panel.axes.set_yscale("symlog", linthresh=0.1, linscale=0.6)
            panel.axes.set_ylim(-0.01, 30)
    return facets.finish(columns=4)


# ---------------------------------------------------------------- altered labels

ACCURACY, EVIDENCE, EXPECTED = "accuracy", "log marginal likelihood", "its expectation"
LAPLACE, GUESSING = "by Laplace's approximation", "of equally likely classes"
SETS = {"mnist": "MNIST", "cifar10": "CIFAR-10"}


def altered_labels(rows: pd.DataFrame) -> Figure:
    """A row for each pair of classes: accuracies, and the evidence with its expectation, over the share altered."""
    text = f"""Gaussian-process regression on two classes with a share of the training labels altered: accuracy on the
        labels as altered (training) and on true ones (test), and the log marginal likelihood. Line: its exact
        expectation over the alterations. {INTERVALS}"""
    numbers = []
    for (data, classes), part in rows.groupby(["data", "classes"], sort=False):
        name, share = f"{SETS[str(data)]}, {str(classes).replace('v', ' v ')}", part["flip_rate"]
        numbers += [
            plots.over_seeds(part, share, "train_accuracy", (name, ACCURACY, TRAIN)),
            plots.over_seeds(part, share, "test_accuracy", (name, ACCURACY, TEST), "tested"),
            plots.over_seeds(part, share, "log_evidence", (name, EVIDENCE, EVIDENCE)),
            plots.predicted(part, share, "expected_log_evidence", (name, EVIDENCE, EXPECTED)),
        ]
    return plots.of_rows("altered_labels", rows, text, numbers, draw_altered, "n")


def draw_altered(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Accuracies left, evidence right."""
    own = {EVIDENCE: points("green", "D"), EXPECTED: line("green")}
    return _over_share(numbers, ACCURACY, (0.45, 1.03), own)


def altered_networks(rows: pd.DataFrame) -> Figure:
    """A row for each image set: errors, and the evidence, over the share altered."""
    text = f"""A convolutional network on ten classes with a share of the training labels altered: error on the labels
        as altered (training) and on true ones (test), and the log marginal likelihood by Laplace's approximation, with
        all eigenvalues of the Gauss-Newton matrix of all parameters. Line: that of a model that holds all classes for
        equally likely. {INTERVALS}"""
    numbers = []
    for data, part in rows.groupby("data", sort=False):
        name, share = SETS[str(data)], part["flip_rate"]
        numbers += [
            plots.over_seeds(part, share, "train_error", (name, ERROR, TRAIN)),
            plots.over_seeds(part, share, "test_error", (name, ERROR, TEST), "tested"),
            plots.over_seeds(part, share, "laplace_evidence", (name, EVIDENCE, LAPLACE)),
            plots.level(share, float(-np.log(10) * part["n"].mean()), (name, EVIDENCE, GUESSING)),
        ]
    return plots.of_rows("altered_networks", rows, text, numbers, draw_altered_networks, "n", "steps", width="channels")


def draw_altered_networks(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Errors left, evidence right."""
    own = {LAPLACE: points("green", "D"), GUESSING: line("grey", "--", 1.4)}
    return _over_share(numbers, ERROR, (-0.02, 1), own)


def _over_share(
    numbers: pd.DataFrame, quantity: str, frame: tuple[float, float], own: dict[str, Look]
) -> matplotlib.figure.Figure:
    """A row for each panel: a quantity within its frame, and the evidence, over the share of altered labels."""
    rows = max(numbers["panel"].nunique(), 1)
    facets = plots.Facets(numbers, 0.6 + 1.9 * rows, quantities=[quantity, EVIDENCE], across=True, sharex=True)
    joined = {TEST: points("blue", "o", linestyle="-"), TRAIN: points("orange", "s", linestyle="-")}
    facets.draw(joined | own, linestyle="")
    facets.label("share of altered labels $p$")
    for panel in facets:
        if panel.quantity == quantity:
            panel.axes.set_ylim(*frame)
    return facets.finish(columns=5)


# ---------------------------------------------------------------- networks of increasing width

FITS = "fits every label"
DECAYS = {"prior": "with weight decay", "none": "without weight decay"}


def widths(rows: pd.DataFrame) -> Figure:
    """A row for each weight decay: errors, and effective dimension; x is the width of a convolutional network."""
    text = f"""Convolutional networks of increasing width on MNIST with a share of the training labels altered: error on
        the labels as altered (training) and on true ones (test), and the effective dimension, the sum of λ/(λ + α) over
        the eigenvalues λ of the Gauss-Newton matrix of all parameters, with the prior's precision α. Dotted: the width
        from which on every run fits every training label. {INTERVALS}"""
    numbers = []
    for decay, panel in DECAYS.items():
        part = rows[rows["decay"] == decay]
        width, past = part["width"], past_interpolation(converged(part))["width"]
        least = past[past == past.min()]
        numbers += [
            plots.over_seeds(part, width, "test_error", (panel, ERROR, TEST), "tested"),
            plots.over_seeds(part, width, "train_error", (panel, ERROR, TRAIN)),
            plots.over_seeds(part, width, "effective_dimension", (panel, DIMENSION, DIMENSION)),
            *(plots.mark(least, (panel, quantity, FITS)) for quantity in (ERROR, DIMENSION)),
        ]
    return plots.of_rows("widths", rows, text, numbers, draw_widths, "n", "steps", flip_rate="p")


def draw_widths(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Errors left, effective dimension right, over a logarithmic axis of widths."""
    rows = max(numbers["panel"].nunique(), 1)
    facets = plots.Facets(numbers, 0.6 + 1.9 * rows, quantities=[ERROR, DIMENSION], across=True, sharex=True)
    looks = {TEST: points("blue", "o"), TRAIN: points("orange", "s"), DIMENSION: points("green", "D")}
    facets.draw(looks)
    facets.label("width (channels)", log="x")
    ran = np.unique(numbers["x"])
    for panel in facets:
        panel.axes.set_xticks(ran, [f"{width:g}" for width in ran])
        panel.axes.set_ylim(0 if panel.quantity == DIMENSION else -0.02, None)
    return facets.finish(columns=4)


# ---------------------------------------------------------------- a bound from compression

BOUND = "bound"


def bounds(rows: pd.DataFrame) -> Figure:
    """A panel for each labelling: bound, test and training error over the message's mean length."""
    text = f"""Countable-hypothesis bound (δ = 0.05) for networks that were trained in random subspaces of increasing
        dimension, quantised, and encoded in K bits, on MNIST's ten digits with true and with random labels. Grey: what
        promises nothing. {INTERVALS}"""
    numbers = []
    for labels in ("true", "random"):
        part, panel = rows[rows["labels"] == labels], f"{labels} labels"
        bits = part.groupby("subspace")["bits"].transform("mean")
        numbers += [
            plots.over_seeds(part, bits, "bound", (panel, ERROR, BOUND)),
            plots.over_seeds(part, bits, "test_error", (panel, ERROR, TEST), "tested"),
            plots.over_seeds(part, bits, "train_error", (panel, ERROR, TRAIN), "trained"),
        ]
    return plots.of_rows("bounds", rows, text, numbers, draw_bounds, trained="n", tested="test images")


def draw_bounds(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """True labels left, random ones right, with the errors that no bound needs to promise."""
    facets = plots.Facets(numbers, 2.6, sharey=True)
    for panel in facets:
        panel.axes.axhspan(1, 1.5, color=COLOURS["grey"], alpha=0.18, linewidth=0, label="vacuous")
        panel.axes.axhline(0.9, color=COLOURS["grey"], linewidth=0.8, linestyle=DOTTED, label="guessing")
    facets.draw({TEST: points("blue", "o"), TRAIN: points("orange", "s"), BOUND: points("black", "v")})
    facets.label("description length $K$ (bits)", ERROR, log="x")
    facets.grid[0, 0].set_ylim(0, 1.32)
    return facets.finish(columns=5)


# ---------------------------------------------------------------- paths between networks

PATHS = {"line": "straight line", "bezier": "trained Bézier curve"}


def connectivity(rows: pd.DataFrame) -> Figure:
    """Panels: training loss, test error; a series for each path; x is the place on it."""
    text = f"""Two networks trained on MNIST independently of each other, at t = 0 and t = 1, and the networks between
        them: on the straight line, and on a quadratic Bézier curve whose middle point was trained. {INTERVALS}"""
    numbers = [
        plots.over_seeds(part, part["position"], column, (panel, panel, series))
        for column, panel in (("train_loss", "training loss"), ("test_error", "test error"))
        for path, series in PATHS.items()
        for part in [rows[rows["path"] == path]]
    ]
    letters = {"n": "training images (0: all)", "steps": "training steps"}
    return plots.of_rows("connectivity", rows, text, numbers, draw_connectivity, **letters)


def draw_connectivity(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Loss left, test error right."""
    facets = plots.Facets(numbers, 2.5)
    facets.draw({PATHS["line"]: points("vermilion", "s"), PATHS["bezier"]: points("blue", "o")})
    facets.label("position on the path", str)
    for panel in facets:
        panel.axes.set_ylim(0, None)
    return facets.finish(columns=2)
