"""Judge a study's claims from its table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import studies
from benign.claims import Claim
from benign.pipeline import settings, tables
from benign.pipeline.console import parser, reports_errors


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--study", required=True, choices=studies.NAMES)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--table", required=True, type=Path, metavar="FILE.csv")
    result.add_argument("--output", required=True, type=Path, metavar="FILE.json")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read the table, judge, write."""
    args = arguments().parse_args(argv)
    study = studies.find(args.study)
    claims = study.part("claims", "claims")(study.table(tables.read(args.table)))
    consistent(args.study, claims, study.figures)
    record = {"tier": args.tier, "study": args.study, "claims": [claim.record() for claim in claims]}
    tables.write_json(args.output, record)
    return 0


def consistent(study: str, claims: Sequence[Claim], figures: Sequence[str]) -> None:
    """Raise ValueError, for the study's author, if an id repeats or a claim names a wrong study or no drawn figure."""
    ids = [claim.id for claim in claims]
    for claim in claims:
        if claim.study != study or ids.count(claim.id) > 1:
            raise ValueError(f"claim {claim.id!r} of study {claim.study!r}: ids are unique and the study is {study!r}")
        if claim.figure and claim.verdict != "not run" and claim.figure not in figures:
            raise ValueError(f"claim {claim.id!r}: figure {claim.figure!r} is not drawn: {', '.join(figures)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
