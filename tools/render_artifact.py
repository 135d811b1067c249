"""Write docs/ARTIFACT.md, and what is between the markers of README.md and docs/performance.md, from the kept results.

Verdicts, measured numbers and minutes are taken from results/ alone, so that no page can disagree with them. Claims are
those of the paper tier, or of the default tier until the paper tier has been run.
"""

from __future__ import annotations

import argparse
import collections
import importlib
import re
import sys
from pathlib import Path
from typing import Any

import performance
from benign.claims import VERDICTS
from benign.pipeline import settings, tables
from benign.pipeline.console import UserError, parser, reports_errors
from merge_claims import anchor, measured
from performance import table

COMMANDS = {
    "smoke": "make smoke",
    "default": "make reproduce",
    "paper": "make paper",
    "gpu": "snakemake --cores 2 --configfile config/gpu.yaml --workflow-profile workflow/profiles/default",
}
PURPOSES = {
    "smoke": "toy sizes: every rule works; says nothing about the science",
    "default": "every study with few seeds; no network",
    "paper": "the papers' sizes, more seeds, whole grids, all of MNIST, CIFAR-10",
    "gpu": "what only pays on a GPU",
}
MARKED = re.compile(r"(<!-- made by `make artifact`: (\w+) -->\n)(.*?)(<!-- end of \2 -->)", re.DOTALL)

PLAN = """\
# Artifact: every claim, and how to check it

Made by `make artifact` from `results/`; not written by hand.

Tier {tier}: {verdicts}. [results/{tier}/claims.md](../results/{tier}/claims.md) has each claim in full. *Partly* and
*not replicated* are results, not faults of a run: an evaluation should find the verdicts again that stand here.

## What to run

Needed: Linux, Python 3.11 or newer, make, git, 7 GB of disk, and a network: once for Python's packages, and in the
paper tier for MNIST and CIFAR-10. No GPU. Commands are for the top folder of a Git checkout. Every `make` sets up
`.venv` by itself; the first one downloads PyTorch, which the minutes below do not count.

### In 5 minutes: do the kept numbers carry the claims?

```bash
make smoke
.venv/bin/python -m pytest tests/workflow/test_committed_results.py tests/workflow/test_docs.py
```

`make smoke` runs every rule of the pipeline on toy sizes; its verdicts mean nothing. The tests judge every claim again
from the kept tables, compare tables, drawn numbers, images and code with the hashes in `provenance.json`, run the
example of README.md, and make this page again. Expect: all pass.

### In 30 minutes: compute again, at the default tier

```bash
make reproduce
git diff --stat results/default
```

{default}

### At the paper's sizes: about an hour a study at most

```bash
make paper                   # without network: make paper MNIST_ROOT=FOLDER CIFAR10_ROOT=FOLDER (README.md, Data)
git diff --stat results/paper
```

One study alone takes the command that stands above its claims. MNIST has to be all of MNIST; CIFAR-10's kept numbers
are of a copy with fewer images (README.md, Data).

{paper}

## Claims, tier {tier}

Minutes are one thread's, for all cells of the study together, on {processors}.

"""
EXPECTED = """\
{cells:,} cells took {minutes:.0f} minutes of one thread on {processors}, which is {half:.0f} minutes on two
cores. Expect {verdicts}. On the same kind of processor, with the same libraries, each `table.csv` comes out the same to
the last bit; what differs is `provenance.json` (commit, minutes, processors), and the versions at the end of the
claims. Elsewhere roundings differ, and with them the last digits of what is measured; verdicts should not."""


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
    """Find the best tier there is, read it, write the three pages."""
    args = arguments().parse_args(argv)
    folder = best(args.results)
    pages = {
        args.output: render(folder),
        args.readme: fill(args.readme.read_text(encoding="utf-8"), folder),
        args.performance: fill_performance(args.performance.read_text(encoding="utf-8"), args.results),
    }
    for path, text in pages.items():
        tables.write_text(path, text)
    return 0


def best(results: Path) -> Path:
    """The folder of the paper tier, or else of the default tier; UserError if neither has claims."""
    for tier in ("paper", "default"):
        if (results / tier / "claims.json").exists():
            return results / tier
    raise UserError(f"{results} has claims of neither the paper nor the default tier: run `make reproduce` first")


def render(folder: Path) -> str:
    """The artifact page, with the claims of one tier's results; the tiers beside it say what to expect of a run."""
    tier, record = folder.name, provenance(folder)
    plan = PLAN.format(
        tier=tier,
        verdicts=counts(claims(folder)),
        processors=processors(record),
        default=expected(folder.parent / "default"),
        paper=expected(folder.parent / "paper"),
    )
    parts = (study_part(study, members, tier, record) for study, members in by_study(claims(folder)).items())
    return plan + "\n".join(parts)


def study_part(study: str, members: list[dict[str, Any]], tier: str, record: dict[str, Any]) -> str:
    """The artifact page's section on one study."""
    options = "" if tier == "default" else f" --configfile config/{tier}.yaml"
    head = (
        f"### {study}\n\n{counts(members)}. This study alone, in an activated `.venv`:\n\n"
        f"```bash\nsnakemake --cores 2 results/{tier}/{study}/claims.json{options}\n```\n\n"
    )
    rows = (
        [
            f"**{study}/{claim['id']}**: {claim['statement']}",
            f"`{COMMANDS[tier]}`",
            claim["expected"],
            claim["tolerance"],
            measured(claim),
            f"[{claim['verdict']}](../results/{tier}/claims.md#{anchor(claim)})",
            f"{record['studies'][study]['minutes']:.1f}",
        ]
        for claim in members
    )
    return head + table(["claim", "command", "expected", "tolerance", "measured", "verdict", "minutes"], rows)


