"""Say whether a finished run gave what the committed one did, and whether its files are as they were written.

Compared with results/expected/TIER.tar.xz: verdicts; estimates, which lie within their intervals; tables, within the
tolerances of the regression suite; the numbers that figures draw; images. Then every file is held against the tier's
RO-Crate, which has its SHA-256. What is the same is said in a line each, what is not in a table. Needs no Git.
Exit status: 0 if all is as expected, 1 if something is not, 2 if there is nothing to compare (the reason on stderr).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign.pipeline import expected, settings
from benign.pipeline.console import parser, reports_errors


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", choices=settings.TIERS, default="default")
    result.add_argument(
        "--folder", type=Path, default=Path(), metavar="DIR", help="with results/ and figures/; by default here"
    )
    result.add_argument("--expected", type=Path, metavar="FILE.tar.xz", help="the archive, if not the project's own")
    result.add_argument("--most", type=int, metavar="N", help="show no more than so many differences")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Compare, say."""
    args = arguments().parse_args(argv)
    found = expected.verified(args.folder, args.tier, args.expected or settings.expected_file(args.tier))
    print("\n".join(expected.report(args.tier, found, args.most)))
    return int(any(part.differences for part in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
