"""Every claim can fail: on a table made as theory has it all hold; each mutation breaks the claim it names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import norm

from benign.experiments.noisy_clusters.predict import predict
from benign.studies.adversarial_training.claims import CLAIMS, claims
from benign.studies.adversarial_training.grid import STUDY, Cell
from benign.theory.mixture.gaussian import half_space_error
from support import verdicts_of

GRID = Path(__file__).parents[2] / "config" / "grids" / "adversarial_training.yaml"
TESTED = 2000


def as_theory_has_it(cell: Cell) -> dict:
    """A row with the outcomes that would replicate every claim, claims that we expect to fail included."""
    predicted = predict(cell)
    row = {"key": cell.key, **cell.fields(), "status": "ok", **predicted, "tested": TESTED, "inner_gap": 0.0}
    row |= {"robust_train_loss": 1 / cell.steps, "robust_train_error": 0.0, "clean_train_error": 0.0}
    row |= {"train_loss": 1 / cell.steps, "inner_evaluations": 1.2}
    if cell.data == "mnist":
        row["mean_norm"] = 0.7 * cell.side
        clean, robust = 0.0, norm.cdf(3 * (cell.budget - 0.6 * row["mean_norm"]))
    else:
        sample_rho = predicted["two_group_rho"] * (1.06 if cell.activation == "smooth_leaky_relu" else 1)
        rho = sample_rho * (0.9 if cell.d < cell.n**2 else 1)
        row |= {"rho": rho, "mean_norm": cell.signal, "two_group_sample_rho": sample_rho}
        clean, robust = norm.cdf(-rho), norm.cdf(cell.budget - rho)
    if cell.training == "ordinary" and cell.budget > 0.25 * cell.signal:
        robust = min(robust + 0.1, 1)
    if cell.data == "clusters":
        robust = max(robust, norm.cdf(cell.budget - cell.signal), 0.5 if cell.budget >= cell.signal else 0)
    noisy = [(1 - cell.flip_rate) * e + cell.flip_rate for e in (clean, robust)]
    names = ("clean_test_error", "robust_test_error")
    row |= dict(zip(names, noisy, strict=True))
    row |= dict(zip((f"{n}_clean_labels" for n in names), (clean, robust), strict=True))
    return row


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    grid = yaml.safe_load(GRID.read_text())["default"]["grid"]
    return pd.DataFrame([as_theory_has_it(cell) for cell in STUDY.cells({**grid, "seeds": 2})])


verdicts = functools.partial(verdicts_of, STUDY.name)


def test_on_a_table_made_as_theory_has_it_every_claim_is_replicated(ideal):
    assert {k: v for k, v in verdicts(ideal).items() if v != "replicated"} == {}


def test_without_cells_every_claim_is_not_run(ideal):
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


def test_without_cells_in_the_regime_the_theorems_claims_are_not_run(ideal):
    found = verdicts(ideal.assign(in_regime=False))
    for claim in ("robust_interpolation", "clean_error_near_floor", "robust_error_near_floor"):
        assert found[claim] == "not run"


def test_ids_are_unique_and_every_claim_has_a_source_and_a_tolerance(ideal):
    found = claims(ideal)
    assert len({c.id for c in found}) == len(found) >= 12
    assert all(c.source and c.tolerance and c.expected for c in found)
    assert {c.__name__ for c in CLAIMS} <= {c.id for c in found}


def half_the_accuracy(rows: pd.Series) -> pd.Series:
    return 0.5 + rows / 2


Mutation = Callable[[pd.DataFrame], pd.DataFrame]
FLAT = {"robust_test_error": 0.1}
BREAKS: dict[str, Mutation] = {
    "robust_interpolation": lambda t: t.assign(robust_train_error=0.01),
    "robust_loss_vanishes": lambda t: t.assign(robust_train_loss=0.3),
    "clean_error_near_floor": lambda t: t.assign(clean_test_error=0.2),
    "robust_error_near_floor": lambda t: t.assign(robust_test_error=half_the_accuracy(t.robust_test_error)),
    "bracketed": lambda t: t.assign(robust_test_error=0.5),
    "transition_location": lambda t: t.assign(**FLAT),
    "fails_beyond_signal": lambda t: t.assign(**FLAT),
    "above_bayes_floor": lambda t: t.assign(robust_test_error=0.0),
    "falls_with_dimension": lambda t: t.assign(**FLAT),
    "cliff": lambda t: t.assign(**FLAT),
    "recursion_accurate": lambda t: t.assign(rho=t.rho * 1.2),
    "recursion_fails_at_small_d": lambda t: t.assign(rho=t.two_group_sample_rho),
    "worsens_towards_margin": lambda t: t.assign(rho=np.log(t.steps)),
    "collapse_measured": lambda t: t.assign(rho=t.rho - 0.3),
    "collapse_predicted": lambda t: t.assign(two_group_sample_rho=t.averaging_rho),
    "one_constant": lambda t: t.assign(rho=t.rho / 2),
    "ordinary_same_at_small_budget": lambda t: t.assign(
        robust_test_error=(t.robust_test_error + 0.05 * (t.training == "ordinary")).clip(upper=1)
    ),
    "adversarial_helps": lambda t: t.assign(**FLAT),
    "non_smooth_budget_smaller": lambda t: t.assign(
        robust_test_error=(t.robust_test_error + 0.04 * (t.activation == "smooth_leaky_relu")).clip(upper=1)
    ),
    "pgd_like_exact": lambda t: t.assign(
        robust_test_error=(t.robust_test_error + 0.05 * (t.inner == "pgd")).clip(upper=1)
    ),
    "inner_maximum_certified": lambda t: t.assign(inner_gap=0.1),
    "choices_do_not_matter": lambda t: t.assign(
        robust_test_error=(
            t.robust_test_error
            + 0.1 * (t.step_scale - 2).abs()
            + 0.1 * (t.init_scale != 1e-3)
            + 0.1 * (t.curvature == 100)
        ).clip(upper=1)
    ),
    "mnist_clean_labels": lambda t: t.assign(robust_test_error=0.3),
    "mnist_noisy_labels": lambda t: t.assign(robust_test_error=0.4, robust_train_error=0.2),
    "no_divergence": lambda t: t.assign(status=["diverged", *["ok"] * (len(t) - 1)]),
}


@pytest.mark.parametrize("claim", sorted(BREAKS))
def test_the_claim_says_not_replicated_when_its_statement_is_false(ideal, claim):
    assert verdicts(BREAKS[claim](ideal))[claim] == "not replicated"


def test_every_claim_has_a_table_on_which_it_fails(ideal):
    assert set(BREAKS) == {claim.id for claim in claims(ideal)}


def test_a_diverged_cell_does_not_enter_the_other_claims(ideal):
    broken = ideal.copy()
    broken.loc[broken.index[0], ["status", "robust_test_error"]] = ["diverged", np.nan]
    found = verdicts(broken)
    assert found.pop("no_divergence") == "not replicated"
    assert set(found.values()) == {"replicated"}


def test_predictions_of_the_table_are_those_of_the_theory_module(ideal):
    row = ideal[(ideal.data == "clusters") & (ideal.budget > 0)].iloc[0]
    assert row.averaging_error == pytest.approx(float(half_space_error(row.budget, row.averaging_rho, row.flip_rate)))
