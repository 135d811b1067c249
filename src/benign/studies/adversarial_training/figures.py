"""The flagship's figures: dimension, signal and budget (its Figures 2 to 4 [digest], axes [ours]), learning curves, MNIST,
and the two-group recursion held against everything that was measured.

Each figure has a function that makes its tidy numbers (benign.plots.COLUMNS) from the study's table, and one that draws
these numbers. Lines are theory, computed here from benign.theory on dense axes; points are networks trained and attacked.
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
from benign.theory import assumptions, gaussian, two_group

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
TRAININGS = {"adversarial": "adversarial", "ordinary": "ordinary"}
FLOOR, NOISE = "robust Bayes floor", "label noise β"
AVERAGING, MARGIN, LINEAR = "averaging predictor", "max-margin predictor", "linear max-margin predictor"
RECURSION, BRACKET = "two-group recursion", "averaging to linear max-margin"
REGIME, SQUARE, EQUAL = "assumptions of Thm 3.1 hold", "d = n²", "α = ‖μ‖"


def figures(table: pd.DataFrame) -> list[Figure]:
    """All six figures, also those of experiments that the table does not have."""
    return [
        Figure(name, plots.caption(caption(numbers), _counted(numbers)), numbers, DRAW[name])
        for name, (make, caption) in MAKE.items()
        for numbers in [make(table)]
    ]


def _counted(numbers: pd.DataFrame) -> str:
    """How many runs stand behind the points, and how many did not end."""
    points = numbers[numbers["kind"] == "measured"]
    if not len(points):
        return "Not run in this tier."
    low, high, lost = points["seeds"].min(), points["seeds"].max(), points["diverged"].sum()
    seeds = f"{low}" if low == high else f"{low} to {high}"
    return f"Runs per point: {seeds}. " + (f"Diverged and left out: {lost} values." if lost else "No run diverged.")


INTERVALS = """Bars are 95 % intervals: for errors the hull of Clopper-Pearson's on the pooled counts and the bootstrap over
    seeds, else the bootstrap."""

# ---------------------------------------------------------------- numbers of a sweep over d, ‖μ‖ or α

Setting = Callable[[float], dict[str, float]]  # x to d, signal, budget


def sweep_numbers(rows: pd.DataFrame, panel: str, x: pd.Series, reaches: NDArray, setting: Setting) -> pd.DataFrame:
    """One panel: what was measured, with the closed forms of its own n, β, γ, steps and step size beside it.

    rows: the panel's cells; x: where each stands; reaches: (N,) dense axis of the theory; setting: what x stands for there
    """
    parts = []
    for (training, activation), part in _by(rows, ["training", "activation"], [TRAININGS, ACTIVATIONS]):
        series = f"{ACTIVATIONS[activation]}, {training}"
        parts += [_measured(part, x[part.index], (panel, quantity, series)) for quantity in (ROBUST, CLEAN, LOSS)]
    return plots.gather([*parts, *closed_forms(rows, panel, reaches, setting)])


def closed_forms(rows: pd.DataFrame, panel: str, x: NDArray, setting: Setting) -> Iterator[pd.DataFrame]:
    """Theory of a panel on the dense axis x (N,): floors, predictors, recursion for the leaky ReLU, and the regime."""
    n, beta = _only(rows, "n"), _only(rows, "flip_rate")
    leaky = rows[(rows["activation"] == "leaky_relu") & (rows["training"] == "adversarial")]
    at = pd.DataFrame([setting(value) for value in x])
    d, signal, budget = (at[name].to_numpy() for name in ("d", "signal", "budget"))
    slope = _only(leaky, "slope")
    errors = {
        FLOOR: gaussian.robust_floor(budget, signal, beta),
        NOISE: np.full(len(x), beta),
        AVERAGING: gaussian.averaging_error(budget, n, d, signal, beta),
        MARGIN: gaussian.max_margin_error(budget, n, d, signal, beta, slope),
        LINEAR: gaussian.max_margin_error(budget, n, d, signal, beta, 1.0),
    }
    yield from (plots.theory(x, error, (panel, ROBUST, name)) for name, error in errors.items())
    low, high = (extreme(errors[AVERAGING], errors[LINEAR]) for extreme in (np.minimum, np.maximum))
    yield plots.band(x, low, high, (panel, ROBUST, BRACKET))
    common = {"n": n, "flip_rate": beta, "slope": slope, "steps": int(_only(leaky, "steps"))}
    ends = np.array([recursion_end(step_scale=_only(leaky, "step_scale"), **common, **place) for place in at.to_dict("records")])
    yield plots.theory(x, gaussian.half_space_error(budget, ends[:, 0], beta), (panel, ROBUST, RECURSION))
    yield plots.theory(x, ends[:, 1], (panel, LOSS, RECURSION))
    yield plots.spans(x, np.array([holds(leaky, place) for place in at.to_dict("records")]), (panel, ROBUST, REGIME))


def recursion_end(step_scale: float, **setting: Any) -> tuple[float, float]:
    """(ρ, robust training loss) of the two-group recursion after the last step of adversarial training."""
    path = two_group.trajectory(**setting, step_size=_step_size(step_scale, setting))
    return path.rho[-1], path.robust_train_loss[-1]


def holds(rows: pd.DataFrame, place: dict[str, float]) -> bool:
    """Whether Thm 3.1's assumptions (as benign.theory.assumptions spells them out) hold at `place` with the rows' choices."""
    fixed = {name: _only(rows, name) for name in ("n", "flip_rate", "init_scale", "width")}
    step_size = _step_size(_only(rows, "step_scale"), {**fixed, **place})
    return assumptions.in_regime(assumptions.check(**fixed, **place, step_size=step_size, curvature=np.inf))


def _step_size(step_scale: float, setting: dict[str, Any]) -> float:
    """η = c·n/E‖x‖² [ours]."""
    return step_scale * setting["n"] / (setting["d"] + setting["signal"] ** 2)


def _measured(rows: pd.DataFrame, x: pd.Series | NDArray, place: tuple[str, str, str], **how: Any) -> pd.DataFrame:
    return plots.over_seeds(rows, x, COLUMN_OF[place[1]], place, TRIALS_OF.get(place[1]), **how)


def _by(rows: pd.DataFrame, names: list[str], orders: list[Any]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Groups of rows with equal values of `names`, in the order of `orders` (a sequence of values for each name)."""
    ranks = [list(order) for order in orders]
    groups = sorted(rows.groupby(names), key=lambda group: [r.index(v) for r, v in zip(ranks, group[0], strict=True)])
    yield from groups


