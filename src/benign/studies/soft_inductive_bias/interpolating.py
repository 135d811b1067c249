"""Which widths of a network fit every training label: the regime of claims, and a mark in the figure."""

from __future__ import annotations

import pandas as pd


def past_interpolation(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows at widths above all of those at which some run misses a training label; none if no run does."""
    short = rows.loc[rows["train_error"] > 0, "width"].max()
    return rows[rows["width"] > short]
