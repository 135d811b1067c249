"""The two-group recursion at random settings, all errors on one curve, and the constant in the exponent."""

from __future__ import annotations

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import converged
from benign.plots import COLOURS, Figure
from benign.plots.looks import (
    AVERAGING,
    EQUALITY,
    LOOKS,
    RECURSION,
    TRUE,
    line,
)
from benign.studies.adversarial_training.figures.parts import RHO, figure, log_range, measured
from benign.studies.adversarial_training.rows import (
    trained,
    uncrowded,
)
from benign.theory.mixture import exponent, gaussian

AGREEMENT, DEVIATION, NOMINAL, TENTH = "agreement", "relative deviation", "from nominal β", "10 %"


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
        numbers.append(measured(part, part["two_group_sample_rho"], (AGREEMENT, RHO, f"t = {steps}")))
        for series, rho in predicted.items():
            off = np.sort(np.abs(part["rho"] / rho - 1))
            share = np.arange(1, len(off) + 1) / len(off)
            numbers.append(plots.single_runs(share, off, (DEVIATION, DEVIATION, series)))
    numbers += [plots.mark(0.1, (DEVIATION, DEVIATION, TENTH))] if numbers else []
    return figure("recursion", rows, numbers, draw_recursion, text)


def draw_recursion(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Measured against predicted ρ on the left, the distribution of the deviation on the right."""
    facets = plots.Facets(numbers, 2.9, panels=[AGREEMENT, DEVIATION])
    left, right = facets
    steps = plots.in_order(left.numbers["series"])
    low, high = left.numbers[["x", "mean"]].min().min(), left.numbers[["x", "mean"]].max().max()
    limits = np.array([0.9 * low, 1.1 * high])
    left.axes.fill_between(limits, 0.9 * limits, 1.1 * limits, color="grey", alpha=0.15, linewidth=0, label="±10 %")
    left.axes.plot(limits, limits, label=EQUALITY, **LOOKS[EQUALITY])
    plots.draw_numbers(left.axes, left.numbers, steps, linestyle="", markeredgewidth=0.4, markeredgecolor="white")
    left.axes.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (left.axes.xaxis, left.axes.yaxis):
        axis.set_major_locator(matplotlib.ticker.MaxNLocator(5, steps=[1, 2, 5, 10]))
    for series, rows in right.numbers[right.numbers["kind"] == "run"].groupby("series", sort=False):
        look = plots.look(str(series), own=steps)
        drawn = {"linestyle": (0, (1, 1))} if NOMINAL in str(series) else {"marker": look["marker"], "markersize": 2.4}
        stairs = [rows["mean"].iloc[0], *rows["mean"]], [0, *rows["x"]]
        right.axes.step(*stairs, where="post", color=look["color"], markevery=slice(1, None), **drawn)
    for name, dashes in (("from its sample's share", "-"), (NOMINAL, (0, (1, 1)))):
        facets.key(f"predicted {name}", color=COLOURS["black"], linestyle=dashes)
    plots.log_axis(right.axes, "x", 5)
    right.axes.set_ylim(0, 1.03)
    across = {AGREEMENT: "ρ predicted", DEVIATION: "deviation |measured/predicted - 1|"}
    facets.label(across.__getitem__, {AGREEMENT: "ρ measured", DEVIATION: "share of cells"}.__getitem__)
    return facets.finish(4, height=0.2)


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
        it. r = n‖μ‖²/d. Line: Φ(α - ρ), the error of a half-space with that ρ. Dots beyond ±6 are not shown."""
    drawn, networks = trained(rows), converged(trained(rows))
    sides = {"r ≤ 1": uncrowded(networks), "r > 1": networks[networks["r"] > 1]}
    dense, numbers = np.linspace(-6, 6, 121), []
    for panel, column in ALIGNMENTS.items() if len(networks) else ():
        for side, part in sides.items():
            error = part["robust_test_error_clean_labels"]
            numbers.append(plots.single_runs(part["budget"] - part[column], error, (panel, TRUE, side), part["tested"]))
        numbers.append(plots.theory(dense, gaussian.half_space_error(0, -dense), (panel, TRUE, NORMAL)))
    return figure("collapse", drawn, numbers, draw_collapse, text)


def draw_collapse(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A panel for each ρ, with the same axes."""
    facets = plots.Facets(numbers, 2.35, sharex=True, sharey=True)
    sides = plots.in_order(numbers.loc[numbers["kind"] == "run", "series"])
    facets.draw(sides | {NORMAL: line("black", width=0.9, zorder=4)}, markersize=2.0, alpha=0.5)
    facets.label("α - ρ", TRUE.replace(" (", "\n("))
    facets.grid[0, 0].set_xlim(-6, 6)
    plots.error_axis(facets.grid[0, 0])
    return facets.finish(3)


CONSTANT, DERIVED = "constant C", "averaging predictor, n‖μ‖⁴/d → ∞"
# From where, beyond it, to where: random settings have a β of their own.
FLIP_RATES = {
    "β = 0": (-1, 0),
    "0 < β < 0.1": (0, 0.0999),
    "β = 0.1": (0.0999, 0.1),
    "0.1 < β ≤ 0.2": (0.1, 0.2),
    "0.2 < β ≤ 0.3": (0.2, 0.3),
}


def needed_constant(rows: pd.DataFrame) -> Figure:
    """The constant C that each network's clean error needs, over r = n‖μ‖²/d.

    The excess is Φ(-ρ) with the measured ρ: no count of 2,000 test points could tell one below 1/2000.
    """
    text = """The least constant C with which each network of the sweeps keeps a clean error of the form of
        Thm 3.1 [frei], excess ≤ 2exp(-n‖μ‖⁴/(Cd)), over r = n‖μ‖²/d, which the assumptions keep below 1/C. The excess
        is Φ(-ρ) with the measured ρ. Where n‖μ‖⁴/d is small (bottom left) the bound says little and any C will do.
        Lines: what the averaging predictor needs as n‖μ‖⁴/d → ∞."""
    drawn = trained(rows).query("budget > 0")
    networks = converged(drawn)
    ratio = networks["r"].to_numpy()
    term = exponent.signal_term(networks["n"], networks["d"], networks["signal"])
    needed = exponent.needed_constant(networks["rho"], term)
    numbers = []
    for series, (low, high) in FLIP_RATES.items():
        inside = ((networks["flip_rate"] > low) & (networks["flip_rate"] <= high)).to_numpy()
        numbers.append(plots.single_runs(ratio[inside], needed[inside], (CONSTANT, CONSTANT, series)))
    x = log_range(ratio) if len(ratio) else np.empty(0)
    for beta in (0.0, 0.1, 0.3):
        place = (CONSTANT, CONSTANT, f"{DERIVED}, β = {beta:g}")
        numbers.append(plots.theory(x, exponent.derived_constant(beta, x), place))
    return figure("exponent", drawn, numbers, draw_exponent, text)


def draw_exponent(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """The needed constant over r, both logarithmic."""
    facets = plots.Facets(numbers[numbers["mean"] > 0], 3.0)
    derived = numbers.loc[numbers["kind"] == "theory", "series"].unique()
    dashes = ["-", (0, (4, 2)), (0, (1, 1))]
    own = {series: line("black", dash, 0.9, zorder=4) for series, dash in zip(derived, dashes, strict=True)}
    facets.draw(own | plots.in_order(FLIP_RATES), markersize=2.8, alpha=0.6)
    facets.label("r = n‖μ‖²/d", "needed constant C", log="xy", most=6)
    return facets.finish(3, titles=lambda panel: "")
