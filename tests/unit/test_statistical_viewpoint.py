"""The survey's experiments against exact computations on small problems; every claim about them can fail."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benign import plots
from benign.pipeline import settings
from benign.studies.statistical_viewpoint import lazy_training, linear, random_features
from benign.studies.statistical_viewpoint.claims import CLAIMS
from benign.studies.statistical_viewpoint.experiment import run
from benign.studies.statistical_viewpoint.grid import STUDY, Cell
from benign.study import CellError, Context
from benign.theory.regression import min_norm
from benign.theory.regression import random_features as features_theory
from support import claims_of, figures_of, verdicts_of

NAME = STUDY.name
GRID = settings.section(settings.grid_file(NAME), NAME, "default")["grid"]
SMALL = settings.section(settings.grid_file(NAME), NAME, "smoke")["grid"]


def rows_of(*some: Cell) -> list[dict[str, Any]]:
    return list(run(list(some), Context(study=NAME)))


# ---------------------------------------------------------------- cells


def test_a_field_that_does_not_matter_to_an_experiment_does_not_change_its_key():
    assert (
        Cell(experiment="isotropic", n=5, p=9, trials=3, width=64, seed=0).key
        == Cell(experiment="isotropic", n=5, p=9, trials=3, noise=0.5, seed=0).key
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("experiment", "other", "one of dimension"),
        ("n", 0, "at least 1"),
        ("p", 10, "above n"),
        ("spectrum", "flat", "one of spiked"),
        ("decay", 0, "above 0"),
        ("tail", math.inf, "finite"),
        ("ridge", -1, "at least 0"),
        ("noise", -1, "at least 0"),
        ("start", "one", "zero, random"),
        ("width", 3, "even"),
        ("scaling", "other", "lazy, mean_field"),
        ("seed", -1, "at least 0"),
    ],
)
def test_impossible_values_are_errors_that_name_field_and_value(field, value, said):
    with pytest.raises(CellError, match=f"{field}=.*{said}"):
        Cell(**{"experiment": "dimension", "n": 10, "p": 20, "seed": 0, field: value})


def test_spikes_are_whole_and_a_spectrum_has_to_be_one_that_float64_can_invert():
    with pytest.raises(CellError, match="whole number of spikes"):
        Cell(experiment="dimension", n=10, p=20, spectrum="spiked", decay=2.5, seed=0)
    with pytest.raises(CellError, match=r"decay=1.0 is impossible: give a value that is slower, or give fewer n"):
        Cell(experiment="dimension", n=100, p=200, spectrum="exponential", decay=1, seed=0)


def test_sizes_may_be_given_as_multiples_and_powers():
    blocks = {"isotropic": [{"n": 16, "p_per_n": 1.5}, {"n": 16, "p_above_n": -2}, {"n": 16, "p_power_of_n": 1.5}]}
    found = STUDY.cells({"common": {}, "seeds": 1, "experiments": blocks})
    assert [cell.p for cell in found] == [24, 14, 64]


def test_left_out_fields_take_the_tier_s_values():
    cell = STUDY.single({"n": "10", "p": "40"}, GRID)
    assert (cell.experiment, cell.tail, cell.seed) == ("dimension", 5, 0)


# ---------------------------------------------------------------- experiments


def test_variance_and_bias_are_those_of_the_pseudo_inverse():
    rng, values = np.random.default_rng(0), np.geomspace(1, 0.01, 30)
    x = rng.standard_normal((8, 30)) * np.sqrt(values)
    inverse = np.linalg.pinv(x)
    missed = (np.eye(30) - inverse @ x)[:, 0]
    expected = np.trace(inverse.T @ np.diag(values) @ inverse), missed @ np.diag(values) @ missed
    np.testing.assert_allclose(linear.errors_of(x, values), expected)


def test_the_variance_keeps_its_digits_where_eigenvalues_spread_over_ten_decades():
    cell = Cell(experiment="sample_size", n=100, p=400, spectrum="exponential", decay=5, seed=0)
    values = cell.eigenvalues
    z = np.random.default_rng(0).standard_normal((cell.n, cell.p))
    _, s, right = np.linalg.svd(z * np.sqrt(values), full_matrices=False)
    expected = ((right / s[:, None]) ** 2 @ values).sum()  # by the pseudo-inverse's own singular values
    assert linear.errors_of(z * np.sqrt(values), values)[0] == pytest.approx(expected, rel=1e-3)


def test_errors_on_random_features_are_those_on_fresh_points():
    """Exact moments against a large test set and many targets: bias, variance and the quadratic target."""
    d, n, count = 6, 9, 20
    rng = np.random.default_rng(0)
    x, theta, fresh = (random_features.sphere(rng, rows, d) for rows in (n, count, 200_000))
    z, tested = (np.maximum(points @ theta.T / math.sqrt(d), 0) for points in (x, fresh))
    fit = random_features.ridge_map(z, 0.5)
    outputs = tested @ fit  # (points, n)
    second = random_features.feature_moments(theta)
    assert (fit * (second @ fit)).sum() == pytest.approx((outputs**2).mean(0).sum(), rel=0.01)
    np.testing.assert_allclose(second, tested.T @ tested / len(fresh), atol=0.01)
    form = rng.standard_normal((d, d))
    form = form + form.T - 2 * np.trace(form) / d * np.eye(d)
    values = np.einsum("id,de,ie->i", fresh, form, fresh)
    kernel = ((fresh @ x.T / d) ** 2 - 1 / d) / (1 - 1 / d)  # E[q(x')q(x_i)], (points, n)
    assert values.mean() == pytest.approx(0, abs=0.05 * values.std())
    np.testing.assert_allclose(random_features.feature_quadratic(theta, x), tested.T @ kernel / len(fresh), atol=0.01)
    np.testing.assert_allclose(np.diag(random_features.quadratic_moments(x)), 1)


def test_a_fit_without_penalty_interpolates_and_either_gram_matrix_gives_it():
    z = np.random.default_rng(0).standard_normal((6, 10))
    np.testing.assert_allclose(z @ random_features.ridge_map(z, 0.0), np.eye(6), atol=1e-9)
    np.testing.assert_allclose(random_features.ridge_map(z.T, 0.0), np.linalg.pinv(z.T), atol=1e-9)
    np.testing.assert_allclose(
        random_features.ridge_map(z, 0.3), np.linalg.solve(z.T @ z + 0.3 * np.eye(10), z.T), atol=1e-9
    )


def test_the_asymptotic_formula_is_met_at_a_hundred_dimensions():
    (row,) = rows_of(Cell(experiment="random_features", d=100, n=150, features=300, ridge=0.01, noise=0.2, seed=0))
    assert row["test_error"] == pytest.approx(row["predicted_error"], rel=0.1)


def test_one_course_of_logistic_descent_serves_all_its_cells_and_each_alone_gives_the_same():
    course = [Cell(experiment="margin", n=10, p=200, steps=steps, seed=0) for steps in (10, 100)]
    together = rows_of(*course)
    assert course[0].group == course[1].group
    assert together == [rows_of(cell)[0] for cell in course]
    assert together[1]["tangent"] < together[0]["tangent"]


def test_the_control_starts_elsewhere_and_ends_elsewhere():
    zero, random = (
        rows_of(Cell(experiment="nearest", n=10, p=40, steps=500, start=start, seed=0))[0]
        for start in ("zero", "random")
    )
    assert zero["distance_to_min_norm"] < 1e-9 > random["distance"]
    assert random["distance_to_min_norm"] > 0.1


def test_the_network_s_step_is_the_gradient_of_its_loss():
    rng = np.random.default_rng(0)
    x, y, w = rng.standard_normal((4, 3)), rng.standard_normal(4), rng.standard_normal((6, 3))
    a = np.array([1.0, 1, 1, -1, -1, -1])
    for scaling, factor, rate in (("lazy", 6**-0.5, 1.0), ("mean_field", 1 / 6, 6.0)):

        def loss(weights: np.ndarray, factor: float = factor) -> float:
            return 0.5 * float(((factor * np.maximum(x @ weights.T, 0) @ a - y) ** 2).sum())

        moved = lazy_training.descend(w, a, x, y, 1e-3, 1, scaling)
        bump = np.zeros_like(w)
        bump[4, 1] = 1e-6
        slope = (loss(w + bump) - loss(w - bump)) / 2e-6
        assert (moved - w)[4, 1] == pytest.approx(-1e-3 * rate * slope, rel=1e-5)


def test_wide_networks_move_as_their_kernel_predicts():
    (row,) = rows_of(Cell(experiment="lazy", n=8, d=10, width=2048, steps=150, seed=0))
    assert row["movement"] == pytest.approx(row["predicted_movement"], rel=0.1)
    assert row["linearised_gap"] < 0.03


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_finite_is_a_row_that_diverged(monkeypatch):
    monkeypatch.setattr(lazy_training, "descend", lambda w_0, *rest: w_0 * np.inf)
    (row,) = rows_of(Cell(experiment="lazy", n=4, d=5, width=4, steps=2, seed=0))
    assert row["status"] == "diverged"
    assert "movement" not in row


# ---------------------------------------------------------------- claims


def ideal_row(cell: Cell) -> dict[str, Any]:
    """A row as theory has it, with a little scatter over seeds where a claim weighs deviations by it."""
    scatter = 1 + 1e-3 * (cell.seed - 1)
    row: dict[str, Any] = cell.row(status="ok")
    if cell.experiment in ("dimension", "sample_size"):
        values = cell.eigenvalues
        index, led = min_norm.critical_index(values, cell.n), min_norm.leading_variance(values, cell.n)
        variance = min_norm.deterministic_variance(values, cell.n)
        row |= {"variance": variance * scatter, "predicted_variance": variance, "critical_index": -1}
        row |= {"leading_variance": led, "critical_index": index} if index is not None else {}
    elif cell.experiment == "isotropic":
        variance, bias = (float(f(cell.n, cell.p)) for f in (min_norm.isotropic_variance, min_norm.isotropic_bias))
        levels = {f"share_beyond_{v}n": float(min_norm.threshold_survival(v)) for v in linear.LEVELS}
        row |= {
            "variance": min(variance, 1e4),
            "predicted_variance": variance,
            "variance_error": 0.01 * min(variance, 1e4),
        }
        row |= {
            "bias": bias,
            "predicted_bias": bias,
            "bias_error": 0.01,
            "variance_median": min(variance, 1e4),
            **levels,
        }
        row["variance_median"] *= 2 if cell.p == cell.n else 1
    elif cell.experiment == "random_features":
        bias, variance = features_theory.mei_montanari(cell.features / cell.d, cell.n / cell.d, cell.ridge)
        error = bias + cell.noise * variance
        row |= {"test_error": error, "predicted_error": error if math.isfinite(error) else None}
        row |= {"nonlinear": variance + 1, "predicted_variance": variance}
    elif cell.experiment == "nearest":
        left = max(math.exp(-cell.steps / 50), 1e-12)
        row |= {"distance": left, "predicted_distance": left}
        row["distance_to_min_norm"] = left if cell.start == "zero" else 0.5
    elif cell.experiment == "margin":
        tangent = 1 / (5 + 2 * math.log(cell.steps))
        row |= {"tangent": tangent, "predicted_tangent": tangent, "multiplier_ratio": 0.5}
    else:
        size = cell.width**-0.5 if cell.scaling == "lazy" else 0.3
        row |= {"movement": size, "predicted_movement": size, "linearised_gap": 0.5 * size, "kernel_gap": size}
        row["kernel_change"] = size
    return row


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    return pd.DataFrame([ideal_row(cell) for cell in STUDY.cells(GRID)])


verdicts = functools.partial(verdicts_of, NAME)


def test_on_a_table_made_as_theory_has_it_every_claim_is_replicated(ideal):
    assert {id: verdict for id, verdict in verdicts(ideal).items() if verdict != "replicated"} == {}


def test_without_cells_every_claim_is_not_run(ideal):
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


@pytest.mark.parametrize("experiment", ["dimension", "isotropic", "random_features", "nearest", "margin", "lazy"])
def test_one_experiment_alone_is_judged_and_drawn(small, experiment):
    alone = small[small["experiment"] == experiment].dropna(axis="columns", how="all")
    assert {claim.verdict for claim in claims_of(NAME, alone)} - {"not run"}
    for figure in figures_of(NAME, alone):
        plots.draw(figure)


def test_rows_that_diverged_do_not_count(ideal):
    assert set(verdicts(ideal.assign(status="diverged")).values()) == {"not run"}


def over_n(t: pd.DataFrame) -> pd.Series:
    return t.features / t.n.clip(lower=1)


MUTATIONS = {
    "benign_over_dimension": lambda t: t.assign(variance=t.p),
    "benign_over_sample_size": lambda t: t.assign(variance=t.n),
    "not_benign": lambda t: t.assign(variance=0.1),
    "effective_ranks_decide": lambda t: t.assign(variance=10 * t.variance),
    "leading_variance_where_small": lambda t: t.assign(variance=2 * t.variance),
    "deterministic_equivalent": lambda t: t.assign(variance=1.3 * t.variance),
    "isotropic_exact": lambda t: t.assign(variance=t.variance + 7 * t.variance_error),
    "isotropic_threshold": lambda t: t.assign(share_beyond_100n=0.01),
    "random_features_formula": lambda t: t.assign(test_error=1.2 * t.test_error),
    "random_features_threshold": lambda t: t.assign(test_error=1.2 * t.test_error),
    "double_descent": lambda t: t.assign(test_error=1.0 + over_n(t)),
    "nonlinear_is_noise": lambda t: t.assign(nonlinear=1.2 * t.nonlinear),
    "descent_to_min_norm": lambda t: t.assign(distance_to_min_norm=0.01),
    "descent_course": lambda t: t.assign(distance=1.1 * t.distance),
    "max_margin_rate": lambda t: t.assign(tangent=t.steps**-0.2),
    "max_margin_constant": lambda t: t.assign(tangent=1.2 * t.tangent),
    "lazy_movement": lambda t: t.assign(movement=t.width**-0.3),
    "lazy_movement_constant": lambda t: t.assign(movement=1.3 * t.movement),
    "follows_tangent_kernel": lambda t: t.assign(linearised_gap=0.2 * t.width**0.1),
    "mean_field_is_not_lazy": lambda t: t.assign(movement=t.width**-0.5),
}
HALVES = {
    "not_benign": lambda t: t.assign(variance=1.3 * t.variance),
    "effective_ranks_decide": lambda t: t.assign(variance=t.leading_variance.fillna(0.1)),
    "isotropic_threshold": lambda t: t.assign(variance_median=1.0),
    "double_descent": lambda t: t.assign(test_error=2.0 - (over_n(t) - 1).clip(-0.5, 0.5).abs()),
    "descent_to_min_norm": lambda t: t.assign(distance_to_min_norm=0.0),
    "follows_tangent_kernel": lambda t: t.assign(kernel_gap=t.width**-0.2),
    "mean_field_is_not_lazy": lambda t: t.assign(linearised_gap=t.width**-0.5),
}


@pytest.mark.parametrize("claim", MUTATIONS)
def test_each_claim_fails_on_a_table_that_contradicts_it(ideal, claim):
    assert verdicts(MUTATIONS[claim](ideal))[claim] == "not replicated"


@pytest.mark.parametrize("claim", HALVES)
def test_half_of_a_claim_is_partly_replicated(ideal, claim):
    assert verdicts(HALVES[claim](ideal))[claim] == "partly"


def test_every_claim_has_a_table_that_breaks_it_a_source_and_a_figure_that_is_drawn(ideal):
    assert {judged.__name__ for judged in CLAIMS} == set(MUTATIONS)
    found, drawn = claims_of(NAME, ideal), {figure.name for figure in figures_of(NAME, ideal.iloc[:0])}
    assert all(claim.source and claim.tolerance and claim.figure in drawn for claim in found)


# ---------------------------------------------------------------- figures


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return pd.DataFrame(rows_of(*STUDY.cells(SMALL)))


def test_figures_have_the_common_columns_and_draw_their_own_numbers(small):
    for figure in figures_of(NAME, small):
        assert list(figure.numbers.columns) == plots.COLUMNS
        assert len(figure.numbers)
        with plots.style():
            assert plots.draw(figure).axes


def test_figures_of_experiments_that_did_not_run_say_so(small):
    for figure in figures_of(NAME, small.iloc[:0]):
        assert not len(figure.numbers)
        assert "Not run in this tier" in figure.caption
        assert "not run" in plots.draw(figure).axes[0].texts[0].get_text()


def test_figures_count_what_diverged(small):
    for figure in figures_of(NAME, small.assign(status="diverged")):
        assert "diverged and are left out" in figure.caption
        plots.draw(figure)
