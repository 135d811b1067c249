"""The registry of studies: one package per paper, declared in its module `grid`.

A study is split in four modules (grid, experiment, figures, claims), so that editing a figure retrains nothing, and
counting cells does not wait for what trains them to be imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benign.study import Study

NAMES = (
    "adversarial_training",
    "certified_brackets",
    "assumption_ledger",
    "real_data",
    "robust_overfitting",
    "linear_classifier",
    "moderate_dimension",
    "soft_inductive_bias",
    "statistical_viewpoint",
    "reservoir_similarity",
    "no_free_lunch",
    "residual_pathway",
)


def find(name: str) -> Study:
    """The declaration of a study, importing none of its other modules."""
    if name not in NAMES:
        raise KeyError(f"unknown study {name!r}: the studies are {', '.join(NAMES)}")
    return importlib.import_module(f"benign.studies.{name}.grid").STUDY
