"""How far results may move between processors: the scale that each column of each study's table lives on.

Wherever rows are held against rows that another processor computed, these tolerances serve: the regression suite, kept
rows that are taken over, a GPU beside a CPU. Measured on the smoke tier's 707 cells, with instructions from those that
any x86-64 has to AVX-512: what is computed in float64 moves by 1e-10 of itself or of 1 at most, through an
ill-conditioned fit by 6e-8; what is trained in float32 by 1e-7, but for a few trainings in a hundred, which are
unstable and carry their roundings on to 1 to 4 %. So a trained number has two limits: one that three rows of four keep,
which finds whatever moves all of them, and one that no row may pass.

Imports nothing but the standard library: rows are dicts, as `tables.read_rows` gives them and studies yield them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

STRANGERS = 10  # of so many rows one may be another: what was trained near its limit of stability ends elsewhere
STRAYS = 4  # of so many rows of a column one may stray beyond what is usual; of fewer, one too
# A training whose inner maximum turns by more than 60° from one look to the next (a gap above 1/2) has no maximum to
# follow: it cycles, and carries its roundings on to numbers of every size. What it was trained to is not compared.
UNSETTLED = 0.5


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """A number x may move by `usual`, and in a few rows by `most`, times the larger of |x| and `scale`.

    scale: the size of the numbers that x is made of: what is 0 but for roundings is compared with them, not with itself
    """

    usual: float
    most: float
    scale: float = 1.0

    def size(self, before: float, after: float) -> float:
        """What the move is measured in."""
        return max(abs(before), abs(after), self.scale)


EXACT = Tolerance(0, 0)  # settings, what was drawn, text
DOUBLE = Tolerance(1e-9, 1e-9)  # float64: closed forms, and descent in float64
SINGLE = Tolerance(1e-6, 1e-6)  # float32 without training; float64 behind a condition number of up to 10⁸
TRAINED = Tolerance(1e-4, 0.1, scale=0.01)  # of a network trained in float32: losses, ρ
GAP = Tolerance(1e-4, 0.1)  # of an inner maximum, relative: 1 - cos of what it may still turn by
SHARE = Tolerance(1e-4, 0.05)  # of points that such a network gets wrong: in a stray row 2 of 40 change sides
WORK = Tolerance(1e-4, 0.5)  # how long it took to get there
KINKS = Tolerance(0.05, 0.2, scale=0.1)  # of neurons that changed sides: descent ends at kinks, where a bit decides

Columns = dict[Tolerance, str]

_PREDICTED = "averaging_error linear_max_margin_error max_margin_error two_group_error four_group_error"
_FLAGSHIP: Columns = {
    EXACT: "assumes_budget assumes_dimension assumes_dimension_xu assumes_flip_rate assumes_initialisation "
    "assumes_initialisation_literal assumes_sample_size assumes_sample_size_xu assumes_signal assumes_signal_xu "
    "assumes_step assumes_step_literal assumes_test_signal assumes_width_xu in_regime "
    "flipped status tested",
    DOUBLE: f"{_PREDICTED} averaging_rho linear_max_margin_rho max_margin_rho two_group_rho two_group_sample_rho "
    "four_group_rho four_group_sample_rho floor_error "
    "largest_constant",
    SINGLE: "mean_norm",
    TRAINED: "rho rho_negative rho_positive robust_train_loss robust_train_loss_high robust_train_loss_low train_loss",
    GAP: "inner_gap",
    SHARE: "misaligned clean_test_error clean_test_error_clean_labels clean_train_error "
    "robust_test_error robust_test_error_clean_labels robust_train_error vanished",
    WORK: "inner_evaluations",
}
_BOUNDARY = {SINGLE: f"{_FLAGSHIP[SINGLE]} along across", TRAINED: f"{_FLAGSHIP[TRAINED]} boundary"}
_RELATIONS = ("same", "rotated", "zoomed", "blurred", "different")
# Each result column of each study's table.
COLUMNS: dict[str, Columns] = {
    "adversarial_training": _FLAGSHIP | _BOUNDARY,
    "assumption_ledger": _FLAGSHIP | {DOUBLE: f"{_FLAGSHIP[DOUBLE]} effective_dimension expected_error"},
    "certified_brackets": {
        EXACT: "in_regime status test_inverted tested train_inverted",
        DOUBLE: _PREDICTED,
        SINGLE: "mean_norm",
        SHARE: "test_attacked test_lower test_plain_upper test_upper "
        "train_attacked train_lower train_plain_upper train_upper",
        WORK: "test_boxes train_boxes",
    },
    "real_data": {
        EXACT: "d first_share flipped status tested",
        DOUBLE: "averaging_rho averaging_sigma_first averaging_sigma_second best_rho best_sigma_first "
        "best_sigma_second budget least_robust_train_error mean_norm separation",
        TRAINED: "network_rho network_sigma_first network_sigma_second robust_train_loss",
        GAP: "inner_gap",
        SHARE: "clean_test_error clean_test_error_clean_labels clean_train_error half_space_error "
        "half_space_error_clean_labels robust_test_error robust_test_error_clean_labels robust_train_error vanished",
        WORK: "trained_steps",
    },
    "robust_overfitting": {
        EXACT: "flipped in_regime status tested",
        DOUBLE: "floor",
        SHARE: "clean_test_error clean_train_error clean_validation_error "
        "robust_test_error robust_train_error robust_validation_error vanished",
    },
    "linear_classifier": {
        EXACT: "status tested",
        DOUBLE: "adversarial_risk effective_budget margin_ratio max_margin_cosine rho robust_margin_ratio "
        "robust_train_error sampled_adversarial_risk sampled_standard_risk standard_risk train_error",
    },
    "moderate_dimension": {
        EXACT: "flipped reached status steps tested",
        DOUBLE: "aligned_error aligned_norm half_space_error hinge_loss linear_error linear_norm test_error "
        "train_error weight_norm",
    },
    "soft_inductive_bias": {
        EXACT: "altered parameters status tested trained",
        DOUBLE: "expected_log_evidence log_evidence observed place posterior_dimension predicted_error truth",
        SINGLE: "fitted test_rmse train_rmse",
        TRAINED: "bits bound effective_dimension laplace_evidence train_loss",
        SHARE: "test_accuracy test_error train_accuracy train_error",
    },
    "statistical_viewpoint": {
        EXACT: "critical_index status support_vectors",
        DOUBLE: "bias bias_error distance distance_to_min_norm leading_variance loss margin_ratio multiplier_ratio "
        "nonlinear predicted_bias predicted_distance predicted_error predicted_tangent predicted_variance r_0 "
        "share_beyond_1000n share_beyond_100n share_beyond_10n share_beyond_1n share_beyond_300n share_beyond_30n "
        "share_beyond_3n tail_rank tangent test_error variance variance_error variance_median",
        # The tangent kernel is made of arccos, which at 1 loses half of the digits.
        SINGLE: "kernel_gap linearised_gap movement predicted_movement train_error",
        KINKS: "kernel_change",
    },
    "reservoir_similarity": {
        EXACT: "status tested",
        DOUBLE: "echo spectral_radius",
        SHARE: "train_accuracy seen_accuracy unseen_accuracy "
        + " ".join(f"{one}_as_{other}" for one in _RELATIONS for other in _RELATIONS),
    },
    "no_free_lunch": {
        EXACT: "depth paths reached status tested",
        DOUBLE: "jacobian_claimed jacobian_limit nngp nngp_bound tangent tangent_bound tangent_published tangent_whole",
        SINGLE: "jacobian nngp_simulated tangent_simulated tangent_whole_simulated",
        TRAINED: "epochs_to_half test_loss train_loss",
        SHARE: "test_error train_error",
    },
    "residual_pathway": {
        EXACT: "status",
        TRAINED: "equivariance_error test_mse train_mse",
        SHARE: "test_error train_error",
    },
}


def of(study: str) -> dict[str, Tolerance]:
    """The tolerance of each result column of a study; its other columns, the cells' fields, are settings: EXACT.

    Raises KeyError for a study that declares none.
    """
    if study not in COLUMNS:
        raise KeyError(f"study {study!r} has no tolerances: name those of its columns in {__name__}.COLUMNS")
    return {name: tolerance for tolerance, names in COLUMNS[study].items() for name in names.split()}


def differences(study: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every way in which rows `after` differ from `before` beyond tolerance, in words; none if they agree.

    Rows have a "key" and are matched by it: the same are there, with the same columns.
    """
    old, new = ({row["key"]: row for row in rows} for rows in (before, after))
    found = [f"cell {key} is missing" for key in old if key not in new]
    found += [f"cell {key} is new" for key in new if key not in old]
    tolerances, both = of(study), [key for key in old if key in new]
    unsettled = {key for key in both if max(row[key].get("inner_gap") or 0.0 for row in (old, new)) > UNSETTLED}
    for name in dict.fromkeys(name for key in both for name in (*old[key], *new[key])):
        tolerance, values = tolerances.get(name, EXACT), {key: (old[key].get(name), new[key].get(name)) for key in both}
        if tolerance.most > SINGLE.most:
            values = {key: pair for key, pair in values.items() if key not in unsettled or None in pair}
        found += _moved(name, tolerance, values)
    return found


