"""What a reviewer would find wrong with a drawn figure before reading it: what is cut, unnamed or too small."""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator
from typing import Any, NamedTuple

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from benign import plots
from benign.plots import Figure

SMALLEST = 7.0  # points
WIDTHS = (plots.COLUMN_WIDTH, plots.FULL_WIDTH)  # others would be scaled on the page, and their fonts with them
GRID = to_hex(plots.STYLE["grid.color"])
NEUTRAL = {plots.COLOURS["black"].lower(), plots.COLOURS["grey"].lower()}  # of entries that name a form, not a colour
PIXEL = 1.0


def laid_out(figure: Figure) -> matplotlib.figure.Figure:
    """A study's figure as it is saved, with everything at its place."""
    with plots.style():
        drawn = plots.draw(figure)
        drawn.set_dpi(100)
        FigureCanvasAgg(drawn)
        drawn.draw_without_rendering()
    return drawn


def faults(figure: matplotlib.figure.Figure) -> list[str]:
    """All that is wrong with a figure that is laid out, in words."""
    checks = (cut_off, overlapping, covered, unnamed, without_letter, empty, of_wrong_size)
    return [fault for check in checks for fault in check(figure)]


# ---------------------------------------------------------------- texts


def texts(figure: matplotlib.figure.Figure) -> list[Text]:
    """Those that are seen: Matplotlib keeps labels of ticks beyond an axis' ends too."""
    hidden: set[Text] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                at = tick.get_loc()
                if not axes.axison or not (low <= at <= high or np.isclose(at, [low, high], rtol=1e-6, atol=0).any()):
                    hidden |= {tick.label1, tick.label2}
    found: list[Any] = figure.findobj(lambda each: isinstance(each, Text))
    return [each for each in found if each.get_visible() and each.get_text().strip() and each not in hidden]


def corners(text: Text) -> NDArray:
    """(4, 2) of the rectangle around a text, which may be rotated, in pixels."""
    box, angle = text.get_window_extent(), text.get_rotation()
    text.set_rotation(0)
    flat = text.get_window_extent()
    text.set_rotation(angle)
    turn = np.deg2rad(angle)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [flat.width / 2, flat.height / 2]
    return middle + half @ axes


def cut_off(figure: matplotlib.figure.Figure) -> Iterator[str]:
    """Texts and legends of which a part is beyond the canvas."""
    places = [(repr(text.get_text()), corners(text)) for text in texts(figure)]
    places += [("a legend", legend.get_window_extent().get_points()) for legend in legends(figure)]
    for name, place in places:
        if (place < -PIXEL).any() or (place > np.asarray(figure.bbox.size) + PIXEL).any():
            yield f"{name} leaves the canvas"


def overlapping(figure: matplotlib.figure.Figure) -> Iterator[str]:
    """Texts that stand on one another, those of legends among them."""
    seen = [(text.get_text(), corners(text)) for text in texts(figure)]
    for (one, first), (other, second) in itertools.combinations(seen, 2):
        if meet(first, second):
            yield f"{one!r} and {other!r} overlap"


def meet(first: NDArray, second: NDArray) -> bool:
    """Whether two rectangles (4, 2) overlap by more than a pixel: no side of either separates them."""
    if (first.max(0) < second.min(0) + PIXEL).any() or (second.max(0) < first.min(0) + PIXEL).any():
        return False
    for rectangle in (first, second):
        for side in (rectangle[1] - rectangle[0], rectangle[2] - rectangle[1]):
            along = side / max(float(np.hypot(*side)), 1e-9)
            a, b = first @ along, second @ along
            if a.max() < b.min() + PIXEL or b.max() < a.min() + PIXEL:
                return False
    return True


def legends(figure: matplotlib.figure.Figure) -> list[Legend]:
    found: list[Any] = figure.findobj(lambda each: isinstance(each, Legend))
    return found


