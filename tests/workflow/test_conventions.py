"""What Snakemake offers to every workflow works here: its report, its catalogue, parts of a run, archives."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support import ROOT, snakemake

STUDY = "james_stein"
Run = Callable[..., str]


def jobs(said: str) -> set[str]:
    """The rules of which a dry run would run jobs."""
    return set(re.findall(r"^(?:local)?rule (\w+):$", said, re.MULTILINE))


def outputs(said: str) -> set[str]:
    """The files that a dry run would make."""
    return {file for line in re.findall(r"^    output: (.*)$", said, re.MULTILINE) for file in line.split(", ")}


def fresh(pristine: Path, folder: Path, *arguments: str) -> str:
    """What a dry run in an empty folder would do; nothing is left in it but Snakemake's own folder."""
    config = pristine / "config" / "smoke.yaml"
    run = snakemake("--configfile", config, "--dry-run", *arguments, directory=folder, root=pristine)
    assert run.returncode == 0, run.stdout + run.stderr
    assert {path.name for path in folder.iterdir()} <= {".snakemake"}
    return run.stdout


# ---------------------------------------------------------------- parts of a run


def test_until_stops_at_a_rule(pristine: Path, tmp_path: Path) -> None:
    found = jobs(fresh(pristine, tmp_path, "--until", f"{STUDY}_collect"))
    assert found == {f"{STUDY}_plan", f"{STUDY}_slice", f"{STUDY}_collect"}


@pytest.mark.slow
def test_a_batch_is_a_part_of_a_tier_s_files_and_the_last_one_ends_it(
    pristine: Path, example_run: Path, tmp_path: Path, run_project: Run
) -> None:
    """Snakemake takes the last batch only after the others."""
    whole, first = (outputs(fresh(pristine, tmp_path, *words)) for words in ([], ["--batch", "all=1/3"]))
    assert first < whole
    assert first
    assert jobs(run_project(example_run, "--dry-run", "--batch", "all=3/3")) == set()


@pytest.mark.slow
def test_forcerun_makes_a_rule_s_files_again_and_what_follows_from_them(example_run: Path, run_project: Run) -> None:
    assert jobs(run_project(example_run, "--dry-run")) == set()
    found = jobs(run_project(example_run, "--dry-run", "--forcerun", f"{STUDY}_figures"))
    assert f"{STUDY}_figures" in found
    assert "gallery" in found
    assert not found & {f"{STUDY}_plan", f"{STUDY}_slice", f"{STUDY}_collect", f"{STUDY}_claims"}


@pytest.mark.slow
def test_with_times_as_the_only_trigger_other_code_is_no_reason_and_a_newer_file_is(
    example: Path, run_project: Run
) -> None:
    """Whoever has moved a finished run, or upgraded a library, may look at it without computing anything."""
    experiment = example / "src" / "benign" / "studies" / STUDY / "experiment.py"
    times = experiment.stat()
    experiment.write_text(re.sub(r"\b2\b", "3", experiment.read_text()))
    os.utime(experiment, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert f"{STUDY}_slice" in jobs(run_project(example, "--dry-run"))
    assert jobs(run_project(example, "--dry-run", "--rerun-triggers", "mtime")) == set()
    grid = example / "config" / "grids" / f"{STUDY}.yaml"
    grid.write_text(grid.read_text() + "# looked at\n")  # its time alone is none while its bytes are the same
    assert f"{STUDY}_plan" in jobs(run_project(example, "--dry-run", "--rerun-triggers", "mtime"))


# ---------------------------------------------------------------- report, catalogue, archive


@pytest.mark.slow
def test_the_report_is_one_page_with_captions_and_categories_made_without_network(
    example_run: Path, tmp_path: Path, run_project: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    run_project(example_run, "--report", str(tmp_path / "report.html"))
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    page = (tmp_path / "report.html").read_text()
    (categories,) = re.findall(r"^\s*(?:var|const|let) categories = (\{.*\});?$", page, re.MULTILINE)
    assert set(json.loads(categories)) == {STUDY, "claims", "site"}
    assert f"Drawn by {STUDY}_figures from results/smoke/{STUDY}/table.csv" in re.sub(r"<.*?>", "", page)
    assert "Every claim with its source" in page
    assert re.search(r"data:image/png[^\",]*;base64,", page)
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:[^>]*>", page) == []


def test_make_report_reads_what_a_tier_has_made() -> None:
    command = ["make", "--dry-run", "report", "TIER=smoke"]
    for words, file, tier in ((command, "smoke", "smoke"), (command[:-1], "config", "default")):
        said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        (line,) = [line for line in said.replace("\\\n", "").splitlines() if "--report" in line]
        assert f"--configfile config/{file}.yaml --report results/{tier}/report.html" in " ".join(line.split())


def test_the_catalogue_is_told_what_is_so() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert (ROOT / "workflow" / "Snakefile").is_file(), "where the catalogue looks for it"
    assert (ROOT / "config" / "README.md").is_file()
    rules = "".join(file.read_text() for file in (ROOT / "workflow" / "rules").glob("*.smk"))
    assert usage["software-stack-deployment"]["conda"] is ("ENVIRONMENT" in rules)
    assert usage["report"] is ("report(" in rules)
    assert "mandatory-flags" not in usage, "a bare snakemake runs"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("conda"), reason="Snakemake archives the rules' environment too, by Conda")
def test_an_archive_has_all_that_a_run_needs(pristine: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["cp", "-r", pristine, project], check=True)
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", *identity, *words], cwd=project, check=True)
    archive = tmp_path / "archive.tar.gz"
    run = snakemake("--configfile", "config/smoke.yaml", "--archive", archive, directory=project, root=project)
    assert run.returncode == 0, run.stdout + run.stderr
    (tmp_path / "unpacked").mkdir()
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (root,) = {path.parent for path in (tmp_path / "unpacked").rglob("Snakefile") if path.parent.name != "workflow"}
    again = snakemake("--configfile", "config/smoke.yaml", "--dry-run", directory=root, root=root)
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"{STUDY}_slice" in jobs(again.stdout)
