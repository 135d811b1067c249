"""Captions: one paragraph, and one sentence for what stands behind the points."""

from __future__ import annotations

import textwrap

import pandas as pd

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


def caption(*sentences: str) -> str:
    """One paragraph from sentences that may be written over several lines."""
    return " ".join(" ".join(textwrap.dedent(sentence).split()) for sentence in sentences if sentence)


def runs(rows: pd.DataFrame, *fields: str, **symbols: str) -> str:
    """The runs behind a figure: "n = 50, β = 0 to 0.1; 120 cells; seeds: 3; none diverged."

    fields: columns whose values are said, by their SYMBOLS; symbols: column=symbol, where the study has another letter
    """
    if rows.empty:
        return "Not run in this tier."
    symbols = {field: SYMBOLS[field] for field in fields} | symbols
    settings = [f"{symbol} = {_range(rows[field])}" for field, symbol in symbols.items() if rows[field].notna().any()]
    seeds = _range(rows.groupby("experiment")["seed"].nunique())
    lost = int((rows["status"] != "ok").sum())
    ended = f"{lost} diverged and are left out" if lost else "none diverged"
    return (
        "; ".join([*([", ".join(settings)] if settings else []), f"{len(rows)} cells", f"seeds: {seeds}", ended]) + "."
    )


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
