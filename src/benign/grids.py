"""A tier's grid as points: how a study's YAML stands for many cells."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any


def points(grid: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each point of a grid as {field: value}, with its `experiment` and `seed`.

    grid: {"common": {field: value}, "seeds": replicates, "experiments": {name: [block, …]}}; a block maps fields to a
    value or a list of values and stands for the product of its lists; it may give its own `seeds`.
    """
    for experiment, blocks in grid["experiments"].items():
        for block in blocks:
            settings = {**grid["common"], **block, "experiment": experiment}
            replicates = settings.pop("seeds", grid["seeds"])
            axes = [value if isinstance(value, list) else [value] for value in settings.values()]
            for values in itertools.product(*axes, range(replicates)):
                yield dict(zip([*settings, "seed"], values, strict=True))
