"""The countable-hypothesis bound on the risk of a network from the length of its description.

Lotfi et al., "PAC-Bayes Compression Bounds So Tight That They Can Explain Generalization" (NeurIPS 2022) and Wilson
2025, as a third party renders them; proof: docs/theory/soft_inductive_bias.md.
"""

from __future__ import annotations

import math


def countable_hypothesis_bound(empirical: float, bits: float, n: int, delta: float, width: float = 1.0) -> float:
    """R ≤ R̂ + Δ√((K ln 2 + ln(1/δ))/(2n)), with probability ≥ 1-δ for all hypotheses of a prefix code at once.

    empirical: R̂, mean loss over the n independent points that chose the hypothesis; bits: K, the length of its message;
    width: Δ, the length of the interval that losses lie in (1 for errors)
    """
    if n < 1 or bits < 0 or not 0 < delta < 1 or width <= 0:
        raise ValueError(f"n={n!r}, bits={bits!r}, delta={delta!r}: give n ≥ 1, bits ≥ 0, 0 < delta < 1 and width > 0")
    return empirical + width * math.sqrt((bits * math.log(2) + math.log(1 / delta)) / (2 * n))