def _only(rows: pd.DataFrame, name: str) -> Any:
    """The one value of a field; ValueError if the rows differ, as one theory line cannot stand for them all."""
    values = rows[name].unique()
    if len(values) != 1:
        raise ValueError(
            f"{name} takes {len(values)} values ({', '.join(map(str, values[:5]))}) in one panel, which has one line of "
            f"theory: give the experiment one value of {name} in the grid"
        )
    return values[0].item() if isinstance(values[0], np.generic) else values[0]


def _of(table: pd.DataFrame, experiment: str) -> pd.DataFrame:
    return table[table["experiment"] == experiment]


# ---------------------------------------------------------------- dimension, signal, budget


def dimension_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each way in which ‖μ‖ goes with d: fixed, or a power of d (one exponent at several d)."""
    rows = _of(table, "dimension")
    exponent = (np.log(rows["signal"]) / np.log(rows["d"])).round(6)
    power = rows["d"].groupby(exponent).transform("nunique") > 1
    scaling = exponent.where(power, rows["signal"]).rename("scaling")
    parts = []
    for (is_power, size, ratio), part in rows.groupby([power.rename("power"), scaling, _ratio(rows)]):
        panel = f"‖μ‖ = {f'd^{size:g}' if is_power else f'{size:g}'}, α = {ratio:g} ‖μ‖"

        def setting(d: float, size: float = size, ratio: float = ratio, is_power: bool = is_power) -> dict[str, float]:
            signal = d**size if is_power else size
            return {"d": d, "signal": signal, "budget": ratio * signal}

        parts.append(sweep_numbers(part, panel, part["d"], _log_range(part["d"]), setting))
        parts.append(plots.mark(float(_only(part, "n") ** 2), (panel, ROBUST, SQUARE)))
    return plots.gather(parts)


def signal_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each dimension and ratio α/‖μ‖."""
    rows = _of(table, "signal")
    parts = []
    for (d, ratio), part in rows.groupby(["d", _ratio(rows)]):

        def setting(signal: float, d: float = d, ratio: float = ratio) -> dict[str, float]:
            return {"d": d, "signal": signal, "budget": ratio * signal}

        panel = f"d = {plots.scientific(d)}, α = {ratio:g} ‖μ‖"
        parts.append(sweep_numbers(part, panel, part["signal"], _log_range(part["signal"]), setting))
    return plots.gather(parts)


