"""The ledger: cells, what they share with the flagship's, and every claim on a table that breaks it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from benign.data.departures import spectrum
from benign.experiments.noisy_clusters.predict import two_group_rho
from benign.pipeline import settings, tables
from benign.studies.adversarial_training.experiment import run as flagship_run
from benign.studies.adversarial_training.grid import Cell as Flagship
from benign.studies.assumption_ledger.claims import CLAIMS, claims
from benign.studies.assumption_ledger.experiment import _expected, run, sample, train_labels
from benign.studies.assumption_ledger.figures import BASE, LIMIT, figures, outcome
from benign.studies.assumption_ledger.grid import STUDY, Cell
from benign.studies.assumption_ledger.ledger import ENTRIES
from benign.study import CellError, Context
from benign.theory.mixture.departures import participation_ratio
from support import ROOT, claims_of, verdicts_of

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
    shared = set(flagship) - {"key", "height", "mislabelled"}  # where the flagship alone looks for its boundary
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


@pytest.mark.parametrize("flips", ["random", "worst", "one_class"])
def test_the_four_groups_are_those_of_the_labels_that_are_trained_on(flips):
    cell = small(flips=flips, flip_rate=0.2)
    drawn, labels = sample(cell, Context(study=NAME)), train_labels(cell, Context(study=NAME))
    assert labels.clean.tolist() == drawn.train_clean.tolist()
    assert labels.observed.tolist() == drawn.problem.y.tolist()


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
    bad = small(budget=1e30, activation="smooth_leaky_relu", **fields)
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


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((0.1, 0.12, 0.14), "benign"),
        ((0.1, 0.12, 0.5), "unclear"),
        ((0.1, 0.3, 0.5), "unclear"),
        ((0.2, 0.3, 0.5), "harmful"),
    ],
)
def test_an_outcome_needs_the_whole_interval_on_one_side_of_the_limit(ideal, interval, expected):
    numbers = figures(ideal)[0].numbers
    part = numbers[numbers["panel"] == "exact inner maximum"].copy()
    broken = (part["quantity"] == "robust test error") & ~part["series"].isin([BASE, LIMIT])
    part.loc[broken, ["low", "mean", "high"]] = interval
    assert outcome(part) == expected


def test_a_network_that_diverged_is_one_that_is_not_fitted(ideal):
    lost = (ideal["experiment"] == "step") & (ideal["seed"] == 2)
    table = ideal.assign(status=ideal["status"].where(~lost, "diverged"))
    measured = [name for name in ideal.columns if name.endswith("_error") and name != "expected_error"]
    table.loc[lost, [*measured, "robust_test_error_clean_labels", "clean_test_error_clean_labels"]] = np.nan
    (claim,) = (claim for claim in claims_of(NAME, table) if claim.id == "large_steps_harmless")
    assert [criterion["verdict"] for criterion in claim.criteria] == ["not replicated", "replicated"]


# ---------------------------------------------------------------- claims


@functools.cache
def expected(cell: Cell) -> tuple[float, float]:
    """What the code writes into every seed's row: the expected error and the effective dimension."""
    share = int(cell.flip_rate * cell.n) / cell.n
    effective = float(cell.d)
    if cell.covariance != "identity":
        effective = participation_ratio(spectrum(cell.covariance, cell.correlation, cell.d))
    return _expected(cell, {"flipped": share, "two_group_sample_rho": two_group_rho(cell, share)}, effective), effective


def errors(row: dict, error: float) -> dict:
    """The row with this robust test error, of a half-space."""
    error = round(error * row["tested"]) / row["tested"]
    wrong = (error - row["flip_rate"]) / (1 - 2 * row["flip_rate"])
    return row | {
        "robust_test_error": error,
        "robust_test_error_clean_labels": min(max(round(wrong * row["tested"]) / row["tested"], 0.0), 1.0),
    }


