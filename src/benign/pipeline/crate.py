"""A finished tier as a Workflow Run RO-Crate: what ran, with what, on which data, and every file that came out.

Its root is results/TIER; the figures lie beside it, at ../../figures/TIER. Each file is there with its SHA-256,
provenance.json among them. Nothing else enters: the same files give the same crate to the byte, so that `faults` finds
every change, of a file or of the crate itself. A checkout does not keep the page (`make site` makes it again), so that
it alone may be missing; the crate then still has to be the one that these files make with that page.
"""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from benign.pipeline import tables

NAME, RECORD, SNAKEFILE = "ro-crate-metadata.json", "provenance.json", "Snakefile"
FACTS = ("encodingFormat", "contentSize", "sha256")  # of a file
INTERMEDIATE = {"slices", "rows"}  # folders of what is made on the way
PAGE = "site/"  # of the root: what a checkout may lack
VERSION = "1.1"  # of RO-Crate: the one that the profiles below stand on
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"  # it has sha256
PROFILES = {
    "Process Run Crate": "https://w3id.org/ro/wfrun/process/0.5",
    "Workflow Run Crate": "https://w3id.org/ro/wfrun/workflow/0.5",
    "Workflow RO-Crate": "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
}
WORKFLOWS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
PYPI, PYTHON = "https://pypi.org/project/{name}/{version}/", "https://www.python.org/ftp/python/{version}/"
TYPES = {".md": "text/markdown", "": "text/x-python"}  # others as the standard library has them; "": a Snakefile
MACHINE = ("system", "machine", "device", "threads")  # of an environment: what is no software
INPUTS = ("experiment", "grid", "data", "seeds")  # of a study's record


def files_of(folder: Path, tier: str) -> list[Path]:
    """What a run in `folder` has of a tier, but for the crate and what was made on the way."""
    found = [path for kind in ("results", "figures") for path in (folder / kind / tier).rglob("*") if path.is_file()]
    return sorted(path for path in found if path.name != NAME and not INTERMEDIATE & {*path.parent.parts})


def facts(path: Path) -> dict[str, str]:
    """What the crate says of a file's content: type, bytes, SHA-256."""
    kind = TYPES.get(path.suffix) or mimetypes.types_map.get(path.suffix, "application/octet-stream")
    return dict(zip(FACTS, (kind, str(path.stat().st_size), tables.digest(path)), strict=True))


def place(path: Path, root: Path) -> str:
    """Where a file lies from results/TIER, as the crate names it."""
    return Path(os.path.relpath(path, root)).as_posix()


def faults(folder: Path, tier: str) -> list[tuple[str, str]]:
    """(file, what is wrong) for each of a tier's files that is not as its crate has it; none if every byte is."""
    root = folder / "results" / tier
    entities = tables.read_json(root / NAME)["@graph"]
    listed = {each["@id"]: {key: each.get(key) for key in FACTS} for each in entities if "File" in each["@type"]}
    there = {place(path, root): facts(path) for path in files_of(folder, tier)}
    if not any(name.startswith(PAGE) for name in there):
        there |= {name: said for name, said in listed.items() if name.startswith(PAGE)}
    found = [(name, "is recorded and not there") for name in listed.keys() - there.keys()]
    found += [(name, "is there and not recorded") for name in there.keys() - listed.keys()]
    both = there.keys() & listed.keys()
    found += [
        (name, "has other bytes than recorded") for name in both if there[name]["sha256"] != listed[name]["sha256"]
    ]
    if not found and text(folder, tier, there) != (root / NAME).read_text(encoding="utf-8"):
        found = [(NAME, "is not what these files make")]
    return sorted(found)


def text(folder: Path, tier: str, files: Mapping[str, Mapping[str, str]]) -> str:
    """What the metadata file says of a tier's files: `facts` by their place from results/TIER, the Snakefile's too."""
    root = folder / "results" / tier
    record = tables.read_json(root / RECORD)
    software, crate = record["software"], ROCrate(version=VERSION)
    crate.metadata.extra_contexts.append(CONTEXT)
    title = f"{software['title']}: tier {tier}"
    authors = _add(crate, "#authors", "Organization", name=" and ".join(software["authors"]))
    licence = _add(crate, f"https://spdx.org/licenses/{software['license']}", "CreativeWork", name=software["license"])
    licence["description"] = "of the code and of what it makes"
    workflow = crate.add_workflow(dest_path=SNAKEFILE, main=True, lang="snakemake", properties=dict(files[SNAKEFILE]))
    _set(workflow, name=software["title"], version=software["version"], author=authors, license=licence)
    _set(workflow, softwareRequirements=_libraries(crate, record["environment"]), conformsTo={"@id": WORKFLOWS})
    results = [_file(crate, name, files[name]) for name in sorted(files) if name != SNAKEFILE]
    run = _add(crate, "#run", "CreateAction", name=title, instrument=workflow, agent=authors, result=results)
    processors = sorted({name for study in record["studies"].values() for name in study["processors"]})
    _set(run, description=f"The tier {tier}, computed on {' and '.join(processors)}", object=_inputs(crate, record))
    profiles = [
        _add(crate, uri, "CreativeWork", name=name, version=uri.rpartition("/")[2]) for name, uri in PROFILES.items()
    ]
    _set(crate.root_dataset, name=title, datePublished=software["date"], license=licence, author=authors)
    _set(crate.root_dataset, publisher=authors, conformsTo=profiles, mentions=run)
    crate.root_dataset["description"] = (
        "Tables, drawn numbers, figures and judged claims, with what they were made with"
    )
    return json.dumps(crate.metadata.generate(), indent=2, ensure_ascii=False) + "\n"


def _set(entity: Any, /, **properties: Any) -> None:
    for name, value in properties.items():
        entity[name] = value


def _add(crate: ROCrate, identifier: str, kind: str, /, **properties: Any) -> Any:
    entity = crate.add(ContextEntity(crate, identifier, properties={"@type": kind}))
    _set(entity, **properties)
    return entity


def _file(crate: ROCrate, name: str, said: Mapping[str, str]) -> Any:
    return crate.add_file(dest_path=name, properties={"name": PurePosixPath(name).name, **said})


def _libraries(crate: ROCrate, environment: dict[str, str]) -> list[Any]:
    """Python and the libraries, each with its version; two where rows were computed with two."""
    versions = [(name, each) for name, said in environment.items() for each in said.split(" and ")]
    found = []
    for name, version in versions:
        if name not in MACHINE:
            url = (PYTHON if name == "python" else PYPI).format(name=name, version=version)
            found.append(_add(crate, url, "SoftwareApplication", name=name, version=version, url=url))
    return found


def _inputs(crate: ROCrate, record: dict[str, Any]) -> list[Any]:
    """What the run was given: its configuration, device, threads and code; data sets by their SHA-256."""
    given = {"config": record["config"], "commit": record["commit"], "modified": record["modified"]}
    given |= {name: record["environment"][name] for name in MACHINE if name in record["environment"]}
    given |= {name: {key: study[key] for key in INPUTS} for name, study in record["studies"].items()}
    return [
        _add(crate, f"#{name}", "PropertyValue", name=name, value=json.dumps(value, sort_keys=True))
        for name, value in given.items()
    ]


__all__ = ["NAME", "PAGE", "RECORD", "SNAKEFILE", "facts", "faults", "files_of", "place", "text"]
