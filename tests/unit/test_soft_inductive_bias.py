"""Soft inductive biases: the networks that are judged are those of their messages, and every claim can fail."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benign.data.images.record import ImageSet
from benign.pipeline import settings, tables
from benign.studies.soft_inductive_bias import convolutions, networks
from benign.studies.soft_inductive_bias.claims import CLAIMS
from benign.studies.soft_inductive_bias.experiment import run
from benign.studies.soft_inductive_bias.grid import NETWORKS, STUDY, Cell
from benign.studies.soft_inductive_bias.polynomials import fit
from benign.study import CellError, Context
from benign.theory.compression.hypothesis_code import decode, encode
from benign.theory.regression.effective_dimension import double_descent_error
from support import ROOT, verdicts_of

NAME = STUDY.name


def rows_of(*wanted: Cell, images: ImageSet | None = None) -> list[dict[str, Any]]:
    given: dict[str, Any] = {"images": lambda name: images} if images else {}
    return list(run(list(wanted), Context(study=NAME, **given)))


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    """Ten blurred digits that differ in which row and column is bright."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 30)
    pixels = rng.integers(0, 60, (300, 14, 14))
    pixels[np.arange(300), labels] += 150
    pixels[np.arange(300), :, labels] += 40
    images = pixels.astype(np.uint8)
    order = rng.permutation(300)
    train, test = order[:200], order[200:]
    names = tuple(map(str, range(10)))
    return ImageSet("mnist", images[train], labels[train], images[test], labels[test], names, "made by a test")


COMPRESSED = Cell(
    experiment="compression", data="mnist", n=0, side=7, width=10, subspace=30, steps=60, batch=50, rate=0.5, seed=1
)


# ---------------------------------------------------------------- the science


def test_the_network_that_is_measured_is_the_one_that_its_message_describes(digits: ImageSet) -> None:
    context = Context(study=NAME, images=lambda name: digits)
    data = networks.digits(COMPRESSED, digits, context)
    with torch.no_grad():
        hypothesis = networks.compress(COMPRESSED, data, context)
    sizes = networks.architecture(COMPRESSED)
    before, after = (networks.network(each, sizes, NAME) for each in (hypothesis, decode(encode(hypothesis))))
    assert torch.equal(before, after)
    (row,) = rows_of(COMPRESSED, images=digits)
    assert row["bits"] == len(encode(hypothesis)) + networks.SETTLED_BITS
    assert row["train_error"] == networks._errors(after, sizes, data)["train_error"]


def test_compressed_networks_learn_true_labels_and_not_random_ones(digits: ImageSet) -> None:
    random = Cell(**{**COMPRESSED.fields(), "labels": "random"})
    true, chance = rows_of(COMPRESSED, random, images=digits)
    assert true["train_error"] < chance["train_error"] - 0.2
    assert true["bound"] < chance["bound"]


def test_the_curve_between_two_networks_starts_and_ends_where_the_line_does(digits: ImageSet) -> None:
    fields = {**COMPRESSED.fields(), "experiment": "connectivity", "steps": 80, "path_steps": 80, "rate": 0.01}
    at = [Cell(**{**fields, "path": path, "position": t}) for path in ("line", "bezier") for t in (0.0, 0.5, 1.0)]
    losses = [row["train_loss"] for row in rows_of(*at, images=digits)]
    assert losses[0] == losses[3]
    assert losses[2] == losses[5]
    assert losses[4] < losses[1]


def test_with_a_penalty_the_fit_is_the_ridge_solution_in_scaled_coordinates() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, 12), rng.standard_normal(12)
    design = np.polynomial.legendre.legvander(x, 8)
    wanted = np.linalg.solve(design.T @ design + 0.3 * np.diag(1.5 ** np.arange(9)), design.T @ y)
    assert fit(x, y, 8, 0.3, 1.5) == pytest.approx(wanted)


def test_rows_do_not_depend_on_which_others_are_asked_for() -> None:
    wanted = [Cell(experiment="double_descent", n=30, d=d, penalty=0.001, seed=0) for d in (5, 60)]
    assert rows_of(*wanted)[1:] == rows_of(wanted[1])


CONVOLUTIONS: dict[str, Any] = {
    **{"data": "mnist", "n": 40, "side": 10, "flip_rate": 0.2},
    **{"penalty": 5e-4, "steps": 150, "rate": 0.02},
}


