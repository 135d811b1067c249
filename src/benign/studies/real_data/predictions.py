"""Closed forms beside the rows, and the budget at which half of the points are lost; for figures and claims."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from benign.stats import crossing
from benign.theory.mixture.correlated import two_class_error

PAIR = ["data", "classes", "flip_rate"]
HALF = 0.5


def half_space(rows: pd.DataFrame, flip_rate: ArrayLike) -> NDArray[np.float64]:
    """Robust error (rows,) of the network's direction with its ρ and σ_± from images outside the sample."""
    deviations = rows[["network_sigma_first", "network_sigma_second"]].to_numpy(float).T
    return two_class_error(rows["budget"], rows["network_rho"], deviations, flip_rate, rows["first_share"])


def half_space_white(rows: pd.DataFrame, flip_rate: ArrayLike) -> NDArray[np.float64]:
    """The same with the network's ρ but σ_± = 1, as for white noise."""
    return two_class_error(rows["budget"], rows["network_rho"], np.ones((2, len(rows))), flip_rate)


def white_averaging(rows: pd.DataFrame, flip_rate: ArrayLike) -> NDArray[np.float64]:
    """Robust error (rows,) of the averaging predictor under white noise: nothing of it is measured but ‖μ̂‖."""
    return two_class_error(rows["budget"], rows["averaging_rho"], np.ones((2, len(rows))), flip_rate)


def transitions(rows: pd.DataFrame) -> pd.DataFrame:
    """Budgets over ‖μ̂‖ at which half of the test points are lost (clean labels), a row for each pair and β.

    The closed forms are interpolated at the same budgets as the measurements, means over the seeds.
    """
    swept = rows[(rows["experiment"] == "pairs") & (rows["training"] == "adversarial")]
    result = []
    for place, part in swept.groupby(PAIR):
        clean = part.assign(
            measured=part["robust_test_error_clean_labels"],
            network=half_space(part, 0.0),
            white=white_averaging(part, 0.0),
        )
        means = clean.groupby("budget_ratio")[["measured", "network", "white"]].mean()
        ratios = means.index.to_numpy(float)
        found = {name: crossing(ratios, means[name].to_numpy(float), HALF) for name in means}
        result.append(dict(zip(PAIR, place, strict=True)) | found | {"cells": len(part)})
    return pd.DataFrame(result, columns=[*PAIR, "measured", "network", "white", "cells"])
