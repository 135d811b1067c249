"""The numbers that the study's figures draw, in the columns of benign.plots, from the rows of the figure's
experiments.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benign import plots
from benign.stats import clopper_pearson
from benign.theory.regression import min_norm
from benign.theory.regression import random_features as features_theory

VARIANCE, BIAS, MEDIAN = "variance", "bias", "median variance"
OVER_P, OVER_N, SCATTER = "over the dimension", "over the points", "against effective ranks"
EQUIVALENT, LEADING, THEORY = "deterministic equivalent", "leading order", "theory"
RISK, SURVIVAL, BEYOND = "mean risk", "tail at the threshold", "share beyond the level"
OVER_FEATURES, RATIO, AT_THRESHOLD = "double descent", "agreement", "agreement over d"
THRESHOLD = "threshold"
DESCENT, ANGLE = "to an interpolant", "to max margin"
MOVEMENT, GAPS, SIZE = "movement of the weights", "following the kernel", "slope"
LAZY, MEAN_FIELD = "lazy, 1/√m", "mean field, 1/m"
COMPARABLE = 0.1  # least multiplier over the largest from which on the asymptote is drawn, as in the claims
BELOW, ABOVE = ", below", ", above"  # a line on either side of the threshold, where it is infinite
NAMES = {
    "spiked": "spikes + flat tail",
    "exponential_floor": "exponential + flat tail",
    "power_log": "i⁻¹ (1 + ln i)⁻²",
    "isotropic": "isotropic, dimension 2 n",
}


def _series(spectrum: str, decay: float) -> str:
    if spectrum == "power":
        return f"i^(-{decay:g})"
    return f"exp(-i/{decay:g})" if spectrum == "exponential" else NAMES[spectrum]


def _ok(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["status"] == "ok"]


def effective_ranks(rows: pd.DataFrame) -> pd.DataFrame:
    """Measured variances and both predictions at each point; runs against k*/n + n/R."""
    parts = []
    for experiment, panel, axis in (("dimension", OVER_P, "p"), ("sample_size", OVER_N, "n")):
        for (spectrum, decay), part in rows[rows["experiment"] == experiment].groupby(
            ["spectrum", "decay"], sort=False
        ):
            series = _series(str(spectrum), float(str(decay)))
            means = _ok(part).groupby(axis)[["predicted_variance", "leading_variance"]].mean()
            parts.append(plots.over_seeds(part, part[axis], "variance", (panel, VARIANCE, series)))
            parts.append(plots.theory(means.index, means["predicted_variance"], (panel, EQUIVALENT, series)))
            led = means["leading_variance"].dropna()
            if experiment == "dimension" and len(led):
                parts.append(plots.theory(led.index, led, (panel, LEADING, series)))
    found = _ok(rows)
    if len(found):
        found = found[found["leading_variance"].notna()]
        for (spectrum, decay), part in found.groupby(["spectrum", "decay"], sort=False):
            place = (SCATTER, VARIANCE, _series(str(spectrum), float(str(decay))))
            parts.append(plots.single_runs(part["leading_variance"], part["variance"], place))
        x = np.array([0.8 * found["leading_variance"].min(), 1.25 * found["leading_variance"].max()])
        parts.append(plots.band(x, x / 4, 4 * x, (SCATTER, VARIANCE, "factor 4")))
    return plots.gather(parts)


def isotropic(rows: pd.DataFrame) -> pd.DataFrame:
    """Means with two standard errors, medians, closed forms on a dense axis; the tail at p = n."""
    found = _ok(rows)
    parts = []
    for n in found["n"].unique().tolist():
        part = found[found["n"] == n]
        for column, series in (("variance", VARIANCE), ("bias", BIAS), ("variance_median", MEDIAN)):
            shown = part[part["p"] > n] if column == "bias" else part
            shown = shown[(shown["p"] - n).abs() > 1] if column == "variance" else shown
            points = plots.over_seeds(shown, shown["p"] / n, column, (RISK, series, series))
            if column != "variance_median" and len(points):
                error = shown.groupby(shown["p"] / n)[f"{column}_error"].mean().to_numpy()
                points = points.assign(low=points["mean"] - 2 * error, high=points["mean"] + 2 * error)
            parts.append(points)
        below = np.geomspace(part["p"].min() / n, 1 - 1.05 / n, 80)
        above = np.geomspace(1 + 1.05 / n, part["p"].max() / n, 80)
        for x in (below, above):
            parts.append(plots.theory(x, min_norm.isotropic_variance(n, n * x), (RISK, THEORY, VARIANCE + _side(x))))
        parts.append(plots.theory(above, min_norm.isotropic_bias(n, n * above), (RISK, THEORY, BIAS)))
        parts.append(plots.mark(1.0, (RISK, VARIANCE, THRESHOLD)))
        parts += _tail(part[part["p"] == n])
    return plots.gather(parts)


def _side(x: NDArray) -> str:
    return BELOW if x[0] < 1 else ABOVE


def _tail(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """How often the variance exceeds each level, in units of n; levels that no draw exceeds are left out."""
    if not len(rows):
        return []
    names = [name for name in rows.columns if name.startswith("share_beyond_")]
    levels = np.array([float(name.removeprefix("share_beyond_").removesuffix("n")) for name in names])
    trials = int(rows["trials"].sum())
    shares = np.array([(rows[name] * rows["trials"]).sum() / trials for name in names])
    low, high = clopper_pearson(np.round(shares * trials), trials)
    parts = [
        plots.over_seeds(rows, np.full(len(rows), level), name, (SURVIVAL, BEYOND, BEYOND)).assign(
            mean=share, low=least, high=most, trials=trials
        )
        for level, name, share, least, most in zip(levels, names, shares, low, high, strict=True)
        if share > 0
    ]
    dense = np.geomspace(1, 1000, 60)
    return [*parts, plots.theory(dense, min_norm.threshold_survival(dense), (SURVIVAL, THEORY, BEYOND))]


def random_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Errors over N/n at the d with the longest curve, ratios to the theory there, and ratios over d."""
    if not len(rows):
        return plots.gather([])
    lengths = rows.groupby("d")["features"].nunique()
    d = int(lengths.index.to_numpy()[lengths.to_numpy().argmax()])
    curve = rows[rows["d"] == d]
    n, noise = int(curve["n"].iloc[0]), float(curve["noise"].iloc[0])
    parts = []
    for ridge in sorted(curve["ridge"].unique().tolist()):
        part = curve[curve["ridge"] == ridge]
        series = f"ridge {ridge:g}" if ridge else "ridgeless"
        part = part[(part["ridge"] > 0) | (part["features"] != n)]
        x = part["features"] / n
        parts.append(plots.over_seeds(part, x, "test_error", (OVER_FEATURES, "test error", series)))
        dense = np.geomspace(part["features"].min() / n, part["features"].max() / n, 120)
        dense = dense[np.abs(dense - 1) > 0.02] if not ridge else dense
        errors = [features_theory.mei_montanari(each * n / d, n / d, ridge) for each in dense]
        line = [each.bias + noise * each.variance for each in errors]
        pieces = [(dense > 0, "")] if ridge else [(dense < 1, BELOW), (dense > 1, ABOVE)]
        for side, name in pieces:
            parts.append(plots.theory(dense[side], np.array(line)[side], (OVER_FEATURES, THEORY, series + name)))
        scaled = part.assign(ratio=part["test_error"] / part["predicted_error"])
        parts.append(plots.over_seeds(scaled, x, "ratio", (RATIO, "ratio", series)))
    parts.append(plots.mark(1.0, (OVER_FEATURES, "test error", THRESHOLD)))
    return plots.gather([*parts, *_over_d(rows)])


