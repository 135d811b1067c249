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
OVER_SIDE, OVER_BUDGET = "image side", "budget"
AGREEMENT, DEVIATION = "agreement", "relative deviation"
REGIME, SQUARE, EQUAL = "assumptions of Thm 3.1 hold", "d = n²", "α = ‖μ‖"


def figures(table: pd.DataFrame) -> list[Figure]:
    """All six figures, also those of experiments that the table does not have."""
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
    return f"{len(rows)} runs, {rows['seed'].nunique()} seeds. " + (
        f"{lost} runs diverged and are left out." if lost else "No run diverged."
    )


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
    leaky = rows[rows["activation"] == "leaky_relu"]
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
    adversarial = "adversarial" in set(rows["training"])
    common = {"n": n, "flip_rate": beta, "slope": slope, "steps": _only(leaky, "steps")}
    trained = [place | ({} if adversarial else {"budget": 0.0}) for place in at.to_dict("records")]
    ends = np.array([recursion_end(_only(leaky, "step_scale"), **common, **place) for place in trained])  # (N, 2)
    yield plots.theory(x, gaussian.half_space_error(budget, ends[:, 0], beta), (panel, ROBUST, RECURSION))
    if adversarial:  # of ordinary training the recursion gives the clean loss
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
    for beta in filter(None, rates):
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
THEORY_LOOK[NOISE] = {"color": COLOURS["grey"], "linestyle": "-", "linewidth": 0.6}
SLOPE_LOOK = [
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


def draw_sweep(
    numbers: pd.DataFrame, x_label: str, theory: list[str], width: float, log: bool = True
) -> matplotlib.figure.Figure:
    """Robust and clean test error above, robust training loss in a slim row below, one column for each panel."""
    empty = plots.not_run(numbers)
    if empty:
        return empty
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(width, 3.9)
    grid = figure.subplots(2, len(panels), sharex=True, sharey="row", height_ratios=[2.6, 1], squeeze=False)
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
            plots.draw_mark(grid[0, column], rows, str(mark), height=0.8)
    grid[0, 0].set_ylabel("test error")
    grid[1, 0].set_ylabel("robust\ntraining loss")
    plots.log_axis(grid[1, 0], "y", most=4)
    plots.panel_titles(grid[0], panels)
    plots.legend(figure, 3 if width > 5 else 2)
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
                plots.draw_points(axes, points, f"{series} training", **look)
            else:
                plots.draw_points(axes, points, "", **look | {"alpha": 0.35, "markersize": 0.7 * look["markersize"]})
    faint = {"linestyle": "", "marker": "o", "markersize": 2.4, "alpha": 0.35}
    axes.plot([], [], color=COLOURS["black"], label="clean test error (faint)", **faint)
    axes.set(ylim=(-0.03, 1.03), yticks=[0, 0.25, 0.5, 0.75, 1])


def _draw_loss(axes: Axes, part: pd.DataFrame) -> None:
    rows = part[part["quantity"] == LOSS]
    for series, points in rows[rows["kind"] == "measured"].groupby("series", sort=False):
        plots.draw_points(axes, points, "", **_series_look(str(series)))
    predicted = rows[rows["kind"] == "theory"]
    plots.draw_line(axes, predicted, "", zorder=2.2, **THEORY_LOOK[RECURSION])


def _series_look(series: str) -> dict[str, Any]:
    """Colour and shape tell the activation, filling the training; the control is larger, so that it shows around."""
    activation, training = series.split(", ")
    look = ACTIVATION_LOOK[activation] | {"linestyle": "", "markersize": 3.0, "zorder": 4}
    if training == "ordinary":
        look |= {"markerfacecolor": "none", "markersize": 5.5, "markeredgewidth": 0.8, "zorder": 3}
    return look


def draw_learning_curves(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A row for each problem; a column each for loss, training error, test error and ρ."""
    empty = plots.not_run(numbers)
    if empty:
        return empty
    panels, quantities = list(numbers["panel"].unique()), [LOSS, TRAIN, ROBUST, RHO]
    looks = dict(zip(sorted(numbers["series"].unique()), SLOPE_LOOK, strict=False))
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
                    plots.draw_points(axes, points, str(series), zorder=3, linewidth=0.8, **line, **looks[series])
        plots.log_axis(row[0], "y", most=5)
        row[0].set_ylabel(plots.typeset(panel))
    for column, quantity in zip(grid.T, quantities, strict=True):
        column[0].set_title(plots.typeset(quantity))
        if quantity in (TRAIN, ROBUST):
            highest = numbers.loc[numbers["quantity"] == quantity, ["mean", "high"]].max().max()
            for axes in column:
                axes.set_ylim(0, 1.05 * highest)
    for axes in grid[-1]:
        axes.set_xlabel(plots.typeset("steps t"))
        plots.log_axis(axes, "x", most=5)
    plots.legend(figure, len(looks))
    return figure


def draw_mnist(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test error above, training error below; over the side on the left, over the budget on the right."""
    empty = plots.not_run(numbers)
    if empty:
        return empty
    panels = list(numbers["panel"].unique())
    figure = plots.canvas(plots.FULL_WIDTH, 3.9)
    grid = figure.subplots(2, len(panels), sharex="col", sharey="row", squeeze=False)
    for column, panel in enumerate(panels):
        for axes, quantity in zip(grid[:, column], (ROBUST, TRAIN), strict=True):
            part = numbers[(numbers["panel"] == panel) & (numbers["quantity"] == quantity)]
            if quantity == ROBUST:
                for x, line in part[part["kind"] == "theory"].groupby("mean"):
                    plots.draw_line(axes, line, NOISE, zorder=2, **THEORY_LOOK[NOISE])
            for series, points in part[part["kind"] == "measured"].groupby("series", sort=False):
                plots.draw_points(axes, points, str(series), zorder=3, **_mnist_look(str(series)))
            axes.set(ylim=(-0.03, 1.03), yticks=[0, 0.25, 0.5, 0.75, 1])
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
    look: dict[str, Any] = {"color": COLOURS["blue"]}
    if training.startswith("ordinary"):
        look = {"color": COLOURS["vermilion"], "markerfacecolor": "white", "markersize": 4.6}
    clean = noise == "β = 0"
    return look | {"marker": "o" if clean else "s", "linestyle": (0, (4, 2)) if clean else "-", "linewidth": 0.9}


def draw_recursion(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Measured against predicted ρ on the left, the distribution of the deviation on the right."""
    empty = plots.not_run(numbers)
    if empty:
        return empty
    figure = plots.canvas(plots.FULL_WIDTH * 0.82, 2.7)
    left, right = figure.subplots(1, 2)
    order = sorted(numbers["series"].unique(), key=lambda text: int(text.removeprefix("t = ")))
    points = numbers[numbers["panel"] == AGREEMENT]
    limits = np.array([0.9 * points[["x", "mean"]].min().min(), 1.1 * points[["x", "mean"]].max().max()])
    left.fill_between(limits, 0.9 * limits, 1.1 * limits, color=COLOURS["grey"], alpha=0.15, linewidth=0, label="±10 %")
    left.plot(limits, limits, color=COLOURS["black"], linewidth=0.8, label="equality")
    for series, look in zip(order, SLOPE_LOOK, strict=False):
        name = series + (" step" if series == "t = 1" else " steps")
        part = points[points["series"] == series]
        plots.draw_points(
            left, part, name, linestyle="", zorder=3, markeredgewidth=0.4, markeredgecolor="white", **look
        )
        steps = numbers[(numbers["panel"] == DEVIATION) & (numbers["series"] == series)].sort_values("x")
        right.step([0, *steps["mean"]], [0, *steps["x"]], where="post", color=look["color"], linewidth=0.9)
        right.plot(steps["mean"], steps["x"], linestyle="", markersize=2.6, **look)
    left.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
    left.set(xlabel=plots.typeset("ρ predicted"), ylabel=plots.typeset("ρ measured"))
    right.axvline(0.1, color=COLOURS["grey"], linewidth=0.7, linestyle=":")
    right.set(
        xlim=(0, None),
        ylim=(0, 1.03),
        xlabel=plots.typeset("deviation |measured/predicted - 1|"),
        ylabel="share of cells",
    )
    right.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0))
    plots.panel_titles([left, right], ["alignment", "deviation"])
    plots.legend(figure, 2 + len(order))
    return figure


INTERVALS = """Bars are 95 % intervals: for errors the hull of Clopper-Pearson's on the pooled counts and of the bootstrap
    over seeds, for losses and ρ the bootstrap over seeds."""
SWEEP = f"""Filled: adversarial training; open: ordinary training, the control, attacked with the same budget. Faint: clean
    test error. Errors are with observed labels, so that β is the floor of the clean error. Lines are theory without a fitted
    constant: the exact robust floor of this mixture, the predictors between which training moves, and the two-group recursion
    for adversarial training of the leaky ReLU. {INTERVALS} The axis's grid and the ratio α/‖μ‖ are ours, not the paper's."""
FIGURES: dict[str, tuple[list[str], Callable[..., pd.DataFrame], str, Callable[..., matplotlib.figure.Figure]]] = {
    "dimension": (
        ["dimension"],
        dimension_numbers,
        f"""Robust test error against the dimension d, for ways in which the signal ‖μ‖ goes with d. Yellow: where the
        assumptions of Thm 3.1, as docs/theory.md spells them out, hold. The dotted line marks d = n², below which the points
        are not nearly orthogonal and the recursion is off. Lower row: the robust training loss goes towards 0 on both sides of
        the transition. {SWEEP}""",
        functools.partial(
            draw_sweep,
            x_label="dimension d",
            theory=[NOISE, FLOOR, AVERAGING, MARGIN, RECURSION],
            width=plots.FULL_WIDTH,
        ),
    ),
    "signal": (
        ["signal"],
        signal_numbers,
        f"""Robust test error against the signal ‖μ‖. Lower row: robust training loss. {SWEEP}""",
        functools.partial(
            draw_sweep,
            x_label="signal ‖μ‖",
            theory=[NOISE, FLOOR, AVERAGING, MARGIN, RECURSION],
            width=0.7 * plots.FULL_WIDTH,
        ),
    ),
    "budget": (
        ["budget"],
        budget_numbers,
        f"""Robust test error against the budget α/‖μ‖, for adversarial training and for the control. Shaded: between the
        averaging predictor, where training starts, and the linear max-margin predictor. Past the transition the error climbs
        beyond 1/2, which a constant classifier has, towards 1. Lower row: robust training loss. In the control's panel the
        recursion is that of ordinary training. {SWEEP}""",
        functools.partial(
            draw_sweep,
            x_label="budget α/‖μ‖",
            theory=[BRACKET, NOISE, FLOOR, RECURSION],
            width=plots.FULL_WIDTH,
            log=False,
        ),
    ),
    "learning_curves": (
        ["curves"],
        learning_curves_numbers,
        f"""Adversarial training of leaky ReLU networks over t steps, for several slopes γ. Points are measured; lines are the
        two-group recursion, which has no constant to fit and no prediction of the training error (there dotted lines join the
        points). In the upper row d is at least n², in the lower one below it, where the recursion is off. {INTERVALS}""",
        draw_learning_curves,
    ),
    "mnist": (
        ["mnist_side", "mnist_budget"],
        mnist_numbers,
        f"""MNIST, digits 0 and 1, down-sampled and normalised (how is our choice), with and without label noise (beyond the
        paper): over the side of the images at a fixed ratio α/√d, and over α/‖μ̂‖, 2‖μ̂‖ being the distance of the class means.
        Test labels are observed ones, so that β is the floor of the clean error. {INTERVALS} One test set serves all seeds, so
        pooling them adds no test points.""",
        draw_mnist,
    ),
    "recursion": (
        ["random"],
        recursion_numbers,
        """The two-group recursion held against networks trained at random settings: n from 50 to 200, d from n² to 1000 n²,
        β to 0.3, γ to 0.7, α to 1.2 times the averaging predictor's ρ. (a) Alignment ρ = ⟨μ, v⟩/‖v‖ after t steps, measured
        and predicted; (b) share of cells whose ρ is off by no more than so much.""",
        draw_recursion,
    ),
}
