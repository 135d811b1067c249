"""What a study is: its cells, its rows, its grid, and where its parts are, each declared once.

A *cell* is one experiment: a frozen record of everything that decides its outcome. A *row* is a cell with what was
measured. A *grid* is what a tier runs, in YAML, and stands for many cells. From a study's declaration follow the check
and the schema of its grid, the fields and messages of the command line, and a table that has all columns whatever rows
it has.

The key of a cell is a hash of the fields that differ from their defaults, so that adding a value to a grid, or a field
(with a default) to a record, renames nothing that exists; rows computed before stay valid.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, ValidationError, create_model, model_validator
from pydantic.fields import FieldInfo

from benign.declared import Declared, as_written, described, faults, field, kind_of, nearest, one_or_list

if TYPE_CHECKING:
    import pandas as pd

    from benign.data.images.record import ImageSet
    from benign.train.checkpoints import Checkpoints


# Of a cell's numbers, 0 apart: the squares of what is beyond leave the range of numbers.
SMALLEST, LARGEST = 1e-30, 1e30
ROOM = 2e9  # numbers in an array: 16 GB in double precision


class CellError(ValueError):
    """An impossible or unknown cell field; the message names field, value and mend."""


class Cell(Declared):
    """Base of every study's cell; subclasses declare fields of type int, float, bool, str or a Literal of texts.

    Every cell has `seed`, the replicate, and, if its study has several, `experiment`.

    shapes: fields that are an array's shape, for each large array: what has no room is refused
    """

    shapes: ClassVar[tuple[tuple[str, ...], ...]] = ()

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise CellError("; ".join(_cell_fault(place, words) for place, words in faults(error))) from None

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Text may be a number, and 1e4 is a whole number too, as text and as a float."""
        read = {
            name: _number(kind, given[name])
            for name, kind in cls._kinds().items()
            if kind in (int, float) and isinstance(given.get(name), str | float)
        }
        return {**given, **read} if read else given

    @model_validator(mode="after")
    def _settle(self) -> Self:
        for name, kind in self._kinds().items():
            if kind in (int, float) and (value := getattr(self, name)) and not SMALLEST <= abs(value) <= LARGEST:
                raise ValueError(f"{name}={value:.3g} is impossible: give 0, or a size of {SMALLEST:g} to {LARGEST:g}")
        for shape in self.shapes:
            if not fits(*(getattr(self, name) for name in shape)):
                most = max(shape, key=lambda name: getattr(self, name))
                words = f"give a smaller one, for an array of {' x '.join(shape)} has no room in {ROOM:g} numbers"
                raise ValueError(f"{most}={getattr(self, most)!r} is impossible: {words}")
        for name, allowed, wanted in self.limits():
            if not allowed:
                raise ValueError(f"{name}={getattr(self, name)!r} is impossible: give a value that is {wanted}")
        self.__dict__.update(self.irrelevant())
        return self

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        """(field, whether its value is possible, what would be) where that depends on other fields, or on a rule."""
        return ()

    def irrelevant(self) -> Mapping[str, Any]:
        """Fields that do not matter here, each with the value it is set to: one experiment, one key."""
        return {}

    @classmethod
    @functools.cache
    def _kinds(cls) -> dict[str, Any]:
        return {name: info.annotation for name, info in cls.model_fields.items()}

    @classmethod
    @functools.cache
    def _names(cls) -> tuple[str, ...]:
        return tuple(cls.model_fields)

    @classmethod
    @functools.cache
    def _defaults(cls) -> dict[str, Any]:
        return {name: info.default for name, info in cls.model_fields.items() if not info.is_required()}

    @functools.cached_property
    def key(self) -> str:
        """16 hex digits: stable, canonical and safe in a path."""
        defaults = self._defaults()
        values = {
            name: value for name, value in self.fields().items() if name not in defaults or defaults[name] != value
        }
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def group(self) -> str:
        """Cells of one group are trained together and stay in one slice; by default each is alone."""
        return self.key

    def fields(self) -> dict[str, Any]:
        """Field name to value, in the order of declaration."""
        values = self.__dict__
        return {name: values[name] for name in self._names()}

    def replace(self, **changes: Any) -> Self:
        """The same cell but for some fields."""
        return type(self)(**{**self.fields(), **changes})

    def row(self, **measured: Any) -> dict[str, Any]:
        """This cell's row."""
        return {"key": self.key, **self.fields(), **measured}


