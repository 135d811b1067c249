"""h(r, α/‖μ‖): that d and n drop out, the theories at every r, the phases that follow, and what sets the clock."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.figure
import pandas as pd
import seaborn

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import COLOURS, INTERVALS, Figure
from benign.plots.looks import (
    DASHED,
    EQUALITY,
    FOUR_GROUP,
    LIMIT,
    LOOKS,
    OPEN,
    RECURSION,
    TRUE,
    Look,
    line,
    points,
)
from benign.studies.adversarial_training.claims.phases import EARLY, tolerances
from benign.studies.adversarial_training.figures.parts import ONE, figure
from benign.studies.adversarial_training.rows import beside_limit, limit_networks
from benign.theory.mixture.gaussian import half_space_error

H = "h = ρ/‖μ‖"
OVER_R, OVER_D = "over r", "over the dimension"
HALF_SPACE, OWN = "error from h", "error of the limit network"
FROM_LIMIT, DEVIATION = "h over the limit network's, less 1", "relative deviation of ρ"
CROWDING = "r = n‖μ‖²/d"


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["steps"] == rows["steps"].max()]


def _usual(rows: pd.DataFrame) -> pd.DataFrame:
    """Leaky ReLU networks, adversarially trained, after the last step."""
    return _last(rows[(rows["activation"] == "leaky_relu") & (rows["training"] == "adversarial")])


def universality(table: pd.DataFrame) -> Figure:
    """h over r for every n and d, its deviation from the limit network's over d, and each robust error predicted."""
    text = f"""Dimension and sample size drop out. (a) Alignment h = ρ/‖μ‖ after the last step over r = n‖μ‖²/d, of
        leaky ReLU networks adversarially trained with α = 0.3‖μ‖, and (open) of limit networks, n + 1 coordinates.
        (b) Its deviation from that of the limit network with the same labels over d/n, n = 100. (c) Robust test error
        with true labels of each network (all activations, n, d, β, γ, both trainings) against Φ(α - ρ) with ρ = ‖μ‖h
        from its limit network alone, and (d) against the limit network's own, at the same ‖μ‖: where r > 1 networks are
        no half-spaces. {INTERVALS}"""
    rows = beside_limit(table, "universality", "theories")
    course = _usual(rows[rows["flip_rate"] == 0.1])
    course = course[course["slope"] == 0.1]
    numbers = []
    for (n, d), part in course.groupby(["n", "d"]):
        numbers.append(
            plots.over_seeds(part, part["r"], "h", (OVER_R, H, f"n = {n}, d = {plots.scientific(float(str(d)))}"))
        )
    limits = limit_networks(table, "universality")
    limits = limits[(limits["activation"] == "leaky_relu") & (limits["training"] == "adversarial")]
    for n, part in _last(limits).groupby("n"):
        series = f"{LIMIT}, n = {int(str(n))}"
        numbers.append(plots.over_seeds(part, part["r"], "h", (OVER_R, H, series)))
    near = course[course["n"] == 100].assign(off=lambda each: each["h"] / each["limit_h"] - 1)
    for r, part in near.groupby("r"):
        numbers.append(plots.over_seeds(part, part["d"] / part["n"], "off", (OVER_D, FROM_LIMIT, f"r = {r:g}")))
    each = converged(_last(rows))
    each = each.assign(**{HALF_SPACE: half_space_error(each["budget"], each["signal"] * each["limit_h"])})
    for panel, column in ((HALF_SPACE, HALF_SPACE), (OWN, "limit_error")):
        for name, inside in (("r ≤ 1", each["r"] <= 1), ("r > 1", each["r"] > 1)):
            part = each[inside].dropna(subset=[column])
            measured = part["robust_test_error_clean_labels"]
            numbers.append(plots.single_runs(part[column], measured, (panel, TRUE, name), part["tested"]))
    drawn = pd.concat([rows, limits])
    return figure("universality", drawn, numbers, draw_universality, text)