def expected(folder: Path) -> str:
    """What an evaluator sees who runs a tier, going by the run that is kept."""
    if not (folder / "claims.json").exists():
        return "No run of this tier is kept yet."
    record = provenance(folder)
    minutes = sum(study["minutes"] for study in record["studies"].values())
    return EXPECTED.format(
        cells=sum(study["cells"] for study in record["studies"].values()),
        minutes=minutes,
        half=minutes / 2,
        processors=processors(record),
        verdicts=counts(claims(folder)),
    )


def processors(record: dict[str, Any]) -> str:
    """The processors that computed a run's rows."""
    return " and ".join(sorted({name for study in record["studies"].values() for name in study["processors"]}))


def fill(text: str, folder: Path) -> str:
    """README.md's text with what stands between its markers made anew."""
    measured_speed = performance.parts(measurements(folder.parent, "bench"))
    parts = {
        "claims": claims_part(folder),
        "tiers": tiers_part(folder.parent),
        "speed": f"{measured_speed['targets']}\n{measured_speed['peers']}",
        "gpu": performance.gpu_in_short(measurements(folder.parent, "gpu_check")),
    }
    return between_markers(text, parts, "README.md")


def fill_performance(text: str, results: Path) -> str:
    """docs/performance.md's text with its tables made anew."""
    parts = performance.parts(measurements(results, "bench")) | {
        "gpu": performance.gpu(measurements(results, "gpu_check"))
    }
    return between_markers(text, parts, "performance.md")


def measurements(results: Path, name: str) -> dict[str, Any] | None:
    """What `make bench` or `make gpu-check` wrote, None if it never ran."""
    file = results / f"{name}.json"
    return tables.read_json(file) if file.exists() else None


def between_markers(text: str, parts: dict[str, str], page: str) -> str:
    """The text with each part between the markers of its name; UserError unless it has just these markers."""
    found = [match[2] for match in MARKED.finditer(text)]
    if sorted(found) != sorted(parts):
        raise UserError(
            f"{page} marks {', '.join(found) or 'nothing'} to be made, not {', '.join(parts)}: "
            "each needs one <!-- made by `make artifact`: NAME --> and one <!-- end of NAME -->, on lines of their own"
        )
    return MARKED.sub(lambda match: f"{match[1]}\n{parts[match[2]]}\n{match[4]}", text)


def claims_part(folder: Path) -> str:
    """README.md's overview: what came out of each study, and each claim that was not replicated, with its numbers."""
    found = claims(folder)
    page = f"results/{folder.name}/claims.md"
    overview = (
        [f"`{study}`", subject(study), *(str(number[verdict] or "") for verdict in VERDICTS)]
        for study, members in by_study(found).items()
        for number in [collections.Counter(claim["verdict"] for claim in members)]
    )
    others = (
        [
            f"[{claim['verdict']}]({page}#{anchor(claim)})",
            f"`{claim['study']}`: {claim['statement']}",
            claim["source"],
            measured(claim),
        ]
        for claim in found
        if claim["verdict"] != "replicated"
    )
    return (
        f"Tier {folder.name}: {counts(found)}. [All of them, with sources, tolerances and numbers]({page}).\n\n"
        + table(["study", "of", *VERDICTS], overview)
        + "\nEvery claim that was not replicated in full:\n\n"
        + table(["verdict", "claim", "source", "measured"], others)
    )


def subject(study: str) -> str:
    """What a study replicates: the first paragraph of its package's docstring."""
    return " ".join((importlib.import_module(f"benign.studies.{study}").__doc__ or "").split("\n\n")[0].split())


def tiers_part(results: Path) -> str:
    """A line for each tier: how to run it, and what the kept run did and took."""
    rows = []
    for tier in settings.TIERS:
        ran = ["", "", "no results are kept" if tier == "smoke" else "not run"]
        if tier != "smoke" and (results / tier / "claims.json").exists():
            studies = provenance(results / tier)["studies"].values()
            ran = [
                f"{sum(study['cells'] for study in studies):,}",
                f"{sum(study['minutes'] for study in studies):.1f}",
                counts(claims(results / tier)),
            ]
        rows.append([tier, f"`{COMMANDS[tier]}`", PURPOSES[tier], *ran])
    return table(["tier", "command", "what", "cells", "minutes of one thread", "claims"], rows)


def claims(folder: Path) -> list[dict[str, Any]]:
    """A tier's claims."""
    return tables.read_json(folder / "claims.json")["claims"]


def by_study(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Claims by the study that makes them."""
    result: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for claim in found:
        result[claim["study"]].append(claim)
    return result


def provenance(folder: Path) -> dict[str, Any]:
    """A tier's provenance."""
    return tables.read_json(folder / "provenance.json")


def counts(found: list[dict[str, Any]]) -> str:
    """How many claims have each verdict, in words."""
    number = collections.Counter(claim["verdict"] for claim in found)
    return ", ".join(f"{number[verdict]} {verdict}" for verdict in VERDICTS if number[verdict])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
