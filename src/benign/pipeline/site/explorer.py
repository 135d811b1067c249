"""What the explorer shows beside theory: measured networks, certified brackets, the table of h; by columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benign.claims import converged
from benign.studies.adversarial_training.rows import described, limit_networks
from benign.theory.mixture import assumptions

DIGITS = 5
NAMES = {"flip_rate": "beta", "slope": "gamma"}  # as the page calls them, where it does not as tables do
SETTING = [
    *("n", "d", "signal", "budget", "flip_rate", "slope", "activation", "curvature", "width", "init_scale"),
    *("step_scale", "steps", "training", "seed"),
]
CELLS = [
    *("experiment", "sampling", *SETTING, "in_regime", "robust_test_error", "robust_test_error_clean_labels"),
    *("clean_test_error", "robust_train_error", "rho", "rho_positive", "rho_negative"),
]
BRACKETS = [
    *(*SETTING, "test_lower", "test_upper", "test_plain_upper", "test_attacked", "train_lower", "train_upper"),
]
POINT = ["r", "ratio", "flip_rate", "slope", "steps", "training", "activation", "n"]


def explorer_data(tier: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Lists by name of column, for each of `cells`, `brackets` and `h`; empty where the tier has not run the study.

    tables: by study
    """
    flagship = _on_clusters(tables.get("adversarial_training"))
    brackets = _on_clusters(tables.get("certified_brackets"))
    return {
        "tier": tier,
        "cells": columns(flagship, CELLS),
        "brackets": columns(brackets, BRACKETS),
        "h": table_of_h(flagship),
        "assumptions": {
            "constant": assumptions.CONSTANT,
            "failure": assumptions.FAILURE,
            "descriptions": assumptions.DESCRIPTIONS,
        },
    }


def _on_clusters(table: pd.DataFrame | None) -> pd.DataFrame:
    """The rows that ended well on clusters with Gaussian noise."""
    if table is None:
        return pd.DataFrame()
    return converged(table[(table["data"] == "clusters") & (table["noise"] == "gaussian")])


def table_of_h(flagship: pd.DataFrame) -> dict[str, list[Any]]:
    """h = ρ/‖μ‖ of limit networks in the mean over seeds, and that which the points of either cluster see."""
    if flagship.empty:
        return {}
    rows = limit_networks(described(flagship), *flagship["experiment"].unique())
    rows = rows.assign(
        h_positive=rows["rho_positive"] / rows["signal"], h_negative=rows["rho_negative"] / rows["signal"]
    )
    means = rows.groupby(POINT)[["h", "h_positive", "h_negative", "robust_train_error"]].mean()
    return columns(means.join(rows.groupby(POINT)["seed"].nunique().rename("seeds")).reset_index(), None)


def columns(rows: pd.DataFrame, names: list[str] | None) -> dict[str, list[Any]]:
    """Lists by column, numbers to a few digits; all columns if none are named."""
    if rows.empty:
        return {}
    chosen = rows if names is None else rows[names]
    return {NAMES.get(str(name), str(name)): [_short(value) for value in chosen[name].tolist()] for name in chosen}


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short
