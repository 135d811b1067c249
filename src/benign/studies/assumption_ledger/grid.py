"""What the ledger declares: settings of noisy clusters with what these lack, one assumption broken by more and more."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from benign.data.departures import Covariance, Flips
from benign.experiments.noisy_clusters import columns
from benign.experiments.noisy_clusters.setting import Setting
from benign.study import Study, column, field

USUAL_TAIL = {"student_t": 3.0, "sparse_rademacher": 0.01}  # those of benign.data.clusters


class Cell(Setting):
    """One network with an assumption broken; clusters only."""

    tail: float = field("degrees of freedom of student_t, density of sparse_rademacher; 0: 3 and 0.01", default=0.0)
    covariance: Covariance = field("of the noise (data.departures.spectrum)", default="identity")
    correlation: float = field("coefficient of ar1, exponent of power_law", default=0.0, at_least=0)
    flips: Flips = field(  # type: ignore[assignment]  # the ledger has more ways
        "each label with probability β, or ⌊βn⌋ labels that are chosen", default="random"
    )
    batch: int = field("points of a mini-batch, and steps counts passes; 0: all points", default=0, at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        most = 1.0 if self.noise == "sparse_rademacher" else math.inf
        least = 2.0 if self.noise == "student_t" else 0.0
        return [
            *super().limits(),
            ("data", self.data == "clusters", "clusters: this study has no images"),
            ("tail", self.tail == 0 or least < self.tail <= most, f"above {least:g}, at most {most:g}; or 0"),
            ("correlation", self.covariance != "ar1" or self.correlation < 1, "in [0, 1) for ar1"),
            (
                "noise",
                self.noise == "gaussian" or self.covariance == "identity",
                "gaussian, or give covariance=identity: another law has no other",
            ),
        ]

    def irrelevant(self) -> dict[str, Any]:
        usual = USUAL_TAIL.get(self.noise, 0.0)
        settled = super().irrelevant() | {"tail": self.tail or usual if usual else 0.0}
        if self.covariance == "identity":
            settled["correlation"] = 0.0
        else:
            settled["sampling"] = "dense"
        if self.flip_rate == 0:
            settled["flips"] = "random"
        if self.batch >= self.n:
            settled["batch"] = 0
        return settled

    @property
    def is_usual(self) -> bool:
        """Whether nothing is asked for that noisy clusters themselves lack."""
        return self.sampling == "in_law" and self.flips == "random" and self.batch == 0


class Row(columns.Measured, columns.Predicted):
    """What is measured on it, what theory says of the setting, and of the broken assumption."""

    effective_dimension: float | None = column("(tr Σ)²/tr Σ² of the noise's covariance")
    expected_error: float | None = column("robust test error by the recursion for this sample's flips and covariance")


STUDY = Study(
    __package__,
    title="The flagship's assumptions, broken one at a time: what the theorem needs, what happens, and "
    "whether it is benign.",
    cell=Cell,
    row=Row,
    figures=("ledger", "sweeps"),
    theory=columns.THEORY | {"robust_test_error": (*columns.THEORY["robust_test_error"], "expected_error")},
)
