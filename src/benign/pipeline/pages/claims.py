"""results/TIER/claims.md: the tier's claims, counted by kind, in one table, and each in full; checks apart."""

from __future__ import annotations

from typing import Any

from benign.claims import VERDICTS
from benign.pipeline.pages.templating import render
from benign.pipeline.pages.tiers import by_kind, counted, in_words


def page(merged: dict[str, Any]) -> str:
    """The page of a tier's claims.json, whose content this is."""
    claims = [entry(claim) for claim in merged["claims"]]
    return render(
        "claims.md",
        tier=merged["tier"],
        words=in_words(merged["claims"]),
        kinds=by_kind(merged["claims"]),
        verdicts=VERDICTS,
        claims=counted(claims),
        checks=[claim for claim in claims if claim["kind"] == "check"],
        environment=merged["environment"],
    )


def entry(claim: dict[str, Any]) -> dict[str, Any]:
    """A claim as pages show it: `judged`, a line for each criterion; `also`, other numbers; `anchor` on its page."""
    judged = {criterion["name"] for criterion in claim["criteria"]} | {"cells"}
    others = {name: value for name, value in claim["measured"].items() if name not in judged}
    return {
        **claim,
        "judged": [in_words_of(criterion) for criterion in claim["criteria"]],
        "also": in_one_line(others),
        "anchor": f"{claim['study']}-{claim['id']}",
    }


def in_words_of(criterion: dict[str, Any]) -> str:
    """A criterion with its interval and limits, e.g. "excess 0.012 [0.01, 0.014], at most 0.05: replicated"."""
    ends = [criterion["low"], criterion["high"]]
    spread = "" if ends == [criterion["value"]] * 2 else f" [{', '.join(_end(end) for end in ends)}]"
    limits = [f"{words} {criterion[name]:.4g}" for name, words in LIMITS.items() if criterion[name] is not None]
    return f"{criterion['says']} {criterion['value']:.4g}{spread}, {' and '.join(limits)}: {criterion['verdict']}"


LIMITS = {"at_least": "at least", "at_most": "at most"}


def _end(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def in_one_line(measured: dict[str, float | int | str | None]) -> str:
    """Named numbers, floats to four digits."""
    return ", ".join(
        f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else 'none' if value is None else value}"
        for name, value in measured.items()
    )
