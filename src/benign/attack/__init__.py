"""Adversaries: inner maximisation for training, attacks and certificates for evaluation."""

from typing import Literal

# Here, so that grids know them without importing Torch.
Method = Literal["exact", "pgd"]  # of taking the inner maximum
VANISHED = (
    "share of test points at which the robust attack met a gradient that is 0, or lost in roundings, or an output that "
    "is no number: how many of these are robust is not known; missing if there are none"
)
