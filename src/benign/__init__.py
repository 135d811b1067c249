"""Benign overfitting in adversarial training: training, attacks, certificates, theory and the studies built on them.

For questions of one's own, in a notebook: `benign.run` runs one cell, `benign.sweep` a product of values on all cores.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benign.pipeline.questions import sweep
    from benign.pipeline.single import run

__all__ = ["run", "sweep"]
HOMES = {"run": "benign.pipeline.single", "sweep": "benign.pipeline.questions"}


def __getattr__(name: str) -> Any:
    """What `__all__` has is imported when it is asked for: to import the package costs nothing."""
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    raise AttributeError(f"module 'benign' has no attribute {name!r}")
