"""The theorem in four panels, for a reader who has never met it: setting, training, budgets, phases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import INTERVALS, Figure
from benign.plots.looks import CLEAN, DASHED, FLOOR, FOUR_GROUP, NOISE, OPEN, ROBUST, TRAIN, Look, line, points
from benign.studies.adversarial_training.claims.phases import EARLY, USUAL, tolerances
from benign.studies.adversarial_training.figures.parts import (
    ONE,
    figure,
    init_scale,
    log_range,
    only,
    step_size,
)
from benign.studies.adversarial_training.figures.sweeps import closed_forms, places_of, recursion_lines
from benign.studies.adversarial_training.rows import limit_networks
from benign.theory.mixture import assumptions
from benign.theory.mixture.assumptions import CONSTANT

SETTING, STEPS, BUDGETS, PHASES = "setting (schematic)", "learning curve", "transition", "phases"
ERROR, ACROSS, BUDGET = "error", "across μ", "budget α/‖μ‖"
LABELS, WRONG = {1: "label +1", -1: "label -1"}, "wrong"
CENTRES, BOUNDARY, DISTANCE, BALL = "centres ±μ", "network's boundary", "its distance ρ", "ball of radius α"
ORDINARY, EQUAL = "after ordinary training", "α = ‖μ‖"
BENIGN, EARLIER, HARMFUL, UNFITTED = "benign", "benign if stopped early", "harmful", "not all fitted"
INSIDE, SHOWN = f"assumptions hold (C = {CONSTANT:g})", "network of the learning curve"
SHOWN_BUDGETS = "networks of the transition"

LOOKS_HERE: dict[str, Look] = {
    LABELS[1]: points("blue", "o"),
    LABELS[-1]: points("vermilion", "s"),
    WRONG: {"marker": "X"},
    CENTRES: points("black", "P"),
    BOUNDARY: line("black", width=1.2),
    DISTANCE: line("black", DASHED, 0.8),
    BALL: line("purple"),
    ROBUST: points("blue", "o"),
    TRAIN: points("vermilion", "s"),
    CLEAN: points("green", "^"),
    ORDINARY: points("blue", "o") | OPEN,
    BENIGN: line("sky", alpha=0.45),
    EARLIER: line("orange", alpha=0.35),
    HARMFUL: line("vermilion", alpha=0.55),
    UNFITTED: line("grey", alpha=0.3),
    INSIDE: line("yellow", alpha=0.9),
    f"network, {BENIGN}": points("blue", "o"),
    f"network, {HARMFUL}": points("vermilion", "s"),
    f"network, {UNFITTED}": points("grey", "X"),
    SHOWN: points("black", "D"),
    SHOWN_BUDGETS: line("black", DASHED),
}


def story(table: pd.DataFrame) -> Figure:
    """What is trained; that wrong labels are fitted and harm little; up to which budget; and in which regime."""
    text = f"""Benign overfitting in adversarial training. (a) Two Gaussian clusters around ±μ; a share β of the labels
        is wrong. A network is robustly right on a point if the whole ball of radius α around it lies on the side of its
        label. Fresh points are drawn, in the plane of μ and of the boundary's normal; the boundary passes a cluster's
        centre at the distance ρ. (b) The theorem: training drives robust training error to 0, wrong labels included,
        and robust test error stays near β, its floor. Of the learning curves, the problem with the largest r that
        ends with every point fitted, where the fall is slow enough to be seen. (c) It holds up to a budget: robust
        test error over α, after adversarial and ordinary training, beside the floor over all classifiers and theory
        without a fitted constant. (d) Overfitting over r = n‖μ‖²/d and α/‖μ‖. Benign: all training points are
        robustly fitted after the last step, and robust test error with true labels is below 1/2; if stopped early:
        below 1/2 after some recorded step from {EARLY} on; harmful: after none. Zones, for large ‖μ‖: limit networks
        (docs/theory.md § 19). Marks: networks. Yellow: where assumptions of the theorem's form hold, but for its far
        shorter steps.
        {INTERVALS}"""
    leaky = table[(table["activation"] == "leaky_relu") & (table["sampling"] != "limit")]
    course, budgets = _one_course(of_experiments(leaky, "curves")), of_experiments(leaky, "budget")
    limits = converged(limit_networks(table, "phases").query(USUAL))
    networks = _networks(converged(leaky))
    found = [*_steps(course), *_transition(budgets), *_phases(limits, networks, course, budgets)]
    drawn = pd.concat([course, budgets, limits, networks])
    return figure("story", drawn, [*_setting(), *found] if found else [], draw_story, text)


# ---------------------------------------------------------------- (a) the setting


def _setting(
    signal: float = 3.0, alignment: float = 0.8, budget: float = 1.0, count: int = 20
) -> Iterator[pd.DataFrame]:
    """Two clusters, one point in ten with the wrong label, a boundary with that h = ρ/‖μ‖, and two balls of radius α.

    No sample: `count` points at the quantiles of the normal law's radius, along a spiral.
    """
    k = np.arange(count)
    radius, angle = np.sqrt(-2 * np.log(1 - (k + 0.5) / count)), k * np.pi * (3 - 5**0.5)
    cluster = np.stack([signal + radius * np.cos(angle), radius * np.sin(angle)], axis=1)  # (count, 2) around +μ
    normal = np.array([alignment, (1 - alignment**2) ** 0.5])
    flipped = k % 10 == 5
    for wrong in (False, True):
        for label, name in LABELS.items():
            x, y = (-label if wrong else label) * cluster[flipped == wrong].T
            yield plots.single_runs(x, y, (SETTING, ACROSS, f"{name}, {WRONG}" if wrong else name))
    along = np.array([normal[1], -normal[0]])
    yield _path(np.outer([-1, 1], 3.2 * along), BOUNDARY)
    centre = np.array([signal, 0.0])
    yield plots.single_runs([-signal, signal], [0.0, 0.0], (SETTING, ACROSS, CENTRES))
    yield _path(np.stack([centre, centre - (centre @ normal) * normal]), DISTANCE)
    turn = np.append(np.linspace(0, 2 * np.pi, 61), np.nan)  # NaN: no line from one ball to the next
    circle, margins = budget * np.stack([np.cos(turn), np.sin(turn)], axis=1), cluster[~flipped] @ normal
    lost, kept = cluster[~flipped][[margins.argmin(), margins.argmax()]]
    yield _path(np.concatenate([lost + circle, kept + circle]), BALL)


def _path(places: NDArray, series: str) -> pd.DataFrame:
    return plots.theory(places[:, 0], places[:, 1], (SETTING, ACROSS, series))


# ---------------------------------------------------------------- (b) training, (c) budgets


def _one_course(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the learning curves the slope nearest 0.1, and the problem with the largest r in which training error ends at
    0: the more crowded, the longer the fall. The smallest r where it does so in none.
    """
    off = (rows["slope"] - 0.1).abs()
    rows = rows[off == off.min()]
    last = rows[rows["steps"] == rows["steps"].max()].groupby("r")["robust_train_error"].max()
    fitted = last.index[last == 0]
    return rows[rows["r"] == (fitted.max() if len(fitted) else rows["r"].min())]


