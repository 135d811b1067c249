"""Write a tier's page, results/TIER/site/index.html, from what is kept of its run, and print where it is.

One file, with figures, their numbers, claims, measured networks and what the explorer needs in it: no network, nothing
beside it. Nothing is trained.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one
os.environ["MPLBACKEND"] = "agg"  # a notebook's shell names one that may not be here: Matplotlib would not load

from benign.pipeline import settings, tables
from benign.pipeline.console import parser, reports_errors
from benign.pipeline.site import page


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    result.add_argument("--results", type=Path, metavar="DIR", help="with claims.json; by default results/TIER")
    result.add_argument("--figures", type=Path, metavar="DIR", help="with the studies'; by default figures/TIER")
    result.add_argument("--output", type=Path, metavar="FILE.html", help="by default site/index.html with the results")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read, make, write."""
    args = arguments().parse_args(argv)
    results = args.results or Path("results", args.tier)
    output = args.output or results / "site" / "index.html"
    tables.write_text(output, page.page(page.read(args.tier, results, args.figures or Path("figures", args.tier))))
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
