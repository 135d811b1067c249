"""Pages written by hand that have parts made by `make artifact`, each between markers with its name."""

from __future__ import annotations

import re
from pathlib import Path

from benign.pipeline.console import UserError

MARKED = re.compile(r"(<!-- made by `make artifact`: (\w+) -->\n)(.*?)(<!-- end of \2 -->)", re.DOTALL)


def fill(page: Path, parts: dict[str, str]) -> str:
    """A page's text with each part between the markers of its name; UserError unless it has just these markers."""
    text = page.read_text(encoding="utf-8")
    found = [match[2] for match in MARKED.finditer(text)]
    if sorted(found) != sorted(parts):
        raise UserError(
            f"{page.name} marks {', '.join(found) or 'nothing'} to be made, not {', '.join(parts)}: "
            "each needs one <!-- made by `make artifact`: NAME --> and one <!-- end of NAME -->, on lines of their own"
        )
    return MARKED.sub(lambda match: f"{match[1]}\n{parts[match[2]]}\n{match[4]}", text)
