"""The flagship's figures: dimension, signal and budget (its Figures 2 to 4 [digest], the axes' grids [ours]), its main
theorem's regime, what adversarial training gains, learning curves, MNIST, our choices, the two-group recursion held
against networks at random settings, and the collapse of all errors onto one curve with the constant in the exponent.

Points are networks that were trained and attacked; lines are theory, from benign.theory on dense axes.
Letters: d dimension, ‖μ‖ signal, α budget, β flip rate, γ slope of the activation, ρ = ⟨μ, v⟩/‖v‖ alignment, t steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import COLOURS, INTERVALS, Figure
from benign.plots.looks import (
    ACTIVATIONS,
    AVERAGING,
    CLEAN,
    FLOOR,
    LOOKS,
    LOSS,
    MARGIN,
    NOISE,
    RECURSION,
    ROBUST,
    TRAIN,
    TRAININGS,
    line,
    points,
)
from benign.studies.adversarial_training.rows import (
    SWEEPS,
    adversarial,
    choices,
    described,
    near_orthogonal,
    pairs,
    trained,
)
from benign.theory.mixture import assumptions, exponent, gaussian, two_group

Draw = Callable[[pd.DataFrame], matplotlib.figure.Figure]

RHO = "ρ"
# Quantity: its column, and what a proportion is a proportion of.
MEASURED: dict[str, tuple[str, str | None]] = {
    ROBUST: ("robust_test_error", "tested"),
    CLEAN: ("clean_test_error", "tested"),
    LOSS: ("robust_train_loss", None),
    TRAIN: ("robust_train_error", "n"),
    RHO: ("rho", None),
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    table = described(table)
    swept = adversarial(table, *SWEEPS, "random")
    return [
        dimension(of_experiments(table, "dimension")),
        signal(of_experiments(table, "signal")),
        budget(of_experiments(table, "budget")),
        regime(of_experiments(table, "regime")),
        gain(of_experiments(table, "dimension", "budget")),
        learning_curves(of_experiments(table, "curves")),
        mnist(of_experiments(table, "mnist_side", "mnist_budget")),
        chosen(table),
        recursion(of_experiments(table, "random")),
        collapse(swept),
        needed_constant(swept),
    ]


def _figure(name: str, rows: pd.DataFrame, numbers: Iterable[pd.DataFrame], draw: Draw, *text: str) -> Figure:
    """Its caption says the choices that the cells share, and those in which they differ by their extremes."""
    said = rows.assign(curvature=rows["curvature"].where(rows["activation"] == "smooth_leaky_relu"))
    fields = ("n", "flip_rate", "width", "slope", "steps", "step_scale", "init_scale", "curvature", "tested")
    caption = plots.caption(*text, plots.runs(said, *fields))
    return Figure(name, caption, plots.gather(numbers), draw, frozenset(converged(rows)["key"]))


def _measured(rows: pd.DataFrame, x: Any, place: tuple[str, str, str]) -> pd.DataFrame:
    column, trials = MEASURED[place[1]]
    return plots.over_seeds(rows, x, column, place, trials)


def _by(rows: pd.DataFrame, **orders: Sequence[Any]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Groups of rows with equal values of these columns, in the order of their lists of values."""
    groups: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(list(orders)))
    groups.sort(key=lambda group: [order.index(value) for order, value in zip(orders.values(), group[0], strict=True)])
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


# ---------------------------------------------------------------- sweeps over the dimension, the signal and the budget

BRACKET, REGIME, SQUARE, EQUAL = "averaging to linear max-margin", "assumptions hold (C = 5)", "d = n²", "α = ‖μ‖"
PREDICTORS, BRACKETED = [NOISE, FLOOR, AVERAGING, MARGIN], [BRACKET, NOISE, FLOOR]
SWEEP = f"""Filled: adversarial training. Open: ordinary training, the control, attacked with the same budget. Faint:
    clean test error. Errors are with observed labels, so that β is their floor. Lines are theory without a fitted
    constant: the exact robust floor of this mixture, and, for the leaky ReLU and each sample's own share of flipped
    labels, averaged: the predictors between which training moves, and the two-group recursion.
    Lower row: robust training loss, if nothing else is said. {INTERVALS} The axis's grid is ours, not the paper's."""


