"""The example of docs/extending.md, run: what it teaches works, and what the DAG promises holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import new_study
from benign import files
from benign.data.images import storage
from benign.data.images.record import CIFAR10_CLASSES, DIGITS, ImageSet
from benign.pipeline import settings, tables
from benign.study import Context
from support import ROOT

STUDY = "james_stein"
Run = Callable[..., str]


def planned(said: str) -> dict[str, int]:
    """Rule to number of jobs, from a dry run."""
    if "Nothing to be done" in said:
        return {}
    rows = re.findall(r"^(\w+) +(\d+)$", said[said.index("Job stats:") :], re.MULTILINE)
    return {rule: int(count) for rule, count in rows if rule not in ("all", "total")}


def touched(project: Path, name: str, text: str, run_project: Run) -> dict[str, int]:
    """What would be run after `text` has been added to a file."""
    with open(project / name, "a") as file:
        file.write(text)
    return planned(run_project(project, "--dry-run"))


def test_the_example_is_run_judged_and_drawn(example_run: Path) -> None:
    results, figures = example_run / "results" / "smoke", example_run / "figures" / "smoke" / STUDY
    merged = json.loads((results / "claims.json").read_text())
    assert merged["tier"] == "smoke"
    assert [(claim["id"], claim["verdict"]) for claim in merged["claims"]] == [("risk-at-zero", "replicated")]
    assert merged["environment"]["torch"]
    assert "**replicated**" in (results / "claims.md").read_text()
    assert f'id="{STUDY}-risk-at-zero"' in (results / "site" / "index.html").read_text()
    assert len(tables.read(results / STUDY / "table.csv")) == 6
    assert sorted(file.name for file in figures.iterdir()) == ["captions.json", "risk.csv", "risk.pdf", "risk.png"]


def test_a_second_run_has_nothing_to_do(example: Path, run_project: Run) -> None:
    assert planned(run_project(example, "--dry-run")) == {}


def test_editing_a_figure_redraws_only(example: Path, run_project: Run) -> None:
    jobs = touched(example, f"src/benign/studies/{STUDY}/figures.py", "\nCOLOUR = 1\n", run_project)
    assert jobs == {f"{STUDY}_figures": 1, "provenance": 1, "gallery": 1, "site": 1, "crate": 1}


def test_editing_claims_judges_only(example: Path, run_project: Run) -> None:
    jobs = touched(example, f"src/benign/studies/{STUDY}/claims.py", "\nCOLOUR = 1\n", run_project)
    assert jobs == {f"{STUDY}_claims": 1, "claims_page": 1, "gallery": 1, "site": 1, "crate": 1}


@pytest.mark.parametrize(
    ("name", "jobs"),
    [
        ("pages/templates/claims.md.j2", {"claims_page": 1, "site": 1}),  # with the page goes claims.json, the site's
        ("pages/templates/gallery.md.j2", {"gallery": 1}),
        ("pages/templates/site.html.j2", {"site": 1}),
        ("site/assets/page.css", {"site": 1}),
    ],
)
def test_editing_what_a_page_is_made_of_writes_page_and_crate_only(
    name: str, jobs: dict[str, int], example: Path, run_project: Run
) -> None:
    assert touched(example, f"src/benign/pipeline/{name}", "\n", run_project) == {**jobs, "crate": 1}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("src/benign/seeds.py", "\nseed = functools.partial(seed)\n"),
        (f"src/benign/studies/{STUDY}/experiment.py", "\nimport numpy\nnumpy.seterr(all='raise')\n"),
    ],
)
def test_editing_what_an_experiment_uses_reruns_its_slices(
    name: str, text: str, example: Path, run_project: Run
) -> None:
    jobs = touched(example, name, text, run_project)
    assert jobs[f"{STUDY}_slice"] == 2
    assert jobs[f"{STUDY}_figures"] == 1


def test_another_version_of_a_library_reruns_the_slices(example: Path, run_project: Run) -> None:
    jobs = touched(
        example, "src/benign/pipeline/provenance.py", '\nimportlib.metadata.version = lambda name: "0"\n', run_project
    )
    assert jobs[f"{STUDY}_slice"] == 2


def test_editing_what_nothing_here_uses_reruns_nothing(example: Path, run_project: Run) -> None:
    for name in ("seeds.py", f"studies/{STUDY}/experiment.py", "attack/inner.py"):
        assert f"{STUDY}_slice" not in touched(
            example, f"src/benign/{name}", "\ndef added():\n    return 1\n", run_project
        )
    another = "src/benign/studies/linear_classifier/figures.py"
    assert touched(example, another, "\nCOLOUR = 1\n", run_project) == {}
    assert touched(example, "src/benign/studies/__init__.py", "\nCOLOUR = 1\n", run_project) == {}


def test_rows_are_computed_again_after_code_has_changed_and_not_after_a_comment_has(
    example: Path, run_project: Run
) -> None:
    table = example / "results" / "smoke" / STUDY / "table.csv"
    before = table.read_bytes()
    experiment = example / "src/benign/studies" / STUDY / "experiment.py"
    experiment.write_text(experiment.read_text() + "\n# a thought\n")
    shutil.rmtree(table.parent / "slices")
    run_project(example)
    assert reused(table.parent) == 6
    assert table.read_bytes() == before
    experiment.write_text(experiment.read_text().replace("(cell.d - 2)", "(cell.d - 1)"))
    run_project(example)
    assert reused(table.parent) == 0
    assert table.read_bytes() != before


def reused(folder: Path) -> int:
    """How many of the study's six rows its slices took from an earlier run."""
    records = [json.loads(file.read_text()) for file in folder.glob("slices/[0-9]*.json")]
    assert sum(record["cells"] for record in records) == 6
    return sum(record["reused"] for record in records)


