"""The flagship's figures: dimension, signal and budget (its Figures 2 to 4 [digest], the axes' grids [ours]), learning
curves, MNIST, the two-group recursion held against networks at random settings, and the collapse of all errors onto one
curve with the constant in the theorem's exponent.

Each figure has a function that makes its tidy numbers (benign.plots.COLUMNS) from the study's table, and one that draws
these numbers. Points are networks that were trained and attacked; lines are theory, from benign.theory on dense axes.
Letters: d dimension, ‖μ‖ signal, α budget, β flip rate, γ slope of the activation, ρ = ⟨μ, v⟩/‖v‖ alignment, t steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from benign import plots
from benign.plots import COLOURS, Figure
from benign.theory.mixture import assumptions, exponent, gaussian, two_group

ROBUST, CLEAN, LOSS = "robust test error", "clean test error", "robust training loss"
TRAIN, RHO = "robust training error", "ρ"
COLUMN_OF = {
    ROBUST: "robust_test_error",
    CLEAN: "clean_test_error",
    LOSS: "robust_train_loss",
    TRAIN: "robust_train_error",
    RHO: "rho",
}
TRIALS_OF = {ROBUST: "tested", CLEAN: "tested", TRAIN: "n"}  # what a proportion is a proportion of

ACTIVATIONS = {"leaky_relu": "leaky ReLU", "smooth_leaky_relu": "smoothed leaky ReLU", "relu": "ReLU"}
TRAININGS = ["adversarial", "ordinary"]
FLOOR, NOISE = "robust Bayes floor", "label noise β"
AVERAGING, MARGIN = "averaging predictor", "max-margin predictor"
RECURSION, BRACKET = "two-group recursion", "averaging to linear max-margin"
OVER_SIDE, OVER_BUDGET = "image side", "budget"
NORMAL = "Φ(α - ρ)"
AGREEMENT, DEVIATION, NOMINAL = "agreement", "relative deviation", "from nominal β"
PREDICTORS, BRACKETED = [NOISE, FLOOR, AVERAGING, MARGIN], [BRACKET, NOISE, FLOOR]
CONSTANT, DERIVED = "constant C", "averaging predictor, X → ∞"
REGIME, SQUARE, EQUAL = "assumptions hold (C = 5)", "d = n²", "α = ‖μ‖"


def figures(table: pd.DataFrame) -> list[Figure]:
    """All figures, also those of experiments that the table does not have."""
    result = []
    for name, (experiments, make, text, draw) in FIGURES.items():
        rows = table[table["experiment"].isin(experiments)]
        numbers = make(table)
        result.append(Figure(name, plots.caption(text, _setting(rows), _runs(rows)), numbers, draw))
    return result


def _setting(rows: pd.DataFrame) -> str:
    """The choices that the figure's cells share, and those in which they differ by their extremes."""
    if not len(rows):
        return "Not run in this tier."
    letters = {
        "n": "n",
        "flip_rate": "β",
        "width": "m",
        "slope": "γ",
        "steps": "t",
        "step_scale": "c",
        "init_scale": "σ√d",
    }
    ranges = []
    for name, letter in letters.items():
        low, high = rows[name].min(), rows[name].max()
        ranges.append(f"{letter} = {low:g}" if low == high else f"{letter} from {low:g} to {high:g}")
    curvature = rows.loc[rows["activation"] == "smooth_leaky_relu", "curvature"]
    ranges += [f"H = {curvature.min():g}"] if curvature.nunique() == 1 else []
    return f"Setting: {', '.join(ranges)}; {rows['tested'].max():g} test points a run."


def _runs(rows: pd.DataFrame) -> str:
    """How many runs stand behind the points, and how many did not end."""
    if not len(rows):
        return ""
    lost = int((rows["status"] != "ok").sum())
    found = f"{len(rows)} cells; seeds: {rows['seed'].nunique()}."
    return f"{found} {lost} cells diverged and are left out." if lost else f"{found} None diverged."


# ---------------------------------------------------------------- numbers: dimension, signal, budget


