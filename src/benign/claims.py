"""Claims: statements that a reader can disagree with, and the verdict that the measurements give."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

Verdict = Literal["replicated", "partly", "not replicated", "not run"]
VERDICTS: tuple[str, ...] = get_args(Verdict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """One checked statement.

    id: unique within its study, e.g. "interpolation"
    study: the study's name
    statement: one sentence a reader can disagree with; a claim about a regime names the regime
    source: theorem, figure or "beyond the paper", with its tag, e.g. "Thm 3.1 [abstract, digest]"
    measured: named numbers; always has "cells", how many cells the verdict rests on
    expected: what the measured numbers are compared with
    tolerance: how far off counts as agreeing, and where that width comes from
    verdict: what was measured says; "not run" if there is no cell in the regime
    figure: the figure that shows it, "" if none
    """

    id: str
    study: str
    statement: str
    source: str
    measured: dict[str, float | int | str | None]
    expected: str
    tolerance: str
    verdict: Verdict
    figure: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"claim {self.id!r}: verdict {self.verdict!r} is not one of {', '.join(VERDICTS)}")
        if "cells" not in self.measured:
            raise ValueError(f"claim {self.id!r}: measured needs 'cells', how many cells the verdict rests on")
        if self.measured["cells"] == 0 and self.verdict != "not run":
            raise ValueError(f"claim {self.id!r}: no cells, so the verdict can only be 'not run'")

    def record(self) -> dict[str, Any]:
        """As it stands in claims.json."""
        return dataclasses.asdict(self)


def judge(holds: bool, partly: bool = False) -> Verdict:
    """The verdict of a claim whose cells were run: `holds` in full, else `partly`, else not replicated."""
    if holds:
        return "replicated"
    return "partly" if partly else "not replicated"
