"""Verdicts: intervals cover, criteria judge the whole interval, and noise never helps."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from benign.claims import (
    Claim,
    always,
    at_least,
    at_most,
    conclude,
    estimate,
    estimates,
    everywhere,
    exact,
    largest_of,
    least_of,
    means,
    on_converged,
    share,
    within,
)
from benign.claims.record import scope
from benign.letters import span
from benign.study import Cell, Row, Study, column, field


class TinyCell(Cell):
    n: int = field("points", at_least=1)
    seed: int = field("the replicate", at_least=0)


class TinyRow(Row):
    error: float | None = column("error")


STUDY = Study("benign.studies.tiny", "A tiny study.", TinyCell, TinyRow, ("figure",))


def table(errors: list[float], n: int = 50) -> pd.DataFrame:
    """One row for each seed."""
    return STUDY.table(TinyCell(n=n, seed=seed).row(status="ok", error=error) for seed, error in enumerate(errors))


def mean(rows: pd.DataFrame) -> float:
    return rows["error"].mean()


def judged(rows: pd.DataFrame, *criteria, **words) -> Claim:
    fixed = {"kind": "beyond", "statement": "S.", "source": "ours", "thresholds": "before any run"} | words
    return conclude("tiny", TinyCell, "claim", rows, *criteria, **fixed)


# ---------------------------------------------------------------- estimates


def test_the_interval_of_a_mean_is_students():
    values = [0.1, 0.4, 0.2, 0.25, 0.3]
    found = estimate(table(values), mean)
    low, high = scipy_stats.t.interval(0.95, 4, np.mean(values), scipy_stats.sem(values))
    assert [found.value, found.low, found.high] == pytest.approx([np.mean(values), low, high])


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("statistic", ["mean", "ratio of means", "slope"])
def test_the_interval_covers_with_few_seeds(seeds, statistic):
    rng, trials = np.random.default_rng(0), 400
    x = np.array([1.0, 2.0, 3.0])
    truth = {"mean": 2.0, "ratio of means": 1.5, "slope": 1.0}[statistic]

    def of(rows: pd.DataFrame) -> float:
        means = rows.groupby("n")["error"].mean()
        if statistic == "mean":
            return means.mean()
        return means.iloc[2] / means.iloc[1] if statistic == "ratio of means" else np.polyfit(x, means, 1)[0]

    covered = 0
    for values in rng.normal(x, 0.1, (trials, seeds, 3)):
        rows = pd.DataFrame({"seed": np.repeat(range(seeds), 3), "n": np.tile(x, seeds), "error": values.ravel()})
        found = estimate(rows, of)
        covered += found.low <= truth <= found.high
    # Three standard errors of the share below 95 %; a percentile bootstrap has 75 % at three seeds.
    assert covered / trials >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials)


def test_the_rows_of_one_seed_count_as_one_draw():
    once = table([0.1, 0.4, 0.2])
    many = pd.concat([once] * 7, ignore_index=True)
    a, b = estimate(once, mean), estimate(many, mean)
    assert [a.low, a.high] == pytest.approx([b.low, b.high])


def test_the_largest_of_several_numbers_has_the_ends_of_the_one_that_reaches_furthest():
    """Noise that makes another number the largest does not hide the one whose spread crosses a limit."""
    steady, spread = [0.15, 0.15, 0.15], [0.0, 0.1, 0.2]
    rows = pd.DataFrame({"seed": [0, 1, 2] * 2, "point": [0] * 3 + [1] * 3, "error": steady + spread})

    def of_points(part: pd.DataFrame) -> pd.Series:
        return part.groupby("point")["error"].mean()

    found, wide = largest_of(estimates(rows, of_points)), estimate(rows[rows["point"] == 1], mean)
    assert [found.value, found.low, found.high] == pytest.approx([0.15, 0.15, wide.high])
    assert at_most("e", "error", found, 0.16).verdict == "undecided"
    assert at_most("e", "error", estimate(rows, lambda part: of_points(part).max()), 0.16).verdict == "replicated"
    lowest = least_of(estimates(rows, of_points))
    assert [lowest.value, lowest.low, lowest.high] == pytest.approx([0.1, wide.low, 0.15])


def test_one_seed_says_nothing_of_the_spread():
    found = estimate(table([0.3]), mean)
    assert (found.value, found.low, found.high) == (0.3, -math.inf, math.inf)


def test_a_share_of_draws_needs_every_row_of_a_draw():
    rows = pd.DataFrame({"seed": [0, 0, 1, 1], "good": [True, True, True, False]})
    found = share(rows, rows["good"])
    assert (found.value, found.draws) == (0.5, 2)
    assert found.low < 0.5 < found.high


# ---------------------------------------------------------------- criteria


def test_a_criterion_judges_the_whole_interval():
    found = estimate(table([0.1, 0.12, 0.11]), mean)
    assert at_most("e", "error", found, 0.2).verdict == "replicated"
    assert at_most("e", "error", found, 0.05).verdict == "not replicated"
    assert at_most("e", "error", found, 0.111).verdict == "undecided"
    assert at_least("e", "error", found, 0.05).verdict == "replicated"
    assert within("e", "error", found, 0.05, 0.2).verdict == "replicated"
    assert within("e", "error", found, 0.05, 0.111).verdict == "undecided"
    assert at_most("e", "error", exact(0.2), 0.2).verdict == "replicated"


def test_undecided_says_how_many_draws_would_decide():
    rng = np.random.default_rng(1)
    values = rng.normal(0.10, 0.01, 4)
    limit = values.mean() + 0.005
    criterion = at_most("e", "error", estimate(table(list(values)), mean), limit)
    needed = criterion.draws_needed
    assert criterion.verdict == "undecided"
    spread, t = np.std(values, ddof=1), scipy_stats.t.ppf(0.975, needed - 1)
    assert t * spread / math.sqrt(needed) < 0.005
    assert scipy_stats.t.ppf(0.975, needed - 2) * spread / math.sqrt(needed - 1) >= 0.005


def test_what_always_holds_is_decided_by_six_draws_and_refuted_by_one():
    def verdict(holds: list[bool]) -> str:
        rows = table([0.0] * len(holds))
        return always("all", "it holds", rows, pd.Series(holds, index=rows.index)).verdict

    assert verdict([True] * 6) == "replicated"
    assert verdict([True] * 5) == "undecided"
    assert verdict([True] * 20 + [False]) == "not replicated"
    rows = table([0.0] * 3)
    assert always("all", "it holds", rows, rows["error"] == 0).draws_needed == 6


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=6),
    st.floats(0, 1),
    st.sampled_from([at_most, at_least]),
    st.floats(1, 10),
)
def test_a_wider_spread_never_turns_a_verdict_into_replicated(values, limit, judge, factor):
    centre = float(np.mean(values))
    noisier = [centre + factor * (value - centre) for value in values]
    before = judge("e", "error", estimate(table(values), mean), limit).verdict
    after = judge("e", "error", estimate(table(noisier), mean), limit - 0.0).verdict
    assert after != "replicated" or before == "replicated" or np.isclose(noisier, values, atol=1e-9).all()


# ---------------------------------------------------------------- points of a sweep


def sweep(**seeds: list[float]) -> pd.DataFrame:
    """Points n50=…, n80=… with a value for each seed."""
    return pd.concat([table(values, int(name[1:])) for name, values in seeds.items()], ignore_index=True)


def test_the_largest_mean_is_at_most_a_limit_only_if_the_interval_of_every_point_is():
    steady, shaky = [0.10, 0.11, 0.12], [0.0, 0.09, 0.18]
    rows = sweep(n50=steady, n80=shaky)
    found = largest_of(means(rows, rows["error"], ["n"]))
    alone = [estimate(table(values), mean) for values in (steady, shaky)]
    assert found.value == pytest.approx(0.11)  # the steady point's
    assert found.low == pytest.approx(alone[0].low)
    assert found.high == pytest.approx(alone[1].high)  # the shaky point may have more
    low = least_of(means(rows, rows["error"], ["n"]))
    assert [low.value, low.low, low.high] == pytest.approx([0.09, alone[1].low, alone[0].high])


def test_a_limit_at_every_point_is_decided_by_the_draws_that_decide_each():
    rows = sweep(n50=[0.10, 0.11, 0.12], n80=[0.0, 0.09, 0.18])
    alone = estimate(table([0.0, 0.09, 0.18]), mean)
    assert largest_of(means(rows, rows["error"], ["n"])).draws_to_decide(0.2) == alone.draws_to_decide(0.2)
    assert least_of(means(rows, rows["error"], ["n"])).draws_to_decide(0.05) == alone.draws_to_decide(0.05)


def test_a_point_with_one_seed_leaves_a_statement_about_every_point_undecided():
    rows = sweep(n50=[0.1] * 9, n80=[0.1])
    assert at_most("e", "error", largest_of(means(rows, rows["error"], ["n"])), 0.5).verdict == "undecided"
    criterion = everywhere("all", "it holds", rows, rows["error"] < 0.5, ["n"])
    assert (criterion.verdict, criterion.estimate.draws) == ("undecided", 1)


def test_one_exception_at_any_point_refutes_what_holds_everywhere():
    rows = sweep(n50=[0.1] * 8 + [0.9], n80=[0.1] * 6)
    assert everywhere("all", "it holds", rows, rows["error"] < 0.5, ["n"]).verdict == "not replicated"
    rows = sweep(n50=[0.1] * 9, n80=[0.1] * 6)
    criterion = everywhere("all", "it holds", rows, rows["error"] < 0.5, ["n"])
    assert (criterion.verdict, criterion.estimate.draws) == ("replicated", 6)


def test_points_without_values_are_left_out_and_without_any_nothing_is_known():
    rows = sweep(n50=[0.1, 0.2], n80=[math.nan, math.nan])
    assert largest_of(means(rows, rows["error"], ["n"])).value == pytest.approx(0.15)
    for part in (rows[rows["n"] == 80], rows.iloc[:0]):
        assert at_most("e", "error", largest_of(means(part, part["error"], ["n"])), 1).verdict == "not run"
    assert everywhere("all", "it holds", rows.iloc[:0], rows.iloc[:0]["error"] < 1, ["n"]).verdict == "not run"


# ---------------------------------------------------------------- claims


def test_several_criteria_some_met_make_partly():
    rows = table([0.1, 0.12, 0.11])
    met, failed = (at_most("e", "error", estimate(rows, mean), limit) for limit in (0.5, 0.01))
    undecided = at_most("f", "error", estimate(rows, mean), 0.111)
    assert judged(rows, met).verdict == "replicated"
    assert judged(rows, met, failed).verdict == "partly"
    assert judged(rows, failed, failed).verdict == "not replicated"
    assert judged(rows, met, undecided).verdict == "undecided"


def test_a_claim_that_does_not_come_out_says_why_and_one_that_does_says_nothing():
    rows = table([0.1, 0.12, 0.11])
    found = estimate(rows, mean)
    assert judged(rows, at_most("e", "error", found, 0.5), why="W.").why == ""
    assert judged(rows, at_most("e", "error", found, 0.01), why="W.").why == "W."
    undecided = judged(rows, at_most("e", "error", found, 0.111), why="W.").why
    assert "would decide" in undecided
    assert undecided.endswith("W.")


def test_without_cells_or_numbers_a_claim_is_not_run():
    assert judged(table([]), at_most("e", "error", estimate(table([]), mean), 1)).verdict == "not run"
    lacking = table([math.nan, math.nan])
    assert judged(lacking, at_most("e", "error", estimate(lacking, mean), 1)).verdict == "not run"


def test_scope_says_what_was_run_and_what_diverged():
    rows = pd.concat([table([0.1, 0.2]), table([0.3], n=80)], ignore_index=True)
    rows.loc[2, "status"] = "diverged"

    def judge(kept: pd.DataFrame) -> Claim:
        return judged(kept, at_most("e", "error", estimate(kept, mean), 1))

    (claim,) = on_converged([judge])(rows)
    assert claim.scope.startswith("n = 50; seeds: ")
    assert claim.scope.endswith("2 cells; 1 of the study's 3 cells diverged and are left out")
    assert len(claim.keys) == 2


def test_a_scope_names_a_few_texts_and_counts_many():
    assert span(pd.Series(["b", "a", "b"])) == "a, b"
    assert span(pd.Series([f"{i:03}" for i in range(729)])) == "729 values"


def test_scope_has_the_paper_s_letters():
    rows = table([0.1, 0.2])
    claim = judged(rows, at_most("e", "error", estimate(rows, mean), 1), letters={"n": "N"})
    assert claim.scope.startswith("N = 50; ")


def test_a_scope_leaves_out_what_does_not_matter_to_the_cells():
    class OfTwo(TinyCell):
        experiment: Literal["linear", "network"]
        width: int = field("neurons", default=1)

        def irrelevant(self):
            return {"width": 1} if self.experiment == "linear" else {}

    study = Study("benign.studies.two", "A study.", OfTwo, TinyRow, ("figure",))
    linear, network = (
        study.table(OfTwo(n=50, experiment=name, seed=seed).row(status="ok", error=0.1) for seed in range(3))
        for name in ("linear", "network")
    )
    assert scope(OfTwo, linear, {}).startswith("n = 50; ")
    assert scope(OfTwo, network, {}).startswith("n = 50, m = 1; ")


def test_the_record_has_every_field_of_the_contract():
    rows = table([0.1, 0.12, 0.11])
    record = judged(rows, at_most("e", "error", estimate(rows, mean), 0.5), figure="figure").record()
    assert set(record) == {
        *("id", "study", "kind", "statement", "source", "scope", "measured", "expected", "tolerance", "verdict"),
        *("why", "thresholds", "figure", "criteria"),
    }
    (criterion,) = record["criteria"]
    assert criterion["at_most"] == 0.5
    assert criterion["low"] < criterion["value"] < criterion["high"]
