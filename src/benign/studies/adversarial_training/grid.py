"""What the flagship runs: its cell, one trained and attacked network, and the cells of a grid.

Wang, Zhang, Arora, ICML 2024, §"Experiments" [digest]: n = 100, 2,000 test points, β = 0.1, m = 1000, 1,000 steps of
full-batch gradient descent; dimension, signal and ratio α/‖μ‖ vary. What the sources leave open (axes' grids, step
size, initial scale) is [ours] and stands in config/grids/adversarial_training.yaml.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from benign import seeds
from benign.attack import METHODS
from benign.cells import Cell as BaseCell
from benign.cells import CellError
from benign.data.clusters import NOISES
from benign.nets import ACTIVATIONS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(BaseCell):
    """One trained and attacked network; letters in brackets are the paper's.

    d: dimension · signal: ‖μ‖ · n: training points · flip_rate: β
    budget: α, of the attack, and of training if adversarial
    activation, slope (γ), curvature (H) · width: m · init_scale: σ√d · step_scale: c in η = c·n/E‖x‖²
    training: "adversarial" or "ordinary" (the control) · inner: "exact" or "pgd" with inner_steps
    data: "clusters" (with noise and sampling) or "mnist" (with classes and side; then d = side²)
    test_points: fresh points; 0 for all that an image set has left · seed: the replicate
    """

    experiment: str = "single"
    data: str = "clusters"
    d: int
    signal: float
    n: int
    flip_rate: float
    noise: str = "gaussian"
    sampling: str = "in_law"
    classes: str = "0v1"
    side: int = 28
    activation: str
    slope: float
    curvature: float
    width: int
    init_scale: float
    step_scale: float
    steps: int
    training: str = "adversarial"
    inner: str = "exact"
    inner_steps: int = 20
    budget: float
    test_points: int
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._validate()
        # One experiment, one key: fields that do not matter here are set to one value.
        irrelevant: dict[str, Any] = {}
        if self.data == "clusters":
            irrelevant |= {"classes": "0v1", "side": 28}
        else:
            irrelevant |= {"d": self.side**2, "signal": 0.0, "noise": "gaussian", "sampling": "in_law"}
        if self.activation == "relu":
            irrelevant |= {"slope": 0.0}
        if self.activation != "smooth_leaky_relu":
            irrelevant |= {"curvature": 1.0}
        if self.inner == "exact" or self.training == "ordinary":
            irrelevant |= {"inner": "exact", "inner_steps": 20}
        for name, value in irrelevant.items():
            object.__setattr__(self, name, value)

    def _validate(self) -> None:
        limits: list[tuple[str, bool, str]] = [
            ("data", self.data in ("clusters", "mnist"), "clusters or mnist"),
            ("d", self.d >= 1, "at least 1"),
            ("signal", 0 <= self.signal < np.inf, "a finite number, at least 0"),
            ("n", self.n >= 1, "at least 1 training point"),
            ("flip_rate", 0 <= self.flip_rate <= 0.5, "in [0, 0.5]"),
            ("noise", self.noise in NOISES, f"one of {', '.join(NOISES)}"),
            ("sampling", self.sampling in ("in_law", "dense"), "in_law or dense"),
            ("side", self.side >= 1, "at least 1 pixel"),
            ("activation", self.activation in ACTIVATIONS, f"one of {', '.join(ACTIVATIONS)}"),
            ("slope", 0 <= self.slope <= 1, "in [0, 1]"),
            ("curvature", 0 < self.curvature < np.inf, "a finite number above 0"),
            (
                "width",
                self.width >= 2 and self.width % 2 == 0,
                "even and at least 2: half of the neurons have each sign",
            ),
            ("init_scale", 0 <= self.init_scale < np.inf, "a finite number, at least 0"),
            ("step_scale", 0 < self.step_scale < np.inf, "a finite number above 0"),
            ("steps", self.steps >= 1, "at least 1"),
            ("training", self.training in ("adversarial", "ordinary"), "adversarial or ordinary"),
            ("inner", self.inner in METHODS, f"one of {', '.join(METHODS)}"),
            ("inner_steps", self.inner_steps >= 1, "at least 1"),
            ("budget", 0 <= self.budget < np.inf, "a finite number, at least 0"),
            ("test_points", self.test_points >= (self.data == "clusters"), "at least 1 (0 for all of an image set)"),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")
        if self.noise != "gaussian" and self.sampling == "in_law":
            raise CellError(f"noise={self.noise!r} cannot be sampled in law: give sampling=dense")
        if self.sampling == "dense" and self.d * max(self.n, self.test_points, self.width) > 2e9:
            raise CellError(f"d={self.d} is too large for sampling=dense (over 16 GB of points): give sampling=in_law")

    @functools.cached_property
    def group(self) -> str:
        """Cells with one training problem: they differ in what is measured, and when, not in what is trained."""
        same: dict[str, Any] = {"experiment": "single", "steps": 1, "test_points": 1}
        if self.training == "ordinary":
            same["budget"] = 0.0
        return dataclasses.replace(self, **same).key

    @property
    def train_budget(self) -> float:
        return self.budget if self.training == "adversarial" else 0.0


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """A cell's fields where a grid, or the command line, does not say: the tier's common values, first replicate."""
    return {"seed": 0, **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid.

    grid: {"common": {field: value}, "seeds": replicates, "experiments": {name: [block, …]}}; a block maps fields to a
    value or a list of values, and stands for the product of its lists. It may give `signal_exponent` s instead of
    signal (‖μ‖ = d^s), `budget_ratio` instead of budget (α = ratio·‖μ‖ for clusters, ratio·√d for images), its own
    `seeds`, and `random` (see `_random_cells`).
    """
    result: list[Cell] = []
    for experiment, blocks in grid["experiments"].items():
        for block in blocks:
            settings = {**grid["common"], **block, "experiment": experiment}
            replicates = settings.pop("seeds", grid["seeds"])
            random = settings.pop("random", None)
            axes = {name: value if isinstance(value, list) else [value] for name, value in settings.items()}
            for values in itertools.product(*axes.values()):
                point = dict(zip(axes, values, strict=True))
                for seed in range(replicates):
                    if random:
                        result += _random_cells({**point, "seed": seed}, **random)
                    else:
                        result.append(_cell({**point, "seed": seed}))
    unique = {cell.key: cell for cell in result}
    return list(unique.values())


