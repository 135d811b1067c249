"""Linear adversarial training against closed forms, its cells, and every claim against a table that breaks it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benign import plots
from benign.pipeline import settings
from benign.studies.linear_classifier.claims import CLAIMS
from benign.studies.linear_classifier.experiment import run
from benign.studies.linear_classifier.grid import STUDY, Cell
from benign.study import CellError, Context
from benign.theory.mixture.gaussian import half_space_error
from benign.train import linear
from support import figures_of, verdicts_of

NAME = STUDY.name


def small(**fields: Any) -> Cell:
    common: dict[str, Any] = {
        "d": 60, "exponent": 0.3, "n": 20, "flip_rate": 0.1, "norm": "l2", "budget": 0.1, "step_scale": 1.0,
        "steps": 50, "test_points": 300, "seed": 0,
    }  # fmt: skip
    return Cell(**{**common, **fields})


def rows(*cells: Cell) -> list[dict[str, Any]]:
    return list(run(list(cells), Context(study=NAME)))


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_the_ascent_direction_is_minus_the_gradient_of_the_robust_loss(norm):
    generator = np.random.default_rng(0)
    problem = linear.Problem(generator.standard_normal((7, 5)), norm, 0.3, 1.0)
    w = generator.standard_normal(5)

    def loss(v: np.ndarray) -> float:
        return float(np.logaddexp(0, -linear.robust_margins(v, problem.signed, 0.3, norm)).mean())

    numeric = [(loss(w + e) - loss(w - e)) / 2e-6 for e in 1e-6 * np.eye(5)]
    assert linear.ascent(problem, w) == pytest.approx(-np.array(numeric), abs=1e-8)


def test_with_the_stable_step_the_loss_falls_at_every_step():
    signed = np.random.default_rng(1).standard_normal((20, 30)) + 0.5
    problem = linear.Problem(signed, "l2", 0.0, linear.stable_step(signed))
    losses = [np.logaddexp(0, -signed @ w).mean() for w in linear.train(problem, range(1, 60))]
    assert np.all(np.diff(losses) < 0)


def test_l2_training_ends_in_the_hard_margin_direction_at_every_budget_and_l_infinity_training_elsewhere():
    ends = [small(method="normalised", step_scale=4, steps=3000, budget=budget) for budget in (0.0, 0.3, 0.8)]
    turned = small(method="normalised", step_scale=4, steps=3000, norm="linf", budget=0.1)
    by_key = {row["key"]: row for row in rows(*ends, turned)}
    assert all(by_key[cell.key]["max_margin_cosine"] > 0.999 for cell in ends)
    assert by_key[turned.key]["max_margin_cosine"] < 0.99
    assert by_key[turned.key]["robust_margin_ratio"] > 1


# ---------------------------------------------------------------- cells and rows


def test_a_row_does_not_depend_on_which_other_cells_are_asked_for():
    asked = [
        small(steps=20), small(), small(norm="linf", budget=0.01), small(training="ordinary"), small(seed=1),
        small(exponent=0.4), small(sampling="in_law", d=1000),
    ]  # fmt: skip
    together = {row["key"]: row for row in rows(*asked)}
    for cell in asked:
        assert rows(cell) == [together[cell.key]]


def test_in_law_and_dense_points_give_the_same_risk_on_average():
    risks = {
        sampling: [row["standard_risk"] for row in rows(*(small(sampling=sampling, seed=s) for s in range(40)))]
        for sampling in ("dense", "in_law")
    }
    dense, in_law = (np.array(values) for values in risks.values())
    error = np.sqrt((dense.var(ddof=1) + in_law.var(ddof=1)) / 40)
    assert abs(dense.mean() - in_law.mean()) < 4 * error


def test_fresh_points_show_the_exact_risks():
    for row in rows(small(test_points=100_000), small(test_points=100_000, norm="linf", budget=0.05)):
        for name in ("standard_risk", "adversarial_risk"):
            error = (row[name] * (1 - row[name]) / 100_000) ** 0.5
            assert abs(row[f"sampled_{name}"] - row[name]) < 5 * error


def test_a_classifier_that_diverges_is_a_row_of_its_own():
    # Steps beyond any float: the first makes infinite scores.
    statuses = {row["step_scale"]: row["status"] for row in rows(small(step_scale=1e308), small())}
    assert statuses == {1e308: "diverged", 1.0: "ok"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"flip_rate": 0.6}, "flip_rate"), ({"norm": "l1"}, "norm"), ({"budget": -1}, "budget"),
        ({"sampling": "in_law", "norm": "linf"}, "sampling"), ({"d": 10**9}, "d"),
        ({"d": 10, "method": "normalised"}, "d"), ({"step_scale": 0}, "step_scale"), ({"mean": "corner"}, "mean"),
    ],
)  # fmt: skip
def test_an_impossible_cell_is_an_error_that_names_the_field(fields, named):
    with pytest.raises(CellError, match=rf"^{named}=\S+ is (impossible: give a value that is|not one of) "):
        small(**fields)


def test_in_law_the_direction_of_the_mean_makes_no_other_cell():
    assert small(sampling="in_law", mean="axis").key == small(sampling="in_law").key


# ---------------------------------------------------------------- claims and figures


def ideal_row(cell: Cell) -> dict[str, Any]:
    """A row as it would be if every claim held."""
    rho = 9.0 if cell.exponent > 0.25 else max(0.8, 2.3 - 0.15 * np.log10(cell.d))
    reach = cell.budget * (1 if cell.norm == "l2" else (2 * cell.d / np.pi) ** 0.5)
    standard, adversarial = (float(half_space_error(b, rho, cell.flip_rate)) for b in (0, reach))
    last = {"standard_risk": standard, "adversarial_risk": adversarial}
    row = cell.row(status="ok", tested=cell.test_points, flipped=0.1)
    row |= {"robust_train_error": 0.0, "train_error": 0.0, "robust_train_loss": 1 / cell.steps, **last}
    row |= {f"sampled_{name}": value for name, value in last.items()} | {"rho": rho, "max_margin_rho": rho}
    turned = cell.norm == "linf" and cell.budget >= 0.1
    row |= {"margin_ratio": 0.95 if turned else 0.997, "robust_margin_ratio": 1.06 if turned else 0.997}
    return row | {"max_margin_cosine": 0.96 if turned else 0.9999}


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    grid = settings.section(settings.grid_file(NAME), NAME, "default")["grid"]
    return pd.DataFrame([ideal_row(cell) for cell in STUDY.cells(grid)])


verdicts = functools.partial(verdicts_of, NAME)


def test_on_the_ideal_table_every_claim_is_replicated(ideal):
    assert {id: verdict for id, verdict in verdicts(ideal).items() if verdict != "replicated"} == {}


def test_without_cells_every_claim_is_not_run(ideal):
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


def raised(table: pd.DataFrame, column: str, by: float, where: pd.Series) -> pd.DataFrame:
    return table.assign(**{column: table[column] + by * where})


MUTATIONS = {
    "interpolation": lambda t: t.assign(robust_train_error=0.02),
    "adversarial_at_least_standard": lambda t: t.assign(adversarial_risk=t.standard_risk - 0.001),
    "near_optimal": lambda t: t.assign(standard_risk=0.13, adversarial_risk=0.13),
    "weak_signal": lambda t: t.assign(adversarial_risk=0.11),
    "quarter_exponent": lambda t: t.assign(adversarial_risk=np.where(t.exponent > 0.25, 0.2, 0.12)),
    "max_margin_predicts": lambda t: t.assign(rho=1.2 * t.rho),
    "same_direction_l2": lambda t: t.assign(margin_ratio=0.98),
    "other_direction_linf": lambda t: t.assign(robust_margin_ratio=0.99),
    "linf_against_l2": lambda t: t.assign(norm=t.norm.map({"l2": "linf", "linf": "l2"})),
    "ordinary_training_suffices": lambda t: raised(t, "adversarial_risk", 0.01, t.training == "ordinary"),
    "exact_risk": lambda t: t.assign(sampled_standard_risk=t.standard_risk + 0.05),
    "curves_stay_benign": lambda t: t.assign(robust_train_error=0.02),
    "choices_do_not_matter": lambda t: raised(t, "adversarial_risk", 0.03, t.experiment == "choices"),
}


@pytest.mark.parametrize("claim", MUTATIONS)
def test_each_claim_fails_on_a_table_that_contradicts_it(ideal, claim):
    assert verdicts(MUTATIONS[claim](ideal))[claim] == "not replicated"


def test_a_risk_that_rises_along_the_curve_makes_that_claim_hold_partly(ideal):
    risen = raised(ideal, "adversarial_risk", 0.03, ideal.steps == 1000)
    assert verdicts(risen)["curves_stay_benign"] == "partly"


def test_every_claim_has_a_table_that_breaks_it():
    assert {judged.__name__ for judged in CLAIMS} == set(MUTATIONS)


def test_every_figure_is_drawn_from_a_table_and_from_none(ideal):
    for table in (ideal, ideal.iloc[:0]):
        for figure in figures_of(NAME, table):
            assert list(figure.numbers.columns) == plots.COLUMNS
            assert plots.render(figure)["png"].startswith(b"\x89PNG")