def dimension(rows: pd.DataFrame) -> Figure:
    """A panel for each way in which ‖μ‖ goes with d: fixed, or a power of d (one exponent at several d)."""
    text = """Robust test error against the dimension d, for each way in which the signal ‖μ‖ goes with d. Yellow: where
        assumptions of the theorem's form hold, with docs/theory.md's constants, not the paper's. Dotted line: d = n²,
        below which the points are not nearly orthogonal, as the recursion takes them to be."""
    power = (np.log(rows["signal"]) / np.log(rows["d"])).round(6)
    rows = rows.assign(power=rows["d"].groupby(power).transform("nunique") > 1)
    rows["scaling"] = power.where(rows["power"], rows["signal"])
    numbers = []
    for (is_power, scaling, ratio), part in rows.groupby(["power", "scaling", "ratio"]):
        d = _log_range(part["d"])
        signal = d**scaling if is_power else np.full(len(d), scaling)
        panel = f"‖μ‖ = {f'd^{scaling:g}' if is_power else f'{scaling:g}'}, α = {ratio:g} ‖μ‖"
        numbers.append(sweep_numbers(part, panel, part["d"], d, _places(d, signal, ratio * signal), PREDICTORS))
        numbers.append(plots.mark(_only(part, "n") ** 2, (panel, ROBUST, SQUARE)))
    draw = functools.partial(draw_sweep, x="dimension d")
    return _figure("dimension", rows, numbers, draw, text, SWEEP)


def signal(rows: pd.DataFrame) -> Figure:
    """A panel for each dimension and ratio α/‖μ‖."""
    draw = functools.partial(draw_sweep, x="signal ‖μ‖")
    return _figure("signal", rows, over_signal(rows), draw, "Robust test error against the signal ‖μ‖.", SWEEP)


def regime(rows: pd.DataFrame) -> Figure:
    """The same where the theorem's assumptions hold, with the training error that it says is 0."""
    text = """The main theorem's regime: robust test error against the signal ‖μ‖, at two ratios α/‖μ‖. Yellow: where
        assumptions of its form hold, with docs/theory.md's constants, but for its far shorter steps. Lower row: robust
        training error, which it says is 0."""
    draw = functools.partial(draw_sweep, x="signal ‖μ‖", below=TRAIN)
    return _figure("regime", rows, over_signal(rows, TRAIN), draw, text, SWEEP)


def over_signal(rows: pd.DataFrame, below: str = LOSS) -> Iterator[pd.DataFrame]:
    """A panel for each dimension and ratio α/‖μ‖; x is ‖μ‖."""
    for (d, ratio), part in rows.groupby(["d", "ratio"]):
        signal = _log_range(part["signal"])
        panel = f"d = {plots.scientific(float(str(d)))}, α = {ratio:g} ‖μ‖"
        places = _places(d, signal, ratio * signal)
        yield sweep_numbers(part, panel, part["signal"], signal, places, PREDICTORS, below)


def budget(rows: pd.DataFrame) -> Figure:
    """A panel for each training, as the recursion differs; x is α/‖μ‖."""
    text = """Robust test error against the budget α/‖μ‖, for adversarial training and for the control, in whose panel
        the recursion is that of ordinary training. Shaded: between the averaging predictor, where training starts, and
        the linear max-margin predictor. Dotted line: α = ‖μ‖, from where on no classifier is better than 1/2."""
    numbers = []
    for (training,), part in _by(rows, training=list(TRAININGS)):
        d, signal = _only(part, "d"), _only(part, "signal")
        ratio = np.linspace(0, part["ratio"].max(), 97)
        panel = f"{TRAININGS[training]}, d = {plots.scientific(d)}, ‖μ‖ = {signal:g}"
        places = _places(d, signal, ratio * signal)
        numbers.append(sweep_numbers(part, panel, part["ratio"], ratio, places, BRACKETED))
        numbers.append(plots.mark(1.0, (panel, ROBUST, EQUAL)))
    draw = functools.partial(draw_sweep, x="budget α/‖μ‖", log="")
    return _figure("budget", rows, numbers, draw, text, SWEEP)


