"""The study's figures: the trade-off between three aspects, ranks of named architectures, correlations beside the
published ones, bounds and kernels, and the sibling's three DAGs.
"""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import converged, estimates, of_experiments
from benign.nets.dag import shares_no_edge
from benign.plots import COLOURS, Figure
from benign.plots.looks import DASHED, ORDER, line, points
from benign.studies.no_free_lunch.aspects import (
    ASPECTS,
    CONSTANT,
    SHAPES,
    alone,
    front,
    kernels,
    named,
    ranks,
    single,
    taus,
    trained,
    tuned,
)
from benign.studies.no_free_lunch.reported import (
    BEST,
    CURVATURE,
    DEEP,
    ENSEMBLE,
    EPOCHS,
    GAP,
    LOSS,
    NNGP,
    PRUNED,
    RANKS,
    SIBLINGS,
    TANGENT,
    TAUS,
    TUNED,
    WIDE,
)

DATA = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
PAPER = "paper"


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    return [
        trade_off(of_experiments(table, "trained")),
        architectures(of_experiments(table, "trained")),
        correlations(of_experiments(table, "kernels", "trained")),
        bounds(of_experiments(table, "kernels")),
        siblings(of_experiments(table, "kernels", "siblings")),
    ]


# ---------------------------------------------------------------- the trade-off

PAIRS = ((EPOCHS, LOSS), (GAP, LOSS), (GAP, EPOCHS))
ON_FRONT, BEST_TENTH = "Pareto front of all three", "best tenth"
PATHS = {f"P = {paths}": look for paths, look in zip((1, 2, 3, 4), ORDER, strict=False)}


def _pair(pair: tuple[str, str]) -> str:
    return f"{ASPECTS[pair[0]]}, {ASPECTS[pair[1]]}"


def trade_off(rows: pd.DataFrame) -> Figure:
    """A row for each data set and kind of rate, a panel for each pair of aspects."""
    text = f"""No free lunch: rank of every DAG in each pair of the three aspects, over the number of DAGs (1/N is the
        best, at the lower left): expressivity by training loss at the end, convergence by epochs to 50 % training
        accuracy, generalisation by test less training loss, means over seeds. At a rate of {CONSTANT:g} for all, and
        with the rate of least training loss for each. Ringed: DAGs that no other one equals or beats in all three.
        Crosses: the paper's named architectures, among its 541. Grey: the best tenth."""
    numbers: list[pd.DataFrame] = []
    for kind, part in (("one rate", trained(converged(rows))), ("tuned rates", tuned(converged(rows)))):
        ranked = alone(ranks(part))
        for data, found in ranked.groupby("data"):
            for pair in PAIRS:
                numbers += _cloud(found, pair, (_pair(pair), f"{DATA[str(data)]}, {kind}"))
    return plots.of_rows("trade_off", rows, text, numbers, draw_trade_off, "n", "width", rate="rate")


def _cloud(ranked: pd.DataFrame, pair: tuple[str, str], place: tuple[str, str]) -> list[pd.DataFrame]:
    x, y = pair
    on = ranked[front(ranked)]
    theirs = RANKS.set_index(["architecture", "quantity"])["share"]
    clouds = [
        plots.single_runs(part[x], part[y], (*place, f"P = {paths:g}")) for paths, part in ranked.groupby("paths")
    ]
    clouds += [plots.single_runs(theirs[[(name, x)]], theirs[[(name, y)]], (*place, name)) for name in THEIRS]
    tenth = plots.band([0.0, 0.1], [0.0, 0.0], [0.1, 0.1], (*place, BEST_TENTH))
    return [tenth, *clouds, plots.single_runs(on[x], on[y], (*place, ON_FRONT))]


THEIRS = (BEST, WIDE, DEEP)
CROSSES: dict[str, Any] = {
    name: {"color": COLOURS[colour], "marker": marker}
    for name, colour, marker in ((BEST, "black", "X"), (WIDE, "black", "P"), (DEEP, "black", "*"))
}


