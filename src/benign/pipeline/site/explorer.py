"""What the explorer shows beside theory: networks that were measured, limit networks among them, and brackets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benign.claims import converged
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


def explorer_data(tier: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Lists by name of column, for each of `cells` and `brackets`; empty where the tier has not run the study.

    tables: by study
    """
    flagship = _on_clusters(tables.get("adversarial_training"))
    brackets = _on_clusters(tables.get("certified_brackets"))
    return {
        "tier": tier,
        "cells": columns(flagship, CELLS),
        "brackets": columns(brackets, BRACKETS),
        "assumptions": {
            "constant": assumptions.CONSTANT,
            "failure": assumptions.FAILURE,
            "descriptions": assumptions.DESCRIPTIONS,
            "frei": assumptions.FREI,
            "ours": assumptions.OURS,
        },
    }


def _on_clusters(table: pd.DataFrame | None) -> pd.DataFrame:
    """The rows that ended well on clusters with Gaussian noise."""
    if table is None:
        return pd.DataFrame()
    return converged(table[(table["data"] == "clusters") & (table["noise"] == "gaussian")])


def columns(rows: pd.DataFrame, names: list[str]) -> dict[str, list[Any]]:
    """Lists by column, numbers to a few digits."""
    if rows.empty:
        return {}
    return {NAMES.get(name, name): [_short(value) for value in rows[name].tolist()] for name in names}


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short
