"""What the study runs: its cell and the cells of a grid. All settings are [ours], but for the trial values that
config/grids/statistical_viewpoint.yaml names.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

from benign import grids
from benign.cells import Cell as BaseCell
from benign.cells import CellError
from benign.data.spectra import SPECTRA, spectrum

# Which fields matter to which experiment; the others are set to their defaults.
RELEVANT: dict[str, tuple[str, ...]] = {
    "dimension": ("n", "p", "spectrum", "decay", "tail"),
    "sample_size": ("n", "p", "spectrum", "decay", "tail"),
    "isotropic": ("n", "p", "trials"),
    "random_features": ("n", "d", "features", "ridge", "noise"),
    "nearest": ("n", "p", "steps", "start"),
    "margin": ("n", "p", "steps"),
    "lazy": ("n", "d", "width", "steps", "scaling"),
}
OF_A_SPECTRUM = ("dimension", "sample_size")
STARTS, SCALINGS = ("zero", "random"), ("lazy", "mean_field")
WORST_CONDITION = 1e12  # λ₁/λ_n beyond which the Gram matrix of float64 points is not inverted


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(BaseCell):
    """One simulated problem.

    experiment: "dimension" or "sample_size" (min-norm regression over p or n), "isotropic" (many draws of it),
        "random_features", "nearest" (descent to an interpolant), "margin" (logistic descent) or "lazy" (networks)
    n: points · p: dimension of a linear model · d: input dimension of a non-linear one
    spectrum, decay, tail: as in benign.data.spectra · trials: draws in one cell
    features: N · ridge: λ · noise: variance of the labels' noise
    steps: of descent · start: "zero" or "random" · width: m · scaling: "lazy" (1/√m) or "mean_field" (1/m)
    """

    experiment: str
    n: int
    p: int = 1
    d: int = 1
    spectrum: str = "isotropic"
    decay: float = 1.0
    tail: float = 1.0
    trials: int = 1
    features: int = 1
    ridge: float = 0.0
    noise: float = 0.0
    steps: int = 1
    start: str = "zero"
    width: int = 2
    scaling: str = "lazy"
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._validate()
        if self.experiment in OF_A_SPECTRUM:
            self._validate_spectrum()
        for field in dataclasses.fields(self):
            if field.name not in (*RELEVANT[self.experiment], "experiment", "seed"):
                object.__setattr__(self, field.name, field.default)

    def _validate(self) -> None:
        limits: list[tuple[str, bool, str]] = [
            ("experiment", self.experiment in RELEVANT, f"one of {', '.join(RELEVANT)}"),
            *[
                (name, getattr(self, name) >= 1, "at least 1")
                for name in ("n", "p", "d", "trials", "features", "steps")
            ],
            (
                "p",
                self.experiment not in (*OF_A_SPECTRUM, "nearest") or self.p > self.n,
                "above n: points are interpolated",
            ),
            ("spectrum", self.spectrum in SPECTRA, f"one of {', '.join(SPECTRA)}"),
            ("decay", 0 < self.decay < math.inf, "a finite number above 0"),
            ("tail", 0 < self.tail < math.inf, "a finite number above 0"),
            ("ridge", 0 <= self.ridge < math.inf, "a finite number, at least 0"),
            ("noise", 0 <= self.noise < math.inf, "a finite number, at least 0"),
            ("start", self.start in STARTS, f"one of {', '.join(STARTS)}"),
            ("width", self.width >= 2 and self.width % 2 == 0, "even and at least 2: neurons come in pairs"),
            ("scaling", self.scaling in SCALINGS, f"one of {', '.join(SCALINGS)}"),
            ("seed", self.seed >= 0, "at least 0"),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")

    def _validate_spectrum(self) -> None:
        if self.spectrum == "spiked" and not (self.decay == int(self.decay) and self.decay < self.p):
            raise CellError(f"decay={self.decay!r} is impossible: give a whole number of spikes below p={self.p}")
        values = self.eigenvalues
        if values[0] > WORST_CONDITION * values[self.n - 1]:
            raise CellError(
                f"decay={self.decay!r} with n={self.n} makes λ₁/λ_n larger than {WORST_CONDITION:g}, too large for "
                "float64: give a slower decay or a smaller n"
            )

    @property
    def eigenvalues(self) -> Any:
        return spectrum(self.spectrum, self.p, self.decay, self.tail)

    @functools.cached_property
    def group(self) -> str:
        """Cells that are read off one course of descent differ in its length alone."""
        return dataclasses.replace(self, steps=1).key


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """A cell's fields where the command line does not say: the tier's common values, a spectrum, first replicate."""
    return {"seed": 0, "experiment": "dimension", **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid, as in `benign.grids.points`.

    A block may give a size as a multiple or a power of another one (see SIZES), e.g. p_per_n: [0.5, 2] for p = n/2, 2n.
    """
    found = [Cell(**_sized(point)) for point in grids.points(grid)]
    return list({cell.key: cell for cell in found}.values())


SIZES: dict[str, tuple[str, Callable[[dict[str, Any], float], float]]] = {
    "n_per_d": ("n", lambda point, value: value * point["d"]),
    "features_per_d": ("features", lambda point, value: value * point["d"]),
    "p_per_n": ("p", lambda point, value: value * point["n"]),
    "p_above_n": ("p", lambda point, value: point["n"] + value),
    "p_power_of_n": ("p", lambda point, value: point["n"] ** value),
}


def _sized(point: dict[str, Any]) -> dict[str, Any]:
    point = dict(point)
    for given, (name, size) in SIZES.items():
        if given in point:
            point[name] = round(size(point, point.pop(given)))
    return point
