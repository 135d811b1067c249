"""Write docs/ARTIFACT.md: each claim, the command that checks it, what is expected, what was measured, the minutes.

It is made from the claims of the paper tier, or of the default tier until the paper tier has been run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benign import tables
from console import UserError, parser, reports_errors
from merge_claims import cell_text, measured

COMMANDS = {"smoke": "make smoke", "default": "make reproduce", "paper": "make paper"}


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--results", type=Path, default=Path("results"), metavar="DIR")
    result.add_argument("--output", type=Path, default=Path("docs/ARTIFACT.md"), metavar="FILE.md")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Find the best tier there is, read it, write the page."""
    args = arguments().parse_args(argv)
    for tier in ("paper", "default"):
        if (args.results / tier / "claims.json").exists():
            tables.write_text(args.output, render(args.results / tier))
            return 0
    raise UserError(f"{args.results} has claims of neither the paper nor the default tier: run `make reproduce` first")


def render(folder: Path) -> str:
    """The page for one tier's results."""
    merged, record = tables.read_json(folder / "claims.json"), tables.read_json(folder / "provenance.json")
    tier, machine = merged["tier"], record["machine"]
    lines = [
        "# Artifact: every claim, and how to check it",
        "",
        f"Made by `python scripts/render_artifact.py` from `results/{tier}/`; not written by hand. Minutes are one CPU "
        f"thread's, for all of a study's cells, on {machine['cpu']} ({machine['cores']} cores).",
        "",
        f"`{COMMANDS[tier]}` checks all of them; the commands below check one study each.",
        "",
        "| claim | command | expected | tolerance | measured | verdict | minutes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for claim in merged["claims"]:
        lines.append("| " + " | ".join(cell_text(value) for value in entry(claim, tier, record)) + " |")
    return "\n".join([*lines, ""])


def entry(claim: dict[str, Any], tier: str, record: dict[str, Any]) -> list[str]:
    """One claim's line."""
    study = claim["study"]
    options = "" if tier == "default" else f" --configfile config/{tier}.yaml"
    return [
        f"**{study}/{claim['id']}**: {claim['statement']}",
        f"`snakemake --cores 2 results/{tier}/{study}/claims.json{options}`",
        claim["expected"],
        claim["tolerance"],
        measured(claim),
        claim["verdict"],
        f"{record['studies'][study]['minutes']:.1f}",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
