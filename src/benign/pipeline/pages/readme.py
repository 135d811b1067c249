"""README.md's made parts: what came out of each study, and how long a training takes."""

from __future__ import annotations

import importlib
from pathlib import Path

from benign.claims import VERDICTS
from benign.pipeline.pages import performance, tiers
from benign.pipeline.pages.templating import render


def parts(run: tiers.Run, results: Path) -> dict[str, str]:
    """Marker to what stands there, showing the claims of `run`."""
    return {"claims": claims(run), "speed": speed(results)}


def claims(run: tiers.Run) -> str:
    """How many claims of each kind and of each study have each verdict."""
    return render(
        "readme_claims.md",
        run=run,
        verdicts=VERDICTS,
        studies=[
            {"name": study, "subject": subject(study), "numbers": tiers.tally(members).values()}
            for study, members in run.by_study().items()
        ],
        kinds=tiers.by_kind(run.claims),
    )


def speed(results: Path) -> str:
    """One sentence of what `make bench` measured."""
    bench = performance.measured(results, "bench")
    targets = {target["name"]: target["measured"] for target in bench["targets"]} if bench else {}
    return render("readme_speed.md", bench=bench, targets=targets)


def subject(study: str) -> str:
    """What a study replicates: the first paragraph of its package's docstring."""
    return " ".join((importlib.import_module(f"benign.studies.{study}").__doc__ or "").split("\n\n")[0].split())
