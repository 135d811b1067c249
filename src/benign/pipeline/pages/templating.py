"""How a page is made of a template in templates/ and of plain records. A name that a template lacks is an error."""

from __future__ import annotations

import functools
import re
from typing import Any

import jinja2


def render(template: str, **values: Any) -> str:
    """The text of a template, `templates/NAME.j2`, with these values; jinja2.UndefinedError if it uses any other."""
    return _environment().get_template(f"{template}.j2").render(values)


def cell(text: object) -> str:
    """Text for a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def prose(text: str) -> str:
    """Text that Markdown shows as it stands: α* is no emphasis."""
    return re.sub(r"([\\*_<`])", r"\\\1", text)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("benign.pipeline.pages"),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html.j2"]),
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": cell, "number": format, "prose": prose}  # {{ 2.5 | number(".3f") }} is 2.500
    return environment
