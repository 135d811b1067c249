"""The page: what the template is given, from what a tier keeps in results/TIER and figures/TIER."""

from __future__ import annotations

import dataclasses
from importlib.resources import files
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from benign import studies
from benign.claims import KINDS, VERDICTS
from benign.pipeline import tables
from benign.pipeline.console import UserError
from benign.pipeline.pages import claims as claims_page
from benign.pipeline.pages import tiers
from benign.pipeline.pages.readme import subject
from benign.pipeline.pages.templating import render
from benign.pipeline.site import drawings, pictures
from benign.pipeline.site.explorer import explorer_data
from benign.pipeline.site.packed import GZIP, base64_of, data_uri, packed, packed_json
from benign.plots import COLOURS

MOST = 8_000_000  # bytes
FLAGSHIP = "adversarial_training"
EXPLORED = (FLAGSHIP, "certified_brackets")
ASSETS = ("page.css", "explorer.css", "page.js", "theory.js", "trainer.js", "explorer.js")
# Of each colour the light page's and the dark page's. Text on its background has a contrast of 4.5 or more.
PALETTE = {
    "paper": ("#fbfaf7", "#14171b"),
    "card": ("#ffffff", "#1d2127"),
    "ink": ("#1c2024", "#e8e6e1"),
    "muted": ("#5a6068", "#a6adb5"),
    "line": ("#d9d6cf", "#3a4048"),
    "accent": ("#00598c", "#7cc4f2"),
    "on-accent": ("#ffffff", "#10151a"),
    "allowed": ("#cfe8dd", "#1f4a3b"),
    "replicated": ("#00664b", "#5fd0ae"),
    "partly": ("#1b5f8c", "#86c8f2"),
    "undecided": ("#6b5900", "#e3d04a"),
    "not-replicated": ("#9c3d00", "#ff9d63"),
    "not-run": ("#5a6068", "#a6adb5"),
    "c0": (COLOURS["blue"], "#56a9e0"),
    "c1": (COLOURS["vermilion"], "#f0803c"),
    "c2": (COLOURS["green"], "#2fc39b"),
    "c3": ("#a8487f", COLOURS["purple"]),
    "c4": (COLOURS["sky"], COLOURS["sky"]),
    "c5": (COLOURS["orange"], COLOURS["orange"]),
    "c6": (COLOURS["grey"], "#9a9a9a"),
}


@dataclasses.dataclass(frozen=True)
class Sources:
    """What a tier keeps, read.

    captions: of each study's figures, by name; figures: the folder with theirs
    """

    run: tiers.Run
    provenance: dict[str, Any]
    captions: dict[str, dict[str, str]]
    results: Path
    figures: Path


def read(tier: str, results: Path, figures: Path) -> Sources:
    """From results/TIER and figures/TIER; TableError for what is not there."""
    merged = tables.read_json(results / "claims.json")
    if merged["tier"] != tier:
        raise UserError(f"{results / 'claims.json'} has the claims of tier {merged['tier']}, not {tier}")
    provenance = tables.read_json(results / "provenance.json")
    captions = {study: captions_of(figures / study) for study in provenance["studies"]}
    return Sources(tiers.Run(tier, merged["claims"], provenance["studies"]), provenance, captions, results, figures)


def captions_of(folder: Path) -> dict[str, str]:
    """Of the figures in a study's folder, and of its pictures if it has any."""
    pictures_of_it = folder / "pictures.json"
    shown = tables.read_json(pictures_of_it) if pictures_of_it.exists() else {}
    return {**tables.read_json(folder / "captions.json"), **shown}


def page(sources: Sources) -> str:
    """The page's text; UserError if it takes more than MOST bytes."""
    run = sources.run
    text = render(
        "site.html",
        run=run,
        command=tiers.COMMANDS[run.tier],
        verdicts=VERDICTS,
        kinds=KINDS,
        by_kind=tiers.by_kind(run.claims),
        by_study={study: tiers.tally(claims) for study, claims in run.by_study().items()},
        studies=studies_of(sources),
        flagship={claim["id"]: claim for claim in run.by_study().get(FLAGSHIP, [])},
        setting=setting(sources),
        provenance=sources.provenance,
        palette=PALETTE,
        assets={name: asset(name) for name in ASSETS},
        plotly=packed(get_plotlyjs()),
        explorer=packed_json(explorer_data(run.tier, explored(sources))),
    )
    if (taken := len(text.encode())) > MOST:
        raise UserError(f"the page of tier {run.tier} takes {taken:,} bytes, more than {MOST:,}: lower pictures.MOST")
    return text


def studies_of(sources: Sources) -> list[dict[str, Any]]:
    """Of each study its claims, with their drawings, and its figures, each with its picture, numbers and claims."""
    every = [sources.figures / study / name for study, own in sources.captions.items() for name in own]
    shown = pictures.embedded([file.with_suffix(".png") for file in every])
    by_study = sources.run.by_study()
    result = []
    for study, captions in sources.captions.items():
        claims = [claim(each) for each in by_study.get(study, [])]
        figures = [
            {
                "name": name,
                "picture": shown[sources.figures / study / f"{name}.png"],
                "film": film(sources.figures / study / f"{name}.gif"),
                "caption": caption,
                "numbers": data_uri(GZIP, packed((sources.figures / study / f"{name}.csv").read_bytes())),
                "claims": [each for each in claims if each["figure"] == name],
            }
            for name, caption in captions.items()
        ]
        command = f"snakemake --cores 2 {study}{sources.run.options}"
        result.append(
            {"name": study, "subject": subject(study), "command": command, "claims": claims, "figures": figures}
        )
    return result


def film(file: Path) -> str | None:
    """Its address, which holds it; None for a figure that is no film."""
    return data_uri("image/gif", base64_of(file.read_bytes())) if file.exists() else None


def claim(record: dict[str, Any]) -> dict[str, Any]:
    """A claim as the page shows it: each criterion in words and as a drawing."""
    shown = claims_page.entry(record)
    drawn = [drawings.against_limits(criterion) for criterion in record["criteria"]]
    return {**shown, "judged": list(zip(shown["judged"], drawn, strict=True))}


def setting(sources: Sources) -> dict[str, Any] | None:
    """The drawing of the setting, None if the tier's flagship has not been drawn."""
    numbers = sources.figures / FLAGSHIP / "story.csv"
    return drawings.setting(tables.read_frame(numbers)) if FLAGSHIP in sources.captions else None


def explored(sources: Sources) -> dict[str, Any]:
    """The tables that the explorer shows, of the studies that the tier has; kept ones may lack younger columns."""
    return {
        name: studies.find(name).table(tables.read(sources.results / name / "table.csv"))
        for name in EXPLORED
        if name in sources.captions
    }


def asset(name: str) -> str:
    """The text of a script or a style."""
    return (files("benign.pipeline.site") / "assets" / name).read_text(encoding="utf-8")
