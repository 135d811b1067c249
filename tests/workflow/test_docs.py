"""README.md, docs/ and the pages beside them say what is so."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import jinja2
import pytest

import render_artifact
import run_cell
from benign.pipeline import expected, settings, tables
from benign.pipeline.console import UserError
from benign.pipeline.pages import marked, story, tiers
from benign.pipeline.pages.templating import render
from support import ROOT, copy_project, snakemake

RESULTS, DOCS = ROOT / "results", ROOT / "docs"
README, ARTIFACT, RUNNING, STORY = (
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("ARTIFACT", "running", "story")),
)
# extending.md names the files that it has one write.
PAGES = [
    README,
    ROOT / "config" / "README.md",
    *(page for page in sorted(DOCS.rglob("*.md")) if page.stem != "extending"),
]
SCREEN = 60  # lines of a page that one sees at once
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w./-])(?:\.ci|config|docs|examples|figures|results|scripts|src|tests|workflow)/[\w./-]*\w")


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def missing(path: Path) -> bool:
    """Whether a file that a page names is not there; those of the paper tier may be yet to come, some are not kept."""
    if path.is_relative_to(ROOT / "figures" / "default") or path.parent.name == "site":
        return False
    to_come = [ROOT / kind / "paper" for kind in ("results", "figures")]
    if not (ROOT / "results" / "paper" / "claims.json").exists() and any(path.is_relative_to(top) for top in to_come):
        return False
    return not path.exists()


def test_the_readme_begins_with_the_two_commands() -> None:
    first = blocks(README.read_text(), "bash")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make reproduce", "make test"]


def test_the_pages_are_made_from_the_kept_results() -> None:
    pages = render_artifact.pages(RESULTS, ROOT)
    assert [page.name for page, text in pages.items() if page.read_text() != text] == [], "run make artifact"


@pytest.mark.parametrize("tier", tiers.kept(RESULTS))
def test_what_is_expected_of_a_run_is_what_is_kept(tier: str) -> None:
    assert expected.stale(ROOT, tier, settings.expected_file(tier)) == [], "run make artifact"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_links_or_names_is_there(page: Path) -> None:
    text = page.read_text()
    linked = {page.parent / link.split("#")[0] for link in LINK.findall(text) if "://" not in link and link[0] != "#"}
    named = {ROOT / name for name in PATH.findall(LINK.sub("]", text)) if "STUDY" not in name}
    lost = [str(path) for path in sorted(linked | named) if missing(path.resolve())]
    assert lost == []


@pytest.mark.parametrize("page", [README, ARTIFACT], ids=lambda page: page.name)
def test_every_link_into_a_page_has_a_place_to_go_to(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        file, _, place = link.partition("#")
        if place and "://" not in link:
            assert f'<a id="{place}"></a>' in (page.parent / file).read_text(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [*re.findall(r"`(make [^`]*)`", page.read_text()), *re.findall(r"^make .*", page.read_text(), re.M)]
    assert {command.split()[1] for command in commands} <= targets | {".venv/ready"}


def test_the_readme_is_two_screens_long_and_the_artifact_page_too() -> None:
    for page in (README, ARTIFACT):
        assert len(page.read_text().splitlines()) <= 2 * SCREEN, page.name


def test_the_crosswalk_has_a_figure_and_a_claim_for_each_item_and_commands_that_snakemake_takes() -> None:
    claims = tiers.best(RESULTS).by_study()
    rows = [row for row in STORY.read_text().splitlines() if "`snakemake --cores 2 " in row]
    assert len(rows) == len(story.ITEMS)
    for row, (study, names) in zip(rows, story.ITEMS.values(), strict=True):
        assert {claim["id"] for claim in claims[study]} >= set(names)
        assert "/figures/" in row, row
        assert f"`snakemake --cores 2 {study}" in row


def test_what_continuous_integration_runs_is_in_the_readme() -> None:
    assert "bash .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    commands = re.findall(r"^make \w+$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert commands == ["make check", "make test"]
    for command in commands:
        assert f"`{command}`" in " ".join(README.read_text().split())


@pytest.mark.slow
def test_the_cell_of_running_md_prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = [text for text in blocks(RUNNING.read_text(), "bash") if "run_cell.py" in text]
    (shown,) = (json.loads(text) for text in blocks(RUNNING.read_text(), "json"))
    assert run_cell.main(shlex.split(command)[2:]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert differences(shown, printed) == []


def differences(shown: Any, printed: Any, place: str = "") -> list[str]:
    """Where two answers differ by more than another machine's rounding makes: .01 or 2 %; seconds are left out."""
    if isinstance(shown, dict):
        if list(shown) != list(printed):
            return [f"{place}: {', '.join(shown)} against {', '.join(printed)}"]
        names = [name for name in shown if name != "seconds"]
        return [text for name in names for text in differences(shown[name], printed[name], f"{place}.{name}")]
    if isinstance(shown, list):
        pairs = zip(shown, printed, strict=True)
        return [text for low, high in pairs for text in differences(low, high, place)]
    close = shown == printed or (isinstance(shown, float) and abs(shown - printed) <= max(0.01, 0.02 * abs(shown)))
    return [] if close else [f"{place}: {shown} against {printed}"]