def _steps(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    columns = {TRAIN: ("robust_train_error", "n"), ROBUST: ("robust_test_error", "tested")}
    columns |= {CLEAN: ("clean_test_error", "tested")}
    for (d, signal, budget), part in rows.groupby(["d", "signal", "budget"]):
        panel = f"{STEPS}, d = {plots.scientific(float(str(d)))}, ‖μ‖ = {signal:g}, α = {budget:g}"
        for series, (column, trials) in columns.items():
            yield plots.over_seeds(part, part["steps"], column, (panel, ERROR, series), trials)
        yield plots.level(part["steps"], only(part, "flip_rate"), (panel, ERROR, NOISE))


def _transition(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for (d, signal), part in rows.groupby(["d", "signal"]):
        panel = f"{BUDGETS}, d = {plots.scientific(float(str(d)))}, ‖μ‖ = {signal:g}"
        ratio = np.linspace(0, part["ratio"].max(), 97)
        places = places_of(d, signal, ratio * signal)
        for series, training in ((ROBUST, "adversarial"), (ORDINARY, "ordinary")):
            each = part[part["training"] == training]
            yield plots.over_seeds(each, each["ratio"], "robust_test_error", (panel, ERROR, series), "tested")
        lines = plots.gather(
            [*closed_forms(part, part, panel, ratio, places), *recursion_lines(part, panel, ratio, places)]
        )
        wanted = lines["series"].isin([FLOOR, NOISE, FOUR_GROUP]) & (lines["quantity"] == ROBUST)
        yield lines[wanted].assign(quantity=ERROR)
        yield plots.mark(1.0, (panel, ERROR, EQUAL))


# ---------------------------------------------------------------- (d) phases


def _networks(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the phases those in the largest d, nearest to the limit, and those of the regime; after the last step."""
    phases, regime = of_experiments(rows, "phases"), of_experiments(rows, "regime")
    phases = phases[(phases["d"] == phases["d"].max()) & (phases["steps"] == phases["steps"].max())]
    return pd.concat([phases, regime])


def _phases(
    limits: pd.DataFrame, networks: pd.DataFrame, course: pd.DataFrame, budgets: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    if limits.empty:
        return
    yield from _zones(limits)
    yield _assumed(limits)
    yield plots.mark(1.0, (PHASES, BUDGET, ONE))
    means = networks.groupby(["n", "d", "r", "ratio"])[["robust_test_error_clean_labels", "robust_train_error"]].mean()
    fitted, low = means["robust_train_error"] == 0, means["robust_test_error_clean_labels"] < 0.5
    for outcome, chosen in ((BENIGN, fitted & low), (HARMFUL, fitted & ~low), (UNFITTED, ~fitted)):
        at = means[chosen].reset_index()
        yield plots.single_runs(at["r"], at["ratio"], (PHASES, BUDGET, f"network, {outcome}"))
    places = course[["r", "ratio"]].drop_duplicates()
    yield plots.single_runs(places["r"], places["ratio"], (PHASES, BUDGET, SHOWN))
    for r, part in budgets.groupby("r"):
        ends = [part["ratio"].min(), part["ratio"].max()]
        yield plots.theory([float(str(r))] * 2, ends, (PHASES, BUDGET, SHOWN_BUDGETS))


def _zones(limits: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """What overfitting does over r up to the largest budget tried, from the lines of the figure `phases`."""
    found, top = tolerances(limits), limits["ratio"].max()
    last = limits[limits["steps"] == limits["steps"].max()]
    unfitted = last.groupby(["r", "ratio"])["robust_train_error"].mean().gt(0).unstack("ratio")
    edge = unfitted.idxmax(axis="columns").where(unfitted.any(axis="columns"), top).reindex(found.index)
    end, best = (found[name].clip(upper=edge) for name in ("end", "best"))
    nothing = 0 * edge
    for zone, low, high in (
        (BENIGN, nothing, end),
        (EARLIER, end, best),
        (HARMFUL, best, edge),
        (UNFITTED, edge, nothing + top),
    ):
        yield plots.band(found.index, low, high, (PHASES, BUDGET, zone))


def _assumed(limits: pd.DataFrame) -> pd.DataFrame:
    """For each r the budgets at which the assumptions hold, at the limit networks' n and d."""
    n, d = only(limits, "n"), only(limits, "d")
    r = log_range(np.array([min(limits["r"].min(), 1 / CONSTANT) / 4, limits["r"].max()]), 121)
    ratio, most = np.linspace(0, 1, 1001), []
    fixed = {name: only(limits, name) for name in ("n", "flip_rate", "width")} | {"curvature": np.inf, "d": d}
    for signal, start in zip(np.sqrt(r * d / n), init_scale(limits, np.full(len(r), d)), strict=True):
        own = {"signal": signal, "step_size": step_size(limits, d, signal), "init_scale": start}
        checks = (assumptions.check(**fixed, **own, budget=each * signal) for each in ratio)
        most.append(sum(1 for _ in itertools.takewhile(assumptions.in_regime, checks)))
    holds = np.array(most) > 0
    return plots.band(r[holds], 0 * r[holds], ratio[np.array(most)[holds] - 1], (PHASES, BUDGET, INSIDE))


# ---------------------------------------------------------------- drawing


def draw_story(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two rows of two panels, each with its own legend below it."""
    facets = plots.Facets(numbers, 6.4, wrap=2)
    for panel in facets:
        kind, axes = panel.name.split(", ")[0], panel.axes
        joined: dict[str, dict[str, Any]] = {STEPS: {"linestyle": "-", "linewidth": 0.8}, BUDGETS: {"linestyle": ""}}
        plots.draw_numbers(axes, panel.numbers, LOOKS_HERE, markersize=3.6, **joined.get(kind, {}))
        if kind == SETTING:
            axes.set(xticks=[], yticks=[])
            axes.set_aspect("equal", adjustable="datalim")
        if kind == STEPS:
            plots.error_axis(axes, panel.numbers[["mean", "high"]].max().max())
            axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
        if kind == BUDGETS:
            plots.error_axis(axes)
        if kind == PHASES:
            axes.set_ylim(0, 1)
        if kind in (STEPS, PHASES):
            plots.log_axis(axes, "x", 5)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    across = {SETTING: "along μ", STEPS: "steps t", BUDGETS: BUDGET, PHASES: "r = n‖μ‖²/d"}
    along = {SETTING: ACROSS, PHASES: BUDGET, BUDGETS: ROBUST}
    facets.label(lambda name: across[name.split(", ")[0]], lambda name: along.get(name.split(", ")[0], ERROR))
    return facets.finish(0, height=0.93)
