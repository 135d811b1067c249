"""How large the parts of `make gpu-check` are: FULL, or TINY for the tests, whose numbers mean nothing."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Sizes:
    """agreement: n, width, steps and test_points of its networks · watched_steps: steps in which a wait would raise
    speed: settings of the paper-scale network · product_side: of the square matrices that show the device's rate
    different: networks drawn for a batch; larger batches repeat them · most_networks: in one batch
    scale_batch: the most networks trained together in "scale", so that its minutes are spent in several batches
    most_trainings, widest: of the kept table's
    images, validation, test_images: that the deep network is trained on, its best epoch is chosen on, it is judged on
    attack_steps: of its training; evaluation makes as many · most_epochs
    """

    agreement: dict[str, Any]
    watched_steps: int
    speed: dict[str, Any]
    product_side: int
    different: int
    most_networks: int
    scale_batch: int
    most_trainings: int
    widest: int
    images: int
    validation: int
    test_images: int
    attack_steps: int
    most_epochs: int


FULL = Sizes(
    agreement={"n": 100, "width": 100, "steps": 1000, "test_points": 2000},
    watched_steps=50,
    speed={"d": 10_000, "signal": 8.0, "budget": 2.0, "n": 100, "width": 1000, "steps": 1000, "test_points": 2000},
    product_side=4096,
    different=16,
    most_networks=4**8,
    scale_batch=32,
    most_trainings=10**6,
    widest=10**6,
    images=4000,
    validation=1000,
    test_images=2000,
    attack_steps=10,
    most_epochs=200,
)
TINY = Sizes(
    agreement={"n": 12, "width": 8, "steps": 40, "test_points": 50},
    watched_steps=5,
    speed={"d": 60, "signal": 4.0, "budget": 1.0, "n": 12, "width": 8, "steps": 40, "test_points": 50},
    product_side=64,
    different=2,
    most_networks=16,
    scale_batch=4,
    most_trainings=2,
    widest=400,
    images=16,
    validation=8,
    test_images=8,
    attack_steps=1,
    most_epochs=4,
)
