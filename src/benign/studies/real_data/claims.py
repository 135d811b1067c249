"""Claims about networks on real data with label noise, each judged on the table alone; all of it is beyond the paper.

A claim that needs CIFAR-10 says "not run" where there is none. What a `why` measures stands in docs/theory.md § 17.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pandas as pd

from benign.claims import (
    Claim,
    Criterion,
    Estimate,
    always,
    at_least,
    at_most,
    conclude,
    estimates,
    largest_of,
    least_of,
    on_converged,
)
from benign.studies.real_data.grid import Cell
from benign.studies.real_data.predictions import PAIR, half_space, half_space_white, reaching, transitions

BENIGN, NEAR, CURVE = 0.05, 0.1, 0.05
SMALL, QUARTER, LARGE = 0.1, 0.25, 0.8  # of ‖μ̂‖
PLACE = [*PAIR, "budget_ratio"]
_claim = functools.partial(
    conclude,
    "real_data",
    Cell,
    kind="beyond",
    source="beyond the paper",
    thresholds="after the default tier",
    limits="limits are ours, written down after single trial runs of MNIST 3/8 and 0/1",
)


def _adversarial(table: pd.DataFrame, *experiments: str) -> pd.DataFrame:
    return table[table["experiment"].isin(experiments) & (table["training"] == "adversarial")]


def _largest(name: str, says: str, rows: pd.DataFrame, limit: float, place: list[str] = PLACE) -> Criterion:
    """The largest of the places' means over the seeds of the column `name` is at most `limit`."""
    return at_most(name, says, largest_of(estimates(rows, lambda part: part.groupby(place)[name].mean())), limit)


def _least(name: str, says: str, rows: pd.DataFrame, limit: float, place: list[str] = PLACE) -> Criterion:
    """The least of them is at least `limit`."""
    return at_least(name, says, least_of(estimates(rows, lambda part: part.groupby(place)[name].mean())), limit)


def _interpolated(rows: pd.DataFrame) -> Criterion:
    """All labels are fitted, over samples: cells that differ in β, budget and training share one."""
    fitted = rows["robust_train_error"] == 0
    return always("interpolated", "robust training error 0", rows, fitted, ["data", "classes", "seed"], "samples")


def no_classifier_beats_separation(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "pairs")
    rows = rows[rows["least_robust_train_error"] > 0]
    above = rows["robust_train_error"] - rows["least_robust_train_error"]
    return _claim(
        "no_classifier_beats_separation",
        rows,
        always("above_the_bound", "robust training error at least the bound", rows, above >= -1e-9, "key", "networks"),
        kind="check",
        statement=(
            "Where training points with different labels are within 2α of each other, every network gives up at "
            "least as many points as a largest matching of such pairs has pairs."
        ),
        source="docs/theory.md § 17: derived for every classifier",
        limits="the attack could only refute itself",
        also={"least_difference": above.min(), "mean_bound": rows["least_robust_train_error"].mean()},
        figure="transition",
    )


def true_labels_interpolated(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "pairs")
    rows = rows[(rows["flip_rate"] == 0) & (rows["budget_ratio"] <= SMALL)]
    return _claim(
        "true_labels_interpolated",
        rows,
        _interpolated(rows),
        statement="With true labels all points are robustly interpolated at α ≤ ‖μ̂‖/10 within the steps allowed.",
        also={"largest_error": rows["robust_train_error"].max(), "most_steps": rows["trained_steps"].max()},
        why=(
            "Steps: in the paper tier one image of one of airplane/frog's three samples, at α = ‖μ̂‖/10, is not fitted "
            "within 3,200 steps, and is within 12,800."
        ),
        figure="transition",
    )


def noisy_labels_interpolated(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "long")
    rows = rows[(rows["budget_ratio"] <= SMALL) & (rows["least_robust_train_error"] == 0)]
    return _claim(
        "noisy_labels_interpolated",
        rows,
        _interpolated(rows),
        statement=(
            "Trained for long, networks robustly fit all points with a tenth of the labels flipped at α ≤ ‖μ̂‖/10, "
            "wherever any classifier can."
        ),
        also={"largest_error": rows["robust_train_error"].max(), "most_steps": rows["trained_steps"].max()},
        why=(
            "Steps: in the default tier one point of one sample of 0/1 is left after the 3,200 steps allowed; in the "
            "paper tier fitting all took up to 6,400."
        ),
        figure="interpolation",
    )


def _of_curves(
    rows: pd.DataFrame, statistic: Callable[[pd.DataFrame], pd.Series]
) -> Iterator[tuple[str, list[Estimate]]]:
    """Each data set, and what its transitions give."""
    for data, part in rows.groupby("data"):
        yield (
            str(data),
            estimates(part, lambda cells: statistic(transitions(cells)[["network_off", "white_off"]].abs())),
        )


