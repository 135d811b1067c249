"""Where marks stand in the page's own drawings: an estimate against its limits, and the setting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from benign.studies.adversarial_training.figures.story import BALL, BOUNDARY, CENTRES, DISTANCE, SETTING

WIDTH, EDGE = 320.0, 10.0  # of an estimate's drawing; what is left free on either side
CLASSES = {
    "label +1": "positive",
    "label -1": "negative",
    "label +1, wrong": "positive wrong",
    "label -1, wrong": "negative wrong",
    CENTRES: "centre",
}
PATHS = {BOUNDARY: "boundary", DISTANCE: "distance", BALL: "ball"}


def against_limits(criterion: dict[str, Any]) -> dict[str, Any] | None:
    """A criterion's numbers as places from 0 to WIDTH; None without a value.

    value and limits: (place, number) of each; interval and allowed: (from, to) of the estimate's interval and of the
        range in which it has to lie; an end that is infinite, or not known, is at the drawing's edge
    exact: nothing was drawn at random, so that there is no interval
    refuted: by an exception, though the interval is not outside its range: what has to hold in every draw did not
    """
    if criterion["value"] is None:
        return None
    known = [criterion[name] for name in ("value", "low", "high", "at_least", "at_most") if criterion[name] is not None]
    least, most = min(known), max(known)
    span = (most - least) or max(abs(most), 1.0)
    least, most = least - 0.08 * span, most + 0.08 * span

    def places(low: str, high: str) -> list[float]:
        return [place(criterion[low]) or 0.0, place(criterion[high]) or WIDTH]

    def place(value: float | None) -> float | None:
        return None if value is None else round(EDGE + (WIDTH - 2 * EDGE) * (value - least) / (most - least), 1)

    interval, allowed = places("low", "high"), places("at_least", "at_most")
    outside = interval[1] < allowed[0] or interval[0] > allowed[1]
    return {
        "value": (place(criterion["value"]), criterion["value"]),
        "interval": interval,
        "allowed": allowed,
        "limits": [(place(limit), limit) for name in ("at_least", "at_most") if (limit := criterion[name]) is not None],
        "exact": criterion["low"] == criterion["high"] == criterion["value"],
        "refuted": criterion["verdict"] == "not replicated" and not outside,
    }


def setting(numbers: pd.DataFrame) -> dict[str, Any] | None:
    """The story figure's schematic panel: points and paths with what they are; None where it was not drawn.

    numbers: those of the story figure. Coordinates in hundredths, y downwards as a browser has it
    """
    panel = numbers[numbers["panel"] == SETTING]
    if panel.empty:
        return None
    places = panel.assign(x=100 * panel["x"], y=-100 * panel["mean"])
    left, right, top, low = places["x"].min(), places["x"].max(), places["y"].min(), places["y"].max()
    of = {str(name): rows for name, rows in places.groupby("series")}
    distance = of[DISTANCE]
    return {
        "box": [round(each) for each in (left - 30, top - 30, right - left + 60, low - top + 60)],
        "points": [
            (kind, round(x), round(y))
            for name, kind in CLASSES.items()
            for x, y in zip(of[name]["x"], of[name]["y"], strict=True)
        ],
        "paths": [(kind, "".join(_strokes(of[name]))) for name, kind in PATHS.items()],
        "middle": [round(distance["x"].mean()), round(distance["y"].mean())],
        "end": [round(of[BOUNDARY]["x"].iloc[0]), round(of[BOUNDARY]["y"].iloc[0])],
    }


def _strokes(rows: pd.DataFrame) -> Iterator[str]:
    """A path's commands; a missing place lifts the pen."""
    pen: Iterable[tuple[float, float]] = zip(rows["x"], rows["y"], strict=True)
    drawing = False
    for x, y in pen:
        if not math.isfinite(x + y):
            drawing = False
            continue
        yield f"{'L' if drawing else 'M'}{x:.0f} {y:.0f}"
        drawing = True
