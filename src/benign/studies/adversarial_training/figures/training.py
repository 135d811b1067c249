"""What adversarial training gains, what we chose, and learning curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import COLOURS, INTERVALS, Figure
from benign.plots.looks import (
    ACTIVATIONS,
    CLEAN,
    DOTTED,
    FOUR_GROUP,
    LOOKS,
    LOSS,
    NOISE,
    ROBUST,
    TRAIN,
    line,
    points,
)
from benign.studies.adversarial_training.figures.parts import (
    RHO,
    by,
    crowding_mark,
    figure,
    measured,
    only,
    shares,
    step_size,
)
from benign.studies.adversarial_training.rows import (
    SWEEPS,
    adversarial,
    choices,
    pairs,
    uncrowded,
)
from benign.theory.mixture import four_group, gaussian

GAIN, OVER_D = "gain in robust test error", "over d"
ERRORS, CLEAN_TRAIN = "error", "training error"


def gain(rows: pd.DataFrame) -> Figure:
    """A panel over d for each ratio α/‖μ‖, and one over α/‖μ‖."""
    text = f"""What adversarial training gains: robust test error of ordinary minus that of adversarial training, from
        the same points and start: above 0 it helps. Dotted lines: d = n and r = n‖μ‖²/d = 1. {INTERVALS}"""
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
        for (activation,), each in by(part, activation=list(ACTIVATIONS)):
            numbers.append(plots.over_seeds(each, each[x], "gain", (panel, GAIN, ACTIVATIONS[activation])))
        if x == "d":
            numbers += [plots.mark(only(part, "n"), (panel, GAIN, "d = n")), crowding_mark(part, panel, GAIN)]
    return figure("gain", compared, numbers, draw_gain, text)


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
        trained with PGD-20, as in the paper, and to a stationary point; and, of every network of the sweeps with r =
        n‖μ‖²/d ≤ 1 (a dot), the largest gap of its training points' inner maxima at the last step and the gradient
        evaluations that a step took, over α/√(d/n). Gaps of 0 are not shown. {INTERVALS}"""
    tried, inner = choices(table), pairs(of_experiments(table, "inner"), "inner", "exact")
    swept = uncrowded(adversarial(table, *SWEEPS)).query("budget > 0")
    numbers = [
        measured(each, each[name], (CHOSEN[name], ROBUST, ACTIVATIONS[activation]))
        for name, part in tried.items()
        for (activation,), each in by(part, activation=list(ACTIVATIONS))
    ]
    for (method,), part in by(inner, inner=["exact", "pgd"]):
        numbers.append(measured(part, part["ratio"], (INNER, ROBUST, EXACT if method == "exact" else PGD)))
    for (activation,), part in by(converged(swept), activation=list(ACTIVATIONS)):
        x = part["budget"] * (part["n"] / part["d"]) ** 0.5
        for panel, column in ((GAP, "inner_gap"), (EVALUATIONS, "inner_evaluations")):
            numbers.append(plots.single_runs(x, part[column], (panel, panel, ACTIVATIONS[activation])))
    return figure("choices", pd.concat([*tried.values(), inner, swept]), numbers, draw_chosen, text)


