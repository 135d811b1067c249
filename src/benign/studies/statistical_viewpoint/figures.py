"""The study's figures: effective ranks, isotropic regression, random features, what descent selects, lazy training.

Points are simulated, lines are theory (docs/theory/statistical_viewpoint.md). Letters: n points, p dimension, N random
features, m neurons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benign import plots
from benign.claims import converged, of_experiments
from benign.plots import INTERVALS, Figure
from benign.plots.looks import DASHED, DOTTED, EQUALITY, LOOKS, OPEN, line, points
from benign.theory.regression import min_norm
from benign.theory.regression import random_features as features_theory

VARIANCE, THEORY, THRESHOLD = "variance", "theory", "threshold"
BELOW, ABOVE = ", below", ", above"  # a line on either side of the threshold, where it is infinite


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    return [
        effective_ranks(of_experiments(table, "dimension", "sample_size")),
        isotropic(of_experiments(table, "isotropic")),
        random_features(of_experiments(table, "random_features")),
        implicit_regularisation(of_experiments(table, "nearest", "margin")),
        lazy_training(of_experiments(table, "lazy")),
    ]


def _ticks(axes: Axes, places: Iterable[float]) -> None:
    """Those of the places on the x-axis that are within its range, as they are written."""
    low, high = axes.get_xlim()
    inside = [x for x in places if low <= x <= high]
    axes.set_xticks(inside, [f"{x:g}" for x in inside])


# ---------------------------------------------------------------- effective ranks

OVER_P, OVER_N, SCATTER = "over the dimension", "over the points", "against effective ranks"
EQUIVALENT, LEADING, FACTOR = "deterministic equivalent", "leading order", "factor 4"
SPECTRA = {
    "power": "i^(-{:g})",
    "exponential": "exp(-i/{:g})",
    "spiked": "spikes + flat tail",
    "exponential_floor": "exponential + flat tail",
    "power_log": "i⁻¹ (1 + ln i)⁻²",
    "isotropic": "isotropic, dimension 2 n",
}


def effective_ranks(rows: pd.DataFrame) -> Figure:
    """Panels: variance over p, over n, and of each run over k*/n + n/R; a series for each spectrum."""
    text = f"""Variance of the min-norm interpolant, per unit of the noise's, for several spectra of the covariance. (a)
        n = 100 (smoke tier: 50), a flat tail of fixed sum spread over more and more dimensions: benign. (b) Over the
        points n: it falls for the benign spectra (p = n^1.5 and p = n²), and does not for the others. (c) All of them
        against k*/n + n/R of the effective ranks, where a k* exists. Solid: the deterministic equivalent, nothing
        fitted; dashed: k*/n + n/R. {INTERVALS}"""
    names = [SPECTRA[spectrum].format(decay) for spectrum, decay in zip(rows["spectrum"], rows["decay"], strict=True)]
    rows = rows.assign(series=names)
    numbers = []
    for experiment, panel, axis in (("dimension", OVER_P, "p"), ("sample_size", OVER_N, "n")):
        for series, part in rows[rows["experiment"] == experiment].groupby("series", sort=False):
            name = str(series)
            numbers += [
                plots.over_seeds(part, part[axis], "variance", (panel, VARIANCE, name)),
                plots.predicted(part, part[axis], "predicted_variance", (panel, EQUIVALENT, name)),
            ]
            if panel == OVER_P:
                numbers.append(plots.predicted(part, part["p"], "leading_variance", (panel, LEADING, name)))
    ranked = converged(rows).dropna(subset=["leading_variance"])
    for series, part in ranked.groupby("series", sort=False):
        numbers.append(plots.single_runs(part["leading_variance"], part["variance"], (SCATTER, VARIANCE, str(series))))
    if len(ranked):
        x = np.array([0.8 * ranked["leading_variance"].min(), 1.25 * ranked["leading_variance"].max()])
        numbers.append(plots.band(x, x / 4, 4 * x, (SCATTER, VARIANCE, FACTOR)))
    return plots.of_rows("effective_ranks", rows, text, numbers, draw_effective_ranks, n="n", p="p")


def draw_effective_ranks(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """All axes logarithmic; lines in the colours of their spectra."""
    facets = plots.Facets(numbers, 3.1)
    spectra = plots.in_order(numbers.loc[numbers["kind"] == "measured", "series"])
    powers = {name: f"${name.replace('(', '{').replace(')', '}')}$" for name in spectra if name.startswith("i^")}
    looks = {LEADING: {"linestyle": DASHED}, FACTOR: line("grey", alpha=0.15)}
    facets.draw(spectra | looks, powers | {FACTOR: "within a factor of 4"}, linestyle="")
    ranks = "$k^*/n + n/R_{k^*}$"
    facets.key(EQUIVALENT, **line("black"))
    facets.key(ranks, **line("black", DASHED))
    facets.label(
        {OVER_P: "dimension $p$", OVER_N: "training points n", SCATTER: ranks}.__getitem__, "variance / σ²", log="xy"
    )
    return facets.finish(columns=3)


# ---------------------------------------------------------------- isotropic regression

RISK, SURVIVAL = "mean risk", "tail at the threshold"
BIAS, MEDIAN, BEYOND = "bias", "median variance", "share beyond the level"


def isotropic(rows: pd.DataFrame) -> Figure:
    """Panels: variance and bias over p/n; the share of draws at p = n whose variance is beyond vn, over v."""
    text = """Ridgeless regression on isotropic Gaussian data. (a) Variance (per unit of noise) and bias (of a unit
        target) over p/n: means of many draws with two standard errors; open: medians. Lines: the exact closed forms,
        infinite for |p - n| ≤ 1, where means of finitely many draws mean nothing. (b) At p = n: how often the variance
        exceeds vn, with 95 % Clopper-Pearson intervals; line: from the law of the least singular value, for large
        v."""
    numbers = []
    for _, part in converged(rows).groupby("n"):
        n = part["n"].max()
        below = np.geomspace(part["p"].min() / n, 1 - 1.05 / n, 80)
        above = np.geomspace(1 + 1.05 / n, part["p"].max() / n, 80)
        numbers += [
            _two_errors(part[(part["p"] - n).abs() > 1], VARIANCE),
            _two_errors(part[part["p"] > n], BIAS),
            plots.over_seeds(part, part["p"] / n, "variance_median", (RISK, MEDIAN, MEDIAN)),
            plots.theory(below, min_norm.isotropic_variance(n, n * below), (RISK, THEORY, VARIANCE + BELOW)),
            plots.theory(above, min_norm.isotropic_variance(n, n * above), (RISK, THEORY, VARIANCE + ABOVE)),
            plots.theory(above, min_norm.isotropic_bias(n, n * above), (RISK, THEORY, BIAS)),
            plots.mark(1.0, (RISK, VARIANCE, THRESHOLD)),
            *_tail(part[part["p"] == n]),
        ]
    return plots.of_rows("isotropic", rows, text, numbers, draw_isotropic, n="n", trials="draws in each")


def _two_errors(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Means over p/n, each with two standard errors of the draws behind it on either side."""
    x = rows["p"] / rows["n"]
    means = plots.over_seeds(rows, x, column, (RISK, column, column))
    errors = 2 * rows.groupby(x)[f"{column}_error"].mean().to_numpy()
    return means.assign(low=means["mean"] - errors, high=means["mean"] + errors)


