"""Linear adversarial training against closed forms, its cells, and every claim against a table that breaks it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benign import plots
from benign.pipeline import settings, tables
from benign.studies.linear_classifier.claims import CLAIMS
from benign.studies.linear_classifier.experiment import run
from benign.studies.linear_classifier.grid import STUDY, Cell
from benign.study import CellError, Context
from benign.theory.mixture import dual_norm, gaussian
from benign.theory.mixture.gaussian import half_space_error
from benign.train import linear
from support import ROOT, claims_of, figures_of, verdicts_of

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


def test_a_classifier_that_diverges_is_a_row_of_its_own(monkeypatch):
    """As one of steps beyond any float would: its squares are infinite."""
    monkeypatch.setattr(
        linear, "train", lambda problem, stops: (np.full(problem.signed.shape[1], 1e200) for _ in stops)
    )
    assert [row["status"] for row in rows(small())] == ["diverged"]


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


# ---------------------------------------------------------------- rows that the code could write


def impossible(t: pd.DataFrame) -> list[str]:
    """What the rows say that no run can: empty for rows that the code could write."""
    law = (t["n"], t["d"], t["d"].astype(float) ** t["exponent"], t["flipped"])
    closed = {name: half_space_error(reach, t["rho"], t["flip_rate"]) for name, reach in (
        ("standard_risk", 0.0), ("adversarial_risk", t["effective_budget"]))}  # fmt: skip
    counts = {"robust_train_error": "n", "train_error": "n", "flipped": "n"}
    counts |= {"sampled_standard_risk": "tested", "sampled_adversarial_risk": "tested"}
    l2, normalised = t["norm"] == "l2", t["method"] == "normalised"
    widest = t["budget"] * np.where(l2, 1, np.sqrt(t["d"]))
    lost = t["robust_train_error"] * np.log(2)  # a point that is lost has a loss of at least log 2
    plain = (t["training"] == "ordinary") | (t["budget"] == 0)
    problem = t["norm"].where(~plain, "none") + t["budget"].where(~plain, 0).astype(str)
    trajectory = [t[name] for name in ("d", "exponent", "mean", "sampling", "method", "step_scale", "steps", "seed")]
    rules = {
        "risks are the closed forms": all(np.allclose(t[name], risk, atol=1e-12) for name, risk in closed.items()),
        "predictions are those of the sample": np.allclose(t["averaging_rho"], gaussian.averaging_rho(*law))
        and np.allclose(t["max_margin_rho"], gaussian.max_margin_rho(*law)),
        "shares are counts": all(np.allclose(t[name] * t[of] % 1 * (1 - t[name] * t[of] % 1), 0, atol=1e-6)
                                 for name, of in counts.items()),
        "a budget costs at least itself": np.all(t["effective_budget"] >= t["budget"] * (1 - 1e-12)),
        "and at most √d times that under ℓ∞": np.all(t["effective_budget"] <= widest * (1 + 1e-12)),
        "attacks help no point": np.all(t["train_error"] <= t["robust_train_error"])
        and np.all(t["sampled_standard_risk"] <= t["sampled_adversarial_risk"]),
        "the loss goes with the error": np.all(t["robust_train_loss"] >= lost)
        and np.all((t["robust_train_loss"] < np.log(2)) | (t["robust_train_error"] > 0)),
        "labels depend on n and seed alone": t.groupby(["n", "seed"])["flipped"].nunique().max() <= 1,
        "one trajectory has one classifier": t["rho"].groupby([*trajectory, problem]).agg(np.ptp).max() <= 1e-12,
        "margins are those of normalised descent": (t["margin_ratio"].notna() == normalised).all(),
        "no ℓ2 margin is beyond the greatest": np.all(~(t["margin_ratio"] > 1 + 1e-6))
        and np.all(~((t["robust_margin_ratio"] > 1 + 1e-6) & l2)) and np.all(~(t["max_margin_cosine"] > 1 + 1e-9)),
    }  # fmt: skip
    return [rule for rule, holds in rules.items() if not holds]


def row(cell: Cell, **changed: Any) -> dict[str, Any]:
    """A row that the code could write: as it would be if every claim held, but for what is changed."""
    flipped = (4 + cell.seed % 3) / 50
    law = (cell.n, cell.d, float(cell.d) ** cell.exponent, flipped)
    averaging, max_margin = float(gaussian.averaging_rho(*law)), float(gaussian.max_margin_rho(*law))
    turned = cell.norm == "linf" and cell.budget >= 0.1
    ideal: dict[str, Any] = {
        "rho": max_margin if cell.experiment == "beyond" else (4 if cell.exponent > 0.25 else 1.8) + 0.001 * cell.seed,
        "effective_budget": cell.budget * (1 if cell.norm == "l2" else (2 * cell.d / np.pi) ** 0.5),
        "robust_train_error": 0.0, "flipped": flipped, "averaging_rho": averaging, "max_margin_rho": max_margin,
    }  # fmt: skip
    if cell.method == "normalised":
        ideal |= {"margin_ratio": 0.95 if turned else 0.997, "robust_margin_ratio": 1.06 if turned else 0.997}
        ideal["max_margin_cosine"] = 0.96 if turned else 0.9999
    ideal |= changed
    ideal["robust_train_loss"] = max(ideal["robust_train_error"], 0.5 / cell.steps)
    for name, reach in (("standard_risk", 0.0), ("adversarial_risk", ideal["effective_budget"])):
        ideal[name] = float(half_space_error(reach, ideal["rho"], cell.flip_rate))
        ideal[f"sampled_{name}"] = round(ideal[name] * cell.test_points) / cell.test_points
    return cell.row(status="ok", tested=cell.test_points, train_error=0.0, **ideal)


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return STUDY.cells(settings.section(settings.grid_file(NAME), NAME, "default")["grid"])


def table(cells: list[Cell], change: Callable[[Cell], dict[str, Any]] = lambda cell: {}) -> pd.DataFrame:
    made = STUDY.table([row(cell, **change(cell)) for cell in cells])
    assert impossible(made) == []
    return made


@pytest.mark.parametrize("tier", ["default", "paper"])
def test_kept_rows_are_rows_that_the_code_could_write(tier):
    kept = STUDY.table(tables.read(ROOT / "results" / tier / NAME / "table.csv"))
    assert impossible(kept[kept["status"] == "ok"]) == []


# ---------------------------------------------------------------- claims and figures

verdicts = functools.partial(verdicts_of, NAME)


def test_on_the_ideal_table_every_claim_is_replicated(cells):
    assert {id: verdict for id, verdict in verdicts(table(cells)).items() if verdict != "replicated"} == {}


def test_without_cells_every_claim_is_not_run(cells):
    assert set(verdicts(table(cells).iloc[:0]).values()) == {"not run"}


def swept(c: Cell) -> bool:
    return c.experiment == "dimension" and c.d >= 500


def trained(c: Cell) -> bool:
    return swept(c) and c.training == "adversarial"


# What is changed, in which cells.
CHANGES: dict[str, tuple[Callable[[Cell], bool], Callable[[Cell], dict[str, Any]]]] = {
    "interpolation": (
        lambda c: trained(c) and (c.d, c.seed, c.norm, c.exponent) == (500, 3, "l2", 0.2),
        lambda c: {"robust_train_error": 1 / 50},
    ),
    "near_optimal": (lambda c: c.method == "plain" and c.d >= 500 and c.exponent > 0.25, lambda c: {"rho": 1.5}),
    "weak_signal": (lambda c: c.method == "plain" and c.d >= 500 and c.exponent < 0.25, lambda c: {"rho": 4.0}),
    "quarter_exponent": (
        lambda c: c.experiment == "beyond",
        lambda c: {"rho": 1.0 if c.exponent > 0.25 else np.log10(c.d)},
    ),
    "max_margin_predicts": (
        lambda c: c.experiment == "beyond" and (c.d, c.seed, c.exponent) == (10**7, 3, 0.2),
        lambda c: {"rho": 1.06 * row(c)["max_margin_rho"]},
    ),
    "same_direction_l2": (
        lambda c: c.experiment == "margin" and (c.norm, c.d, c.budget) == ("l2", 500, 1),
        lambda c: {"margin_ratio": 0.98},
    ),
    "other_direction_linf": (
        lambda c: c.experiment == "margin" and (c.norm, c.budget) == ("linf", 0.1),
        lambda c: {"margin_ratio": 0.995, "robust_margin_ratio": 0.995},
    ),
    "linf_against_l2": (
        lambda c: c.norm == "linf" and c.d > 200,
        lambda c: {"effective_budget": c.budget},
    ),
    "ordinary_training_suffices": (lambda c: swept(c) and c.training == "ordinary", lambda c: {"rho": 1.6}),
    "curves_stay_benign": (
        lambda c: c.experiment == "curves" and c.steps >= 300,
        lambda c: {"rho": 1.5, "robust_train_error": 1 / 50},
    ),
    "choices_do_not_matter": (lambda c: c.experiment == "choices", lambda c: {"rho": 1.0}),
}


def broken(cells: list[Cell], id: str, **less: Any) -> pd.DataFrame:
    """The ideal table with the cells of a claim changed; where one trajectory serves two experiments, in both."""
    where, change = CHANGES[id]
    same = {(c.group, c.training_problem, c.steps) for c in cells if where(c)} if id == "curves_stay_benign" else set()
    hit = {c.key for c in cells if where(c) or (c.group, c.training_problem, c.steps) in same}
    return table(cells, lambda c: {**change(c), **less} if c.key in hit else {})


@pytest.mark.parametrize("claim", CHANGES)
def test_each_claim_fails_on_rows_that_contradict_it(cells, claim):
    assert verdicts(broken(cells, claim))[claim] == "not replicated"


def test_every_claim_but_the_checks_has_a_table_that_breaks_it(cells):
    kinds = {claim.id: claim.kind for claim in claims_of(NAME, table(cells))}
    assert set(CHANGES) == {id for id, kind in kinds.items() if kind != "check"}
    assert set(kinds) == {judged.__name__ for judged in CLAIMS}


def test_a_risk_that_rises_along_the_curve_makes_that_claim_hold_partly(cells):
    assert verdicts(broken(cells, "curves_stay_benign", robust_train_error=0.0))["curves_stay_benign"] == "partly"


@pytest.fixture(scope="module")
def attacked() -> list[Cell]:
    """Cells in which an ℓ∞ budget costs far more than an ℓ2 budget of its size."""
    fields = {"d": 400, "exponent": 0.2, "budget": 0.05, "test_points": 20_000}
    return [small(norm=norm, seed=seed, **fields) for norm in ("l2", "linf") for seed in range(6)]


CHECKS = {"adversarial_at_least_standard", "exact_risk"}


def checks(cells: list[Cell]) -> dict[str, str]:
    found = verdicts(STUDY.table(rows(*cells)))
    return {id: found[id] for id in CHECKS}


def test_the_checks_pass_on_a_run(attacked):
    assert checks(attacked) == dict.fromkeys(CHECKS, "replicated")


def test_a_wrong_dual_norm_is_found_by_counting_attacked_points(attacked, monkeypatch):
    monkeypatch.setitem(dual_norm.DUAL_ORDER, "linf", 2)
    assert checks(attacked)["exact_risk"] in {"not replicated", "partly"}


def test_an_attack_that_helps_is_found_by_counting_attacked_points(attacked, monkeypatch):
    direction = linear.dual_direction
    monkeypatch.setattr(linear, "dual_direction", lambda w, norm: -direction(w, norm))
    assert checks(attacked)["adversarial_at_least_standard"] == "not replicated"


def test_every_figure_is_drawn_from_a_table_and_from_none(cells):
    full = table(cells)
    for each in (full, full.iloc[:0]):
        for figure in figures_of(NAME, each):
            assert list(figure.numbers.columns) == plots.COLUMNS
            assert plots.render(figure)["png"].startswith(b"\x89PNG")
