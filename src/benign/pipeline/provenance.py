"""What a result depends on: definitions in the source, libraries, device, data; and the files that a rule depends on.

Neither Torch nor pandas is imported here: the workflow asks these questions before any job starts.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benign import studies
from benign.pipeline.definitions import PACKAGE, Definition, Sources

ROOT = Path(__file__).resolve().parents[1]
# The registry lists the studies and decides no number: were it counted, adding a paper would redraw all the others.
NOT_COUNTED = frozenset({f"{PACKAGE}.studies"})
LIBRARIES = ("numpy", "scipy", "torch", "torchvision")  # they compute; another version may give other bits
STATED = ("matplotlib", "numpy", "pandas", "scipy", "snakemake", "torch", "torchvision")  # in what a row states
# What the pipeline lends a running study, or sets before it runs: it comes in by no name that a study's code has.
LENT = (
    Definition("benign.study", "Context"),
    Definition("benign.data.images.storage", "load"),
    Definition("benign.train.checkpoints", "Checkpoints"),
    Definition("benign.train.device", "hold_precision"),
)
PLANS = (Definition("benign.study", "points"), Definition("benign.study", "slice_of"))
DRAWS = Definition("benign.plots", "render")


@functools.cache
def package() -> Sources:
    """This package's own sources, as they are when they are first asked for."""
    return Sources(ROOT)


def roots(study: str, part: str = "run") -> tuple[list[Definition], list[Definition]]:
    """(what a part of a study starts from; the records that come in with it).

    part: its cells, or run, figures, pictures, claims
    """
    declared = studies.find(study)
    cell = _definition(declared.cell)
    if part == "cells":
        return [cell, _definition(declared.shorthand), *PLANS], []
    start = Definition(f"{declared.package}.{'experiment' if part == 'run' else part}", part)
    return {
        "run": ([start, *LENT], [cell]),
        "figures": ([start, DRAWS], []),
        "pictures": ([start, DRAWS, *LENT], [cell]),
        "claims": ([start], []),
    }[part]


def _definition(declared: type) -> Definition:
    return Definition(declared.__module__, declared.__qualname__)


def code_of(study: str, part: str = "run", facts: Mapping[str, str] | None = None) -> str:
    """Fingerprint of the code that a part of a study reaches, and of facts beside it (`Sources.fingerprint`)."""
    return package().fingerprint(*roots(study, part), facts)


def run_fingerprint(study: str, device: str, threads: int, images: Mapping[str, Path]) -> str:
    """Hash of all that decides a row's bits beside the cell: code, libraries, device, threads and data.

    images: data set to its file. Raises FileNotFoundError for a file that is not there.
    """
    facts = {name: _version(name) for name in LIBRARIES}
    facts |= {f"images {name}": _digest(file) for name, file in images.items()}
    facts |= {"device": device, "threads": str(threads)}
    return code_of(study, facts=facts)


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:  # Snakemake may have another environment than its jobs
        return "none"


def _digest(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def origin(study: str, device: str, threads: int) -> dict[str, Any]:
    """What computes a row here and now: code, processor, and the environment that a page states of it."""
    environment = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    environment |= {"device": device, "threads": str(threads)} | {name: _version(name) for name in STATED}
    return {"code": code_of(study), "processor": processor(), "environment": environment}


def environment_of(origins: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What rows of these origins were computed in; what differs among them is joined by "and"."""
    found: dict[str, set[str]] = {}
    for origin in origins:
        for name, value in origin["environment"].items():
            found.setdefault(name, set()).add(value)
    return {name: " and ".join(sorted(values)) for name, values in found.items()}


def sources(module: str) -> list[Path]:
    """The files under src/benign that importing `module` runs, itself included, sorted.

    Imports inside functions count, imports under `if TYPE_CHECKING:` do not, and a package's own file counts with
    each of its modules. The registry of studies is left out. Raises LookupError for an unknown module.
    """
    return sorted(each.path for each in package().executed([module]) if each.name not in NOT_COUNTED)


def script_sources(script: Path) -> list[Path]:
    """The script itself, the scripts beside it and the files under src/benign that it imports, sorted."""
    scripts, modules, waiting = set[Path](), set[str](), [script]
    while waiting:
        path = waiting.pop()
        if path not in scripts:
            scripts.add(path)
            names = package().read(path.stem, path).imports
            modules |= {name for name in names if name.split(".")[0] == PACKAGE}
            waiting += [path.with_name(f"{name}.py") for name in names if path.with_name(f"{name}.py").is_file()]
    return sorted({*scripts, *(file for module in modules for file in sources(module))})


@functools.cache
def processor() -> str:
    """The name of this machine's processor: roundings differ from one kind to another, and with them the last bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


__all__ = [
    "LIBRARIES",
    "code_of",
    "environment_of",
    "origin",
    "package",
    "processor",
    "roots",
    "run_fingerprint",
    "script_sources",
    "sources",
]