def sweep_numbers(
    rows: pd.DataFrame,
    panel: str,
    at: pd.Series,
    x: NDArray,
    places: pd.DataFrame,
    theory: list[str],
    below: str = LOSS,
) -> pd.DataFrame:
    """One panel: what was measured, and the closed forms at its cells' own n, β, γ, steps and step size.

    rows: the panel's cells, at: their x; x: (N,) the theory's dense axis, places: d, signal and budget there;
    theory: the closed forms that are drawn; below: the quantity of the lower row
    """
    parts = []
    for (training, activation), part in _by(rows, training=list(TRAININGS), activation=list(ACTIVATIONS)):
        series = f"{ACTIVATIONS[activation]}, {TRAININGS[training]}"
        parts += [_measured(part, at[part.index], (panel, quantity, series)) for quantity in (ROBUST, CLEAN, below)]
    leaky = rows[rows["activation"] == "leaky_relu"]
    if len(leaky):
        lines = plots.gather([*closed_forms(rows, leaky, panel, x, places), *recursion_lines(leaky, panel, x, places)])
        parts.append(
            lines[lines["series"].isin([*theory, RECURSION, REGIME]) & lines["quantity"].isin([ROBUST, below])]
        )
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
    samples = converged(rows).groupby("seed")["flipped"].first()
    return samples.tolist() or [_only(rows, "flip_rate")]


def _places(d: Any, signal: Any, budget: NDArray) -> pd.DataFrame:
    return pd.DataFrame({"d": d, "signal": signal, "budget": budget}, dtype=float)


def _records(places: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in record.items()} for record in places.to_dict("records")]


def _step_size(rows: pd.DataFrame, place: dict[str, Any]) -> float:
    """η = c·n/E‖x‖² [ours], with the rows' c and n."""
    return _only(rows, "step_scale") * _only(rows, "n") / (place["d"] + place["signal"] ** 2)


def _log_range(values: pd.Series | NDArray, points: int = 61) -> NDArray:
    return np.geomspace(values.min(), values.max(), points)


def draw_sweep(numbers: pd.DataFrame, x: str, log: str = "x", below: str = LOSS) -> matplotlib.figure.Figure:
    """Robust and clean test error above, the quantity `below` in a slim row, one column for each panel."""
    many = numbers["panel"].nunique() > 1
    width = plots.FULL_WIDTH if many else 0.72 * plots.FULL_WIDTH
    quantities = {"test error": [ROBUST, CLEAN], below.replace(" ", "\n", 1): [below]}
    shared: dict[str, Any] = {"sharex": True, "sharey": "row", "height_ratios": [2.6, 1]}
    facets = plots.Facets(numbers, 3.9, width=width, quantities=quantities, **shared)
    facets.draw({BRACKET: line("sky", alpha=0.25)}, linestyle="", markersize=2.8)
    facets.key("clean test error (faint)", color="black", marker="o", linestyle="", **LOOKS[CLEAN])
    facets.label(x, log=log, most=6)
    plots.error_axis(facets.grid[0, 0], facets.highest(ROBUST, CLEAN))
    if below == LOSS:
        plots.log_axis(facets.grid[1, 0], "y", most=4)
    return facets.finish(3 if many else 2, height=0.8)


# ---------------------------------------------------------------- what adversarial training gains, and what we chose

GAIN, OVER_D = "gain in robust test error", "over d"


def gain(rows: pd.DataFrame) -> Figure:
    """A panel over d for each ratio α/‖μ‖, and one over α/‖μ‖."""
    text = f"""What adversarial training gains: robust test error of ordinary minus that of adversarial training, from
        the same points and start: above 0 it helps. Dotted lines: d = n and d = n². {INTERVALS}"""
    compared = pairs(rows, "training", "adversarial")
    drawn = compared[(compared["training"] == "adversarial") & compared["gain"].notna()]
    over_d, over_budget = of_experiments(drawn, "dimension"), of_experiments(drawn, "budget")
    panels = [(f"{OVER_D}, α = {ratio:g} ‖μ‖", "d", part) for ratio, part in over_d.groupby("ratio")]
    panels += [
        (f"over the budget, d = {plots.scientific(float(str(d)))}", "ratio", part)
        for d, part in over_budget.groupby("d")
    ]
    numbers = []
    for panel, x, part in panels:
        for (activation,), each in _by(part, activation=list(ACTIVATIONS)):
            numbers.append(plots.over_seeds(each, each[x], "gain", (panel, GAIN, ACTIVATIONS[activation])))
        if x == "d":
            n = _only(part, "n")
            numbers += [plots.mark(place, (panel, GAIN, name)) for place, name in ((n, "d = n"), (n**2, SQUARE))]
    return _figure("gain", compared, numbers, draw_gain, text)


