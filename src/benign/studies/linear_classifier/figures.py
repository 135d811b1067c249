"""Figures of the classifiers: the paper's numbers beside ours, the memory of the start, curves, and what is beyond."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import of_experiments
from benign.plots import Figure, looks
from benign.plots.looks import LINEAR_MARGIN, NOISE, NORMS, OPEN, TRAIN, TRAININGS, points
from benign.studies.linear_classifier.reported import ADVERSARIAL, CURVES, LINEAR, RELU, RISKS, RUNS, STANDARD
from benign.theory.mixture import gaussian

RISK, CLEAN, RATIO = looks.ROBUST, looks.CLEAN, "relative margin"  # in the paper adversarial and standard risk
THRESHOLD, PAPER = "d = n", "the paper"
THEIRS = {PAPER: {"marker": "x", "linestyle": "", "markersize": 4.5, "zorder": 4}}


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    return [
        published(of_experiments(table, "dimension", "networks").query("norm == 'l2' and training == 'adversarial'")),
        memory(of_experiments(table, "memory")),
        learning_curves(of_experiments(table, "curves")),
        risk_by_dimension(of_experiments(table, "dimension", "beyond", "readings")),
        margins(of_experiments(table, "margin")),
    ]


def _powers(exponent: Any) -> str:
    return f"‖μ‖ = d^{exponent:g}"


def _theirs(reported: pd.DataFrame, x: str, column: str, place: tuple[str, str, str]) -> pd.DataFrame:
    """Reported means: points without an interval, as the spread over their runs is not given."""
    return plots.over_seeds(reported.assign(status="ok"), reported[x], column, place).assign(seeds=RUNS)


# ---------------------------------------------------------------- beside the paper's numbers

COUNTED = {CLEAN: STANDARD, RISK: ADVERSARIAL}


def published(rows: pd.DataFrame) -> Figure:
    """A panel for each s, a row for each kind of classifier; x is d."""
    text = """Clean and robust test error (the paper's standard and adversarial risk) under an ℓ2 budget of 0.1,
        counted on fresh points, beside those of the paper (crosses: means over 10 runs, whose spread is not given),
        over the dimension, for ‖μ‖ = d to the power s. Above: linear classifiers. Below: two-layer ReLU networks,
        whose width, start and trained layers the paper does not say: ours are the nearest of those tried."""
    numbers = []
    for (network, s), theirs in RISKS.groupby(["network", "exponent"], sort=False):
        ours = rows[(rows["width"].gt(0) == (network == RELU)) & (rows["exponent"] == s) & rows["d"].isin(theirs["d"])]
        if ours.empty:
            continue
        for name, column in COUNTED.items():
            place = (_powers(s), str(network), name)
            numbers.append(plots.over_seeds(ours, ours["d"], column, place, "tested"))
            numbers.append(_theirs(theirs, "d", column, (*place[:2], f"{name}, {PAPER}")))
        numbers.append(plots.level(ours["d"], ours["flip_rate"].max(), (_powers(s), str(network), NOISE)))
    return plots.of_rows(
        "published", rows, f"{text} {plots.INTERVALS}", numbers, draw_published, "n", "flip_rate", "steps"
    )


def draw_published(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One column for each s."""
    shown = [name for name in (LINEAR, RELU) if name in set(numbers["quantity"])]
    facets = plots.Facets(numbers, 1.4 + 2.0 * len(shown), quantities=shown, sharex=True, sharey="row")
    facets.draw(plots.in_order(COUNTED) | THEIRS)
    facets.label("dimension d", "test error", log="x", most=3)
    return facets.finish(3, lambda panel: f"{panel.quantity}, {panel.name}")


# ---------------------------------------------------------------- memory of the start

STARTS = {1.0: "from θ₀", 0.0: "from 0"}


def memory(rows: pd.DataFrame) -> Figure:
    """One panel; x is d, a series for each start and number of steps."""
    text = """What is left of the start: robust test error of linear classifiers (closed form, ℓ2 budget 0.1, ‖μ‖ = d
        to the power 0.2) trained from the paper's θ₀, whose length is 1 whatever d is, from 0, and from θ₀ for
        longer. Crosses: the paper's numbers. Dashed: predicted for the linear max-margin predictor, the limit of
        training from any start. Points are drawn in law."""
    numbers = []
    for s, part in rows.groupby("exponent"):
        panel = _powers(s)
        for scale, steps in sorted(set(zip(part["start_scale"], part["steps"], strict=True)), reverse=True):
            trained = part[(part["steps"] == steps) & (part["start_scale"] == scale)]
            series = f"{STARTS[scale]}, {steps:,} steps"
            numbers.append(plots.over_seeds(trained, trained["d"], "adversarial_risk", (panel, RISK, series)))
        theirs = RISKS[(RISKS["network"] == LINEAR) & (RISKS["exponent"] == s)]
        numbers += [
            _theirs(theirs, "d", ADVERSARIAL, (panel, RISK, PAPER)),
            *_limit(part, part["budget"].max(), panel),
        ]
    return plots.of_rows(
        "memory", rows, f"{text} {plots.INTERVALS}", numbers, draw_memory, "n", "flip_rate", "budget", "steps"
    )


def _limit(rows: pd.DataFrame, budget: float, panel: str) -> list[pd.DataFrame]:
    """Risk predicted for the max-margin predictor on a dense axis of d ≥ 2n, and the level of label noise."""
    n, beta, s = rows["n"].max(), rows["flip_rate"].max(), rows["exponent"].max()
    if not rows["d"].max() > 2 * n:
        return []
    d = np.geomspace(2 * n, rows["d"].max(), 81)
    rho = gaussian.max_margin_rho(n, d, d**s, np.floor(beta * n + 1e-9) / n)
    predicted = plots.theory(d, gaussian.half_space_error(budget, rho, beta), (panel, RISK, LINEAR_MARGIN))
    return [predicted, plots.level(rows["d"], beta, (panel, RISK, NOISE))]


def draw_memory(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Risk over d."""
    facets = plots.Facets(numbers, 3.2)
    series = numbers.loc[(numbers["kind"] == "measured") & (numbers["series"] != PAPER), "series"]
    facets.draw(plots.in_order(series) | {PAPER: points("black", "x") | THEIRS[PAPER]})
    facets.label("dimension d", RISK, log="x")
    return facets.finish(columns=3)


# ---------------------------------------------------------------- learning curves


def learning_curves(rows: pd.DataFrame) -> Figure:
    """A panel for each (d, s), a row for each norm, a series for each budget; x is the number of steps."""
    text = """Robust test error of linear classifiers, counted on fresh points, over the steps of adversarial training
        from the paper's θ₀, at each panel's d and s and three budgets α, beside the paper's numbers at d = 200 under
        ℓ2 (crosses). Grey: label noise."""
    numbers = []
    for (d, s), shown in rows.groupby(["d", "exponent"]):
        panel = f"d = {d}, s = {s:g}"
        for (norm, budget), part in shown.groupby(["norm", "budget"]):
            place, series = (panel, f"{RISK}, {NORMS[str(norm)]}"), f"α = {budget:g}"
            numbers.append(plots.over_seeds(part, part["steps"], ADVERSARIAL, (*place, series), "tested"))
            if norm == "l2":
                theirs = CURVES[(CURVES[["d", "exponent", "budget"]] == [d, s, budget]).all(axis=1)]
                numbers.append(_theirs(theirs, "steps", ADVERSARIAL, (*place, f"{series}, {PAPER}")))
        numbers += [
            plots.level(part["steps"], part["flip_rate"].max(), (panel, f"{RISK}, {NORMS[str(norm)]}", NOISE))
            for norm, part in shown.groupby("norm")
        ]
    return plots.of_rows(
        "learning_curves", rows, f"{text} {plots.INTERVALS}", numbers, draw_curves, "n", "flip_rate", "budget", "steps"
    )


def draw_curves(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One column for each (d, s)."""
    shown = list(dict.fromkeys(numbers["quantity"]))
    facets = plots.Facets(numbers, 1.3 + 1.7 * len(shown), quantities=shown, sharex=True, sharey="row")
    budgets = sorted({name.split(", ")[0] for name in numbers["series"]} - {NOISE}, key=lambda name: float(name[4:]))
    facets.draw(plots.in_order(budgets) | THEIRS)
    facets.label("steps t", log="x", most=3)
    return facets.finish(columns=4)


# ---------------------------------------------------------------- risk over the dimension

ORDINARY, LIMIT, READINGS = TRAININGS["ordinary"], "in the limit", "other readings"


def risk_by_dimension(rows: pd.DataFrame) -> Figure:
    """A panel for each s; x is d."""
    text = """Robust test error of linear classifiers, by the closed form with observed labels, over the dimension, for
        ‖μ‖ = d to the power s, ℓ2 budget 0.1 and ℓ∞ budget 0.01, trained adversarially (filled) and ordinarily
        (open). Grey diamonds: nearly in the limit of training, by normalised descent from 0, on points drawn in law.
        Dashed: predicted for the linear max-margin predictor (leading order for d ≫ n). Crosses: with the sum of the
        losses in place of their mean (ℓ2), and with μ along an axis (ℓ∞). Below: share of the training points that
        are not fitted robustly."""
    numbers: list[pd.DataFrame] = []
    for s, part in rows.groupby("exponent"):
        panel, swept, limit = _powers(s), of_experiments(part, "dimension"), of_experiments(part, "beyond")
        for (norm, training), trained in swept.groupby(["norm", "training"]):
            name = NORMS[str(norm)]
            series = name if training == "adversarial" else f"{name}, {ORDINARY}"
            numbers.append(plots.over_seeds(trained, trained["d"], "adversarial_risk", (panel, RISK, series)))
            if training == "adversarial":
                numbers.append(
                    plots.over_seeds(trained, trained["d"], "robust_train_error", (panel, TRAIN, series), "n")
                )
        for norm, other in of_experiments(part, "readings").groupby("norm"):
            place = (panel, RISK, f"{NORMS[str(norm)]}, {READINGS}")
            numbers.append(plots.over_seeds(other, other["d"], "adversarial_risk", place))
        numbers += [
            plots.over_seeds(limit, limit["d"], "adversarial_risk", (panel, RISK, LIMIT)),
            *_limit(part[part["norm"] == "l2"], part.loc[part["norm"] == "l2", "budget"].max(), panel),
            plots.mark(part["n"].max(), (panel, RISK, THRESHOLD)),
        ]
    return plots.of_rows(
        "risk_by_dimension", rows, f"{text} {plots.INTERVALS}", numbers, draw_dimension, "n", "flip_rate", "steps"
    )


def draw_dimension(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Risks above, robust training error in a slim row below, one column for each s."""
    quantities = {RISK: [RISK], TRAIN.replace(" ", "\n", 1): [TRAIN]}
    facets = plots.Facets(numbers, 3.7, quantities=quantities, sharex=True, sharey="row", height_ratios=[3, 1])
    own = {LIMIT: points("grey", "D", linewidth=0.8), READINGS: {"marker": "x", "linestyle": "", "zorder": 4}}
    facets.draw(own | {ORDINARY: OPEN | {"linestyle": ""}})
    facets.label("dimension d", log="x")
    # The closed form leaves the range of the measurements near d = n, where it does not hold.
    measured = numbers[(numbers["quantity"] == RISK) & (numbers["kind"] == "measured")]
    facets.grid[0, 0].set_ylim(0.08, max(0.2, measured[["mean", "high"]].max().max() + 0.02))
    facets.grid[1, 0].set_ylim(-0.02, None)
    return facets.finish(columns=3)


# ---------------------------------------------------------------- margins

MARGINS = {"ℓ2 margin": "margin_ratio", "robust margin": "robust_margin_ratio"}


def margins(rows: pd.DataFrame) -> Figure:
    """A panel for each norm, a series for each d; x is the budget."""
    text = """Margins reached by normalised adversarial training, relative to those of the max-margin classifier of
        the same points, over the budget. Filled: the ℓ2 margin, which is 1 in the max-margin direction. Open: the
        robust margin, which ℓ∞ training raises above 1 by turning away from that direction."""
    numbers = [
        plots.over_seeds(part, part["budget"], column, (f"{name} training", RATIO, f"{kind}, d = {d}"))
        for norm, name in NORMS.items()
        for d, part in rows[rows["norm"] == norm].groupby("d")
        for kind, column in MARGINS.items()
    ]
    caption = plots.caption(text, plots.INTERVALS, plots.runs(rows, "n", "flip_rate", "steps"))
    return Figure("margins", caption, plots.gather(numbers), draw_margins, frozenset(rows["key"]))


def draw_margins(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each norm, a colour for each d."""
    facets = plots.Facets(numbers, 2.9, sharey=True)
    dimensions = sorted({series.split(", ")[1] for series in numbers["series"]}, key=lambda d: int(d.split()[-1]))
    kinds: dict[str, Any] = {"ℓ2 margin": {}, "robust margin": OPEN | {"linestyle": ":"}}
    facets.draw(plots.in_order(dimensions) | kinds, markersize=4)
    for panel in facets:
        panel.axes.axhline(1, label=looks.EQUALITY, **looks.LOOKS[looks.EQUALITY])
    facets.label(lambda name: f"{name.split()[0]} budget α", "margin / max-margin classifier's")
    return facets.finish(columns=3)