def _cell(point: dict[str, Any]) -> Cell:
    point = dict(point)
    exponent, ratio = point.pop("signal_exponent", None), point.pop("budget_ratio", None)
    if exponent is not None:
        point["signal"] = round(point["d"] ** exponent, 9)
    if ratio is not None:
        # Images have their μ only once they are read: their unit of α is √d, the root-mean-square length of the noise.
        point["budget"] = round(ratio * (point["side"] if point["data"] == "mnist" else point["signal"]), 9)
    return Cell(**point)


def _random_cells(point: dict[str, Any], count: int, steps: list[int]) -> Iterator[Cell]:
    """`count` cells drawn from the region d ≥ n² in which the two-group recursion is put to the test [ours].

    n log-uniform on [50, 200]; d/n² log-uniform on [1, 1000]; β uniform on [0, .3]; γ uniform on [0, .7]; the averaging
    predictor's ρ uniform on [2, 5] (which sets ‖μ‖); α uniform on [0, 1.2]·ρ. Each measured at every number of `steps`.
    """
    for index in range(count):
        rng = seeds.generator("adversarial_training", "random_cells", point["seed"], index=index)
        n = round(50 * 4 ** rng.random())
        d = round(n**2 * 1000 ** rng.random())
        flip_rate, slope = round(0.3 * rng.random(), 3), round(0.7 * rng.random(), 3)
        wanted, ratio = 2 + 3 * rng.random(), 1.2 * rng.random()
        # ρ_avg = s/√(nd + s²/‖μ‖²…) solved for ‖μ‖: with q = (1-2β)²n², ρ²(nd + q‖μ‖²) = q‖μ‖⁴.
        q = (1 - 2 * flip_rate) ** 2 * n**2
        signal = float(np.sqrt((wanted**2 * q + np.sqrt(wanted**4 * q**2 + 4 * q * wanted**2 * n * d)) / (2 * q)))
        drawn = {
            "n": n,
            "d": d,
            "flip_rate": flip_rate,
            "slope": slope,
            "signal": round(signal, 6),
            "budget": round(ratio * wanted, 6),
        }
        for stop in steps:
            yield Cell(**{**point, **drawn, "steps": stop})
