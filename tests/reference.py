"""The committed reference of the smoke tier: tables, and the numbers that figures draw, which are compared here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benign.pipeline import tables
from benign.tolerances import DOUBLE

REFERENCE = Path(__file__).parent / "regression" / "reference"


def table(study: str) -> pd.DataFrame:
    """The reference's table of a study."""
    return tables.read(REFERENCE / f"{study}.csv")


def rows(study: str) -> list[dict[str, Any]]:
    """The same as rows, which lack what they have no value for."""
    return tables.read_rows(REFERENCE / f"{study}.csv")


def drawn(figure: str) -> pd.DataFrame:
    """The numbers of a figure, STUDY/NAME."""
    return tables.read_frame(REFERENCE / f"{figure}.csv")


def differences(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Every way in which drawn numbers differ, in words: they have the same columns and the same rows in one order.

    They were drawn from the same table, in float64, and agree to that.
    """
    if list(before.columns) != list(after.columns):
        return [f"columns were {', '.join(before.columns)} and are {', '.join(after.columns)}"]
    if len(before) != len(after):
        return [f"{len(before)} rows were drawn and {len(after)} are"]
    found = []
    for name in before.columns:
        old, new = before[name], after[name]
        if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new):
            agree = np.isclose(new, old, rtol=DOUBLE.most, atol=DOUBLE.most * DOUBLE.scale, equal_nan=True)
        else:
            agree = ((old == new) | (old.isna() & new.isna())).to_numpy()
        found += [
            f"{name} was {old.iat[i]!r} and is {new.iat[i]!r} in row {i}" for i in map(int, np.flatnonzero(~agree))
        ]
    return found