def _tail(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """How often the variance exceeds each level, in units of n, draws of all seeds pooled: they are independent."""
    for column in map(str, rows.filter(like="share_beyond_")):
        level, draws = float(column.removeprefix("share_beyond_").removesuffix("n")), rows["trials"].sum()
        pooled = rows.head(1).assign(**{column: (rows[column] * rows["trials"]).sum() / max(draws, 1), "trials": draws})
        shares = plots.over_seeds(pooled, np.full(len(pooled), level), column, (SURVIVAL, BEYOND, BEYOND), "trials")
        yield shares[shares["mean"] > 0]
    dense = np.geomspace(1, 1000, 60)
    yield plots.theory(dense, min_norm.threshold_survival(dense), (SURVIVAL, THEORY, BEYOND))


def draw_isotropic(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Risk and tail, all axes logarithmic."""
    facets = plots.Facets(numbers, 2.7)
    looks = plots.in_order([VARIANCE, BIAS, MEDIAN, BEYOND]) | {MEDIAN: points("green", "^", **OPEN)}
    facets.draw(looks, {VARIANCE + side: VARIANCE for side in (BELOW, ABOVE)}, linestyle="")
    facets.key("closed form", **line("black"))
    across = {RISK: "$p/n$", SURVIVAL: "level $v$"}
    along = {RISK: "excess risk", SURVIVAL: r"share with variance > $v\,n\sigma^2$"}
    facets.label(across.__getitem__, along.__getitem__, log="xy")
    facets.grid[0, 0].set_ylim(5e-3, None)
    _ticks(facets.grid[0, 0], [0.2, 0.5, 1, 2, 5, 10])
    return facets.finish(columns=5)


# ---------------------------------------------------------------- random features

OVER_FEATURES, RATIO, AT_THRESHOLD = "double descent", "agreement", "agreement over d"
QUADRATIC = "quadratic target as noise"
ERROR = "test error"


def random_features(rows: pd.DataFrame) -> Figure:
    """Panels: errors over N/n at the d with the longest curve; their ratios to the theory; ratios over d; and of the
    error on a quadratic target, over N/n.
    """
    text = f"""Regression on N random ReLU features, n = 1.5 d points on a sphere, linear target of unit norm, noise
        variance .2. (a) Test error: double descent, with its peak at N = n, which a ridge tames. (b) Simulation over
        theory. (c) The same at several d with ridge .001, at and away from the threshold. (d) The error on a quadratic
        target of unit variance over 1 + the theory's variance, what noise would give. Lines: the Mei-Montanari
        asymptotics, nothing fitted. Errors are exact over noise, targets and test points; seeds: draws of points and
        features. {INTERVALS} Dotted line: the interpolation threshold N = n."""
    rows = rows.assign(
        per_n=rows["features"] / rows["n"],
        ratio=rows["test_error"] / rows["predicted_error"],
        quadratic=rows["nonlinear"] / (1 + rows["predicted_variance"]),
    )
    lengths = rows.groupby("d")["features"].transform("nunique")
    curve = rows[rows["d"] == rows.loc[lengths == lengths.max(), "d"].min()]
    curve = curve[(curve["ridge"] > 0) | (curve["features"] != curve["n"])]  # else the error is infinite
    over_d = rows[rows["ridge"] == 0.001].assign(per_n=rows["per_n"].round(3))
    over_d = over_d[over_d.groupby("per_n")["d"].transform("nunique") > 1]
    numbers, ratios = [], []
    for ridge, part in curve.groupby("ridge"):
        series = f"ridge {ridge:g}" if ridge else "ridgeless"
        numbers += [
            plots.over_seeds(part, part["per_n"], "test_error", (OVER_FEATURES, ERROR, series)),
            *_asymptotics(part, series),
            plots.over_seeds(part, part["per_n"], "ratio", (RATIO, "ratio", series)),
        ]
        ratios.append(plots.over_seeds(part, part["per_n"], "quadratic", (QUADRATIC, "ratio", series)))
    numbers.append(plots.mark(np.ones(len(curve)), (OVER_FEATURES, ERROR, THRESHOLD)))
    for per_n, part in over_d.groupby("per_n"):
        numbers.append(plots.over_seeds(part, part["d"], "ratio", (AT_THRESHOLD, "ratio", f"{per_n:g} n features")))
    numbers += ratios
    drawn = rows[rows["key"].isin([*curve["key"], *over_d["key"]])]
    return plots.of_rows("random_features", drawn, text, numbers, draw_random_features, d="d", features="N")


def _asymptotics(rows: pd.DataFrame, series: str) -> Iterator[pd.DataFrame]:
    """Mei and Montanari's error over N/n; without a ridge it is infinite at N = n."""
    n, d, ridge, noise = (rows[name].max() for name in ("n", "d", "ridge", "noise"))
    x = np.geomspace(rows["per_n"].min(), rows["per_n"].max(), 120)
    sides = {"": x > 0} if ridge else {BELOW: x < 0.98, ABOVE: x > 1.02}
    for side, inside in sides.items():
        errors = [features_theory.mei_montanari(each * n / d, n / d, ridge) for each in x[inside]]
        error = [each.bias + noise * each.variance for each in errors]
        yield plots.theory(x[inside], error, (OVER_FEATURES, THEORY, series + side))


def draw_random_features(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Error and ratios, x logarithmic."""
    facets = plots.Facets(numbers, 4.8, wrap=2)
    looks = plots.in_order(numbers.loc[numbers["kind"] == "measured", "series"])
    names = {f"ridgeless{side}": "ridgeless" for side in (BELOW, ABOVE)}
    facets.draw(looks | {"ratio": {"linestyle": DOTTED, "linewidth": 0.7}}, names, linestyle="")
    facets.key("Mei-Montanari asymptotics", **line("black"))
    facets.key("points joined", **line("black", DOTTED, 0.7))
    across, along = {AT_THRESHOLD: "dimension d"}, {OVER_FEATURES: ERROR}
    facets.label(lambda name: across.get(name, "$N/n$"), lambda name: along.get(name, "simulated / theory"), log="x")
    for panel in facets:
        if panel.name == OVER_FEATURES:
            plots.log_axis(panel.axes, "y", 5)
        else:
            panel.axes.axhline(1, label=EQUALITY, **LOOKS[EQUALITY])
        ticks = sorted(panel.numbers["x"].unique()) if panel.name == AT_THRESHOLD else [0.1, 0.3, 1, 3]
        _ticks(panel.axes, ticks)
    return facets.finish(columns=4)


# ---------------------------------------------------------------- implicit regularisation

DESCENT, ANGLE, NEAREST = "to an interpolant", "to max margin", "$10^{-6}$"
STARTS = {"zero": "from 0", "random": "from a random start"}
COMPARABLE = 0.1  # least multiplier over the largest from which on the asymptote is drawn, as in the claims
OF_DESCENT = [points("black", "v"), points("grey", "<"), points("sky", ">"), points("orange", "h")]


def implicit_regularisation(rows: pd.DataFrame) -> Figure:
    """Panels over the steps: distance to the min-norm interpolant, tangent of the angle to max margin."""
    text = f"""(a) Gradient descent on n noise labels in p dimensions: distance to the min-norm interpolant from 0
        (filled), and from a random start (open), in units of the way from start to limit; lines: the exact decay;
        dotted: 1e-6. (b) Logistic descent on separable data (n = 40; smoke tier 20): tangent of the angle to the
        max-margin direction. Lines: the closed-form ŵ log t + w̃, where support vectors with comparable multipliers
        span all points. {INTERVALS}"""
    numbers = []
    nearest, margin = of_experiments(rows, "nearest"), of_experiments(rows, "margin")
    for (ratio, start), part in nearest.groupby([nearest["p"] / nearest["n"], "start"]):
        series = f"dimension {ratio:g} n, {STARTS[str(start)]}"
        numbers.append(plots.over_seeds(part, part["steps"], "distance_to_min_norm", (DESCENT, "distance", series)))
        if start == "zero":
            numbers.append(plots.predicted(part, part["steps"], "predicted_distance", (DESCENT, THEORY, series)))
    for p, part in margin.groupby("p"):
        series = f"dimension {p}"
        numbers.append(plots.over_seeds(part, part["steps"], "tangent", (ANGLE, "tangent", series)))
        kept = converged(part)
        alike = kept[kept["predicted_tangent"].notna() & (kept["multiplier_ratio"] >= COMPARABLE)]
        # One line stands for all seeds, or for none.
        if alike["seed"].nunique() == kept["seed"].nunique():
            late = alike[alike["steps"] >= 100]
            numbers.append(plots.predicted(late, late["steps"], "predicted_tangent", (ANGLE, THEORY, series)))
    return plots.of_rows("implicit_regularisation", rows, text, numbers, draw_implicit_regularisation, n="n", p="p")


def draw_implicit_regularisation(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """A look for each dimension, told apart between the panels; random starts are open and have one entry together."""
    facets = plots.Facets(numbers, 3.0)
    descent, angle = (numbers.loc[numbers["panel"] == panel, "series"] for panel in (DESCENT, ANGLE))
    looks = dict(zip(descent.str.split(",").str[0].unique(), OF_DESCENT, strict=False)) | plots.in_order(angle)
    series = [*looks, *numbers["series"]]
    names = {each: f"$p = {each.removeprefix('dimension ').split(',')[0]}$" for each in series}
    hidden = {each: "_" for each in names if each.endswith(STARTS["random"])}
    for each in looks:  # the legend's order
        facets.key(names[each])
    facets.draw(looks | {STARTS["random"]: OPEN}, names | hidden, linestyle="")
    facets.key(STARTS["random"], **points("black", "v", linestyle="") | OPEN)
    facets.key("theory", **line("black"))
    along = {DESCENT: "relative distance", ANGLE: "tan(angle to max margin)"}
    facets.label("steps t", along.__getitem__, log="xy", most=6)
    for panel in facets:
        if panel.name == DESCENT:
            panel.axes.set_ylim(1e-10, 3)
            panel.axes.axhline(1e-6, label=NEAREST, **line("grey", DOTTED, 0.7))
    return facets.finish(columns=5)


# ---------------------------------------------------------------- lazy training

MOVEMENT, GAPS, SLOPE = "movement of the weights", "following the kernel", "slope"
LAZY, MEAN_FIELD = "lazy, 1/√m", "mean field, 1/m"
SCALINGS = {"lazy": LAZY, "mean_field": MEAN_FIELD}
OF_LAZY = {
    "gap to linearised network": "linearised_gap",
    "gap to infinite width": "kernel_gap",
    "change of own kernel": "kernel_change",
}


def lazy_training(rows: pd.DataFrame) -> Figure:
    """Panels over the width: movement of the weights, gaps to the kernel."""
    text = f"""Two-layer ReLU networks trained on random labels until they fit them. (a) Relative movement of the first
        layer: with 1/√m (lazy) as the tangent kernel has it, with 1/m (mean field) it does not fall. (b) Lazy
        networks: gap of the outputs on fresh points to the network linearised at its start and to the kernel of
        infinite width, and change of the network's own kernel; open: the first gap in the mean-field scaling.
        {INTERVALS}"""
    numbers = []
    scaled = {scaling: rows[rows["scaling"] == scaling] for scaling in SCALINGS}
    for scaling, part in scaled.items():
        place = (MOVEMENT, "movement", SCALINGS[scaling])
        numbers.append(plots.over_seeds(part, part["width"], "movement", place))
        place = (MOVEMENT, THEORY, SCALINGS[scaling])
        numbers.append(plots.predicted(part, part["width"], "predicted_movement", place))
    lazy, control = scaled.values()
    numbers += [plots.over_seeds(lazy, lazy["width"], column, (GAPS, "gap", name)) for name, column in OF_LAZY.items()]
    if len(lazy):
        widths = np.array([lazy["width"].min(), lazy["width"].max()], float)
        start = converged(lazy[lazy["width"] == widths[0]])["kernel_gap"].mean()
        numbers.append(plots.theory(widths, start * (widths / widths[0]) ** -0.5, (GAPS, SLOPE, SLOPE)))
    numbers.append(plots.over_seeds(control, control["width"], "linearised_gap", (GAPS, "gap", MEAN_FIELD)))
    return plots.of_rows("lazy_training", rows, text, numbers, draw_lazy_training, n="n", d="d", width="m")


def draw_lazy_training(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Movement and gaps, all axes logarithmic."""
    facets = plots.Facets(numbers, 2.8)
    looks = plots.in_order([LAZY, MEAN_FIELD, *OF_LAZY]) | {SLOPE: line("black", DASHED)}
    looks |= {MEAN_FIELD: points("vermilion", "s", markerfacecolor="none")}
    facets.draw(looks, {SLOPE: "slope -1/2"}, linestyle="")
    facets.key("infinite-width kernel", **line("black"))
    along = {MOVEMENT: r"$\|W - W_0\|_F\,/\,\|W_0\|_F$", GAPS: "relative difference"}
    facets.label("width m", along.__getitem__, log="xy")
    ticks = sorted(numbers.loc[numbers["kind"] == "measured", "x"].unique())[::2]
    for panel in facets:
        _ticks(panel.axes, ticks)
    return facets.finish(columns=3)
