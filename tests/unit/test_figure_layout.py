"""Every figure, drawn from the smoke tier's reference and from the tables that are kept, has nothing cut, covered,
unnamed or too small, and calls a quantity as all others do.
"""

from __future__ import annotations

import re
from collections import defaultdict

import matplotlib.figure
import pandas as pd
import pytest

import layout
import reference
from benign import plots, studies
from benign.pipeline import tables
from benign.plots import Figure
from benign.plots.labels import LABELS
from benign.plots.looks import OPEN, line, points
from support import ROOT, figures_of

KEPT = sorted(ROOT.glob("results/*/*/table.csv"))
TABLES = {f"smoke-{study}": reference.REFERENCE / f"{study}.csv" for study in studies.NAMES} | {
    f"{path.parts[-3]}-{path.parts[-2]}": path for path in KEPT if path.parts[-3] in ("default", "paper")
}


@pytest.fixture(scope="module", params=TABLES)
def drawn(request: pytest.FixtureRequest) -> list[tuple[Figure, matplotlib.figure.Figure]]:
    """The figures of one study and tier, laid out."""
    made = figures_of(request.param.split("-")[1], tables.read(TABLES[request.param]))
    return [(figure, layout.laid_out(figure)) for figure in made]


def test_nothing_is_cut_covered_unnamed_empty_or_too_small(
    drawn: list[tuple[Figure, matplotlib.figure.Figure]],
) -> None:
    found = {figure.name: layout.faults(laid_out) for figure, laid_out in drawn}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_axes_are_called_by_the_one_name_of_their_quantity(
    drawn: list[tuple[Figure, matplotlib.figure.Figure]],
) -> None:
    """Or by the setting that a row of panels has in common."""
    known = {plots.typeset(label) for label in LABELS}
    unknown = {
        (figure.name, label)
        for figure, laid_out in drawn
        for axes in laid_out.axes
        for label in (axes.get_xlabel(), axes.get_ylabel())
        if label and label.replace("\n", " ") not in known | set(map(plots.typeset, figure.numbers["panel"].unique()))
    }
    assert unknown == set()


def test_no_two_names_have_one_letter_and_no_label_stands_twice() -> None:
    names = defaultdict(set)
    for label in LABELS:
        found = re.fullmatch(r"([\w ]+) (‖μ‖|σ√d|\w)", label)
        if found:
            names[found[2]].add(found[1].removeprefix("ℓ2 ").removeprefix("ℓ∞ "))
    assert {letter: said for letter, said in names.items() if len(said) > 1} == {}
    assert len(set(LABELS)) == len(LABELS)


# ---------------------------------------------------------------- the checks find what they look for


def two_panels(width: float = plots.COLUMN_WIDTH, titles: tuple[str, str] = ("(a) one", "(b) two")) -> Figure:
    """Sound but for what a test changes."""

    def draw(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = plots.canvas(width, 2.0)
        for axes, title in zip(figure.subplots(1, 2), titles, strict=True):
            axes.plot([1, 2], [1, 2], label="measured", **points("blue", "o", linestyle=""))
            axes.set_title(title, loc="left")
        plots.legend(figure, 1)
        return figure

    return Figure("two", "", pd.DataFrame({"x": [1.0]}), draw)


def faults_of(change: object = None, **changed: object) -> list[str]:
    """Those of the sound figure after a change to its first panel."""
    figure = layout.laid_out(two_panels(**changed))  # type: ignore[arg-type]
    if callable(change):
        change(figure.axes[0])
    return layout.faults(figure)


def test_a_sound_figure_has_no_fault() -> None:
    assert faults_of() == []


def test_text_beyond_the_canvas_and_text_on_text_are_found() -> None:
    long = "a title that is longer than a column"
    found = faults_of(titles=(f"(a) {long}", f"(b) {long}"))
    assert any("leaves the canvas" in fault for fault in found)
    assert any("overlap" in fault for fault in found)


def test_rotated_texts_side_by_side_do_not_overlap_and_the_same_texts_level_do() -> None:
    def write(angle: float) -> list[str]:
        def change(axes: matplotlib.axes.Axes) -> None:
            for x in (0.3, 0.55):
                axes.text(x, 0.3, "long long text", rotation=angle, transform=axes.transAxes, fontsize=7)

        return [fault for fault in faults_of(change) if "overlap" in fault]

    assert write(45) == []
    assert write(0)


@pytest.mark.parametrize(
    ("look", "named"),
    [
        (points("blue", "o", linestyle=""), True),
        (points("blue", "o", linestyle="") | OPEN, False),
        (points("blue", "s", linestyle=""), False),
        (points("orange", "o", linestyle=""), False),
        (line("blue"), False),
    ],
)
def test_a_style_that_no_legend_has_is_found(look: dict[str, object], named: bool) -> None:
    found = faults_of(lambda axes: axes.plot([1, 1.5, 2], [2, 1, 1], **look))
    assert (found == []) == named
    assert named or "nothing says what" in found[0]


def test_a_form_may_be_named_in_black_and_a_line_across_by_its_mark() -> None:
    def draw(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
        figure = plots.canvas(plots.COLUMN_WIDTH, 2.0)
        axes = figure.subplots()
        axes.plot([1, 2], [1, 2], label="measured", **points("blue", "o", linestyle=""))
        axes.plot([1, 2], [2, 1], **points("blue", "o", linestyle="") | OPEN)
        axes.plot([], [], label="open: the control", **points("black", "o", linestyle="") | OPEN)
        plots.draw_mark(axes, pd.DataFrame({"x": [1.5]}), "d = n")
        plots.legend(figure, 1)
        return figure

    assert layout.faults(layout.laid_out(Figure("one", "", pd.DataFrame({"x": [1.0]}), draw))) == []
    assert any("nothing says what" in fault for fault in faults_of(lambda axes: axes.axvline(1.5, **line("grey"))))


def test_a_missing_letter_an_empty_panel_a_covering_legend_and_wrong_sizes_are_found() -> None:
    assert faults_of(titles=("(a) one", "two")) == ["panel 'two' has not the letter (b)"]
    assert faults_of(lambda axes: axes.lines[0].remove()) == ["panel '(a) one' is empty"]
    assert "a legend stands on the panel '(a) one'" in faults_of(lambda axes: axes.legend())
    assert faults_of(width=5.0) == ["5 inches wide: neither a column nor a page"]
    small = faults_of(lambda axes: axes.text(1.5, 1.2, "small", fontsize=5))
    assert small == ["'small' has 5 points"]
