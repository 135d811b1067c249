"""Every claim can fail, criterion by criterion: on rows as theory has them all hold; each change breaks what it names.

Changes are to rows that the code could write, see `impossible`, which holds on the committed tables as well.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import norm

from benign.claims import Claim
from benign.experiments.noisy_clusters.predict import predict, two_group_rho
from benign.pipeline import tables
from benign.studies.adversarial_training.claims import CLAIMS, claims, no_divergence
from benign.studies.adversarial_training.grid import STUDY, Cell
from benign.studies.adversarial_training.rows import described
from benign.theory.mixture.gaussian import half_space_error
from support import ROOT, verdicts_of

GRID = Path(__file__).parents[2] / "config" / "grids" / "adversarial_training.yaml"
TESTED = 2000
TEST_ERRORS = {"clean_test_error": 0, "robust_test_error": 1}  # whether the budget is used
verdicts = functools.partial(verdicts_of, STUDY.name)
theory = functools.cache(predict)
Where = Callable[[pd.DataFrame], pd.Series]
Change = Callable[[pd.DataFrame], pd.DataFrame]


# ---------------------------------------------------------------- rows


# h after 10 steps and at the end, over r: as a trial of the limit network had it.
OVER_R = [0.1, 0.3, 1, 2, 4, 8, 16, 32]
EARLY = [0.25, 0.39, 0.55, 0.69, 0.73, 0.8, 0.85, 0.85]
LATE = [0.24, 0.38, 0.54, 0.55, 0.50, 0.43, 0.33, 0.26]
SCALED = ("universality", "theories", "phases", "clock", "start", "starts", "neighbour")


def crowding(cell: Cell) -> float:
    return cell.n * cell.signal**2 / cell.d


def as_theory_has_it(cell: Cell) -> dict:
    """A row with outcomes that replicate every claim, those that we expect to fail included."""
    return _as_h_has_it(cell) if cell.experiment in SCALED else _as_forms_have_it(cell)


def _as_h_has_it(cell: Cell) -> dict:
    """What d and n do not change. Crowded networks are no half-spaces, and their two-group recursion is off."""
    r = crowding(cell)
    early, late = (np.interp(np.log(r), np.log(OVER_R), values) for values in (EARLY, LATE))
    done = cell.step_scale * cell.steps > 20
    crowded, h = r > 8, late if done else early
    if crowded and done:
        h = (h + 0.3 * (cell.slope == 0) + 0.1 * (cell.training == "ordinary")) * (1.3 if start(cell) > 1 else 1)
    h *= 0.9 if cell.start != "paired" and r < 2 else 1
    h *= 0.2 if cell.experiment == "neighbour" and cell.n > 1000 else 1
    rho = h * cell.signal
    clean, robust = half_space_error(np.array([0, cell.budget]), rho)
    bend = 0.15 * (crowded and cell.experiment in ("universality", "theories"))
    robust = robust + min(bend, 1 - robust)
    noise = (1 - 2 * cell.flip_rate) * np.array([clean, robust]) + cell.flip_rate
    observed = half_space_error(np.array([0, cell.budget]), rho, cell.flip_rate) if not bend else noise
    row = {**cell.row(status="ok"), "tested": cell.test_points, "inner_gap": 0.0, "inner_evaluations": 1.2}
    left = 0.1 * bool(crowded and done and cell.slope == 0)
    row |= {"robust_train_loss": max(1 / cell.steps, left), "robust_train_error": left, "clean_train_error": 0.0}
    row |= {"train_loss": 1 / cell.steps, "flipped": np.floor(cell.flip_rate * cell.n + 1e-9) / cell.n}
    row |= {"rho": rho, "mean_norm": cell.signal, "two_group_sample_rho": rho * (1.2 if r > 2 else 1)}
    # Two half-spaces of which one has lost its cluster give a bent boundary's error.
    apart = norm.isf(min(2 * robust, 1 - 1e-12)) if bend else 0.0
    row |= {"rho_positive": cell.budget + apart if bend else rho, "rho_negative": 2 * cell.signal if bend else rho}
    row |= {"four_group_sample_rho": rho * (1.2 if crowded and cell.flip_rate > 0.15 else 1)}
    row |= dict(zip(TEST_ERRORS, observed, strict=True))
    return row | {"clean_test_error_clean_labels": clean, "robust_test_error_clean_labels": robust}


def start(cell: Cell) -> float:
    """The initial weights' length over the first step's."""
    return cell.init_scale * (4 * cell.width * cell.d / cell.n) ** 0.5 / cell.step_scale


def _as_forms_have_it(cell: Cell) -> dict:
    predicted = theory(cell.replace(seed=0))
    row = {**cell.row(status="ok"), **predicted, "tested": TESTED, "inner_gap": 0.0, "inner_evaluations": 1.2}
    row |= {"robust_train_loss": 1 / cell.steps, "robust_train_error": 0.0, "clean_train_error": 0.0}
    row |= {"train_loss": 1 / cell.steps, "flipped": round(cell.flip_rate * cell.n) / cell.n}
    if cell.pixels == "unit_norm":
        row["mean_norm"] = 0.42
        clean, robust = 0.0, norm.cdf(10 * (cell.budget - 0.42))
        observed = (1 - cell.flip_rate) * np.array([clean, robust]) + cell.flip_rate
    elif cell.data == "mnist":
        row["mean_norm"] = 0.7 * cell.side
        clean, robust = 0.0, norm.cdf(3 * (cell.budget - 0.6 * row["mean_norm"]))
        observed = (1 - cell.flip_rate) * np.array([clean, robust]) + cell.flip_rate
    else:
        sample = predicted["two_group_rho"] if cell.experiment != "random" else two_group_rho(cell, row["flipped"])
        better = 0.4 * (predicted["averaging_rho"] - sample) if cell.activation == "smooth_leaky_relu" else 0.0
        rho = (sample + better) * (0.9 if crowding(cell) > 1 else 1)
        row |= {"rho": rho, "mean_norm": cell.signal, "two_group_sample_rho": sample}
        budgets = np.array([0, cell.budget])
        clean, robust = half_space_error(budgets, rho)
        observed = half_space_error(budgets, rho, cell.flip_rate)
    row |= dict(zip(TEST_ERRORS, observed, strict=True))
    row |= {"clean_test_error_clean_labels": clean, "robust_test_error_clean_labels": robust}
    return row


def judge(claim: str, table: pd.DataFrame) -> Claim:
    """That claim alone."""
    if claim == "no_divergence":
        return no_divergence(described(table))
    return next(each for each in CLAIMS if each.__name__ == claim)(described(table))


@pytest.fixture(scope="module")
def ideal() -> pd.DataFrame:
    grid = yaml.safe_load(GRID.read_text())["default"]["grid"]
    for block in (block for blocks in grid["experiments"].values() for block in blocks):
        block["seeds"] = 1 if "random" in block else 6
    table = STUDY.table(map(as_theory_has_it, STUDY.cells(grid)))
    ordinary_loses = (table["budget"] > 0.26 * table["signal"]) | (table["d"] <= table["n"])
    return raised(table, (table["training"] == "ordinary") & (table["data"] == "clusters") & ordinary_loses, 0.1)


def impossible(table: pd.DataFrame) -> list[str]:
    """What no run of the code could write, in words."""
    t = table[table["status"] == "ok"]
    errors = [f"{name}{labels}" for name in TEST_ERRORS for labels in ("", "_clean_labels")]
    whole = dict.fromkeys(errors, t["tested"]) | dict.fromkeys(("robust_train_error", "clean_train_error"), t["n"])
    flips = t["flip_rate"] + 6 * np.sqrt(t["flip_rate"] * (1 - t["flip_rate"]) / t["tested"])
    clusters = t["data"] == "clusters"
    rules = {
        f"{name} is no share of its points": ~np.isclose(t[name] * of, (t[name] * of).round(), atol=1e-6)
        for name, of in whole.items()
    }
    rules |= {f"{name} is not in [0, 1]": ~t[name].between(0, 1) for name in whole}
    for labels in ("test_error", "test_error_clean_labels", "train_error"):
        rules[f"the attack helps: {labels}"] = t[f"robust_{labels}"] < t[f"clean_{labels}"]
        rules[f"budget 0 attacks: {labels}"] = (t["budget"] == 0) & (t[f"robust_{labels}"] != t[f"clean_{labels}"])
    for name in TEST_ERRORS:
        rules[f"{name}: more differ than labels are wrong"] = (t[name] - t[f"{name}_clean_labels"]).abs() > flips + 1e-9
    # A point that is lost has a loss of at least log 2.
    rules["the loss is below its lost points'"] = t["robust_train_loss"] < np.log(2) * t["robust_train_error"] - 1e-9
    rules["ρ is beyond ‖μ‖"] = clusters & (t["rho"].abs() > t["signal"] * (1 + 1e-6))
    rules["a negative gap or count"] = (t["inner_gap"] < -1e-5) | (t["inner_evaluations"] < 0)
    rules["no label is wrong at β = 0"] = (t["flip_rate"] == 0) & (t["flipped"] > 0)
    at_one = t.groupby(["data", "seed", "n", "flip_rate", "flips"])["flipped"].transform("nunique")
    rules["one sample has two shares of wrong labels"] = clusters & (t["experiment"] != "random") & (at_one > 1)
    return [f"{words}: {t.loc[wrong, 'key'].iloc[0]}" for words, wrong in rules.items() if wrong.any()]


# ---------------------------------------------------------------- changes


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """Test errors as shares of the test points."""
    names = [*TEST_ERRORS, *(f"{name}_clean_labels" for name in TEST_ERRORS)]
    return table.assign(**{name: (table[name] * table["tested"]).round() / table["tested"] for name in names})


def raised(table: pd.DataFrame, where: pd.Series, by: float) -> pd.DataFrame:
    """With robust test errors higher by so much, or lower, as far as there is room."""
    result = table.copy()
    for labels in ("", "_clean_labels"):
        error = table[f"robust_test_error{labels}"] + by * (where & (table["budget"] > 0))
        result[f"robust_test_error{labels}"] = error.clip(table[f"clean_test_error{labels}"], 1)
    return _counted(result)


def raise_(where: Where, by: float) -> Change:
    return lambda t: raised(t, where(t), by)


def align(where: Where, rho: Where) -> Change:
    """As if those networks were half-spaces with that ρ."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        result, chosen = table.copy(), where(table) & (table["data"] == "clusters")
        part = table[chosen]
        result.loc[chosen, "rho"] = rho(part)
        for name, used in TEST_ERRORS.items():
            for labels, beta in (("", part["flip_rate"]), ("_clean_labels", 0.0)):
                errors = half_space_error(used * part["budget"], result.loc[chosen, "rho"], beta)
                result.loc[chosen, f"{name}{labels}"] = errors
        return _counted(result)

    return change


