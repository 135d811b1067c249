"""What the authors report [S]: test errors read off the figures of their notebooks (about 2 %), Finzi et al. 2021.

Tasks: medians over 10 runs, Figures 2a (exact symmetry), 2b (approximate), 2c (wrong group), with the quartiles where
they can be read. Penalties: Figure 7, one run each on modified inertia; they leave out runs with an error above 10.
The text prints 1.185 for the equivariant network on modified inertia, where the figure has 1.054.
"""

from __future__ import annotations

import pandas as pd

Place = tuple[str, str, float]
RUNS = 10
PLACE = ["system", "symmetry", "breaking"]
INERTIA, PENDULUM = "inertia", "pendulum"
# (system, group, breaking): (name, figure)
TASKS: dict[Place, tuple[str, str]] = {
    (INERTIA, "O(3)", 0.0): ("inertia", "2a"),
    (PENDULUM, "O(2)", 0.0): ("pendulum", "2a"),
    (INERTIA, "O(3)", 0.3): ("modified inertia", "2b"),
    (PENDULUM, "O(2)", 0.01): ("windy pendulum", "2b"),
    (INERTIA, "SL(3)", 0.0): ("inertia with SL(3)", "2c"),
    (PENDULUM, "SO(3)", 0.0): ("pendulum with SO(3)", "2c"),
}
# Medians of rpp, mlp and emlp, in the order of TASKS.
_MEDIANS = [
    (0.278, 3.77, 0.159),
    (9.8e-4, 2.2e-3, 9.6e-4),
    (1.02, 4.80, 1.06),
    (5.1e-4, 9.2e-4, 6.4e-4),
    (4.03, 3.71, 32.4),
    (2.4e-4, 2.2e-3, 0.074),
]
_QUARTILES = {((INERTIA, "O(3)", 0.0), "rpp"): (0.224, 0.383), ((INERTIA, "O(3)", 0.3), "rpp"): (0.75, 1.20)}
EQUIVARIANT_PENALTIES = [1e-5, 1e-4, 1e-3, 1e-2]
# Penalty on the unconstrained weights: errors at EQUIVARIANT_PENALTIES.
_PENALTIES = {
    100.0: [0.27, 0.31, 0.38, 0.76],
    10.0: [0.29, 0.36, 0.39, 7.0],
    1.0: [0.50, 0.43, 0.92, 6.5],
    0.1: [1.19, 1.10, 1.51, 3.9],
}

MEDIANS = pd.DataFrame(
    [
        (*place, model, error, *_QUARTILES.get((place, model), (float("nan"),) * 2))
        for place, errors in zip(TASKS, _MEDIANS, strict=True)
        for model, error in zip(("rpp", "mlp", "emlp"), errors, strict=True)
    ],
    columns=[*PLACE, "model", "test_mse", "lower_quartile", "upper_quartile"],
)
PENALTIES = pd.DataFrame(
    [
        (basic, equivariant, error)
        for basic, errors in _PENALTIES.items()
        for equivariant, error in zip(EQUIVARIANT_PENALTIES, errors, strict=True)
    ],
    columns=["basic_penalty", "equivariant_penalty", "test_mse"],
)