def dimension_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each way in which ‖μ‖ goes with d: fixed, or a power of d (one exponent at several d)."""
    rows = _of(table, "dimension")
    exponent = (np.log(rows["signal"]) / np.log(rows["d"])).round(6)
    rows = rows.assign(power=rows["d"].groupby(exponent).transform("nunique") > 1, ratio=_ratio(rows))
    rows["scaling"] = exponent.where(rows["power"], rows["signal"])
    parts = []
    for (power, scaling, ratio), part in _by(rows, ["power", "scaling", "ratio"]):
        d = _log_range(part["d"])
        signal = d**scaling if power else np.full(len(d), scaling)
        panel = f"‖μ‖ = {f'd^{scaling:g}' if power else f'{scaling:g}'}, α = {ratio:g} ‖μ‖"
        parts.append(sweep_numbers(part, panel, part["d"], d, _places(d, signal, ratio * signal), PREDICTORS))
        parts.append(plots.mark(_only(part, "n") ** 2, (panel, ROBUST, SQUARE)))
    return plots.gather(parts)


def signal_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each dimension and ratio α/‖μ‖."""
    rows = _of(table, "signal")
    parts = []
    for (d, ratio), part in _by(rows.assign(ratio=_ratio(rows)), ["d", "ratio"]):
        signal = _log_range(part["signal"])
        panel = f"d = {plots.scientific(d)}, α = {ratio:g} ‖μ‖"
        parts.append(sweep_numbers(part, panel, part["signal"], signal, _places(d, signal, ratio * signal), PREDICTORS))
    return plots.gather(parts)