def _number(kind: type, value: str | float) -> Any:
    """The value as a number of that kind, or as it is."""
    try:
        number = float(value)
    except ValueError:
        return value
    if kind is float:
        return number
    return int(number) if number.is_integer() else value


def _cell_fault(place: str, words: str) -> str:
    if not place:
        return words
    return f"{place} {words}" if words.startswith("is missing") else f"{place}={words}"


def fits(*shape: float) -> bool:
    """Whether there is room for an array of that shape; for the limits of a cell."""
    return math.prod(map(float, shape)) <= ROOM


class Row(Declared):
    """Base of what every study measures in a cell, as columns of a table; each may be missing in some experiments."""

    status: str = field('"ok", or why the cell has no measurement, e.g. "diverged"')


def column(meaning: str, unit: str = "") -> Any:
    """A declared column: what it means and in which unit; missing where an experiment does not measure it."""
    return field(meaning, default=None, unit=unit)


class Shorthand(Declared):
    """Base of what a block of a grid may say instead of fields; a study that has such names declares them here.

    Fields are optional, and a list of values is gone through as for a cell's fields.
    """

    @staticmethod
    def resolve(point: dict[str, Any]) -> Iterable[dict[str, Any]]:
        """The points, in fields of the cell alone, that a point with such names stands for."""
        return [point]

    @staticmethod
    def exclusive() -> Iterable[tuple[str, str]]:
        """Pairs of names of which a block may give one."""
        return ()


def _no_images(name: str) -> ImageSet:
    raise CellError(f"{name} needs images: pass --images {name}=FILE.safetensors (scripts/fetch_data.py writes one)")


@dataclasses.dataclass(frozen=True)
class Context:
    """What the pipeline lends a running study; everything outside it is pure.

    study: its name, the first ingredient of every seed
    device: "cpu" or "cuda"
    threads: CPU threads this process may use
    images: data set name ("mnist", "cifar10") to its images and labels; where none are given, a CellError
    checkpoints: scratch storage for resuming, keyed by name; None keeps nothing
    notify: called with a short text at each sign of progress
    """

    study: str
    device: str = "cpu"
    threads: int = 1
    images: Callable[[str], ImageSet] = _no_images
    checkpoints: Checkpoints | None = None
    notify: Callable[[str], None] = lambda text: None


