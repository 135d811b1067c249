"""Join the claims of all studies: claims.json for machines, claims.md for people."""

from __future__ import annotations

import argparse
import collections
import sys
from pathlib import Path
from typing import Any

from benign.claims import VERDICTS
from benign.pipeline import provenance, settings, tables
from benign.pipeline.console import UserError, parser, reports_errors


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--claims", required=True, nargs="+", type=Path, metavar="FILE.json")
    result.add_argument(
        "--origins",
        required=True,
        nargs="+",
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
    tables.write_text(args.markdown, page(merged))
    return 0


def claims_of(file: Path, tier: str) -> list[dict[str, Any]]:
    """The claims in one study's file; UserError if it is of another tier."""
    record = tables.read_json(file)
    if record.get("tier") != tier:
        raise UserError(f"{file} is of tier {record.get('tier')!r}, not {tier!r}: delete it and run again")
    return record["claims"]


def page(merged: dict[str, Any]) -> str:
    """The claims as Markdown: counts, one table, then each claim in full."""
    claims = merged["claims"]
    counts = collections.Counter(claim["verdict"] for claim in claims)
    lines = [
        f"# Claims, tier {merged['tier']}",
        "",
        ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS) + ".",
        "",
        "| claim | verdict | statement |",
        "| --- | --- | --- |",
        *(
            f"| [{c['study']}/{c['id']}](#{anchor(c)}) | **{c['verdict']}** | {cell_text(c['statement'])} |"
            for c in claims
        ),
        "",
    ]
    for claim in claims:
        lines += details(claim, merged["tier"])
    lines += ["Computed with " + ", ".join(f"{k} {v}" for k, v in merged["environment"].items()) + ".", ""]
    return "\n".join(lines)


def details(claim: dict[str, Any], tier: str) -> list[str]:
    """One claim in full."""
    figure = f"../../figures/{tier}/{claim['study']}/{claim['figure']}.png"
    return [
        f'## <a id="{anchor(claim)}"></a>{claim["study"]}/{claim["id"]}: {claim["verdict"]}',
        "",
        claim["statement"],
        "",
        f"- source: {claim['source']}",
        f"- expected: {claim['expected']}",
        f"- tolerance: {claim['tolerance']}",
        f"- measured: {measured(claim)}",
        *([f"- figure: [{claim['figure']}]({figure})"] if claim["figure"] else []),
        "",
    ]


def measured(claim: dict[str, Any]) -> str:
    """The measured numbers in one line, floats to four digits."""
    return ", ".join(
        f"{name} = {f'{value:.4g}' if isinstance(value, float) else 'none' if value is None else value}"
        for name, value in claim["measured"].items()
    )


def anchor(claim: dict[str, Any]) -> str:
    """A claim's place on the page."""
    return f"{claim['study']}-{claim['id']}"


def cell_text(text: Any) -> str:
    """Text for a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
