"""Figures as data: the numbers drawn, a caption, a function that draws exactly these numbers; and one style for all.

A study makes tidy numbers (columns `COLUMNS`) from its table with `over_seeds`, `theory`, `band` and `mark`, and draws
them with the helpers below, inside `style()`. Saving is not done here: `render` gives the bytes of a figure, and the
same numbers give the same bytes (fonts that Matplotlib ships, no dates, no versions).

Colours: Okabe and Ito 2008, told apart with any colour vision; markers and line styles say the same once more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from numpy.typing import ArrayLike, NDArray

from benign.stats import bootstrap_means, clopper_pearson


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of a study.

    name: file name without extension, e.g. "dimension"
    caption: what a reader needs to read it alone
    numbers: every number that is drawn, tidy; written beside the figure as CSV
    draw: makes the Matplotlib figure from `numbers` and nothing else; called with numbers only, see `plots.draw`
    """

    name: str
    caption: str
    numbers: pd.DataFrame
    draw: Callable[[pd.DataFrame], matplotlib.figure.Figure]


# ---------------------------------------------------------------- style

FULL_WIDTH, COLUMN_WIDTH = 6.75, 3.25  # inches: both columns and one column of an ICML page
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#767676",
}
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.4,
    "legend.labelspacing": 0.35,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 5.0,
    "axes.labelpad": 2.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.6,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "savefig.bbox": "standard",
    "pdf.fonttype": 42,  # TrueType: text in the PDF stays text, as publishers ask
    "svg.hashsalt": "benign",
}
# No software version and no date: they would change a file that shows the same.
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Matplotlib's defaults with STYLE on top, whatever the user's own settings are; restored on leaving."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # stubs list every name as a literal
        yield


def draw(figure: Figure) -> matplotlib.figure.Figure:
    """What the figure's own function draws; where there are no numbers, a frame that says so."""
    if len(figure.numbers):
        return figure.draw(figure.numbers)
    empty = canvas(COLUMN_WIDTH, 1.6)
    axes = empty.subplots()
    axes.set(xticks=[], yticks=[])
    note: dict[str, Any] = {"ha": "center", "va": "center", "color": COLOURS["grey"], "transform": axes.transAxes}
    axes.text(0.5, 0.5, "not run in this tier", **note)
    return empty


def render(figure: Figure) -> dict[str, bytes]:
    """{"png": …, "pdf": …}: the file of each kind. Same numbers and same Matplotlib, same bytes."""
    with style():
        drawn = draw(figure)
        files = {}
        for kind, metadata in METADATA.items():
            buffer = io.BytesIO()
            drawn.savefig(buffer, format=kind, metadata=metadata)
            files[kind] = buffer.getvalue()
            drawn.set_layout_engine("none")  # laid out once, all kinds look alike
    return files


# ---------------------------------------------------------------- numbers

# panel, quantity (what the y-axis shows), series (what the legend tells apart) and kind place a row; the rest is drawn:
#   measured  mean of `seeds` runs at x with its interval [low, high]; `trials` events pooled (0 for what is no
#             proportion); `diverged` runs were left out
#   run       one run, a dot at (x, mean), in the order of the table: both may be measured
#   theory    a point (x, mean) of a closed form's line        band  the region from low to high at x
#   mark      a place x on the x-axis                          span  the part of the x-axis from low to high
KEYS = ["panel", "quantity", "series", "kind", "x"]
COLUMNS = [*KEYS, "mean", "low", "high", "seeds", "trials", "diverged"]


def over_seeds(
    rows: pd.DataFrame,
    x: ArrayLike,
    column: str,
    place: Sequence[str],
    trials: str | None = None,
    independent: bool = True,
) -> pd.DataFrame:
    """Numbers of kind "measured": the mean of `column` over the seeds at each x, with a 95 % interval.

    rows: one row per cell, with "status" and, where that is "ok", a finite `column`; other rows are counted as diverged
    x: (rows,) where each stands on the x-axis; place: (panel, quantity, series)
    trials: the column with the number of trials if `column` is a proportion. Its interval is then the hull of the
        Clopper-Pearson interval of the pooled counts and of the bootstrap over seeds. If the seeds share their trials
        (independent=False: one fixed test set) there are no more trials than one seed has.
    Other columns have the bootstrap over seeds alone, and no interval (NaN) if there is one seed.
    """
    stands = np.asarray(x, float)
    order = np.argsort(stands, kind="stable")
    positions, starts = np.unique(stands[order], return_index=True)
    ok, values = rows["status"].eq("ok").to_numpy(bool), rows[column].to_numpy(float)
    counts = rows[trials].to_numpy(float) if trials else np.zeros(len(rows))
    here = np.split(order, starts[1:]) if len(rows) else []
    kept = [each[ok[each]] for each in here]
    pooled = [int((counts[each].sum() if independent else counts[each].min()) if len(each) else 0) for each in kept]
    means, low, high = summaries(
        [values[each] for each in kept], [counts[each] for each in kept], np.array(pooled, int)
    )
    numbers = dict(zip(("panel", "quantity", "series"), place, strict=True)) | {"kind": "measured", "x": positions}
    numbers |= {"mean": means, "low": low, "high": high, "seeds": [len(each) for each in kept], "trials": pooled}
    lost = [len(each) - len(still) for each, still in zip(here, kept, strict=True)]
    return pd.DataFrame({**numbers, "diverged": lost}, columns=COLUMNS)


