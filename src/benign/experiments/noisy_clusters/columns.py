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
    two_group_sample_rho: float | None = column(
        "ρ of the two-group recursion with this sample's share of flips", "standard deviations"
    )
    four_group_sample_rho: float | None = column(
        "ρ of the four-group recursion with this sample's classes and flips", "standard deviations"
    )


class Errors(Row):
    """Robust test error, observed labels, that closed forms and recursions predict before any training."""

    averaging_error: float | None = column("predicted for the averaging predictor")
    max_margin_error: float | None = column("predicted for the max-margin predictor of slope γ")
    linear_max_margin_error: float | None = column("predicted for the linear max-margin predictor")
    two_group_error: float | None = column("predicted by the two-group recursion")
    four_group_error: float | None = column("predicted by the four-group recursion")
    in_regime: bool | None = column(
        "whether assumptions of the theorem's form hold (those for smooth activations), with a practical step and start"
    )


class Predicted(Errors):
    """All that theory says of a setting of clusters: errors, alignments, and each assumption."""

    floor_error: float | None = column("the least robust test error of any classifier, observed labels")
    averaging_rho: float | None = column("ρ of the averaging predictor", "standard deviations")
    max_margin_rho: float | None = column("ρ of the max-margin predictor of slope γ", "standard deviations")
    linear_max_margin_rho: float | None = column("ρ of the linear max-margin predictor", "standard deviations")
    two_group_rho: float | None = column("ρ of the two-group recursion", "standard deviations")
    four_group_rho: float | None = column("ρ of the four-group recursion", "standard deviations")
    assumes_sample_size: bool | None = column("enough points")
    assumes_dimension: bool | None = column("dimension large enough")
    assumes_signal: bool | None = column("signal large enough")
    assumes_test_signal: bool | None = column("signal large enough for the test error's bound")
    assumes_budget: bool | None = column("budget small enough")
    assumes_flip_rate: bool | None = column("few enough flips")
    assumes_step: bool | None = column("steps short enough to train stably")
    assumes_step_literal: bool | None = column("step as small as the theorem states it")
    assumes_initialisation: bool | None = column("initial weights small beside the first step")
    assumes_initialisation_literal: bool | None = column("initial weights as small as the theorem states it")
    assumes_sample_size_xu: bool | None = column("enough points, as the theorem for kinks has it")
    assumes_width_xu: bool | None = column("enough neurons, as the theorem for kinks has it")
    assumes_dimension_xu: bool | None = column("dimension large enough, as the theorem for kinks has it")
    assumes_signal_xu: bool | None = column("signal large enough, as the theorem for kinks has it")
    largest_constant: float | None = column(
        "largest C at which the list of the activation's theorem holds, its step and start apart"
    )


# A measured column to what theory says of it (`benign.study.Study.theory`).
RECURSIONS = ("averaging", "max_margin", "two_group", "four_group")
ERRORS = tuple(f"{name}_error" for name in RECURSIONS)
THEORY = {"robust_test_error": ("floor_error", *ERRORS), "rho": tuple(f"{name}_rho" for name in RECURSIONS)}
