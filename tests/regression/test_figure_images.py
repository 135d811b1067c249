"""Figures drawn from the committed reference numbers look as they did when someone last looked at them.

The numbers are given and the fonts are Matplotlib's own: with the pinned Matplotlib images are equal to the bit.
The tolerance (root mean square, of 255) is for antialiasing on other processors; one point that moves by 0.1 makes 1.4.
"""

from __future__ import annotations

import dataclasses

import matplotlib.figure
import pytest

import reference
from benign import plots
from support import figures_of, smoke_figures


@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", style=plots.STYLE, tolerance=1.0, deterministic=True, savefig_kwargs={"dpi": 72}
)
@pytest.mark.parametrize("name", smoke_figures(), ids=lambda name: name.replace("/", "-"))
def test_figure_looks_as_committed(name: str) -> matplotlib.figure.Figure:
    study, figure = name.split("/")
    made = {made.name: made for made in figures_of(study, reference.table(study))}[figure]
    return plots.draw(dataclasses.replace(made, numbers=reference.drawn(name)))
