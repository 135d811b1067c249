"""Seeds are data: one generator for each (study, role, replicate, fields), and no other randomness anywhere.

Two cells that give the same role the same fields draw the same numbers: cells that differ in the
budget alone are compared on the same points and the same initial weights (common random numbers).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np


def seed(study: str, role: str, replicate: int, **fields: Any) -> int:
    """A 128-bit seed, a pure function of its arguments."""
    text = json.dumps([study, role, replicate, fields], sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def generator(study: str, role: str, replicate: int, **fields: Any) -> np.random.Generator:
    """The generator of one role ("data", "init", "test", …) in one replicate."""
    return np.random.Generator(np.random.PCG64(seed(study, role, replicate, **fields)))
