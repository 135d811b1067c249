"""The ledger: cells, what they share with the flagship's, and every claim on a table that breaks it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from benign.pipeline import settings
from benign.studies.adversarial_training.experiment import run as flagship_run
from benign.studies.adversarial_training.grid import Cell as Flagship
from benign.studies.assumption_ledger.claims import CLAIMS, claims
from benign.studies.assumption_ledger.experiment import run
from benign.studies.assumption_ledger.figures import BASE, LIMIT, figures, outcome
from benign.studies.assumption_ledger.grid import STUDY, Cell
from benign.studies.assumption_ledger.ledger import ENTRIES, points
from benign.study import CellError, Context
from benign.theory.mixture import gaussian
from support import verdicts_of

NAME = STUDY.name
SMALL = {
    "experiment": "base", "d": 2000, "signal": 6.0, "n": 20, "flip_rate": 0.1, "activation": "leaky_relu",
    "slope": 0.1, "curvature": 10.0, "width": 20, "init_scale": 0.001, "step_scale": 2.0, "steps": 40,
    "budget": 1.0, "test_points": 200, "seed": 0,
}  # fmt: skip


def small(**fields) -> Cell:
    return Cell(**{**SMALL, **fields})


def rows(*some: Cell) -> list[dict]:
    return list(run(list(some), Context(study=NAME)))


# ---------------------------------------------------------------- cells


def test_a_cell_with_nothing_new_is_trained_and_measured_as_the_flagship_does():
    (row,) = rows(small())
    (flagship,) = flagship_run([Flagship(**SMALL)], Context(study=NAME))
    shared = set(flagship) - {"key"}
    assert {name: row[name] for name in shared} == {name: flagship[name] for name in shared}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data", "mnist"), ("covariance", "wishart"), ("correlation", -0.1), ("flips", "none"), ("batch", -1),
        ("batch", 2.5), ("n", 0),
    ],
)  # fmt: skip
def test_impossible_values_are_refused_by_name(field, value):
    with pytest.raises(CellError, match=f"{field}="):
        small(**{field: value})


def test_impossible_tails_and_correlations_are_refused_by_name():
    with pytest.raises(CellError, match=r"tail=2\.0"):
        small(noise="student_t", sampling="dense", tail=2)
    with pytest.raises(CellError, match=r"correlation=1\.0"):
        small(covariance="ar1", correlation=1)
    with pytest.raises(CellError, match="covariance=identity"):
        small(noise="uniform", sampling="dense", covariance="ar1", correlation=0.5)


def test_fields_that_do_not_matter_do_not_make_a_new_cell():
    assert small(correlation=0.5).key == small(tail=3).key == small(batch=20).key == small().key
    assert small(flip_rate=0, flips="worst").key == small(flip_rate=0).key
    sparse = small(noise="sparse_rademacher", sampling="dense")
    assert sparse.key == sparse.replace(tail=0.01).key
    assert small(covariance="ar1", correlation=0.5).sampling == "dense"


BROKEN = {
    "covariance": {"covariance": "power_law", "correlation": 0.5},
    "tail": {"noise": "student_t", "sampling": "dense", "tail": 2.5},
    "sparse": {"noise": "sparse_rademacher", "sampling": "dense", "tail": 0.1},
    "flips": {"flips": "worst"},
    "batch": {"batch": 6},
    "pgd in batches": {"batch": 6, "inner": "pgd", "inner_steps": 3},
}


def test_a_row_does_not_depend_on_what_is_run_beside_it_and_all_have_the_same_columns():
    some = [small(), *(small(**fields) for fields in BROKEN.values())]
    together = {row["key"]: row for row in rows(*some)}
    assert len({frozenset(row) for row in together.values()}) == 1
    for cell in some:
        (alone,) = rows(cell)
        assert all(
            a == b or (a != a and b != b) for a, b in zip(alone.values(), together[cell.key].values(), strict=True)
        )
        assert alone["status"] == "ok"


def test_dense_correlated_sampling_without_correlation_agrees_with_sampling_in_law():
    """Two samplings of one law: mean ρ over seeds within three standard errors."""
    found = [rows(*(small(seed=s, **law) for s in range(8))) for law in ({}, {"covariance": "ar1"})]
    one, other = (np.array([row["rho"] for row in part]) for part in found)
    assert abs(one.mean() - other.mean()) < 3 * np.sqrt((one.var() + other.var()) / 8)


def test_a_sample_with_a_majority_of_wrong_labels_is_a_row_without_results():
    found = {row["status"] for row in rows(*(small(n=3, flip_rate=0.5, seed=s, steps=2) for s in range(8)))}
    assert found == {"ok", "outvoted"}


@pytest.mark.parametrize("fields", [{}, {"batch": 5}], ids=["flagship's", "own"])
def test_a_network_that_diverged_is_a_row_of_its_own(fields):
    bad = small(step_scale=1e42, activation="smooth_leaky_relu", **fields)
    assert sorted(row["status"] for row in rows(bad, small())) == ["diverged", "ok"]


# ---------------------------------------------------------------- figures


def test_every_entry_of_the_ledger_has_a_line_and_every_experiment_a_panel(ideal):
    ledger, sweeps = figures(ideal)
    assert set(ledger.numbers["panel"]) == {entry.name for entry in ENTRIES}
    assert sweeps.numbers["panel"].nunique() == ideal["experiment"].nunique() - 1  # the base is in every panel


def test_the_outcome_is_read_off_the_numbers(ideal):
    def outcomes(table):
        numbers = figures(table)[0].numbers
        return {name: outcome(group) for name, group in numbers.groupby("panel")}

    found = outcomes(ideal)
    assert found["exact inner maximum"] == "benign"
    assert found["small budget"] == "harmful"
    assert outcomes(ideal.assign(robust_train_error=0.1))["small budget"] == "harmful, not fitted"


def test_an_error_beyond_the_limit_with_an_interval_that_reaches_back_is_unclear(ideal):
    numbers = figures(ideal)[0].numbers
    part = numbers[numbers["panel"] == "exact inner maximum"].copy()
    broken = (part["quantity"] == "robust test error") & ~part["series"].isin([BASE, LIMIT])
    part.loc[broken, ["mean", "low", "high"]] = [0.3, 0.1, 0.5]
    assert outcome(part) == "unclear"
    part.loc[broken, "low"] = 0.2
    assert outcome(part) == "harmful"


def test_diverged_cells_are_not_benign(ideal):
    lost = ideal[ideal["experiment"] == "inner"].copy()
    lost = pd.concat([lost, lost.assign(status="diverged", robust_test_error=np.nan)])
    assert points(ideal[ideal["experiment"] == "inner"])["benign"].all()
    assert not points(lost)["benign"].any()


# ---------------------------------------------------------------- claims


def ideal_row(cell: Cell) -> dict:
    """A row as it would be if every claim held."""
    row = {"key": cell.key, **cell.fields(), "status": "ok", "tested": 2000, "flipped": cell.flip_rate}
    setting = {"n": cell.n, "d": cell.d, "signal": cell.signal, "flip_rate": cell.flip_rate}
    row |= {"averaging_rho": float(gaussian.averaging_rho(**setting)), "effective_dimension": float(cell.d)}
    wrong = 0.01
    if cell.experiment == "correlation":
        strong = cell.correlation > 0.5
        wrong, row["effective_dimension"] = (0.3, cell.d / 9) if strong else (0.02, 0.6 * cell.d)
    elif (cell.experiment == "dimension" and cell.n < cell.d <= 800) or (
        cell.experiment == "initialisation" and cell.init_scale >= 10
    ):
        wrong = 0.2
    elif cell.experiment in ("signal", "budget", "flip_rate"):
        rho = float(gaussian.max_margin_rho(**setting, slope=0.1))
        wrong = float(gaussian.half_space_error(cell.budget, rho, 0.0))
    row["robust_train_error"] = 0.1 if cell.experiment == "dimension" and cell.d < cell.n else 0.0
    error = cell.flip_rate + (1 - 2 * cell.flip_rate) * wrong
    row |= {"robust_test_error": error, "robust_test_error_clean_labels": wrong, "expected_error": error}
    row |= {"clean_test_error": cell.flip_rate, "clean_test_error_clean_labels": 0.0}
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


def raised(*experiments: str, by: float = 0.3) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A table in which these experiments' robust test errors are higher."""

    def mutate(table: pd.DataFrame) -> pd.DataFrame:
        here = by * table["experiment"].isin(experiments)
        names = ("robust_test_error", "robust_test_error_clean_labels")
        return table.assign(**{name: (table[name] + here).clip(upper=1) for name in names})

    return mutate


