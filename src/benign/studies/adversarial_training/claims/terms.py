"""What the flagship's claims have in common: their kinds, and a point's number, the mean over its seeds."""

from __future__ import annotations

import functools

import pandas as pd

from benign.claims import Estimate, conclude, estimates, largest_of, least_of, means
from benign.studies.adversarial_training.grid import Cell
from benign.studies.adversarial_training.rows import balanced, trained

paper = functools.partial(conclude, "adversarial_training", Cell, kind="paper")
derived = functools.partial(conclude, "adversarial_training", Cell, kind="derived")
beyond = functools.partial(conclude, "adversarial_training", Cell, kind="beyond")
check = functools.partial(conclude, "adversarial_training", Cell, kind="check")
NEAR = 0.05
CLOSE = 0.02
SMALL = 0.25  # α/‖μ‖ up to which a budget is called small


def of_points(rows: pd.DataFrame, column: str) -> pd.Series:
    """Of each point, over its seeds."""
    return rows.groupby("point")[column].mean()


def largest(rows: pd.DataFrame, column: str) -> Estimate:
    return largest_of(means(rows, rows[column], ["point"]))


def largest_size(rows: pd.DataFrame, column: str) -> Estimate:
    return largest_of(estimates(rows, lambda part: of_points(part, column).abs()))


def least(rows: pd.DataFrame, column: str) -> Estimate:
    return least_of(means(rows, rows[column], ["point"]))


def networks(table: pd.DataFrame) -> pd.DataFrame:
    """Those of the sweeps, with the seeds that all have, and of the random settings."""
    rows = trained(table)
    random = rows["experiment"] == "random"
    return pd.concat([balanced(rows[~random]), rows[random]])
