"""The one table of looks: what a name looks like in every figure of every study.

A series' name is made of words with ", " between them ("ReLU, ordinary training"), and looks as its words do, the later
ones on top. Names that the table cannot know (n = 50, n = 100, …) take the looks of `in_order`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benign.plots.style import COLOURS

ROBUST, CLEAN = "robust test error", "clean test error"
TRUE = "robust test error (true labels)"  # all others are with observed labels
EQUALITY = "equality"
TRAIN, LOSS = "robust training error", "robust training loss"
ACTIVATIONS = {"leaky_relu": "leaky ReLU", "smooth_leaky_relu": "smoothed leaky ReLU", "relu": "ReLU"}
TRAININGS = {"adversarial": "adversarial training", "ordinary": "ordinary training"}
NORMS = {"l2": "ℓ2", "linf": "ℓ∞"}
NOISE, FLOOR = "label noise β", "robust Bayes floor"
RECURSION, FOUR_GROUP, LIMIT = "two-group recursion", "four-group recursion", "limit network"
AVERAGING, MARGIN, LINEAR_MARGIN = "averaging predictor", "max-margin predictor", "linear max-margin predictor"

Look = dict[str, Any]  # as for Axes.plot
DASHED, DOTTED = (0, (4, 2)), (0, (1, 1.5))


def points(colour: str, marker: str, **more: Any) -> Look:
    """Of what was measured."""
    return {"color": COLOURS[colour], "marker": marker, **more}


def line(colour: str, dashes: Any = "-", width: float = 1.0, **more: Any) -> Look:
    """Of theory."""
    return {"color": COLOURS[colour], "linestyle": dashes, "linewidth": width, **more}


# Larger than the filled marker of the same place, so that it shows around that.
OPEN: Look = {"markerfacecolor": "none", "markersize": 4.8, "markeredgewidth": 0.7, "zorder": 2.9}

LOOKS: dict[str, Look] = {
    "leaky ReLU": points("blue", "o"),
    "smoothed leaky ReLU": points("vermilion", "s"),
    "ReLU": points("green", "^"),
    CLEAN: {"marker": "+", "markersize": 3.5, "markeredgewidth": 0.7, "zorder": 2.5},
    "adversarial training": {},
    "ordinary training": OPEN,
    "ℓ2": points("blue", "o"),
    "ℓ∞": points("vermilion", "s"),
    "β = 0": points("green", "^"),
    "β = 0.1": points("blue", "o"),
    "β = 0.2": points("vermilion", "s"),
    EQUALITY: line("grey", width=0.8, zorder=1.5),
    NOISE: line("grey", width=0.6, zorder=2.0),
    FLOOR: line("grey", ":", 1.2, zorder=2.1),
    AVERAGING: line("purple", "-.", zorder=2.2),
    **dict.fromkeys((RECURSION, FOUR_GROUP, LIMIT), line("black", width=1.2, zorder=2.3)),
    # Above the recursion, which ends at it: both stay visible where they coincide.
    MARGIN: line("orange", "--", zorder=2.4),
    LINEAR_MARGIN: line("orange", "--", zorder=2.4),
}
ORDER = [
    points(*look)
    for look in (
        ("blue", "o"),
        ("vermilion", "s"),
        ("green", "^"),
        ("purple", "D"),
        ("orange", "v"),
        ("sky", "P"),
        ("black", "X"),
        ("grey", "*"),
    )
]


def look(series: str, quantity: str = "", own: Mapping[str, Look] | None = None) -> Look:
    """The look of a series: of its name, else of its words, in the table or in a figure's `own`; that of the quantity,
    if there is one, on top. KeyError if the name says nothing.
    """
    known = LOOKS | dict(own or {})
    found = [known[word] for word in ([series] if series in known else series.split(", ")) if word in known]
    if not found:
        raise KeyError(f"nothing says how {series!r} looks: add it to the table of looks, or give the figure its own")
    return {name: value for each in (*found, known.get(quantity, {})) for name, value in each.items()}


def in_order(names: Iterable[str]) -> dict[str, Look]:
    """Looks for names that are told apart in this figure only, in their order, each once."""
    return dict(zip(dict.fromkeys(names), ORDER, strict=False))