def test_a_wide_network_fits_altered_labels_at_a_lower_evidence(digits: ImageSet) -> None:
    cells = [
        Cell(experiment="altered_networks", width=6, seed=0, **{**CONVOLUTIONS, "flip_rate": rate}) for rate in (0, 0.5)
    ]
    true, altered = rows_of(*cells, images=digits)
    assert true["train_error"] == altered["train_error"] == 0
    assert altered["altered"] > true["altered"] == 0
    assert altered["laplace_evidence"] < true["laplace_evidence"] - 10
    assert altered["effective_dimension"] > true["effective_dimension"]


def test_without_weight_decay_a_network_fits_closer_and_has_a_smaller_effective_dimension(digits: ImageSet) -> None:
    longer = {**CONVOLUTIONS, "steps": 500}
    cells = [Cell(experiment="widths", width=6, seed=0, decay=decay, **longer) for decay in ("prior", "none")]
    held, free = rows_of(*cells, images=digits)
    assert free["train_loss"] < held["train_loss"]
    assert free["effective_dimension"] < held["effective_dimension"]
    assert held["laplace_evidence"] is not None
    assert free["laplace_evidence"] is None


def test_a_network_with_one_channel_misses_labels_and_its_parameters_bound_its_effective_dimension(
    digits: ImageSet,
) -> None:
    (row,) = rows_of(Cell(experiment="widths", width=1, seed=0, **CONVOLUTIONS), images=digits)
    assert row["train_error"] > 0
    assert 0 < row["effective_dimension"] < row["parameters"] == 36 + 1 + 18 + 2 + 20 + 10


def test_a_network_that_two_experiments_look_at_is_trained_once(
    digits: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Cell] = []

    def measure(cell: Cell, *_: Any) -> dict[str, Any]:
        trained.append(cell)
        return {}

    monkeypatch.setattr(convolutions, "measure", measure)
    both: list[dict[str, Any]] = [{"experiment": name, "width": 2, "seed": 0, **CONVOLUTIONS} for name in NETWORKS]
    rows = rows_of(*(Cell(**fields) for fields in both), images=digits)
    assert [row["experiment"] for row in rows] == list(NETWORKS)
    assert len(trained) == 1


@pytest.mark.parametrize(("field", "value"), [("side", 9), ("side", 8), ("penalty", 0.0), ("width", 100_000)])
def test_a_network_s_impossible_value_is_named(field: str, value: Any) -> None:
    with pytest.raises(CellError, match=rf"^{field}={value!r} is impossible"):
        Cell(**{"experiment": "widths", "width": 2, "seed": 0, **CONVOLUTIONS, field: value})


def test_images_that_are_missing_are_a_clear_error() -> None:
    with pytest.raises(CellError, match="--images mnist="):
        rows_of(COMPRESSED)


@pytest.mark.parametrize(
    ("field", "value"), [("order", -1), ("growth", 0.5), ("flip_rate", 0.7), ("target", "sine"), ("data", "mnist")]
)
def test_an_impossible_value_is_named(field: str, value: Any) -> None:
    with pytest.raises(CellError, match=rf"^{field}={value!r} is (impossible: give a value that is|not one of) "):
        Cell(**{"experiment": "order", "n": 20, "seed": 0, field: value})


def test_fields_that_an_experiment_does_not_have_do_not_make_another_cell() -> None:
    one, other = (Cell(experiment="order", n=20, order=3, width=width, seed=0) for width in (1, 50))
    assert one == other


# ---------------------------------------------------------------- claims


