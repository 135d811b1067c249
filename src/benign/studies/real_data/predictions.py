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
    """Budgets over ‖μ̂‖ at which half of the test points are lost (clean labels), a row for each pair and β: measured,
    by the closed forms `network` and `white`, and as the forms' relative deviations, `network_off` and `white_off`.

    All are interpolated between the same budgets, means over the seeds; NaN where half are not lost.
    """
    swept = rows[(rows["experiment"] == "pairs") & (rows["training"] == "adversarial")]
    forms = {"network": half_space(swept, 0.0), "white": white_averaging(swept, 0.0)}
    clean = swept.assign(measured=swept["robust_test_error_clean_labels"], **forms)
    names, result = ["measured", *forms], []
    for place, part in clean.groupby(PAIR):
        means = part.groupby("budget_ratio")[names].mean()
        found = {name: crossing(means.index.to_numpy(float), means[name].to_numpy(float), HALF) for name in names}
        result.append(dict(zip(PAIR, place, strict=True)) | found)
    curves = pd.DataFrame(result, columns=[*PAIR, *names]).astype({**swept[PAIR].dtypes, **dict.fromkeys(names, float)})
    return curves.assign(**{f"{form}_off": curves[form] / curves["measured"] - 1 for form in forms})


def reaching(rows: pd.DataFrame) -> pd.DataFrame:
    """The adversarial cells of the curves on which half of the test points are lost at a budget that was run."""
    swept = rows[(rows["experiment"] == "pairs") & (rows["training"] == "adversarial")]
    return swept.merge(transitions(rows).dropna(subset=["measured"])[PAIR])