def covered(figure: matplotlib.figure.Figure) -> Iterator[str]:
    """Panels on which a legend stands."""
    for legend in legends(figure):
        box = legend.get_window_extent()
        for axes in figure.axes:
            if axes.axison and Bbox.intersection(box, axes.bbox.padded(-PIXEL)):
                yield f"a legend stands on the panel {axes.get_title(loc='left')!r}"


def of_wrong_size(figure: matplotlib.figure.Figure) -> Iterator[str]:
    """Widths that a page has not, and texts too small on it."""
    width = figure.get_size_inches()[0]
    if not any(np.isclose(width, each) for each in WIDTHS):
        yield f"{width:g} inches wide: neither a column nor a page"
    for text in texts(figure):
        if (points := float(text.get_fontsize())) < SMALLEST:
            yield f"{text.get_text()!r} has {points:g} points"


# ---------------------------------------------------------------- styles and their names


class Point(NamedTuple):
    """A marker: its colour and shape, whether it is open."""

    colour: str
    shape: Any
    hollow: bool = False


class Stroke(NamedTuple):
    """A line and its dashes; where: the x or y on which it stands, if it is straight across the panel."""

    colour: str
    dashes: Any
    where: tuple[str, float] | None = None


class Area(NamedTuple):
    """A filled region."""

    colour: str


Style = Point | Stroke | Area


def of_path(path: Path) -> Any:
    """A marker's shape, comparable: its path but for size."""
    vertices = np.asarray(path.vertices, float)
    sides = vertices - vertices.min(0)
    return tuple(np.round(sides / sides.max(), 2).ravel() + 0.0)


def styles(artist: Any, bounds: Bbox | None = None) -> Iterator[Style]:
    """What an artist shows; bounds: of what is seen of its data, if only that counts."""
    if isinstance(artist, Line2D):
        yield from _of_line(artist, bounds)
    elif isinstance(artist, PathCollection):
        offsets = np.asarray(artist.get_offsets(), float)
        colours: Any = artist.get_facecolor()
        paths = artist.get_paths()
        for i, place in enumerate(offsets):
            if bounds is None or bounds.contains(*place):
                yield Point(to_hex(colours[i % len(colours)]), of_path(paths[i % len(paths)]))
    elif isinstance(artist, (PolyCollection, Patch)):
        face: Any = artist.get_facecolor()
        yield Area(to_hex(face if isinstance(artist, Patch) else face[0]))


def _of_line(line: Line2D, bounds: Bbox | None) -> Iterator[Style]:
    data = np.asarray(line.get_xydata(), float)
    if not line.get_visible() or (bounds is not None and not _seen(line, data, bounds)):
        return
    if line.get_linestyle() not in ("None", "none", "", " ") and len(data) != 1:
        # Matplotlib has no public way to the dashes of a line.
        pattern = line._unscaled_dash_pattern[1]  # type: ignore[attr-defined]
        yield Stroke(to_hex(line.get_color()), None if pattern is None else tuple(pattern), _where(data))
    if line.get_marker() not in ("None", "none", "", " "):
        marker = MarkerStyle(line.get_marker())
        hollow = str(line.get_markerfacecolor()) == "none" and marker.is_filled()
        filled = marker.is_filled() and not hollow
        colour = to_hex(line.get_markerfacecolor() if filled else line.get_markeredgecolor())
        shape = of_path(marker.get_path().transformed(marker.get_transform()))
        yield Point(colour, shape, hollow)


def _where(data: NDArray) -> tuple[str, float] | None:
    if len(data) != 2:
        return None
    for name, values in zip("xy", data.T, strict=True):
        if values[0] == values[1]:
            return name, float(values[0])
    return None


def _seen(line: Line2D, data: NDArray, bounds: Bbox) -> bool:
    """Whether a part of the line is within the panel; a line across it has no place on one of the axes."""
    if not len(data):
        return False
    where = _where(data)
    if where:
        low, high = bounds.intervalx if where[0] == "x" else bounds.intervaly
        return bool(low <= where[1] <= high)
    finite = data[np.isfinite(data).all(1)]
    return any(bounds.contains(*place) for place in finite)