def draw_trade_off(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Colours for the number of paths; the axes are two of the aspects."""
    shown = list(dict.fromkeys(numbers["quantity"]))
    facets = plots.Facets(numbers, 0.7 + 2.1 * len(shown), quantities=shown)
    for panel in facets:
        ringed, theirs = panel.numbers["series"] == ON_FRONT, panel.numbers["series"].isin(THEIRS)
        plots.draw_numbers(
            panel.axes,
            panel.numbers[~ringed & ~theirs],
            PATHS | {BEST_TENTH: {"color": COLOURS["grey"], "alpha": 0.2}},
            markersize=3.6,
        )
        plots.draw_runs(
            panel.axes, panel.numbers[theirs], CROSSES, {name: f"{name} ({PAPER})" for name in THEIRS}, markersize=7
        )
        ring = panel.numbers[ringed]
        panel.axes.plot(
            ring["x"], ring["mean"], "o", markerfacecolor="none", markeredgecolor=COLOURS["black"],
            markersize=6.5, markeredgewidth=0.7, zorder=4, label=ON_FRONT,
        )  # fmt: skip
        panel.axes.set(xlim=(-0.03, 1.05), ylim=(-0.03, 1.05))
        across, up = panel.name.split(", ")
        panel.axes.set_xlabel(f"rank in {across}")
        panel.axes.set_ylabel(f"rank in {up}")
    return facets.finish(4, lambda panel: panel.quantity)


# ---------------------------------------------------------------- ranks of named architectures

ARCHITECTURES = (BEST, WIDE, DEEP, ENSEMBLE, PRUNED)
RANK, OURS = "rank / number of DAGs", "ours"


def architectures(rows: pd.DataFrame) -> Figure:
    """A panel for each named architecture; x is the aspect."""
    text = """Ranks of named architectures in expressivity (1), convergence (2) and generalisation (3), over the
    number of
        DAGs, beside the paper's (crosses, among its 541): of each seed and their mean. Best single: of our DAGs with
        its depth of 1.5 and P = 4 the one with the least summed rank. At a rate that all have in common."""
    numbers: list[pd.DataFrame] = []
    part = trained(converged(rows))
    each = [named(ranks(of_seed)).assign(seed=seed) for seed, of_seed in part.groupby("seed")]
    found = pd.concat(each).reset_index() if each else pd.DataFrame(columns=["data", "architecture", "seed", *ASPECTS])
    for name in ARCHITECTURES:
        for data, shown in found[found["architecture"] == name].groupby("data"):
            for at, aspect in enumerate(ASPECTS, 1):
                values = shown.assign(status="ok", **{aspect: shown[aspect].astype(float)})
                numbers.append(plots.over_seeds(values, np.full(len(shown), at), aspect, (name, RANK, DATA[str(data)])))
        if (found["architecture"] == name).any():
            theirs = RANKS[RANKS["architecture"] == name].set_index("quantity")["share"]
            numbers.append(plots.single_runs([1, 2, 3], theirs[list(ASPECTS)], (name, RANK, PAPER)))
    return plots.of_rows("ranks", rows, f"{text} {plots.INTERVALS}", numbers, draw_architectures, "n", "width")


def draw_architectures(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Filled points ours, crosses the paper's."""
    facets = plots.Facets(numbers, 2.6, sharey=True)
    cross = {PAPER: {"color": COLOURS["black"], "marker": "X"}}
    facets.draw(cross | {name: look | {"linestyle": ""} for name, look in LOOKS.items()}, markersize=5)
    facets.label("", RANK)
    for panel in facets:
        panel.axes.set(xlim=(0.5, 3.5), xticks=[1, 2, 3], ylim=(-0.05, 1.08))
        panel.axes.set_xticklabels(["expr.", "conv.", "gen."])
    return facets.finish(columns=3)


LOOKS = {"MNIST": points("blue", "o"), "CIFAR-10": points("vermilion", "s")}

# ---------------------------------------------------------------- correlations

QUANTITIES = {
    LOSS: "training loss", EPOCHS: "epochs to half", GAP: "generalisation gap", CURVATURE: "curvature",
    NNGP: "λ of NNGP", TANGENT: "λ of tangent kernel", "published_tangent": "the same, 48 inputs a neuron",
    "limit_tangent": "the same, without the stem",
}  # fmt: skip
WITH = dict(zip(SHAPES, ("τ with depth", "τ with P"), strict=True))
EQUAL = "equal"
TANGENTS = (TANGENT, "published_tangent", "limit_tangent")


def correlations(rows: pd.DataFrame) -> Figure:
    """A panel for depth and for P, a row for each data set and kind of rate; x is what the paper prints."""
    text = f"""Kendall's τ of six quantities with depth and with the number of paths P, over (depth, P) cell means, ours
        against every one that the paper prints: of training for Tiny-ImageNet, CIFAR-10 and CIFAR-100 at one rate
        (ours: {CONSTANT:g}), and for Tiny-ImageNet at tuned rates; of theory for Tiny-ImageNet. On the line they are
        equal; the sign is the same in the lower left and upper right quarters. The tangent kernel is as the authors'
        code has it, with the stem's weights; then in closed form with as many inputs a neuron as on Tiny-ImageNet, and
        without the stem, as in their theory. Bars: jackknife over seeds."""
    numbers: list[pd.DataFrame] = []
    ended = converged(rows)
    kinds = (
        ("one rate", single(trained(ended)), TAUS[TAUS["data"] != TUNED], (LOSS, EPOCHS, GAP)),
        ("tuned rates", single(tuned(ended)), TAUS[TAUS["data"] == TUNED], (LOSS, EPOCHS, GAP)),
        ("theory", kernels(ended), TAUS[TAUS["data"] != TUNED], (CURVATURE, NNGP, *TANGENTS)),
    )
    for kind, part, published, quantities in kinds:
        for (data, quantity, shape), ours in _jackknifed(part, quantities).items():
            printed = TANGENT if quantity in TANGENTS else quantity
            theirs = published[(published["quantity"] == printed) & (published["shape"] == shape)]["tau"]
            place = (WITH[shape], f"{DATA[data]}, {kind}", QUANTITIES[quantity])
            numbers.append(_at(theirs.to_numpy(), ours, place))
    places = dict.fromkeys((part["panel"].iloc[0], part["quantity"].iloc[0]) for part in numbers if len(part))
    numbers += [plots.theory([-1, 1], [-1, 1], (*place, EQUAL)) for place in places]
    return plots.of_rows("correlations", rows, text, numbers, draw_correlations, "n", "width")


def _jackknifed(rows: pd.DataFrame, quantities: tuple[str, ...]) -> dict[tuple[str, str, str], Any]:
    """τ with its interval by (data, quantity, shape), as claims have it."""
    if rows.empty:
        return {}
    names = list(taus(rows, *quantities).index)
    return dict(zip(names, estimates(rows, lambda t: taus(t, *quantities)), strict=True))


def _at(x: np.ndarray, ours: Any, place: tuple[str, str, str]) -> pd.DataFrame:
    found = pd.DataFrame({"x": x}).assign(mean=ours.value, low=ours.low, high=ours.high, seeds=ours.draws)
    wide = ~np.isfinite(found[["low", "high"]]).all(axis=1)
    found.loc[wide, ["low", "high"]] = np.nan
    panel, quantity, series = place
    return found.assign(panel=panel, quantity=quantity, series=series, kind="measured", trials=0, diverged=0)[
        plots.COLUMNS
    ]


def draw_correlations(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A colour for each quantity."""
    shown = list(dict.fromkeys(numbers["quantity"]))
    facets = plots.Facets(numbers, 0.8 + 2.4 * len(shown), quantities=shown)
    looks = {name: look | {"linestyle": ""} for name, look in zip(QUANTITIES.values(), ORDER, strict=False)}
    facets.draw(looks | {EQUAL: line("grey", DASHED)}, markersize=4.5)
    facets.label("Kendall's τ, published", "Kendall's τ, ours")
    for panel in facets:
        panel.axes.axhline(0, color=COLOURS["grey"], linewidth=0.5)
        panel.axes.axvline(0, color=COLOURS["grey"], linewidth=0.5)
        panel.axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
    return facets.finish(4, lambda panel: f"{panel.name}, {panel.quantity}")


# ---------------------------------------------------------------- bounds

SHARED, APART = "paths share an edge", "paths share none"
KINDS = {
    "NNGP": ("nngp", "nngp_bound", "λ of NNGP"),
    "tangent kernel": ("tangent", "tangent_bound", "λ of tangent kernel"),
    "Theorem 4.1": ("jacobian", "jacobian_claimed", "‖J‖"),
    "closed form": ("jacobian", "jacobian_limit", "‖J‖"),
}


def bounds(rows: pd.DataFrame) -> Figure:
    """A panel for each statement; x is what is stated, y what is so."""
    text = """What is stated of every DAG (across) against what is so (up), means over seeds. First two: least
    eigenvalues
        at infinite width against the paper's upper bounds; above the line a bound is broken. Then: norm of the output's
        derivative at finite width, against the paper's theorem, which adds up paths, and against the closed form of
        docs/theory/no_free_lunch.md. Open circles: no linear edge lies on two paths, and at most one path has none."""
    numbers: list[pd.DataFrame] = []
    ended = converged(rows)
    ended = ended[ended["paths"] > 0]
    for data, part in ended.groupby("data"):
        columns = list(dict.fromkeys(column for up, across, _ in KINDS.values() for column in (up, across)))
        mean = part.groupby("dag")[columns].mean()
        separate = mean.index.map(shares_no_edge).to_numpy(bool)
        for panel, (up, across, _) in KINDS.items():
            place = (panel, DATA[str(data)])
            numbers += [
                plots.single_runs(mean[kept][across], mean[kept][up], (*place, series))
                for series, kept in ((SHARED, ~separate), (APART, separate))
                if kept.any()
            ]
            ends = [mean[across].min(), mean[across].max()]
            numbers.append(plots.theory(ends, ends, (*place, EQUAL)))
    return plots.of_rows("bounds", rows, text, numbers, draw_bounds, "n", "width")


def draw_bounds(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Logarithmic axes; a row for each data set."""
    shown = list(dict.fromkeys(numbers["quantity"]))
    facets = plots.Facets(numbers, 0.7 + 2.0 * len(shown), quantities=shown)
    looks = {SHARED: points("vermilion", "s"), APART: points("blue", "o"), EQUAL: line("black", width=0.8)}
    facets.draw(looks, markersize=2.6, alpha=0.7)
    facets.label("stated", lambda name: KINDS[name][2], log="xy", most=4)
    return facets.finish(columns=3)


# ---------------------------------------------------------------- the sibling's DAGs


def siblings(rows: pd.DataFrame) -> Figure:
    """A panel for each quantity; x is the DAG."""
    text = f"""The sibling paper's three DAGs: 1 is {SIBLINGS[0]}, 2 is {SIBLINGS[1]}, 3 is {SIBLINGS[2]}. Least
    eigenvalues
        at infinite width, and epochs to 50 % training accuracy: it states that the former rise and the latter fall."""
    numbers = []
    for panel, experiment, column in (
        ("λ of NNGP", "kernels", "nngp"),
        ("λ of tangent kernel", "kernels", "tangent"),
        ("epochs to half", "siblings", EPOCHS),
    ):
        part = of_experiments(rows, experiment)
        part = part[part["dag"].isin(SIBLINGS)]
        for data, shown in part.groupby("data"):
            at = shown["dag"].map(SIBLINGS.index) + 1
            numbers.append(plots.over_seeds(shown, at, column, (panel, panel, DATA[str(data)])))
    shown = rows[rows["dag"].isin(SIBLINGS)]
    return plots.of_rows("siblings", shown, f"{text} {plots.INTERVALS}", numbers, draw_siblings, "n", "width")


def draw_siblings(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A colour for each data set."""
    facets = plots.Facets(numbers, 2.3)
    facets.draw(LOOKS, markersize=4)
    facets.label("DAG", lambda name: name)
    for panel in facets:
        panel.axes.set(xlim=(0.7, 3.3), xticks=[1, 2, 3])
    return facets.finish(2, lambda panel: "")
