"""What "benign" means here, and the entries of the ledger: each assumption with the cells that break it most.

Benign [ours]: robust training error 0 at every seed, wrong labels included, and robust test error (observed labels,
mean over seeds) within NEAR of the noise level β. With the mean's interval over seeds a setting is benign if all of it
lies up to β + NEAR, harmful if all of it lies above, and else unclear.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pandas as pd

NEAR = 0.05
SETTING = [
    *("experiment", "d", "signal", "n", "flip_rate", "noise", "tail", "covariance", "correlation", "flips"),
    *("activation", "init_scale", "step_scale", "steps", "batch", "training", "inner", "inner_steps", "budget"),
]


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