@dataclasses.dataclass(frozen=True)
class Study:
    """A study: what it declares, and the functions that its modules offer.

    package: its package, e.g. "benign.studies.adversarial_training", with the modules `experiment` (run, and report if
        one row should not be reported as it stands), `figures` (figures), `claims` (claims) and, if it has pictures,
        `pictures` (pictures)
    title: what it replicates, in one sentence
    figures: the names of the figures that it draws from every tier's table
    films: of these the ones that are films, with a GIF beside PNG and PDF
    pictures: the names of the figures that show data, which no table has: they are drawn from table and context
    start: fields that a single cell has where neither the command line nor the grid's common values say
    theory: measured column to the columns that say before the experiment what it will be; drawn beside it in a sweep
    """

    package: str
    title: str
    cell: type[Cell]
    row: type[Row]
    figures: tuple[str, ...]
    films: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    shorthand: type[Shorthand] = Shorthand
    start: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    theory: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.package.rpartition(".")[2]

    def part(self, module: str, function: str) -> Callable[..., Any]:
        """A function of one of the study's modules; importing one imports no other."""
        return getattr(importlib.import_module(f"{self.package}.{module}"), function)

    def report(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """One row as its user reads it: what `report` of the module `experiment` makes of it, else its results."""
        module = importlib.import_module(f"{self.package}.experiment")
        if hasattr(module, "report"):
            return module.report(row)
        return {name: value for name, value in row.items() if name not in {"key", *self.cell.model_fields}}

    @functools.cached_property
    def grid(self) -> type[Declared]:
        """The model of a tier's grid: {"common": {field: value}, "seeds": replicates, "experiments": {name: [block]}}.

        A block gives a value, or a list of values, for fields and for the study's shorthands, and may have `seeds`.
        """
        fields = {name: info for name, info in self.cell.model_fields.items() if name not in ("experiment", "seed")}
        short = self.shorthand.model_fields
        seeds: Any = (Annotated[int, Field(ge=1, description="replicates")], None)
        common: Any = _model("Common", Declared, {name: (as_written(info), info) for name, info in fields.items()})
        block: Any = _model(
            "Block",
            _block(self.shorthand),
            {name: (one_or_list(as_written(info)), info) for name, info in {**fields, **short}.items()},
            seeds=seeds,
        )
        name: Any = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
        blocks: Any = Annotated[list[block], Field(min_length=1)]
        return create_model(
            f"Grid of the study {self.name}",
            __base__=Declared,
            common=(common, Field(description="values of the cells' fields where an experiment says nothing else")),
            seeds=(seeds[0], ...),
            experiments=(
                dict[name, blocks],
                Field(description="experiment to blocks, each the product of its lists"),
            ),
        )

    def cells(self, grid: Mapping[str, Any]) -> list[Any]:
        """All cells of a tier's grid, each once, in the grid's order."""
        return list(self.each(grid))

    def each(self, grid: Mapping[str, Any]) -> Iterator[Any]:
        """The same one by one: a million need not be in memory at once."""
        seen: set[str] = set()
        for point in points(grid):
            for resolved in self._resolved(point):
                cell = self.cell(**resolved)
                if cell.key not in seen:
                    seen.add(cell.key)
                    yield cell

    def _resolved(self, point: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            return list(self.shorthand.resolve(point))
        except KeyError as error:
            raise CellError(f"{error.args[0]} is missing: give it") from None
        except OverflowError:
            given = ", ".join(f"{name}={point[name]!r}" for name in self.shorthand.model_fields if name in point)
            raise CellError(f"{given} gives a number that is too large: give a smaller one") from None

    def asked(self, values: Mapping[str, Iterable[Any]], grid: Mapping[str, Any]) -> list[tuple[dict[str, Any], Any]]:
        """(what was asked, the cell) for each point of a product of values: of fields and shorthands, as text or not.

        Left-out names take the grid's common values, first replicate. A cell that several points stand for comes with
        each. Raises CellError for an unknown name, with the nearest one, and for impossible values.
        """
        kinds, short = self.cell._kinds(), self.shorthand.model_fields
        for name in values:
            if name not in kinds and name not in short:
                known = ", ".join(sorted({*kinds, *short}))
                near = nearest(name, [*kinds, *short])
                raise CellError(f"unknown name {name!r}{near}: this study's cells have {known}")
        for first, second in self.shorthand.exclusive():
            if first in values and second in values:
                raise CellError(f"{first} and {second} exclude each other: give one of them")
        read = {name: [self._read(name, value) for value in several] for name, several in values.items()}
        for name, several in read.items():
            if twice := [value for i, value in enumerate(several) if value in several[:i]]:
                raise CellError(f"{name} says {twice[0]!r} twice: say it once")
        common = {"seed": 0, **self.start, **grid["common"]}
        found = []
        for each in itertools.product(*read.values()):
            point = dict(zip(read, each, strict=True))
            found += [(point, self.cell(**resolved)) for resolved in self._resolved(common | point)]
        return found

    def _read(self, name: str, value: Any) -> Any:
        """A value from text, checked: shorthands reckon with fields before there is a cell that would check them."""
        kind = self.cell._kinds().get(name)
        if kind is None:
            try:
                return getattr(self.shorthand.model_validate({name: value}), name)
            except ValidationError as error:
                raise CellError("; ".join(_cell_fault(place, words) for place, words in faults(error))) from None
        number = _number(kind, value) if kind in (int, float) and isinstance(value, str | float) else value
        if kind in (int, float) and isinstance(number, str):
            raise CellError(f"{name}={value!r} is not of type {kind.__name__}: give a value of that type")
        return number

    def single(self, assignments: Mapping[str, Any], grid: Mapping[str, Any]) -> Any:
        """The one cell of such values, e.g. {"d": "10000"}."""
        found = [cell for _, cell in self.asked({name: [value] for name, value in assignments.items()}, grid)]
        if len(found) != 1:
            raise CellError(f"this stands for {len(found)} cells: give fields for one, or ask scripts/sweep.py")
        return found[0]

    def columns(self) -> dict[str, type]:
        """Column to type (str, bool, int, float), in a table's order: key, fields of the cell, then results by name."""
        results = {name: kind_of(info.annotation) for name, info in sorted(self.row.model_fields.items())}
        return {"key": str, **{n: kind_of(i.annotation) for n, i in self.cell.model_fields.items()}, **results}

    def table(self, rows: pd.DataFrame | Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        """Rows as a table that has every column, of its type, whatever the rows lack; unknown columns are an error.

        A field of the cell that no row has is at its default.
        With missing values, int is float64 and bool "boolean"; int is float64, too, with values beyond 64 bits; text is
        object.
        """
        import pandas as pd

        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
        columns = self.columns()
        if unknown := [str(name) for name in frame.columns if name not in columns]:
            raise ValueError(f"study {self.name} declares no column {', '.join(unknown)}")
        # A field that is younger than the rows has its default in them, as their keys have it.
        younger = {name: value for name, value in self.cell._defaults().items() if name not in frame.columns}
        whole = frame.assign(**younger).reindex(columns=list(columns))
        return whole.astype({name: _dtype(kind, whole[name]) for name, kind in columns.items()})


def _dtype(kind: type, values: pd.Series) -> str:
    missing = bool(values.isna().any())
    if kind is bool:
        return "boolean" if missing else "bool"
    if kind is int:
        return "float64" if missing or not (values.abs() < 2**63).all() else "int64"
    return "float64" if kind is float else "object"


def _model(name: str, base: type[Declared], fields: dict[str, tuple[Any, FieldInfo]], **more: Any) -> type[Declared]:
    """A model in which each of these fields may be left out."""
    optional: dict[str, Any] = {
        each: (kind, Field(None, description=described(info))) for each, (kind, info) in fields.items()
    }
    return create_model(name, __base__=base, **optional, **more)


def _block(shorthand: type[Shorthand]) -> type[Declared]:
    """The base of a study's blocks: names that exclude each other are refused."""

    class Exclusive(Declared):
        @model_validator(mode="before")
        @classmethod
        def _one_of_two(cls, given: Any) -> Any:
            for first, second in shorthand.exclusive():
                if isinstance(given, Mapping) and first in given and second in given:
                    raise ValueError(f"{first} and {second} exclude each other: give one of them")
            return given

    return Exclusive


def points(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each point of a grid as {field: value}, with its `experiment` and `seed`: the product of each block's lists."""
    for experiment, blocks in grid["experiments"].items():
        for block in blocks:
            settings = {**grid["common"], **block, "experiment": experiment}
            replicates = settings.pop("seeds", grid["seeds"])
            axes = [value if isinstance(value, list) else [value] for value in settings.values()]
            for values in itertools.product(*axes, range(replicates)):
                yield dict(zip([*settings, "seed"], values, strict=True))


def slice_of(cell: Cell, slices: int) -> int:
    """Which of `slices` jobs runs this cell; depends on the cell alone, so grids can grow without moving cells.

    A slice is a range of hashes: where the number of slices changes, each new one has cells of a few old ones only.
    """
    return int.from_bytes(hashlib.sha256(cell.group.encode()).digest()[:8], "big") * slices >> 64


__all__ = [
    "Cell",
    "CellError",
    "Context",
    "Row",
    "Shorthand",
    "Study",
    "column",
    "field",
    "fits",
    "points",
    "slice_of",
]
