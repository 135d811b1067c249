"""`make verify`: a finished run beside the committed one, and every file beside the run's RO-Crate. No Git is asked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rocrate.rocrate import ROCrate

import draw_figures
import draw_gallery
import judge_claims
import merge_claims
import record_provenance
import verify
import write_crate
from benign.pipeline import comparison, crate, expected, provenance, settings, tables
from support import ROOT

STUDY, TIER = "robust_overfitting", "smoke"
REFERENCE = ROOT / "tests" / "regression" / "reference" / f"{STUDY}.csv"
CONFIG = {"tier": TIER, "studies": [STUDY], "device": "cpu", "data": {"mnist": "sample", "cifar10": "none"}}


def finish(folder: Path) -> None:
    """All that follows from a table that lies in the folder of a run, made by the scripts that the workflow calls."""
    results, figures = folder / "results" / TIER, folder / "figures" / TIER
    table, claims, images = results / STUDY / "table.csv", results / STUDY / "claims.json", folder / "mnist.safetensors"
    origins, captions = results / STUDY / "slices" / "origins.json", figures / STUDY / "captions.json"
    images.write_bytes(b"digits")
    cells = len(tables.read_rows(table))
    tables.write_json(origins, [{**provenance.origin(STUDY, "cpu", 1), "cells": cells, "seconds": 1.0}])
    tier, by_study = ["--tier", TIER], ["--study", STUDY, "--table", str(table)]
    assert draw_figures.main([*by_study, "--output", str(captions.parent)]) == 0
    assert judge_claims.main([*by_study, *tier, "--output", str(claims)]) == 0
    pages = ["--json", str(results / "claims.json"), "--markdown", str(results / "claims.md")]
    assert merge_claims.main([*tier, "--claims", str(claims), "--origins", str(origins), *pages]) == 0
    gallery = ["--claims", str(claims), "--captions", str(captions), "--output", str(figures)]
    assert draw_gallery.main([*tier, *gallery]) == 0
    record = ["--tables", str(table), "--origins", str(origins), "--grids", str(settings.grid_file(STUDY))]
    record += ["--figures", *map(str, sorted((figures / STUDY).glob("*.png"))), "--config", json.dumps(CONFIG)]
    record += ["--images", f"mnist={images}", "--citation", str(ROOT / "CITATION.cff")]
    assert record_provenance.main([*tier, *record, "--output", str(results / crate.RECORD)]) == 0
    seal(folder)


def seal(folder: Path) -> None:
    """Write the run's RO-Crate anew, as though its files had been made as they are."""
    snakefile = ["--snakefile", str(ROOT / "workflow" / "Snakefile")]
    files = [str(path) for path in crate.files_of(folder, TIER) if path.name != crate.SNAKEFILE]
    output = str(folder / "results" / TIER / crate.NAME)
    assert write_crate.main(["--tier", TIER, *snakefile, "--files", *files, "--output", output]) == 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of one study, and what is expected of it. Do not change it: copy it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "results" / TIER / STUDY).mkdir(parents=True)
    shutil.copy2(REFERENCE, folder / "results" / TIER / STUDY / "table.csv")
    finish(folder)
    expected.renew(folder, TIER, folder / "expected.tar.xz")
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def said(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """(exit status, words) of the command."""
    archive = ["--expected", str(folder / "expected.tar.xz")]
    status = verify.main(["--tier", TIER, "--folder", str(folder), *archive, *options])
    caught = capsys.readouterr()
    return status, caught.out + caught.err


def part_of(folder: Path, name: str) -> comparison.Part:
    """How one part compares."""
    return next(part for part in expected.verified(folder, TIER, folder / "expected.tar.xz") if part.name == name)


def rows_changed(folder: Path, change: Callable[[int, dict[str, Any]], dict[str, Any]]) -> None:
    """Change the rows of the table, and nothing that follows from it."""
    table = folder / "results" / TIER / STUDY / "table.csv"
    names = [*comparison.studies.find(STUDY).columns()]
    tables.write(table, [change(number, row) for number, row in enumerate(tables.read_rows(table))], names)


# ---------------------------------------------------------------- a run beside the expected one


def test_the_same_run_is_the_same_in_every_part(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, words = said(run, capsys)
    assert status == 0, words
    parts = ("verdicts", "estimates", "tables", "drawn numbers", "images", "files as recorded")
    assert [line.split(": ")[1] for line in words.splitlines()] == list(parts)
    assert all(": all " in line and line.endswith(" the same") for line in words.splitlines())


def test_another_verdict_is_shown_with_the_expected_one(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "results" / TIER / "claims.json"
    content = tables.read_json(path)
    claim = content["claims"][0]
    before, claim["verdict"] = claim["verdict"], "not replicated" if claim["verdict"] != "not replicated" else "partly"
    tables.write_json(path, content)
    seal(run)
    status, words = said(run, capsys)
    assert status == 1
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in words.splitlines() if line.startswith("|")]
    assert cells[0] == ["part", "where", "expected", "found"]
    assert cells[2:] == [["verdicts", f"{STUDY}/{claim['id']}", before, claim["verdict"]]]


@pytest.mark.parametrize(
    ("value", "low", "high", "inside"),
    [
        (0.5, 0.4, 0.6, True), (0.39, 0.4, 0.6, False), (0.61, 0.4, 0.6, False), (0.6001, 0.4, 0.6, True),
        (7.0, 0.4, None, True), (0.3, 0.4, None, False), (None, 0.4, 0.6, False), (0.5, 0.5, 0.5, True),
    ],
)  # fmt: skip
def test_an_estimate_lies_in_its_interval_or_not(value: float, low: float, high: float, inside: bool) -> None:
    """Ends are rounded to four digits, and one that is None is infinite."""
    assert comparison.within(value, {"value": 0.5, "low": low, "high": high}) is inside


def test_a_claim_and_an_estimate_that_are_gone_are_found(run: Path) -> None:
    path = run / "results" / TIER / "claims.json"
    content = tables.read_json(path)
    gone = next(claim for claim in content["claims"] if claim["criteria"])
    content["claims"].remove(gone)
    tables.write_json(path, content)
    assert [each.found for each in part_of(run, "verdicts").differences] == ["no claim"]
    assert {each.found for each in part_of(run, "estimates").differences} == {"no estimate"}


def test_roundings_of_another_processor_are_within_tolerance_in_all_that_follows(run: Path) -> None:
    rows_changed(run, lambda _, row: row | {"robust_test_error": row["robust_test_error"] * (1 + 1e-9)})
    finish(run)
    found = {part.name: part for part in expected.verified(run, TIER, run / "expected.tar.xz")}
    assert [part.differences for part in found.values()] == [[]] * len(found)
    assert found["tables"].near == 1
    assert found["drawn numbers"].near
    assert found["images"].near == 0, "a rounding moves no pixel"


def test_a_column_that_moves_is_found_in_the_table(run: Path) -> None:
    rows_changed(run, lambda _, row: row | {"robust_test_error": row["robust_test_error"] + 0.02})
    assert "robust_test_error moved by more than" in part_of(run, "tables").differences[0].found


@pytest.mark.parametrize(("share", "differs"), [(10, False), (5, True)])
def test_one_row_in_ten_may_be_a_stranger_and_one_in_five_not(share: int, differs: bool, run: Path) -> None:
    """On another processor a training near its limit of stability ends elsewhere."""
    count = len(tables.read_rows(REFERENCE))

    def strange(number: int, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"clean_test_error": 0.99} if number < count // share else row

    rows_changed(run, strange)
    part = part_of(run, "tables")
    assert bool(part.differences) is differs
    assert bool(part.notes) is not differs, "strangers that may be are told"


def test_numbers_that_the_same_table_does_not_draw_are_found(run: Path) -> None:
    name = next((run / "figures" / TIER / STUDY).glob("*.csv"))
    frame = tables.read_frame(name)
    tables.write_frame(name, frame.assign(mean=frame["mean"] + 1e-6))
    seal(run)
    (difference,) = part_of(run, "drawn numbers").differences
    assert difference.where == f"{STUDY}/{name.name}"


def test_of_moved_tables_points_may_move_within_their_intervals_and_labels_may_not() -> None:
    frame = tables.read_frame(ROOT / "tests/regression/reference/adversarial_training/budget.csv")
    drawn = frame["kind"].eq("measured") & frame["high"].gt(frame["low"])
    inside = frame.assign(mean=frame["mean"].where(~drawn, (frame["low"] + 3 * frame["high"]) / 4))
    assert comparison.differences(frame, inside)
    assert comparison.strayed(frame, inside) == []
    beyond = frame.assign(mean=frame["mean"].where(~drawn, 2 * frame["high"] - frame["low"] + 1))
    assert "points of kind measured lie elsewhere" in comparison.strayed(frame, beyond)[0]
    assert comparison.strayed(frame, frame.assign(series="another")) == ["other things are drawn"]


def picture(folder: Path) -> Path:
    return min((folder / "figures" / TIER / STUDY).glob("*.png"))


def test_a_picture_with_other_bytes_is_held_against_what_its_numbers_draw(run: Path) -> None:
    image = picture(run)
    Image.open(image).save(image, compress_level=0)
    assert part_of(run, "images").near == 1, "the same pixels"
    Image.open(image).convert("L").save(image)
    (difference,) = part_of(run, "images").differences
    assert (difference.where, difference.found) == (f"{STUDY}/{image.stem}", "does not show its numbers")


def test_a_picture_that_other_code_drew_is_found(run: Path) -> None:
    image, record = picture(run), run / "results" / TIER / crate.RECORD
    Image.open(image).save(image, compress_level=0)
    content = tables.read_json(record)
    content["figures"][f"{STUDY}/{image.stem}"]["sources"] = "0" * 64
    tables.write_json(record, content)
    assert [each.found for each in part_of(run, "images").differences] == ["was drawn by other code"]


def test_a_study_that_is_expected_and_did_not_run_is_found(run: Path) -> None:
    record = run / "results" / TIER / crate.RECORD
    tables.write_json(record, tables.read_json(record) | {"studies": {}, "figures": {}})
    assert [each.found for each in part_of(run, "tables").differences] == ["no study"]


def test_a_long_table_can_be_cut_short() -> None:
    part = comparison.Part("verdicts", same=24)
    for number in range(25):
        part.differs(f"a/{number}", "replicated", "[partly]")
    lines = expected.report(TIER, [part, comparison.Part("files as recorded", same=2)], most=20)
    assert lines[0] == f"{TIER}: verdicts: 24 the same, 25 NOT"
    assert sum("| a/" in line and "[partly]" in line for line in lines) == 20
    assert lines[-1] == "and 5 more: `make verify` shows all"


def test_a_table_that_differs_in_two_places_is_one_table() -> None:
    part = comparison.Part("tables", same=11)
    for cell in "ab":
        part.differs("flagship/table.csv", "", f"cell {cell} is new")
    assert str(part) == "tables: 11 the same, 1 NOT, in 2 places"


# ---------------------------------------------------------------- what is there to compare


def test_of_a_tier_of_which_nothing_is_expected_the_files_are_looked_at(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "expected.tar.xz").unlink()
    status, words = said(run, capsys)
    assert status == 0
    assert "nothing is expected of this tier" in words
    picture(run).write_bytes(b"")
    assert said(run, capsys)[0] == 1


def test_a_run_that_is_not_there_and_an_archive_that_is_damaged_are_errors_that_say_what_to_do(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = run / "expected.tar.xz"
    archive.write_bytes(archive.read_bytes()[:2000])
    status, words = said(run, capsys)
    assert status == 2
    assert "cannot be opened" in words
    assert "take it from the project again" in words
    shutil.rmtree(run / "figures")
    assert "run the tier first (`make smoke`)" in said(run, capsys)[1]


def test_an_archive_is_written_again_for_another_run_alone_and_never_from_half_of_one(run: Path) -> None:
    archive = run / "expected.tar.xz"
    before = archive.stat().st_mtime_ns
    expected.renew(run, TIER, archive)
    assert archive.stat().st_mtime_ns == before
    rows_changed(run, lambda _, row: row | {"robust_test_error": 0.25})
    assert expected.stale(run, TIER, archive)
    next((run / "figures" / TIER / STUDY).glob("*.csv")).unlink()
    with pytest.raises(expected.UserError, match="run the tier first"):
        expected.renew(run, TIER, archive)


# ---------------------------------------------------------------- every byte


def test_a_changed_byte_in_any_file_is_found_and_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sealed = run / "results" / TIER / crate.NAME
    for path in [*crate.files_of(run, TIER), sealed]:
        before = path.read_bytes()
        for place in (0, len(before) // 2, len(before) - 1):
            path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
            try:
                found = [name for name, _ in crate.faults(run, TIER)]
            except tables.TableError as error:  # of the crate: it is no JSON any more
                found = [str(error)]
            assert path.name in " ".join(found) or path == sealed, (path, place)
            assert found, (path, place)
        path.write_bytes(before)
    assert crate.faults(run, TIER) == []


@pytest.mark.parametrize(
    ("before", "after"), [("licenses/MIT", "licenses/MIX"), ("tier smoke", "tier paper"), ("{", "{ ")]
)
def test_the_crate_itself_cannot_be_changed(before: str, after: str, run: Path) -> None:
    """Not what it says beside hashes, and no space in it: it follows from the files."""
    sealed = run / "results" / TIER / crate.NAME
    assert before in sealed.read_text()
    sealed.write_text(sealed.read_text().replace(before, after, 1))
    assert crate.faults(run, TIER) == [(crate.NAME, "is not what these files make")]


def test_a_lost_and_a_left_over_file_are_found(run: Path) -> None:
    picture(run).rename(picture(run).with_name("left_over.strange"))
    assert [wrong for _, wrong in crate.faults(run, TIER)] == ["is recorded and not there", "is there and not recorded"]


def test_a_checkout_may_lack_the_page_and_nothing_else_goes_unnoticed_then(run: Path) -> None:
    page = run / "results" / TIER / crate.PAGE / "index.html"
    tables.write_text(page, "<!doctype html>")
    seal(run)
    assert crate.faults(run, TIER) == []
    tables.write_text(page, "<!doctype htm1>")
    assert crate.faults(run, TIER) == [(f"{crate.PAGE}index.html", "has other bytes than recorded")]
    shutil.rmtree(page.parent)
    assert crate.faults(run, TIER) == []
    sealed = run / "results" / TIER / crate.NAME
    sealed.write_text(sealed.read_text().replace("licenses/MIT", "licenses/MIX", 1))
    assert crate.faults(run, TIER) == [(crate.NAME, "is not what these files make")]


# ---------------------------------------------------------------- the crate itself


def entities(folder: Path) -> dict[str, dict[str, Any]]:
    return {each["@id"]: each for each in tables.read_json(folder / "results" / TIER / crate.NAME)["@graph"]}


def references(content: Any) -> list[str]:
    """Every @id that is pointed to."""
    if isinstance(content, list):
        return [each for value in content for each in references(value)]
    if isinstance(content, dict):
        return [content["@id"]] if list(content) == ["@id"] else references(list(content.values()))
    return []


def test_the_crate_is_a_workflow_run_crate(finished: Path) -> None:
    """What the profiles say that it MUST be, as far as it is no matter of RO-Crate's own; roc-validator checks all."""
    known = entities(finished)
    root = known["./"]
    assert {each["@id"] for each in root["conformsTo"]} == set(crate.PROFILES.values())
    assert all(known[uri]["@type"] == "CreativeWork" and known[uri]["version"] for uri in crate.PROFILES.values())
    assert all(root[name] for name in ("name", "description", "datePublished", "license"))
    workflow, run = known[root["mainEntity"]["@id"]], known[root["mentions"]["@id"]]
    assert {*workflow["@type"]} == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert known[workflow["programmingLanguage"]["@id"]]["@type"] == "ComputerLanguage"
    assert (run["@type"], run["instrument"]) == ("CreateAction", root["mainEntity"])
    assert known[run["agent"]["@id"]]["@type"] == "Organization"
    lost = {each for entity in known.values() for each in references(list(entity.values()))} - known.keys()
    assert all(each.startswith("https://") for each in lost), "the rest is described"


def test_the_crate_s_files_are_there_and_the_library_reads_it(finished: Path) -> None:
    folder = finished / "results" / TIER
    read = ROCrate(folder)
    listed = {entity.id for entity in read.data_entities}
    assert listed == {crate.place(path, folder) for path in crate.files_of(finished, TIER)}
    assert all((folder / name).is_file() for name in listed)


def test_the_same_files_make_the_same_crate(run: Path) -> None:
    before = (run / "results" / TIER / crate.NAME).read_bytes()
    seal(run)
    assert (run / "results" / TIER / crate.NAME).read_bytes() == before


def test_with_each_result_go_versions_device_threads_seeds_configuration_sources_and_data(finished: Path) -> None:
    record = tables.read_json(finished / "results" / TIER / crate.RECORD)
    study = record["studies"][STUDY]
    assert {"python", "torch", "numpy", "device", "threads"} <= study["environment"].keys()
    assert study["seeds"] == sorted({row["seed"] for row in tables.read_rows(REFERENCE)})
    assert study["experiment"] == provenance.code_of(STUDY)
    assert record["config"] == CONFIG
    assert record["software"]["version"] == settings.read_yaml(ROOT / "CITATION.cff")["version"]
    inputs = json.loads(entities(finished)[f"#{STUDY}"]["value"])
    assert inputs == {name: study[name] for name in crate.INPUTS}


def test_the_data_and_the_grid_of_a_study_are_known_by_their_hashes(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    tables.write(table, [{"key": "a", "seed": 3}], ["key", "seed"])
    section, images = {"grid": {"d": [1, 2]}, "data": ["mnist", "cifar10"]}, {"mnist": "1" * 64, "other": "2" * 64}
    made = record_provenance.inputs_record(table, [], section, images)
    assert (made["data"], made["seeds"]) == ({"mnist": "1" * 64}, [3])
    other = record_provenance.inputs_record(table, [], {**section, "grid": {"d": [1, 3]}}, images)
    assert other["grid"] != made["grid"]
