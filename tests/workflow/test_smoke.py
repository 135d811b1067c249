"""The smoke tier of this checkout, run once: every study's table, figures and claims come out, and fit together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import draw_figures
import draw_pictures
from benign import studies
from benign.claims import Claim
from benign.pipeline import settings, tables
from benign.pipeline.pages import artifact, tiers
from support import figures_of

pytestmark = pytest.mark.slow


def claims(smoke_run: Path) -> dict[str, Any]:
    return json.loads((smoke_run / "results" / "smoke" / "claims.json").read_text())


@pytest.mark.parametrize("study", studies.NAMES)
def test_a_table_has_one_row_for_each_cell_with_the_cell_s_fields_first(study: str, smoke_run: Path) -> None:
    section = settings.section(settings.grid_file(study), study, "smoke")
    cells = {cell.key: cell for cell in studies.find(study).cells(section["grid"])}
    rows = tables.read_rows(smoke_run / "results" / "smoke" / study / "table.csv")
    assert [row["key"] for row in rows] == sorted(cells)
    for row in rows:
        fields = cells[row["key"]].fields()
        assert {name: row[name] for name in fields} == fields
        assert list(row)[: 1 + len(fields)] == ["key", *fields]


@pytest.mark.parametrize("study", studies.NAMES)
def test_each_figure_is_there_with_the_numbers_that_it_draws(study: str, smoke_run: Path) -> None:
    folder = smoke_run / "figures" / "smoke" / study
    declared = studies.find(study)
    names = declared.figures + declared.pictures
    expected = {f"{name}.{kind}" for name in names for kind in ("csv", "pdf", "png")} | {"captions.json"}
    expected |= {f"{name}.gif" for name in declared.films} | ({"pictures.json"} if declared.pictures else set())
    assert {file.name for file in folder.iterdir()} == expected
    captions = tables.read_json(folder / "captions.json")
    for figure in figures_of(study, tables.read(smoke_run / "results" / "smoke" / study / "table.csv")):
        assert len(tables.read_frame(folder / f"{figure.name}.csv")) == len(figure.numbers) > 0
        assert captions[figure.name] == figure.caption


@pytest.mark.parametrize("study", studies.NAMES)
def test_figures_are_the_same_bytes_when_drawn_again(study: str, smoke_run: Path, tmp_path: Path) -> None:
    table = smoke_run / "results" / "smoke" / study / "table.csv"
    options = ["--study", study, "--table", str(table), "--output", str(tmp_path)]
    assert draw_figures.main(options) == 0
    if studies.find(study).pictures:
        images = [f"--images=mnist={next(smoke_run.glob('resources/mnist/*.safetensors'))}"]
        assert draw_pictures.main([*options, *images]) == 0
    for file in sorted((smoke_run / "figures" / "smoke" / study).iterdir()):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


def test_every_claim_is_whole_and_its_figure_is_drawn(smoke_run: Path) -> None:
    record = claims(smoke_run)
    assert record["tier"] == "smoke"
    assert {claim["study"] for claim in record["claims"]} == set(studies.NAMES)
    for claim in record["claims"]:
        Claim(**claim)
        if claim["figure"] and claim["verdict"] != "not run":
            assert (smoke_run / "figures" / "smoke" / claim["study"] / f"{claim['figure']}.png").exists()
    names = [(claim["study"], claim["id"]) for claim in record["claims"]]
    assert len(set(names)) == len(names)


def test_the_claims_page_shows_every_claim(smoke_run: Path) -> None:
    page = (smoke_run / "results" / "smoke" / "claims.md").read_text()
    for claim in claims(smoke_run)["claims"]:
        assert f"{claim['study']}/{claim['id']}: {claim['verdict']}" in page


def test_provenance_names_what_is_there_and_not_whose_machine_it_was(smoke_run: Path) -> None:
    import platform

    path = smoke_run / "results" / "smoke" / "provenance.json"
    record = json.loads(path.read_text())
    for name, figure in record["figures"].items():
        study, stem = name.split("/")
        assert figure["png"] == tables.digest(smoke_run / "figures" / "smoke" / study / f"{stem}.png")
        assert figure["table"] == tables.digest(smoke_run / "results" / "smoke" / study / "table.csv")
    assert set(record["studies"]) == set(studies.NAMES)
    assert record["config"]["tier"] == "smoke"
    assert platform.node() not in path.read_text()


def test_the_artifact_page_has_a_line_for_every_study(smoke_run: Path) -> None:
    run = tiers.read(smoke_run / "results" / "smoke")
    assert run is not None
    page = artifact.page(run, smoke_run / "results")
    assert all(f"\n| `{study}` | " in page for study in studies.NAMES)
    assert "\nsnakemake --cores 2 adversarial_training --configfile config/smoke.yaml\n" in page
