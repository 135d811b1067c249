"""What the authors report [S]: means over 10 runs, read off the vector drawings of Chen, Cao, Gu, UAI 2023.

Risks: their Figure 1 (linear classifiers) and its like for two-layer ReLU networks in the supplement, at the ℓ2 budget
.1. Curves: their Figure 2 and the supplement. Their spread over runs is not given.
"""

from __future__ import annotations

import pandas as pd

LINEAR, RELU = "linear", "two-layer ReLU"
STANDARD, ADVERSARIAL = "sampled_standard_risk", "sampled_adversarial_risk"  # the columns that they stand beside
RUNS = 10
DIMENSIONS = [100, 200, 500, 1000, 1500, 2500]
# (network, s): standard and adversarial risk at DIMENSIONS
_RISKS = {
    (LINEAR, 0.2): ([0.1954, 0.2018, 0.1931, 0.2002, 0.2126, 0.2249], [0.2166, 0.2242, 0.2133, 0.2242, 0.2369, 0.2501]),
    (LINEAR, 0.3): ([0.1347, 0.1222, 0.1155, 0.1084, 0.1057, 0.1048], [0.1450, 0.1296, 0.1212, 0.1111, 0.1077, 0.1070]),
    (LINEAR, 0.4): ([0.1216, 0.1077, 0.1025, 0.1011, 0.1002, 0.1000], [0.1269, 0.1108, 0.1038, 0.1014, 0.1003, 0.1000]),
    (RELU, 0.2): ([0.1682, 0.1701, 0.1650, 0.1748, 0.2006, 0.1981], [0.1856, 0.1879, 0.1824, 0.1954, 0.2220, 0.2217]),
    (RELU, 0.3): ([0.1086, 0.1075, 0.1013, 0.1001, 0.1001, 0.1000], [0.1117, 0.1098, 0.1021, 0.1003, 0.1002, 0.1000]),
    (RELU, 0.4): ([0.1004, 0.1000, 0.1000, 0.1000, 0.1000, 0.1000], [0.1006, 0.1001, 0.1000, 0.1000, 0.1000, 0.1000]),
}
# (d, s, budget): {steps: adversarial risk}, linear classifiers
_CURVES = {
    (200, 0.3, 0.01): {100: 0.229, 200: 0.186, 500: 0.147, 1000: 0.130},
    (200, 0.3, 0.1): {100: 0.237, 200: 0.190, 500: 0.150, 1000: 0.134},
    (200, 0.3, 0.2): {100: 0.266, 200: 0.211, 500: 0.162, 1000: 0.143},
    (200, 0.4, 0.01): {100: 0.155, 1000: 0.109},
    (200, 0.4, 0.1): {100: 0.173, 1000: 0.112},
    (200, 0.4, 0.2): {100: 0.190, 1000: 0.116},
}

RISKS = pd.DataFrame(
    [
        (network, s, d, *both)
        for (network, s), risks in _RISKS.items()
        for d, *both in zip(DIMENSIONS, *risks, strict=True)
    ],
    columns=["network", "exponent", "d", STANDARD, ADVERSARIAL],
)
CURVES = pd.DataFrame(
    [(*point, steps, risk) for point, curve in _CURVES.items() for steps, risk in curve.items()],
    columns=["d", "exponent", "budget", "steps", ADVERSARIAL],
)
