"""Check what linters do not: imports go one way (as pyproject.toml says), and nothing is kept that nothing uses.

    python tools/structure.py

What tests alone use counts as unused. Exit status: 0 if all is well, 2 if not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

import importlinter.cli
import vulture

from benign.pipeline import settings
from benign.pipeline.console import UserError, parser, reports_errors

PRODUCT = ("src", "scripts", "tools", "benchmarks", "examples")
# What is called by a name that stands nowhere here: by Python, PyTorch, pydantic, Jinja and pytest. SKIP is one of
# three kinds of edges, which are named together; is_usual goes when the rows that count it are computed again.
CALLED_BY_OTHERS = [
    "__getattr__",
    "forward",
    "model_config",
    "filters",
    "test_*",
    "pytest*",
    "locate_file",
    "SKIP",
    "is_usual",
]
DECORATORS = ["@model_validator*", "@pydantic.*", "@pytest.fixture*"]
DECLARED = re.compile(r"\s+\w+: ")  # a field of a record: rows get theirs from dicts, grids from YAML


@reports_errors
def main(argv: list[str]) -> int:
    """Both checks; the first says itself what is wrong."""
    parser(__doc__).parse_args(argv)
    if importlinter.cli.lint_imports(str(settings.ROOT / "pyproject.toml"), no_cache=True, no_logo=True):
        raise UserError("an import goes against the arrows: move what both rooms need to where both may look")
    found = [*unused(settings.ROOT, PRODUCT), *unused(settings.ROOT, (*PRODUCT, "tests"), within="tests")]
    if found:
        raise UserError("\n".join([*found, "take it away, or name in tools/structure.py who calls it"]))
    return 0


def unused(root: Path, folders: tuple[str, ...], within: str = "") -> Iterator[str]:
    """A line for each definition, of one folder or of all, that no code in these folders uses."""
    search = vulture.Vulture(ignore_names=CALLED_BY_OTHERS, ignore_decorators=DECORATORS)
    search.scavenge([root / folder for folder in folders])
    for each in search.get_unused_code(min_confidence=60):
        file = Path(each.filename).relative_to(root)
        line = Path(each.filename).read_text(encoding="utf-8").splitlines()[each.first_lineno - 1]
        if file.parts[0].startswith(within) and not (each.typ == "variable" and DECLARED.match(line)):
            yield f"{file}:{each.first_lineno}: {each.message}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
