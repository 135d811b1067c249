"""What the ledger runs: cells of the flagship with what that one lacks, one assumption broken by more and more."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from benign import grids
from benign.cells import CellError
from benign.data import departures
from benign.studies.adversarial_training import grid as flagship

USUAL_TAIL = {"student_t": 3.0, "sparse_rademacher": 0.01}  # those of benign.data.clusters


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(flagship.Cell):
    """The flagship's cell (clusters only) and:

    tail: degrees of freedom of student_t, density of sparse_rademacher (0: 3 and 0.01)
    covariance ("identity", "ar1", "power_law"), correlation: its coefficient or exponent (data.departures.spectrum)
    flips: "random" (each label with probability β), or ⌊βn⌋ labels: "exact", "one_class", "worst"
    batch: points in a mini-batch, 0 for all; then `steps` counts passes over the data
    """

    tail: float = 0.0
    covariance: str = "identity"
    correlation: float = 0.0
    flips: str = "random"
    batch: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        # One experiment, one key: fields that do not matter here are set to one value.
        usual = USUAL_TAIL.get(self.noise, 0.0)
        settled: dict[str, Any] = {"tail": self.tail or usual if usual else 0.0}
        if self.covariance == "identity":
            settled["correlation"] = 0.0
        else:
            settled["sampling"] = "dense"
        if self.flip_rate == 0:
            settled["flips"] = "random"
        if self.batch >= self.n:
            settled["batch"] = 0
        for name, value in settled.items():
            object.__setattr__(self, name, value)

    def _validate(self) -> None:
        super()._validate()
        most = {"student_t": np.inf, "sparse_rademacher": 1.0}.get(self.noise, np.inf)
        least = 2.0 if self.noise == "student_t" else 0.0
        limits: list[tuple[str, bool, str]] = [
            ("data", self.data == "clusters", "clusters: this study has no images"),
            ("tail", self.tail == 0 or least < self.tail <= most, f"above {least:g}, at most {most:g}; or 0"),
            ("covariance", self.covariance in departures.COVARIANCES, f"one of {', '.join(departures.COVARIANCES)}"),
            ("correlation", 0 <= self.correlation < (1 if self.covariance == "ar1" else np.inf), "in [0, 1) for ar1"),
            ("flips", self.flips in departures.FLIPS, f"one of {', '.join(departures.FLIPS)}"),
            ("batch", self.batch >= 0, "at least 1, or 0 for all points"),
        ]
        for name, allowed, wanted in limits:
            if not allowed:
                raise CellError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")
        if self.covariance != "identity" and self.noise != "gaussian":
            raise CellError(f"noise={self.noise!r} has no covariance but the identity: give covariance=identity")

    @property
    def is_the_flagships(self) -> bool:
        """Whether nothing is asked for that the flagship's own experiment lacks."""
        return self.sampling == "in_law" and self.flips == "random" and self.batch == 0


def defaults(grid: dict[str, Any]) -> dict[str, Any]:
    """A cell's fields where a grid, or the command line, does not say: the tier's common values, first replicate."""
    return {"seed": 0, **grid["common"]}


def cells(grid: dict[str, Any]) -> list[Cell]:
    """All cells of a tier's grid (benign.grids.points), each once."""
    unique = {cell.key: cell for cell in (Cell(**point) for point in grids.points(grid))}
    return list(unique.values())
