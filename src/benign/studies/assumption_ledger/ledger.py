"""What "benign" means here, and the entries of the ledger: each assumption with the cells that break it most.

Benign [ours]: robust training error 0 at every seed, wrong labels included, and robust test error (observed labels,
mean over seeds) within NEAR of the noise level β. The mean carries the Clopper-Pearson interval of the pooled counts:
a point is benign if the interval reaches down to β + NEAR, and harmful if all of it lies above.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pandas as pd

from benign.stats import clopper_pearson

NEAR = 0.05
SETTING = [
    *("experiment", "d", "signal", "n", "flip_rate", "noise", "tail", "covariance", "correlation", "flips"),
    *("activation", "init_scale", "step_scale", "steps", "batch", "training", "inner", "inner_steps", "budget"),
]
MEANS = {
    "robust_test_error": "error",
    "clean_test_error": "clean_error",
    "robust_test_error_clean_labels": "wrong",
    "clean_test_error_clean_labels": "clean_wrong",
    "robust_train_error": "train_error",
    "expected_error": "expected_error",
    "averaging_rho": "averaging_rho",
    "effective_dimension": "effective_dimension",
}


def points(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per setting with a cell that ended well: means over its seeds, `error`'s interval, and `cells`, `lost`,
    `fits`, `benign`, `harmful`.

    error, clean_error: with observed labels · wrong, clean_wrong: with clean labels, so without the labels' noise
    """
    kept = rows[rows["status"] == "ok"]
    kept = kept.assign(hits=(kept["robust_test_error"] * kept["tested"]).round(), fits=kept["robust_train_error"] == 0)
    settings = kept.groupby(SETTING, sort=False)
    found = settings[list(MEANS)].mean().rename(columns=MEANS)
    counts = settings[["hits", "tested"]].sum()
    found["error_low"], found["error_high"] = clopper_pearson(counts["hits"], counts["tested"])
    found["cells"] = rows.groupby(SETTING, sort=False).size()
    found["lost"] = found["cells"] - settings.size()
    found["fits"] = settings["fits"].all() & (found["lost"] == 0)
    limit = found.index.get_level_values("flip_rate") + NEAR
    found["benign"] = found["fits"] & (found["error_low"] <= limit)
    return found.assign(harmful=found["error_low"] > limit).reset_index()


def base(table: pd.DataFrame, training: str = "adversarial") -> pd.DataFrame:
    """Cells of the base setting, leaky ReLU."""
    rows = table[(table["experiment"] == "base") & (table["training"] == training)]
    return rows[rows["activation"] == "leaky_relu"]


def broken(table: pd.DataFrame, experiment: str, training: str = "adversarial") -> pd.DataFrame:
    """Cells of one experiment."""
    return table[(table["experiment"] == experiment) & (table["training"] == training)]


# ---------------------------------------------------------------- entries


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the ledger.

    name: the assumption · needs: what the theorem asks for · experiment: where it is broken
    choose: of the experiment's rows, those that break it most (decided by the setting, never by the outcome)
    shown: the broken value as text, from one of these rows
    """

    name: str
    needs: str
    experiment: str
    choose: Callable[[pd.DataFrame], pd.DataFrame]
    shown: Callable[[pd.Series], str]

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The cells that break this assumption most; none if the experiment was not run."""
        return self.choose(broken(table, self.experiment))


def _least(field: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows[rows[field] == rows[field].min()]


def _most(field: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows[rows[field] == rows[field].max()]


def _just_above_n(rows: pd.DataFrame) -> pd.DataFrame:
    above = rows[rows["d"] > rows["n"]]
    return above[above["d"] == above["d"].min()]


def _highest_exact(rows: pd.DataFrame) -> pd.DataFrame:
    return _most("flip_rate")(rows[rows["flips"] == "exact"])


def _worst_at_least(rows: pd.DataFrame) -> pd.DataFrame:
    at = rows[(rows["flips"] == "worst") & (rows["flip_rate"] >= 0.1)]
    return _least("flip_rate")(at)


def _leaky(rows: pd.DataFrame) -> pd.DataFrame:
    return _most("step_scale")(rows[rows["activation"] == "leaky_relu"])


def _smallest_batch(rows: pd.DataFrame) -> pd.DataFrame:
    return _least("batch")(rows[rows["batch"] > 0])


ENTRIES = (
    Entry("more dimensions than points", "d ≥ C n² log n", "dimension", _least("d"), lambda r: f"d = {r['d']}"),
    Entry("near-orthogonal points", "d ≥ C n‖μ‖²", "dimension", _just_above_n, lambda r: f"d = {r['d']}"),
    Entry("enough points", "n ≥ C log(1/δ)", "sample_size", _least("n"), lambda r: f"n = {r['n']}"),
    Entry("enough signal", "n‖μ‖⁴ ≥ C d", "signal", _least("signal"), lambda r: f"‖μ‖ = {r['signal']:g}"),
    Entry("few wrong labels", "β ≤ 1/C", "flip_rate", _highest_exact, lambda r: f"β = {r['flip_rate']:g}"),
    Entry("flips without a plan", "any, TV ≤ β", "flip_rate", _worst_at_least, lambda r: "worst choice"),
    Entry(
        "sub-Gaussian noise", "tails exp(−t²/C)", "student_t", _least("tail"), lambda r: f"Student t, ν = {r['tail']:g}"
    ),
    Entry("no sparse noise", "tails exp(−t²/C)", "sparse", _least("tail"), lambda r: f"density {r['tail']:g}"),
    Entry(
        "independent coordinates",
        "Cov ξ = I",
        "correlation",
        _least("effective_dimension"),
        lambda r: f"dₑ = {r['effective_dimension']:.0f}",
    ),
    Entry("full-batch steps", "all n points", "minibatch", _smallest_batch, lambda r: f"batch {r['batch']}"),
    Entry(
        "small initialisation",
        "σ√d ≪ c/√m",
        "initialisation",
        _most("init_scale"),
        lambda r: f"σ√d = {r['init_scale']:g}",
    ),
    Entry("small step", "η ≤ 1/(Cd²)", "step", _leaky, lambda r: f"c = {r['step_scale']:g}"),
    Entry("small budget", "α ≪ ‖μ‖", "budget", _most("budget"), lambda r: f"α = {r['budget']:g}"),
    Entry("exact inner maximum", "the maximum", "inner", _least("inner_steps"), lambda r: f"PGD-{r['inner_steps']}"),
)