def test_the_artifact_page_s_command_computes_one_study_on_a_fresh_checkout(tmp_path: Path) -> None:
    """Its table and claims are kept, its slices are not; Git may write what is kept after the sources."""
    (command,) = [shlex.split(text) for text in blocks(ARTIFACT.read_text(), "bash") if text.startswith("snakemake")]
    project, tier = copy_project(tmp_path / "project"), tiers.best(RESULTS).tier
    shutil.copytree(RESULTS, project / "results", ignore=shutil.ignore_patterns("slices"))
    for file in project.glob("results/*/*/*.*"):
        file.touch()
    said = snakemake(*command[1:], "--dry-run", directory=project, root=project).stdout
    study = command[3]
    planned = dict(re.findall(rf"^{study}_(\w+) +(\d+)$", said, re.MULTILINE))
    slices = settings.section(settings.grid_file(study), study, tier)["slices"]
    assert planned == {"plan": "1", "slice": str(slices), "collect": "1", "figures": "1", "claims": "1"}
    assert "claims_page" not in said, "the tier's page is of all studies"


# ---------------------------------------------------------------- how the pages are made


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of the default tier's results, to be changed, with the archive of what is expected of it."""
    copy = tmp_path / "results" / "default"
    shutil.copytree(ROOT / "results" / "default", copy, ignore=shutil.ignore_patterns("slices"))
    shutil.copytree(RESULTS / "expected", copy.parent / "expected")
    return copy


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A copy of the pages with made parts, emptied of these."""
    folder = tmp_path / "pages"
    for page in (README, RUNNING, STORY, DOCS / "performance.md"):
        copy = folder / page.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(marked.MARKED.sub(lambda part: part[1] + part[4], page.read_text()))
    return folder


def test_a_changed_verdict_changes_the_pages_that_show_it(kept: Path, pages: Path) -> None:
    before = render_artifact.pages(kept.parent, pages)
    content = tables.read_json(kept / "claims.json")
    assert content["claims"][0]["id"] == "robust_interpolation"
    content["claims"][0]["verdict"] = "not run"
    tables.write_json(kept / "claims.json", content)
    after = render_artifact.pages(kept.parent, pages)
    changed = sorted(page.name for page in after if after[page] != before[page])
    assert changed == ["ARTIFACT.md", "README.md", "running.md", "story.md"]
    assert "robust_interpolation): not run" in after[pages / "docs" / "story.md"]


def test_the_command_writes_all_pages_and_changes_nothing_when_run_again(kept: Path, pages: Path) -> None:
    options = ["--results", str(kept.parent), "--pages", str(pages)]
    (pages / "README.md").write_text("Before.\n" + (pages / "README.md").read_text())
    assert render_artifact.main(options) == 0
    first = {page: page.read_text() for page in sorted(pages.rglob("*.md"))}
    assert [page.name for page in first] == ["README.md", "ARTIFACT.md", "performance.md", "running.md", "story.md"]
    assert first[pages / "README.md"].startswith("Before.\n")
    assert render_artifact.main(options) == 0
    assert {page: page.read_text() for page in first} == first


@pytest.mark.parametrize("text", ["", "<!-- made by `make artifact`: claim -->\n<!-- end of claim -->\n"])
def test_a_readme_without_its_markers_is_refused(text: str, kept: Path, pages: Path) -> None:
    (pages / "README.md").write_text(text)
    with pytest.raises(UserError, match=r"README.md marks .* not claims, speed: each needs one <!-- made by"):
        render_artifact.pages(kept.parent, pages)


@pytest.mark.parametrize("template", ["claims.md", "artifact.md", "readme_claims.md", "performance_targets.md"])
def test_a_template_that_lacks_a_value_is_an_error_and_no_gap_on_the_page(template: str) -> None:
    with pytest.raises(jinja2.UndefinedError):
        render(template)


def test_every_tier_has_a_command_and_a_purpose() -> None:
    assert list(tiers.COMMANDS) == list(tiers.PURPOSES) == list(settings.TIERS)


def test_the_pages_say_what_ran_on_a_gpu(kept: Path, pages: Path) -> None:
    folder = kept.parent
    (folder / "gpu_check.json").unlink(missing_ok=True)
    made = render_artifact.pages(folder, pages)
    assert "None has been run yet" in made[pages / "docs" / "performance.md"]
    assert "Nothing yet: every number here was computed on a CPU" in made[pages / "docs" / "running.md"]
    machine = {"card": "A card", "driver": "1.2", "torch": "2.11", "python": "3.12", "cores": 16, "cpu": "A CPU"}
    found = {
        "machine": {**machine, "date": "2026-01-01"},
        "minutes": 7.5,
        "table": [["speed", "a rate", "3 networks/s"]],
    }
    tables.write_json(folder / "gpu_check.json", {**found, "parts": {"speed": {"status": "done"}}})
    made = render_artifact.pages(folder, pages)
    filled = made[pages / "docs" / "performance.md"]
    assert "2026-01-01, 7.5 minutes: A card, driver 1.2; torch 2.11" in filled
    assert "| speed | a rate | 3 networks/s |" in filled
    assert "on 2026-01-01, A card: speed done, of 1 parts" in made[pages / "docs" / "running.md"]