def budget_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each training, as the recursion differs; x is α/‖μ‖."""
    parts = []
    for (training,), part in _by(_of(table, "budget"), ["training"], [TRAININGS]):
        d, signal = _only(part, "d"), _only(part, "signal")
        ratio = np.linspace(0, _ratio(part).max(), 97)
        panel = f"{training} training, d = {plots.scientific(d)}, ‖μ‖ = {signal:g}"
        parts.append(sweep_numbers(part, panel, _ratio(part), ratio, _places(d, signal, ratio * signal), BRACKETED))
        parts.append(plots.mark(1.0, (panel, ROBUST, EQUAL)))
    return plots.gather(parts)


def sweep_numbers(
    rows: pd.DataFrame, panel: str, at: pd.Series, x: NDArray, places: pd.DataFrame, theory: list[str]
) -> pd.DataFrame:
    """One panel: what was measured, and the closed forms at its cells' own n, β, γ, steps and step size.

    rows: the panel's cells, at: their x; x: (N,) the theory's dense axis, places: d, signal and budget there;
    theory: the closed forms that are drawn
    """
    parts = []
    for (training, activation), part in _by(rows, ["training", "activation"], [TRAININGS, list(ACTIVATIONS)]):
        series = f"{ACTIVATIONS[activation]}, {training}"
        parts += [_measured(part, at[part.index], (panel, quantity, series)) for quantity in (ROBUST, CLEAN, LOSS)]
    leaky = rows[rows["activation"] == "leaky_relu"]
    if len(leaky):
        lines = plots.gather([*closed_forms(rows, leaky, panel, x, places), *recursion_lines(leaky, panel, x, places)])
        parts.append(lines[lines["series"].isin([*theory, RECURSION, REGIME])])
    return plots.gather(parts)


def closed_forms(
    rows: pd.DataFrame, leaky: pd.DataFrame, panel: str, x: NDArray, places: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """Floors, the predictors between which training moves (max-margin for the leaky ReLU's γ), and the regime."""
    n, beta, slope = _only(rows, "n"), _only(rows, "flip_rate"), _only(leaky, "slope")
    d, signal, budget = (places[name].to_numpy() for name in ("d", "signal", "budget"))

    def error_of(rho: Callable[[float], NDArray]) -> NDArray:
        return np.mean([gaussian.half_space_error(budget, rho(share), beta) for share in _shares(rows)], axis=0)

    averaging = error_of(lambda share: gaussian.averaging_rho(n, d, signal, share))
    linear = error_of(lambda share: gaussian.max_margin_rho(n, d, signal, share, 1.0))
    lines = {
        FLOOR: gaussian.robust_floor(budget, signal, beta),
        NOISE: np.full(len(x), beta),
        AVERAGING: averaging,
        MARGIN: error_of(lambda share: gaussian.max_margin_rho(n, d, signal, share, slope)),
    }
    yield from (plots.theory(x, error, (panel, ROBUST, name)) for name, error in lines.items())
    yield plots.band(x, np.minimum(averaging, linear), np.maximum(averaging, linear), (panel, ROBUST, BRACKET))
    fixed = {name: _only(leaky, name) for name in ("n", "flip_rate", "init_scale", "width")} | {"curvature": np.inf}
    inside = [
        assumptions.in_regime(assumptions.check(**fixed, **place, step_size=_step_size(leaky, place)))
        for place in _records(places)
    ]
    yield plots.spans(x, np.array(inside), (panel, ROBUST, REGIME))


def recursion_lines(leaky: pd.DataFrame, panel: str, x: NDArray, places: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Test error and training loss that the two-group recursion ends at; adversarial training's, if there is any."""
    adversarial = "adversarial" in set(leaky["training"])
    fixed = {name: _only(leaky, name) for name in ("n", "slope", "steps")}
    beta, shares, ends = _only(leaky, "flip_rate"), _shares(leaky), []
    for place in _records(places):
        trained = fixed | place | {"step_size": _step_size(leaky, place)} | ({} if adversarial else {"budget": 0.0})
        paths = [two_group.trajectory(**trained, flip_rate=share) for share in shares]
        errors = [gaussian.half_space_error(place["budget"], path.rho[-1], beta) for path in paths]
        ends.append((np.mean(errors), np.mean([path.robust_train_loss[-1] for path in paths])))
    error, loss = np.array(ends).T
    yield plots.theory(x, error, (panel, ROBUST, RECURSION))
    if adversarial:  # of ordinary training the recursion knows the clean loss only
        yield plots.theory(x, loss, (panel, LOSS, RECURSION))


def _shares(rows: pd.DataFrame) -> list[float]:
    """Each training sample's own share of flipped labels, near β: what the predictions for that sample depend on."""
    samples = rows[rows["status"] == "ok"].groupby("seed")["flipped"].first()
    return samples.tolist() or [_only(rows, "flip_rate")]


def _places(d: Any, signal: Any, budget: NDArray) -> pd.DataFrame:
    return pd.DataFrame({"d": d, "signal": signal, "budget": budget}, dtype=float)


def _records(places: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in record.items()} for record in places.to_dict("records")]


def _step_size(rows: pd.DataFrame, place: dict[str, Any]) -> float:
    """η = c·n/E‖x‖² [ours], with the rows' c and n."""
    return _only(rows, "step_scale") * _only(rows, "n") / (place["d"] + place["signal"] ** 2)


def _measured(rows: pd.DataFrame, x: Any, place: tuple[str, str, str], **how: Any) -> pd.DataFrame:
    return plots.over_seeds(rows, x, COLUMN_OF[place[1]], place, TRIALS_OF.get(place[1]), **how)


def _of(table: pd.DataFrame, experiment: str) -> pd.DataFrame:
    return table[table["experiment"] == experiment]


def _by(
    rows: pd.DataFrame, names: list[str], orders: list[list[Any]] | None = None
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Groups of rows with equal values of `names`, sorted; with `orders`, in the order of these lists of values."""
    groups: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(names))
    if orders:
        groups.sort(key=lambda group: [order.index(value) for order, value in zip(orders, group[0], strict=True)])
    yield from groups


def _only(rows: pd.DataFrame, name: str) -> Any:
    """The one value of a field; ValueError if the rows differ, as one line of theory cannot stand for them all."""
    values = rows[name].unique().tolist()
    if len(values) != 1:
        raise ValueError(
            f"{name} takes {len(values)} values ({', '.join(map(str, values[:5]))}) in one panel, which has one line "
            f"of theory: give the experiment one value of {name} in the grid"
        )
    return values[0]


def _ratio(rows: pd.DataFrame) -> pd.Series:
    return (rows["budget"] / rows["signal"]).round(6)


def _log_range(values: pd.Series, points: int = 61) -> NDArray:
    return np.geomspace(values.min(), values.max(), points)


# ---------------------------------------------------------------- numbers: learning curves, MNIST, recursion


def learning_curves_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each problem, the largest d first, a series for each slope γ; x is the number of steps t."""
    problems = list(_by(_of(table, "curves"), ["d", "signal", "budget"]))
    parts = []
    for (d, signal, budget), problem in reversed(problems):
        panel = f"d = {plots.scientific(d)}, ‖μ‖ = {signal:g}, α = {budget:g}"
        for (slope,), part in _by(problem, ["slope"]):
            series = f"γ = {slope:g}"
            parts += [_measured(part, part["steps"], (panel, what, series)) for what in (LOSS, TRAIN, ROBUST, RHO)]
            parts += _recursion_course(part, panel, series)
    return plots.gather(parts)


def _recursion_course(rows: pd.DataFrame, panel: str, series: str) -> Iterator[pd.DataFrame]:
    """The recursion over the steps; it has no training error (a group of points is right or wrong as a whole)."""
    setting = {name: _only(rows, name) for name in ("n", "d", "signal", "slope", "budget")}
    setting |= {"step_size": _step_size(rows, setting), "steps": int(rows["steps"].max())}
    paths = [two_group.trajectory(**setting, flip_rate=share) for share in _shares(rows)]
    rho = np.array([path.rho for path in paths])  # (seeds, steps)
    lines = {
        LOSS: np.mean([path.robust_train_loss for path in paths], axis=0),
        ROBUST: gaussian.half_space_error(setting["budget"], rho, _only(rows, "flip_rate")).mean(axis=0),
        RHO: rho.mean(axis=0),
    }
    t = np.unique(np.geomspace(1, setting["steps"], 80).round().astype(int))
    for quantity, line in lines.items():
        yield plots.theory(t, line[t - 1], (panel, quantity, series))


def mnist_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel over the side of the images at each fixed α/√d, and one over α/‖μ̂‖ at each fixed side."""
    by_side, by_budget = _of(table, "mnist_side"), _of(table, "mnist_budget")
    parts: list[pd.DataFrame] = []
    for (ratio,), rows in _by(by_side.assign(ratio=(by_side["budget"] / by_side["side"]).round(6)), ["ratio"]):
        parts += _mnist_panel(rows, rows["side"], f"{OVER_SIDE}, α = {ratio:g} √d")
    for (side,), rows in _by(by_budget, ["side"]):
        norm = rows["mean_norm"].mean()  # ‖μ̂‖ is the whole training pool's: the same for every seed
        parts += _mnist_panel(rows, (rows["budget"] / norm).round(9), f"{OVER_BUDGET}, {side} × {side} pixels")
    return plots.gather(parts)


def _mnist_panel(rows: pd.DataFrame, x: pd.Series, panel: str) -> Iterator[pd.DataFrame]:
    for (training, beta), part in _by(rows, ["training", "flip_rate"], [TRAININGS, sorted(rows["flip_rate"].unique())]):
        series = f"{training} training, β = {beta:g}"
        # One test set serves all seeds, so pooling them adds no test points.
        yield _measured(part, x[part.index], (panel, ROBUST, series), independent=False)
        yield _measured(part, x[part.index], (panel, TRAIN, series))
    for beta in sorted(filter(None, rows["flip_rate"].unique())):
        yield plots.theory([x.min(), x.max()], beta, (panel, ROBUST, f"{NOISE} = {beta:g}"))


def recursion_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Predicted (x) and measured ρ of each random cell; and the relative deviations, x being the share of cells within.

    The prediction is for the sample's own share of flipped labels; deviations also for β itself, which that share is
    only near to.
    """
    parts = []
    rows = _of(table, "random")
    for (steps,), part in _by(rows[rows["status"] == "ok"], ["steps"]):
        predicted = {f"t = {steps}": part["two_group_sample_rho"], f"t = {steps}, {NOMINAL}": part["two_group_rho"]}
        parts.append(_measured(part, part["two_group_sample_rho"], (AGREEMENT, RHO, f"t = {steps}")))
        for series, rho in predicted.items():
            off = np.sort(np.abs(part["rho"] / rho - 1))
            share = np.arange(1, len(off) + 1) / len(off)
            parts.append(plots.single_runs(share, off, (DEVIATION, DEVIATION, series)))
    return plots.gather(parts)


# ---------------------------------------------------------------- numbers: collapse, exponent

ALIGNMENTS = {  # the ρ in α - ρ: column of the table (None: a closed form that it has not)
    "measured ρ": "rho",
    "two-group recursion": "two_group_sample_rho",
    AVERAGING: "averaging_rho",
    "linear max-margin": "linear_max_margin_rho",
}
SWEEPS = ["dimension", "signal", "budget", "regime", "random"]
FLIP_RATES = {"β < 0.1": (-1, 0.095), "β = 0.1": (0.095, 0.105), "β > 0.1": (0.105, 1)}


def trained(table: pd.DataFrame) -> pd.DataFrame:
    """The adversarially trained networks of every sweep over clusters, after their last step."""
    swept = table[table["experiment"].isin(SWEEPS) & (table["status"] == "ok")]
    swept = swept[swept["training"] == "adversarial"]
    return swept[swept["steps"] == swept.groupby("experiment")["steps"].transform("max")]


def collapse_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each ρ; x is α - ρ; robust test error with clean labels of every network, and Φ(α - ρ)."""
    rows = trained(table)
    if rows.empty:
        return plots.gather([])
    x, parts = np.linspace(-6, 6, 121), []
    for panel, column in ALIGNMENTS.items():
        for side, part in (
            (f"{SQUARE} or above", rows[rows["d"] >= rows["n"] ** 2]),
            (f"below {SQUARE}", rows[rows["d"] < rows["n"] ** 2]),
        ):
            distance = part["budget"] - part[column]
            error = part["robust_test_error_clean_labels"].to_numpy()
            parts.append(plots.single_runs(distance, error, (panel, ROBUST, side), part["tested"].to_numpy()))
        parts.append(plots.theory(x, gaussian.half_space_error(0, -x), (panel, ROBUST, NORMAL)))
    return plots.gather(parts)


def exponent_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The constant C that each network's clean error needs, over r = n‖μ‖²/d, for d ≥ n².

    The excess is Φ(-ρ) with the measured ρ: no count of 2,000 test points could tell one below 1/2000.
    """
    rows = trained(table)
    if rows.empty:
        return plots.gather([])
    rows = rows[(rows["d"] >= rows["n"] ** 2) & (rows["budget"] > 0)]
    setting = (rows["n"], rows["d"], rows["signal"])
    ratio, needed = exponent.crowding(*setting), exponent.needed_constant(rows["rho"], exponent.signal_term(*setting))
    parts = []
    for series, (low, high) in FLIP_RATES.items():
        inside = ((rows["flip_rate"] > low) & (rows["flip_rate"] <= high)).to_numpy()
        parts.append(plots.single_runs(ratio[inside], needed[inside], (CONSTANT, CONSTANT, series)))
    if len(rows):
        x = np.geomspace(ratio.min(), ratio.max(), 61)
        parts += [
            plots.theory(x, exponent.derived_constant(beta, x), (CONSTANT, CONSTANT, f"{DERIVED}, β = {beta:g}"))
            for beta in (0.0, 0.1, 0.3)
        ]
    return plots.gather(parts)


# ---------------------------------------------------------------- drawing

ACTIVATION_LOOK: dict[str, dict[str, Any]] = {
    "leaky ReLU": {"color": COLOURS["blue"], "marker": "o"},
    "smoothed leaky ReLU": {"color": COLOURS["vermilion"], "marker": "s"},
    "ReLU": {"color": COLOURS["green"], "marker": "^"},
}
THEORY_LOOK: dict[str, dict[str, Any]] = {
    NOISE: {"color": COLOURS["grey"], "linestyle": "-", "linewidth": 0.6, "zorder": 2.0},
    FLOOR: {"color": COLOURS["grey"], "linestyle": ":", "linewidth": 1.2, "zorder": 2.1},
    AVERAGING: {"color": COLOURS["purple"], "linestyle": "-.", "linewidth": 1.0, "zorder": 2.2},
    RECURSION: {"color": COLOURS["black"], "linestyle": "-", "linewidth": 1.2, "zorder": 2.3},
    # Above the recursion, which ends at it: both stay visible where they coincide.
    MARGIN: {"color": COLOURS["orange"], "linestyle": "--", "linewidth": 1.0, "zorder": 2.4},
}
SERIES_LOOK: list[dict[str, Any]] = [
    {"color": COLOURS[colour], "marker": marker}
    for colour, marker in (
        ("blue", "o"),
        ("orange", "s"),
        ("green", "^"),
        ("purple", "D"),
        ("vermilion", "v"),
        ("sky", "P"),
    )
]


def draw_sweep(numbers: pd.DataFrame, x_label: str, log: bool = True) -> matplotlib.figure.Figure:
    """Robust and clean test error above, robust training loss in a slim row below, one column for each panel."""
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH if len(panels) > 1 else 0.72 * plots.FULL_WIDTH, 3.9)
    grid = figure.subplots(2, len(panels), sharex=True, sharey="row", height_ratios=[2.6, 1], squeeze=False)
    for column, panel in enumerate(panels):
        part = numbers[numbers["panel"] == panel]
        if log:
            grid[1, column].set_xscale("log")
        _draw_errors(grid[0, column], part)
        _draw_loss(grid[1, column], part)
        grid[1, column].set_xlabel(plots.typeset(x_label))
        if log:
            plots.log_axis(grid[1, column], "x")
        for mark, rows in part[part["kind"] == "mark"].groupby("series"):
            plots.draw_mark(grid[0, column], rows, str(mark), height=0.8)
    errors = numbers[numbers["quantity"].isin([ROBUST, CLEAN])]
    plots.error_axis(grid[0, 0], errors[["mean", "high"]].max().max())
    grid[0, 0].set_ylabel("test error")
    grid[1, 0].set_ylabel("robust\ntraining loss")
    plots.log_axis(grid[1, 0], "y", most=4)
    plots.panel_titles(grid[0], panels)
    plots.legend(figure, 3 if len(panels) > 1 else 2)
    return figure


def _draw_errors(axes: Axes, part: pd.DataFrame) -> None:
    """The upper panel: bracket, regime and lines first, measured points on top."""
    kinds = dict(iter(part[part["quantity"] == ROBUST].groupby("kind")))
    nothing = part[:0]
    for name, rows in kinds.get("span", nothing).groupby("series"):
        plots.draw_spans(axes, rows, str(name))
    for name, rows in kinds.get("band", nothing).groupby("series"):
        plots.draw_band(axes, rows, str(name), color=COLOURS["sky"], alpha=0.25)
    for name, rows in kinds.get("theory", nothing).groupby("series", sort=False):
        plots.draw_line(axes, rows, str(name), **THEORY_LOOK[str(name)])
    for quantity in (CLEAN, ROBUST):
        rows = part[(part["quantity"] == quantity) & (part["kind"] == "measured")]
        for series, points in rows.groupby("series", sort=False):
            look = _series_look(str(series))
            if quantity == ROBUST:
                plots.draw_points(axes, points, str(series), **look)
            else:
                plots.draw_points(axes, points, "", **look | {"alpha": 0.35, "markersize": 0.7 * look["markersize"]})
    faint: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 2.4, "alpha": 0.35}
    axes.plot([], [], color=COLOURS["black"], label="clean test error (faint)", **faint)