def test_two_runs_write_the_same_bytes(pristine: Path, example_run: Path, tmp_path: Path, run_project: Run) -> None:
    again = shutil.copytree(
        pristine, tmp_path / "again", ignore=shutil.ignore_patterns("results", "figures", "scratch", ".snakemake")
    )
    run_project(again)
    names = [f"results/smoke/{STUDY}/table.csv", "results/smoke/claims.json", "results/smoke/claims.md"]
    names += [f"figures/smoke/{STUDY}/risk.{kind}" for kind in ("csv", "pdf", "png")]
    names += ["results/smoke/site/index.html"]
    names += [f"figures/smoke/{name}" for name in ("README.md", "claims.csv", "claims.pdf", "claims.png")]
    for name in names:
        assert (again / name).read_bytes() == (example_run / name).read_bytes(), name


@pytest.mark.slow
def test_a_folder_of_images_is_read_again_after_it_has_changed(example: Path, tmp_path: Path, run_project: Run) -> None:
    """Rows follow from what the images are: a folder that was only touched is read again, and every row stays."""
    grid, root = example / "config" / "grids" / f"{STUDY}.yaml", tmp_path / "images"
    grid.write_text(grid.read_text().replace("data: []", "data: [cifar10]"))
    for part in ("train", "test"):
        for name in CIFAR10_CLASSES:
            (root / part / name).mkdir(parents=True)
            Image.new("RGB", (32, 32), "teal").save(root / part / name / "0.png")
    options = ["--config", f"cifar10_root={root}"]
    table = example / "results" / "smoke" / STUDY

    def rerun() -> tuple[int, list[int]]:
        """(rows taken from before, numbers of training images in what has been read)."""
        run_project(example, *options)
        read = example.glob("resources/cifar10/folder-*.safetensors")
        return reused(table), sorted(len(storage.load(file).train_labels) for file in read)

    assert rerun() == (0, [10])
    assert planned(run_project(example, "--dry-run", *options)) == {}
    os.utime(root / "train" / "cat" / "0.png", (1, 1))
    assert rerun() == (6, [10, 10])
    Image.new("RGB", (32, 32), "red").save(root / "train" / "cat" / "1.png")
    assert rerun() == (0, [10, 10, 11])
    shutil.rmtree(root / "test" / "dog")
    assert "dog is missing" in run_project(example, "--show-failed-logs", *options, succeeds=False)


def test_one_study_alone_is_computed_on_a_fresh_checkout(example: Path, run_project: Run) -> None:
    """What a checkout does not have: slices, rows, Snakemake's memory. What it keeps is newer than the sources."""
    results = example / "results" / "smoke"
    table, page = (results / STUDY / "table.csv").read_bytes(), (results / "claims.md").stat()
    for name in (".snakemake", "scratch", f"results/smoke/{STUDY}/slices"):
        shutil.rmtree(example / name)
    for file in results.glob("*/*.*"):
        file.touch()
    run_project(example, "--", STUDY)  # else --configfile would take the target for another file
    assert reused(results / STUDY) == 0
    assert (results / STUDY / "table.csv").read_bytes() == table
    assert (results / "claims.md").stat().st_mtime_ns == page.st_mtime_ns, "the tier's page is of all studies"


