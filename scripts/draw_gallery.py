"""Write a tier's gallery: README.md, each figure with its caption and its claims; claims.{png,pdf,csv}."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one
os.environ["MPLBACKEND"] = "agg"  # a notebook's shell names one that may not be here: Matplotlib would not load

from benign.pipeline import settings, tables
from benign.pipeline.console import parser, reports_errors
from benign.pipeline.pages import gallery
from draw_figures import draw
from merge_claims import claims_of


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--tier", required=True, choices=settings.TIERS)
    for name, file in (
        ("--claims", "results/TIER/STUDY/claims.json"),
        ("--captions", "figures/TIER/STUDY/captions.json"),
    ):
        result.add_argument(name, required=True, nargs="+", action="extend", type=Path, metavar=file)
    result.add_argument("--output", required=True, type=Path, metavar="DIR")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Read, draw, write."""
    args = arguments().parse_args(argv)
    claims = {file.parent.name: claims_of(file, args.tier) for file in args.claims}
    captions: dict[str, dict[str, str]] = {}
    for file in args.captions:
        captions.setdefault(file.parent.name, {}).update(tables.read_json(file))
    draw(gallery.claims_figure(claims), args.output)
    tables.write_text(args.output / "README.md", gallery.page(args.tier, claims, captions))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