def ideal_row(cell: Cell) -> dict:
    """A row as it would be if every claim held: the expected error, but where harm is claimed that it knows not of."""
    error, effective = expected(cell.replace(seed=0))
    row = {
        "key": cell.key,
        **cell.fields(),
        "status": "ok",
        "tested": cell.test_points,
        "effective_dimension": effective,
    }
    row |= {"expected_error": error, "flipped": int(cell.flip_rate * cell.n) / cell.n, "robust_train_error": 0.0}
    row |= {"clean_train_error": 0.0, "clean_test_error": cell.flip_rate, "clean_test_error_clean_labels": 0.0}
    if cell.experiment == "dimension" and 2 * cell.d <= cell.n:
        row["robust_train_error"] = 0.09
    elif (cell.experiment == "dimension" and cell.d <= 800) or cell.init_scale >= 10:
        error = 0.3
    return errors(row, max(error, cell.flip_rate))


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    """The default tier with six seeds of everything."""
    grid = settings.section(settings.grid_file(NAME), NAME, "default")["grid"]
    blocks = {
        name: [{field: value for field, value in block.items() if field != "seeds"} for block in blocks]
        for name, blocks in grid["experiments"].items()
    }
    return pd.DataFrame([ideal_row(cell) for cell in STUDY.cells({**grid, "seeds": 6, "experiments": blocks})])


def possible(row: pd.Series) -> bool:
    """Whether the code can write this row."""
    test = ["robust_test_error", "clean_test_error", "robust_test_error_clean_labels", "clean_test_error_clean_labels"]
    counts = [row[name] * row["tested"] for name in test] + [row["robust_train_error"] * row["n"]]
    robust, clean, wrong, clean_wrong = row[test]
    return bool(
        all(abs(count - round(count)) < 1e-6 and count >= 0 for count in counts)
        and clean <= robust <= 1
        and clean_wrong <= wrong <= 1
        and row["clean_train_error"] <= row["robust_train_error"] <= 1
        and (row["budget"] > 0 or (robust, wrong) == (clean, clean_wrong))
        and (row["flips"] == "random" or row["flipped"] == int(row["flip_rate"] * row["n"]) / row["n"])
        and row["effective_dimension"] <= row["d"] * (1 + 1e-9)
    )


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


@pytest.mark.parametrize("experiment", ["inner", "flip_rate", "budget"])
def test_with_one_seed_no_claim_is_replicated(ideal, experiment):
    rows = ideal[ideal["experiment"].isin(["base", experiment]) & (ideal["seed"] == 0)]
    assert "replicated" not in verdicts(rows).values()


def test_one_harmless_point_between_n_and_signal_refutes_the_claim_of_harm(ideal):
    """It was enough that one point of several was harmful."""
    benign = put(ideal, (ideal["experiment"] == "dimension") & (ideal["d"] == 500), 0.1)
    (claim,) = (claim for claim in claims_of(NAME, benign) if claim.id == "harmful_between_n_and_signal")
    assert claim.verdict == "partly"
    assert claim.measured["least_excess_between"] == 0


# ---------------------------------------------------------------- tables that break the claims

Table = pd.DataFrame


def put(table: Table, here: pd.Series, error: float | None = None, left: float | None = None) -> Table:
    """These rows with another robust test error, or with a share of training points that are not fitted."""
    rows = table[here].to_dict("records")
    if error is not None:
        rows = [errors(row, max(error, row["flip_rate"])) for row in rows]
    if left is not None:
        rows = [row | {"robust_train_error": left} for row in rows]
    return pd.concat([table[~here], Table(rows)], ignore_index=True)


def of(table: Table, *experiments: str, training: str = "adversarial") -> pd.Series:
    return table["experiment"].isin(experiments) & (table["training"] == training)


def harmed(*experiments: str) -> Callable[[Table], Table]:
    """All these are harmed and not fitted."""
    return lambda table: put(table, of(table, *experiments), 0.4, 0.1)


def apart(experiment: str, one: Callable[[Table], pd.Series]) -> Callable[[Table], Table]:
    """Not fitted; one point has a higher, the others have a lower robust error than the base and full batches."""

    def mutate(table: Table) -> Table:
        table = put(table, of(table, "base") | (of(table, "minibatch") & (table["batch"] == 0)), 0.4)
        table = put(table, of(table, experiment), None, 0.05)
        return put(table, of(table, experiment) & one(table), 0.8)

    return mutate


def no_gap(table: Table) -> Table:
    between = of(table, "dimension") & (table["d"] > 100) & (table["d"] <= 800)
    return put(put(table, between, 0.1, 0.05), of(table, "base"), 0.4)