def _draw_loss(axes: Axes, part: pd.DataFrame) -> None:
    rows = part[part["quantity"] == LOSS]
    for series, points in rows[rows["kind"] == "measured"].groupby("series", sort=False):
        plots.draw_points(axes, points, "", **_series_look(str(series)))
    predicted = rows[rows["kind"] == "theory"]
    plots.draw_line(axes, predicted, "", **THEORY_LOOK[RECURSION])


def _series_look(series: str) -> dict[str, Any]:
    """Colour and shape tell the activation, filling the training; the control is larger, so that it shows around."""
    activation, training = series.split(", ")
    look = ACTIVATION_LOOK[activation] | {"linestyle": "", "markersize": 2.8, "zorder": 4}
    if training == "ordinary":
        look |= {"markerfacecolor": "none", "markersize": 4.8, "markeredgewidth": 0.7, "zorder": 3}
    return look


def draw_learning_curves(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A row for each problem; a column each for loss, training error, test error and ρ."""
    panels, quantities = list(numbers["panel"].unique()), [LOSS, TRAIN, ROBUST, RHO]
    looks = dict(zip(sorted(numbers["series"].unique()), SERIES_LOOK, strict=False))
    figure = plots.canvas(plots.FULL_WIDTH, 0.5 + 1.65 * len(panels))
    grid = figure.subplots(len(panels), 4, sharex=True, squeeze=False)
    for row, panel in zip(grid, panels, strict=True):
        for axes, quantity in zip(row, quantities, strict=True):
            part = numbers[(numbers["panel"] == panel) & (numbers["quantity"] == quantity)]
            axes.set_xscale("log")
            for (kind, series), points in part.groupby(["kind", "series"]):
                if kind == "theory":
                    plots.draw_line(axes, points, "", color=looks[series]["color"], linewidth=1.0, zorder=2)
                else:
                    line = {"linestyle": ":"} if quantity == TRAIN else {"linestyle": ""}
                    plots.draw_points(
                        axes, points, str(series), zorder=3, linewidth=0.8, markersize=3.0, **line, **looks[series]
                    )
        plots.log_axis(row[0], "y", most=5)
        row[0].set_ylabel(plots.typeset(panel))
    for column, quantity in zip(grid.T, quantities, strict=True):
        column[0].set_title(plots.typeset(quantity))
        if quantity in (TRAIN, ROBUST):
            highest = numbers.loc[numbers["quantity"] == quantity, ["mean", "high"]].max().max()
            highest = 1.0 if np.isnan(highest) else highest  # every run diverged
            for axes in column:
                axes.set_ylim(0, 1.05 * highest)
                axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
    for axes in grid[-1]:
        axes.set_xlabel(plots.typeset("steps t"))
        plots.log_axis(axes, "x", most=5)
    grid[0, 0].plot([], [], color=COLOURS["black"], linewidth=1.0, label=RECURSION)
    plots.legend(figure, len(looks) + 1)
    return figure


def draw_mnist(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test error above, training error below; over the side on the left, over the budget on the right."""
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH, 3.9)
    grid = figure.subplots(2, len(panels), sharex="col", sharey="row", squeeze=False)
    for column, panel in enumerate(panels):
        for axes, quantity in zip(grid[:, column], (ROBUST, TRAIN), strict=True):
            part = numbers[(numbers["panel"] == panel) & (numbers["quantity"] == quantity)]
            for series, points in part[part["kind"] == "measured"].groupby("series", sort=False):
                plots.draw_points(axes, points, str(series), **_mnist_look(str(series)))
            for floor, line in part[part["kind"] == "theory"].groupby("series"):
                plots.draw_line(axes, line, str(floor), **THEORY_LOOK[NOISE])
            plots.error_axis(axes)
        over_side = panel.startswith(OVER_SIDE)
        grid[1, column].set_xlabel(plots.typeset("side (pixels), d = side²" if over_side else "budget α/‖μ̂‖"))
        if over_side:
            grid[1, column].set_xticks(sorted(part["x"].unique()))
    for axes, quantity in zip(grid[:, 0], (ROBUST, TRAIN), strict=True):
        axes.set_ylabel(quantity)
    plots.panel_titles(grid[0], panels)
    plots.legend(figure, 3)
    return figure


