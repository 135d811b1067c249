"""The papers' letters for what cells have, and a sentence of the values that rows have: for captions and claims."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

MOST = 20  # texts that a sentence can hold
SYMBOLS = {
    "n": "n",
    "d": "d",
    "signal": "‖μ‖",
    "budget": "α",
    "flip_rate": "β",
    "width": "m",
    "slope": "γ",
    "steps": "t",
    "step_scale": "c",
    "init_scale": "σ√d",
    "curvature": "H",
    "tested": "test points",
}


def values(rows: pd.DataFrame, symbols: Mapping[str, str]) -> list[str]:
    """ "letter = least to largest" of each column that has values, or its texts; columns and their letters in order."""
    return [f"{symbol} = {span(rows[name])}" for name, symbol in symbols.items() if rows[name].notna().any()]


def span(column: pd.Series) -> str:
    """The one value of a column, else its least and largest; of texts each, or how many where there are over MOST."""
    kept = column.dropna()
    if not pd.api.types.is_numeric_dtype(kept):
        texts = sorted(kept.unique())
        return ", ".join(texts) if len(texts) <= MOST else f"{len(texts)} values"
    low, high = kept.min(), kept.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
