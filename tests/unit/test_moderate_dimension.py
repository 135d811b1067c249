"""Signal-and-noise networks against closed forms and plain gradient descent; every claim against a breaking table."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benign.data import signal_noise as data
from benign.pipeline import settings
from benign.studies.moderate_dimension.claims import CLAIMS, REPORTED
from benign.studies.moderate_dimension.experiment import run
from benign.studies.moderate_dimension.grid import STUDY, Cell
from benign.study import CellError, Context
from benign.theory.geometry.hard_margin import hard_margin
from benign.theory.mixture import signal_noise
from benign.theory.mixture.gaussian import half_space_error
from benign.train import hinge
from support import figures_of, verdicts_of

NAME = STUDY.name


def small(**fields: Any) -> Cell:
    common: dict[str, Any] = {
        "n": 20, "d": 60, "gamma": 0.2, "flip_rate": 0.1, "width": 16, "slope": 0.1, "stop": "loss",
        "max_steps": 5000, "test_points": 200, "seed": 0,
    }  # fmt: skip
    return Cell(**{**common, **fields})


def rows(*cells: Cell) -> list[dict[str, Any]]:
    return list(run(list(cells), Context(study=NAME)))


def test_half_space_error_is_that_of_simulated_points():
    generator = np.random.default_rng(0)
    clean = generator.choice([-1.0, 1.0], 200_000)
    x, w = data.draw(clean, 5, 0.3, generator), np.array([1.0, 0.5, -1.0, 0.2, 0.7])
    predicted = float(half_space_error(0.0, signal_noise.rho(w[0], np.linalg.norm(w[1:]), 0.3, 5)))
    assert np.mean(clean * (x @ w) <= 0) == pytest.approx(predicted, abs=5 * (predicted / 200_000) ** 0.5)


def test_the_interpolator_is_that_of_sampled_points():
    generator, n, d, gamma = np.random.default_rng(1), 200, 600, 0.05
    clean = generator.choice([-1.0, 1.0], n)
    y = np.where(np.arange(n) < 20, -clean, clean)
    w = np.linalg.pinv(data.draw(clean, d, gamma, generator)) @ y
    along, across = signal_noise.interpolator(n, d, gamma, 0.1)
    assert w[0] == pytest.approx(float(along), rel=0.1)
    assert np.linalg.norm(w[1:]) == pytest.approx(float(across), rel=0.1)


def test_at_slope_one_aligned_neurons_are_the_hard_margin_classifier():
    generator = np.random.default_rng(2)
    y, x = generator.choice([-1.0, 1.0], 15), generator.standard_normal((15, 40))
    weights = signal_noise.aligned_weights(x, y, 1.0)
    found = hard_margin(y[:, None] * x)
    assert found is not None
    assert (weights * y) @ x == pytest.approx(found.w, abs=1e-9)


def test_training_in_the_gram_matrix_is_gradient_descent_on_the_weights():
    generator = np.random.default_rng(3)
    y, x = generator.choice([-1.0, 1.0], 8), generator.standard_normal((8, 12))
    w = w0 = 0.1 * generator.standard_normal((6, 12))
    a = hinge.output_signs(6)
    for _ in range(5):
        z = x @ w.T
        active = y * hinge.output(x, w, 0.1) < 1
        w = w + 0.01 * (np.where(z > 0, a, 0.1 * a) * (active * y)[:, None]).T @ x
    *_, last = hinge.train(x, y, w0, 0.1, 0.01, 5)
    assert last.weights == pytest.approx(w, abs=1e-12)
    assert not last.reached


def test_both_rules_are_met_in_order_and_rows_do_not_depend_on_the_others():
    asked = [small(stop="error"), small(), small(seed=1)]
    together = {row["key"]: row for row in rows(*asked)}
    assert all(rows(cell) == [together[cell.key]] for cell in asked)
    first, second = (together[cell.key] for cell in asked[:2])
    assert first["train_error"] == 0
    assert second["hinge_loss"] == 0
    assert first["steps"] <= second["steps"]


@pytest.mark.parametrize(
    ("name", "value"), [("d", 10), ("gamma", 1.0), ("width", 7), ("slope", 0), ("stop", "never"), ("flip_rate", 0.7)]
)
def test_an_impossible_cell_is_an_error_that_names_the_field(name, value):
    with pytest.raises(CellError, match=rf"^{name}={value!r} is (impossible: give a value that is|not one of) "):
        small(**{name: value})


def ideal_row(cell: Cell) -> dict[str, Any]:
    """A row as it would be if every claim held."""
    scaled = cell.gamma * cell.n
    error = float(REPORTED["mean"].get(cell.d // cell.n, 0.0)) if cell.experiment == "heatmap" else 0.5 / (1 + scaled)
    row = cell.row(status="ok", reached=1, steps=100, train_error=0.0)
    row |= {"hinge_loss": 0.0, "tested": 1000, "weight_norm": 9.0, "linear_norm": 10.0, "flipped": 0.1}
    return row | dict.fromkeys(("test_error", "half_space_error", "linear_error", "aligned_error"), error)


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    grid = settings.section(settings.grid_file(NAME), NAME, "default")["grid"]
    return pd.DataFrame([ideal_row(cell) for cell in STUDY.cells(grid)])


verdicts = functools.partial(verdicts_of, NAME)


def test_on_the_ideal_table_every_claim_is_replicated_and_without_cells_none_is_run(ideal):
    assert {id: verdict for id, verdict in verdicts(ideal).items() if verdict != "replicated"} == {}
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


MUTATIONS = {
    "table_at_zero_error": lambda t: t.assign(test_error=0.2),
    "table_at_zero_loss": lambda t: t.assign(test_error=0.2),
    "noise_is_fitted": lambda t: t.assign(train_error=0.01),
    "loss_reaches_zero": lambda t: t.assign(reached=0),
    "benign_at_moderate_dimension": lambda t: t.assign(test_error=0.05),
    "weak_signal_is_harmful": lambda t: t.assign(test_error=0.1),
    "strong_signal_is_not": lambda t: t.assign(test_error=0.2),
    "rules_agree": lambda t: t.assign(test_error=np.where(t.stop == "loss", 0.1, 0.0)),
    "approximately_max_margin": lambda t: t.assign(weight_norm=30.0),
    "hard_margin_predicts": lambda t: t.assign(linear_error=0.2),
    "aligned_neurons_predict": lambda t: t.assign(aligned_error=0.2),
    "nearly_half_spaces": lambda t: t.assign(half_space_error=0.2),
}


@pytest.mark.parametrize("judged", CLAIMS)
def test_each_claim_fails_on_a_table_that_contradicts_it(ideal, judged):
    id = judged.__name__
    assert verdicts(MUTATIONS[id](ideal))[id] == "not replicated"


def test_every_figure_has_numbers_from_a_full_table_and_none_from_an_empty_one(ideal):
    assert all(len(figure.numbers) for figure in figures_of(NAME, ideal))
    assert not any(len(figure.numbers) for figure in figures_of(NAME, ideal.iloc[:0]))