def lose_a_point(where: Where) -> Change:
    """One training point of seed 0 is robustly lost."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        chosen = where(table) & (table["seed"] == 0)
        result = table.assign(robust_train_loss=table["robust_train_loss"].where(~chosen, 0.1))
        for name, here in (("robust", chosen), ("clean", chosen & (table["budget"] == 0))):
            result[f"{name}_train_error"] = table[f"{name}_train_error"].where(~here, 1 / table["n"])
        return result

    return change


def of(experiment: str, more: Where = lambda t: t["n"] > 0) -> Where:
    """Adversarially trained networks of an experiment."""
    return lambda t: (t["experiment"] == experiment) & (t["training"] == "adversarial") & more(t)


def calm(t: pd.DataFrame) -> pd.Series:
    return r(t) <= 1


def last(t: pd.DataFrame) -> pd.Series:
    return t["steps"] == 1000


def swept(more: Where = calm) -> Where:
    return lambda t: t["experiment"].isin(["dimension", "signal", "budget", "regime"]) & more(t)


def kind(activation: str) -> Where:
    return lambda t: t["activation"] == activation


def times(factor: float, name: str = "rho") -> Where:
    return lambda t: factor * t[name]


def at_ratio(ratio: float) -> Where:
    return lambda t: (t["budget"] / t["signal"] - ratio).abs() < 1e-9


def small_images(flips: bool) -> Where:
    return of("mnist_budget", lambda t: (t["budget"] <= 2) & ((t["flip_rate"] > 0) == flips))


def r(t: pd.DataFrame) -> pd.Series:
    return t["n"] * t["signal"] ** 2 / t["d"]


def limit(experiment: str, more: Where = lambda t: t["n"] > 0) -> Where:
    return of(experiment, lambda t: (t["sampling"] == "limit") & more(t))


def network(experiment: str, more: Where = lambda t: t["n"] > 0) -> Where:
    return of(experiment, lambda t: (t["sampling"] != "limit") & more(t))


def starts_at(ratio: float) -> Where:
    def length(t: pd.DataFrame) -> pd.Series:
        return t["init_scale"] * (4 * t["width"] * t["d"] / t["n"]) ** 0.5 / t["step_scale"]

    return lambda t: (length(t) / ratio - 1).abs() < 1e-6


def loss(of_steps: Where) -> Change:
    """But for what the lost points make it at least."""
    return lambda t: t.assign(robust_train_loss=of_steps(t).clip(np.log(2) * t["robust_train_error"]))


BREAKS: dict[str, dict[str, Change]] = {
    "robust_interpolation": {"share_of_seeds": lose_a_point(of("regime", lambda t: t["in_regime"] == 1))},
    "robust_loss_vanishes": {
        "share_of_seeds": loss(lambda t: 1 / t["steps"] + (t["steps"] == 30) * (t["seed"] == 0)),
        "slowest_power_of_t": loss(lambda t: 0.6 / t["steps"] ** 0.1),
    },
    "clean_error_near_floor": {"largest_excess": align(of("regime"), lambda t: 0 * t["rho"] + 1.5)},
    "robust_error_near_floor": {"largest_excess": raise_(of("regime"), 0.1)},
    "bracketed": {
        "largest_below_averaging": align(swept(), lambda t: (t["averaging_rho"] + t["signal"]) / 2),
        "largest_above_margin": align(swept(), times(0.8, "linear_max_margin_rho")),
    },
    "transition_location": {
        "error_at_max_margin_rho": align(of("budget"), times(0.8, "linear_max_margin_rho")),
        "error_at_averaging_rho": align(of("budget", kind("smooth_leaky_relu")), times(1.1, "averaging_rho")),
        "error_beyond_signal": raise_(of("budget", at_ratio(1)), -0.2),
    },
    "fails_beyond_signal": {"smallest_error": raise_(lambda t: at_ratio(1.2)(t), -0.8)},
    "above_bayes_floor": {"smallest_excess": raise_(of("budget", at_ratio(0.8)), -0.99)},
    "falls_with_dimension": {
        "largest_step_back": raise_(of("dimension", lambda t: (t["d"] == 10**5) & (t["signal"] == 20)), 0.3),
        "smallest_rise": align(of("dimension", calm), times(0.9, "signal")),
    },
    "cliff": {
        "error_at_1e6": align(of("dimension", lambda t: t["d"] == 10**6), times(0.3, "signal")),
        "error_at_1e8": align(of("dimension", lambda t: t["d"] == 10**8), times(0.3, "signal")),
    },
    "recursion_accurate": {
        "share_within_2_percent": align(of("random"), times(0.97)),
        "share_within_10_percent": align(of("random"), times(0.85)),
    },
    "worsens_towards_margin": {
        "smallest_fall_of_rho": align(of("curves", calm), lambda t: 3 + 0.1 * np.log(t["steps"])),
        "smallest_increase_of_the_fall": align(
            of("curves", calm), lambda t: 4 - 0.1 * (2 - t["slope"]) * np.log(t["steps"])
        ),
    },
    "collapse_measured": {
        "rms_sweeps_leaky_relu": raise_(swept(kind("leaky_relu")), 0.05),
        "rms_sweeps_smooth_leaky_relu": raise_(swept(kind("smooth_leaky_relu")), 0.05),
        "rms_sweeps_relu": raise_(swept(kind("relu")), 0.05),
        "rms_random_leaky_relu": raise_(of("random"), 0.05),
    },
    "collapse_predicted": {
        "excess_sweeps": align(swept(), times(1.0, "averaging_rho")),
        "excess_random": align(of("random"), times(1.0, "averaging_rho")),
    },
    "one_constant": {
        "share_of_seeds": align(of("regime", lambda t: t["seed"] == 0), times(0.3)),
        "constant_needed_when_crowded": align(swept(lambda t: r(t) >= 2), times(0.95, "signal")),
    },
    "ordinary_same_at_small_budget": {
        "largest_difference": raise_(lambda t: (t["training"] == "ordinary") & at_ratio(0.2)(t) & calm(t), 0.05)
    },
    "adversarial_helps_at_small_d": {
        "smallest_gain": raise_(of("dimension", lambda t: t["d"] <= t["n"]), 0.09),
    },
    "adversarial_helps": {"smallest_gain": raise_(of("budget", lambda t: at_ratio(0.4)(t) & kind("relu")(t)), 0.09)},
    "non_smooth_budget_smaller": {"excess": align(of("budget", kind("smooth_leaky_relu")), times(0.9))},
    "pgd_like_exact": {"share_of_seeds": raise_(lambda t: (t["inner"] == "pgd") & (t["seed"] == 0), 0.02)},
    "inner_maximum_stationary": {
        "share_with_gap_below": lambda t: t.assign(inner_gap=0.1 * (t["activation"] != "relu")),
        "largest_evaluations": lambda t: t.assign(inner_evaluations=np.where(at_ratio(0.8)(t), 3.0, 0.1)),
    },
    "choices_do_not_matter": {
        "spread_over_step_scale": raise_(of("choices", lambda t: t["step_scale"] == 3), 0.05),
        "spread_over_init_scale": raise_(of("choices", lambda t: t["init_scale"] == 0.01), 0.05),
        "spread_over_curvature": raise_(of("choices", lambda t: t["curvature"] == 100), 0.05),
    },
    "mnist_clean_labels": {
        "share_of_seeds_fitted": lose_a_point(small_images(flips=False)),
        "worst_error_at_small_budget": raise_(small_images(flips=False), 0.1),
        "least_error_past_mean": raise_(of("mnist_budget", lambda t: t["budget"] > 11), -0.6),
    },
    "mnist_noisy_labels": {
        "share_of_seeds_fitted": lose_a_point(small_images(flips=True)),
        "largest_excess": raise_(small_images(flips=True), 0.1),
    },
    "dimension_drops_out": {
        "uncrowded": align(network("universality", lambda t: calm(t) & (t["d"] == 10**12)), times(0.95)),
        "crowded": align(network("universality", lambda t: ~calm(t) & (t["d"] == 10**12)), times(0.9)),
        "few_dimensions": align(network("universality", lambda t: t["d"] == 200), times(0.7)),
    },
    "sample_size_drops_out": {"largest_deviation": align(limit("universality", lambda t: t["n"] == 50), times(0.8))},
    "crowding_decides": {
        "uncrowded_below": align(network("universality", lambda t: calm(t) & (t["d"] == 1000)), times(0.95)),
        "uncrowded_above": align(network("universality", lambda t: calm(t) & (t["d"] == 10**12)), times(0.95)),
        "crowded_below": align(
            network("universality", lambda t: last(t) & (t["d"] == 1000)), times(1.0, "two_group_sample_rho")
        ),
        "crowded_above": align(
            network("universality", lambda t: last(t) & (t["d"] == 10**12)), times(1.0, "two_group_sample_rho")
        ),
    },
    "four_group_accurate": {
        "median_deviation": align(network("universality"), times(0.95)),
        "gain_when_crowded": align(network("universality", last), times(1.0, "two_group_sample_rho")),
    },
    "four_group_fails": {"least_deviation": align(network("theories", last), times(1.0, "four_group_sample_rho"))},
    "limit_network_accurate": {
        "largest_deviation": align(network("theories"), times(0.95)),
        "largest_error": raise_(network("theories", calm), 0.1),
    },
    "no_half_space": {
        "uncrowded": raise_(network("universality", calm), 0.05),
        "crowded": align(network("universality"), times(1.0)),
    },
    "slope_decides_when_crowded": {
        "left": lambda t: t.assign(
            robust_train_error=t["robust_train_error"].mask((t["slope"] == 0) & (r(t) > 8), 0.0)
        ),
        "relu_over_leaky": align(lambda t: (t["slope"] == 0) & (r(t) > 8), times(0.7)),
        "ordinary_over_adversarial": align(lambda t: t["training"] == "ordinary", times(0.7)),
    },
    "tolerance_peaks": {
        "over_few": align(limit("phases", lambda t: r(t).round(6) == 2), times(0.3, "signal")),
        "over_many": align(limit("phases", lambda t: r(t).round(6) == 8), times(0.6, "signal")),
    },
    "time_costs_when_crowded": {
        "fall_uncrowded": align(limit("phases", lambda t: calm(t) & (t["steps"] == 1000)), times(0.9)),
        "band_crowded": align(limit("phases", lambda t: t["steps"] == 10), times(0.3, "signal")),
    },
    "phases_measured": {
        "benign_side": raise_(network("phases"), 0.3),
        "harmful_side": raise_(network("phases"), -0.9),
    },
    "step_sets_the_clock": {"largest_deviation": align(of("clock", lambda t: t["step_scale"] < 1), times(0.9))},
    "pairs_matter": {
        "signs": align(of("starts", lambda t: t["start"] == "iid"), times(0.95)),
        "pairs": align(of("starts", lambda t: t["start"] == "paired"), times(0.9)),
    },
    "two_half_spaces": {"largest_difference": raise_(network("theories", calm), 0.1)},
    "more_points_harm": {
        "share_of_seeds": lose_a_point(lambda t: (t["experiment"] == "neighbour") & (t["n"] == 100)),
        "largest_excess": align(lambda t: t["experiment"] == "neighbour", times(0.3)),
        "harm": align(lambda t: t["experiment"] == "neighbour", lambda t: 0.5 * t["signal"]),
    },
    "mnist_unit_norm": {
        "worst_error": raise_(of("mnist_house"), 0.1),
        "spread_over_sides": raise_(of("mnist_house", lambda t: t["side"] == 28), 0.1),
    },
    "start_matters_when_crowded": {
        "small": align(of("start", starts_at(0.1)), times(0.95)),
        "large_uncrowded": align(of("start", lambda t: calm(t) & starts_at(10)(t)), times(0.9)),
        "large_crowded": align(of("start", starts_at(10)), times(1 / 1.3)),
    },
    "no_divergence": {"diverged": lambda t: t.assign(status=["diverged", *["ok"] * (len(t) - 1)])},
}


# ---------------------------------------------------------------- tests


def test_on_rows_as_theory_has_them_every_claim_is_replicated(ideal):
    assert impossible(ideal) == []
    assert {name: verdict for name, verdict in verdicts(ideal).items() if verdict != "replicated"} == {}


@pytest.mark.parametrize("tier", ["default", "paper"])
def test_committed_rows_are_possible(tier):
    assert impossible(tables.read(ROOT / "results" / tier / STUDY.name / "table.csv")) == []


def test_every_criterion_of_every_claim_has_a_change_that_breaks_it(ideal):
    judged = {claim.id: {each["name"] for each in claim.criteria} for claim in claims(ideal)}
    assert judged == {claim: set(changes) for claim, changes in BREAKS.items()}


@pytest.mark.parametrize(("claim", "criterion"), [(c, name) for c, changes in BREAKS.items() for name in changes])
def test_a_criterion_is_not_met_where_what_it_says_is_false(ideal, claim, criterion):
    broken = BREAKS[claim][criterion](ideal)
    assert impossible(broken) == []
    judged = judge(claim, broken)
    assert {each["name"]: each["verdict"] for each in judged.criteria}[criterion] == "not replicated"
    assert judged.verdict in ("not replicated", "partly")


def test_without_cells_every_claim_is_not_run(ideal):
    assert set(verdicts(ideal.iloc[:0]).values()) == {"not run"}


def test_without_cells_in_the_regime_the_theorems_claims_are_not_run(ideal):
    found = verdicts(ideal.assign(in_regime=False))
    for claim in ("robust_interpolation", "clean_error_near_floor", "robust_error_near_floor"):
        assert found[claim] == "not run"


def test_ids_are_unique_and_every_claim_has_a_source_and_a_tolerance(ideal):
    found = claims(ideal)
    assert len({c.id for c in found}) == len(found) == len(CLAIMS) + 1
    assert all(c.source and c.tolerance and c.expected for c in found)


def test_what_is_true_by_mathematics_or_construction_is_a_check_and_no_replication(ideal):
    checks = {claim.id for claim in claims(ideal) if claim.kind == "check"}
    assert checks == {"fails_beyond_signal", "above_bayes_floor", "no_divergence"}


def test_a_diverged_cell_does_not_enter_the_other_claims(ideal):
    broken = ideal.copy()
    broken.loc[broken.index[0], ["status", "robust_test_error"]] = ["diverged", np.nan]
    found = verdicts(broken)
    assert found.pop("no_divergence") == "not replicated"
    assert set(found.values()) == {"replicated"}


def test_a_budget_that_rounding_moves_stays_in_the_claims_that_name_it(ideal):
    moved = ideal.assign(budget=ideal["budget"] * (1 + 1e-12))
    cells = [claim.measured["cells"] for claim in claims(ideal)]
    assert [claim.measured["cells"] for claim in claims(moved)] == cells


def test_seeds_that_only_some_experiments_have_do_not_narrow_an_interval(ideal):
    """The regime has more seeds than the sweeps at the default tier; each seed counts once, and only where all are."""
    few = ideal[(ideal["seed"] < 3) | (ideal["experiment"] == "regime")]
    same = ideal[ideal["seed"] < 3]
    for claim in ("bracketed", "collapse_measured", "one_constant", "inner_maximum_stationary"):
        assert judge(claim, few).criteria == judge(claim, same).criteria


def test_predictions_of_the_table_are_those_of_the_theory_module(ideal):
    row = ideal[(ideal.data == "clusters") & (ideal.budget > 0)].iloc[0]
    assert row.averaging_error == pytest.approx(float(half_space_error(row.budget, row.averaging_rho, row.flip_rate)))