def draw_chosen(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two rows of three panels."""
    facets = plots.Facets(numbers[(numbers["panel"] != GAP) | (numbers["mean"] > 0)], 4.4, wrap=3)
    facets.draw({EXACT: points("purple", "D"), PGD: points("orange", "v")}, markersize=2.8)
    for panel in facets:
        if panel.name in CHOSEN.values():
            plots.log_axis(panel.axes, "x", 5)
        if panel.name == GAP:
            plots.log_axis(panel.axes, "y", 5)
    across = dict.fromkeys((GAP, EVALUATIONS), "budget α/√(d/n)") | {INNER: "budget α/‖μ‖"}
    along = {GAP: "relative Frank-Wolfe gap", EVALUATIONS: "gradient evaluations"}
    facets.label(lambda name: across.get(name, name), lambda name: along.get(name, ROBUST))
    return facets.finish(3)


def neighbour(rows: pd.DataFrame) -> Figure:
    """Training and test error of ordinary training over n."""
    text = f"""A neighbour's setting (Frei, Vardi, Bartlett, Srebro, COLT 2023): ordinary training with 15 % of the
        labels wrong, d = 800, ‖μ‖ = d^0.26, over the number of training points; r = n‖μ‖²/d is 4 at n = 100. Dotted: β,
        the optimum. {INTERVALS}"""
    columns = {CLEAN: ("clean_test_error", "tested"), CLEAN_TRAIN: ("clean_train_error", "n")}
    numbers = [
        plots.over_seeds(rows, rows["n"], column, (ERRORS, ERRORS, name), trials)
        for name, (column, trials) in columns.items()
    ]
    numbers.append(plots.level(rows["n"], rows["flip_rate"].max(), (ERRORS, ERRORS, NOISE)))
    return figure("neighbour", rows, numbers, draw_neighbour, text)


def draw_neighbour(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel."""
    facets = plots.Facets(numbers, 2.6, width=plots.COLUMN_WIDTH)
    facets.draw({CLEAN: points("blue", "o"), CLEAN_TRAIN: points("vermilion", "s"), NOISE: line("grey", DOTTED)})
    facets.label("training points n", "error", log="x")
    return facets.finish(2, titles=lambda panel: "")


def learning_curves(rows: pd.DataFrame) -> Figure:
    """A panel for each problem, the largest d first, a series for each slope γ; x is the number of steps t."""
    text = f"""Adversarial training of leaky ReLU networks over t steps, for several slopes γ. Points are measured;
        lines are the four-group recursion, which has no constant to fit and says nothing of the training error (there
        dotted lines join the points); it is that of each sample's own share of flipped labels, averaged. In
        the upper row r = n‖μ‖²/d is .64, in the lower 2.5. {INTERVALS}"""
    numbers: list[pd.DataFrame] = []
    problems: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(["d", "signal", "budget"]))
    for (d, signal, budget), problem in reversed(problems):
        panel = f"d = {plots.scientific(d)}, ‖μ‖ = {signal:g}, α = {budget:g}"
        for slope, part in problem.groupby("slope"):
            series = f"γ = {slope:g}"
            numbers += [measured(part, part["steps"], (panel, what, series)) for what in (LOSS, TRAIN, ROBUST, RHO)]
            numbers += _recursion_course(part, panel, series)
    return figure("learning_curves", rows, numbers, draw_learning_curves, text)


def _recursion_course(rows: pd.DataFrame, panel: str, series: str) -> Iterator[pd.DataFrame]:
    """The recursion over the steps; it has no training error (a group of points is right or wrong as a whole)."""
    d, signal, slope, budget = (only(rows, name) for name in ("d", "signal", "slope", "budget"))
    groups, steps = [four_group.sizes(only(rows, "n"), share) for share in shares(rows)], int(rows["steps"].max())
    path = four_group.trajectory(groups, d, signal, slope, budget, step_size(rows, d, signal), steps)  # (seeds, steps)
    lines = {
        LOSS: path.robust_train_loss.mean(0),
        ROBUST: gaussian.half_space_error(budget, path.rho, only(rows, "flip_rate")).mean(0),
        RHO: path.rho.mean(0),
    }
    t = np.unique(np.geomspace(1, steps, 80).round().astype(int))
    for quantity, course in lines.items():
        yield plots.theory(t, course[t - 1], (panel, quantity, series))


def draw_learning_curves(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A row for each problem; a column each for loss, training error, test error and ρ."""
    slopes, rows = plots.in_order(sorted(numbers["series"].unique())), numbers["panel"].nunique()
    facets = plots.Facets(numbers, 0.5 + 1.65 * rows, quantities=[LOSS, TRAIN, ROBUST, RHO], across=True, sharex=True)
    facets.draw(slopes | {TRAIN: {"linestyle": ":", "linewidth": 0.8}}, linestyle="")
    facets.key(FOUR_GROUP, **LOOKS[FOUR_GROUP])
    facets.key("points joined", color=COLOURS["black"], linestyle=":", linewidth=0.8)
    facets.label("steps t", log="x")
    for panel in facets:
        if panel.quantity == LOSS:
            plots.log_axis(panel.axes, "y", most=5)
        if panel.quantity in (TRAIN, ROBUST):
            highest = facets.highest(panel.quantity)
            panel.axes.set_ylim(0, 1.05 * highest if np.isfinite(highest) else 1.0)  # every run may have diverged
            panel.axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
    return facets.finish(len(slopes) + 2)
