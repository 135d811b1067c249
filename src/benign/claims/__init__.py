"""Claims: statements that a reader can disagree with, and the verdict that the measurements give.

A study's rows give an *estimate*, a number with its interval over what was drawn anew (`estimates`; of a sweep's
`points`, each with its own); a *criterion* holds the whole interval against limits (`criteria`); a *claim* says in one
sentence what its criteria judge (`record`).
"""

from benign.claims.criteria import Criterion, always, at_least, at_most, within
from benign.claims.estimates import Estimate, estimate, exact, largest, least, share
from benign.claims.estimates import Estimate, estimate, exact, share
from benign.claims.points import everywhere, largest, least
from benign.claims.record import (
    KINDS,
    THRESHOLDS,
    VERDICTS,
    Claim,
    conclude,
    converged,
    of_experiments,
    on_converged,
)

__all__ = [
    "KINDS",
    "THRESHOLDS",
    "VERDICTS",
    "Claim",
    "Criterion",
    "Estimate",
    "always",
    "at_least",
    "at_most",
    "conclude",
    "converged",
    "estimate",
    "everywhere",
    "exact",
    "largest",
    "least",
    "of_experiments",
    "on_converged",
    "share",
    "within",
]
