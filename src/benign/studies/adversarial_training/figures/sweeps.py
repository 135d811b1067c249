"""Sweeps over the dimension, the signal and the budget (the paper's Figures 2 to 4 [digest], the axes' grids [ours]),
and its main theorem's regime.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benign import plots
from benign.claims import converged
from benign.plots import INTERVALS, Figure
from benign.plots.looks import (
    ACTIVATIONS,
    AVERAGING,
    CLEAN,
    FLOOR,
    FOUR_GROUP,
    LOOKS,
    LOSS,
    MARGIN,
    NOISE,
    OPEN,
    ROBUST,
    TRAIN,
    TRAININGS,
    line,
    points,
)
from benign.studies.adversarial_training.figures.parts import (
    ONE,
    by,
    crowding_mark,
    figure,
    init_scale,
    log_range,
    measured,
    only,
    shares,
    step_size,
)
from benign.theory.mixture import assumptions, four_group, gaussian
from benign.theory.mixture.assumptions import CONSTANT, FAILURE
from benign.theory.mixture.assumptions import REGIME_SHORT as REGIME

BRACKET, EQUAL = "averaging to linear max-margin", "α = ‖μ‖"
PREDICTORS, BRACKETED = [NOISE, FLOOR, AVERAGING, MARGIN], [BRACKET, NOISE, FLOOR]
SWEEP = f"""Filled: adversarial training. Open: ordinary training, the control, attacked with the same budget. Plus
    signs: clean error. Errors are with observed labels, so that β is their floor. Lines are theory without a fitted
    constant: the exact robust floor of this mixture, and, for the leaky ReLU and each sample's own share of flipped
    labels, averaged: the predictors between which training moves, and the four-group recursion.
    Lower row: robust training loss, if nothing else is said. {INTERVALS} The axis's grid is ours, not the paper's."""


def dimension(rows: pd.DataFrame) -> Figure:
    """A panel for each way in which ‖μ‖ goes with d: fixed, or a power of d (one exponent at several d)."""
    text = """Robust test error against the dimension d, for each way in which the signal ‖μ‖ goes with d. Yellow: where
        assumptions of the theorem's form hold, with docs/theory.md's constants, not the paper's, but for its far
        shorter steps. Dotted line: r = n‖μ‖²/d = 1: far on its left, where r is larger, networks are no half-spaces, as
        the lines take them to be, and lose more."""
    power = (np.log(rows["signal"]) / np.log(rows["d"])).round(6)
    rows = rows.assign(power=rows["d"].groupby(power).transform("nunique") > 1)
    rows["scaling"] = power.where(rows["power"], rows["signal"])
    numbers = []
    for (is_power, scaling, ratio), part in rows.groupby(["power", "scaling", "ratio"]):
        d = log_range(part["d"])
        signal = d**scaling if is_power else np.full(len(d), scaling)
        panel = f"‖μ‖ = {f'd^{scaling:g}' if is_power else f'{scaling:g}'}, α = {ratio:g} ‖μ‖"
        numbers.append(sweep_numbers(part, panel, part["d"], d, places_of(d, signal, ratio * signal), PREDICTORS))
        numbers.append(crowding_mark(part, panel, ROBUST))
    draw = functools.partial(draw_sweep, x="dimension d")
    return figure("dimension", rows, numbers, draw, text, SWEEP)


def signal(rows: pd.DataFrame) -> Figure:
    """A panel for each dimension and ratio α/‖μ‖."""
    draw = functools.partial(draw_sweep, x="signal ‖μ‖")
    return figure("signal", rows, over_signal(rows), draw, "Robust test error against the signal ‖μ‖.", SWEEP)


def regime(rows: pd.DataFrame) -> Figure:
    """The same where the theorem's assumptions hold, with the training error that it says is 0."""
    text = """The main theorem's regime: robust test error against the signal ‖μ‖, at two ratios α/‖μ‖. Yellow: where
        assumptions of its form hold, with docs/theory.md's constants, but for its far shorter steps. Lower row: robust
        training error, which it says is 0."""
    draw = functools.partial(draw_sweep, x="signal ‖μ‖", below=TRAIN)
    return figure("regime", rows, over_signal(rows, TRAIN), draw, text, SWEEP)


DIMENSION, SIGNAL, INSIDE = "dimension d", "signal ‖μ‖", "assumptions on n, d, ‖μ‖ hold (C = 5)"
OUTCOMES = {
    "within .05 of β, all fitted": points("blue", "o"),
    "above, all fitted": points("vermilion", "s"),
    "not all fitted": points("grey", "X"),
}