def unfitted(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(robust_train_error=0.05)


FLAT = {"robust_test_error": 0.1, "robust_test_error_clean_labels": 0.0}
MUTATIONS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "benign_at_the_base": raised("base"),
    "too_few_dimensions_to_fit": lambda t: t.assign(robust_train_error=0.0),
    "harmful_between_n_and_signal": lambda t: t.assign(**FLAT),
    "few_points_suffice": lambda t: unfitted(raised("sample_size")(t)),
    "signal_needed": lambda t: t.assign(**FLAT),
    "flip_rate_limited": lambda t: t.assign(robust_test_error=t.flip_rate),
    "worst_flips_mild": raised("flip_rate"),
    "student_t_harmless": raised("student_t"),
    "sparse_noise_harmless": unfitted,
    "correlated_noise_harmful": lambda t: t.assign(**FLAT),
    "correlated_noise_predicted": lambda t: t.assign(expected_error=t.expected_error + 0.11),
    "minibatches_harmless": lambda t: t.assign(
        robust_train_error=t.robust_train_error.where(t.batch == 0, 0.1),
    ),
    "large_initialisation_harms": lambda t: t.assign(**FLAT),
    "large_steps_harmless": raised("step"),
    "useless_beyond_signal": lambda t: t.assign(**FLAT),
    "benign_ends_at_rho": lambda t: t.assign(**FLAT),
    "inner_maximum_need_not_be_exact": raised("inner"),
    "ordinary_training_alike": lambda t: t.assign(
        robust_test_error=t.robust_test_error.where(t.training != "ordinary", 0.9)
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", MUTATIONS)
def test_each_claim_fails_on_a_table_that_contradicts_it(ideal, claim):
    (judged,) = (judged for judged in CLAIMS if judged.__name__ == claim)
    assert judged(MUTATIONS[claim](ideal)).verdict == "not replicated"


def test_every_claim_has_a_table_that_breaks_it(ideal):
    assert [judged.__name__ for judged in CLAIMS] == [claim.id for claim in claims(ideal)]
    assert {judged.__name__ for judged in CLAIMS} == set(MUTATIONS)