def drawn(axes: Axes) -> set[Style]:
    """All styles in a panel; bars of intervals and cells of heat maps are no marks of their own."""
    (left, right), (low, high) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
    bounds = Bbox.from_extents(left, low, right, high)
    artists = [*axes.lines, *axes.collections, *axes.patches]
    return {style for artist in artists if artist.get_visible() for style in styles(artist, bounds)}


def key(figure: matplotlib.figure.Figure) -> set[Style]:
    """The styles in the figure's legends."""
    return {
        style
        for legend in legends(figure)
        for artist in legend.findobj(lambda each: isinstance(each, (Line2D, PathCollection, Patch)))
        if artist is not legend.get_frame() and artist.get_visible()
        for style in styles(artist)
    }


def unnamed(figure: matplotlib.figure.Figure) -> Iterator[str]:
    """Styles that neither a legend names nor a text in the panel: a mark's, at its x, or one in the style's colour."""
    entries, colours = key(figure), {to_hex(text.get_color()) for text in texts(figure)} - NEUTRAL
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            continue
        beside = [text.xy[0] for text in axes.texts if isinstance(text, Annotation)]
        for style in sorted(drawn(axes), key=str):
            at = style.where if isinstance(style, Stroke) else None
            if at and (at[1] == 0 or style.colour == GRID or (at[0] == "x" and at[1] in beside)):
                continue  # 0 is on the axis
            if style.colour not in colours and not is_named(style, entries):
                yield f"panel {axes.get_title(loc='left')!r}: nothing says what {described(style)} is"


def described(style: Style) -> str:
    """Short: shapes are long."""
    if isinstance(style, Point):
        return f"the {'open' if style.hollow else 'filled'} {style.colour} marker of {len(style.shape) // 2} vertices"
    return f"{style}"


def is_named(style: Style, entries: set[Style]) -> bool:
    """Whether a legend has the style, or has its colour in one entry and its form in another, black or grey, one."""
    if style in entries:
        return True
    known = {entry.colour for entry in entries}
    points = [entry for entry in entries if isinstance(entry, Point)]
    if isinstance(style, Point):
        forms = {(entry.shape, entry.hollow) for entry in points if entry.colour in NEUTRAL}
        filled = style._replace(hollow=False) in entries and style.hollow in {hollow for _, hollow in forms}
        return filled or (style.colour in known and (style.shape, style.hollow) in forms)
    if isinstance(style, Stroke):
        strokes = [entry for entry in entries if isinstance(entry, Stroke)]
        dashes = {entry.dashes for entry in strokes if entry.colour in NEUTRAL}
        exact = any(entry[:2] == style[:2] for entry in strokes)
        return exact or (style.colour in known and style.dashes in dashes)
    return False


# ---------------------------------------------------------------- panels


def panels(figure: matplotlib.figure.Figure) -> list[Axes]:
    """In reading order; neither colour bars nor what is a frame for texts alone."""
    found = [axes for axes in figure.axes if axes.axison and axes.get_label() != "<colorbar>"]
    return sorted(found, key=lambda axes: (-round(axes.get_position().y1, 2), axes.get_position().x0))


def without_letter(figure: matplotlib.figure.Figure) -> Iterator[str]:
    """Panels of several whose title does not begin with their letter."""
    shown = panels(figure)
    for letter, axes in zip(string.ascii_lowercase, shown, strict=False):
        title = axes.get_title(loc="left")
        if len(shown) > 1 and not title.startswith(f"({letter})"):
            yield f"panel {title!r} has not the letter ({letter})"


def empty(figure: matplotlib.figure.Figure) -> Iterator[str]:
    """Panels in which nothing is seen but, at the most, marks and lines across them."""
    for axes in panels(figure):
        seen = {style for style in drawn(axes) if not (isinstance(style, Stroke) and style.where)}
        meshes = [each for each in axes.collections if isinstance(each, QuadMesh)]
        if not seen and not meshes and not axes.texts and not axes.images:
            yield f"panel {axes.get_title(loc='left')!r} is empty"
