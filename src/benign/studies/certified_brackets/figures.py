"""Figures of the certified brackets: the brackets themselves over the budget, and their widths."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.figure
import matplotlib.ticker
import pandas as pd

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import COLOURS, Figure
from benign.plots.looks import ACTIVATIONS, AVERAGING, DASHED, LINEAR_MARGIN, OPEN, ROBUST, line, points
from benign.studies.certified_brackets.claims import NARROW, relative_budget

BRACKET, REGIME = "certified bracket", "upper bound, assumptions hold"
ATTACKS, LOWER, UPPER, PLAIN = "attacks", "lower bound", "certified upper bound", "upper bound without branching"
ENDS = "ends of the bracket"
MEASURED = {ATTACKS: "test_attacked", LOWER: "test_lower", UPPER: "test_upper", PLAIN: "test_plain_upper"}
PREDICTED = {AVERAGING: "averaging_error", LINEAR_MARGIN: "linear_max_margin_error"}
MNIST = "MNIST"


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    return [
        brackets(of_experiments(table, "budget", "mnist", "regime")),
        widths(of_experiments(table, "budget", "mnist", "width", "dimension", "regime")),
    ]


def _caption(rows: pd.DataFrame, text: str) -> str:
    return plots.caption(text, plots.INTERVALS, plots.runs(rows, "n", "flip_rate", "width", "slope", "steps", "tested"))


def _networks(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """(name, rows) of each network whose budget is varied, with x, its budget in units of ‖μ‖, of images ‖μ̂‖."""
    swept, images = of_experiments(rows, "budget"), of_experiments(rows, "mnist")
    networks = [(name, swept[swept["activation"] == activation]) for activation, name in ACTIVATIONS.items()]
    networks += [(f"{MNIST}, β = {rate:g}", part) for rate, part in images.groupby("flip_rate")]
    for name, part in networks:
        yield name, part.assign(x=relative_budget(part).groupby(part["budget"]).transform("mean"))


# ---------------------------------------------------------------- brackets


def brackets(rows: pd.DataFrame) -> Figure:
    """A panel for each activation, and for MNIST with and without label noise; x is α/‖μ‖."""
    text = """Robust test error of trained networks against the budget, bounded from both sides. Dots: what the attacks
        find. Shaded: between the lower bound (attacks, and what the search meets) and the certified upper bound. Line:
        the upper bound without branching. Broken lines: the averaging and the linear max-margin predictor. Diamonds:
        the certified upper bound with d = 5·10⁵, ‖μ‖ = 20, where all of the theorem's assumptions hold. Errors are with
        observed labels."""
    ok = converged(rows)
    numbers = []
    for panel, part in _networks(ok):
        numbers += [
            plots.over_seeds(part, part["x"], column, (panel, ROBUST, series), "tested")
            for series, column in MEASURED.items()
        ]
        numbers += [
            plots.predicted(part, part["x"], column, (panel, ROBUST, series)) for series, column in PREDICTED.items()
        ]
    for activation, part in of_experiments(ok, "regime").groupby("activation"):
        place = (ACTIVATIONS[str(activation)], ROBUST, REGIME)
        numbers.append(plots.over_seeds(part, relative_budget(part), "test_upper", place, "tested"))
    return Figure("brackets", _caption(rows, text), plots.gather(numbers), draw_brackets, frozenset(ok["key"]))


def draw_brackets(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """One panel for each network, three in a row, with a band between lower and upper bound."""
    lower, upper = (numbers[numbers["series"] == series] for series in (LOWER, UPPER))
    bracket = upper.assign(series=BRACKET, kind="band", low=lower["mean"].to_numpy(), high=upper["mean"])
    shown = pd.concat([bracket, numbers], ignore_index=True)
    facets = plots.Facets(shown, 0.5 + 1.9 * -(-numbers["panel"].nunique() // 3), wrap=3, sharey=True)
    edge = line("blue", width=0.6, marker="")  # shows where the band is too thin
    bounds = {BRACKET: line("blue", alpha=0.4), LOWER: edge, UPPER: edge, PLAIN: line("vermilion", marker="")}
    marks = {ATTACKS: points("black", ".", linestyle="", markersize=4.5), REGIME: points("purple", "D") | OPEN}
    facets.draw(
        bounds | marks, {LOWER: ENDS, UPPER: ENDS, REGIME: "upper, assumptions hold", PLAIN: "upper, no branching"}
    )
    facets.label(lambda name: f"budget α/{'‖μ̂‖' if name.startswith(MNIST) else '‖μ‖'}", ROBUST)
    plots.error_axis(facets.panels[0].axes, facets.highest(ROBUST))
    return facets.finish(columns=3)


# ---------------------------------------------------------------- widths

OVER_BUDGET, OVER_WIDTH, OVER_DIMENSION, HOLD = "over the budget", "over the width", "over d", "assumptions hold"
ACROSS = {OVER_BUDGET: "budget α/‖μ‖", OVER_WIDTH: "width m", OVER_DIMENSION: "dimension d", HOLD: "dimension d"}
WIDTH, MISSED, TRAIN, UNBRANCHED = "width of the bracket", "missed by attacks", "training points left", "plain"
GAPS = {
    WIDTH: ("test_upper", "test_lower"),
    UNBRANCHED: ("test_plain_upper", "test_attacked"),
    MISSED: ("test_lower", "test_attacked"),
    TRAIN: ("train_upper", None),
}


def widths(rows: pd.DataFrame) -> Figure:
    """Panels over α/‖μ‖, the number of neurons and the dimension, a series for each network; a row for each gap."""
    text = """From above: the width of the certified bracket, or share of test points neither turned nor certified
        (filled: with branching; open: without; dashed line: 0.02, the claims' limit); the share that the
        certificate's search turns and attacks do not; the share of training points without a certificate. Second
        column: α = ‖μ‖/4; third: the same, and ‖μ‖ is d to the power 0.3; last: all of the theorem's assumptions
        hold (‖μ‖ = 20, α = ‖μ‖/10). The y-axes are linear below 0.001."""
    ok = converged(rows)
    numbers = [each for series, part in _networks(ok) for each in _gaps(part, part["x"], OVER_BUDGET, series)]
    wide = of_experiments(ok, "width")
    anchor = ok[(ok["experiment"] == "budget") & (ok["activation"] == "leaky_relu") & ok["budget"].isin(wide["budget"])]
    same = pd.concat([wide, anchor])
    numbers += _gaps(same, same["width"], OVER_WIDTH, ACTIVATIONS["leaky_relu"])
    for panel, name in ((OVER_DIMENSION, "dimension"), (HOLD, "regime")):
        for activation, part in of_experiments(ok, name).groupby("activation"):
            numbers += _gaps(part, part["d"], panel, ACTIVATIONS[str(activation)])
    return Figure("widths", _caption(rows, text), plots.gather(numbers), draw_widths, frozenset(ok["key"]))


def _gaps(rows: pd.DataFrame, x: pd.Series, panel: str, series: str) -> Iterator[pd.DataFrame]:
    for name, (high, low) in GAPS.items():
        gap = rows[high] - rows[low] if low else rows[high]
        place = (panel, WIDTH, f"{series}, {UNBRANCHED}") if name == UNBRANCHED else (panel, name, series)
        yield plots.over_seeds(rows.assign(gap=gap), x, "gap", place)


def draw_widths(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A colour for each network; open markers and dotted lines without branching."""
    facets = plots.Facets(numbers, 5.4, quantities=(WIDTH, MISSED, TRAIN), sharex="col", sharey="row")
    unbranched = OPEN | {"linestyle": ":"}
    # Activations have the colours that β has elsewhere.
    looks = {UNBRANCHED: unbranched, "β = 0": points("purple", "D"), "β = 0.1": points("orange", "v")}
    unnamed = {series: "" for series in numbers["series"] if series.endswith(UNBRANCHED)}
    facets.draw(looks, unnamed)
    facets.key("without branching", color="black", marker="o", **unbranched)
    facets.label(ACROSS.__getitem__)
    for panel in facets:
        if panel.quantity == WIDTH:
            panel.axes.axhline(
                NARROW, color=COLOURS["grey"], linewidth=0.7, linestyle=DASHED, label="claims' limit, 0.02"
            )
        panel.axes.set_yscale("symlog", linthresh=1e-3, linscale=0.5)
        panel.axes.set_ylim(-1e-4, 1)
        if panel.name != OVER_BUDGET:
            at = sorted(panel.numbers["x"].unique())
            panel.axes.set_xscale("log")
            names = [plots.typeset(plots.scientific(x)) for x in at]
            panel.axes.set_xticks(at, names, rotation=35 if len(at) > 4 else 0)
            panel.axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    return facets.finish(columns=3)
