"""The columns of what is measured on a trained network, and of what theory says of its setting."""

from __future__ import annotations

from benign.attack import VANISHED
from benign.study import Row, column


class Measured(Row):
    """Losses, errors and alignment of a trained network; errors are with observed labels unless they say true ones."""

    inner_gap: float | None = column("largest relative Frank-Wolfe gap of the training's inner maximum, last checked")
    inner_evaluations: float | None = column("gradient evaluations of the inner maximum, in the mean", "per step")
    train_loss: float | None = column("logistic loss that was trained on")
    robust_train_loss: float | None = column("logistic loss at the attack's budget, training points")
    robust_train_loss_low: float | None = column("lower end of its interval over the points")
    robust_train_loss_high: float | None = column("upper end of its interval over the points")
    robust_train_error: float | None = column("robust error over the training points")
    clean_train_error: float | None = column("error over the training points")
    clean_test_error: float | None = column("error over fresh points")
    robust_test_error: float | None = column("robust error over fresh points")
    clean_test_error_clean_labels: float | None = column("error over fresh points, true labels")
    robust_test_error_clean_labels: float | None = column("robust error over fresh points, true labels")
    tested: int | None = column("fresh points")
    vanished: float | None = column(VANISHED)
    mean_norm: float | None = column("‖μ‖, or half the distance of the class means", "standard deviations")
    rho: float | None = column("⟨μ, v⟩/‖v‖ [ρ], v the mean gradient over fresh points", "standard deviations")
    rho_positive: float | None = column("the same over fresh points of true class +1 alone", "standard deviations")
    rho_negative: float | None = column("the same over fresh points of true class -1 alone", "standard deviations")
    flipped: float | None = column("share of the training labels that are flipped")
    misaligned: float | None = column("largest share, of both outer signs, of neurons with a_j⟨w_j, μ⟩ < 0")
    two_group_sample_rho: float | None = column("ρ of the recursion with this sample's flips", "standard deviations")


class Errors(Row):
    """Robust test error, observed labels, that closed forms and the two-group recursion predict before any training."""

    averaging_error: float | None = column("predicted for the averaging predictor")
    max_margin_error: float | None = column("predicted for the max-margin predictor of slope γ")
    linear_max_margin_error: float | None = column("predicted for the linear max-margin predictor")
    two_group_error: float | None = column("predicted by the two-group recursion")
    in_regime: bool | None = column("whether all assumptions hold, the two literal ones apart")


class Predicted(Errors):
    """All that theory says of a setting of clusters: errors, alignments, and each assumption."""

    floor_error: float | None = column("the least robust test error of any classifier, observed labels")
    averaging_rho: float | None = column("ρ of the averaging predictor", "standard deviations")
    max_margin_rho: float | None = column("ρ of the max-margin predictor of slope γ", "standard deviations")
    linear_max_margin_rho: float | None = column("ρ of the linear max-margin predictor", "standard deviations")
    two_group_rho: float | None = column("ρ of the two-group recursion", "standard deviations")
    assumes_sample_size: bool | None = column("enough points")
    assumes_dimension: bool | None = column("dimension large enough")
    assumes_signal: bool | None = column("signal large enough")
    assumes_test_signal: bool | None = column("signal large enough for the test error's bound")
    assumes_budget: bool | None = column("budget small enough")
    assumes_flip_rate: bool | None = column("few enough flips")
    assumes_step: bool | None = column("steps short enough to train stably")
    assumes_step_literal: bool | None = column("step small enough, as the source states it")
    assumes_initialisation: bool | None = column("initial weights small beside the first step")
    assumes_initialisation_literal: bool | None = column("initial weights as small as the source states it")
