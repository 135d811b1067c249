"""The committed reference of the smoke tier: tables, and the numbers that figures draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benign.pipeline import tables

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