def summaries(
    values: Sequence[NDArray], trials: Sequence[NDArray], pooled: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """(means, lows, highs), each (samples,), of samples of one value per seed.

    Proportions where `pooled` trials, (samples,), are not 0; then weighted by `trials`. NaN for an empty sample.
    """
    shares, sizes = pooled > 0, np.array([len(each) for each in values], int)
    means = np.array([_mean(*each) for each in zip(values, trials, shares, strict=True)], float)
    low, high = bootstrap_means(values)
    # fmin and fmax: one seed has no spread (NaN), and Clopper-Pearson's interval stays.
    ends = clopper_pearson(np.minimum(means * pooled, pooled)[shares], pooled[shares])
    low[shares] = np.fmin(ends[0], np.clip(low[shares], 0.0, 1.0))
    high[shares] = np.fmax(ends[1], np.clip(high[shares], 0.0, 1.0))
    low[sizes == 0] = high[sizes == 0] = np.nan
    return means, low, high


def _mean(values: NDArray, trials: NDArray, share: bool) -> float:
    if not len(values):
        return np.nan
    return float((values * trials).sum() / trials.sum() if share else values.mean())


def theory(x: ArrayLike, y: ArrayLike, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "theory": a line through (x, y)."""
    across, along = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    return _exact(place, "theory", across, mean=along)


def single_runs(x: ArrayLike, values: ArrayLike, place: Sequence[str], trials: ArrayLike = 0) -> pd.DataFrame:
    """Numbers of kind "run": one value of one run at each x, which may be measured too; trials as in `over_seeds`."""
    counted = np.broadcast_to(np.asarray(trials), np.shape(x))
    return _exact(place, "run", np.asarray(x, float), mean=np.asarray(values, float)).assign(seeds=1, trials=counted)


def band(x: ArrayLike, low: ArrayLike, high: ArrayLike, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "band": a region from `low` to `high`."""
    return _exact(place, "band", np.asarray(x, float), low=low, high=high)


def mark(x: float, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "mark": one place on the x-axis."""
    return _exact(place, "mark", np.array([x], float))


def spans(x: NDArray, inside: NDArray, place: Sequence[str]) -> pd.DataFrame:
    """Numbers of kind "span": each run of consecutive x, (N,) increasing, that are `inside`, (N,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    starts, ends = x[edges[::2]], x[edges[1::2] - 1]
    return _exact(place, "span", starts, low=starts, high=ends)


def _exact(place: Sequence[str], kind: str, x: NDArray, **values: Any) -> pd.DataFrame:
    drawn = {"mean": np.nan, "low": np.nan, "high": np.nan} | values
    fixed = dict(zip(KEYS, [*place, kind], strict=False)) | {"seeds": 0, "trials": 0, "diverged": 0}
    return pd.DataFrame({"x": x, **drawn}).assign(**fixed)[COLUMNS]


def gather(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All numbers of a figure, in drawing order; without any part an empty frame with the same columns."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)


# ---------------------------------------------------------------- drawing

_MATHEMATICS = re.compile(r"‖μ̂‖|‖μ‖|√d|d\^[\d.]+|n²|10[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[αβγρμησ]|(?<![\w'])[dnmtC](?![\w'])")
_TEX = {"‖μ̂‖": r"\|\hat{\mu}\|", "‖μ‖": r"\|\mu\|", "√d": r"\sqrt{d}", "n²": "n^2"} | {
    letter: rf"\{name}"
    for letter, name in zip("αβγρμησ", ["alpha", "beta", "gamma", "rho", "mu", "eta", "sigma"], strict=True)
}


def typeset(text: str) -> str:
    """Plain text, as it stands in the numbers, with its letters and formulas as mathematics: "α = 0.1 ‖μ‖"."""

    def formula(match: re.Match[str]) -> str:
        plain = match.group()
        power = re.fullmatch(r"(d|10)\^?([\d.]+|[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", plain)
        if power:
            exponent = power[2].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
            return f"${power[1]}^{{{exponent}}}$"
        return f"${_TEX.get(plain, plain)}$"

    return _MATHEMATICS.sub(formula, text)


def scientific(value: float) -> str:
    """A number for a label: 20, 0.3, and 10⁴ or 3·10⁵ from 10,000 on."""
    if value < 1e4:
        return f"{value:g}"
    digits, exponent = f"{value:e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    factor = f"{float(digits):g}"
    return f"10{raised}" if factor == "1" else f"{factor}·10{raised}"


def canvas(width: float, height: float) -> matplotlib.figure.Figure:
    """An empty figure of this size in inches, laid out so that nothing overlaps; needs no display."""
    figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.03)  # type: ignore[call-arg, union-attr]
    return figure


def draw_points(axes: Axes, rows: pd.DataFrame, label: str, **look: Any) -> None:
    """A measured series: markers with their intervals as bars, joined in order of x. Looks: as for Axes.plot."""
    rows = rows.dropna(subset=["mean"]).sort_values("x")
    bars = rows[["low", "high"]].sub(rows["mean"], axis=0).abs().fillna(0.0).to_numpy().T  # (2, points)
    axes.errorbar(rows["x"], rows["mean"], yerr=bars, elinewidth=0.8, capsize=0, label=typeset(label), **look)


def draw_line(axes: Axes, rows: pd.DataFrame, label: str, **look: Any) -> None:
    """A line without markers, through theory or through measured means."""
    axes.plot(rows["x"], rows["mean"], label=typeset(label), **look)


def draw_band(axes: Axes, rows: pd.DataFrame, label: str, **look: Any) -> None:
    """The region between low and high."""
    axes.fill_between(rows["x"], rows["low"], rows["high"], linewidth=0, label=typeset(label), **look)


def draw_mark(axes: Axes, rows: pd.DataFrame, text: str, height: float = 0.98) -> None:
    """A thin vertical line with its name beside it, at `height` of the axes, right of it if there is more room."""
    for x in rows["x"]:
        axes.axvline(x, color=COLOURS["grey"], linewidth=0.7, linestyle=(0, (1, 1.5)), zorder=1)
        place = axes.transAxes.inverted().transform(axes.transData.transform((x, 0)))[0]
        side, gap = ("left", 2) if place < 0.6 else ("right", -2)
        axes.annotate(
            typeset(text),
            (x, height),
            (gap, 0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha=side,
            va="top",
            color=COLOURS["grey"],
            fontsize=7,
        )


def draw_spans(axes: Axes, rows: pd.DataFrame, label: str) -> None:
    """Parts of the x-axis in a light colour."""
    for low, high in zip(rows["low"], rows["high"], strict=True):
        axes.axvspan(low, high, color=COLOURS["yellow"], alpha=0.35, linewidth=0, zorder=0, label=typeset(label))


def log_axis(axes: Axes, name: str, most: int = 6) -> None:
    """Make axis `name` ("x" or "y") logarithmic, labelled at no more than about `most` powers of ten."""
    axes.set(**{f"{name}scale": "log"})
    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    if np.log10(high / low) >= 1.5:
        axis.set_major_locator(matplotlib.ticker.LogLocator(numticks=most))
    else:
        axis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axis.set_minor_locator(matplotlib.ticker.NullLocator())


def legend(figure: matplotlib.figure.Figure, columns: int) -> None:
    """One legend below all panels: each label once, what was measured first, else in the order of first appearance."""
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    labels = sorted(handles, key=lambda label: not isinstance(handles[label], ErrorbarContainer))
    figure.legend([handles[label] for label in labels], labels, loc="outside lower center", ncols=columns)


def panel_titles(axes: Sequence[Axes], titles: Sequence[str]) -> None:
    """Titles, with letters (a), (b), … where there are several panels, so that a caption or a claim can name one."""
    for letter, each, title in zip("abcdefghijkl", axes, titles, strict=False):
        each.set_title(f"({letter}) {typeset(title)}" if len(titles) > 1 else typeset(title), loc="left")


def error_axis(axes: Axes, highest: float = 1.0) -> None:
    """A y-axis for errors, from 0 to the quarter above `highest`, with room for whole markers at its ends."""
    top = min(max(np.ceil(4 * highest), 1), 4) / 4 if np.isfinite(highest) else 1.0
    axes.set(ylim=(-0.03 * top, 1.03 * top), yticks=np.arange(0, top + 0.01, 0.25))


def caption(*sentences: str) -> str:
    """One paragraph from sentences that may be written over several lines."""
    return " ".join(" ".join(textwrap.dedent(sentence).split()) for sentence in sentences if sentence)