def budget_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each training, as the recursion differs; x is α/‖μ‖."""
    rows = _of(table, "budget")
    parts = []
    for (training,), part in _by(rows, ["training"], [TRAININGS]):
        d, norm = _only(part, "d"), _only(part, "signal")

        def setting(ratio: float, d: float = d, norm: float = norm) -> dict[str, float]:
            return {"d": d, "signal": norm, "budget": ratio * norm}

        reaches = np.linspace(0, _ratio(part).max(), 97)
        panel = f"{training} training"
        parts.append(sweep_numbers(part, panel, _ratio(part), reaches, setting))
        parts.append(plots.mark(1.0, (panel, ROBUST, EQUAL)))
    return plots.gather(parts)


def _ratio(rows: pd.DataFrame) -> pd.Series:
    return (rows["budget"] / rows["signal"]).round(6).rename("ratio")


def _log_range(values: pd.Series, points: int = 61) -> NDArray:
    return np.geomspace(values.min(), values.max(), points)


# ---------------------------------------------------------------- learning curves, MNIST, recursion


def learning_curves_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A panel for each problem, a series for each slope γ, x the number of steps t."""
    rows = _of(table, "curves")
    parts = []
    for (d, norm, budget), problem in sorted(rows.groupby(["d", "signal", "budget"]), key=lambda group: -group[0][0]):
        panel = f"d = {plots.scientific(d)}, ‖μ‖ = {norm:g}, α = {budget:g}"
        for slope, part in problem.groupby("slope"):
            series = f"γ = {slope:g}"
            parts += [_measured(part, part["steps"], (panel, what, series)) for what in (LOSS, TRAIN, ROBUST, RHO)]
            parts += _recursion_course(part, panel, series)
    return plots.gather(parts)


def _recursion_course(rows: pd.DataFrame, panel: str, series: str) -> Iterator[pd.DataFrame]:
    """The recursion over the steps; it has no training error of its own (a group is right or wrong as a whole)."""
    setting = {name: _only(rows, name) for name in ("n", "d", "signal", "flip_rate", "slope", "budget")}
    last, beta = int(rows["steps"].max()), setting["flip_rate"]
    path = two_group.trajectory(**setting, step_size=_step_size(_only(rows, "step_scale"), setting), steps=last)
    t = np.unique(np.geomspace(1, last, 80).round().astype(int))
    lines = {
        LOSS: path.robust_train_loss,
        ROBUST: gaussian.half_space_error(setting["budget"], path.rho, beta),
        RHO: path.rho,
    }
    for quantity, line in lines.items():
        yield plots.theory(t, line[t - 1], (panel, quantity, series))


def mnist_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Two panels: over the side of the images at fixed α/√d, and over α/‖μ̂‖ at a fixed side."""
    by_side, by_budget = _of(table, "mnist_side"), _of(table, "mnist_budget")
    parts = []
    if len(by_side):
        ratio = (by_side["budget"] / by_side["side"]).round(6).rename("ratio")
        for value, rows in by_side.groupby(ratio):
            parts += _mnist_panel(rows, rows["side"], f"{OVER_SIDE}, α = {value:g} √d")
    for side, rows in by_budget.groupby("side"):
        # ‖μ̂‖ is the whole training pool's: the same for every seed.
        norm = rows["mean_norm"].mean()
        parts += _mnist_panel(rows, (rows["budget"] / norm).round(9), f"{OVER_BUDGET}, {side} × {side} pixels")
    return plots.gather(parts)


def _mnist_panel(rows: pd.DataFrame, x: pd.Series, panel: str) -> Iterator[pd.DataFrame]:
    rates = sorted(rows["flip_rate"].unique())
    for (training, beta), part in _by(rows, ["training", "flip_rate"], [TRAININGS, rates]):
        series = f"{training} training, β = {beta:g}"
        # One test set serves all seeds, so pooling them adds no test points.
        yield _measured(part, x[part.index], (panel, ROBUST, series), independent=False)
        yield _measured(part, x[part.index], (panel, TRAIN, series))
    for beta in rates[rates[0] == 0 :]:
        yield plots.theory([x.min(), x.max()], beta, (panel, ROBUST, NOISE))


def recursion_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Predicted (x) and measured ρ of each random cell; and each cell's relative deviation, x being its rank's share."""
    rows = _of(table, "random")
    parts = []
    for steps, part in rows.groupby("steps"):
        series = f"t = {steps}"
        parts.append(_measured(part, part["two_group_rho"], (AGREEMENT, RHO, series)))
        kept = part[part["status"] == "ok"]
        off = np.sort(np.abs(kept["rho"] / kept["two_group_rho"] - 1))
        share = np.arange(1, len(off) + 1) / max(len(off), 1)
        parts.append(plots.theory(share, off, (DEVIATION, DEVIATION, series)).assign(kind="measured", seeds=1))
    return plots.gather(parts)


