"""Figures as data, and their files: the same numbers give the same bytes (no dates, no versions, shipped fonts)."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from benign.plots.captions import caption, runs
from benign.plots.facets import canvas
from benign.plots.numbers import gather
from benign.plots.style import COLOURS, COLUMN_WIDTH, style

# No software version and no date: they would change a file that shows the same.
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FILM_DPI, FILM_COLOURS = 130, 256
SHOWN, LAST_SHOWN = 800, 4000  # milliseconds of a picture of a film, and of the last


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of a study.

    name: file name without extension, e.g. "dimension"
    caption: what a reader needs to read it alone
    numbers: every number that is drawn, tidy; written beside the figure as CSV
    draw: makes the Matplotlib figure from `numbers` and nothing else; called with numbers only, see `plots.draw`
    keys: of the cells that are behind the numbers; a claim names a figure that has its cells
    frames: numbers to those of each picture of a film, if the figure is one: a GIF then lies beside PNG and PDF, which
        show its last picture; `draw` gets one picture's numbers, and keeps the limits of axes from one to the next
    """

    name: str
    caption: str
    numbers: pd.DataFrame
    draw: Callable[[pd.DataFrame], matplotlib.figure.Figure]
    keys: frozenset[str] = frozenset()
    frames: Callable[[pd.DataFrame], Sequence[pd.DataFrame]] | None = None


def of_rows(
    name: str,
    rows: pd.DataFrame,
    text: str,
    numbers: Iterable[pd.DataFrame],
    draw: Callable[[pd.DataFrame], matplotlib.figure.Figure],
    *fields: str,
    **letters: str,
) -> Figure:
    """A figure in which all the rows are drawn; fields and letters: what its caption says of them, see `runs`."""
    return Figure(name, caption(text, runs(rows, *fields, **letters)), gather(numbers), draw, frozenset(rows["key"]))


def draw(figure: Figure) -> matplotlib.figure.Figure:
    """What the figure's own function draws, of a film the last picture; without numbers, a frame that says so."""
    return _drawn(figure, _pictures(figure)[-1])


def _pictures(figure: Figure) -> Sequence[pd.DataFrame]:
    return figure.frames(figure.numbers) if figure.frames and len(figure.numbers) else [figure.numbers]


def _drawn(figure: Figure, numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    if len(numbers):
        return figure.draw(numbers)
    empty = canvas(COLUMN_WIDTH, 1.6)
    axes = empty.subplots()
    axes.set(xticks=[], yticks=[])
    note: dict[str, Any] = {"ha": "center", "va": "center", "color": COLOURS["grey"], "transform": axes.transAxes}
    axes.text(0.5, 0.5, "not run in this tier", **note)
    return empty


def render(figure: Figure) -> dict[str, bytes]:
    """{"png": …, "pdf": …}, and "gif" of a film: the file of each kind. Same numbers, same Matplotlib: same bytes."""
    with style():
        drawn = draw(figure)
        files = {}
        for kind, metadata in METADATA.items():
            buffer = io.BytesIO()
            drawn.savefig(buffer, format=kind, metadata=metadata)
            files[kind] = buffer.getvalue()
            drawn.set_layout_engine("none")  # laid out once, all kinds look alike
        if figure.frames:
            files["gif"] = _film([_drawn(figure, numbers) for numbers in _pictures(figure)])
    return files


def _film(drawn: Sequence[matplotlib.figure.Figure]) -> bytes:
    """An animated GIF that begins again after its last picture; all pictures have the colours of the last."""
    pictures = []
    for each in drawn:
        each.set_dpi(FILM_DPI)
        painted = FigureCanvasAgg(each)
        painted.draw()
        pictures.append(Image.fromarray(np.asarray(painted.buffer_rgba())).convert("RGB"))
    colours = pictures[-1].quantize(FILM_COLOURS, dither=Image.Dither.NONE)
    first, *others = [picture.quantize(palette=colours, dither=Image.Dither.NONE) for picture in pictures]
    shown = [SHOWN] * len(others) + [LAST_SHOWN]
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=others, duration=shown, loop=0, optimize=False)
    return buffer.getvalue()
