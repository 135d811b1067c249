"""docs/ARTIFACT.md: how an evaluator checks every claim, and what to expect."""

from __future__ import annotations

from pathlib import Path

from benign.pipeline.pages import tiers
from benign.pipeline.pages.templating import render


def page(run: tiers.Run, results: Path) -> str:
    """The page on a run's claims; what is kept in `results` of the default and the paper tier says what to expect."""
    return render(
        "artifact.md",
        run=run,
        studies=[
            {"name": name, "verdicts": tiers.in_words(claims), **run.studies[name]}
            for name, claims in run.by_study().items()
        ],
        default=tiers.read(results / "default"),
        paper=tiers.read(results / "paper"),
    )