# ---------------------------------------------------------------- drawing

ACTIVATION_LOOK: dict[str, dict[str, Any]] = {
    "leaky ReLU": {"color": COLOURS["blue"], "marker": "o"},
    "smoothed leaky ReLU": {"color": COLOURS["vermilion"], "marker": "s"},
    "ReLU": {"color": COLOURS["green"], "marker": "^"},
}
THEORY_LOOK: dict[str, dict[str, Any]] = {
    RECURSION: {"color": COLOURS["black"], "linewidth": 1.1},
    AVERAGING: {"color": COLOURS["purple"], "linestyle": "-.", "linewidth": 1.0},
    MARGIN: {"color": COLOURS["orange"], "linestyle": "--", "linewidth": 1.0},
    FLOOR: {"color": COLOURS["grey"], "linestyle": ":", "linewidth": 1.2},
}
ORDER = ("b", "g", "r")
CURVE_COLOURS = [COLOURS[name] for name in ("blue", "sky", "orange", "vermilion", "green", "purple")]
MARKERS = ["o", "s", "^", "D", "v", "P"]


def draw_sweep(
    numbers: pd.DataFrame, x_label: str, theory: list[str], width: float, height: float, legend_columns: int, log: bool = True
) -> matplotlib.figure.Figure:
    """Robust and clean test error above, robust training loss in a slim row below, one column for each panel."""
    empty = plots.not_run(numbers)
    if empty:
        return empty
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(width, height)
    grid = figure.subplots(2, len(panels), sharex="col", sharey="row", height_ratios=[2.6, 1], squeeze=False)
    for column, panel in enumerate(panels):
        part = numbers[numbers["panel"] == panel]
        if log:
            grid[1, column].set_xscale("log")
        _draw_errors(grid[0, column], part, theory)
        _draw_loss(grid[1, column], part)
        grid[1, column].set_xlabel(plots.typeset(x_label))
        if log:
            plots.log_axis(grid[1, column], "x")
        for mark, rows in part[part["kind"] == "mark"].groupby("series"):
            plots.draw_mark(grid[0, column], rows, str(mark))
    grid[0, 0].set_ylabel("test error")
    grid[1, 0].set_ylabel("robust\ntraining loss")
    plots.log_axis(grid[1, 0], "y", most=4)
    plots.panel_titles(grid[0], panels)
    plots.legend(figure, legend_columns)
    return figure


def _draw_errors(axes: Axes, part: pd.DataFrame, theory: list[str]) -> None:
    """The upper panel: bracket, regime and lines first, measured points on top."""
    kind = {name: rows for name, rows in part[part["quantity"] == ROBUST].groupby("kind")}
    for name, rows in kind.get("span", part[:0]).groupby("series"):
        plots.draw_spans(axes, rows, str(name))
    if BRACKET in theory:
        plots.draw_band(axes, kind["band"], BRACKET, color=COLOURS["sky"], alpha=0.25)
    for name in theory:
        rows = kind["theory"][kind["theory"]["series"] == name]
        if name in THEORY_LOOK:
            plots.draw_line(axes, rows, name, zorder=2.2, **THEORY_LOOK[name])
    for quantity in (CLEAN, ROBUST):
        rows = part[(part["quantity"] == quantity) & (part["kind"] == "measured")]
        for series, points in rows.groupby("series", sort=False):
            look = _series_look(str(series))
            if quantity == ROBUST:
                plots.draw_points(axes, points, f"{series} training", zorder=3, **look)
            else:
                look |= {"marker": "", "alpha": 0.4, "linewidth": 1.0}
                plots.draw_line(axes, points, "", zorder=2.1, **look)
    axes.set(ylim=(-0.03, 1.03), yticks=[0, 0.25, 0.5, 0.75, 1])


def _draw_loss(axes: Axes, part: pd.DataFrame) -> None:
    rows = part[part["quantity"] == LOSS]
    for series, points in rows[rows["kind"] == "measured"].groupby("series", sort=False):
        plots.draw_points(axes, points, "", zorder=3, **_series_look(str(series)))
    predicted = rows[rows["kind"] == "theory"]
    plots.draw_line(axes, predicted, "", zorder=2.2, **THEORY_LOOK[RECURSION])


def _series_look(series: str) -> dict[str, Any]:
    """Colour and marker tell the activation, filling and line style the training."""
    activation, training = series.split(", ")
    look = dict(ACTIVATION_LOOK[activation])
    if training == "ordinary":
        look |= {"linestyle": (0, (4, 2)), "markerfacecolor": "white", "markersize": 4.6}
    return look | {"linewidth": 0.9}
