"""figures/TIER/README.md: every figure with its caption and its claims; and all claims in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import pandas as pd

from benign import plots
from benign.claims import KINDS, VERDICTS
from benign.pipeline.pages.claims import entry
from benign.pipeline.pages.readme import subject
from benign.pipeline.pages.templating import render
from benign.plots import COLOURS, Figure
from benign.plots.looks import Look
from benign.studies import find

Claims = list[dict[str, Any]]
HUES = dict(zip(VERDICTS, ("green", "sky", "yellow", "vermilion", "grey"), strict=True))


def page(tier: str, claims: Mapping[str, Claims], captions: Mapping[str, Mapping[str, str]]) -> str:
    """The gallery's text.

    claims: each study's, as in claims.json; captions: of each study's figures, by their names
    """
    studies = [
        {
            "name": study,
            "subject": subject(study),
            "figures": [
                {
                    "name": name,
                    "kind": "gif" if name in find(study).films else "png",
                    "caption": caption,
                    "claims": [entry(c) for c in claims[study] if c["figure"] == name],
                }
                for name, caption in figures.items()
            ],
        }
        for study, figures in captions.items()
    ]
    return render("gallery.md", tier=tier, studies=studies, summary=claims_figure(claims).caption)


def claims_figure(claims: Mapping[str, Claims]) -> Figure:
    """How many claims of each study have each verdict, a panel for each kind: bars from the first verdict on."""
    text = """Claims of each study by kind and verdict. Paper: a statement of a paper; derived: derived by us; beyond:
        our own finding or hypothesis; check: true by mathematics or construction, so that one that fails shows a fault
        of ours."""
    numbers = []
    for kind in KINDS:
        for place, (study, every) in enumerate(claims.items()):
            end = 0
            for verdict in VERDICTS:
                start = end
                end += sum(claim["kind"] == kind and claim["verdict"] == verdict for claim in every)
                numbers.append(plots.band([place], [start], [end], (kind, study, verdict)))
    return Figure("claims", plots.caption(text), plots.gather(numbers), draw_claims)


def draw_claims(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two rows of two panels; the studies from top to bottom."""
    studies = list(dict.fromkeys(numbers["quantity"]))
    facets = plots.Facets(numbers, 1.1 + 0.3 * len(studies), width=plots.COLUMN_WIDTH, wrap=2, sharex=True, sharey=True)
    for panel in facets:
        for verdict, rows in panel.numbers.groupby("series", sort=False):
            look: Look = {"height": 0.7, "color": COLOURS[HUES[str(verdict)]], "label": str(verdict)}
            panel.axes.barh(rows["x"], rows["high"] - rows["low"], left=rows["low"], **look)
        panel.axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, integer=True))
    first = facets.grid[0, 0]
    first.set_yticks(range(len(studies)), [study.replace("_", " ") for study in studies])
    first.invert_yaxis()
    facets.label("claims")
    return facets.finish(3)
