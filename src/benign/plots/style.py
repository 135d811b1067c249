"""How all figures look: seaborn's "ticks" theme with a light grid, fonts that Matplotlib ships, sizes of an ICML page,
mathematics in labels.

Colours: Okabe and Ito 2008, told apart with any colour vision; markers and line styles say the same once more.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import matplotlib
import seaborn

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
    **seaborn.axes_style("ticks"),
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 2.3,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.35,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 5.0,
    "axes.labelpad": 2.5,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.6,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "savefig.bbox": "standard",
    "pdf.fonttype": 42,  # TrueType: text in the PDF stays text, as publishers ask
    "svg.hashsalt": "benign",
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Matplotlib's defaults with STYLE on top, whatever the user's own settings are; restored on leaving."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # stubs list every name as a literal
        yield


_MATHEMATICS = re.compile(r"\$[^$]+\$|‖μ̂‖|‖μ‖|√d|d\^[\d.]+|n²|10[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[αβγρμησ]|(?<![\w'])[dnmtC](?![\w'])")
_TEX = {"‖μ̂‖": r"\|\hat{\mu}\|", "‖μ‖": r"\|\mu\|", "√d": r"\sqrt{d}", "n²": "n^2"} | {
    letter: rf"\{name}"
    for letter, name in zip("αβγρμησ", ["alpha", "beta", "gamma", "rho", "mu", "eta", "sigma"], strict=True)
}


def typeset(text: str) -> str:
    """Plain text, as it stands in the numbers, with its letters and formulas as mathematics: "α = 0.1 ‖μ‖". What stands
    between dollar signs is mathematics already.
    """

    def formula(match: re.Match[str]) -> str:
        plain = match.group()
        if plain.startswith("$"):
            return plain
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
