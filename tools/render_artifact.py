"""Write docs/ARTIFACT.md, and what is between the markers of README.md and docs/performance.md, from the kept results.

Verdicts, measured numbers and minutes are taken from results/ alone, so that no page can disagree with them. Claims are
those of the paper tier, or of the default tier until the paper tier has been run. results/verdicts.json is written too,
the verdicts of each kept tier's claims: with these a run compares its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign.pipeline import settings, tables
from benign.pipeline.console import parser, reports_errors
from benign.pipeline.pages import artifact, performance, readme, tiers


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--results", type=Path, default=settings.ROOT / "results", metavar="DIR")
    result.add_argument("--output", type=Path, default=settings.ROOT / "docs" / "ARTIFACT.md", metavar="FILE.md")
    result.add_argument("--readme", type=Path, default=settings.ROOT / "README.md", metavar="FILE.md")
    result.add_argument(
        "--performance", type=Path, default=settings.ROOT / "docs" / "performance.md", metavar="FILE.md"
    )
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Make all three pages, then write them; then the verdicts of all tiers."""
    args = arguments().parse_args(argv)
    run = tiers.best(args.results)
    pages = {
        args.output: artifact.page(run, args.results),
        args.readme: readme.fill(args.readme.read_text(encoding="utf-8"), run, args.results),
        args.performance: performance.fill(args.performance.read_text(encoding="utf-8"), args.results),
    }
    for path, text in pages.items():
        tables.write_text(path, text)
    tables.write_json(args.results / settings.VERDICTS.name, tiers.verdicts(args.results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
