"""What the authors report [S], as printed in Chen, Huang, Wang, AutoML 2023.

Kendall's τ of a quantity with depth and with P, over (depth, P) cell means as a recomputation from their circles shows;
ranks of named architectures in expressivity, convergence and generalisation, among the 541 DAGs with a linear layer
(the text says 729, but the last of a rank is 541); τ between theory and training, per network.
"""

from __future__ import annotations

import pandas as pd

LOSS, EPOCHS, GAP = "train_loss", "epochs_to_half", "gap"
CURVATURE, NNGP, TANGENT = "curvature", "nngp", "tangent"
RANKED = 541
TINY, TUNED = "tiny_imagenet", "tiny_imagenet_tuned_rate"
# data set: {quantity: (τ with depth, τ with P)}
_TAUS = {
    TINY: {
        LOSS: (-0.87, 0.11), EPOCHS: (0.64, -0.69), GAP: (0.39, -0.41),
        CURVATURE: (0.47, -0.79), NNGP: (-0.52, 0.79), TANGENT: (-0.12, 0.86),
    },
    "cifar10": {LOSS: (-0.79, 0.04), EPOCHS: (0.34, -0.85), GAP: (0.69, -0.21)},
    "cifar100": {LOSS: (-0.80, 0.05), EPOCHS: (0.33, -0.85), GAP: (0.35, -0.26)},
    TUNED: {LOSS: (-0.57, 0.17), EPOCHS: (0.69, -0.50), GAP: (0.51, -0.37)},
}  # fmt: skip
# architecture: ranks in expressivity, convergence and generalisation
BEST, WIDE, DEEP, ENSEMBLE, PRUNED = "best single", "wide and shallow", "deep and narrow", "ensemble", "pruned ensemble"
_RANKS = {BEST: (71, 76, 5), WIDE: (217, 39, 1), DEEP: (1, 538, 541), ENSEMBLE: (5, 46, 180), PRUNED: (39, 32, 38)}
# Their DAGs as their commands write them; of the best single one only P = 4 and depth 1.5 are given.
DAGS = {WIDE: "1_22_221", DEEP: "2_02_002"}
TOGETHER = "1_22_221-2_02_002"
CUT = (0.2, 0.5)
BEST_SHAPE = (1.5, 4)
# The sibling's DAGs, in the order of its least eigenvalues and of its convergence, slowest first.
SIBLINGS = ("2_02_002", "1_01_222", "2_21_112")
PER_NETWORK = {(CURVATURE, LOSS): -0.05, (NNGP, EPOCHS): -0.77, (TANGENT, GAP): -0.16}

TAUS = pd.DataFrame(
    [
        (data, quantity, shape, tau)
        for data, quantities in _TAUS.items()
        for quantity, both in quantities.items()
        for shape, tau in zip(("depth", "paths"), both, strict=True)
    ],
    columns=["data", "quantity", "shape", "tau"],
)
RANKS = pd.DataFrame(
    [
        (name, quantity, rank / RANKED)
        for name, ranks in _RANKS.items()
        for quantity, rank in zip((LOSS, EPOCHS, GAP), ranks, strict=True)
    ],
    columns=["architecture", "quantity", "share"],
)
