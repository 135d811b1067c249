"""README.md, docs/ and the pages beside them say what is so."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import render_artifact
import run_cell
from benign import studies
from benign.pipeline import settings, tables
from benign.pipeline.console import UserError
from merge_claims import cell_text
from support import ROOT

README, PERFORMANCE = ROOT / "README.md", ROOT / "docs" / "performance.md"
PAGES = [README, PERFORMANCE, *(ROOT / name for name in ("config/README.md", "docs/ARTIFACT.md", "docs/theory.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w./-])(?:\.ci|config|docs|figures|results|scripts|src|tests|workflow)/[\w./-]*\w")


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def missing(path: Path) -> bool:
    """Whether a file that a page names is not there; those of the paper tier may be yet to come, some are not kept."""
    if path == ROOT / "figures" / "default":
        return False
    to_come = [ROOT / kind / "paper" for kind in ("results", "figures")]
    if not (ROOT / "results" / "paper" / "claims.json").exists() and any(path.is_relative_to(top) for top in to_come):
        return False
    return not path.exists()


def test_the_readme_begins_with_the_two_commands() -> None:
    first = blocks(README.read_text(), "bash")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make reproduce", "make test"]


def test_the_pages_are_made_from_the_kept_results() -> None:
    folder = render_artifact.best(ROOT / "results")
    assert (ROOT / "docs" / "ARTIFACT.md").read_text() == render_artifact.render(folder), "run make artifact"
    assert README.read_text() == render_artifact.fill(README.read_text(), folder), "run make artifact"
    page = PERFORMANCE.read_text()
    assert page == render_artifact.fill_performance(page, ROOT / "results"), "run make artifact"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_links_or_names_is_there(page: Path) -> None:
    text = page.read_text()
    linked = {page.parent / link.split("#")[0] for link in LINK.findall(text) if "://" not in link and link[0] != "#"}
    named = {ROOT / name for name in PATH.findall(LINK.sub("]", text))}
    lost = [str(path) for path in sorted(linked | named) if missing(path.resolve())]
    assert lost == []


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "ARTIFACT.md"], ids=lambda page: page.name)
def test_every_link_into_a_page_has_a_place_to_go_to(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        file, _, place = link.partition("#")
        if place and "://" not in link:
            assert f'<a id="{place}"></a>' in (page.parent / file).read_text(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [*re.findall(r"`(make [^`]*)`", page.read_text()), *re.findall(r"^make .*", page.read_text(), re.M)]
    assert {command.split()[1] for command in commands} <= targets


def test_every_figure_of_the_paper_tier_is_shown_in_the_readme() -> None:
    figures = settings.section(settings.grid_file("adversarial_training"), "adversarial_training", "paper")["figures"]
    shown = re.findall(r"^!\[[^\]]+\]\(figures/paper/adversarial_training/(\w+)\.png\)$", README.read_text(), re.M)
    assert sorted(shown) == sorted(figures)


def test_the_readme_shows_a_figure_of_every_study() -> None:
    shown = re.findall(r"^!\[[^\]]+\]\(figures/paper/(\w+)/\w+\.png\)$", README.read_text(), re.M)
    assert set(shown) == set(studies.NAMES)


def test_what_continuous_integration_runs_is_in_the_readme() -> None:
    assert "bash .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    commands = re.findall(r"^make \w+$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert commands == ["make check", "make test"]
    for command in commands:
        assert f"`{command}`" in README.read_text()


@pytest.mark.slow
def test_the_readme_s_cell_prints_what_the_readme_shows(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = [text for text in blocks(README.read_text(), "bash") if "run_cell.py" in text]
    (shown,) = (json.loads(text) for text in blocks(README.read_text(), "json"))
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


# ---------------------------------------------------------------- how the pages are made


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of the default tier's results, to be changed."""
    copy = tmp_path / "results" / "default"
    copy.mkdir(parents=True)
    for name in ("claims.json", "provenance.json"):
        shutil.copy2(ROOT / "results" / "default" / name, copy / name)
    return copy


def test_a_changed_verdict_changes_both_pages(kept: Path) -> None:
    text = README.read_text()
    before = render_artifact.render(kept), render_artifact.fill(text, kept)
    content = tables.read_json(kept / "claims.json")
    content["claims"][0]["verdict"] = "not run"
    tables.write_json(kept / "claims.json", content)
    after = render_artifact.render(kept), render_artifact.fill(text, kept)
    for old, new in zip(before, after, strict=True):
        assert new.count("[not run](") == old.count("[not run](") + 1
        assert f"{sum(claim['verdict'] == 'not run' for claim in content['claims'])} not run" in new


def test_the_command_writes_both_pages_and_changes_nothing_when_run_again(kept: Path) -> None:
    readme, artifact = kept / "README.md", kept / "ARTIFACT.md"
    readme.write_text("Before.\n" + render_artifact.MARKED.sub(lambda part: part[1] + part[4], README.read_text()))
    performance = kept / "performance.md"
    performance.write_text(PERFORMANCE.read_text())
    options = ["--results", str(kept.parent), "--readme", str(readme), "--output", str(artifact)]
    options += ["--performance", str(performance)]
    assert render_artifact.main(options) == 0
    first = readme.read_text(), artifact.read_text()
    assert first[0].startswith("Before.\n")
    for claim in tables.read_json(kept / "claims.json")["claims"]:
        assert cell_text(claim["statement"]) in first[1]
        if claim["verdict"] != "replicated":
            assert cell_text(claim["statement"]) in first[0]
    assert render_artifact.main(options) == 0
    assert (readme.read_text(), artifact.read_text()) == first


@pytest.mark.parametrize("text", ["", "<!-- made by `make artifact`: claim -->\n<!-- end of claim -->\n"])
def test_a_readme_without_its_markers_is_refused(text: str, kept: Path) -> None:
    with pytest.raises(UserError, match="not claims, tiers, speed, gpu: each needs one <!-- made by"):
        render_artifact.fill(text, kept)


def test_every_tier_has_a_command_and_a_purpose() -> None:
    assert list(render_artifact.COMMANDS) == list(render_artifact.PURPOSES) == list(settings.TIERS)


def test_the_pages_say_what_ran_on_a_gpu(kept: Path) -> None:
    folder, page = kept.parent, PERFORMANCE.read_text()
    (folder / "gpu_check.json").unlink(missing_ok=True)
    assert "None has been run yet" in render_artifact.fill_performance(page, folder)
    assert "Nothing yet: every number here was computed on a CPU" in render_artifact.fill(README.read_text(), kept)
    machine = {"card": "A card", "driver": "1.2", "torch": "2.11", "python": "3.12", "cores": 16, "cpu": "A CPU"}
    found = {
        "machine": {**machine, "date": "2026-01-01"},
        "minutes": 7.5,
        "table": [["speed", "a rate", "3 networks/s"]],
    }
    tables.write_json(folder / "gpu_check.json", {**found, "parts": {"speed": {"status": "done"}}})
    filled = render_artifact.fill_performance(page, folder)
    assert "2026-01-01, 7.5 minutes: A card, driver 1.2; torch 2.11" in filled
    assert "| speed | a rate | 3 networks/s |" in filled
    assert "on 2026-01-01, A card: speed done, of 1 parts" in render_artifact.fill(README.read_text(), kept)
