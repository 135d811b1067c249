"""Join the claims of all studies: claims.json for machines, claims.md for people."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign.pipeline import provenance, settings, tables
from benign.pipeline.console import UserError, parser, reports_errors
from benign.pipeline.pages import claims as claims_page


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--claims", required=True, nargs="+", action="extend", type=Path, metavar="FILE.json")
    result.add_argument(
        "--origins",
        required=True,
        nargs="+",
        action="extend",
        type=Path,
        metavar="FILE.json",
        help="what computed the rows, each study's",
    )
    result.add_argument("--json", required=True, type=Path, metavar="FILE.json")
    result.add_argument("--markdown", required=True, type=Path, metavar="FILE.md")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read, join, write."""
    args = arguments().parse_args(argv)
    environment = provenance.environment_of(each for file in args.origins for each in tables.read_json(file))
    claims = [claim for file in args.claims for claim in claims_of(file, args.tier)]
    merged = {"tier": args.tier, "claims": claims, "environment": environment}
    tables.write_json(args.json, merged)
    tables.write_text(args.markdown, claims_page.page(merged))
    return 0


def claims_of(file: Path, tier: str) -> list[dict[str, Any]]:
    """The claims in one study's file; UserError if it is of another tier."""
    record = tables.read_json(file)
    if record.get("tier") != tier:
        raise UserError(f"{file} is of tier {record.get('tier')!r}, not {tier!r}: delete it and run again")
    return record["claims"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