def plane(rows: pd.DataFrame) -> Figure:
    """What became of each network in the plane of d and ‖μ‖, a panel for each ratio α/‖μ‖."""
    text = f"""The theorem's plane. Each mark: networks of the sweeps over d and ‖μ‖ and of the theorem's regime (leaky
        ReLU, adversarial training), mean over seeds: whether robust training error is 0, wrong labels included, and
        robust test error within .05 of β. Yellow: where the assumptions on n, d and ‖μ‖ hold, with our C =
        {CONSTANT:g}. Line: r = n‖μ‖²/d = 1; assumptions of the theorem's form ask for r ≤ 1/C."""
    usual = (rows["activation"] == "leaky_relu") & (rows["flip_rate"] > 0) & rows["ratio"].between(0.01, 0.35)
    rows, numbers = rows[usual], []
    for ratio, part in converged(rows).groupby("ratio"):
        panel = f"α = {ratio:g} ‖μ‖"
        d = log_range(rows["d"], 121)
        n, beta = only(part, "n"), only(part, "flip_rate")
        floor, most = (CONSTANT * np.log(n / FAILURE)) ** 0.5, (d / (CONSTANT * n)) ** 0.5
        least = np.maximum(floor, (CONSTANT * d / n) ** 0.25)
        inside = (d >= CONSTANT * n**2 * np.log(n / FAILURE)) & (most >= least)
        numbers.append(plots.band(d[inside], least[inside], most[inside], (panel, SIGNAL, INSIDE)))
        numbers.append(plots.theory(d, (d / n) ** 0.5, (panel, SIGNAL, ONE)))
        means = part.groupby(["d", "signal"])[["robust_test_error", "robust_train_error"]].mean().reset_index()
        fitted, near = means["robust_train_error"] == 0, means["robust_test_error"] <= beta + 0.05
        for name, chosen in zip(OUTCOMES, (fitted & near, fitted & ~near, ~fitted), strict=True):
            at = means[chosen]
            numbers.append(plots.single_runs(at["d"], at["signal"], (panel, SIGNAL, name)))
    return figure("plane", rows, numbers, draw_plane, text)


