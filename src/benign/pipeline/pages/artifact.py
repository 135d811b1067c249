"""docs/ARTIFACT.md: every claim of a kept run, and how an evaluator checks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benign.claims import VERDICTS
from benign.pipeline.pages import tiers
from benign.pipeline.pages.claims import entry
from benign.pipeline.pages.templating import render


def page(run: tiers.Run, results: Path) -> str:
    """The page on a run's claims; what is kept in `results` of the default and the paper tier says what to expect."""
    return render(
        "artifact.md",
        run=run,
        kinds=tiers.by_kind(run.claims),
        verdicts=VERDICTS,
        options="" if run.tier == "default" else f" --configfile config/{run.tier}.yaml",
        studies=[study(name, claims, run) for name, claims in run.by_study().items()],
        default=tiers.read(results / "default"),
        paper=tiers.read(results / "paper"),
    )


def study(name: str, claims: list[dict[str, Any]], run: tiers.Run) -> dict[str, Any]:
    """A study's part of the page."""
    return {
        "name": name,
        "verdicts": tiers.in_words(claims),
        "minutes": run.studies[name]["minutes"],
        "claims": [entry(claim) for claim in claims],
    }