def draw_universality(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Four panels; the errors' with the line of equality."""
    facets = plots.Facets(numbers, 5.6, panels=[OVER_R, OVER_D, HALF_SPACE, OWN], wrap=2)
    for panel in facets:
        names = [str(name) for name in dict.fromkeys(panel.numbers["series"])]
        limits = [name for name in names if name.startswith(LIMIT)]
        looks = plots.in_order(name for name in names if name not in limits)
        looks |= {name: {**each, **OPEN} for name, each in plots.in_order(limits).items()}
        if panel.name in (HALF_SPACE, OWN):
            plots.draw_numbers(panel.axes, panel.numbers, looks, markersize=2.5, alpha=0.5)
            panel.axes.plot([0, 1], [0, 1], label=EQUALITY, **LOOKS[EQUALITY])
            continue
        joined = {"linestyle": "-", "linewidth": 0.6} if panel.name == OVER_D else {"linestyle": ""}
        plots.draw_numbers(panel.axes, panel.numbers, looks, markersize=3.2, **joined)
        plots.log_axis(panel.axes, "x", 5)
        if panel.name == OVER_D:
            panel.axes.axhline(0, color=COLOURS["grey"], linewidth=0.7)
    across = {OVER_R: CROWDING, OVER_D: "d/n", HALF_SPACE: "Φ(α - ρ), ρ = ‖μ‖h", OWN: "limit network's error"}
    facets.label(across.__getitem__, lambda name: {OVER_R: H, OVER_D: FROM_LIMIT}.get(name, TRUE))
    return facets.finish(4)


# ---------------------------------------------------------------- where each theory fails

THEORIES = {RECURSION: "two_group_sample_rho", FOUR_GROUP: "four_group_sample_rho"}
BENT, CLUSTERS = "the boundary bends", ", two half-spaces"


def theories(table: pd.DataFrame) -> Figure:
    """The deviation of ρ over r by β for the three theories, and what the boundary's bend costs."""
    text = f"""Theories without a fitted constant, at every r: size of the relative deviation of the measured ρ after
        the last step, in the mean over seeds, for each share β of wrong labels (leaky ReLU, γ = 0.1, adversarially
        trained with α = 0.3‖μ‖, n = 100, d = 10⁴): (a) the two-group recursion, (b) the four-group recursion, (c) the
        limit network. (d) Robust test error with true labels less that of a half-space with the measured ρ, and (open)
        less the mean of two half-spaces', one for each cluster with the ρ that its points see: where the former is not
        0, neurons of one sign have parted company and the boundary bends. {INTERVALS}"""
    rows = beside_limit(table, "universality", "theories")
    rows = _usual(rows[(rows["n"] == 100) & (rows["slope"] == 0.1) & rows["limit_error"].notna()])
    bend = rows["robust_test_error_clean_labels"] - half_space_error(rows["budget"], rows["rho"])
    two = [half_space_error(rows["budget"], rows[name]) for name in ("rho_positive", "rho_negative")]
    rows = rows.assign(two=rows["robust_test_error_clean_labels"] - (two[0] + two[1]) / 2)
    rows = rows.assign(**{BENT: bend, LIMIT: (rows["h"] / rows["limit_h"] - 1).abs()})
    rows = rows.assign(**{name: (rows["rho"] / rows[column] - 1).abs() for name, column in THEORIES.items()})
    numbers = [
        plots.over_seeds(part, part["r"], panel, (panel, DEVIATION, f"β = {beta:g}"))
        for panel in (*THEORIES, LIMIT, BENT)
        for beta, part in rows.groupby("flip_rate")
    ]
    for beta, part in rows.groupby("flip_rate"):
        numbers.append(plots.over_seeds(part, part["r"], "two", (BENT, DEVIATION, f"β = {beta:g}{CLUSTERS}")))
    return figure("theories", rows, numbers, draw_theories, text)


def draw_theories(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Four panels, the first three with one axis."""
    facets = plots.Facets(numbers, 4.6, wrap=2)
    looks = plots.in_order(name for name in numbers["series"] if CLUSTERS not in name)
    looks |= {name + CLUSTERS: {**look, **OPEN} for name, look in looks.items()}
    facets.draw(looks, markersize=3, linestyle="-", linewidth=0.7)
    deviations = [panel for panel in facets if panel.name != BENT]
    top = max((float(panel.axes.get_ylim()[1]) for panel in deviations), default=1.0)
    for panel in facets:
        plots.log_axis(panel.axes, "x", 4)
        if panel.name != BENT:
            panel.axes.set_ylim(0, top)
    facets.label(CROWDING, lambda name: "excess robust error" if name == BENT else DEVIATION)
    return facets.finish(4)


# ---------------------------------------------------------------- phases

END, BEST = "after the last step", f"after the best recorded step from {EARLY} on"
OUTCOMES = ("benign", "harmful", "not all fitted")
BUDGET, EQUAL = "budget α/‖μ‖", "h = α/‖μ‖"


def phases(table: pd.DataFrame) -> Figure:
    """The tolerated budget over r: at the end and at the best step; networks on top; other β and γ beside it."""
    text = f"""Phases of the theorem in r = n‖μ‖²/d and α/‖μ‖: the budget α*/‖μ‖ where h(r, α/‖μ‖) of the limit network
        is α/‖μ‖. Below the line of the last step overfitting is robustly benign for large ‖μ‖; above that of the best
        step (from {EARLY} on) it is harmful at every step; between them stopping early is benign and training on is
        not. (a) β = 0.1, γ = 0.1; marks: networks of two very different n and d, blue where robust test error with
        true labels is below 1/2, orange where it is not, grey where labels are not all robustly fitted: there, at large
        r and α, h and the lines rise again. (b), (c) The line of the last step at other β and γ."""
    limits = converged(limit_networks(table, "phases"))
    usual = limits.query("flip_rate == 0.1 and slope == 0.1")
    numbers = [*_lines(usual, "β = 0.1, γ = 0.1", END, BEST)]
    tried = _last(of_experiments(table, "phases").query("sampling != 'limit'"))
    for (n, d), part in converged(tried).groupby(["n", "d"]):
        aside = 0.94 if n == tried["n"].min() else 1.06  # so that marks of two n and d are both seen
        means = part.groupby(["r", "ratio"])[["robust_test_error_clean_labels", "robust_train_error"]].mean()
        fitted, low = means["robust_train_error"] == 0, means["robust_test_error_clean_labels"] < 0.5
        for name, chosen in zip(OUTCOMES, (fitted & low, fitted & ~low, ~fitted), strict=True):
            at = means[chosen].reset_index()
            series = f"n = {n}, d = {plots.scientific(float(str(d)))}, {name}"
            numbers.append(plots.single_runs(aside * at["r"], at["ratio"], ("β = 0.1, γ = 0.1", BUDGET, series)))
    for panel, column, letter in (("over β", "flip_rate", "β"), ("over γ", "slope", "γ")):
        other = {"flip_rate": "slope", "slope": "flip_rate"}[column]
        for value, part in limits[limits[other] == 0.1].groupby(column):
            numbers += _lines(part, panel, f"{letter} = {value:g}")
    drawn = dict.fromkeys(part["panel"].iloc[0] for part in numbers if len(part))
    numbers += [plots.mark(1.0, (panel, BUDGET, ONE)) for panel in drawn]
    return figure("phases", pd.concat([limits, tried]), numbers, draw_phases, text)


def _lines(rows: pd.DataFrame, panel: str, end: str, best: str = "") -> Iterator[pd.DataFrame]:
    found = tolerances(rows)
    r = found.index.to_numpy(float)
    yield plots.theory(r, found["end"], (panel, BUDGET, end))
    if best:
        yield plots.theory(r, found["best"], (panel, BUDGET, best))


def draw_phases(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Three panels with the same axes."""
    facets = plots.Facets(
        numbers, 3.0, sharex=True, sharey=True, width_ratios=[1.5, 1, 1][: numbers["panel"].nunique()]
    )
    runs = [str(name) for name in dict.fromkeys(numbers.loc[numbers["kind"] == "run", "series"])]
    shapes = dict(zip(dict.fromkeys(name.rsplit(", ", 1)[0] for name in runs), ("o", "s", "^"), strict=False))
    own: dict[str, Look] = {END: line("black", width=1.2), BEST: line("black", DASHED)}
    for name in runs:
        setting, outcome = name.rsplit(", ", 1)
        colour = dict(zip(OUTCOMES, ("blue", "vermilion", "grey"), strict=True))[outcome]
        own[name] = points(colour, shapes[setting])
    for letter, shades in (("β", "flare"), ("γ", "crest")):  # colours that no outcome has
        lines = sorted({str(name) for name in numbers["series"] if str(name).startswith(f"{letter} = ")})
        palette = seaborn.color_palette(shades, len(lines))
        own |= {name: {"color": shade} for name, shade in zip(lines, palette, strict=True)}
    facets.draw(own, markersize=4)
    facets.label(CROWDING, BUDGET, log="x", most=4)
    facets.grid[0, 0].set_ylim(0, 1)
    return facets.finish(3)


def table_of_h(table: pd.DataFrame) -> Figure:
    """h over α/‖μ‖ for each r, a panel for each number of steps: with ‖μ‖ it is the alignment of any network."""
    text = f"""The table of h = ρ/‖μ‖ (limit networks, n = 100, β = 0.1, γ = 0.1) over the budget α/‖μ‖ for each r =
        n‖μ‖²/d, after some steps. Any d, n and ‖μ‖ can be read off it: ρ = ‖μ‖h, and where r ≤ 1 the robust test error
        is Φ(α - ρ). Grey line: h = α/‖μ‖; where h is below it, overfitting is robustly harmful for large ‖μ‖.
        {INTERVALS}"""
    rows = limit_networks(table, "phases").query("flip_rate == 0.1 and slope == 0.1")
    numbers = []
    for steps, part in rows[rows["steps"] >= EARLY].groupby("steps"):
        for r, each in part.groupby("r"):
            numbers.append(plots.over_seeds(each, each["ratio"], "h", (f"t = {steps}", H, f"r = {r:g}")))
        numbers.append(plots.theory([0, 1], [0, 1], (f"t = {steps}", H, EQUAL)))
    return figure("table_of_h", rows, numbers, draw_table, text)


def draw_table(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Panels side by side, colours from few points to many."""
    facets = plots.Facets(numbers, 3.1, sharex=True, sharey=True)
    names = sorted({str(name) for name in numbers["series"]} - {EQUAL}, key=lambda name: float(name.split()[-1]))
    shades = seaborn.color_palette("viridis_r", len(names))
    own: dict[str, Look] = {name: {"color": shade, "marker": "o"} for name, shade in zip(names, shades, strict=True)}
    facets.draw(own | {EQUAL: line("grey", width=0.8)}, markersize=2.5, linewidth=0.8)
    for panel in facets:
        panel.axes.set(xlim=(0, 1), ylim=(0, 1))
    facets.label(BUDGET, H)
    return facets.finish(6)


# ---------------------------------------------------------------- the clock and the start

CLOCK, START = "over training time", "over the start"


def clock(table: pd.DataFrame) -> Figure:
    """h over c·t for steps of several lengths; and over the start's length."""
    text = f"""What sets the clock: h = ρ/‖μ‖ of leaky ReLU networks trained adversarially with α = 0.3‖μ‖, d = 10⁶.
        Upper row: over c·t, for steps η = c·n/E‖x‖² of several lengths. Lower row: after the last step, over the length
        of a neuron's initial weights in units of its first step's. {INTERVALS}"""
    rows = of_experiments(table, "clock", "start")
    timed, started = of_experiments(rows, "clock"), _last(of_experiments(rows, "start"))
    numbers = []
    for r, part in timed.groupby("r"):
        for c, each in part.groupby("step_scale"):
            place = (f"r = {r:g}", CLOCK, f"c = {c:g}")
            numbers.append(plots.over_seeds(each, each["step_scale"] * each["steps"], "h", place))
        each = started[started["r"] == r]
        numbers.append(
            plots.over_seeds(each, each["start_ratio"], "h", (f"r = {r:g}", START, f"t = {each['steps'].max()}"))
        )
    return figure("clock", rows, numbers, draw_clock, text)


def draw_clock(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A column for each r."""
    facets = plots.Facets(numbers, 3.8, quantities=[CLOCK, START], sharey="col")
    facets.draw(plots.in_order(numbers["series"]), markersize=3, linestyle="-", linewidth=0.7)
    for panel in facets:
        plots.log_axis(panel.axes, "x", 4)
        across = "c·t" if panel.quantity == CLOCK else "initial weights over first step"
        panel.axes.set_xlabel(plots.typeset(across))
    for axes in facets.grid[:, 0]:
        axes.set_ylabel(plots.typeset(H))
    return facets.finish(5)