def test_a_bare_run_is_the_default_tier(pristine: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run"]
    said = subprocess.run(command, cwd=pristine, capture_output=True, text=True, check=True).stdout
    assert planned(said)["claims_page"] == 1
    assert "results/default/claims.json" in said


def test_one_cell_can_be_asked_for(pristine: Path) -> None:
    command = [sys.executable, "scripts/run_cell.py", STUDY, "d=5", "--json"]
    answer = subprocess.run(command, cwd=pristine, capture_output=True, text=True, check=True)
    result = json.loads(answer.stdout)
    assert result["risk"] == pytest.approx(2, abs=5 * result["standard_error"])
    assert result["cell"] == {"experiment": "single", "d": 5, "norm": 0.0, "trials": 20000, "seed": 0}
    command[3] = "d=2"
    answer = subprocess.run(command, cwd=pristine, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert answer.stderr == "error: d=2 is impossible: give a value that is at least 3\n"


def test_figures_that_the_study_does_not_declare_are_an_error_that_names_them(example: Path, run_project: Run) -> None:
    grid = example / "src" / "benign" / "studies" / STUDY / "grid.py"
    grid.write_text(grid.read_text().replace('figures=("risk",)', 'figures=("risc",)'))
    said = run_project(example, "--show-failed-logs", succeeds=False)
    assert "declares the figures ('risc',) and draws ('risk',)" in said


# ---------------------------------------------------------------- scripts/new_study.py, which wrote the example


def test_a_new_study_is_the_page_s_example_and_is_named_wherever_studies_are(pristine: Path) -> None:
    page = (ROOT / "docs" / "extending.md").read_text()
    shown = dict(new_study.FILE.findall(page))
    assert len(shown) == 7, "the package and four modules, the grid, the test"
    for name, content in shown.items():
        assert (pristine / name).read_text() == content
    assert f'    "{STUDY}",\n)\n' in (pristine / "src/benign/studies/__init__.py").read_text()
    (scales,) = new_study.SCALES.findall(page)
    assert f"{scales}}}\n" in (pristine / "src/benign/tolerances.py").read_text()
    for tier in ("smoke", "default", "paper"):
        changed = new_study.entries(STUDY)[settings.tier_file(tier)]
        assert yaml.safe_load(changed)["studies"] == [
            *yaml.safe_load(settings.tier_file(tier).read_text())["studies"],
            STUDY,
        ]


def test_a_new_study_s_own_test_passes_and_its_columns_have_tolerances(pristine: Path) -> None:
    columns = f"set(tolerances.of('{STUDY}')) == set(studies.find('{STUDY}').row.model_fields)"
    code = f"from benign import studies, tolerances; assert {columns}"
    environment = {**os.environ, "PYTHONPATH": str(pristine / "src")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    command = [sys.executable, "-m", "pytest", "-q", f"tests/unit/test_{STUDY}.py"]
    answer = subprocess.run(command, cwd=pristine, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
    assert "2 passed" in answer.stdout


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("My-Paper", "'My-Paper' is no name for a study: give small letters"),
        ("class", "'class' is no name for a study"),
        ("../up", "'../up' is no name for a study"),
        ("real_data", "there is a study 'real_data' already"),
    ],
)
def test_a_name_that_a_study_cannot_have_is_refused_and_nothing_written(
    name: str, complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files, "write_bytes", lambda path, content: pytest.fail(str(path)))
    assert new_study.main([name]) == 2
    assert complaint in capsys.readouterr().err


def test_a_file_that_is_there_is_not_written_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "src/benign/studies/my_paper/grid.py"
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    monkeypatch.setattr(new_study, "ROOT", tmp_path)
    assert new_study.main(["my_paper"]) == 2
    assert "src/benign/studies/my_paper/grid.py is there already" in capsys.readouterr().err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [there]
    assert there.read_text() == "mine"


def test_the_page_s_parts_to_reuse_do_what_it_says() -> None:
    page = (ROOT / "docs" / "extending.md").read_text()
    parts = re.findall(r"^```python\n(.*?)^```", page[page.index("## 6.") :], re.MULTILINE | re.DOTALL)
    pixels = np.random.default_rng(0).integers(0, 256, (400, 28, 28)).astype(np.uint8)
    digits = ImageSet("mnist", pixels, np.arange(400) % 2, pixels, np.arange(400) % 2, DIGITS, "noise, for a test")
    found: dict[str, Any] = {"context": Context("my_paper", images=lambda name: digits)}
    for part in parts:
        exec(part, found)
    assert found["robust_error"] == pytest.approx(found["predicted"], abs=3 * (0.1 * 0.9 / 4000) ** 0.5)
    assert found["found"].low < 0.11 < found["found"].high
    assert found["judged"].verdict == "replicated"
    assert found["problem"].x.shape == (100, 14 * 14)
