"""Read and check what config/ says, once, for the workflow and for every script: wrong keys and types are errors.

What a tier file and a section of a grid file may say is declared here, a study's grid follows from its declaration; a
message names file, key, value and mend.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from benign import studies
from benign.data.images import folders
from benign.declared import Declared, faults, field, without_repeats

ROOT = Path(__file__).resolve().parents[3]
GRIDS = ROOT / "config" / "grids"
CELL_SECONDS = ROOT / "benchmarks" / "cell_seconds.json"  # what cells took, for forecasts
YAML_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where PyYAML was built with it
DEEPEST = 50  # lists and mappings in each other, in a file that a person has written
Tier = Literal["smoke", "default", "paper", "gpu"]
TIERS: tuple[str, ...] = get_args(Tier)
Device = Literal["cpu", "cuda", "auto"]
GPU_SECONDS = 60.0  # in which a driver that works lists its cards, whatever else the machine does
Distinct = BeforeValidator(without_repeats)


class SettingsError(ValueError):
    """A setting that is unknown, missing, mistyped or impossible."""


class Sources(Declared):
    """Where each data set comes from; none leaves out its cells, whose claims are then "not run"."""

    mnist: Literal["none", "sample", "download", "folder"] = field("MNIST")
    cifar10: Literal["none", "download", "folder"] = field("CIFAR-10")


class TierFile(Declared):
    """A tier file, config/{config,smoke,paper,gpu}.yaml, with what --config lays over it."""

    tier: Tier = field("which section of each grid is run, and the folder below results/ and figures/")
    studies: Annotated[list[str], Distinct, Field(min_length=1)] = field("which studies are run")
    device: Device = field("where trainings run; auto is cuda where a GPU answers")
    data: Sources = field("where each data set comes from")
    mnist_root: Annotated[str, Field(min_length=1)] | None = field(
        "a folder with MNIST/raw; goes before data.mnist", default=None
    )
    cifar10_root: Annotated[str, Field(min_length=1)] | None = field(
        "a folder with cifar-10-batches-py or {train,test}/<class>; goes before data.cifar10", default=None
    )


FOLDERS = ("mnist_root", "cifar10_root")


class Section(Declared):
    """What a study's grid file says for one tier."""

    slices: int = field("how many jobs share the cells", at_least=1)
    data: Annotated[list[Literal["mnist", "cifar10"]], Distinct] = field(
        "the data sets whose images this tier's cells use"
    )
    grid: dict[str, Any] = field("what the study makes its cells of, as its declaration says")


class GridFile(Declared):
    """A study's grid file, config/grids/<study>.yaml, one section per tier."""

    smoke: Section = field("seconds: shows that every rule works")
    default: Section = field("minutes, without network")
    paper: Section = field("the papers' sizes")
    gpu: Section | None = field("what only pays on a GPU", default=None)


def grid_file(study: str) -> Path:
    """Where a study's grid is."""
    return GRIDS / f"{study}.yaml"


def expected_file(tier: str) -> Path:
    """The archive of what a run of a tier is expected to give; no run writes it, `make artifact` does."""
    return ROOT / "results" / "expected" / f"{tier}.tar.xz"


def tier_file(tier: str) -> Path:
    """Where it is said what a tier runs."""
    return ROOT / "config" / f"{'config' if tier == 'default' else tier}.yaml"


def section(path: Path, study: str, tier: str) -> dict[str, Any]:
    """What a study's grid file says for one tier; all of the file's sections are checked."""
    content = read_yaml(path)
    check(content, GridFile, str(path))
    if tier not in content:
        raise SettingsError(f"{path}: no section for tier {tier!r}: add one, or take the study off that tier's list")
    for name, part in content.items():
        check(part["grid"], studies.find(study).grid, f"{path}: {name}.grid")
    return content[tier]


