"""A sweep from the command line and from a notebook: the same rows as one by one, kept, drawn beside theory."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import benign
import run_cell
import sweep
from benign import studies
from benign.pipeline import questions, single, sweep_figure, tables
from benign.pipeline.console import UserError
from benign.study import CellError
from support import ROOT

STUDY = "adversarial_training"
SMALL = ["d=1000", "n=20", "width=20", "steps=20", "test_points=200", "flip_rate=0.1"]
ASKED = ["budget=0:2:3", "signal=4,8", "seeds=2", *SMALL]
Sweeps = functools.partial(questions.Sweep.of, STUDY)


def asked(*words: str) -> dict[str, Any]:
    return dict(word.split("=") for word in words)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the command wrote, from two processes."""
    folder = tmp_path_factory.mktemp("sweeps")
    words = [STUDY, *ASKED, "--x", "budget", "--folder", str(folder), "--cores", "2"]
    command = [sys.executable, str(ROOT / "scripts" / "sweep.py"), *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "12 cells, 0 of them kept from before" in answer.stdout
    assert "robust_test_error" in answer.stdout
    assert "n = 20, d = 1000, ‖μ‖ = 4 to 8, α = 0 to 2, β = 0.1, m = 20" in answer.stdout.replace("\n", " ")
    return folder


def test_its_rows_are_those_of_single_cells(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tables.read(swept / STUDY / "table.csv")
    assert len(table) == 12
    (row,) = table[(table["budget"] == 2) & (table["signal"] == 8) & (table["seed"] == 1)].to_dict("records")
    assert run_cell.main([STUDY, "--threads", "1", "--json", *SMALL, "signal=8", "budget=2", "seed=1"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["rho"] == row["rho"]
    assert alone["robust_test_error"] == row["robust_test_error"]
    assert alone["predictions"]["floor"] == row["floor_error"]


def test_its_figure_shows_means_over_seeds_and_the_theory_beside(swept: Path) -> None:
    table, drawn = (tables.read(swept / STUDY / "table.csv"), tables.read_frame(swept / STUDY / "figure.csv"))
    assert list(drawn["panel"].unique()) == ["‖μ‖ = 4", "‖μ‖ = 8"]
    theories = studies.find(STUDY).theory["robust_test_error"]
    assert set(drawn["series"]) == {"robust_test_error", *theories}
    for signal in (4, 8):
        here = drawn[(drawn["panel"] == f"‖μ‖ = {signal}") & (drawn["x"] == 1)].set_index("series")["mean"]
        rows = table[(table["signal"] == signal) & (table["budget"] == 1)]
        for name in ("robust_test_error", *theories):
            assert here[name] == pytest.approx(rows[name].mean())
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        assert (swept / STUDY / f"figure.{kind}").read_bytes().startswith(start)


def test_it_says_what_it_cost(swept: Path) -> None:
    cost = json.loads((swept / STUDY / "cost.json").read_text())
    assert (cost["cells"], cost["kept"], cost["cores"]) == (12, 0, 2)
    assert cost["seconds_of_one_core"] > 0
    assert sum(origin["cells"] for origin in cost["origins"]) == 12


def test_more_values_in_a_notebook_compute_only_what_is_missing(swept: Path) -> None:
    before = tables.read(swept / STUDY / "table.csv")
    small: dict[str, Any] = {
        name: float(value) if "." in value else int(value) for name, value in asked(*SMALL).items()
    }
    table = benign.sweep(STUDY, budget=[0, 1, 2.0], signal=np.array([4, 8]), seeds=3, folder=swept, cores=1, **small)
    assert (table.attrs["cost"]["cells"], table.attrs["cost"]["kept"]) == (18, 12)
    same = table[table["key"].isin(before["key"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, studies.find(STUDY).table(before), check_exact=True)


def test_what_stops_a_slice_is_said(tmp_path: Path) -> None:
    images = {"mnist": tmp_path / "not_images"}
    images["mnist"].write_text("nothing")
    with pytest.raises(UserError, match="not_images"):
        benign.sweep(STUDY, data="mnist", budget=[0.0, 0.1], images=images, folder=tmp_path, cores=1)


# ---------------------------------------------------------------- in a notebook


def test_to_import_the_package_imports_nothing_else() -> None:
    heavy = ("numpy", "pandas", "torch", "benign.study")
    code = f"import sys, benign; sys.exit(any(name in sys.modules for name in {heavy}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'swep'"):
        benign.swep  # noqa: B018


def test_one_cell_in_a_notebook_is_what_the_command_says(capsys: pytest.CaptureFixture[str]) -> None:
    found = benign.run(STUDY, **asked(*SMALL), signal=np.float64(8), budget=2)
    assert run_cell.main([STUDY, "--json", *SMALL, "signal=8", "budget=2"]) == 0
    said = single.flat(json.loads(capsys.readouterr().out))
    assert isinstance(found, pd.Series)
    assert found.drop("seconds").to_dict() == {name: value for name, value in said.items() if name != "seconds"}


def test_a_share_of_the_signal_may_be_asked_for_instead_of_a_budget(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cell.main([STUDY, "--json", *SMALL, "signal=8", "budget_ratio=0.25"]) == 0
    assert json.loads(capsys.readouterr().out)["cell"]["budget"] == 2


# ---------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("budget=0:8:9", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
        ("budget=0:1:3,5", [0.0, 0.5, 1.0, 5.0]),
        ("d=1e2:1e6:5:log", [100, 1000, 10_000, 100_000, 1_000_000]),
        ("d=10:20:4", [10, 13, 17, 20]),
        ("activation=relu,leaky_relu", ["relu", "leaky_relu"]),
        ("budget_ratio=0:1:3", [0.0, 0.5, 1.0]),
        ("seeds=3", [0, 1, 2]),
    ],
)
def test_values_are_lists_and_ranges_with_both_ends(text: str, values: list[Any]) -> None:
    (name,) = asked(text)
    found = [point["seed" if name == "seeds" else name] for point, _ in Sweeps(asked(text)).points]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_cells_that_several_points_stand_for_are_run_once_and_drawn_with_each() -> None:
    found = Sweeps({"activation": "relu", "slope": "0,0.1", "budget": "1,2"})
    assert len(found.cells) == 2
    assert len(found.points) == 4


def test_an_axis_may_be_what_a_grid_says_instead_of_a_field() -> None:
    found = Sweeps(asked("budget_ratio=0:1:3", "crowding=1,4"))
    x, y = questions.axes_of(found, None, None)
    rows = [cell.row(status="ok", robust_test_error=0.1 * i, floor_error=0.0) for i, cell in enumerate(found.cells)]
    drawn = sweep_figure.figure(found, found.table(rows), x, y).numbers
    assert (x, y) == ("budget_ratio", "robust_test_error")
    assert list(drawn[drawn["series"] == y]["x"]) == [0, 0.5, 1, 0, 0.5, 1]
    assert list(drawn["panel"].unique()) == ["crowding = 1", "crowding = 4"]


@pytest.mark.parametrize("study", studies.NAMES)
def test_what_theory_is_held_against_is_a_column_and_so_is_the_theory(study: str) -> None:
    declared = studies.find(study)
    for name, theories in declared.theory.items():
        assert {name, *theories} <= set(declared.row.model_fields)
        assert len(theories) <= len(sweep_figure.THEORIES), "each has a look"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["bugdet=0:8:9"], "unknown name 'bugdet', did you mean 'budget'?"),
        (["budget=0:8"], "budget='0:8' is no range: write low:high:count"),
        (["budget=0:many:3"], "budget='0:many:3' is no range"),
        (["budget=0:8:none"], "budget: 'none' is no number of values"),
        (["budget=0:8:9:log"], "a logarithmic one positive ends"),
        (["budget=0:inf:9"], "give a range finite ends"),
        (["budget=1,1.0"], "budget says 1.0 twice: say it once"),
        (["budget=1,2", "seeds=0"], "seeds: '0' is no number of values"),
        (["budget=1,2", "seeds=2", "seed=1"], "seed and seeds exclude each other"),
        (["budget=1,2", "budget_ratio=0.1"], "budget and budget_ratio exclude each other"),
        (["budget_ratio=-1,1"], "budget_ratio='-1' is impossible: give a value that is at least 0"),
        (["d=10.5", "crowding=1,2"], "d='10.5' is not of type int"),
        (["budget=-1,1"], "budget=-1.0 is impossible"),
        (["budget=1"], "--x: nothing has several numbers"),
        (["budget=1,2", "--x", "signal"], "--x: 'signal' has no several numbers"),
        (["budget=1,2", "--y", "robust_test_eror"], "did you mean 'robust_test_error'?"),
        (["budget=1,2", "signal=1:20:20"], "the figure would have 20 panels"),
        (["budget=1,2", "--cores", "0"], "--cores 0: give a number of cores"),
        (["budget=1,2", "--images", "mnist=/no/such"], "mnist=/no/such: there is no such file"),
    ],
)
def test_what_cannot_be_run_or_drawn_is_an_error_before_anything_is_run(
    arguments: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep.main([STUDY, *arguments, "--folder", str(tmp_path)]) == 2
    assert complaint in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_study_that_there_is_not_is_an_error_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep.main(["adverserial_training", "budget=0:1:2"]) == 2
    assert "unknown study 'adverserial_training', did you mean 'adversarial_training'?" in capsys.readouterr().err
    with pytest.raises(UserError, match="did you mean 'real_data'"):
        benign.run("reel_data")
    with pytest.raises(CellError, match="did you mean 'budget'"):
        benign.run(STUDY, bugdet=1)


def test_what_a_shorthand_reckons_with_has_to_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep.main(["statistical_viewpoint", "ratio=1,2", "experiment=random_features"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_an_interrupted_sweep_says_that_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(questions, "compute", interrupted)
    assert sweep.main([STUDY, "budget=1,2", "--folder", str(tmp_path)]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
