"""results/TIER/claims.md: the tier's claims, counted, in one table, and each in full."""

from __future__ import annotations

from typing import Any

from benign.pipeline.pages.templating import render
from benign.pipeline.pages.tiers import tally


def page(merged: dict[str, Any]) -> str:
    """The page of a tier's claims.json, whose content this is."""
    return render(
        "claims.md",
        tier=merged["tier"],
        tally=tally(merged["claims"]),
        claims=[entry(claim) for claim in merged["claims"]],
        environment=merged["environment"],
    )


def entry(claim: dict[str, Any]) -> dict[str, Any]:
    """A claim as pages show it: its measured numbers in one line, and `anchor`, its place on the tier's page."""
    return {**claim, "measured": in_one_line(claim["measured"]), "anchor": f"{claim['study']}-{claim['id']}"}


def in_one_line(measured: dict[str, float | int | str | None]) -> str:
    """Named numbers, floats to four digits."""
    return ", ".join(
        f"{name} = {f'{value:.4g}' if isinstance(value, float) else 'none' if value is None else value}"
        for name, value in measured.items()
    )