def agreement(
    study: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    """(keys of the strangers among rows of the same cells, what is wrong in words; nothing if the rows agree).

    A stranger, taken alone, is beyond tolerance. Up to one row in STRANGERS may be one; the others agree as a whole.
    """
    old, new = ({row["key"]: row for row in rows} for rows in (before, after))
    strangers = [key for key in old if key in new and differences(study, [old[key]], [new[key]])]
    found = differences(study, *([rows[key] for key in rows if key not in strangers] for rows in (old, new)))
    if found or len(strangers) > len(old) // STRANGERS:
        found += [each for key in strangers for each in differences(study, [old[key]], [new[key]])]
    return strangers, found


def _moved(name: str, tolerance: Tolerance, values: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """What is wrong with one column, given what each cell (by key) had and has there."""
    moves = {key: _move(tolerance, *pair) for key, pair in values.items() if pair != (None, None)}
    far = [key for key, move in moves.items() if move > tolerance.most]
    strays = [key for key, move in moves.items() if move > tolerance.usual]
    found = [
        f"{name} was {values[key][0]!r} and is {values[key][1]!r}, more than {tolerance.most:g} of its size away: "
        f"cell {key}"
        for key in far
    ]
    if not far and len(strays) > max(1, len(moves) // STRAYS):
        first = values[strays[0]]
        found.append(
            f"{name} moved by more than {tolerance.usual:g} of its size in {len(strays)} of {len(moves)} cells: "
            f"the first, {strays[0]}, had {first[0]!r} and has {first[1]!r}"
        )
    return found


def _move(tolerance: Tolerance, before: Any, after: Any) -> float:
    """How far a value moved, in units of its size; infinitely far if it is another text, or missing in one row."""
    if before == after:
        return 0.0
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in (before, after)):
        return float("inf")
    move = abs(after - before) / tolerance.size(before, after)
    return move if move == move else float("inf")  # of two infinities or a NaN


__all__ = ["COLUMNS", "DOUBLE", "EXACT", "KINKS", "STRANGERS", "WORK", "Tolerance", "agreement", "differences", "of"]
