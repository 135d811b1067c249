"""The table of docs/theory.md §5: the two-group recursion against trained networks. About 20 s on one core.

Prints Markdown.
Every number is a mean over seeds of predicted / trained, each seed predicted with its own share of flipped labels.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

import numpy as np
import torch

from benign.experiments.noisy_clusters.predict import recursion
from benign.studies.adversarial_training.experiment import run
from benign.studies.adversarial_training.grid import Cell
from benign.study import Context

STOPS = (1, 10, 100, 300)
SEEDS = 4
SETTINGS = [(1, 2), (0.5, 2), (0.1, 2), (0, 2), (1, 5), (0.5, 5), (0.1, 5), (1, 12)]  # (γ, α)


def cells(slope: float, budget: float) -> list[Cell]:
    """One training problem per seed, looked at after every stop."""
    common: dict[str, Any] = {"d": 10_000, "signal": 8, "n": 100, "flip_rate": 0.1, "width": 200, "test_points": 2000}
    ours: dict[str, Any] = {"init_scale": 1e-3, "step_scale": 1, "curvature": 1, "activation": "leaky_relu"}
    return [
        Cell(**common, **ours, slope=slope, budget=budget, steps=steps, seed=seed)
        for seed in range(SEEDS)
        for steps in STOPS
    ]


def line(slope: float, budget: float) -> str:
    """One row of the table."""
    torch.set_num_threads(1)
    rows = {(row["steps"], row["seed"]): row for row in run(cells(slope, budget), Context("adversarial_training"))}
    measured = np.array([[[rows[t, s][c] for t in STOPS] for s in range(SEEDS)] for c in ("rho", "train_loss")])
    predicted = np.zeros_like(measured)
    for seed, cell in enumerate(cells(slope, budget)[:: len(STOPS)]):
        path = recursion(cell.replace(steps=STOPS[-1]), rows[1, seed]["flipped"])
        at = np.array(STOPS) - 1
        predicted[:, seed] = path.rho[at], path.robust_train_loss[at]
    rho, loss = (zip(p.mean(0), m.mean(0), strict=True) for p, m in zip(predicted, measured, strict=True))
    entries = [f"{p:.2f}/{m:.2f}" for p, m in rho] + [f"{p:.3f}/{m:.3f}" for p, m in loss]
    return "| " + " | ".join([f"{slope:g}", f"{budget:g}", *entries]) + " |"


if __name__ == "__main__":
    for setting in SETTINGS:
        print(line(*setting), flush=True)
