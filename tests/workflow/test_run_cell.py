"""One cell from the command line, for a theorist with a question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import run_cell
from benign.data.images.record import DIGITS, ImageSet
from benign.data.images.storage import save
from benign.studies.adversarial_training.grid import Cell

SMALL = {"d": "1000", "n": "20", "width": "20", "steps": "20", "test_points": "200"}
NUMBERS = ("robust_train_loss", "robust_train_error", "clean_test_error", "robust_test_error")


def small(*arguments: str) -> list[str]:
    """A command line for a small cell, but for what `arguments` say."""
    given = {text.partition("=")[0] for text in arguments}
    rest = [f"{name}={value}" for name, value in SMALL.items() if name not in given]
    return ["adversarial_training", "--threads", "1", *rest, *arguments]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run_cell.main([*small(*arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))


def test_it_reports_every_number_with_its_interval_and_the_theory_beside(capsys: pytest.CaptureFixture[str]) -> None:
    result = ask(capsys, "budget=0.5", "flip_rate=0.2")
    assert set(result) == {
        *NUMBERS,
        *(f"{name}_interval" for name in NUMBERS),
        *("rho", "inner_gap", "seconds", "predictions", "predicted_rho", "assumptions", "largest_constant", "cell"),
    }
    for name in NUMBERS:
        low, high = result[f"{name}_interval"]
        assert low <= result[name] <= high
    predictors = {"averaging", "max_margin", "two_group_recursion", "four_group_recursion"}
    assert set(result["predictions"]) == {"floor", *predictors}
    assert set(result["predicted_rho"]) == predictors
    assert all(isinstance(holds, bool) for holds in result["assumptions"].values())
    assert result["cell"]["budget"] == 0.5
    assert set(result["cell"]) == set(Cell.model_fields)
    assert result["seconds"] > 0


def test_the_same_question_has_the_same_answer(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = ask(capsys, "seed=3"), ask(capsys, "seed=3")
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert ask(capsys, "seed=4")["rho"] != first["rho"]


@pytest.mark.parametrize("scale", ["1e20", "1e21", "1e30"])
def test_the_attack_works_at_every_scale_of_the_weights(scale: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Steps this long leave the averaging predictor, whatever their length."""
    given = ("signal=5", "budget=1", "flip_rate=0.1")
    there, here = ask(capsys, *given, f"step_scale={scale}"), ask(capsys, *given, "step_scale=1e10")
    assert there["robust_test_error"] == here["robust_test_error"] > here["clean_test_error"]
    assert "vanished" not in there


def test_the_attack_works_where_little_is_learned_beside_the_initial_weights_and_says_that_it_is_little(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At d = 10²⁰ a step is as small beside the initial weights as roundings are: nothing but noise is learned."""
    found = ask(capsys, "signal=5", "budget=2", "d=1e20", "test_points=500")
    low, high = found["robust_test_error_interval"]
    assert low <= found["predictions"]["averaging"] <= high
    assert found["predictions"]["averaging"] > 0.97
    assert found["vanished"] > 0.3


def test_one_training_point_has_no_interval(capsys: pytest.CaptureFixture[str]) -> None:
    found = ask(capsys, "n=1")
    assert found["robust_train_loss_interval"] == [None, None]
    assert found["robust_train_error"] in (0, 1)


@pytest.mark.parametrize("budget", ["1e25", "1e30"])
def test_a_training_that_leaves_the_range_of_numbers_has_diverged(
    budget: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, f"budget={budget}")["status"] == "diverged"


def test_a_study_whose_cells_have_no_usual_size_asks_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cell.main(["statistical_viewpoint", "--threads", "1"]) == 2
    assert capsys.readouterr().err == "error: n is missing: give it\n"


def test_a_lack_of_memory_is_an_error_that_says_what_to_make_smaller(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_cell, "answer", lambda *_: np.empty(10**17))
    assert run_cell.main(small()) == 2
    assert "error: out of memory" in capsys.readouterr().err


def test_without_json_it_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cell.main(small()) == 0
    said = capsys.readouterr().out
    assert "robust_test_error" in said
    assert "predictions.max_margin" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["bugdet=1"], "unknown name 'bugdet'"),
        (["n=0"], "n=0 is impossible"),
        (["flip_rate=0.6"], "flip_rate=0.6 is impossible"),
        (["budget=-1"], "budget=-1.0 is impossible"),
        (["width=3"], "width=3 is impossible"),
        (["steps=many"], "steps='many' is not of type int"),
        (["d=2000", "d=3000"], "d is given 2 times"),
        (["data=mnist"], "give --images mnist=FILE"),
        (["data=mnist", "--images", "mnist=/no/such"], "/no/such is not a file"),
        (["--images", "mnist=one", "--images", "mnist=two"], "mnist is given 2 times"),
        (["signal=1e160"], "signal=1e+160 is impossible: give a value that is at most 1e+06"),
        (["d=1e300"], "d=1e+300 is impossible: give 0, or a size of 1e-30 to 1e+30"),
        (["d=1e21"], "d=1000000000000000000000 is impossible: give a value that is at most 1e+20"),
        (["budget=1e300"], "budget=1e+300 is impossible: give 0, or a size of 1e-30 to 1e+30"),
        (["n=1e7"], "n=10000000 is impossible: give a value that is smaller"),
        (["--threads", "0"], "--threads 0: give a number from 1 to"),
        (["--threads", "1000000"], "--threads 1000000: give a number from 1 to"),
    ],
)
def test_a_question_without_an_answer_is_an_error_that_says_why(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cell.main(small(*arguments)) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert complaint in said.err
    assert said.out == ""


def test_what_follows_an_option_is_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 28, 28)).astype(np.uint8)
    labels = np.arange(40) % 2
    file = tmp_path / "digits.safetensors"
    save(ImageSet("mnist", pixels, labels, pixels, labels, DIGITS, "noise, for a test"), file)
    given = ["data=mnist", "n=10", "test_points=0", "--images", f"mnist={file}", "budget=0.1", "side=7"]
    cell = ask(capsys, *given)["cell"]
    assert (cell["budget"], cell["side"], cell["d"]) == (0.1, 7, 49)


WRONG = [
    ["no_such_study"],
    ["adversarial_training", "d"],
    [],
    ["adversarial_training", "--images", "mnits=FILE"],
    ["adversarial_training", "--images", "FILE"],
]


@pytest.mark.parametrize("arguments", WRONG)
def test_a_malformed_command_line_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run_cell.main(arguments)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err
