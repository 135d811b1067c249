"""How far numbers may be from the same numbers computed elsewhere, with other 32-bit roundings [ours]."""

from __future__ import annotations

from benign.theory.intervals import clopper_pearson

RHO = 0.02  # of the value
LOSS = 0.05  # of the value: a late loss is one over the sum of many steps' roundings


def of_error(share: float, trials: int) -> float:
    """Half the width of the Clopper-Pearson interval of an error counted on so many trials: its Monte Carlo error."""
    low, high = clopper_pearson(round(share * trials), trials)
    return float(high - low) / 2
