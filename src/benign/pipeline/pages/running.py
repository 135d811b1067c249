"""docs/running.md's made parts: what each tier took, and what ran on a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benign.pipeline import settings
from benign.pipeline.pages import performance, tiers
from benign.pipeline.pages.templating import render


def parts(results: Path) -> dict[str, str]:
    """Marker to what stands there."""
    runs = tiers.kept(results)
    return {
        "tiers": render("running_tiers.md", tiers=[tier(name, runs.get(name)) for name in settings.TIERS]),
        "gpu": gpu(performance.measured(results, "gpu_check")),
    }


def tier(name: str, run: tiers.Run | None) -> dict[str, Any]:
    """How to run a tier, and the run that is kept of it."""
    return {"name": name, "command": tiers.COMMANDS[name], "purpose": tiers.PURPOSES[name], "run": run}


def gpu(found: dict[str, Any] | None) -> str:
    """What `make gpu-check` has done; `found` is what it wrote, None if it never ran."""
    done = [name for name, part in found["parts"].items() if part["status"] == "done"] if found else []
    return render("running_gpu.md", found=found, done=done)
