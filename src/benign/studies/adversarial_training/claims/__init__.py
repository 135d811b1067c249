"""The flagship's claims, each judged on the table alone.

[ours]: cells that differ in the seed alone form a point, and its number is the mean over its seeds; "near β" is within
.05 of it; the theorem's assumptions are those of assumptions.check (docs/theory.md §8).
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from benign.claims import Claim, on_converged
from benign.studies.adversarial_training.claims import (
    mnist,
    phases,
    theorem,
    theories,
    training,
    transition,
    universality,
)
from benign.studies.adversarial_training.claims.training import no_divergence
from benign.studies.adversarial_training.rows import described

CLAIMS: tuple[Callable[[pd.DataFrame], Claim], ...] = (
    *theorem.CLAIMS,
    *transition.CLAIMS,
    *universality.CLAIMS,
    *phases.CLAIMS,
    *theories.CLAIMS,
    *training.CLAIMS,
    *mnist.CLAIMS,
)


def claims(table: pd.DataFrame) -> list[Claim]:
    """Every claim of the flagship, judged on the rows that converged; divergence is a claim's business of its own."""
    whole = described(table)
    return [*on_converged(CLAIMS)(whole), no_divergence(whole)]
