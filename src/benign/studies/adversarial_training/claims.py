"""The flagship's claims, each judged on the table alone.

Conventions, all [ours]: cells that differ in the seed alone form a point; a point's error is the mean over its seeds
and its Monte Carlo error the half-width of the Clopper-Pearson interval of the pooled counts; "admissible" budgets are
those of assumptions.check (α ≤ ρ_avg/2); "near β" is within 0.05 of β. Thresholds were fixed before the paper tier ran,
but for collapse_measured, collapse_predicted and one_constant, which were added when its table was there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd

from benign.claims import Claim, conclude, converged, judge
from benign.stats import clopper_pearson, crossing
from benign.theory.mixture import exponent, gaussian

STUDY = "adversarial_training"
_claim = functools.partial(conclude, STUDY)
NEAR = 0.05
CLEAN_TOLERANCE = 0.02
# r = n‖μ‖²/d up to which one constant should serve, and from which on it should not: 1/C and 2 for C = 2.5.
R_SERVED, R_CROWDED = 0.4, 2.0

ERRORS = (
    "clean_test_error",
    "robust_test_error",
    "clean_test_error_clean_labels",
    "robust_test_error_clean_labels",
    "clean_train_error",
    "robust_train_error",
)
POINT = [
    *("experiment", "data", "d", "signal", "n", "flip_rate", "classes", "side", "activation", "slope", "curvature"),
    *("width", "init_scale", "step_scale", "steps", "training", "inner", "budget"),
]


def claims(table: pd.DataFrame) -> list[Claim]:
    """Every claim of the flagship, judged on the rows that converged; divergence is a claim's business of its own."""
    ok = converged(table)
    return [judged(ok) for judged in CLAIMS] + [no_divergence(table)]


def points(table: pd.DataFrame) -> pd.DataFrame:
    """One row per point: means over seeds of every number, `cells`, and for each error e its interval e_low, e_high."""
    numbers = [c for c in table.columns if c not in POINT and pd.api.types.is_numeric_dtype(table[c]) and c != "seed"]
    table = table.assign(trained=table.n)
    trials = {error: "trained" if "train" in error else "tested" for error in ERRORS}
    hits = {f"{error}_hits": (table[error] * table[of]).round() for error, of in trials.items()}
    grouped = table.assign(**hits).groupby(POINT, dropna=False)
    result, sums = grouped[numbers].mean(), grouped[["trained", "tested", *hits]].sum()
    for error, of in trials.items():
        result[f"{error}_low"], result[f"{error}_high"] = clopper_pearson(sums[f"{error}_hits"], sums[of])
    return result.assign(cells=grouped.size()).reset_index()


def _half_width(found: pd.DataFrame, error: str) -> pd.Series:
    """Monte Carlo error of each point's mean."""
    return (found[f"{error}_high"] - found[f"{error}_low"]) / 2


