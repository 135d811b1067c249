"""Rows of several models as a caption or a claim speaks of them."""

from __future__ import annotations

import pandas as pd

from benign.studies.reservoir_similarity.grid import FIELDS


def comparable(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows; a field that a model does not have is said to be what it is for a model that has it.

    In a cell it stands at its default: a convolutional network would be said to have 1,000 nodes.
    """
    rows = rows.copy()
    for name in dict.fromkeys(name for names in FIELDS.values() for name in names):
        has = rows["model"].map(lambda model, name=name: name in FIELDS[model]).astype(bool)
        if has.any():
            rows[name] = rows[name].where(has, rows.loc[has, name].iloc[0])
    return rows
