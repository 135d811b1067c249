"""Claims about what descent selects, and about lazy training. Thresholds marked [ours] were set after trial runs
with one seed.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from benign.claims import Claim, conclude, judge, of_experiments

STUDY = "statistical_viewpoint"
_claim = functools.partial(conclude, STUDY)
NEAREST = 1e-6
LATE = 1000  # steps from which on logistic descent is compared with its asymptote
COMPARABLE = 0.1  # least share of the largest multiplier that a regime of "comparable multipliers" has


def descent_to_min_norm(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "nearest")
    rows = rows[rows["steps"] == rows["steps"].max()]
    zero, random = rows[rows["start"] == "zero"], rows[rows["start"] == "random"]
    reached, control = zero["distance_to_min_norm"].max(), random["distance_to_min_norm"].min()
    near = random["distance"].max()
    found = reached <= NEAREST
    return _claim(
        "descent_to_min_norm",
        len(rows),
        judge(found and near <= NEAREST and control >= 0.1, found),
        measured={
            "largest_distance_from_zero": reached,
            "largest_distance_to_nearest_from_random": near,
            "least_distance_to_min_norm_from_random": control,
        },
        statement=(
            "Gradient descent from 0 ends at the min-norm interpolant, and from a random start at the interpolant "
            "nearest to it, which is another one."
        ),
        source="implicit regularisation, §3 [abstract, M]",
        expected="relative distance ≤ 1e-6 to the nearest interpolant; from a random start ≥ .1 to the min-norm one",
        tolerance="1e-6, the arithmetic's and not the theory's limit (partly: from 0 alone)",
        figure="implicit_regularisation",
    )


def descent_course(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "nearest")
    rows = rows[rows["predicted_distance"] >= 1e-9]
    off = (rows["distance"] / rows["predicted_distance"] - 1).abs()
    return _claim(
        "descent_course",
        len(rows),
        judge(off.max() <= 1e-3),
        measured={"largest_relative_deviation": off.max(), "least_distance": rows["distance"].min()},
        statement=(
            "All the way there its distance is that of independent geometric decays, one for each singular value."
        ),
        source="implicit regularisation, §3 [derived: §12, exact]",
        expected="measured/predicted = 1 wherever the distance is at least 1e-9",
        tolerance="1e-3: rounding of 1e-13 or so over distances of 1e-9",
        figure="implicit_regularisation",
    )


def max_margin_rate(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "margin")
    last = rows["steps"].max()
    ratios = pd.Series([_gain_ratio(part, last) for _, part in rows.groupby(["n", "p", "seed"])], dtype=float)
    ratios = ratios[np.isfinite(ratios)]
    inside = ratios.between(0.8, 1.25)
    return _claim(
        "max_margin_rate",
        len(ratios),
        judge(bool(inside.all()), inside.mean() >= 0.75),
        measured={
            "courses": len(ratios),
            "least_ratio": ratios.min(),
            "largest_ratio": ratios.max(),
            "largest_tangent_at_the_end": rows.loc[rows["steps"] == last, "tangent"].max(),
            "steps": last,
        },
        statement=(
            "The direction of logistic descent nears the max-margin direction as 1/log t: the cotangent of their angle "
            "grows by the same amount in the last decade of t as in the one before."
        ),
        source="implicit regularisation, §3 (Soudry et al. 2018) [abstract, M]",
        expected="ratio of the two gains 1; it is 10^c for an approach as t^(-c)",
        tolerance="[.8, 1.25] [ours]: excludes every power c ≥ .1 (partly: three courses of four)",
        figure="implicit_regularisation",
    )


def _gain_ratio(course: pd.DataFrame, last: float) -> float:
    """Gain of cot(angle) over the last decade of steps, over that of the decade before; NaN if these were not
    measured.
    """
    cotangent = dict(zip(course["steps"], 1 / course["tangent"], strict=True))
    decades = [cotangent.get(int(last) // k, np.nan) for k in (1, 10, 100)]
    return (decades[0] - decades[1]) / (decades[1] - decades[2])


def max_margin_constant(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "margin")
    rows = rows[rows["predicted_tangent"].notna()]
    rows = rows[(rows["steps"] >= LATE) & (rows["multiplier_ratio"] >= COMPARABLE)]
    off = (rows["tangent"] / rows["predicted_tangent"] - 1).abs()
    return _claim(
        "max_margin_constant",
        len(rows),
        judge(off.max() <= 0.05, off.median() <= 0.05),
        measured={"largest_relative_deviation": off.max(), "median": off.median(), "least_p": rows["p"].min()},
        statement=(
            "Where support vectors with comparable multipliers span all points, w(t) = ŵ log t + w̃ with the "
            "closed-form w̃: it gives the angle from t = 1,000 on to within 5 %."
        ),
        source="implicit regularisation, §3 (Soudry et al. 2018) [M: remembered, derived in §12]",
        expected="tan(angle) measured/predicted = 1",
        tolerance=(
            "5 % [ours]; comparable: the least multiplier is at least a tenth of the largest (partly: the median)"
        ),
        figure="implicit_regularisation",
    )


def _lazy(table: pd.DataFrame, scaling: str) -> pd.DataFrame:
    rows = of_experiments(table, "lazy")
    return rows[rows["scaling"] == scaling]


def slope(rows: pd.DataFrame, column: str) -> float:
    """Least-squares slope of log(column) over log(width), NaN with fewer than two widths."""
    if rows["width"].nunique() < 2:
        return np.nan
    x, y = np.log(rows["width"].to_numpy(float)), np.log(rows[column].to_numpy(float))
    return float(np.polyfit(x, y, 1)[0])


def _slope_interval(rows: pd.DataFrame, column: str) -> tuple[float, float]:
    """(least, largest) slope when the widths are fitted seed by seed."""
    slopes = pd.Series([slope(part, column) for _, part in rows.groupby("seed")], dtype=float)
    return slopes.min(), slopes.max()


def lazy_movement(table: pd.DataFrame) -> Claim:
    rows = _lazy(table, "lazy")
    found, (low, high) = slope(rows, "movement"), _slope_interval(rows, "movement")
    return _claim(
        "lazy_movement",
        len(rows),
        judge(abs(found + 0.5) <= 0.1),
        measured={"slope": found, "least_by_seed": low, "largest_by_seed": high, "largest_m": rows["width"].max()},
        statement=(
            "In the lazy regime the relative movement of the first layer's weights falls with the width as m^(-1/2)."
        ),
        source="the linear regime, §5 [abstract, M]",
        expected="slope -1/2 of log movement over log m",
        tolerance="±.1 [ours, from the task's statement]",
        figure="lazy_training",
    )


def lazy_movement_constant(table: pd.DataFrame) -> Claim:
    rows = _lazy(table, "lazy")
    rows = rows[rows["width"] >= 256]
    means = rows.groupby("width")[["movement", "predicted_movement"]].mean()
    off = (means["movement"] / means["predicted_movement"] - 1).abs()
    return _claim(
        "lazy_movement_constant",
        len(rows),
        judge(off.max() <= 0.1, off.max() <= 0.2),
        measured={"largest_relative_deviation": off.max(), "at_the_widest": off.tail(1).max()},
        statement=(
            "From m = 256 on the size of that movement is √(yᵀK⁻¹y/(md)) with K the tangent kernel of infinite width, "
            "nothing fitted."
        ),
        source="the linear regime, §5 [derived: §12]",
        expected="measured/predicted = 1, means over seeds",
        tolerance="10 %: the kernel's fluctuation is of order √(1/m), 6 % at 256 (partly: 20 %)",
        figure="lazy_training",
    )


def follows_tangent_kernel(table: pd.DataFrame) -> Claim:
    rows = _lazy(table, "lazy")
    slopes = {name: slope(rows, name) for name in ("linearised_gap", "kernel_gap", "kernel_change")}
    widest = rows[rows["width"] == rows["width"].max()]
    worst = max(slopes.values())
    return _claim(
        "follows_tangent_kernel",
        len(rows),
        judge(worst <= -0.4 and widest["linearised_gap"].mean() <= 0.01, worst < 0),
        measured={
            **{f"slope_{name}": value for name, value in slopes.items()},
            **{f"{name}_at_the_widest": widest[name].mean() for name in ("linearised_gap", "kernel_gap")},
        },
        statement=(
            "Wide networks follow their tangent kernel: on fresh points the gaps to the network linearised at its "
            "start, and to the kernel of infinite width, and the kernel's own change fall at least as m^(-.4), the "
            "first to 1 %."
        ),
        source="the linear regime, §5 [abstract, M]",
        expected="slopes of about -1/2; linearised gap ≤ .01 at the largest width",
        tolerance=".1 on each slope, as for the movement; 1 % [ours] (partly: all fall)",
        figure="lazy_training",
    )


def mean_field_is_not_lazy(table: pd.DataFrame) -> Claim:
    rows = _lazy(table, "mean_field")
    found, gap = slope(rows, "movement"), slope(rows, "linearised_gap")
    widest = rows[rows["width"] == rows["width"].max()]["movement"].mean()
    return _claim(
        "mean_field_is_not_lazy",
        len(rows),
        judge(abs(found) <= 0.1 and gap > -0.25, abs(found) <= 0.1),
        measured={"slope_movement": found, "slope_linearised_gap": gap, "movement_at_the_widest": widest},
        statement=(
            "The control: with 1/m in place of 1/√m, and the same kernel at first, movement does not fall with the "
            "width (slope 0 ± .1), and the gap to the linearised network falls at most half as fast as in the lazy "
            "regime."
        ),
        source="beyond the linear regime, §7 [abstract, M]",
        expected="slope of the movement 0; of the gap above -1/4",
        tolerance="±.1, as for lazy_movement (partly: the movement alone)",
        figure="lazy_training",
    )


CLAIMS = (
    descent_to_min_norm,
    descent_course,
    max_margin_rate,
    max_margin_constant,
    lazy_movement,
    lazy_movement_constant,
    follows_tangent_kernel,
    mean_field_is_not_lazy,
)