def signal_reversed(table: Table) -> Table:
    table = put(table, of(table, "signal", "base"), None, 0.05)
    table = put(table, of(table, "signal") & (table["signal"] <= 4), 0.1)
    return put(table, of(table, "signal", "base") & (table["signal"] >= 8), 0.9)


def flips_reversed(table: Table) -> Table:
    table = put(table, of(table, "flip_rate") & (table["flip_rate"] <= 0.1), 0.4, 0.05)
    return put(table, of(table, "flip_rate") & (table["flip_rate"] >= 0.3), 0.0)


def correlation_reversed(table: Table) -> Table:
    share = table["effective_dimension"] / table["d"]
    table = put(table, of(table, "correlation") & (share >= 0.5), 0.4, 0.05)
    return put(table, of(table, "correlation") & (share <= 0.25), 0.1)


def unexpected(table: Table) -> Table:
    table = put(table, of(table, "correlation") & (table["correlation"] == 0.9), 0.1)
    return put(table, of(table, "correlation") & (table["correlation"] == 0.5), 0.4)


def initialisation_changes_clean_errors(table: Table) -> Table:
    """Of two large initialisations one has a lower, one a higher clean error than the base; the first is harmless."""
    table = put(table, of(table, "base"), 0.5)
    table = put(table, of(table, "initialisation") & (table["init_scale"] == 10), 0.1)
    table = put(table, of(table, "initialisation") & (table["init_scale"] == 100), 0.7)
    clean = ["clean_test_error_clean_labels", "clean_test_error"]
    table.loc[of(table, "base"), clean] = [0.2, 0.26]
    table.loc[of(table, "initialisation") & (table["init_scale"] == 100), clean] = [0.4, 0.42]
    return table


def budget_reversed(table: Table) -> Table:
    table = put(table, of(table, "budget") & (table["budget"] >= 3), 0.1)
    return put(table, (of(table, "budget") & (table["budget"] == 2)) | of(table, "base"), 0.4, 0.05)


def training_matters(table: Table) -> Table:
    """At one point adversarial training is better, at another one ordinary training."""
    table = put(table, of(table, "budget", training="ordinary") & (table["budget"] == 2), 0.4)
    return put(table, of(table, "budget") & (table["budget"] == 3), 0.5)


MUTATIONS: dict[str, Callable[[Table], Table]] = {
    "benign_at_the_base": harmed("base"),
    "too_few_dimensions_to_fit": lambda t: put(t, of(t, "dimension"), None, 0.0),
    "harmful_between_n_and_signal": no_gap,
    "few_points_suffice": harmed("sample_size"),
    "signal_needed": signal_reversed,
    "flip_rate_limited": flips_reversed,
    "worst_flips_mild": lambda t: put(t, of(t, "flip_rate") & (t["flips"] != "exact"), 0.4, 0.05),
    "student_t_harmless": harmed("student_t"),
    "sparse_noise_harmless": harmed("sparse"),
    "correlated_noise_harmful": correlation_reversed,
    "correlated_noise_predicted": unexpected,
    "minibatches_harmless": apart("minibatch", lambda t: t["batch"] == 1),
    "large_initialisation_harms": initialisation_changes_clean_errors,
    "large_steps_harmless": harmed("step"),
    "useless_beyond_signal": lambda t: put(t, of(t, "budget"), 0.1),
    "benign_ends_at_rho": budget_reversed,
    "inner_maximum_need_not_be_exact": apart("inner", lambda t: t["inner_steps"] == 1),
    "ordinary_training_alike": training_matters,
}
UNTOUCHED = ["key", "expected_error", "effective_dimension", "flipped"]


@pytest.mark.parametrize("claim", MUTATIONS)
def test_each_claim_fails_on_a_table_that_contradicts_it(ideal, claim):
    table = MUTATIONS[claim](ideal)
    assert table.apply(possible, axis=1).all()
    before, after = (each[UNTOUCHED].sort_values("key", ignore_index=True) for each in (ideal, table))
    pd.testing.assert_frame_equal(before, after)
    (judged,) = (judged for judged in CLAIMS if judged.__name__ == claim)
    assert judged(STUDY.table(table)).verdict == "not replicated"


def test_every_claim_has_a_table_that_breaks_it(ideal):
    assert [judged.__name__ for judged in CLAIMS] == [claim.id for claim in claims(ideal)]
    assert {judged.__name__ for judged in CLAIMS} == set(MUTATIONS)