def draw_gain(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel beside the other, with 0 as a line."""
    facets = plots.Facets(numbers, 2.5)
    facets.draw()
    for panel in facets:
        panel.axes.axhline(0, color=COLOURS["grey"], linewidth=0.7)
        if panel.name.startswith(OVER_D):
            plots.log_axis(panel.axes, "x", 5)
    facets.label(lambda name: "dimension d" if name.startswith(OVER_D) else "budget α/‖μ‖", GAIN)
    return facets.finish(3)


GAP, EVALUATIONS, INNER = "largest relative Frank-Wolfe gap", "evaluations in a step", "inner maximum"
EXACT, PGD = "to a stationary point", "PGD-20"
CHOSEN = {"step_scale": "step size c", "init_scale": "initial scale σ√d", "curvature": "curvature H"}


def chosen(table: pd.DataFrame) -> Figure:
    """A panel for each choice, one for PGD beside the exact inner maximum, and two for what the latter reaches."""
    text = f"""What we had to choose, and how the inner maximum is taken: robust test error over the step size's c in
        η = c·n/E‖x‖², the scale of the initial weights and the curvature of the smoothed leaky ReLU; of networks
        trained with PGD-20, as in the paper, and to a stationary point; and, of every network of the sweeps with
        d ≥ n² (a dot), the largest gap of its training points' inner maxima at the last step and the gradient
        evaluations that a step took, over α/√(d/n). Gaps of 0 are not shown. {INTERVALS}"""
    tried, inner = choices(table), pairs(of_experiments(table, "inner"), "inner", "exact")
    swept = near_orthogonal(adversarial(table, *SWEEPS)).query("budget > 0")
    numbers = [
        _measured(each, each[name], (CHOSEN[name], ROBUST, ACTIVATIONS[activation]))
        for name, part in tried.items()
        for (activation,), each in _by(part, activation=list(ACTIVATIONS))
    ]
    for (method,), part in _by(inner, inner=["exact", "pgd"]):
        numbers.append(_measured(part, part["ratio"], (INNER, ROBUST, EXACT if method == "exact" else PGD)))
    for (activation,), part in _by(converged(swept), activation=list(ACTIVATIONS)):
        x = part["budget"] * (part["n"] / part["d"]) ** 0.5
        for panel, column in ((GAP, "inner_gap"), (EVALUATIONS, "inner_evaluations")):
            numbers.append(plots.single_runs(x, part[column], (panel, panel, ACTIVATIONS[activation])))
    return _figure("choices", pd.concat([*tried.values(), inner, swept]), numbers, draw_chosen, text)


def draw_chosen(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two rows of three panels."""
    facets = plots.Facets(numbers[(numbers["panel"] != GAP) | (numbers["mean"] > 0)], 4.4, wrap=3)
    facets.draw({EXACT: points("purple", "D"), PGD: points("orange", "v")}, markersize=2.8)
    for panel in facets:
        if panel.name in CHOSEN.values():
            plots.log_axis(panel.axes, "x", 5)
        if panel.name == GAP:
            plots.log_axis(panel.axes, "y", 5)
    across = dict.fromkeys((GAP, EVALUATIONS), "α/√(d/n)") | {INNER: "budget α/‖μ‖"}
    along = {GAP: "gap", EVALUATIONS: "evaluations"}
    facets.label(lambda name: across.get(name, name), lambda name: along.get(name, ROBUST))
    return facets.finish(3)


# ---------------------------------------------------------------- learning curves


def learning_curves(rows: pd.DataFrame) -> Figure:
    """A panel for each problem, the largest d first, a series for each slope γ; x is the number of steps t."""
    text = f"""Adversarial training of leaky ReLU networks over t steps, for several slopes γ. Points are measured;
        lines are the two-group recursion, which has no constant to fit and says nothing of the training error (there
        dotted lines join the points); it is that of each sample's own share of flipped labels, averaged. Its derivation
        takes the points to be nearly orthogonal, d ≥ n²: the upper row. {INTERVALS}"""
    numbers: list[pd.DataFrame] = []
    problems: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(["d", "signal", "budget"]))
    for (d, signal, budget), problem in reversed(problems):
        panel = f"d = {plots.scientific(d)}, ‖μ‖ = {signal:g}, α = {budget:g}"
        for slope, part in problem.groupby("slope"):
            series = f"γ = {slope:g}"
            numbers += [_measured(part, part["steps"], (panel, what, series)) for what in (LOSS, TRAIN, ROBUST, RHO)]
            numbers += _recursion_course(part, panel, series)
    return _figure("learning_curves", rows, numbers, draw_learning_curves, text)


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
    for quantity, course in lines.items():
        yield plots.theory(t, course[t - 1], (panel, quantity, series))


