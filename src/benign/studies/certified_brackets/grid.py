"""What the brackets declare: settings of noisy clusters, whose networks are measured anew."""

from __future__ import annotations

from benign.experiments.noisy_clusters import columns
from benign.experiments.noisy_clusters.setting import Ratios, Setting
from benign.study import Study, column


class Cell(Setting):
    """One trained network whose robust error is bounded from both sides."""


class Row(columns.Errors):
    """The bounds, over fresh points and over the training points, and what theory says."""

    tested: int | None = column("fresh points")
    mean_norm: float | None = column("‖μ‖, or half the distance of the class means", "standard deviations")
    test_attacked: float | None = column("robust test error that attacks find")
    test_lower: float | None = column("lower bound: points that attacks or the certificate's search turn")
    test_upper: float | None = column("upper bound: points without a certificate")
    test_plain_upper: float | None = column("upper bound of the relaxation without branching")
    test_inverted: int | None = column("points that are certified, with or without branching, and that an attack turns")
    test_boxes: int | None = column("boxes that were bounded, all points together")
    train_attacked: float | None = column("the same over the training points: attacks")
    train_lower: float | None = column("lower bound over the training points")
    train_upper: float | None = column("upper bound over the training points")
    train_plain_upper: float | None = column("upper bound over the training points without branching")
    train_inverted: int | None = column("training points that are certified and that an attack turns")
    train_boxes: int | None = column("boxes that were bounded for the training points")


STUDY = Study(
    __package__,
    title="Beyond the paper: upper bounds on the robust error of the flagship's networks, beside the attacks' "
    "lower bounds.",
    cell=Cell,
    row=Row,
    figures=("brackets", "widths"),
    shorthand=Ratios,
    theory={"test_upper": columns.ERRORS, "test_lower": columns.ERRORS, "test_attacked": columns.ERRORS},
)
