"""Figures as data: the numbers drawn, a caption, a function that draws exactly these numbers; and one style for all.

A study makes tidy numbers (`numbers`) from its table and says how they are drawn, mostly as `Facets`: panels in rows
and columns, looks from one table of looks. Saving is not done here: `render` gives the bytes of a figure.
"""

from benign.plots.captions import INTERVALS, caption, runs
from benign.plots.drawing import (
    draw_band,
    draw_heatmap,
    draw_line,
    draw_mark,
    draw_numbers,
    draw_points,
    draw_runs,
    draw_spans,
    error_axis,
    log_axis,
)
from benign.plots.facets import Facets, Panel, canvas, legend, panel_titles
from benign.plots.looks import in_order, look
from benign.plots.numbers import (
    COLUMNS,
    band,
    gather,
    level,
    mark,
    over_seeds,
    pixels,
    predicted,
    single_runs,
    spans,
    theory,
)
from benign.plots.render import Figure, draw, of_rows, render
from benign.plots.style import COLOURS, COLUMN_WIDTH, FULL_WIDTH, STYLE, scientific, style, typeset

__all__ = [
    "COLOURS",
    "COLUMNS",
    "COLUMN_WIDTH",
    "FULL_WIDTH",
    "INTERVALS",
    "STYLE",
    "Facets",
    "Figure",
    "Panel",
    "band",
    "canvas",
    "caption",
    "draw",
    "draw_band",
    "draw_heatmap",
    "draw_line",
    "draw_mark",
    "draw_numbers",
    "draw_points",
    "draw_runs",
    "draw_spans",
    "error_axis",
    "gather",
    "in_order",
    "legend",
    "level",
    "log_axis",
    "look",
    "mark",
    "of_rows",
    "over_seeds",
    "panel_titles",
    "pixels",
    "predicted",
    "render",
    "runs",
    "scientific",
    "single_runs",
    "spans",
    "style",
    "theory",
    "typeset",
]
