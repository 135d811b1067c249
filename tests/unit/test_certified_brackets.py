"""Certified brackets are of the flagship's own networks, and every claim about them can fail."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benign.attack import evaluation
from benign.attack.certificate import Certificate
from benign.experiments.noisy_clusters.columns import Errors
from benign.experiments.noisy_clusters.predict import predict
from benign.pipeline import settings, tables
from benign.studies.adversarial_training.experiment import run as flagship_run
from benign.studies.adversarial_training.grid import Cell as Flagship
from benign.studies.certified_brackets import experiment
from benign.studies.certified_brackets.claims import CLAIMS
from benign.studies.certified_brackets.experiment import run
from benign.studies.certified_brackets.grid import STUDY, Cell
from benign.study import Context
from support import ROOT, claims_of, verdicts_of

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
    for name in ("two_group_error", "four_group_error"):
        assert bracketed[name] == flagship[name]


@pytest.mark.parametrize("activation", ["leaky_relu", "smooth_leaky_relu", "relu"])
def test_attacked_lower_and_upper_ends_stand_in_order(activation):
    (row,) = run([small(activation=activation)], Context(study=NAME))
    for points in ("test", "train"):
        assert row[f"{points}_attacked"] <= row[f"{points}_lower"] <= row[f"{points}_upper"]
        assert row[f"{points}_upper"] <= row[f"{points}_plain_upper"] <= 1


def test_a_network_that_diverged_is_a_row_of_its_own():
    bad, good = small(budget=1e30, activation="smooth_leaky_relu"), small()
    rows = list(run([bad, good], Context(study=NAME)))
    assert [row["status"] for row in rows] == ["diverged", "ok"]


def test_a_certificate_that_is_wrong_is_caught(monkeypatch):
    """Points that the attack turns are asked as well, and the attack asks no certificate where to look."""

    def all_robust(x, *rest, **options):
        none = torch.zeros(len(x), dtype=torch.bool)
        return Certificate(~none, none, torch.zeros_like(x), len(x))

    def certain(x, *rest):
        return torch.inf * x[:, 0].abs(), torch.inf * x[:, 0].abs()

    monkeypatch.setattr(experiment, "certify", all_robust)
    (row,) = run([small()], Context(study=NAME))
    assert row["test_inverted"] == round(200 * row["test_attacked"]) > 0
    monkeypatch.setattr(evaluation, "relaxed_margin", certain)  # as wrong as the certificate
    (blind,) = run([small()], Context(study=NAME))
    assert blind["test_attacked"] == 0
    assert blind["test_inverted"] == row["test_inverted"]
    assert verdicts(pd.DataFrame([row]))["never_inverted"] == "not replicated"


# ---------------------------------------------------------------- claims


def with_seeds(grid: dict[str, Any], seeds: int) -> dict[str, Any]:
    """A grid with so many replicates of everything."""
    experiments = {
        name: [{field: value for field, value in block.items() if field != "seeds"} for block in blocks]
        for name, blocks in grid["experiments"].items()
    }
    return {**grid, "seeds": seeds, "experiments": experiments}


def ideal_row(cell: Cell, predicted: dict[str, Any]) -> dict:
    """A row as it would be if every claim held: errors are halfway between the predictions."""
    clusters = cell.data == "clusters"
    norm, tested = (cell.signal, 2000) if clusters else (0.7 * cell.side, 200)
    expected = cell.flip_rate + 0.01
    if clusters:
        expected = (predicted["averaging_error"] + predicted["linear_max_margin_error"]) / 2
    attacked = round(tested * expected) / tested
    missed = 0.01 if cell.activation == "relu" and cell.budget > norm / 4 else 0.0
    row = {"key": cell.key, **cell.fields(), "status": "ok", "tested": tested, "mean_norm": norm, **predicted}
    row |= {f"train_{name}": 0.0 for name in ("attacked", "lower", "upper", "plain_upper")}
    row |= {"test_attacked": attacked, "test_lower": min(attacked + missed, 1), "test_upper": min(attacked + missed, 1)}
    row |= {"test_plain_upper": min(attacked + 0.1, 1), "test_inverted": 0, "train_inverted": 0}
    return row


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    grid = settings.section(settings.grid_file(NAME), NAME, "default")["grid"]
    cells = STUDY.cells(with_seeds(grid, 6))
    once = {cell.replace(seed=0): None for cell in cells}
    predicted = {
        cell.key: {name: value for name, value in predict(cell).items() if name in Errors.model_fields} for cell in once
    }
    return pd.DataFrame([ideal_row(cell, predicted[cell.replace(seed=0).key]) for cell in cells])


def possible(row: pd.Series) -> bool:
    """Whether the code can write this row: shares of points, in an order that only an inverted one breaks."""
    for points, count in (("test", row["tested"]), ("train", row["n"])):
        names = ("attacked", "lower", "upper", "plain_upper")
        attacked, lower, upper, plain = (row[f"{points}_{name}"] * count for name in names)
        inverted = 0 if pd.isna(row[f"{points}_inverted"]) else row[f"{points}_inverted"]
        whole = all(abs(each - round(each)) < 1e-6 for each in (attacked, lower, upper, plain))
        ordered = 0 <= attacked <= lower + 1e-9 and max(upper, plain) <= count + 1e-9
        sound = lower <= upper + 1e-9 and attacked <= plain + 1e-9
        if not (whole and ordered and (sound or inverted) and 0 <= inverted <= count - min(upper, plain) + 1e-9):
            return False
    return True


@pytest.mark.parametrize("tier", ["default", "paper"])
def test_the_rules_of_rows_hold_for_those_that_were_run(tier):
    kept = STUDY.table(tables.read(ROOT / "results" / tier / NAME / "table.csv"))
    assert kept[kept["status"] == "ok"].apply(possible, axis=1).all()


verdicts = functools.partial(verdicts_of, NAME)


def test_on_the_ideal_table_every_claim_is_replicated(ideal):
    assert ideal.apply(possible, axis=1).all()
    assert {id: verdict for id, verdict in verdicts(ideal).items() if verdict != "replicated"} == {}


def test_without_cells_every_claim_is_not_run(ideal):
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


def test_budgets_that_are_a_fraction_of_the_norm_but_for_rounding_count(ideal):
    quarter = ideal[(ideal["budget"] / ideal["signal"]).between(0.2499, 0.2501) & (ideal["data"] == "clusters")]
    for factor in (1 - 1e-8, 1 + 1e-8):  # the norm that a row has is single precision's
        (narrow,) = (
            c for c in claims_of(NAME, quarter.assign(mean_norm=quarter["signal"] * factor)) if c.id == "narrow"
        )
        assert narrow.measured["cells"] == len(quarter) > 0


def test_a_point_with_one_seed_leaves_a_claim_about_all_points_undecided(ideal):
    one = (ideal["experiment"] == "width") & (ideal["seed"] > 0) & (ideal["width"] == 50)
    assert verdicts(ideal[~one])["narrow"] == verdicts(ideal[~one])["training_certified"] == "undecided"


def wider(table: pd.DataFrame, by: float) -> pd.DataFrame:
    """Fewer points have a certificate."""
    upper = (table["test_upper"] + by).clip(upper=1)
    return table.assign(test_upper=upper, test_plain_upper=np.maximum(table["test_plain_upper"], upper))


def missed(table: pd.DataFrame) -> pd.DataFrame:
    """Attacks find less."""
    return table.assign(test_attacked=(table["test_attacked"] - 0.02).clip(lower=0))


def unfitted(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(train_upper=0.01, train_plain_upper=0.01)


def smooth_missed(table: pd.DataFrame) -> pd.DataFrame:
    """Attacks miss points of smooth networks and none of ReLU networks."""
    return table.assign(
        test_attacked=table["test_attacked"].where(
            table["activation"] != "smooth_leaky_relu", table["test_lower"] - 0.02
        ),
        test_lower=table["test_lower"].where(table["activation"] != "relu", table["test_attacked"]),
    )


MUTATIONS = {
    "never_inverted": lambda t: t.assign(test_inverted=(t.test_upper < 1).astype(int)),
    "narrow": lambda t: wider(t, 0.03),
    "branching_narrows": lambda t: t.assign(test_upper=t.test_plain_upper),
    "attacks_nearly_complete": missed,
    "attacks_complete_when_smooth": smooth_missed,
    "certified_benign": lambda t: unfitted(wider(t, 0.06)),
    "between_predictors": lambda t: t.assign(test_attacked=0.0, test_lower=0.0, test_upper=1.0, test_plain_upper=1.0),
    "training_certified": unfitted,
    "narrow_on_mnist": lambda t: wider(t, 0.03),
}
PREDICTED = ["averaging_error", "linear_max_margin_error", "two_group_error", "in_regime"]


@pytest.mark.parametrize("claim", MUTATIONS)
def test_each_claim_fails_on_a_table_that_contradicts_it(ideal, claim):
    broken = MUTATIONS[claim](ideal)
    assert broken.apply(possible, axis=1).all()
    pd.testing.assert_frame_equal(broken[PREDICTED], ideal[PREDICTED])
    assert verdicts(broken)[claim] == "not replicated"


def test_every_claim_has_a_table_that_breaks_it():
    assert {judged.__name__ for judged in CLAIMS} == set(MUTATIONS)