def check_config(config: dict[str, Any], where: str = "the configuration") -> None:
    """Raise SettingsError unless `config` is a whole and correct tier file, with what --config laid over it."""
    for name in FOLDERS if isinstance(config, dict) else ():
        if not isinstance(config.get(name), str | None):
            raise SettingsError(
                f"{where}: {name}: {config[name]!r} is not a folder's name (Snakemake's --config makes that of one "
                "with ': ' in it): write the name into a tier file, or give it to scripts/run_pipeline.py"
            )
    check(config, TierFile, where)
    if unknown := sorted(set(config["studies"]) - set(studies.NAMES)):
        raise SettingsError(f"{where}: studies: {', '.join(unknown)}: the studies are {', '.join(studies.NAMES)}")
    for name, source in config["data"].items():
        root = config.get(f"{name}_root")
        if root is None and source == "folder":
            raise SettingsError(f"{where}: data.{name} is 'folder', but which? Give --config {name}_root=FOLDER")
        if root is not None and not Path(root).expanduser().is_dir():
            raise SettingsError(f"{where}: {name}_root={root!r} is not a folder: give the one that holds the data")


def image_source(config: dict[str, Any], dataset: str) -> tuple[str, str] | None:
    """(label for a file name, source for scripts/fetch_data.py) of a data set; None if this run leaves it out.

    A folder given by --config goes before what the tier file says. Its label follows from what it holds, so that it is
    read again after it has changed.
    """
    root = config.get(f"{dataset}_root")
    if root is not None:
        folder = Path(root).expanduser().resolve()
        return f"folder-{folders.state(dataset, folder)[:8]}", str(folder)
    source = config["data"][dataset]
    return None if source == "none" else (source, source)


def image_file(config: dict[str, Any], dataset: str) -> str | None:
    """The file that the workflow makes of a data set; None if this run leaves the set out."""
    source = image_source(config, dataset)
    return f"resources/{dataset}/{source[0]}.safetensors" if source else None


def resolve_device(device: str) -> str:
    """ "auto" as "cuda" where a GPU answers, else "cpu"; asks the driver, because Torch takes seconds to import."""
    if device != "auto":
        return device
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):  # hides them from Torch, not from nvidia-smi
        return "cpu"
    try:
        answer = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, check=False, timeout=GPU_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return "cpu"
    return "cuda" if answer.returncode == 0 and re.search(rb"(?m)^GPU \d+:", answer.stdout) else "cpu"


def read_yaml(path: Path) -> Any:
    """The contents of a YAML file. SettingsError if it is none, says a thing twice or is nested without end."""
    try:
        text = path.read_text(encoding="utf-8")
        if _deeper_than(DEEPEST, text):  # looked at first: the composer is recursive, in C, and ends Python
            raise yaml.YAMLError(f"more than {DEEPEST} lists and mappings in each other")
        loader = YAML_LOADER(text)
        node = loader.get_single_node()
        for line, key in _repeated(node, set()):
            raise yaml.YAMLError(f"line {line} gives {key!r} a second time: keep one")
        return None if node is None else loader.construct_document(node)
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist: write it, config/README.md says how") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no text, no date
        raise SettingsError(f"{path} is not YAML: {error}") from None


def _deeper_than(limit: int, text: str) -> bool:
    depth = 0
    for event in yaml.parse(text, Loader=YAML_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > limit:
            return True
    return False


def _repeated(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[int, str]]:
    """(line, key) of each key that a mapping has already: YAML would silently take the last one."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        yield from (
            (key.start_mark.line + 1, key.value) for i, (key, _) in enumerate(node.value) if key.value in keys[:i]
        )
    if isinstance(node, yaml.CollectionNode):
        for each in node.value:
            for inner in each if isinstance(each, tuple) else (each,):
                yield from _repeated(inner, seen)


def check(content: Any, model: type[Declared], where: str) -> None:
    """Raise SettingsError, with one line for each fault, unless `content` is what the model declares."""
    try:
        model.model_validate(content)
    except ValidationError as error:
        told = sorted(f"{where}: {place or 'top level'}: {words}" for place, words in faults(error))
        raise SettingsError("\n".join(told)) from None