def direction_predicts_transition(table: pd.DataFrame) -> Claim:
    rows = reaching(table)
    return _claim(
        "direction_predicts_transition",
        rows,
        *(
            at_most(
                f"deviation_{data}", f"{data}: largest relative deviation over pairs and β", largest_of(found), NEAR
            )
            for data, found in _of_curves(rows, lambda off: off["network_off"])
        ),
        statement=(
            "Where it is reached, the budget at which half of the test points are lost is, within 10 %, that of the "
            "half-space of the network's direction, with its alignment and covariance from images outside the sample."
        ),
        also={"median_deviation": transitions(rows)["network_off"].abs().median()},
        why=(
            "A network is no half-space: in the paper tier the half-space of the same direction, on the test points "
            "themselves, with nothing assumed of the noise, is itself off by 13 % in the median and 73 % at most "
            "(half_space_error_clean_labels). On MNIST networks outlast the closed form on every curve, by 8 to 22 %."
        ),
        figure="predicted_transition",
    )


def white_noise_misses(table: pd.DataFrame) -> Claim:
    rows = reaching(table)
    return _claim(
        "white_noise_misses",
        rows,
        *(
            at_least(
                f"margin_{data}",
                f"{data}: least deviation beyond the half-space's, over pairs and β",
                least_of(found),
                0,
            )
            for data, found in _of_curves(rows, lambda off: off["white_off"] - off["network_off"])
        ),
        statement=(
            "White-noise averaging, which knows ‖μ̂‖, n and d alone, misses every pair's transition by more than the "
            "half-space of the network's direction does."
        ),
        also={"median_deviation": transitions(rows)["white_off"].abs().median()},
        why=(
            "Two errors cancel: white noise has one transition for all of MNIST, .75 to .95 of ‖μ̂‖ where .50 to 1.22 "
            "is measured, and so meets some of its nine curves (four of them better), because networks outlast their "
            "half-space by 8 to 22 %. On CIFAR-10's four it is 94 to 167 % off, the half-space 30 to 66 %."
        ),
        figure="predicted_transition",
    )


def covariance_predicts_curve(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "pairs").dropna(subset=["network_rho"])
    own, white = (
        (predicted(rows, rows["flip_rate"]) - rows["robust_test_error"]).abs()
        for predicted in (half_space, half_space_white)
    )
    rows = rows.assign(deviation=own, gain=white - own)
    return _claim(
        "covariance_predicts_curve",
        rows,
        _largest("deviation", "largest mean deviation of the closed form over pairs and β", rows, CURVE, PAIR),
        _least("gain", "least gain over unit variance", rows, 0, PAIR),
        statement=(
            "The robust error of a half-space whose margin has the variance measured along the network's direction "
            "is, for every pair of classes and β, on average over the budgets within .05 of the network's robust test "
            "error, and nearer to it than with variance 1."
        ),
        why=(
            "It is the network that is no half-space, not the covariance: the largest deviation is 0/1's with true "
            "labels, from α = .8‖μ̂‖ on, where the closed form is .17 and .37 too high, and the half-space on the test "
            "points themselves .16 and .36."
        ),
        figure="transition",
    )


def benign_on_mnist(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "pairs")
    rows = rows[(rows["data"] == "mnist") & (rows["flip_rate"] > 0) & (rows["budget_ratio"] <= QUARTER)]
    rows = rows.assign(excess=rows["robust_test_error"] - rows["flip_rate"])
    return _claim(
        "benign_on_mnist",
        rows,
        _interpolated(rows),
        _largest("excess", "largest excess of robust test error over β, over pairs, β and budgets", rows, BENIGN),
        statement=(
            "On MNIST overfitting wrong labels is benign at α ≤ ‖μ̂‖/4: networks fit every label robustly, and robust "
            "test error exceeds β by at most .05."
        ),
        also={"least_excess": rows.groupby(PLACE)["excess"].mean().min()},
        why=(
            "Dimension and signal. MNIST's noise fills (tr Σ)²/tr Σ² = 20 to 31 directions, fewer than the 100 points. "
            "With 10,000 independent noise coordinates added 0/1 fits every label, and its largest excess at β = .1 "
            "falls from .19 to .05; on 3/8 and 4/9 it grows, from .22 to .26 and .16 to .31, for their noise along μ̂ "
            "has 19 to 35 times the average variance: even the most robust half-space exceeds β by .09 at α = ‖μ̂‖/4. "
            "Where 0/1's error falls beyond ‖μ̂‖/4 (.29, .32, .16) training ended after 100 steps, as no classifier "
            "fits all points; after 3,200 steps it is .52."
        ),
        figure="transition",
    )


