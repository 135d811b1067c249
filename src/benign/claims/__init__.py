"""Claims: statements that a reader can disagree with, and the verdict that the measurements give.

A study's rows give an *estimate*, a number with its interval over what was drawn anew (`estimates`); a *criterion*
holds the whole interval against limits (`criteria`); a *claim* says in one sentence what its criteria judge (`record`).
"""

from benign.claims.criteria import Criterion, always, at_least, at_most, everywhere, within
from benign.claims.estimates import Estimate, estimate, estimates, exact, largest_of, least_of, means, share
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
    "estimates",
    "everywhere",
    "exact",
    "largest_of",
    "least_of",
    "means",
    "of_experiments",
    "on_converged",
    "share",
    "within",
]
