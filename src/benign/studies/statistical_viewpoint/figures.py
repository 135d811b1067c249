"""The study's figures: effective ranks, isotropic regression, random features, what descent selects, lazy training.

Points are simulated, lines are theory (docs/theory.md §12). Letters: n points, p dimension, N random features, m
neurons.
"""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import matplotlib.ticker
import pandas as pd
from matplotlib.axes import Axes

from benign import plots
from benign.plots import COLOURS, Figure
from benign.studies.statistical_viewpoint import figure_numbers as numbers_of
from benign.studies.statistical_viewpoint.figure_numbers import (
    ABOVE,
    ANGLE,
    AT_THRESHOLD,
    BELOW,
    DESCENT,
    EQUIVALENT,
    GAPS,
    LEADING,
    MEAN_FIELD,
    MEDIAN,
    MOVEMENT,
    OVER_FEATURES,
    OVER_N,
    OVER_P,
    RATIO,
    RISK,
    SCATTER,
    SIZE,
    SURVIVAL,
    THEORY,
    THRESHOLD,
)

PALETTE = ["blue", "vermilion", "green", "purple", "orange", "sky", "black", "grey"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
LABELS = {  # formulas, which stand as plain text in the numbers
    "i⁻¹ (1 + ln i)⁻²": r"$i^{-1}(1 + \ln i)^{-2}$",
    **{f"i^(-{decay})": f"$i^{{-{decay}}}$" for decay in ("1.5", "2", "3")},
    **{f"exp(-i/{decay})": f"$e^{{-i/{decay}}}$" for decay in ("10", "20", "40")},
}
DASHED, DOTTED = (0, (4, 2)), (0, (1, 1.5))


def figures(table: pd.DataFrame) -> list[Figure]:
    """All figures, also those of experiments that the table does not have."""
    made = []
    for name, experiments, make, text, draw in FIGURES:
        rows = table[table["experiment"].isin(experiments)]
        numbers = make(rows if (rows["status"] == "ok").any() else rows[:0])
        made.append(Figure(name, plots.caption(text, _runs(rows)), numbers, draw))
    return made


def _runs(rows: pd.DataFrame) -> str:
    if not len(rows):
        return "Not run in this tier."
    seeds = rows.groupby("experiment")["seed"].nunique()
    counts = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    lost = int((rows["status"] != "ok").sum())
    return f"{len(rows)} cells; seeds: {counts}. " + (f"{lost} cells diverged and are left out." if lost else "")


def _panels(numbers: pd.DataFrame, names: list[str], height: float) -> tuple[matplotlib.figure.Figure, dict[str, Axes]]:
    """A canvas with one row of those panels that have numbers."""
    present = [name for name in names if (numbers["panel"] == name).any()]
    figure = plots.canvas(plots.FULL_WIDTH, height)
    axes = figure.subplots(1, len(present), squeeze=False)[0]
    plots.panel_titles(list(axes), present)
    return figure, dict(zip(present, axes, strict=True))


def _looks(numbers: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Colour and marker of each measured series, in the order of first appearance."""
    series = numbers.loc[numbers["kind"].isin(["measured", "run"]), "series"].unique()
    return {str(name): {"color": COLOURS[c], "marker": m} for name, c, m in zip(series, PALETTE, MARKERS, strict=False)}


def _draw_measured(axes: Axes, part: pd.DataFrame, looks: dict[str, dict[str, Any]], **more: Any) -> None:
    for series, rows in part[part["kind"] == "measured"].groupby("series", sort=False):
        look = {"linestyle": "", "markersize": 3.2, "zorder": 3} | looks[str(series)] | more
        plots.draw_points(axes, rows, LABELS.get(str(series), str(series)), **look)


def _draw_theory(axes: Axes, part: pd.DataFrame, looks: dict[str, dict[str, Any]], quantity: str, dashes: Any) -> None:
    """Lines in the colour of the series that they belong to."""
    rows = part[(part["kind"] == "theory") & (part["quantity"] == quantity)]
    for series, line in rows.groupby("series", sort=False):
        name = str(series).removesuffix(BELOW).removesuffix(ABOVE)
        colour = looks[name]["color"] if name in looks else COLOURS["black"]
        plots.draw_line(axes, line, "", color=colour, linewidth=1.0, linestyle=dashes, zorder=2)


def _key(axes: Axes, label: str, dashes: Any, colour: str = "black") -> None:
    """An entry of the legend for lines of one kind, whatever their colours."""
    axes.plot([], [], color=COLOURS[colour], linewidth=1.0, linestyle=dashes, label=label)


def draw_effective_ranks(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Variance over p, over n, and against k*/n + n/R."""
    figure, panels = _panels(numbers, [OVER_P, OVER_N, SCATTER], 3.1)
    looks = _looks(numbers)
    for name, axes in panels.items():
        part = numbers[numbers["panel"] == name]
        if name == SCATTER:
            for series, rows in part[part["kind"] == "run"].groupby("series", sort=False):
                axes.plot(
                    rows["x"], rows["mean"], linestyle="", markersize=3.0, alpha=0.8, zorder=3, **looks[str(series)]
                )
            band = part[part["kind"] == "band"]
            plots.draw_band(axes, band, "within a factor of 4", color=COLOURS["grey"], alpha=0.15)
        else:
            _draw_measured(axes, part, looks)
            _draw_theory(axes, part, looks, EQUIVALENT, "-")
            _draw_theory(axes, part, looks, LEADING, DASHED)
        plots.log_axis(axes, "x", 4)
        plots.log_axis(axes, "y", 5)
        axes.set_xlabel({OVER_P: "dimension $p$", OVER_N: "points $n$"}.get(name, r"$k^*/n + n/R_{k^*}$"))
    first = next(iter(panels.values()))
    first.set_ylabel(r"variance / $\sigma^2$")
    _key(first, "deterministic equivalent", "-")
    _key(first, r"$k^*/n + n/R_{k^*}$", DASHED)
    plots.legend(figure, 3)
    return figure


def draw_isotropic(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Risk over p/n, and the tail of the variance at p = n."""
    figure, panels = _panels(numbers, [RISK, SURVIVAL], 2.7)
    looks = _looks(numbers)
    if MEDIAN in looks:
        looks[MEDIAN] |= {"markerfacecolor": "none", "markersize": 5.0, "zorder": 2.5}
    for name, axes in panels.items():
        part = numbers[numbers["panel"] == name]
        _draw_measured(axes, part, looks)
        _draw_theory(axes, part, looks, THEORY, "-")
        plots.log_axis(axes, "x", 5)
        plots.log_axis(axes, "y", 5)
    if RISK in panels:
        axes = panels[RISK]
        axes.set(xlabel="$p/n$", ylabel="excess risk", ylim=(5e-3, None))
        plots.draw_mark(axes, numbers[numbers["kind"] == "mark"], THRESHOLD)
        ticks = [0.2, 0.5, 1, 2, 5, 10]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    if SURVIVAL in panels:
        panels[SURVIVAL].set(xlabel=r"level $v$", ylabel=r"share with variance > $v\,n\sigma^2$")
    _key(next(iter(panels.values())), "closed form", "-")
    plots.legend(figure, 5)
    return figure


def draw_random_features(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test error over N/n, its ratio to the theory, and that at several d."""
    figure, panels = _panels(numbers, [OVER_FEATURES, RATIO, AT_THRESHOLD], 2.7)
    looks = _looks(numbers)
    for name, axes in panels.items():
        part = numbers[numbers["panel"] == name]
        line = {"linestyle": "" if name == OVER_FEATURES else DOTTED, "linewidth": 0.7}
        _draw_measured(axes, part, looks, **line)
        _draw_theory(axes, part, looks, THEORY, "-")
        for mark, rows in part[part["kind"] == "mark"].groupby("series"):
            plots.draw_mark(axes, rows, str(mark))
        axes.set_xscale("log")
        if name == OVER_FEATURES:
            plots.log_axis(axes, "y", 5)
        else:
            axes.axhline(1, color=COLOURS["black"], linewidth=0.8, zorder=1)
        ticks = sorted(part.loc[part["kind"] == "measured", "x"].unique()) if name == AT_THRESHOLD else [0.1, 0.3, 1, 3]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        axes.set_xlabel("input dimension $d$" if name == AT_THRESHOLD else "$N/n$")
    for name, label in ((OVER_FEATURES, "test error"), (RATIO, "simulated / theory")):
        if name in panels:
            panels[name].set_ylabel(label)
    _key(next(iter(panels.values())), "Mei-Montanari asymptotics", "-")
    plots.legend(figure, 4)
    return figure


def draw_implicit_regularisation(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Distances to interpolants over the steps, and the angle to the max-margin direction."""
    figure, panels = _panels(numbers, [DESCENT, ANGLE], 3.0)
    for name, axes in panels.items():
        part = numbers[numbers["panel"] == name]
        looks = _starts(_looks(part)) if name == DESCENT else _looks(part)
        _draw_measured(axes, part, looks)
        _draw_theory(axes, part, looks, THEORY, "-")
        plots.log_axis(axes, "x", 6)
        plots.log_axis(axes, "y", 5)
        axes.set_xlabel("steps $t$")
    if DESCENT in panels:
        panels[DESCENT].set(ylabel="relative distance", ylim=(1e-10, 3))
        panels[DESCENT].axhline(1e-6, color=COLOURS["grey"], linewidth=0.7, linestyle=DOTTED)
    if ANGLE in panels:
        panels[ANGLE].set_ylabel("tan(angle to max margin)")
    plots.legend(figure, 4)
    return figure


def _starts(looks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A colour and a marker for each dimension; filled from 0, open from a random start."""
    places = {name: place for place, name in enumerate(dict.fromkeys(series.split(",")[0] for series in looks))}
    made: dict[str, dict[str, Any]] = {}
    for series in looks:
        place = places[series.split(",")[0]] % 4
        made[series] = {"color": COLOURS[["black", "grey", "sky", "orange"][place]], "marker": "v<>h"[place]}
        if series.endswith("random start"):
            made[series] |= {"markerfacecolor": "none", "markersize": 5.0, "markeredgewidth": 0.7, "zorder": 2}
    return made


def draw_lazy_training(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Movement over the width, and the gaps to the kernel."""
    figure, panels = _panels(numbers, [MOVEMENT, GAPS], 2.8)
    looks = _looks(numbers)
    looks[MEAN_FIELD] = looks.get(MEAN_FIELD, {}) | {"markerfacecolor": "none"}
    for name, axes in panels.items():
        part = numbers[numbers["panel"] == name]
        _draw_measured(axes, part, looks)
        _draw_theory(axes, part, looks, THEORY, "-")
        _draw_theory(axes, part, looks, SIZE, DASHED)
        plots.log_axis(axes, "x", 6)
        plots.log_axis(axes, "y", 5)
        ticks = sorted(numbers.loc[numbers["kind"] == "measured", "x"].unique())[::2]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xlabel("width $m$")
    if MOVEMENT in panels:
        panels[MOVEMENT].set_ylabel(r"$\|W - W_0\|_F\,/\,\|W_0\|_F$")
    if GAPS in panels:
        panels[GAPS].set_ylabel("relative difference")
    first = next(iter(panels.values()))
    _key(first, "infinite-width kernel", "-")
    _key(first, "slope -1/2", DASHED)
    plots.legend(figure, 3)
    return figure


FIGURES = (  # name, experiments, numbers, caption, drawing
    (
        "effective_ranks",
        ["dimension", "sample_size"],
        numbers_of.effective_ranks,
        """Variance of the min-norm interpolant, per unit of the noise's, for several spectra of the covariance. (a) n
        = 100 (smoke tier: 50), a flat tail of fixed sum spread over more and more dimensions: benign. (b) Over the
        points n: it falls for the benign spectra (p = n^1.5 and p = n²), and does not for the others. (c) All of them
        against k*/n + n/R of the effective ranks, where a k* exists. Solid: the deterministic equivalent, nothing
        fitted; dashed: k*/n + n/R. Bars: 95 % bootstrap intervals over seeds.""",
        draw_effective_ranks,
    ),
    (
        "isotropic",
        ["isotropic"],
        numbers_of.isotropic,
        """Ridgeless regression on isotropic Gaussian data. (a) Variance (per unit of noise) and bias (of a unit
        target) over p/n: means of many draws with two standard errors; open: medians. Lines: the exact closed forms,
        infinite for |p - n| ≤ 1, where means of finitely many draws mean nothing. (b) At p = n: how often the variance
        exceeds vn, with 95 % Clopper-Pearson intervals; line: from the law of the least singular value, for large
        v.""",
        draw_isotropic,
    ),
    (
        "random_features",
        ["random_features"],
        numbers_of.random_features,
        """Regression on N random ReLU features, n = 1.5 d points on a sphere, linear target of unit norm, noise
        variance .2. (a) Test error: double descent, with its peak at N = n, which a ridge tames. (b) Simulation over
        theory. (c) The same at several d with ridge .001, at and away from the threshold. Lines: the Mei-Montanari
        asymptotics, nothing fitted. Errors are exact over noise, targets and test points; bars: 95 % bootstrap
        intervals over draws of points and features. Dotted line: the interpolation
        threshold N = n.""",
        draw_random_features,
    ),
    (
        "implicit_regularisation",
        ["nearest", "margin"],
        numbers_of.implicit_regularisation,
        """(a) Gradient descent on n noise labels in p dimensions: distance to the min-norm interpolant from 0
        (filled), and from a random start (open), in units of the way from start to limit; lines: the exact decay;
        dotted: 1e-6. (b) Logistic descent on separable data (n = 40; smoke tier 20): tangent of the angle to the
        max-margin direction. Lines: the closed-form ŵ log t + w̃, where support vectors with comparable multipliers
        span all points. Bars: 95 % bootstrap intervals over seeds.""",
        draw_implicit_regularisation,
    ),
    (
        "lazy_training",
        ["lazy"],
        numbers_of.lazy_training,
        """Two-layer ReLU networks trained on random labels until they fit them. (a) Relative movement of the first
        layer: with 1/√m (lazy) as the tangent kernel has it, with 1/m (mean field) it does not fall. (b) Lazy
        networks: gap of the outputs on fresh points to the network linearised at its start and to the kernel of
        infinite width, and change of the network's own kernel; open: the first gap in the mean-field scaling. Bars: 95
        % bootstrap intervals over seeds.""",
        draw_lazy_training,
    ),
)
