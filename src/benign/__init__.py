"""Benign overfitting in adversarial training: training, attacks, certificates, theory and the studies built on them.

For questions of one's own, in a notebook: `benign.run` runs one cell, `benign.sweep` a product of values on all cores.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benign.pipeline.questions import run, sweep

__all__ = ["run", "sweep"]


def __getattr__(name: str) -> Any:
    """What `__all__` has is imported when it is asked for: to import the package costs nothing."""
    if name in __all__:
        return getattr(importlib.import_module("benign.pipeline.questions"), name)
    raise AttributeError(f"module 'benign' has no attribute {name!r}")
