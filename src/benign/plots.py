"""Figures as data: the numbers drawn, a caption, and a function that draws exactly those numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import matplotlib.figure


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of a study.

    name: file name without extension, e.g. "dimension"
    caption: what a reader needs to read it alone
    numbers: every number that is drawn, tidy; written beside the figure as CSV
    draw: makes the Matplotlib figure from `numbers` and nothing else
    """

    name: str
    caption: str
    numbers: pd.DataFrame
    draw: Callable[[pd.DataFrame], matplotlib.figure.Figure]