def draw_plane(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Panels side by side, both axes logarithmic."""
    facets = plots.Facets(numbers, 3.0, sharex=True, sharey=True)
    facets.draw(OUTCOMES | {INSIDE: line("yellow", alpha=0.5), ONE: line("black", width=0.9)}, markersize=4)
    facets.label(DIMENSION, SIGNAL, log="xy", most=5)
    return facets.finish(3)


def over_signal(rows: pd.DataFrame, below: str = LOSS) -> Iterator[pd.DataFrame]:
    """A panel for each dimension and ratio α/‖μ‖; x is ‖μ‖."""
    for (d, ratio), part in rows.groupby(["d", "ratio"]):
        signal = log_range(part["signal"])
        panel = f"d = {plots.scientific(float(str(d)))}, α = {ratio:g} ‖μ‖"
        places = places_of(d, signal, ratio * signal)
        yield sweep_numbers(part, panel, part["signal"], signal, places, PREDICTORS, below)


def budget(rows: pd.DataFrame) -> Figure:
    """A panel for each training, as the recursion differs; x is α/‖μ‖."""
    text = """Robust test error against the budget α/‖μ‖, for adversarial training and for the control, in whose panel
        the recursion is that of ordinary training. Shaded: between the averaging predictor, where training starts, and
        the linear max-margin predictor. Dotted line: α = ‖μ‖, from where on no classifier is better than 1/2."""
    numbers = []
    for (training,), part in by(rows, training=list(TRAININGS)):
        d, signal = only(part, "d"), only(part, "signal")
        ratio = np.linspace(0, part["ratio"].max(), 97)
        panel = f"{TRAININGS[training]}, d = {plots.scientific(d)}, ‖μ‖ = {signal:g}"
        places = places_of(d, signal, ratio * signal)
        numbers.append(sweep_numbers(part, panel, part["ratio"], ratio, places, BRACKETED))
        numbers.append(plots.mark(1.0, (panel, ROBUST, EQUAL)))
    draw = functools.partial(draw_sweep, x="budget α/‖μ‖", log="")
    return figure("budget", rows, numbers, draw, text, SWEEP)


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
    for (training, activation), part in by(rows, training=list(TRAININGS), activation=list(ACTIVATIONS)):
        series = f"{ACTIVATIONS[activation]}, {TRAININGS[training]}"
        parts += [measured(part, at[part.index], (panel, quantity, series)) for quantity in (ROBUST, CLEAN, below)]
    leaky = rows[rows["activation"] == "leaky_relu"]
    if len(leaky):
        lines = plots.gather([*closed_forms(rows, leaky, panel, x, places), *recursion_lines(leaky, panel, x, places)])
        parts.append(
            lines[lines["series"].isin([*theory, FOUR_GROUP, REGIME]) & lines["quantity"].isin([ROBUST, below])]
        )
    return plots.gather(parts)


def closed_forms(
    rows: pd.DataFrame, leaky: pd.DataFrame, panel: str, x: NDArray, places: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """Floors, the predictors between which training moves (max-margin for the leaky ReLU's γ), and the regime."""
    n, beta, slope = only(rows, "n"), only(rows, "flip_rate"), only(leaky, "slope")
    d, signal, budget = (places[name].to_numpy() for name in ("d", "signal", "budget"))

    def error_of(rho: Callable[[float], NDArray]) -> NDArray:
        return np.mean([gaussian.half_space_error(budget, rho(share), beta) for share in shares(rows)], axis=0)

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
    fixed = {name: only(leaky, name) for name in ("n", "flip_rate", "width")} | {"curvature": np.inf}
    own = zip(_records(places), step_size(leaky, d, signal), init_scale(leaky, d), strict=True)
    checks = [assumptions.check(**fixed, **place, step_size=step, init_scale=start) for place, step, start in own]
    inside = np.array([assumptions.in_regime(each) for each in checks])
    yield plots.spans(x, inside, (panel, ROBUST, REGIME))


def recursion_lines(leaky: pd.DataFrame, panel: str, x: NDArray, places: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Test error and training loss that the four-group recursion ends at; adversarial training's, if there is any."""
    adversarial = "adversarial" in set(leaky["training"])
    groups = [four_group.sizes(only(leaky, "n"), share) for share in shares(leaky)]
    d, signal, budget = (places[name].to_numpy()[:, None] for name in ("d", "signal", "budget"))
    path = four_group.trajectory(
        groups, d, signal, only(leaky, "slope"), adversarial * budget, step_size(leaky, d, signal), only(leaky, "steps")
    )
    error = gaussian.half_space_error(budget, path.rho[..., -1], only(leaky, "flip_rate")).mean(1)
    loss = path.robust_train_loss[..., -1].mean(1)
    yield plots.theory(x, error, (panel, ROBUST, FOUR_GROUP))
    if adversarial:  # of ordinary training the recursion knows the clean loss only
        yield plots.theory(x, loss, (panel, LOSS, FOUR_GROUP))


def places_of(d: Any, signal: Any, budget: NDArray) -> pd.DataFrame:
    return pd.DataFrame({"d": d, "signal": signal, "budget": budget}, dtype=float)


def _records(places: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in record.items()} for record in places.to_dict("records")]


def draw_sweep(numbers: pd.DataFrame, x: str, log: str = "x", below: str = LOSS) -> matplotlib.figure.Figure:
    """Robust and clean test error above, the quantity `below` in a slim row, one column for each panel."""
    many = numbers["panel"].nunique() > 1
    width = plots.FULL_WIDTH if many else plots.COLUMN_WIDTH
    shown = {"test error": [ROBUST, CLEAN], below.replace(" ", "\n", 1): [below]}
    shared: dict[str, Any] = {"sharex": True, "sharey": "row", "height_ratios": [2.6, 1]}
    facets = plots.Facets(numbers, 3.9, width=width, quantities=shown, **shared)
    adversarial, ordinary = (f", {TRAININGS[training]}" for training in TRAININGS)
    names = {name: "" if name.endswith(ordinary) else name.removesuffix(adversarial) for name in numbers["series"]}
    names[REGIME] = "assumptions hold"
    facets.draw({BRACKET: line("sky", alpha=0.25)}, names, linestyle="", markersize=2.8)
    if numbers["series"].str.endswith(ordinary).any():
        facets.key(TRAININGS["ordinary"], **points("black", "o", linestyle="") | OPEN)
    facets.key(CLEAN, **points("black", "+", linestyle="") | LOOKS[CLEAN])
    facets.label(x, log=log, most=6)
    for panel in facets:
        if shown[panel.quantity] == [LOSS]:
            plots.log_axis(panel.axes, "y", most=4)
        else:
            plots.error_axis(panel.axes, facets.highest(*shown[panel.quantity]))
    return facets.finish(4 if many else 2, height=0.8)
