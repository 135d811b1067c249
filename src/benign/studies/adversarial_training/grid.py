"""What the flagship declares: its cell is the setting of noisy clusters, its grid may write it with ratios.

What the sources leave open (axes' grids, step size, initial scale) is [ours]: config/grids/adversarial_training.yaml.
"""

from __future__ import annotations

import functools
from typing import Any

from benign.experiments.noisy_clusters import columns
from benign.experiments.noisy_clusters.setting import Ratios, Setting
from benign.study import Study, column, field


class Cell(Setting):
    """One trained and attacked network."""

    height: float = field(
        "experiment boundary: of the line along μ on which the boundary is looked for; 0 goes through the clusters' "
        "centres, 1 through a wrongly labelled training point",
        default=0.0,
    )
    mislabelled: int = field(
        "experiment boundary: which wrongly labelled training point, in the order of the sample", default=0, at_least=0
    )

    def irrelevant(self) -> dict[str, Any]:
        settled = {} if self.experiment == "boundary" else {"height": 0.0, "mislabelled": 0}
        return super().irrelevant() | settled

    @functools.cached_property
    def network(self) -> str:
        """The key of what is trained and measured, wherever its boundary is looked for."""
        return self.replace(height=0.0, mislabelled=0).key if self.experiment == "boundary" else self.key


class Row(columns.Measured, columns.Predicted):
    """What is measured on it, and what theory says of it."""

    along: float | None = column(
        "⟨x, μ⟩/‖μ‖ of a wrongly labelled training point, μ its own cluster's", "standard deviations"
    )
    across: float | None = column("length of its noise across μ", "standard deviations")
    boundary: float | None = column("where along μ the boundary crosses the line of that height", "standard deviations")


STUDY = Study(
    __package__,
    title="Wang, Zhang, Arora, Benign Overfitting in Adversarial Training of Neural Networks, ICML 2024 "
    "(the flagship).",
    cell=Cell,
    row=Row,
    figures=(
        *("story", "dimension", "signal", "budget", "regime", "plane", "gain", "learning_curves"),
        *("boundary", "film", "neighbour", "mnist", "mnist_unit_norm", "choices"),
        *("universality", "phases", "table_of_h", "theories", "clock"),
        *("recursion", "collapse", "exponent"),
    ),
    films=("film",),
    shorthand=Ratios,
    theory=columns.THEORY,
)
