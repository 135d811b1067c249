"""Figures of the linear classifiers: risk over the dimension, learning curves, and the margins reached."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import Figure
from benign.plots.looks import AVERAGING, LINEAR_MARGIN, LOSS, NOISE, NORMS, OPEN, TRAIN, TRAININGS, points
from benign.theory.mixture import gaussian

RISK, STANDARD, RATIO = "adversarial risk", "standard risk", "relative margin"
THRESHOLD, CHOICES = "d = n", "other choices of ours"


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    return [
        risk_by_dimension(of_experiments(table, "dimension", "beyond", "choices")),
        learning_curves(of_experiments(table, "curves")),
        margins(of_experiments(table, "margin")),
    ]


# ---------------------------------------------------------------- risk over the dimension


def risk_by_dimension(rows: pd.DataFrame) -> Figure:
    """A panel for each s; x is d."""
    text = """Risk of adversarially trained linear classifiers, by the closed form with observed labels, over the
        dimension, for ‖μ‖ = d to the power s, ℓ2 budget 0.1 and ℓ∞ budget 0.01. Open markers: the adversarial risk of
        ordinary training. Lines: standard risk predicted for the averaging and the linear max-margin predictor (leading
        order for d ≫ n). Crosses: the adversarial risk with a quarter or one and a half times the step size (ℓ2), or
        with μ along an axis (ℓ∞). From d = 10⁴ on, points are drawn in law and ℓ2 alone is run. Below: share of the
        training points that are not fitted robustly."""
    numbers: list[pd.DataFrame] = []
    for s, part in rows.groupby("exponent"):
        panel = f"‖μ‖ = d^{s:g}"
        for norm, name in NORMS.items():
            swept = part[(part["norm"] == norm) & (part["experiment"] != "choices")]
            trained, ordinary = (swept[swept["training"] == training] for training in TRAININGS)
            control = f"{name}, {TRAININGS['ordinary']}"
            numbers += [
                plots.over_seeds(trained, trained["d"], "adversarial_risk", (panel, RISK, name)),
                plots.over_seeds(trained, trained["d"], "robust_train_error", (panel, TRAIN, name), "n"),
                plots.over_seeds(ordinary, ordinary["d"], "adversarial_risk", (panel, RISK, control)),
            ]
        for (mean, scale), chosen in of_experiments(part, "choices").groupby(["mean", "step_scale"]):
            place = (panel, RISK, f"{CHOICES}, {mean}, {scale:g}")
            numbers.append(plots.over_seeds(chosen, chosen["d"], "adversarial_risk", place))
        plain = of_experiments(part, "dimension", "beyond")
        plain = plain[(plain["norm"] == "l2") & (plain["training"] == "adversarial")]
        numbers += [
            plots.over_seeds(plain, plain["d"], "standard_risk", (panel, RISK, STANDARD)),
            *_predicted(plain, panel),
            plots.mark(part["n"].max(), (panel, RISK, THRESHOLD)),
        ]
    caption = plots.caption(text, plots.INTERVALS, plots.runs(rows, "n", "flip_rate", "steps"))
    return Figure("risk_by_dimension", caption, plots.gather(numbers), draw_dimension, frozenset(rows["key"]))


def _predicted(rows: pd.DataFrame, panel: str) -> list[pd.DataFrame]:
    """Predicted standard risk on a dense axis of d ≥ 2n, averaged over the samples' own shares of flips."""
    n, beta, s = rows["n"].max(), rows["flip_rate"].max(), rows["exponent"].max()
    shares = converged(rows).groupby("seed")["flipped"].first()
    if rows["d"].max() <= 2 * n or shares.empty:
        return []
    d = np.geomspace(2 * n, rows["d"].max(), 81)
    lines = []
    for series, rho in ((AVERAGING, gaussian.averaging_rho), (LINEAR_MARGIN, gaussian.max_margin_rho)):
        risks = [gaussian.half_space_error(0, rho(n, d, d**s, share), beta) for share in shares]
        lines.append(plots.theory(d, np.mean(risks, axis=0), (panel, RISK, series)))
    return [*lines, plots.level(rows["d"], beta, (panel, RISK, NOISE))]


