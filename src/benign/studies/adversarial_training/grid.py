"""What the flagship declares: its cell is the setting of noisy clusters, its grid may write it with ratios.

What the sources leave open (axes' grids, step size, initial scale) is [ours]: config/grids/adversarial_training.yaml.
"""

from __future__ import annotations

from benign.experiments.noisy_clusters import columns
from benign.experiments.noisy_clusters.setting import Ratios, Setting
from benign.study import Study


class Cell(Setting):
    """One trained and attacked network."""


class Row(columns.Measured, columns.Predicted):
    """What is measured on it, and what theory says of it."""


STUDY = Study(
    __package__,
    title="Wang, Zhang, Arora, Benign Overfitting in Adversarial Training of Neural Networks, ICML 2024 "
    "(the flagship).",
    cell=Cell,
    row=Row,
    figures=(
        *("story", "dimension", "signal", "budget", "regime", "plane", "gain", "learning_curves"),
        *("neighbour", "mnist", "mnist_unit_norm", "choices"),
        *("universality", "phases", "table_of_h", "theories", "clock"),
        *("recursion", "collapse", "exponent"),
    ),
    shorthand=Ratios,
    theory=columns.THEORY,
)
