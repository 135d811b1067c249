"""Write a tier's RO-Crate: what ran, with what, and every file that came out, each with its SHA-256.

A copy of the workflow's main file goes beside it, for a Workflow Run Crate holds the workflow that was run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign.pipeline import crate, settings, tables
from benign.pipeline.console import parser, reports_errors


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--snakefile", required=True, type=Path, metavar="FILE")
    result.add_argument("--files", required=True, nargs="+", action="extend", type=Path, metavar="FILE")
    result.add_argument("--output", required=True, type=Path, metavar=f"results/TIER/{crate.NAME}")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Copy, hash, write."""
    args = arguments().parse_args(argv)
    copy = args.output.with_name(crate.SNAKEFILE)
    tables.write_bytes(copy, args.snakefile.read_bytes())
    files = {crate.place(path, args.output.parent): crate.facts(path) for path in [*args.files, copy]}
    tables.write_text(args.output, crate.text(args.output.parents[2], args.tier, files))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