def _adversarial(table: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    chosen = (table.training == "adversarial") & (table.data == "clusters") & (table.inner == "exact")
    return table[chosen & table.experiment.isin(experiments)]


def _regime(table: pd.DataFrame) -> pd.DataFrame:
    """Adversarially trained cells of noisy clusters where every assumption of the regime holds (docs/theory.md §8)."""
    adversarial = (table.training == "adversarial") & (table.data == "clusters") & (table.flip_rate > 0)
    # Learning curves stop on purpose before training is over.
    return table[adversarial & table.in_regime & ~table.experiment.isin(["curves", "random"])]


IN_REGIME = "Where the theorem's assumptions hold (with our constant C = 5 and α ≤ ρ_avg/2)"


# ---------------------------------------------------------------- Theorem 3.1


def robust_interpolation(table: pd.DataFrame) -> Claim:
    rows = _regime(table)
    worst = rows.robust_train_error.max()
    share = (rows.robust_train_error == 0).mean()
    return _claim(
        "robust_interpolation",
        len(rows),
        judge(share == 1, share >= 0.9),
        statement=f"{IN_REGIME}, adversarial training ends with robust training error 0, noisy labels included.",
        source="Thm 3.1 [abstract, digest]",
        measured={"largest_robust_train_error": worst, "share_at_zero": share},
        expected="robust training error 0 in every cell",
        tolerance="none: a count (partly: in nine cells of ten)",
        figure="dimension",
    )


def robust_loss_vanishes(table: pd.DataFrame) -> Claim:
    curves = points(_adversarial(table, "curves").query("d >= n**2"))
    slopes, last, falling = [], [], []
    for _, curve in curves.groupby("slope"):
        curve = curve.sort_values("steps")
        late = curve[curve.steps >= curve.steps.max() / 10]
        slopes.append(np.polyfit(np.log(late.steps), np.log(late.robust_train_loss), 1)[0] if len(late) > 1 else np.nan)
        last.append(curve.robust_train_loss.iloc[-1])
        falling.append(bool((np.diff(curve.robust_train_loss) < 0).all()))
    slope = max(slopes, default=np.nan)
    return _claim(
        "robust_loss_vanishes",
        curves.cells.sum(),
        judge(all(falling) and slope <= -0.5, all(falling)),
        statement=(
            "With d ≥ n² the robust training loss falls at every recorded step and keeps falling as a power of t."
        ),
        source="Thm 3.1 [abstract, digest]; the power is ours",
        measured={"slowest_power_of_t": slope, "largest_final_loss": max(last, default=np.nan)},
        expected=(
            "loss ~ t^p with p ≤ -0.5 over the last decade of steps (gradient descent on a separable problem gives -1)"
        ),
        tolerance="half of the exponent -1 [ours]: a finite run cannot show a limit (partly: it falls throughout)",
        figure="learning_curves",
    )


def clean_error_near_floor(table: pd.DataFrame) -> Claim:
    found = points(_regime(table))
    excess = (found.clean_test_error - found.flip_rate).abs()
    inside = (excess <= CLEAN_TOLERANCE + _half_width(found, "clean_test_error")).mean()
    return _claim(
        "clean_error_near_floor",
        found.cells.sum(),
        judge(inside == 1, inside >= 0.9),
        statement=f"{IN_REGIME}, clean test error is within {CLEAN_TOLERANCE} of the noise floor β.",
        source="Thm 3.1 [abstract, digest]",
        measured={"points": len(found), "largest_excess": excess.max(), "share_within": inside},
        expected="|clean test error - β| ≤ .02 at every point",
        tolerance=".02 (stated) + half-width of the 95% Clopper-Pearson interval of the pooled count",
        figure="dimension",
    )


def robust_error_near_floor(table: pd.DataFrame) -> Claim:
    found = points(_regime(table))
    excess = found.robust_test_error - found.flip_rate
    inside = (excess <= NEAR + _half_width(found, "robust_test_error")).mean()
    return _claim(
        "robust_error_near_floor",
        found.cells.sum(),
        judge(inside == 1, inside >= 0.9),
        statement=f"{IN_REGIME}, robust test error stays within {NEAR} of β: overfitting is benign under attack.",
        source="Thm 3.1 [abstract, digest]; “near” is ours",
        measured={"points": len(found), "largest_excess": excess.max(), "share_within": inside},
        expected=f"robust test error ≤ β + {NEAR} at every point",
        tolerance=f"{NEAR} (stated) + half-width of the 95% Clopper-Pearson interval of the pooled count",
        figure="budget",
    )


# ---------------------------------------------------------------- the transition


def bracketed(table: pd.DataFrame) -> Claim:
    found = points(_adversarial(table, "budget").query("d >= n**2"))
    error, low, high = found.robust_test_error, found.averaging_error, found.linear_max_margin_error
    inside = (found.robust_test_error_high >= low) & (found.robust_test_error_low <= high)
    distance = np.maximum(low - error, error - high)[~inside]
    return _claim(
        "bracketed",
        found.cells.sum(),
        judge(inside.all(), inside.mean() >= 0.9),
        statement=(
            "At every budget, with d ≥ n², robust test error lies between the averaging "
            "and the linear max-margin predictions."
        ),
        source="derived: docs/theory.md §3, §4",
        measured={
            "points": len(found),
            "share_inside": inside.mean(),
            "largest_distance_outside": max(distance, default=0.0),
        },
        expected="inside the bracket at every budget, for every activation",
        tolerance=(
            "the 95% Clopper-Pearson interval of the pooled count meets the bracket (partly: at nine points of ten)"
        ),
        figure="budget",
    )


def transition_location(table: pd.DataFrame) -> Claim:
    found = points(_adversarial(table, "budget"))
    found = found[found.activation != "smooth_leaky_relu"].sort_values("budget")
    curves = found.groupby("activation")
    # At error 1/2 a half-space's ρ equals α, whatever β.
    at = [crossing(curve.budget.to_numpy(), curve.robust_test_error.to_numpy(), 0.5) for _, curve in curves]
    ends = curves[["linear_max_margin_rho", "averaging_rho"]].first().assign(at=at)
    slack = np.diff(found.budget.unique()).max(initial=0.0) / 2
    inside = ends["at"].between(ends["linear_max_margin_rho"] - slack, ends["averaging_rho"] + slack)
    return _claim(
        "transition_location",
        found.cells.sum(),
        judge(bool(inside.all()), bool(inside.any())),
        statement=(
            "Robust test error passes 1/2 at a budget between the max-margin's and the averaging predictor's ρ, "
            "and goes on to near 1."
        ),
        source="Figures 2-4 [digest]; location derived: docs/theory.md §3, §4",
        measured={
            "smallest_crossing": ends["at"].min(),
            "largest_crossing": ends["at"].max(),
            "max_margin_rho": ends["linear_max_margin_rho"].min(),
            "averaging_rho": ends["averaging_rho"].max(),
            "largest_error": found.robust_test_error.max(),
        },
        expected="ρ of linear max-margin ≤ crossing ≤ ρ of averaging",
        tolerance="half of the grid's coarsest spacing in α (the crossing is interpolated)",
        figure="budget",
    )


def fails_beyond_signal(table: pd.DataFrame) -> Claim:
    rows = table[(table.data == "clusters") & (table.budget >= table.signal) & (table.flip_rate < 0.5)]
    high = _upper(rows, "robust_test_error")
    return _claim(
        "fails_beyond_signal",
        len(rows),
        judge((high >= 0.5).all(), (high >= 0.5).mean() >= 0.9),
        statement="At budgets α ≥ ‖μ‖ every trained network has robust test error at least 1/2.",
        source="Thm 3.2 [digest]",
        measured={"smallest_error": rows.robust_test_error.min()},
        expected="≥ 1/2 in every cell",
        tolerance="Clopper-Pearson upper ends at joint level 95% over the cells (Bonferroni)",
        figure="budget",
    )


def _upper(rows: pd.DataFrame, error: str) -> pd.Series:
    """Upper ends of the cells' Clopper-Pearson intervals, at joint level 95% over the cells (Bonferroni)."""
    hits = (rows[error] * rows.tested).round()
    return pd.Series(clopper_pearson(hits, rows.tested, 1 - 0.05 / max(len(rows), 1))[1], rows.index, dtype=float)


def above_bayes_floor(table: pd.DataFrame) -> Claim:
    rows = table[table.data == "clusters"]
    below = _upper(rows, "robust_test_error") < rows.floor_error
    return _claim(
        "above_bayes_floor",
        len(rows),
        judge(not below.any()),
        statement="No network, however trained, has a robust test error below the robust Bayes floor.",
        source="Thm 3.2 [digest]; exact form derived: docs/theory.md §2",
        measured={
            "cells_below": int(below.sum()),
            "smallest_excess": (rows.robust_test_error - rows.floor_error).min(),
        },
        expected="no cell significantly below",
        tolerance="Clopper-Pearson upper ends at joint level 95% over the cells (Bonferroni)",
        figure="budget",
    )


# ---------------------------------------------------------------- dimension


def falls_with_dimension(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "dimension")
    fixed = rows.groupby("signal").d.transform("nunique") >= 3
    power = np.isclose(rows.signal, rows.d**0.3) & ~fixed
    found = pd.concat([points(rows[fixed]).assign(curve="fixed"), points(rows[power]).assign(curve="power")])
    falls, rises, early = [], [], []
    for _, curve in found.groupby(["activation", "curve"]):
        curve = curve.sort_values("d")
        errors = curve.robust_test_error[curve.d >= curve.n**2].to_numpy()
        early.append(curve.robust_test_error.iloc[0])
        if len(errors) > 1:
            falls.append(max(0.0, -np.diff(errors).min()))
            rises.append(errors[-1] - errors[0])
    fall, rise = max(falls, default=np.nan), min(rises, default=np.nan)
    return _claim(
        "falls_with_dimension",
        found.cells.sum() if falls else 0,
        judge(fall <= 0.02 and rise >= 0.1, rise >= 0.1),
        statement=(
            "From d = n² on, at a fixed ratio α/‖μ‖, robust accuracy falls as d grows, at fixed ‖μ‖ and at ‖μ‖ = d^0.3."
        ),
        source="observed [review]; the restriction to d ≥ n² is ours",
        measured={"largest_step_back": fall, "smallest_rise": rise, "error_at_smallest_d": max(early, default=np.nan)},
        expected=(
            "on every curve the error rises by ≥ 0.1 from d = n² to the largest d, "
            "and never steps back by more than .02"
        ),
        tolerance=(
            ".02 (stated): the error sits at β for some decades, with Monte Carlo error. Below n² it can be high again"
        ),
        figure="dimension",
    )


def cliff(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "dimension")
    rows = rows[np.isclose(rows.signal, rows.d**0.3) & np.isclose(rows.budget, 0.3 * rows.signal)]
    before, after = rows[rows.d == 10**6], rows[rows.d == 10**8]
    low, high = points(before), points(after)
    worst, best = low.robust_test_error.max(), high.robust_test_error.min()
    return _claim(
        "cliff",
        len(before) + len(after) if len(before) and len(after) else 0,
        judge(worst <= 0.12 and best >= 0.95, best - worst >= 0.5),
        statement="With ‖μ‖ = d^0.3 and α = 0.3‖μ‖ robust test error jumps from β at d = 10⁶ to 1 at d = 10⁸.",
        source="derived: docs/theory.md §3, §4 (the fall with d was observed [review])",
        measured={"error_at_1e6": worst, "error_at_1e8": best},
        expected="≤ .12 at d = 10⁶ and ≥ .95 at d = 10⁸ (predicted: .10 and 1.00)",
        tolerance=".02 and .05 (stated)",
        figure="dimension",
    )


# ---------------------------------------------------------------- the two-group recursion


def recursion_accurate(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "random").query("d >= n**2")
    deviation = (rows.rho / rows.two_group_sample_rho - 1).abs()
    nominal = (rows.rho / rows.two_group_rho - 1).abs()
    median, ninth = deviation.median(), deviation.quantile(0.9)
    return _claim(
        "recursion_accurate",
        len(rows),
        judge(median <= 0.02 and ninth <= 0.10, median <= 0.02 or ninth <= 0.10),
        statement=(
            "The two-group recursion, given the sample's own share of flipped labels and no fitted constant, "
            "predicts ρ of random cells with d ≥ n² at every step looked at."
        ),
        source="derived: docs/theory.md §5",
        measured={"median_deviation": median, "nine_tenths_within": ninth, "worst": deviation.max()}
        | {"median_deviation_with_nominal_flip_rate": nominal.median()},
        expected="median deviation of ρ ≤ 2%, nine in ten ≤ 10%",
        tolerance="as stated before the run (a trial of 24 cells had 1%, worst 16%)",
        figure="recursion",
    )


def recursion_fails_at_small_d(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "curves")
    rows = rows[rows.groupby("d").steps.transform("max") == rows.steps]
    small, large = (
        (part.rho / part.two_group_sample_rho - 1).abs()
        for part in (rows[rows.d < rows.n**2], rows[rows.d >= rows.n**2])
    )
    return _claim(
        "recursion_fails_at_small_d",
        len(small) if len(large) else 0,
        judge(small.median() >= 0.05 and small.median() >= 2 * large.median(), small.median() > 2 * large.median()),
        statement=(
            "Below d = n², where points are not near-orthogonal, the recursion misses the final ρ by 5% and more."
        ),
        source="derived: docs/theory.md §5",
        measured={"median_deviation_below": small.median(), "median_deviation_above": large.median()},
        expected="median deviation ≥ 5% below d = n², at least twice that above",
        tolerance="none beyond the thresholds (stated)",
        figure="learning_curves",
    )


def worsens_towards_margin(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "curves").query("d >= n**2")
    found = points(rows)
    curves = found.sort_values("steps").groupby("slope").rho
    drops, finals = curves.first() - curves.last(), curves.last()
    return _claim(
        "worsens_towards_margin",
        found.cells.sum(),
        judge(len(drops) > 1 and drops.min() > 0 and finals.is_monotonic_decreasing, drops.min() > 0),
        statement="As training moves from averaging towards the margin ρ falls, and networks with smaller γ lose less.",
        source="derived: docs/theory.md §5",
        measured={
            "smallest_fall_of_rho": drops.min(),
            "final_rho_smallest_slope": finals.get(finals.index.min()),
            "final_rho_largest_slope": finals.get(finals.index.max()),
        },
        expected="ρ(last step) < ρ(first step) at every γ; final ρ does not rise with γ",
        tolerance="none: signs and an order of means over seeds",
        figure="learning_curves",
    )


# ---------------------------------------------------------------- collapse, and the constant in the exponent


def _last(table: pd.DataFrame) -> pd.DataFrame:
    """The adversarially trained networks of every sweep, after their last step, with d ≥ n²."""
    rows = _adversarial(table, "dimension", "signal", "budget", "regime", "random").query("d >= n**2")
    return rows[rows.steps == rows.groupby("experiment").steps.transform("max")]


def _collapse(rows: pd.DataFrame, rho: str) -> float:
    """Root-mean-square distance of robust errors with clean labels from Φ(α - ρ)."""
    off = rows.robust_test_error_clean_labels - gaussian.half_space_error(rows.budget, rows[rho])
    return float(np.sqrt((off**2).mean()))


def collapse_measured(table: pd.DataFrame) -> Claim:
    rows = _last(table)
    whole = _collapse(rows, "rho")
    each = {f"rms_{kind}": _collapse(part, "rho") for kind, part in rows.groupby("activation")}
    return _claim(
        "collapse_measured",
        len(rows),
        judge(max(each.values(), default=np.nan) <= 0.02, whole <= 0.03),
        statement=(
            "With d ≥ n² the robust errors of all networks, whatever n, d, ‖μ‖, α and β, fall onto one curve, Φ(α - ρ) "
            "with the measured ρ: they are those of half-spaces."
        ),
        source="beyond the paper; docs/theory.md §1, §11",
        measured={"rms": whole, **each},
        expected="root-mean-square distance from the curve at most .02 for each activation",
        tolerance=".02 (stated; twice the Monte Carlo error of 2,000 test points at 1/2). Partly: .03 over all",
        figure="collapse",
    )


def collapse_predicted(table: pd.DataFrame) -> Claim:
    rows = _last(table)
    names = {"two_group": "two_group_sample_rho", "averaging": "averaging_rho", "max_margin": "linear_max_margin_rho"}
    found = {name: _collapse(rows, column) for name, column in names.items()}
    others = min(found["averaging"], found["max_margin"])
    return _claim(
        "collapse_predicted",
        len(rows),
        judge(found["two_group"] <= others / 2, found["two_group"] < others),
        statement=(
            "With ρ predicted before training the errors collapse too: with the two-group recursion's ρ at least twice "
            "as closely as with the averaging or the linear max-margin predictor's."
        ),
        source="beyond the paper; docs/theory.md §5, §11",
        measured={f"rms_{name}": value for name, value in found.items()},
        expected="root-mean-square distance at most half of the better of the other two",
        tolerance="none beyond the factor of 2 (stated). Partly: less than both",
        figure="collapse",
    )


def one_constant(table: pd.DataFrame) -> Claim:
    rows = _last(table).query("budget > 0 and flip_rate <= 0.1")
    needed = pd.Series(exponent.needed_constant(rows.rho, exponent.signal_term(rows.n, rows.d, rows.signal)))
    ratio = exponent.crowding(rows.n, rows.d, rows.signal)
    derived = float(exponent.derived_constant(0.1, R_SERVED))
    near, far = needed[ratio <= R_SERVED], needed[ratio >= R_CROWDED]
    return _claim(
        "one_constant",
        len(near) if len(far) else 0,
        judge(near.max() <= 2 * derived and far.max() > 4 * derived, near.max() <= 2 * derived),
        statement=(
            f"With d ≥ n² and β ≤ .1 one constant C serves Thm 3.1's exponent while r = n‖μ‖²/d ≤ {R_SERVED}: excess "
            f"clean error ≤ 2exp(-n‖μ‖⁴/(Cd)); from r = {R_CROWDED} on it does not."
        ),
        source="Thm 3.1 [digest, frei] has a constant and does not give it; range and size derived: docs/theory.md §11",
        measured={
            "constant_needed": near.max(),
            "constant_needed_when_crowded": far.max(),
            "derived_for_averaging": derived,
        },
        expected=(
            f"C ≤ {2 * derived:.3g}, twice what the averaging predictor needs at r = {R_SERVED}; "
            f"more than twice that from r = {R_CROWDED} on"
        ),
        tolerance="the factor of 2 (stated): trained networks align less well than averaging. Partly: the first half",
        figure="exponent",
    )


# ---------------------------------------------------------------- what training with α does


def _pairs(table: pd.DataFrame, other: str, names: tuple[str, str]) -> pd.DataFrame:
    """Rows that differ in the column `other` alone, side by side: columns a and b are their robust test errors."""
    keys = [c for c in [*POINT, "seed"] if c != other]
    a, b = (table[table[other] == name].set_index(keys)[["robust_test_error", "tested"]] for name in names)
    return a.add_suffix("_a").join(b.add_suffix("_b"), how="inner").reset_index()


def ordinary_same_at_small_budget(table: pd.DataFrame) -> Claim:
    rows = table[(table.experiment == "budget") & (table.budget <= 0.25 * table.signal)]
    pairs = _pairs(rows, "training", ("adversarial", "ordinary"))
    means = pairs.groupby(["activation", "budget"])[["robust_test_error_a", "robust_test_error_b"]].mean()
    gap = (means.robust_test_error_a - means.robust_test_error_b).abs()
    return _claim(
        "ordinary_same_at_small_budget",
        2 * len(pairs),
        judge(gap.max() <= 0.01, gap.median() <= 0.01),
        statement=(
            "At budgets up to ‖μ‖/4 ordinary training reaches the same robust test error as adversarial training."
        ),
        source="a reviewer's suspicion [review]",
        measured={"largest_difference": gap.max(), "median_difference": gap.median()},
        expected="differences of at most .01 between means over seeds, on the same points and initial weights",
        tolerance=".01 (stated)",
        figure="budget",
    )


def adversarial_helps(table: pd.DataFrame) -> Claim:
    rows = table[(table.experiment == "budget") & (table.budget > 0.25 * table.signal)]
    pairs = _pairs(rows, "training", ("adversarial", "ordinary"))
    means = pairs.groupby(["activation", "budget"])[["robust_test_error_a", "robust_test_error_b"]].mean()
    gain = means.robust_test_error_b - means.robust_test_error_a
    helped = gain.groupby("activation").max()
    return _claim(
        "adversarial_helps",
        2 * len(pairs),
        judge((helped >= 0.02).all(), (helped >= 0.02).any()),
        statement="Beyond ‖μ‖/4 training with the budget it is attacked with lowers a network's robust test error.",
        source="the point of adversarial training; not stated by the sources",
        measured={"largest_gain": gain.max(), "smallest_of_largest_gains": helped.min(), "largest_loss": -gain.min()},
        expected="for each activation a budget with a gain of at least .02",
        tolerance=".02 (stated)",
        figure="budget",
    )


def non_smooth_budget_smaller(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "budget")
    found = {kind: points(rows[rows.activation == kind]).sort_values("budget") for kind in rows.activation.unique()}
    reach = {
        kind: crossing(curve.budget.to_numpy(), (curve.robust_test_error - curve.flip_rate).to_numpy(), NEAR)
        for kind, curve in found.items()
    }
    smooth, rough = reach.get("smooth_leaky_relu", np.nan), reach.get("leaky_relu", np.nan)
    both = np.isfinite(smooth) and np.isfinite(rough)
    return _claim(
        "non_smooth_budget_smaller",
        len(rows[rows.activation != "relu"]) if both else 0,
        judge(rough <= 0.95 * smooth, rough < smooth),
        statement="The budget that a non-smooth network (leaky ReLU) tolerates is smaller than a smooth one's.",
        source="separate conditions of Thm 3.1 [abstract]; the non-smooth one smaller [review]",
        measured={"smooth_budget": smooth, "non_smooth_budget": rough, "relu_budget": reach.get("relu", np.nan)},
        expected="budget at which robust error reaches β + .05: non-smooth at least 5% below smooth",
        tolerance="5% (stated). The theorem's conditions are sufficient, so a failure here does not contradict it",
        figure="budget",
    )


def pgd_like_exact(table: pd.DataFrame) -> Claim:
    rows = table[(table.experiment == "inner") & (table.training == "adversarial")]
    pairs = _pairs(rows.assign(inner_steps=0), "inner", ("exact", "pgd"))
    difference = (pairs.robust_test_error_a - pairs.robust_test_error_b).abs()
    return _claim(
        "pgd_like_exact",
        2 * len(pairs),
        judge(difference.max() <= 0.01, difference.median() <= 0.01),
        statement=(
            "Training with the paper's PGD-20 and with the certified inner maximum gives the same robust test error."
        ),
        source="the theory's maximum and the experiments' PGD-20 [digest]",
        measured={"largest_difference": difference.max()},
        expected="differences of at most .01, seed by seed, on the same points",
        tolerance=".01 (stated)",
        figure="budget",
    )


def inner_maximum_certified(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "dimension", "signal", "budget", "regime").query("budget > 0 and d >= n**2")
    share = (rows.inner_gap <= 1e-3).mean()
    return _claim(
        "inner_maximum_certified",
        len(rows),
        judge(share >= 0.95, share >= 0.5),
        statement=(
            "With d ≥ n² the inner maximum is found to a relative Frank-Wolfe gap of 1e-3 "
            "in under two evaluations a step."
        ),
        source="derived: docs/theory.md §7",
        measured={
            "share_with_gap_below": share,
            "largest_gap": rows.inner_gap.max(),
            "mean_evaluations": rows.inner_evaluations.mean(),
        },
        expected="largest gap over the training points ≤ 1e-3 at the last step in 95% of cells",
        tolerance="95% (stated): near kinks the iteration can cycle",
        figure="",
    )


def choices_do_not_matter(table: pd.DataFrame) -> Claim:
    found = points(_adversarial(table, "choices"))
    spread = {}
    for name, rows in {
        "step_scale": found[(found.activation == "leaky_relu") & (found.init_scale == 1e-3)],
        "init_scale": found[(found.activation == "leaky_relu") & (found.step_scale == 2)],
        "curvature": found[found.activation == "smooth_leaky_relu"],
    }.items():
        if rows[name].nunique() > 1:
            spread[name] = rows.robust_test_error.max() - rows.robust_test_error.min()
    slack = _half_width(found, "robust_test_error").max()
    widest = max(spread.values(), default=np.nan)
    return _claim(
        "choices_do_not_matter",
        found.cells.sum() if spread else 0,
        judge(widest <= 0.02 + slack, min(spread.values(), default=np.inf) <= 0.02 + slack),
        statement=(
            "The step size, initial scale and curvature that we had to choose do not decide the robust test error."
        ),
        source="ours: a second and third value of every choice",
        measured={f"spread_over_{name}": value for name, value in spread.items()},
        expected="spread of at most .02 over three values of each",
        tolerance=".02 (stated) + half-width of the 95% Clopper-Pearson interval",
        figure="",
    )


# ---------------------------------------------------------------- MNIST


def _mnist(table: pd.DataFrame, flip: bool) -> pd.DataFrame:
    mnist = (table.data == "mnist") & (table.training == "adversarial") & ((table.flip_rate > 0) == flip)
    return table[mnist & (table.experiment == "mnist_budget")]


def mnist_clean_labels(table: pd.DataFrame) -> Claim:
    found = points(_mnist(table, flip=False)).sort_values("budget")
    small, large = found[found.budget <= 0.25 * found.mean_norm], found[found.budget >= found.mean_norm]
    worst = small.robust_test_error.max()
    fits = (small.robust_train_error == 0).all() and worst <= NEAR
    return _claim(
        "mnist_clean_labels",
        found.cells.sum() if len(small) and len(large) else 0,
        judge(fits and (large.robust_test_error_high >= 0.5).any(), fits),
        statement=(
            "MNIST 0 v 1, true labels: robustly interpolated with robust test error below .05 at α ≤ ‖μ̂‖/4; "
            "past ‖μ̂‖ it is lost."
        ),
        source="MNIST experiments [digest]; the thresholds are ours",
        measured={"worst_error_at_small_budget": worst, "largest_error_past_mean": large.robust_test_error.max()}
        | {"points": len(found)},
        expected="robust training error 0 and robust test error ≤ .05 at α ≤ ‖μ̂‖/4; ≥ 1/2 somewhere at α ≥ ‖μ̂‖",
        tolerance=".05 (stated); the 1/2 by the upper end of the 95% Clopper-Pearson interval of the pooled count",
        figure="mnist",
    )


def mnist_noisy_labels(table: pd.DataFrame) -> Claim:
    found = points(_mnist(table, flip=True)).sort_values("budget")
    small = found[(found.budget > 0) & (found.budget <= 0.25 * found.mean_norm)]
    fitted, excess = small.robust_train_error.max(), (small.robust_test_error - small.flip_rate).max()
    return _claim(
        "mnist_noisy_labels",
        small.cells.sum(),
        judge(fitted == 0 and excess <= NEAR, excess <= NEAR),
        statement=(
            "MNIST 0 v 1 with 10% flipped labels overfits benignly too: noise robustly fitted, "
            "robust test error near β at α ≤ ‖μ̂‖/4."
        ),
        source="beyond the paper (its MNIST runs have no label noise [digest])",
        measured={"largest_robust_train_error": fitted, "largest_excess": excess},
        expected=f"robust training error 0 and robust test error ≤ β + {NEAR}",
        tolerance=f"{NEAR} (stated); 784 pixels and n = 100 are far from d ≥ n²",
        figure="mnist",
    )


def no_divergence(table: pd.DataFrame) -> Claim:
    diverged = table[table.status != "ok"]
    return _claim(
        "no_divergence",
        len(table),
        judge(diverged.empty),
        statement=(
            "With the step size η = c·n/E‖x‖², c up to 3, "
            "no training diverges at any dimension, signal or budget of the grid."
        ),
        source="ours",
        measured={"diverged": len(diverged), "first_diverged": ", ".join(diverged.key[:3]) or None},
        expected="no diverged cell",
        tolerance="none: a count",
    )


CLAIMS: tuple[Callable[[pd.DataFrame], Claim], ...] = (
    robust_interpolation,
    robust_loss_vanishes,
    clean_error_near_floor,
    robust_error_near_floor,
    bracketed,
    transition_location,
    fails_beyond_signal,
    above_bayes_floor,
    falls_with_dimension,
    cliff,
    recursion_accurate,
    recursion_fails_at_small_d,
    worsens_towards_margin,
    collapse_measured,
    collapse_predicted,
    one_constant,
    ordinary_same_at_small_budget,
    adversarial_helps,
    non_smooth_budget_smaller,
    pgd_like_exact,
    inner_maximum_certified,
    choices_do_not_matter,
    mnist_clean_labels,
    mnist_noisy_labels,
)
