"""Write docs/ARTIFACT.md, and what is between the markers of README.md and of pages in docs/, from the kept results.

Verdicts, measured numbers and minutes are taken from results/ alone, so that no page can disagree with them. Claims are
those of the paper tier, or of the default tier until the paper tier has been run. results/expected/TIER.tar.xz is
written too, for each kept tier of which it has another run: with it `make verify` compares.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign.pipeline import expected, settings, tables
from benign.pipeline.console import parser, reports_errors
from benign.pipeline.pages import artifact, marked, performance, readme, running, story, tiers


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--results", type=Path, default=settings.ROOT / "results", metavar="DIR")
    result.add_argument(
        "--pages", type=Path, default=settings.ROOT, metavar="DIR", help="the folder with README.md and docs/"
    )
    return result


def pages(results: Path, folder: Path) -> dict[Path, str]:
    """Each page to its text, made anew from `results`; UserError where a page lacks its markers."""
    run = tiers.best(results)
    parts = {
        "README.md": readme.parts(run, results),
        "docs/running.md": running.parts(results),
        "docs/story.md": {"crosswalk": story.crosswalk(run)},
        "docs/performance.md": performance.made(results),
    }
    made = {folder / name: marked.fill(folder / name, part) for name, part in parts.items()}
    return made | {folder / "docs" / "ARTIFACT.md": artifact.page(run, results)}


@reports_errors
def main(argv: list[str]) -> int:
    """Make all pages, then write them; then what is expected of each tier."""
    args = arguments().parse_args(argv)
    for path, text in pages(args.results, args.pages).items():
        tables.write_text(path, text)
    for tier in tiers.kept(args.results):
        expected.renew(args.results.parent, tier, args.results / "expected" / settings.expected_file(tier).name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
