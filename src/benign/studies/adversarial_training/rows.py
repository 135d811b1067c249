"""The rows that claims judge and figures draw, chosen in one place."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from benign.claims import of_experiments
from benign.studies.adversarial_training.grid import Cell
from benign.theory.mixture import exponent

FIELDS = list(Cell.model_fields)
POINT = [name for name in FIELDS if name != "seed"]
SWEEPS = ("dimension", "signal", "budget", "regime")
# What h = ρ/‖μ‖ depends on (docs/theory.md §19), n, which drops out but for the sample's luck, the labels' seed, and m.
SCALED = [
    "n",
    "r",
    "ratio",
    "flip_rate",
    "flips",
    "activation",
    "slope",
    "training",
    "step_scale",
    "steps",
    "start_ratio",
]


def described(table: pd.DataFrame) -> pd.DataFrame:
    """The table with five columns more.

    point: the same number in cells that differ in the seed alone
    ratio: α/‖μ‖, or α/‖μ̂‖ of images, rounded, so that grid values compare as they are written
    r: n‖μ‖²/d; h: ρ/‖μ‖; start_ratio: the initial weights' length over the first step's; rounded likewise
    """
    norm = table["signal"].where(table["data"] == "clusters", table["mean_norm"])
    return table.assign(
        point=table.groupby(POINT, dropna=False).ngroup(),
        ratio=(table["budget"] / norm).round(8),
        r=_rounded(exponent.crowding(table["n"], table["d"], norm)),
        h=table["rho"] / norm,
        start_ratio=_rounded(
            table["init_scale"] * (4 * table["width"] * table["d"] / table["n"]) ** 0.5 / table["step_scale"]
        ),
    )


def _rounded(values: ArrayLike) -> list[float]:
    """To six digits."""
    return [float(f"{value:.6g}") for value in np.asarray(values, float)]


def adversarial(table: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    """Networks of noisy clusters that were trained adversarially, with the exact inner maximum."""
    chosen = (table["training"] == "adversarial") & (table["data"] == "clusters") & (table["inner"] == "exact")
    return of_experiments(table[chosen], *experiments)


def uncrowded(rows: pd.DataFrame) -> pd.DataFrame:
    """Those with r = n‖μ‖²/d ≤ 1, the assumption d ≥ C·n‖μ‖² with C = 1."""
    return rows[rows["r"] <= 1]


def beside_limit(table: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    """Networks of these experiments that have a limit network with the same labels, and what that has in columns more.

    limit_h: its h, which no d changes; limit_error: its robust test error with true labels, NaN where it has another d
    """
    rows = of_experiments(table[table["data"] == "clusters"], *experiments)
    is_limit, same = rows["sampling"] == "limit", [*SCALED, "width", "seed"]
    limits = rows[is_limit].sort_values("d").drop_duplicates([*same, "d"])
    networks = rows[~is_limit].drop_duplicates([*same, "d"])
    h = limits.drop_duplicates(same)[[*same, "h"]].rename(columns={"h": "limit_h"})
    error = limits[[*same, "d", "robust_test_error_clean_labels"]]
    error = error.rename(columns={"robust_test_error_clean_labels": "limit_error"})
    return networks.merge(h, on=same).merge(error, on=[*same, "d"], how="left")


def limit_networks(table: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    """The limit networks of these experiments, each once."""
    rows = of_experiments(table, *experiments)
    return rows[rows["sampling"] == "limit"].drop_duplicates([*SCALED, "width", "seed"])


def balanced(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the seeds that most points have: experiments may differ in theirs, and an interval counts each seed once."""
    points = rows.groupby("seed")["point"].transform("nunique")
    return rows[points == points.max()]


def trained(table: pd.DataFrame) -> pd.DataFrame:
    """The adversarially trained networks of the sweeps and of random settings after their last step, each once."""
    swept = adversarial(table, *SWEEPS, "random")
    last = swept[swept["steps"] == swept.groupby("experiment")["steps"].transform("max")]
    return last.drop_duplicates([name for name in FIELDS if name != "experiment"])


def pairs(rows: pd.DataFrame, column: str, first: str) -> pd.DataFrame:
    """The rows that have a partner which differs in `column` alone.

    With the column `gain`: by how much the robust test error of the one with `first` is below its partner's; NaN where
    one of them diverged.
    """
    same = [rows[name] for name in FIELDS if name not in (column, "inner_steps")]
    signed = rows["robust_test_error"].where(rows[column] != first, -rows["robust_test_error"]).groupby(same)
    return rows.assign(gain=signed.transform("sum", min_count=2))[signed.transform("size") == 2]


def choices(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Field that we had to choose a value of to the rows in which nothing but that field differs."""
    rows = adversarial(table, "choices")
    leaky = rows[rows["activation"] == "leaky_relu"]
    return {
        "step_scale": leaky[leaky["init_scale"] == leaky["init_scale"].median()],
        "init_scale": leaky[leaky["step_scale"] == leaky["step_scale"].median()],
        "curvature": rows[rows["activation"] == "smooth_leaky_relu"],
    }
