"""The registry of studies: one package per paper, each offering cells, run, figures and claims.

A study is split in four modules, one for each, so that editing a figure retrains nothing, and counting cells does not
wait for what trains them to be imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

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
)
PARTS = {"cells": "grid", "run": "experiment", "figures": "figures", "claims": "claims"}


def part(study: str, name: str) -> Callable[..., Any]:
    """The function `name` (cells, run, figures or claims) of `study`, importing no other part of it."""
    if study not in NAMES:
        raise KeyError(f"unknown study {study!r}: the studies are {', '.join(NAMES)}")
    return getattr(importlib.import_module(f"benign.studies.{study}.{PARTS[name]}"), name)
