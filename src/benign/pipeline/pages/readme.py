"""README.md's made parts: what came out of each study, what each tier took, how fast it is, what ran on a GPU."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from benign.claims import VERDICTS
from benign.pipeline import settings
from benign.pipeline.pages import marked, performance, tiers
from benign.pipeline.pages.claims import entry
from benign.pipeline.pages.templating import render


def fill(text: str, run: tiers.Run, results: Path) -> str:
    """README.md's text with its made parts made anew, showing the claims of `run`; UserError without its markers."""
    speed = performance.parts(performance.measured(results, "bench"))
    parts = {
        "claims": claims(run),
        "tiers": render(
            "readme_tiers.md", tiers=[tier(name, tiers.kept(results).get(name)) for name in settings.TIERS]
        ),
        "speed": f"{speed['targets']}\n{speed['peers']}",
        "gpu": gpu(performance.measured(results, "gpu_check")),
    }
    return marked.fill(text, parts, "README.md")


def claims(run: tiers.Run) -> str:
    """What came out of each study, and each claim that was not replicated, with its numbers."""
    return render(
        "readme_claims.md",
        run=run,
        verdicts=VERDICTS,
        studies=[
            {"name": study, "subject": subject(study), "numbers": tiers.tally(members).values()}
            for study, members in run.by_study().items()
        ],
        kinds=tiers.by_kind(run.claims),
        others=[entry(claim) for claim in run.claims if claim["verdict"] != "replicated"],
    )


def gpu(found: dict[str, Any] | None) -> str:
    """What `make gpu-check` has done; `found` is what it wrote, None if it never ran."""
    done = [name for name, part in found["parts"].items() if part["status"] == "done"] if found else []
    return render("readme_gpu.md", found=found, done=done)


def subject(study: str) -> str:
    """What a study replicates: the first paragraph of its package's docstring."""
    return " ".join((importlib.import_module(f"benign.studies.{study}").__doc__ or "").split("\n\n")[0].split())


def tier(name: str, run: tiers.Run | None) -> dict[str, Any]:
    """How to run a tier, and the run that is kept of it."""
    return {"name": name, "command": tiers.COMMANDS[name], "purpose": tiers.PURPOSES[name], "run": run}
