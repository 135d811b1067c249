"""A cell is one experiment: a frozen record of everything that decides its outcome.

The key of a cell is a hash of the fields that differ from their defaults, so that
adding a value to a grid, or a field (with a default) to a record, renames nothing
that exists; rows computed before stay valid.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from benign.data.images.record import ImageSet
    from benign.train.checkpoints import Checkpoints


class CellError(ValueError):
    """An impossible or unknown cell field; the message names field, value and mend."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """Base of every study's cell; subclasses add fields of type int, float, str or bool."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _typed(field.name, str(field.type), getattr(self, field.name)))

    @property
    def key(self) -> str:
        """16 hex digits: stable, canonical and safe in a path."""
        return _digest(self._overrides())

    @property
    def group(self) -> str:
        """Cells of one group are trained together and stay in one slice; by default each is alone."""
        return self.key

    def fields(self) -> dict[str, Any]:
        """Field name to value, in the order of declaration."""
        return dataclasses.asdict(self)

    def _overrides(self) -> dict[str, Any]:
        return {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.default is dataclasses.MISSING or getattr(self, f.name) != f.default
        }

    @classmethod
    def parse(cls, assignments: dict[str, str], defaults: dict[str, Any]) -> Self:
        """A cell from text, e.g. {"d": "10000"}; left-out names come from `defaults`.

        Raises CellError for an unknown name, listing the known ones.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        for name in assignments:
            if name not in known:
                raise CellError(f"unknown name {name!r}: this study's cells have {', '.join(sorted(known))}")
        return cls(**{**defaults, **assignments})


def _typed(name: str, kind: str, value: Any) -> Any:
    """`value` as the declared type, so that 2, 2.0 and "2" make the same key."""
    try:
        if kind == "bool":
            if value in (True, "true"):
                return True
            if value in (False, "false"):
                return False
            raise ValueError
        if kind == "int":
            number = float(value)
            if number != int(number):
                raise ValueError
            return int(number) if not isinstance(value, int) else value
        if kind == "float":
            number = float(value)
            if number != number:
                raise ValueError
            return number
        return str(value)
    except (TypeError, ValueError, OverflowError):
        raise CellError(f"{name}={value!r} is not of type {kind}: give a value of that type") from None


def _digest(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Context:
    """What the pipeline lends a running study; everything outside it is pure.

    study: its name, the first ingredient of every seed
    device: "cpu" or "cuda"
    threads: CPU threads this process may use
    images: data set name ("mnist", "cifar10") to its images and labels
    checkpoints: scratch storage for resuming, keyed by name; None keeps nothing
    notify: called with a short text at each sign of progress
    """

    study: str
    device: str = "cpu"
    threads: int = 1
    images: Callable[[str], ImageSet] | None = None
    checkpoints: Checkpoints | None = None
    notify: Callable[[str], None] = lambda text: None


def slice_of(cell: Cell, slices: int) -> int:
    """Which of `slices` jobs runs this cell; depends on the cell alone, so grids can grow without moving cells."""
    return int(hashlib.sha256(cell.group.encode()).hexdigest(), 16) % slices


__all__ = ["Cell", "CellError", "Context", "slice_of"]
