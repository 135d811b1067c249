"""The tiers: how each is run, and what is kept of its run."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benign.claims import KINDS, VERDICTS
from benign.pipeline import settings, tables
from benign.pipeline.console import UserError

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


@dataclasses.dataclass(frozen=True)
class Run:
    """What is kept of a tier's run.

    claims: as in claims.json
    studies: what provenance.json says of each: cells, minutes of one thread, processors, …
    """

    tier: str
    claims: list[dict[str, Any]]
    studies: dict[str, dict[str, Any]]

    @property
    def cells(self) -> int:
        """How many cells were run."""
        return sum(study["cells"] for study in self.studies.values())

    @property
    def minutes(self) -> float:
        """Of one thread."""
        return sum(study["minutes"] for study in self.studies.values())

    @property
    def processors(self) -> str:
        """Those that computed the rows."""
        return " and ".join(sorted({name for study in self.studies.values() for name in study["processors"]}))

    @property
    def options(self) -> str:
        """What follows `snakemake --cores N TARGET` for this tier."""
        return "" if self.tier == "default" else f" --configfile config/{self.tier}.yaml"

    @property
    def verdicts(self) -> str:
        """How many claims have each verdict, in words."""
        return in_words(self.claims)

    def by_study(self) -> dict[str, list[dict[str, Any]]]:
        """Claims by the study that makes them."""
        result: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
        for claim in self.claims:
            result[claim["study"]].append(claim)
        return result


def read(folder: Path) -> Run | None:
    """What results/TIER keeps, None if there are no claims."""
    if not (folder / "claims.json").exists():
        return None
    claims = tables.read_json(folder / "claims.json")["claims"]
    return Run(folder.name, claims, tables.read_json(folder / "provenance.json")["studies"])


def kept(results: Path) -> dict[str, Run]:
    """The kept run of each tier that has one; the smoke tier's results mean nothing and are never kept."""
    runs = {tier: read(results / tier) for tier in settings.TIERS if tier != "smoke"}
    return {tier: run for tier, run in runs.items() if run}


def best(results: Path) -> Run:
    """The kept run of the paper tier, or else of the default tier; UserError if there is neither."""
    runs = kept(results)
    for tier in ("paper", "default"):
        if tier in runs:
            return runs[tier]
    raise UserError(f"{results} has claims of neither the paper nor the default tier: run `make reproduce` first")


def counted(claims: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that totals count: a check can fail only through a fault of ours, and is no result."""
    return [claim for claim in claims if claim["kind"] != "check"]


def tally(claims: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many claims have each verdict, those that none has included; checks are not counted."""
    number = collections.Counter(claim["verdict"] for claim in counted(claims))
    return {verdict: number[verdict] for verdict in VERDICTS}


def by_kind(claims: Iterable[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The tally of each kind but checks."""
    return {kind: tally(c for c in claims if c["kind"] == kind) for kind in KINDS if kind != "check"}


def in_words(claims: Iterable[dict[str, Any]]) -> str:
    """The tally without its zeros and the checks, e.g. "3 replicated, 1 partly; 0 of 2 checks fail"."""
    every = list(claims)
    words = ", ".join(f"{number} {verdict}" for verdict, number in tally(every).items() if number)
    ran = [each for each in every if each["kind"] == "check" and each["verdict"] != "not run"]
    failed = sum(each["verdict"] in ("partly", "not replicated") for each in ran)
    checks = f"{failed} of {len(ran)} checks fail" if ran else ""
    return "; ".join(part for part in (words, checks) if part)
