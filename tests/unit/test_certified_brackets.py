"""Certified brackets are of the flagship's own networks, and every claim about them can fail."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benign.pipeline import settings
from benign.studies.adversarial_training.experiment import run as flagship_run
from benign.studies.adversarial_training.grid import Cell as Flagship
from benign.studies.certified_brackets.claims import CLAIMS
from benign.studies.certified_brackets.experiment import run
from benign.studies.certified_brackets.grid import STUDY, Cell
from benign.study import Context
from support import verdicts_of

NAME = STUDY.name


def small(**fields: Any) -> Cell:
    common: dict[str, Any] = {
        "experiment": "budget", "d": 2000, "signal": 6.0, "n": 20, "flip_rate": 0.1, "activation": "relu",
        "slope": 0.1, "curvature": 10.0, "width": 40, "init_scale": 0.001, "step_scale": 2.0, "steps": 60,
        "budget": 2.0, "test_points": 200, "seed": 0,
    }  # fmt: skip
    return Cell(**{**common, **fields})


def test_the_networks_are_the_flagship_s_and_its_error_is_the_attacked_one():
    cell = small()
    (flagship,) = flagship_run([Flagship(**cell.fields())], Context(study="adversarial_training"))
    (bracketed,) = run([cell], Context(study=NAME))
    assert bracketed["test_attacked"] == flagship["robust_test_error"]
    assert bracketed["train_attacked"] == flagship["robust_train_error"]
    assert bracketed["two_group_error"] == flagship["two_group_error"]


@pytest.mark.parametrize("activation", ["leaky_relu", "smooth_leaky_relu", "relu"])
def test_attacked_lower_and_upper_ends_stand_in_order(activation):
    (row,) = run([small(activation=activation)], Context(study=NAME))
    for points in ("test", "train"):
        assert row[f"{points}_attacked"] <= row[f"{points}_lower"] <= row[f"{points}_upper"]
        assert row[f"{points}_upper"] <= row[f"{points}_plain_upper"] <= 1


def test_a_network_that_diverged_is_a_row_of_its_own():
    bad, good = small(step_scale=1e42, activation="smooth_leaky_relu"), small()
    rows = list(run([bad, good], Context(study=NAME)))
    assert [row["status"] for row in rows] == ["diverged", "ok"]


# ---------------------------------------------------------------- claims


def ideal_row(cell: Cell) -> dict:
    """A row as it would be if every claim held."""
    norm = cell.signal if cell.data == "clusters" else 0.7 * cell.side
    attacked = min(cell.flip_rate + 0.5 * cell.budget / norm, 1.0)
    missed = 0.03 if cell.activation == "relu" and cell.budget > norm / 4 else 0.0
    row = {"key": cell.key, **cell.fields(), "status": "ok", "tested": 2000, "mean_norm": norm, "in_regime": False}
    row |= {"averaging_error": attacked - 0.05, "linear_max_margin_error": attacked + 0.1}
    if cell.experiment == "regime":
        row["in_regime"] = True
        attacked = cell.flip_rate + 0.01
    for points, found in (("test", attacked), ("train", 0.0)):
        row |= {f"{points}_attacked": found, f"{points}_lower": found, f"{points}_upper": found}
        row |= {f"{points}_plain_upper": found}
    row |= {"test_lower": attacked + missed, "test_upper": attacked + missed, "test_plain_upper": attacked + 0.1}
    return row


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    grid = settings.section(settings.grid_file(NAME), NAME, "default")["grid"]
    return pd.DataFrame([ideal_row(cell) for cell in STUDY.cells(grid)])


verdicts = functools.partial(verdicts_of, NAME)


def test_on_the_ideal_table_every_claim_is_replicated(ideal):
    assert {id: verdict for id, verdict in verdicts(ideal).items() if verdict != "replicated"} == {}


def test_without_cells_every_claim_is_not_run(ideal):
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


MUTATIONS = {
    "never_inverted": lambda t: t.assign(train_upper=-0.01),
    "narrow": lambda t: t.assign(test_upper=t.test_upper + 0.03),
    "branching_narrows": lambda t: t.assign(test_upper=t.test_lower + 0.09),
    "attacks_nearly_complete": lambda t: t.assign(test_attacked=t.test_attacked - 0.02),
    "attacks_complete_when_smooth": lambda t: t.assign(test_attacked=t.test_attacked - 0.02),
    "certified_benign": lambda t: t.assign(test_upper=t.test_upper + 0.06),
    "between_predictors": lambda t: t.assign(test_lower=t.test_lower - 0.2),
    "training_certified": lambda t: t.assign(train_upper=0.01),
    "narrow_on_mnist": lambda t: t.assign(test_upper=np.where(t.data == "mnist", t.test_upper + 0.03, t.test_upper)),
}


@pytest.mark.parametrize("claim", MUTATIONS)
def test_each_claim_fails_on_a_table_that_contradicts_it(ideal, claim):
    assert verdicts(MUTATIONS[claim](ideal))[claim] == "not replicated"


def test_every_claim_has_a_table_that_breaks_it():
    assert {judged.__name__ for judged in CLAIMS} == set(MUTATIONS)
