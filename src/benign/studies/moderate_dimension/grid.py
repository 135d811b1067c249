"""What is run: leaky-ReLU networks trained with the hinge loss on signal and noise in orthogonal subspaces, d = Θ(n).

Karhadkar, George, Murray, Montúfar, Needell, NeurIPS 2024 [S: paper and code]: points x = √γ·ỹ·v + √(1-γ)·ν, labels
flipped independently with probability .1, outer weights ±1 (half of each), leaky slope .1, initial weights
N(0, 1/(m√d)²), hinge loss summed over the points, full-batch gradient descent with rate 1/(mn), 1,000 fresh points with
clean labels.
"heatmap" is their grid (m = 128, γ = 5/n), "signal" their plot over γ (m = 64, d = 2n). [ours]: the second stopping
rule, the cap on the steps, v along an axis (the law is the same), and what is predicted.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from benign import cells as base
from benign import grids

STOPS = ("error", "loss")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(base.Cell):
    """One trained network; letters in brackets are the paper's.

    n: training points · d: dimension, at least n · gamma: γ, the signal's share · flip_rate: of the training labels
    width: m, neurons · slope: of the leaky ReLU · max_steps: training gives up here
    stop: "error" (training error 0, as in the authors' code) or "loss" (hinge loss 0, as in the theorems)
    test_points: fresh points with clean labels · seed: the replicate
    """

    experiment: str = "single"
    n: int
    d: int
    gamma: float
    flip_rate: float
    width: int
    slope: float
    stop: str
    max_steps: int
    test_points: int
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        limits: list[tuple[str, bool, str]] = [
            ("n", self.n >= 1, "at least 1 training point"),
            ("d", self.d >= max(self.n, 2), "at least n and 2: below, not every labelling can be fitted"),
            ("gamma", 0 <= self.gamma < 1, "in [0, 1)"),
            ("flip_rate", 0 <= self.flip_rate <= 0.5, "in [0, 0.5]"),
            ("width", self.width >= 2 and self.width % 2 == 0, "even, at least 2: half of the neurons have each sign"),
            ("slope", 0 < self.slope <= 1, "in (0, 1]"),
            ("stop", self.stop in STOPS, f"one of {', '.join(STOPS)}"),
            ("max_steps", self.max_steps >= 1, "at least 1"),
            ("test_points", self.test_points >= 1, "at least 1"),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise base.CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")

    @functools.cached_property
    def group(self) -> str:
        """Cells on one trajectory: both stopping rules of one network."""
        return dataclasses.replace(self, experiment="single", stop="loss").key


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """A cell's fields where the command line does not say: the grid's common values, first replicate."""
    return {"seed": 0, **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid (form: `benign.grids.points`); `ratio` stands for d/n and `gamma_times_n` for γn."""
    unique = {cell.key: cell for cell in (_cell(point) for point in grids.points(grid))}
    return list(unique.values())


def _cell(point: dict[str, Any]) -> Cell:
    ratio, scaled = point.pop("ratio", None), point.pop("gamma_times_n", None)
    if ratio is not None:
        point["d"] = ratio * point["n"]
    if scaled is not None:
        point["gamma"] = round(scaled / point["n"], 12)
    return Cell(**point)