def possible(table: pd.DataFrame) -> None:
    """What holds in every table that this study's code can write."""
    t = table[table["status"] == "ok"]
    for column in ("train_rmse", "test_rmse", "train_loss", "test_error", "train_error", "altered"):
        assert not (t[column] < 0).any(), column
    networks = t["experiment"].isin(NETWORKS)
    for column, counted in (("train_accuracy", "n"), ("test_accuracy", "tested"), ("altered", "n")):
        counts = (t[column] * t[counted])[t["experiment"] == "altered_labels"]
        np.testing.assert_allclose(counts, counts.round(), atol=1e-6)
        assert counts.le(t[counted].reindex(counts.index)).all()
    for column, counted in (("train_error", "n"), ("test_error", "tested"), ("altered", "n")):
        counts = (t[column] * t[counted])[networks]
        np.testing.assert_allclose(counts, counts.round(), atol=1e-6)
    deep = t[networks]
    assert deep["effective_dimension"].between(0, np.minimum(9 * deep["n"], deep["parameters"])).all()
    evidence = deep["laplace_evidence"].astype(float)
    assert (evidence <= -deep["n"] * deep["train_loss"])[deep["decay"] == "prior"].all()
    assert evidence[deep["decay"] == "none"].isna().all()
    unaltered = t[(t["experiment"] == "altered_labels") & (t["flip_rate"] == 0)]
    np.testing.assert_allclose(unaltered["log_evidence"], unaltered["expected_log_evidence"], rtol=1e-9)
    bounded = t[t["experiment"] == "compression"]
    np.testing.assert_allclose(bounded["bound"], bound_of(bounded), rtol=1e-5)
    for error, counted in (("train_error", "trained"), ("test_error", "tested")):
        counts = bounded[error] * bounded[counted]
        np.testing.assert_allclose(counts, counts.round(), atol=0.01)
    descends = t[t["experiment"] == "double_descent"]
    assert (descends["posterior_dimension"] <= descends[["n", "d"]].min(axis=1)).all()
    assert (descends.loc[descends["d"] >= descends["n"], "train_error"] < 1e-6).all()
    gaussian = descends[descends["features"] == "gaussian"]
    predicted = [float(double_descent_error(n, d)) for n, d in zip(gaussian["n"], gaussian["d"], strict=True)]
    np.testing.assert_allclose(gaussian["predicted_error"] ** 2, np.array(predicted))
    ends = t[(t["experiment"] == "connectivity") & t["position"].isin([0.0, 1.0])]
    assert (ends.groupby(["seed", "position"])[["train_loss", "test_error"]].nunique() == 1).all(axis=None)


def bound_of(rows: pd.DataFrame) -> pd.Series:
    return rows["train_error"] + np.sqrt((rows["bits"] * np.log(2) + np.log(20)) / (2 * rows["trained"]))


def ideal_row(cell: Cell) -> dict[str, Any]:
    """A row as it would be if every claim held."""
    row: dict[str, Any] = cell.row(status="ok")
    scatter = 1 + 0.01 * (-1) ** cell.seed
    if cell.experiment in ("order", "sample_size"):
        wild = cell.penalty == 0 and cell.order == cell.n - 1
        return row | {"train_rmse": 0.01, "test_rmse": scatter * (1.0 if wild else 0.01)}
    if cell.experiment == "double_descent":
        predicted = float(double_descent_error(cell.n, cell.d))
        error = np.sqrt(predicted) if np.isfinite(predicted) else 10.0 - abs(cell.d - cell.n) / 10
        gaussian = cell.features == "gaussian"
        return row | {
            "test_error": float(error) * scatter, "train_error": 0.0,
            "posterior_dimension": cell.d if cell.d <= cell.n else cell.n**2 / cell.d,
            "predicted_error": float(np.sqrt(predicted)) if gaussian and np.isfinite(predicted) else None,
        }  # fmt: skip
    if cell.experiment == "altered_labels":
        evidence = -600.0 + 300 * (1 - 2 * cell.flip_rate) ** 2
        return row | {
            "train_accuracy": 1.0, "test_accuracy": 0.95 - 0.8 * cell.flip_rate, "tested": 200,
            "altered": cell.flip_rate, "expected_log_evidence": evidence,
            "log_evidence": evidence + (-1) ** cell.seed * (cell.flip_rate > 0),
        }  # fmt: skip
    if cell.experiment in NETWORKS:
        short, doublings, scatter = 2 * max(4 - cell.width, 0), np.log2(cell.width), 0.001 * (-1) ** cell.seed
        return row | {
            "altered": round(cell.flip_rate * cell.n) / cell.n, "train_error": short / cell.n,
            "train_loss": 0.01 + short,
            "test_error": round(0.5 + 0.6 * cell.flip_rate - 0.05 * doublings + scatter, 3), "tested": 1000,
            "parameters": 20 * cell.width**2, "effective_dimension": 15 - 2 * doublings + 100 * scatter,
            "laplace_evidence": -600 - 200 * cell.flip_rate + 100 * scatter if cell.decay == "prior" else None,
        }  # fmt: skip
    if cell.experiment == "compression":
        error = 0.1 if cell.labels == "true" else 0.9
        row |= {"bits": 800 + cell.seed, "train_error": error, "test_error": error, "trained": 4000, "tested": 1000}
        return row | {"bound": float(bound_of(pd.DataFrame([row])).iloc[0])}
    if cell.experiment == "connectivity":
        hump = 4 * cell.position * (1 - cell.position)
        return row | {"train_loss": 0.1 + hump * (1.0 if cell.path == "line" else 0.01), "test_error": 0.1}
    return row


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    """Six seeds of each cell of the default tier that claims are about."""
    grid = settings.section(settings.grid_file(NAME), NAME, "default")["grid"]
    first = [cell for cell in STUDY.cells(grid) if cell.seed == 0 and cell.experiment != "curve"]
    return STUDY.table(ideal_row(cell.replace(seed=seed)) for cell in first for seed in range(6))