def draw_dimension(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Risks above, robust training error in a slim row below, one column for each s."""
    quantities = {"risk": [RISK], "robust\ntraining error": [TRAIN]}
    facets = plots.Facets(numbers, 3.7, quantities=quantities, sharex=True, sharey="row", height_ratios=[3, 1])
    names = {name: f"{RISK}, {name}" for norm in NORMS.values() for name in (norm, f"{norm}, {TRAININGS['ordinary']}")}
    names |= {name: f"{RISK}, {CHOICES}" for name in numbers["series"].unique() if name.startswith(CHOICES)}
    own = {STANDARD: points("black", ".", linewidth=0.8), CHOICES: points("black", "x", linestyle="", zorder=4)}
    facets.draw(own | {TRAININGS["ordinary"]: OPEN | {"linestyle": ""}}, names)
    facets.label("dimension d", log="x")
    # Closed forms leave the range of the measurements below d = n, where they do not hold.
    measured = numbers[(numbers["quantity"] == RISK) & (numbers["kind"] == "measured")]
    facets.grid[0, 0].set_ylim(0.08, max(0.2, measured[["mean", "high"]].max().max() + 0.02))
    facets.grid[1, 0].set_ylim(-0.02, None)
    return facets.finish(columns=3)


# ---------------------------------------------------------------- learning curves

COURSE = {LOSS: ("robust_train_loss", None), TRAIN: ("robust_train_error", "n"), RISK: ("adversarial_risk", None)}


def learning_curves(rows: pd.DataFrame) -> Figure:
    """A panel for each s, a series for each budget; x is the number of steps."""
    text = """Adversarial training of linear classifiers at d = 200 under three ℓ2 budgets: robust training loss and
        error, and adversarial risk by the closed form. Grey: label noise."""
    numbers = []
    for s, shown in rows.groupby("exponent"):
        panel = f"d = {shown['d'].max():g}, ‖μ‖ = d^{s:g}"
        for budget, part in shown.groupby("budget"):
            for quantity, (column, trials) in COURSE.items():
                place = (panel, quantity, f"α = {budget:g}")
                numbers.append(plots.over_seeds(part, part["steps"], column, place, trials))
        numbers.append(plots.level(shown["steps"], shown["flip_rate"].max(), (panel, RISK, NOISE)))
    caption = plots.caption(text, plots.INTERVALS, plots.runs(rows, "n", "flip_rate", "steps"))
    return Figure("learning_curves", caption, plots.gather(numbers), draw_curves, frozenset(rows["key"]))


def draw_curves(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Rows: loss, training error, risk; one column for each s."""
    width = plots.FULL_WIDTH if numbers["panel"].nunique() > 1 else 0.7 * plots.FULL_WIDTH
    facets = plots.Facets(numbers, 4.6, width=width, quantities=list(COURSE), sharex=True, sharey="row")
    facets.draw(plots.in_order(numbers.loc[numbers["kind"] == "measured", "series"]))
    facets.label("steps of gradient descent", log="x")
    plots.log_axis(facets.grid[0, 0], "y", 5)
    return facets.finish(columns=4)


# ---------------------------------------------------------------- margins

MARGINS = {"ℓ2 margin": "margin_ratio", "robust margin": "robust_margin_ratio"}


def margins(rows: pd.DataFrame) -> Figure:
    """A panel for each norm, a series for each d; x is the budget."""
    text = """Margins reached by normalised adversarial training, relative to those of the hard-margin classifier of the
        same points, over the budget. Filled: the ℓ2 margin, which is 1 in the hard-margin direction. Open: the robust
        margin, which ℓ∞ training raises above 1 by turning away from that direction."""
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
    facets = plots.Facets(numbers, 2.9, width=0.85 * plots.FULL_WIDTH, sharey=True)
    dimensions = sorted({series.split(", ")[1] for series in numbers["series"]}, key=lambda d: int(d.split()[-1]))
    kinds: dict[str, Any] = {"ℓ2 margin": {}, "robust margin": OPEN | {"linestyle": ":"}}
    facets.draw(plots.in_order(dimensions) | kinds, markersize=4)
    for panel in facets:
        panel.axes.axhline(1, color=plots.COLOURS["grey"], linewidth=0.7)
    facets.label(lambda name: f"{name.split()[0]} budget α", "margin / hard-margin classifier's")
    return facets.finish(columns=2)