def phases_of_white_noise(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "pairs")
    rows = rows[(rows["flip_rate"] == 0.1) & rows["budget_ratio"].isin([SMALL, LARGE])]
    crowding = rows["n"] * rows["mean_norm"] ** 2 / rows["d"]
    error = "robust_test_error_clean_labels"
    small, large = (rows[rows["budget_ratio"] == ratio] for ratio in (SMALL, LARGE))
    return _claim(
        "phases_of_white_noise",
        rows,
        _largest(error, "largest robust test error, true labels, at α = ‖μ̂‖/10", small, 0.5),
        _least(error, "least at α = .8‖μ̂‖", large, 0.5),
        statement=(
            "Pairs of images with a tenth of the labels wrong end on the side of 1/2 that the phase diagram of white "
            "noise gives, whose tolerated budget lies between ‖μ̂‖/10 and .8‖μ̂‖ at every r = n‖μ̂‖²/tr Σ: robust test "
            "error with true labels is below 1/2 at the former and above at the latter."
        ),
        source="the flagship's figure phases, docs/theory.md § 19",
        thresholds="after the paper tier",
        limits="1/2 is where a half-space has α = ρ",
        also={"least_r": crowding.min(), "largest_r": crowding.max()},
        why=(
            "MNIST 0/1 is the exception: r = 39, and at .8‖μ̂‖ a quarter of the training points is not robustly "
            "fitted: the fourth of the phases, in which h rises again. In the paper tier the others, r = .4 to 15, "
            "have .52 to .67 there, and .18 to .48 at ‖μ̂‖/10. White noise has a sharper transition: along the "
            "networks' direction images vary more than on average (white_noise_misses)."
        ),
        figure="transition",
    )


def more_points_help(table: pd.DataFrame) -> Claim:
    at = ["data", "classes", "side", "flip_rate", "budget_ratio"]
    rows = _adversarial(table, "pairs", "sizes")
    rows = rows.merge(rows.loc[rows["experiment"] == "sizes", at].drop_duplicates())
    least, largest = rows["n"].min(), rows["n"].max()
    rows = rows[rows["n"].isin([least, largest]) & rows["seed"].isin(rows.loc[rows["n"] == largest, "seed"])]

    def falls(part: pd.DataFrame) -> pd.Series:  # between the same seeds' samples
        means = part.groupby([*at, "n"])["robust_test_error"].mean().unstack()
        return -means.diff(axis=1).iloc[:, -1]

    return _claim(
        "more_points_help",
        rows,
        at_least("least_fall", "least fall over pairs and budgets", least_of(estimates(rows, falls)), 0),
        statement=(
            "Robust test error with a tenth of the labels wrong is lower at the largest n than at the least, at every "
            "budget of every pair of which n was varied."
        ),
        also={"largest_n": largest},
        why=(
            "At small budgets the fall is smaller than one sample's luck: in the default tier .03 in the mean at α = "
            "0, between -.02 and .07. In the paper tier n was varied on one sample of each pair; there the least fall "
            "is 0, airplane/frog's at α = 0, and all others are .03 to .30."
        ),
        figure="interpolation",
    )


def cifar10_not_benign(table: pd.DataFrame) -> Claim:
    rows = _adversarial(table, "pairs")
    rows = rows[(rows["data"] == "cifar10") & (rows["flip_rate"] > 0)]
    rows = rows.assign(excess=rows["robust_test_error"] - rows["flip_rate"])
    return _claim(
        "cifar10_not_benign",
        rows,
        _least("excess", "least excess of robust test error over β, over pairs and budgets", rows, BENIGN),
        statement=(
            "On CIFAR-10's airplane/frog and cat/dog with a tenth of the labels wrong no budget is benign, 0 included: "
            "robust test error exceeds β by more than .05."
        ),
        why=(
            "The least excess is airplane/frog's at α = 0, .11 in the mean with a deviation of .034 between samples; "
            "the other thirteen are .20 or more."
        ),
        figure="transition",
    )


def adversarial_beats_ordinary(table: pd.DataFrame) -> Claim:
    rows = table[(table["experiment"] == "pairs") & (table["flip_rate"] > 0)]
    rows = rows.merge(rows.loc[rows["training"] == "ordinary", PLACE].drop_duplicates())

    def gains(part: pd.DataFrame) -> pd.Series:
        errors = part.groupby([*PLACE, "training"])["robust_test_error"].mean().unstack()
        errors = errors.reindex(columns=["adversarial", "ordinary"])
        return errors["ordinary"] - errors["adversarial"]

    return _claim(
        "adversarial_beats_ordinary",
        rows,
        at_least("least_gain", "least gain over pairs and budgets", least_of(estimates(rows, gains)), 0),
        statement=(
            "Attacked at α = ‖μ̂‖/4 and ‖μ̂‖/2, networks trained adversarially on a tenth of wrong labels err less "
            "than ordinary ones, on every pair."
        ),
        why=(
            "The least gains are at α = ‖μ̂‖/4, where training at α changes little: .03 on 3/8 and 4/9, as much as an "
            "error varies between samples. Cat/dog (paper tier: .003) is learnt by neither training: clean error with "
            "true labels is .45 to .46 after both."
        ),
        figure="transition",
    )


CLAIMS = (
    no_classifier_beats_separation,
    true_labels_interpolated,
    noisy_labels_interpolated,
    direction_predicts_transition,
    white_noise_misses,
    covariance_predicts_curve,
    benign_on_mnist,
    phases_of_white_noise,
    more_points_help,
    cifar10_not_benign,
    adversarial_beats_ordinary,
)
claims = on_converged(CLAIMS)