verdicts = functools.partial(verdicts_of, NAME)
JUDGES = {judge.__name__: judge for judge in CLAIMS}


def test_on_the_ideal_table_every_claim_is_replicated(ideal: pd.DataFrame) -> None:
    possible(ideal)
    assert {id: verdict for id, verdict in verdicts(ideal).items() if verdict != "replicated"} == {}


@pytest.mark.parametrize("tier", ["default", "paper"])
def test_what_is_said_to_be_possible_holds_in_the_kept_tables(tier: str) -> None:
    possible(STUDY.table(tables.read(ROOT / "results" / tier / NAME / "table.csv")))


def test_without_cells_every_claim_is_not_run(ideal: pd.DataFrame) -> None:
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


def test_without_images_the_claims_about_them_are_not_run(ideal: pd.DataFrame) -> None:
    found = verdicts(ideal[ideal["data"] == "synthetic"])
    for id in ("process_interpolates", "evidence_falls", "bound_not_vacuous", "path_without_barrier"):
        assert found[id] == "not run"


def test_without_cifar10_the_claims_about_it_alone_are_not_run(ideal: pd.DataFrame) -> None:
    found = verdicts(ideal[ideal["data"] != "cifar10"])
    assert {id for id, verdict in found.items() if verdict == "not run"} == {"process_on_cifar10", "network_on_cifar10"}


@pytest.mark.parametrize("kept", [lambda width: width >= 4, lambda width: width <= 6], ids=["none below", "two above"])
def test_claims_past_interpolation_need_widths_on_both_sides_of_it(ideal: pd.DataFrame, kept: Any) -> None:
    found = verdicts(ideal[(ideal["experiment"] != "widths") | kept(ideal["width"])])
    for id in ("wide_networks_generalise", "network_dimension_falls", "dimension_falls_without_decay"):
        assert found[id] == "not run"


def where(table: pd.DataFrame, rows: pd.Series, **values: Any) -> pd.DataFrame:
    """The table with other values in some rows, and the bound that goes with them."""
    changed = table.copy()
    for column, value in values.items():
        changed.loc[rows, column] = value
    compressed = changed["experiment"] == "compression"
    changed.loc[compressed, "bound"] = bound_of(changed[compressed])
    return changed


def first(table: pd.DataFrame, rows: pd.Series) -> pd.Series:
    """The first of these rows alone."""
    return rows & (rows.cumsum() == 1)


def of(table: pd.DataFrame, **fields: Any) -> pd.Series:
    return functools.reduce(lambda kept, item: kept & (table[item[0]] == item[1]), fields.items(), table["n"] >= 0)


