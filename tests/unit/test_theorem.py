"""examples/theorem.py says in one file what the package computes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import theorem
from benign.attack.evaluation import worst_case
from benign.experiments.noisy_clusters.draw import sample
from benign.experiments.noisy_clusters.setting import USUAL
from benign.stats import mean_intervals
from benign.studies.adversarial_training.experiment import run
from benign.studies.adversarial_training.grid import Cell
from benign.study import Context
from benign.theory.mixture import gaussian
from support import ROOT

FILE = ROOT / "examples" / "theorem.py"
CONTEXT = Context("adversarial_training")
# A letter of the paper to the field of a cell.
FIELDS = {
    **{"n": "n", "d": "d", "mu": "signal", "beta": "flip_rate", "alpha": "budget", "gamma": "slope", "m": "width"},
    **{"c": "step_scale", "steps": "steps", "tests": "test_points", "seed": "seed"},
}
SMALL = {"n": 40, "d": 4000, "mu": 8.0, "beta": 0.1, "alpha": 2.0, "gamma": 0.1, "m": 40, "c": 2.0}
SMALL |= {"steps": 100, "tests": 500, "seed": 0}


def cell(**letters: float) -> Cell:
    """The cell of a setting that the file's letters give."""
    return Cell(**USUAL | {field: letters[letter] for letter, field in FIELDS.items()})


def test_it_imports_nothing_of_the_package() -> None:
    names = [getattr(node, "module", None) or node.names[0].name for node in imports(FILE)]
    assert {name.split(".")[0] for name in names} == {"argparse", "pathlib", "matplotlib", "numpy", "scipy"}


def imports(file: Path) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.parametrize("gamma", [0.1, 1.0])
def test_the_same_draws_are_trained_to_the_same_network_and_attacked_to_the_same_errors(gamma: float) -> None:
    """The engine works in single precision and in other coordinates of the training; errors are of the same points."""
    letters = SMALL | {"gamma": gamma}
    setting = cell(**letters)
    drawn = sample(setting, CONTEXT)
    (row,) = run([setting], CONTEXT)
    x, y, w0, test_x, test_y = (
        each.numpy().astype(float)
        for each in (drawn.problem.x, drawn.problem.y, drawn.problem.w0, drawn.test_x, drawn.test_observed)
    )
    eta, steps = drawn.problem.step_size, int(letters["steps"])
    ((_, w),) = theorem.train(x, y, w0, letters["alpha"], gamma, eta, steps, {steps})
    fitted, fresh = (theorem.attack(*points, w, gamma, letters["alpha"]) for points in ((x, y), (test_x, test_y)))
    assert np.logaddexp(0, -fitted).mean() == pytest.approx(row["robust_train_loss"], rel=0.01)
    assert (fitted <= 0).mean() == row["robust_train_error"] == 0
    clean, _, _ = theorem.margin(test_x, test_y, w, gamma)
    assert (clean <= 0).mean() == pytest.approx(row["clean_test_error"], abs=0.002)
    assert (fresh <= 0).mean() == pytest.approx(row["robust_test_error"], abs=0.004)
    assert row["robust_test_error"] > row["clean_test_error"] > 0


def test_its_attack_finds_what_the_package_s_attack_finds() -> None:
    drawn = sample(cell(**SMALL), CONTEXT)
    w, x, y = drawn.problem.w0 + drawn.mean / 100, drawn.test_x, drawn.test_observed
    w[: len(w) // 2] -= drawn.mean / 50
    found = worst_case(x.double(), y.double(), w.double(), drawn.problem.activation, 2.0).margin.numpy()
    ours = theorem.attack(x.double().numpy(), y.double().numpy(), w.double().numpy(), gamma=0.1, alpha=2.0)
    assert ours == pytest.approx(found, rel=1e-3, abs=1e-6)


def test_closed_forms_are_the_package_s() -> None:
    ours = theorem.closed_forms(n=100, d=10_000, mu=8.0, beta=0.1, alpha=2.0, gamma=0.1)
    law = {"n": 100, "d": 10_000, "signal": 8.0, "flip_rate": 0.1}
    rhos = gaussian.averaging_rho(**law), gaussian.max_margin_rho(**law, slope=0.1)
    errors = [float(gaussian.half_space_error(2.0, rho, 0.1)) for rho in rhos]
    assert list(ours.values()) == pytest.approx([gaussian.robust_floor(2.0, 8.0, 0.1), *errors])


@pytest.mark.parametrize("d", [60, 4000])
def test_what_it_draws_has_the_law_of_the_package_s_draws(d: int) -> None:
    """In law above n + m/2 + 1 dimensions, and densely below: of six seeds each, the mean ρ and error are the same."""
    letters = SMALL | {"d": d, "steps": 10, "mu": 3.0 if d == 60 else 8.0}
    ours = np.array([theorem.course(**letters | {"seed": seed})[-1] for seed in range(6)])
    rows = list(run([cell(**letters | {"seed": seed}) for seed in range(6)], CONTEXT))
    for column, name in ((5, "rho"), (3, "robust_test_error")):
        theirs = np.array([row[name] for row in rows])
        (low,), (high,) = mean_intervals([ours[:, column] - theirs])
        assert low <= 0 <= high, (name, ours[:, column], theirs)


def test_vectors_in_law_have_the_lengths_and_angles_of_gaussian_vectors() -> None:
    rng = np.random.default_rng(0)
    gram = np.array([z @ z.T for z in (theorem.noise(3, 50, rng) for _ in range(4000))])
    assert gram.mean(0) == pytest.approx(50 * np.eye(3), abs=5 * (2 * 50 / 4000) ** 0.5)
    assert gram.var(0) == pytest.approx(50 * (np.eye(3) + 1), rel=0.15)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(FILE), *arguments], capture_output=True, text=True, check=False)


def test_it_runs_as_a_command_and_draws(tmp_path: Path) -> None:
    letters = [f"--{letter}={value}" for letter, value in (SMALL | {"steps": 10}).items()]
    answer = command(*letters, f"--plot={tmp_path / 'course.png'}")
    assert answer.returncode == 0, answer.stderr
    assert "floor (no classifier is better): 0.100" in answer.stdout
    assert (tmp_path / "course.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--beta=0.6"], "--beta 0.6 is impossible: give a value from 0 to 0.5"),
        (["--m=3"], "--m 3 is impossible: give an even number"),
        (["--n=many"], "argument --n: invalid int value: 'many'"),
    ],
)
def test_impossible_values_are_refused(
    arguments: list[str], complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["theorem.py", *arguments])
    with pytest.raises(SystemExit) as stop:
        theorem.main()
    assert stop.value.code == 2
    assert complaint in capsys.readouterr().err
