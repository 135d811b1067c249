"""Write docs/licences.md from what the packages of both lock files say of themselves, or check that it is up to date.

    python tools/licences.py              writes the page; all packages have to be installed
    python tools/licences.py --check      compares; packages that are not installed here are passed over

A licence that is neither permissive nor a weak copyleft, and that nobody has looked at (SEEN), is an error.
Exit status: 0 if all is well, 2 if not.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

import lock
from benign.pipeline import settings, tables
from benign.pipeline.console import UserError, parser, reports_errors

PAGE = settings.ROOT / "docs" / "licences.md"
# How the names of licences begin that let anyone use, change and pass on what comes out of a program: MIT and its like.
FREE = re.compile(r"(0BSD|(The )?MIT|BSD|Apache|BSL-1\.0|CC0|MPL|Mozilla|PSF|Python|Zlib|Public Domain)")
# Other licences that a person has read: the packages, by the beginning of their names, and what follows from it.
SEEN = {
    "nvidia-": "NVIDIA's own terms; Torch asks for it on Linux, and nothing of it is passed on here",
    "cuda-toolkit": "names NVIDIA's packages, holds no code",
    "docutils": "all but an Emacs mode, which is not installed, is in the public domain or BSD",
}
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
HEAD = """\
# Licences of the dependencies

What each package of `requirements.lock` and `requirements-peers.lock` says of itself. None is passed on with this
project, which has the MIT licence: `make` fetches them. Made by `python tools/licences.py`; `make check` holds it up to
date, and refuses a licence that is not free until somebody has looked at it.

| package | licence | seen |
| --- | --- | --- |
"""


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(__doc__)
    result.add_argument("--check", action="store_true", help="compare, write nothing")
    return result


@reports_errors
def main(argv: list[str]) -> int:
    """Write or compare."""
    names = sorted({*lock.locked(lock.LOCK), *lock.locked(lock.PEERS)})
    if arguments().parse_args(argv).check:
        compare(PAGE.read_text(encoding="utf-8"), names, found := licences(names))
    else:
        found = licences(names)
        if absent := sorted(set(names) - set(found)):
            raise UserError(f"{', '.join(absent)}: not installed, so their licences are not known: run `make test`")
        tables.write_text(PAGE, page(found))
    if unfree := [f"{name}: {licence}" for name, licence in found.items() if not (free(licence) or seen(name))]:
        raise UserError("\n".join([*unfree, "read it, and say in SEEN of tools/licences.py what follows from it"]))
    return 0


def licences(names: list[str]) -> dict[str, str]:
    """Name to licence of the packages that are installed here."""
    found = {}
    for name in names:
        try:
            found[name] = licence(importlib.metadata.distribution(name))
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def licence(package: importlib.metadata.Distribution) -> str:
    """What a package says of its licence: an expression, else a short name, classifiers, its licence file's title."""
    said = package.metadata
    if expression := first(said, "License-Expression"):
        return expression
    name = first(said, "License")
    if re.fullmatch(r"[^\n]*[A-Za-z][^\n]*", name) and len(name) <= 40:
        return name
    if kinds := [text.split(" :: ")[-1] for text in said.get_all("Classifier", []) if text.startswith("License")]:
        return ", ".join(kinds)
    files = [file for file in package.files or [] if file.name.upper().startswith("LICEN") and "dist-info" in str(file)]
    lines = [line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return lines[0] if lines else "not stated"


def first(said: importlib.metadata.PackageMetadata, field: str) -> str:
    """A field of a package's description, empty if it has none."""
    return (said.get_all(field) or [""])[0]


def free(licence: str) -> bool:
    """Whether every licence of an expression or a list is free."""
    parts = re.split(r" AND | OR | WITH |, (?!Version)", licence)
    return all(FREE.match(part.strip()) or part == "LLVM-exception" for part in parts)


def seen(name: str) -> str:
    """What a person has said of a package whose licence is not free; empty if nothing."""
    return next((text for start, text in SEEN.items() if name.startswith(start)), "")


def page(found: dict[str, str]) -> str:
    """The page."""
    rows = [f"| `{name}` | {licence} | {'' if free(licence) else seen(name)} |" for name, licence in found.items()]
    return HEAD + "\n".join(rows) + "\n"


def compare(content: str, names: list[str], found: dict[str, str]) -> None:
    """UserError unless a page has all these packages, and of those installed here what they say."""
    shown = {name: licence for name, licence, _ in ROW.findall(content)}
    faults = [f"{name} is not in {PAGE.name}" for name in names if name not in shown]
    faults += [f"{name} is in {PAGE.name} and in no lock" for name in shown if name not in names]
    faults += [
        f"{name} says {licence}, {PAGE.name} {shown[name]}"
        for name, licence in found.items()
        if shown.get(name, licence) != licence
    ]
    if faults or content != page(shown):
        raise UserError("\n".join([*faults, f"run tools/licences.py: {PAGE} is out of date"]))


__all__ = ["compare", "free", "licence", "licences", "page"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