ENDLESS = {"experiment": "order", "order": 150, "penalty": 1e-10}
BREAKS = {
    "fits_everything": lambda t: where(t, of(t, **ENDLESS), train_rmse=0.5, test_rmse=0.5),
    "order_is_harmless": lambda t: where(
        where(t, of(t, experiment="order", order=150, penalty=0.01), test_rmse=0.5), of(t, order=19), test_rmse=0.01
    ),
    "competitive_at_every_n": lambda t: where(t, of(t, target="structured", n=40) & (t.penalty > 0), test_rmse=0.02),
    "competitive_where_low_order_is_true": lambda t: where(t, of(t, target="simple") & (t.penalty > 0), test_rmse=0.02),
    "peak_at_n": lambda t: where(t, of(t, features="gaussian", d=100), test_error=50.0),
    "second_descent_wins": lambda t: where(t, of(t, features="gaussian", d=399), test_error=1.0),
    "effective_dimension_follows_error": lambda t: where(
        t, (t.d > t.n) & (t.n > 0), posterior_dimension=t.n - 10_000 / t.d
    ),
    "closed_form_error": lambda t: where(t, of(t, features="gaussian", d=300), test_error=1.2 * t.test_error),
    "random_features_descend_twice": lambda t: where(t, of(t, features="relu"), test_error=t.d / 100),
    "process_interpolates": lambda t: where(t, first(t, of(t, flip_rate=0.5)), train_accuracy=1 - 1 / t.n),
    "evidence_falls": lambda t: where(t, of(t, flip_rate=0.5), log_evidence=-200.0, test_accuracy=0.96),
    "evidence_linear": lambda t: where(t, of(t, flip_rate=0.2), log_evidence=t.log_evidence - 60),
    "process_on_cifar10": lambda t: where(
        where(t, of(t, classes="catvdog", flip_rate=0.5), log_evidence=-200.0),
        first(t, of(t, classes="catvdog", flip_rate=0.5)),
        train_accuracy=1 - 1 / t.n,
    ),
    "wide_networks_generalise": lambda t: where(t, of(t, experiment="widths", width=16), test_error=0.9),
    "network_dimension_falls": lambda t: where(t, of(t, experiment="widths"), effective_dimension=2.0 * t.width),
    "dimension_falls_without_decay": lambda t: where(t, of(t, decay="none"), effective_dimension=2.0 * t.width),
    "network_fits_altered_labels": lambda t: where(
        t, first(t, of(t, experiment="altered_networks", flip_rate=0.5, data="mnist")), train_error=1 / t.n
    ),
    "network_evidence_falls": lambda t: where(
        t, of(t, experiment="altered_networks", flip_rate=0.5), laplace_evidence=-200.0, test_error=0.3
    ),
    "network_on_cifar10": lambda t: where(
        where(t, of(t, experiment="altered_networks", flip_rate=0.5), laplace_evidence=-200.0),
        first(t, of(t, experiment="altered_networks", flip_rate=0.5, data="cifar10")),
        train_error=1 / t.n,
    ),
    "bound_not_vacuous": lambda t: where(t, of(t, labels="true", subspace=300), train_error=0.8),
    "bound_vacuous_on_random_labels": lambda t: where(t, of(t, labels="random", subspace=100), train_error=0.5),
    "bound_holds": lambda t: where(t, first(t, of(t, experiment="compression", labels="true")), test_error=0.9),
    "path_without_barrier": lambda t: where(t, of(t, path="bezier", position=0.5), train_loss=1.0),
    "path_generalises": lambda t: where(t, of(t, path="bezier", position=0.5), test_error=0.5),
}
HALVES = {
    "fits_everything": lambda t: where(t, of(t, **ENDLESS, target="noise"), train_rmse=0.5),
    "order_is_harmless": lambda t: where(t, of(t, experiment="order", order=150, penalty=0.01), test_rmse=0.5),
    "random_features_descend_twice": lambda t: where(t, of(t, features="relu", d=399), test_error=1.0),
    "evidence_falls": lambda t: where(t, of(t, flip_rate=0.5), test_accuracy=0.96),
    "process_on_cifar10": lambda t: where(t, of(t, classes="airplanevautomobile", flip_rate=0.5), log_evidence=-200.0),
    "network_dimension_falls": lambda t: where(t, of(t, experiment="widths"), test_error=t.width / 100),
    "dimension_falls_without_decay": lambda t: where(t, of(t, decay="none"), test_error=t.width / 100),
    "network_evidence_falls": lambda t: where(t, of(t, experiment="altered_networks", flip_rate=0.5), test_error=0.3),
    "network_on_cifar10": lambda t: where(
        t, of(t, experiment="altered_networks", flip_rate=0.5, data="cifar10"), laplace_evidence=-200.0
    ),
}


@pytest.mark.parametrize("claim", BREAKS)
def test_each_claim_fails_on_a_possible_table_that_contradicts_it(ideal: pd.DataFrame, claim: str) -> None:
    broken = BREAKS[claim](ideal)
    possible(broken)
    assert JUDGES[claim](broken).verdict == "not replicated"


@pytest.mark.parametrize("claim", HALVES)
def test_half_of_a_claim_is_partly_replicated(ideal: pd.DataFrame, claim: str) -> None:
    half = HALVES[claim](ideal)
    possible(half)
    assert JUDGES[claim](half).verdict == "partly"


def test_every_claim_has_a_table_that_breaks_it() -> None:
    assert set(JUDGES) == set(BREAKS)


def test_one_seed_decides_nothing_that_is_claimed_of_all(ideal: pd.DataFrame) -> None:
    assert set(verdicts(ideal[ideal["seed"] == 0]).values()) == {"undecided"}