def draw_learning_curves(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A row for each problem; a column each for loss, training error, test error and ρ."""
    slopes, rows = plots.in_order(sorted(numbers["series"].unique())), numbers["panel"].nunique()
    facets = plots.Facets(numbers, 0.5 + 1.65 * rows, quantities=[LOSS, TRAIN, ROBUST, RHO], across=True, sharex=True)
    facets.draw(slopes | {TRAIN: {"linestyle": ":", "linewidth": 0.8}}, linestyle="")
    facets.key(RECURSION, **LOOKS[RECURSION])
    facets.label("steps t", log="x")
    for panel in facets:
        if panel.quantity == LOSS:
            plots.log_axis(panel.axes, "y", most=5)
        if panel.quantity in (TRAIN, ROBUST):
            highest = facets.highest(panel.quantity)
            panel.axes.set_ylim(0, 1.05 * highest if np.isfinite(highest) else 1.0)  # every run may have diverged
            panel.axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
    return facets.finish(len(slopes) + 1)


# ---------------------------------------------------------------- MNIST

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
    return _figure("mnist", rows, numbers, draw_mnist, text)


def _mnist_panel(rows: pd.DataFrame, x: pd.Series, panel: str) -> Iterator[pd.DataFrame]:
    noises = sorted(rows["flip_rate"].unique())
    for (training, beta), part in _by(rows, training=list(TRAININGS), flip_rate=noises):
        series = f"{TRAININGS[training]}, β = {beta:g}"
        yield _measured(part, x[part.index], (panel, ROBUST, series))
        yield _measured(part, x[part.index], (panel, TRAIN, series))
    for beta in filter(None, noises):
        yield plots.level(x, beta, (panel, ROBUST, f"{NOISE} = {beta:g}"))


def draw_mnist(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test error above, training error below; over the side on the left, over the budget on the right."""
    facets = plots.Facets(numbers, 3.9, quantities=[ROBUST, TRAIN], sharex="col", sharey="row")
    facets.draw({series: LOOKS[NOISE] for series in numbers["series"] if series.startswith(NOISE)})
    facets.label(lambda name: "side (pixels), d = side²" if name.startswith(OVER_SIDE) else "budget α/‖μ̂‖")
    for panel in facets:
        plots.error_axis(panel.axes)
        if panel.name.startswith(OVER_SIDE):
            panel.axes.set_xticks(sorted(panel.numbers["x"].unique()))
    return facets.finish(3)


# ---------------------------------------------------------------- the recursion at random settings

AGREEMENT, DEVIATION, NOMINAL = "agreement", "relative deviation", "from nominal β"


def recursion(rows: pd.DataFrame) -> Figure:
    """Predicted (x) and measured ρ of each random cell; and the relative deviations, x being the share of cells within.

    The prediction is for the sample's own share of flipped labels; deviations also for β itself, which that share is
    only near to.
    """
    text = """The two-group recursion held against leaky ReLU networks trained at random settings: n from 50 to 200, d
        from n² to 1000 n², β to 0.3, γ to 0.7, α to 1.2 times the averaging predictor's ρ. (a) Alignment ρ = ⟨μ,
        v⟩/‖v‖ after t steps, measured, and predicted from the sample's own share of flipped labels; shaded: ±10 %.
        (b) Share of cells whose ρ is off by no more than so much; dotted: predicted from the nominal β."""
    numbers = []
    for steps, part in converged(rows).groupby("steps"):
        predicted = {f"t = {steps}": part["two_group_sample_rho"], f"t = {steps}, {NOMINAL}": part["two_group_rho"]}
        numbers.append(_measured(part, part["two_group_sample_rho"], (AGREEMENT, RHO, f"t = {steps}")))
        for series, rho in predicted.items():
            off = np.sort(np.abs(part["rho"] / rho - 1))
            share = np.arange(1, len(off) + 1) / len(off)
            numbers.append(plots.single_runs(share, off, (DEVIATION, DEVIATION, series)))
    return _figure("recursion", rows, numbers, draw_recursion, text)


def draw_recursion(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Measured against predicted ρ on the left, the distribution of the deviation on the right."""
    facets = plots.Facets(numbers, 2.7, width=0.82 * plots.FULL_WIDTH, panels=[AGREEMENT, DEVIATION])
    left, right = facets
    steps = plots.in_order(left.numbers["series"])
    low, high = left.numbers[["x", "mean"]].min().min(), left.numbers[["x", "mean"]].max().max()
    limits = np.array([0.9 * low, 1.1 * high])
    left.axes.fill_between(limits, 0.9 * limits, 1.1 * limits, color="grey", alpha=0.15, linewidth=0, label="±10 %")
    left.axes.plot(limits, limits, color="black", linewidth=0.8, label="equality")
    plots.draw_numbers(left.axes, left.numbers, steps, linestyle="", markeredgewidth=0.4, markeredgecolor="white")
    left.axes.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (left.axes.xaxis, left.axes.yaxis):
        axis.set_major_locator(matplotlib.ticker.MaxNLocator(5, steps=[1, 2, 5, 10]))
    for series, rows in right.numbers.groupby("series", sort=False):
        look = plots.look(str(series), own=steps)
        drawn = {"linestyle": (0, (1, 1))} if NOMINAL in str(series) else {"marker": look["marker"], "markersize": 2.4}
        stairs = [0, *rows["mean"]], [0, *rows["x"]]
        right.axes.step(*stairs, where="post", color=look["color"], markevery=slice(1, None), **drawn)
    facets.key(f"predicted {NOMINAL}", color="black", linestyle=(0, (1, 1)))
    right.axes.axvline(0.1, color=COLOURS["grey"], linewidth=0.7, linestyle=":")
    right.axes.set(xlim=(0, None), ylim=(0, 1.03))
    right.axes.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0, symbol=" %"))
    across = {AGREEMENT: "ρ predicted", DEVIATION: "deviation |measured/predicted - 1|"}
    facets.label(across.__getitem__, {AGREEMENT: "ρ measured", DEVIATION: "share of cells"}.__getitem__)
    return facets.finish(3)


# ---------------------------------------------------------------- collapse

NORMAL = "Φ(α - ρ)"
ALIGNMENTS = {  # the ρ in α - ρ: its column
    "measured ρ": "rho",
    RECURSION: "two_group_sample_rho",
    AVERAGING: "averaging_rho",
    "linear max-margin": "linear_max_margin_rho",
}


def collapse(rows: pd.DataFrame) -> Figure:
    """A panel for each ρ; x is α - ρ; robust test error with clean labels of every network, and Φ(α - ρ)."""
    text = """Robust test error with clean labels of every adversarially trained network of the sweeps over d, ‖μ‖, α
        and random settings (each a dot), against α - ρ. (a) ρ as measured, (b) as the two-group recursion predicts it
        from the sample's share of flipped labels, (c), (d) as the averaging and the linear max-margin predictor have
        it. Line: Φ(α - ρ), the error of a half-space with that ρ. Dots beyond ±6 are not shown."""
    drawn, networks = trained(rows), converged(trained(rows))
    above = networks["d"] >= networks["n"] ** 2
    sides = {f"{SQUARE} or above": networks[above], f"below {SQUARE}": networks[~above]}
    dense, numbers = np.linspace(-6, 6, 121), []
    for panel, column in ALIGNMENTS.items() if len(networks) else ():
        for side, part in sides.items():
            error = part["robust_test_error_clean_labels"]
            numbers.append(
                plots.single_runs(part["budget"] - part[column], error, (panel, ROBUST, side), part["tested"])
            )
        numbers.append(plots.theory(dense, gaussian.half_space_error(0, -dense), (panel, ROBUST, NORMAL)))
    return _figure("collapse", drawn, numbers, draw_collapse, text)


def draw_collapse(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A panel for each ρ, with the same axes."""
    facets = plots.Facets(numbers, 2.35, sharex=True, sharey=True)
    sides = plots.in_order(numbers.loc[numbers["kind"] == "run", "series"])
    facets.draw(sides | {NORMAL: line("black", width=0.9, zorder=4)}, markersize=2.0, alpha=0.5)
    facets.label("α - ρ", "robust test error,\nclean labels")
    facets.grid[0, 0].set_xlim(-6, 6)
    plots.error_axis(facets.grid[0, 0])
    return facets.finish(3)


# ---------------------------------------------------------------- constant in the exponent

CONSTANT, DERIVED = "constant C", "averaging predictor, X → ∞"
FLIP_RATES = {"β < 0.1": (-1, 0.095), "β = 0.1": (0.095, 0.105), "β > 0.1": (0.105, 1)}


def needed_constant(rows: pd.DataFrame) -> Figure:
    """The constant C that each network's clean error needs, over r = n‖μ‖²/d, for d ≥ n².

    The excess is Φ(-ρ) with the measured ρ: no count of 2,000 test points could tell one below 1/2000.
    """
    text = """The least constant C with which each network of the sweeps with d ≥ n² keeps a clean error of the form of
        Thm 3.1 [frei], excess ≤ 2exp(-n‖μ‖⁴/(Cd)), over r = n‖μ‖²/d, which the assumptions keep below 1/C. The excess
        is Φ(-ρ) with the measured ρ. Where n‖μ‖⁴/d is small (bottom left) the bound says little and any C will do.
        Lines: what the averaging predictor needs as n‖μ‖⁴/d → ∞."""
    drawn = near_orthogonal(trained(rows)).query("budget > 0")
    networks = converged(drawn)
    ratio = networks["r"].to_numpy()
    term = exponent.signal_term(networks["n"], networks["d"], networks["signal"])
    needed = exponent.needed_constant(networks["rho"], term)
    numbers = []
    for series, (low, high) in FLIP_RATES.items():
        inside = ((networks["flip_rate"] > low) & (networks["flip_rate"] <= high)).to_numpy()
        numbers.append(plots.single_runs(ratio[inside], needed[inside], (CONSTANT, CONSTANT, series)))
    x = _log_range(ratio) if len(ratio) else np.empty(0)
    for beta in (0.0, 0.1, 0.3):
        place = (CONSTANT, CONSTANT, f"{DERIVED}, β = {beta:g}")
        numbers.append(plots.theory(x, exponent.derived_constant(beta, x), place))
    return _figure("exponent", drawn, numbers, draw_exponent, text)


def draw_exponent(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """The needed constant over r, both logarithmic."""
    facets = plots.Facets(numbers[numbers["mean"] > 0], 2.9, width=0.72 * plots.FULL_WIDTH)
    derived = numbers.loc[numbers["kind"] == "theory", "series"].unique()
    dashes = ["-", (0, (4, 2)), (0, (1, 1))]
    own = {series: line("black", dash, 0.9, zorder=4) for series, dash in zip(derived, dashes, strict=True)}
    flips = dict(zip(FLIP_RATES, [LOOKS["β = 0"], LOOKS["β = 0.1"], LOOKS["β = 0.2"]], strict=True))
    facets.draw(own | flips, markersize=2.8, alpha=0.6)
    facets.label("r = n ‖μ‖²/d", "needed constant C", log="xy", most=6)
    return facets.finish(2, titles=lambda name: "")