def _mnist_look(series: str) -> dict[str, Any]:
    """Colour and filling tell the training, marker and line style the label noise."""
    training, noise = series.split(", ")
    look: dict[str, Any] = {"color": COLOURS["blue"], "markersize": 3.0, "zorder": 4}
    if training.startswith("ordinary"):
        look = {"color": COLOURS["vermilion"], "markersize": 4.8, "markerfacecolor": "none", "zorder": 3}
    clean = noise == "β = 0"
    return look | {"marker": "o" if clean else "s", "linestyle": (0, (4, 2)) if clean else "-", "linewidth": 0.8}


def draw_recursion(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Measured against predicted ρ on the left, the distribution of the deviation on the right."""
    figure = plots.canvas(plots.FULL_WIDTH * 0.82, 2.7)
    left, right = figure.subplots(1, 2)
    points, deviations = (numbers[numbers["panel"] == panel] for panel in (AGREEMENT, DEVIATION))
    order = sorted(points["series"].unique(), key=lambda text: int(text.removeprefix("t = ")))
    limits = np.array([0.9 * points[["x", "mean"]].min().min(), 1.1 * points[["x", "mean"]].max().max()])
    left.fill_between(limits, 0.9 * limits, 1.1 * limits, color=COLOURS["grey"], alpha=0.15, linewidth=0, label="±10 %")
    left.plot(limits, limits, color=COLOURS["black"], linewidth=0.8, label="equality")
    for series, look in zip(order, SERIES_LOOK, strict=False):
        part = points[points["series"] == series]
        plots.draw_points(
            left, part, series, linestyle="", zorder=3, markeredgewidth=0.4, markeredgecolor="white", **look
        )
        for name, line in ((f"{series}, {NOMINAL}", (0, (1, 1))), (series, "-")):
            steps = deviations[deviations["series"] == name].sort_values("x")
            right.step([0, *steps["mean"]], [0, *steps["x"]], where="post", color=look["color"], linestyle=line)
        right.plot(steps["mean"], steps["x"], linestyle="", markersize=2.4, **look)
    right.plot([], [], color=COLOURS["black"], linestyle=(0, (1, 1)), label=plots.typeset(f"predicted {NOMINAL}"))
    left.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(matplotlib.ticker.MaxNLocator(5, steps=[1, 2, 5, 10]))
    left.set(xlabel=plots.typeset("ρ predicted"), ylabel=plots.typeset("ρ measured"))
    right.axvline(0.1, color=COLOURS["grey"], linewidth=0.7, linestyle=":")
    right.set(
        xlim=(0, None),
        ylim=(0, 1.03),
        xlabel=plots.typeset("deviation |measured/predicted - 1|"),
        ylabel="share of cells",
    )
    right.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0, symbol=" %"))
    plots.panel_titles([left, right], ["alignment", "deviation"])
    plots.legend(figure, 3)
    return figure


def draw_collapse(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A panel for each ρ, with the same axes."""
    figure = plots.canvas(plots.FULL_WIDTH, 2.35)
    grid = figure.subplots(1, len(ALIGNMENTS), sharex=True, sharey=True)
    for axes, panel in zip(grid, ALIGNMENTS, strict=True):
        part = numbers[numbers["panel"] == panel]
        plots.draw_line(axes, part[part["kind"] == "theory"], NORMAL, color=COLOURS["black"], linewidth=0.9, zorder=4)
        dots = part[part["kind"] == "run"]
        for (series, rows), look in zip(dots.groupby("series", sort=False), SERIES_LOOK, strict=False):
            small = look | {"markersize": 2.0, "markeredgewidth": 0, "alpha": 0.5}
            axes.plot(rows["x"], rows["mean"], linestyle="", label=plots.typeset(str(series)), **small)
        axes.set_xlabel(plots.typeset("α - ρ"))
        axes.set_xlim(-6, 6)
        plots.error_axis(axes)
    grid[0].set_ylabel("robust test error,\nclean labels")
    plots.panel_titles(grid, list(ALIGNMENTS))
    plots.legend(figure, 3)
    return figure


def draw_exponent(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """The needed constant over r, both logarithmic."""
    figure = plots.canvas(0.72 * plots.FULL_WIDTH, 2.9)
    axes = figure.subplots()
    for (series, rows), look in zip(
        numbers[numbers["kind"] == "run"].groupby("series", sort=False), SERIES_LOOK, strict=False
    ):
        rows = rows[rows["mean"] > 0]
        axes.plot(
            rows["x"],
            rows["mean"],
            linestyle="",
            label=plots.typeset(str(series)),
            **look | {"markersize": 2.8, "alpha": 0.6},
        )
    lines = numbers[numbers["kind"] == "theory"].groupby("series", sort=False)
    for (series, rows), dashes in zip(lines, ["-", (0, (4, 2)), (0, (1, 1))], strict=True):
        plots.draw_line(axes, rows, str(series), color=COLOURS["black"], linewidth=0.9, linestyle=dashes, zorder=4)
    plots.log_axis(axes, "x")
    plots.log_axis(axes, "y")
    axes.set(xlabel=plots.typeset("r = n ‖μ‖²/d"), ylabel=plots.typeset("needed constant C"))
    plots.legend(figure, 2)
    return figure


INTERVALS = """Bars are 95 % intervals: for errors the hull of Clopper-Pearson's on the pooled counts and of the
    bootstrap over seeds, for losses and ρ the bootstrap over seeds."""
SWEEP = f"""Filled: adversarial training. Open: ordinary training, the control, attacked with the same budget. Faint:
    clean test error. Errors are with observed labels, so that β is their floor. Lines are theory without a fitted
    constant: the exact robust floor of this mixture, and, for the leaky ReLU and each sample's own share of flipped
    labels, averaged: the predictors between which training moves, and the two-group recursion.
    Lower row: robust training loss. {INTERVALS} The axis's grid is ours, not the paper's."""

Make = Callable[[pd.DataFrame], pd.DataFrame]
Draw = Callable[[pd.DataFrame], matplotlib.figure.Figure]
FIGURES: dict[str, tuple[list[str], Make, str, Draw]] = {  # name: experiments, numbers, caption, drawing
    "dimension": (
        ["dimension"],
        dimension_numbers,
        f"""Robust test error against the dimension d, for each way in which the signal ‖μ‖ goes with d. Yellow: where
        assumptions of the theorem's form hold, with docs/theory.md's constants, not the paper's. Dotted line: d = n²,
        below which the points are not nearly orthogonal, as the recursion takes them to be. {SWEEP}""",
        functools.partial(draw_sweep, x_label="dimension d"),
    ),
    "signal": (
        ["signal"],
        signal_numbers,
        f"""Robust test error against the signal ‖μ‖. {SWEEP}""",
        functools.partial(draw_sweep, x_label="signal ‖μ‖"),
    ),
    "budget": (
        ["budget"],
        budget_numbers,
        f"""Robust test error against the budget α/‖μ‖, for adversarial training and for the control, in whose panel
        the recursion is that of ordinary training. Shaded: between the averaging predictor, where training starts,
        and the linear max-margin predictor. Dotted line: α = ‖μ‖, from where on no classifier is better than 1/2.
        {SWEEP}""",
        functools.partial(draw_sweep, x_label="budget α/‖μ‖", log=False),
    ),
    "learning_curves": (
        ["curves"],
        learning_curves_numbers,
        f"""Adversarial training of leaky ReLU networks over t steps, for several slopes γ. Points are measured; lines
        are the two-group recursion, which has no constant to fit and says nothing of the training error (there dotted
        lines join the points); it is that of each sample's own share of flipped labels, averaged. Its derivation
        takes the points to be nearly orthogonal, d ≥ n²: the upper row. {INTERVALS}""",
        draw_learning_curves,
    ),
    "mnist": (
        ["mnist_side", "mnist_budget"],
        mnist_numbers,
        f"""MNIST, digits 0 and 1, down-sampled and normalised (how, is our choice), without and with label noise
        (beyond the paper): over the side of the images at a fixed ratio α/√d, and over α/‖μ̂‖, where 2‖μ̂‖ is the
        distance of the class means. Errors are with observed labels. {INTERVALS} One test set serves all seeds, so
        pooling them adds no test points.""",
        draw_mnist,
    ),
    "recursion": (
        ["random"],
        recursion_numbers,
        """The two-group recursion held against leaky ReLU networks trained at random settings: n from 50 to 200, d
        from n² to 1000 n², β to 0.3, γ to 0.7, α to 1.2 times the averaging predictor's ρ. (a) Alignment ρ = ⟨μ,
        v⟩/‖v‖ after t steps, measured, and predicted from the sample's own share of flipped labels; shaded: ±10 %.
        (b) Share of cells whose ρ is off by no more than so much; dotted: predicted from the nominal β.""",
        draw_recursion,
    ),
    "collapse": (
        SWEEPS,
        collapse_numbers,
        """Robust test error with clean labels of every adversarially trained network of the sweeps over d, ‖μ‖, α and
        random settings (each a dot), against α - ρ. (a) ρ as measured, (b) as the two-group recursion predicts it from
        the sample's share of flipped labels, (c), (d) as the averaging and the linear max-margin predictor have it.
        Line: Φ(α - ρ), the error of a half-space with that ρ. Dots beyond ±6 are not shown.""",
        draw_collapse,
    ),
    "exponent": (
        SWEEPS,
        exponent_numbers,
        """The least constant C with which each network of the sweeps with d ≥ n² keeps a clean error of the form of
        Thm 3.1 [frei], excess ≤ 2exp(-n‖μ‖⁴/(Cd)), over r = n‖μ‖²/d, which the assumptions keep below 1/C. The excess
        is Φ(-ρ) with the measured ρ. Where n‖μ‖⁴/d is small (bottom left) the bound says little and any C will do.
        Lines: what the averaging predictor needs as n‖μ‖⁴/d → ∞.""",
        draw_exponent,
    ),
}
