"""Real data: cells and rows on made-up images and real ones, and every claim against a table that breaks it."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benign import plots
from benign.data.images import sources
from benign.data.images.record import ImageSet
from benign.pipeline import settings
from benign.studies.real_data.claims import CLAIMS
from benign.studies.real_data.experiment import run
from benign.studies.real_data.grid import STUDY, Cell
from benign.studies.real_data.predictions import half_space
from benign.study import CellError, Context
from support import figures_of, verdicts_of

NAME = STUDY.name


def small(**fields: Any) -> Cell:
    common: dict[str, Any] = {
        "data": "mnist", "classes": "0v1", "side": 5, "n": 12, "flip_rate": 0.1, "budget_ratio": 0.1, "width": 6,
        "slope": 0.1, "init_scale": 0.001, "step_scale": 8.0, "steps": 10, "most_steps": 40, "test_points": 0,
        "seed": 0,
    }  # fmt: skip
    return Cell(**{**common, **fields})


@pytest.fixture(scope="module")
def context() -> Context:
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    pixels = (rng.integers(0, 160, (300, 5, 5)) + 60 * y[:, None, None] * (np.arange(5) < 3)).astype(np.uint8)
    made = ImageSet("made", pixels[:200], y[:200], pixels[200:], y[200:], ("0", "1"), "made for a test")
    return Context(study=NAME, images=lambda name: made)


def test_a_row_does_not_depend_on_which_other_cells_are_asked_for(context):
    asked = [small(), small(budget_ratio=0.5), small(training="ordinary"), small(training="ordinary", budget_ratio=0.5)]
    together = {row["key"]: row for row in run(asked, context)}
    for cell in asked:
        assert pd.DataFrame(run([cell], context)).equals(pd.DataFrame([together[cell.key]]))


def test_ordinary_networks_do_not_depend_on_the_budget_that_attacks_them(context):
    weak, strong = run([small(training="ordinary"), small(training="ordinary", budget_ratio=0.9)], context)
    assert weak["clean_test_error"] == strong["clean_test_error"]
    assert weak["robust_test_error_clean_labels"] <= strong["robust_test_error_clean_labels"]


def test_beyond_the_separation_training_errs_at_least_as_much_as_any_classifier_must(context):
    (row,) = run([small(budget_ratio=3.0)], context)
    assert row["budget"] > row["separation"]
    assert row["robust_train_error"] >= row["least_robust_train_error"] > 0
    assert row["trained_steps"] == 10


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"flip_rate": 0.6}, "flip_rate"), ({"data": "svhn"}, "data"), ({"width": 5}, "width"), ({"n": 1}, "n"),
     ({"most_steps": 5}, "most_steps"), ({"training": "none"}, "training"), ({"budget_ratio": -1}, "budget_ratio")],
)  # fmt: skip
def test_an_impossible_cell_is_an_error_that_names_the_field(fields, named):
    with pytest.raises(CellError, match=rf"^{named}=\S+ is (impossible: give a value that is|not one of) "):
        small(**fields)


@pytest.mark.skipif("BENIGN_DATA" not in os.environ, reason="BENIGN_DATA names a folder with MNIST and CIFAR-10")
def test_real_cats_and_dogs_make_a_row():
    cifar10 = sources.cifar10_folder(Path(os.environ["BENIGN_DATA"]) / "cifar10")
    cell = small(data="cifar10", classes="catvdog", side=4, n=20, test_points=50)
    (row,) = run([cell], Context(study=NAME, images=lambda name: cifar10))
    assert row["status"] == "ok"
    assert row["d"] == 48


# ---------------------------------------------------------------- claims and figures


def ideal_row(cell: Cell) -> dict[str, Any]:
    """A row as it would be if every claim held: a half-space with ρ = .7‖μ̂‖ and deviations of 1.5."""
    signal = 9.0 if cell.data == "mnist" else 3.0
    budget, impossible = cell.budget_ratio * signal, 0.5 * signal
    row: dict[str, Any] = cell.row(status="ok", budget=budget, mean_norm=signal)
    row |= {"first_share": 0.5, "separation": impossible, "tested": 400, "trained_steps": 100}
    row |= {"least_robust_train_error": 0.1 * (budget >= impossible)}
    row |= {"robust_train_error": 0.2 * (budget >= impossible), "averaging_rho": 0.95 * signal}
    row |= {"network_rho": 0.7 * signal, "network_sigma_first": 1.5, "network_sigma_second": 1.5}
    frame = pd.DataFrame([row])
    row["robust_test_error"] = float(half_space(frame, cell.flip_rate)[0]) + 1e-4 - 1e-6 * cell.n
    row["robust_test_error_clean_labels"] = float(half_space(frame, 0.0)[0])
    if cell.data == "cifar10":
        row["robust_test_error"] += 0.04
    if cell.training == "ordinary":
        row["robust_test_error"] += 0.1
    return row


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    grid = settings.section(settings.grid_file(NAME), NAME, "paper")["grid"]
    return pd.DataFrame([ideal_row(cell) for cell in STUDY.cells(grid)])


verdicts = functools.partial(verdicts_of, NAME)


def test_on_the_ideal_table_every_claim_is_replicated(ideal):
    assert {id: verdict for id, verdict in verdicts(ideal).items() if verdict != "replicated"} == {}


def test_without_cells_every_claim_is_not_run(ideal):
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


def test_without_cifar10_its_claim_is_not_run(ideal):
    assert verdicts(ideal[ideal["data"] == "mnist"])["cifar10_not_benign"] == "not run"


MUTATIONS = {
    "no_classifier_beats_separation": lambda t: t.assign(robust_train_error=0.05),
    "true_labels_interpolated": lambda t: t.assign(robust_train_error=0.02),
    "noisy_labels_interpolated": lambda t: t.assign(robust_train_error=0.02),
    "direction_predicts_transition": lambda t: t.assign(network_rho=0.5 * t.network_rho),
    "white_noise_misses": lambda t: t.assign(averaging_rho=t.network_rho, network_rho=0.8 * t.network_rho),
    "covariance_predicts_curve": lambda t: t.assign(network_sigma_first=9.0, network_sigma_second=9.0),
    "benign_on_mnist": lambda t: t.assign(robust_test_error=t.flip_rate + 0.06),
    "more_points_help": lambda t: t.assign(robust_test_error=t.robust_test_error + 2e-6 * t.n),
    "cifar10_not_benign": lambda t: t.assign(robust_test_error=t.flip_rate),
    "adversarial_beats_ordinary": lambda t: t.assign(robust_test_error=0.5 - 0.1 * (t.training == "ordinary")),
}


@pytest.mark.parametrize("claim", MUTATIONS)
def test_each_claim_fails_on_a_table_that_contradicts_it(ideal, claim):
    assert verdicts(MUTATIONS[claim](ideal))[claim] == "not replicated"


def test_every_claim_has_a_table_that_breaks_it():
    assert {judged.__name__ for judged in CLAIMS} == set(MUTATIONS)


def test_every_figure_is_drawn_from_a_table_and_from_none(ideal):
    for table in (ideal, ideal.iloc[:0]):
        for figure in figures_of(NAME, table):
            assert list(figure.numbers.columns) == plots.COLUMNS
            assert plots.render(figure)["png"].startswith(b"\x89PNG")
