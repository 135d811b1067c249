"""How the time of a run grows with n, m, steps, d and the number of cells in one call, as numbers and as a figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from benign.plots import COLOURS, FULL_WIDTH, Figure, canvas, log_axis, panel_titles, typeset
from benign.studies.adversarial_training.experiment import run
from engine import CONTEXT, paper_cell, run_in_law
from timing import Sizes, interleaved

LABELS = {"n": "training points n", "width": "neurons m", "steps": "steps", "d": "dimension d", "cells": "cells"}
NARROW = 10  # how many times narrower than the paper's the networks of the axis "cells" are: they train in batches


def axes(sizes: Sizes) -> dict[str, list[int]]:
    """The values of each axis; the other axes stay at a tenth of the paper's steps and at the paper's n, m and d."""
    return {
        "n": [sizes.n // 4, sizes.n // 2, sizes.n, 2 * sizes.n, 4 * sizes.n],
        "width": [sizes.width // 8 * 2, sizes.width // 2, sizes.width, 2 * sizes.width],
        "steps": [sizes.steps // 20, sizes.steps // 10, sizes.steps // 5, sizes.steps // 2, sizes.steps],
        "d": [sizes.small, sizes.d, sizes.huge],
        "cells": [1, 2, 4, 8, 16],
    }


def task(sizes: Sizes, axis: str, value: int) -> Callable[[], Any]:
    """One run at one place of one axis."""
    if axis == "cells":
        width = max(sizes.width // NARROW, 2)
        cells = [paper_cell(sizes, steps=sizes.steps // 10, width=width, seed=seed) for seed in range(value)]
        return lambda: list(run(cells, CONTEXT))
    cell = paper_cell(sizes, **{"steps": sizes.steps // 10, axis: value})
    return lambda: run_in_law(cell)


def measure(sizes: Sizes, repeats: int) -> pd.DataFrame:
    """Columns axis, value, seconds (the median), low, high (smallest and largest), slope (of the axis, see `slope`)."""
    rows = []
    for axis, values in axes(sizes).items():
        timed = interleaved({str(value): task(sizes, axis, value) for value in values}, repeats)
        part = pd.DataFrame(
            [
                {"axis": axis, "value": value, "seconds": float(np.median(t)), "low": min(t), "high": max(t)}
                for value, t in zip(values, timed.values(), strict=True)
            ]
        )
        rows.append(part.assign(slope=slope(part)))
    return pd.concat(rows, ignore_index=True)


def slope(part: pd.DataFrame) -> float:
    """Of log seconds over log value, by least squares."""
    return float(np.polyfit(np.log(part["value"]), np.log(part["seconds"]), 1)[0])


def figure(numbers: pd.DataFrame) -> Figure:
    """One panel for each axis."""
    return Figure("scaling", "Seconds of one run; bars: smallest and largest of the repeats.", numbers, draw)


def draw(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Seconds over each axis, both logarithmic, with the fitted power."""
    drawn = canvas(FULL_WIDTH, 1.9)
    panels = drawn.subplots(1, len(LABELS), sharey=True)
    for panel, (axis, label) in zip(panels, LABELS.items(), strict=True):
        rows = numbers[numbers["axis"] == axis]
        bars = np.abs(rows[["low", "high"]].sub(rows["seconds"], axis=0).to_numpy().T)
        panel.errorbar(rows["value"], rows["seconds"], yerr=bars, marker="o", color=COLOURS["blue"], elinewidth=0.8)
        panel.set_xlabel(typeset(label))
        log_axis(panel, "x", most=4)
        log_axis(panel, "y")
    panel_titles(panels, [f"slope {numbers.loc[numbers['axis'] == axis, 'slope'].iloc[0]:.2f}" for axis in LABELS])
    panels[0].set_ylabel("seconds")
    return drawn