def _over_d(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Ratios to the theory with ridge .001 at those N/d that several d have."""
    rows = rows[rows["ridge"] == 0.001]
    rows = rows.assign(
        per_n=(rows["features"] / rows["n"]).round(3), ratio=rows["test_error"] / rows["predicted_error"]
    )
    shared = rows.groupby("per_n")["d"].nunique()
    return [
        plots.over_seeds(part, part["d"], "ratio", (AT_THRESHOLD, "ratio", f"{per_n:g} n features"))
        for per_n, part in rows[rows["per_n"].map(shared) > 1].groupby("per_n")
    ]


def implicit_regularisation(rows: pd.DataFrame) -> pd.DataFrame:
    """Distances over the steps from both starts, and tangents over the steps for each p."""
    parts = []
    for (ratio, start), part in rows[rows["experiment"] == "nearest"].groupby([rows["p"] / rows["n"], "start"]):
        series = f"dimension {ratio:g} n, from {'0' if start == 'zero' else 'a random start'}"
        place = (DESCENT, "distance", series)
        parts.append(plots.over_seeds(part, part["steps"], "distance_to_min_norm", place))
        if start == "zero":
            line = _ok(part).groupby("steps")["predicted_distance"].mean()
            parts.append(plots.theory(line.index, line, (DESCENT, THEORY, series)))
    for p, part in rows[rows["experiment"] == "margin"].groupby("p"):
        series = f"dimension {p}"
        parts.append(plots.over_seeds(part, part["steps"], "tangent", (ANGLE, "tangent", series)))
        kept = _ok(part)
        if "predicted_tangent" in kept:
            alike = kept[kept["predicted_tangent"].notna() & (kept["multiplier_ratio"] >= COMPARABLE)]
            # One line stands for all seeds, or for none.
            if len(alike) and alike["seed"].nunique() == kept["seed"].nunique():
                line = alike[alike["steps"] >= 100].groupby("steps")["predicted_tangent"].mean()
                parts.append(plots.theory(line.index, line, (ANGLE, THEORY, series)))
    return plots.gather(parts)


def lazy_training(rows: pd.DataFrame) -> pd.DataFrame:
    """Movement with the kernel's prediction, and the gaps, over the width."""
    parts = []
    for scaling, name in (("lazy", LAZY), ("mean_field", MEAN_FIELD)):
        part = rows[rows["scaling"] == scaling]
        if not len(part):
            continue
        parts.append(plots.over_seeds(part, part["width"], "movement", (MOVEMENT, "movement", name)))
        line = _ok(part).groupby("width")["predicted_movement"].mean()
        parts.append(plots.theory(line.index, line, (MOVEMENT, THEORY, name)))
    lazy = rows[rows["scaling"] == "lazy"]
    for column, name in (
        ("linearised_gap", "gap to linearised network"),
        ("kernel_gap", "gap to infinite width"),
        ("kernel_change", "change of own kernel"),
    ):
        parts.append(plots.over_seeds(lazy, lazy["width"], column, (GAPS, "gap", name)))
    if len(lazy):
        x = np.array([lazy["width"].min(), lazy["width"].max()], float)
        start = _ok(lazy).loc[lazy["width"] == x[0], "kernel_gap"].mean()
        parts.append(plots.theory(x, start * (x / x[0]) ** -0.5, (GAPS, SIZE, SIZE)))
    control = rows[rows["scaling"] == "mean_field"]
    parts.append(plots.over_seeds(control, control["width"], "linearised_gap", (GAPS, "gap", MEAN_FIELD)))
    return plots.gather(parts)
