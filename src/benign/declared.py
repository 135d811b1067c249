"""Declared once: what a mapping may hold, as a pydantic model, and what is wrong with one, as a person would say it.

A field's type, limits, unit and meaning stand in its declaration. Checks, messages, help texts and JSON schemas follow.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

REQUIRED: Any = ...
LIMITS = {Ge: "at least {}", Gt: "above {}", Le: "at most {}", Lt: "below {}"}


def field(
    meaning: str,
    *,
    default: Any = REQUIRED,
    unit: str = "",
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> Any:
    """A declared field: what it means, in which unit, and its limits; a float is finite unless it is declared `Any`."""
    extra: Any = {"unit": unit} if unit else None
    limits: dict[str, Any] = {"ge": at_least, "gt": above, "le": at_most, "lt": below}
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


class Declared(BaseModel):
    """A mapping with declared keys and no others; values keep their types (text is no number)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, given: Any) -> Any:
        known = cls.model_fields
        if isinstance(given, Mapping) and not given.keys() <= known.keys():
            words = [f"unknown key {name!r}{nearest(name, known)}" for name in given if name not in known]
            text = f"{'; '.join(words)} (known: {', '.join(known)})"
            raise PydanticCustomError("unknown", "{text}", {"text": text})
        return given


def _one_or_many(value: Any) -> str:
    return "many" if isinstance(value, list) else "one"


def _number_not_text(value: Any) -> Any:
    """Pydantic would take text for a number; YAML's 1e-3 is text that was meant as a number, and has to be mended."""
    if isinstance(value, str | bool):
        raise PydanticCustomError("text", "{text}", {"text": _text_for_a_number(value)})
    return value


def _text_for_a_number(value: str | bool) -> str:
    written = _as_yaml_number(value) if isinstance(value, str) else None
    if written is None:
        return f"{value!r} is not a number"
    return f"{value!r} is text, not a number: YAML reads 1e-3 as text, so write {written}"


def _as_yaml_number(text: str) -> str | None:
    """How to write a number so that YAML reads it as one; None if the text is no number."""
    try:
        number = float(text)
    except ValueError:
        return None
    written = repr(int(number) if number.is_integer() else number)
    return written if isinstance(yaml.safe_load(written), int | float) else written.replace("e", ".0e")


def as_written(info: FieldInfo) -> Any:
    """A field's type with its limits, for a value that YAML gives: numbers are numbers there, not text."""
    kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
    return Annotated[kind, BeforeValidator(_number_not_text)] if info.annotation in (int, float) else kind


def one_or_list(kind: Any) -> Any:
    """A value of that type, or a list of at least one of them, without repeats."""
    many = Annotated[list[kind], Field(min_length=1), BeforeValidator(without_repeats)]
    return Annotated[
        Annotated[kind, Tag("one")] | Annotated[many, Tag("many")],  # type: ignore[operator]
        Discriminator(_one_or_many),
    ]


def without_repeats(values: Any) -> Any:
    """For a list: an error if it says a value twice."""
    if isinstance(values, list) and any(value in values[:i] for i, value in enumerate(values)):
        raise PydanticCustomError("repeats", "{text}", {"text": f"{values!r} says a value twice: say it once"})
    return values


def faults(error: ValidationError) -> list[tuple[str, str]]:
    """(place, what is wrong and how to mend it) of each fault; the place is "" at the top."""
    return [
        (".".join(str(step) for step in each["loc"] if step not in ("one", "many")), _words(each))
        for each in error.errors(include_url=False)
    ]


def _words(fault: Any) -> str:
    value, context, kind = fault["input"], fault.get("ctx", {}), fault["type"]
    if kind == "missing":
        return "is missing: give it"
    if kind == "literal_error":
        known = typing.cast(str, context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return f"{value!r} is not one of {', '.join(known)}{nearest(value, known)}"
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        limit = next(iter(context.values()))
        words = {"greater_than_equal": Ge, "greater_than": Gt, "less_than_equal": Le, "less_than": Lt}
        return f"{value!r} is impossible: give a value that is {LIMITS[words[kind]].format(f'{limit:g}')}"
    if kind == "finite_number":
        return f"{value!r} is impossible: give a finite number"
    if kind in ("value_error", "unknown", "text", "repeats"):
        return fault["msg"].removeprefix("Value error, ")
    wanted = {"int": "int", "float": "float", "bool": "bool", "string": "text", "list": "list", "dict": "mapping"}
    named = next((name for start, name in wanted.items() if kind.startswith(start)), None)
    if named is None:
        return f"{value!r}: {fault['msg']}"
    return f"{value!r} is not of type {named}: give a value of that type"


def nearest(name: Any, known: typing.Iterable[Any]) -> str:
    """ ", did you mean …?" where a known name is near."""
    near = difflib.get_close_matches(str(name), [str(other) for other in known], n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def described(info: FieldInfo) -> str:
    """A field for a help text: meaning, unit, values or limits, default."""
    words = [info.description or ""]
    if unit := (info.json_schema_extra or {}).get("unit"):  # type: ignore[union-attr]
        words.append(f"in {unit}")
    if typing.get_origin(info.annotation) is typing.Literal:
        words.append("one of " + ", ".join(map(str, typing.get_args(info.annotation))))
    # A limit of None is none: `field` gives all four.
    bounds = [
        (type(each), getattr(each, type(each).__name__.lower())) for each in info.metadata if type(each) in LIMITS
    ]
    limits = [LIMITS[kind].format(f"{bound:g}") for kind, bound in bounds if bound is not None]
    words += [" and ".join(limits)] if limits else []
    return "; ".join(word for word in words if word)


def kind_of(annotation: Any) -> type:
    """int, float, bool or str of a declared type; a Literal of texts is str, and "or None" does not count."""
    if typing.get_origin(annotation) is typing.Literal:
        return type(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return kind_of(next(each for each in typing.get_args(annotation) if each is not type(None)))
    return annotation
