"""Read and check what config/ says, once, for the workflow and for every script: wrong keys and types are errors.

The schemas are in workflow/schemas; a message names file, key, value and mend.
"""

from __future__ import annotations

import difflib
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import jsonschema
import referencing
import yaml

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = ROOT / "workflow" / "schemas"
GRIDS = ROOT / "config" / "grids"
CELL_SECONDS = ROOT / "benchmarks" / "cell_seconds.json"  # what cells took, for forecasts
VERDICTS = ROOT / "results" / "verdicts.json"  # of each kept tier's claims; no run writes it, `make artifact` does
YAML_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where PyYAML was built with it
TIERS = ("smoke", "default", "paper", "gpu")


class SettingsError(ValueError):
    """A setting that is unknown, missing, mistyped or impossible."""


def grid_file(study: str) -> Path:
    """Where a study's grid is."""
    return GRIDS / f"{study}.yaml"


def tier_file(tier: str) -> Path:
    """Where it is said what a tier runs."""
    return ROOT / "config" / f"{'config' if tier == 'default' else tier}.yaml"


def section(path: Path, study: str, tier: str) -> dict[str, Any]:
    """What a study's grid file says for one tier: {"slices", "figures", "data", "grid"}, checked."""
    content = read_yaml(path)
    check(content, SCHEMAS / "grid.yaml", str(path))
    if tier not in content:
        raise SettingsError(f"{path}: no section for tier {tier!r}: add one, or take the study off that tier's list")
    for name, part in content.items():
        check(part["grid"], SCHEMAS / "grids" / f"{study}.yaml", f"{path}: {name}.grid")
    return content[tier]


def check_config(config: dict[str, Any], where: str = "the configuration") -> None:
    """Raise SettingsError unless `config` is a whole and correct tier file, with what --config laid over it."""
    check(config, SCHEMAS / "config.yaml", where)
    for name, source in config["data"].items():
        root = config.get(f"{name}_root")
        if root is None and source == "folder":
            raise SettingsError(f"{where}: data.{name} is 'folder', but which? Give --config {name}_root=FOLDER")
        if root is not None and not Path(root).expanduser().is_dir():
            raise SettingsError(f"{where}: {name}_root={root!r} is not a folder: give the one that holds the data")


def image_source(config: dict[str, Any], dataset: str) -> tuple[str, str] | None:
    """(label for a file name, source for scripts/fetch_data.py) of a data set; None if this run leaves it out.

    A folder given by --config goes before what the tier file says.
    """
    root = config.get(f"{dataset}_root")
    if root is not None:
        folder = str(Path(root).expanduser().resolve())
        return f"folder-{hashlib.sha256(folder.encode()).hexdigest()[:8]}", folder
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
    tool = shutil.which("nvidia-smi")
    found = tool is not None and subprocess.run([tool, "--list-gpus"], capture_output=True, check=False).stdout.strip()
    return "cuda" if found else "cpu"


def read_yaml(path: Path) -> Any:
    """The contents of a YAML file."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist: write it, config/README.md says how") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML: {error}") from None


def check(content: Any, schema: Path, where: str) -> None:
    """Raise SettingsError, with one line for each fault, unless `content` obeys the schema file.

    A schema may refer to one beside it by its file name.
    """
    beside: referencing.Registry[Any] = referencing.Registry(
        retrieve=lambda name: referencing.Resource.from_contents(read_yaml(schema.parent / name))  # type: ignore[call-arg]
    )
    validator = jsonschema.Draft202012Validator(read_yaml(schema), registry=beside)
    faults = sorted(validator.iter_errors(content), key=lambda error: [str(step) for step in error.absolute_path])
    if faults:
        raise SettingsError("\n".join(f"{where}: {_explain(fault)}" for fault in faults))


def _explain(fault: jsonschema.ValidationError) -> str:
    """One fault as a sentence: place, value, mend."""
    place = ".".join(str(step) for step in fault.absolute_path) or "top level"
    value: Any = fault.instance
    schema, rule = cast(dict[str, Any], fault.schema), cast(Any, fault.validator_value)
    if fault.validator == "additionalProperties":
        known = sorted(schema.get("properties", {}))
        return "; ".join(
            f"{place}: unknown key {key!r}{_nearest(key, known)} (known: {', '.join(known)})"
            for key in value
            if key not in known
        )
    if fault.validator == "required":
        return f"{place}: {fault.message}: add it"
    if fault.validator == "not":
        return f"{place}: {' and '.join(rule['required'])} exclude each other: give one of them"
    if fault.validator == "type" and isinstance(value, str) and _number(value) is not None:
        return f"{place}: {value!r} is text, not a number: YAML reads 1e-3 as text, so write {_number(value)}"
    if fault.validator == "enum":
        return f"{place}: {value!r} is not one of {', '.join(map(str, rule))}{_nearest(value, rule)}"
    return f"{place}: {fault.message}"


def _number(text: str) -> str | None:
    """How to write a number so that YAML reads it as one; None if the text is no number."""
    try:
        number = float(text)
    except ValueError:
        return None
    written = repr(int(number) if number.is_integer() else number)
    return written if isinstance(yaml.safe_load(written), int | float) else written.replace("e", ".0e")


def _nearest(name: Any, known: list[Any]) -> str:
    near = difflib.get_close_matches(str(name), [str(other) for other in known], n=1)
    return f", did you mean {near[0]!r}?" if near else ""
