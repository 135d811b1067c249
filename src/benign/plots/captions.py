"""Captions: one paragraph, and one sentence for what stands behind the points."""

from __future__ import annotations

import textwrap

import pandas as pd

from benign.letters import SYMBOLS, span, values

INTERVALS = "Bars: 95 % intervals over seeds (Student's t); of one seed, over its test points if it has an error."


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
    settings = values(rows, symbols)
    seeds = span(rows.groupby("experiment")["seed"].nunique())
    lost = int((rows["status"] != "ok").sum())
    ended = f"{lost} diverged and are left out" if lost else "none diverged"
    return (
        "; ".join([*([", ".join(settings)] if settings else []), f"{len(rows)} cells", f"seeds: {seeds}", ended]) + "."
    )
