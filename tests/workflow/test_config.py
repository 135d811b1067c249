"""Configuration: whole tiers, and errors that name file, key, value and mend at every level."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from benign import studies
from benign.pipeline import settings
from support import ROOT, snakemake

TIER_FILES = {"default": "config.yaml", "smoke": "smoke.yaml", "paper": "paper.yaml", "gpu": "gpu.yaml"}
STUDY = "adversarial_training"


def tier_file(tier: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config" / TIER_FILES[tier]).read_text())


def grid() -> dict[str, Any]:
    """The flagship's grid without YAML's shared parts, so that one place can be changed alone."""
    return json.loads(json.dumps(yaml.safe_load(settings.grid_file(STUDY).read_text())))


def mappings(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every mapping in nested content is."""
    if isinstance(content, dict):
        yield path
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries:
        yield from mappings(value, (*path, key))


def changed(content: dict[str, Any], path: tuple[Any, ...], key: Any, value: Any) -> dict[str, Any]:
    """A copy with one more, or another, entry in the mapping at `path`."""
    result = copy.deepcopy(content)
    place: Any = result
    for step in path:
        place = place[step]
    place[key] = value
    return result


def write_grid(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / f"{STUDY}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("tier", TIER_FILES)
def test_each_tier_file_is_complete_by_itself_and_names_its_own_tier(tier: str) -> None:
    config = tier_file(tier)
    settings.check_config(config)
    assert config["tier"] == tier
    assert set(config["studies"]) <= set(studies.NAMES)


@pytest.mark.parametrize("tier", TIER_FILES)
def test_every_study_of_a_tier_has_a_section_for_it(tier: str) -> None:
    for study in tier_file(tier)["studies"]:
        settings.section(settings.grid_file(study), study, tier)


@pytest.mark.parametrize("study", studies.NAMES)
def test_every_study_is_run_by_smoke_default_and_paper(study: str) -> None:
    for tier in ("smoke", "default", "paper"):
        assert study in tier_file(tier)["studies"]


def test_the_readme_explains_every_key_of_a_tier_file_and_of_a_section() -> None:
    declared = {*settings.TierFile.model_fields, *settings.Section.model_fields}
    page = (ROOT / "config" / "README.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert documented == declared, (
        f"to add: {sorted(declared - documented)}; to remove: {sorted(documented - declared)}"
    )


@pytest.mark.parametrize("path", list(mappings(tier_file("default"))), ids=str)
def test_an_unknown_key_in_a_tier_file_is_an_error_at_every_level(path: tuple[Any, ...]) -> None:
    with pytest.raises(settings.SettingsError, match="unknown key 'colour'"):
        settings.check_config(changed(tier_file("default"), path, "colour", 1))


@pytest.mark.parametrize(
    "path",
    [path for path in mappings(grid()) if path[-1:] not in [("experiments",)]],
    ids=lambda path: ".".join(map(str, path)),
)
def test_an_unknown_key_in_a_grid_is_an_error_at_every_level(path: tuple[Any, ...], tmp_path: Path) -> None:
    file = write_grid(tmp_path, changed(grid(), path, "colour", 1))
    with pytest.raises(settings.SettingsError, match="unknown key 'colour'") as error:
        settings.section(file, STUDY, "default")
    assert str(file) in str(error.value)


def test_an_experiment_is_a_list_of_blocks(tmp_path: Path) -> None:
    file = write_grid(tmp_path, changed(grid(), ("smoke", "grid", "experiments"), "colour", 1))
    with pytest.raises(settings.SettingsError, match=r"experiments\.colour: 1 is not of type list"):
        settings.section(file, STUDY, "smoke")


def test_a_near_miss_is_named() -> None:
    with pytest.raises(settings.SettingsError, match="unknown key 'devise', did you mean 'device'"):
        settings.check_config({**tier_file("default"), "devise": "cpu"})
    with pytest.raises(settings.SettingsError, match="'cdua' is not one of cpu, cuda, auto, did you mean 'cuda'"):
        settings.check_config({**tier_file("default"), "device": "cdua"})


@pytest.mark.parametrize(
    ("text", "mend"), [("1e-3", "0.001"), ("1e-7", "1.0e-07"), ("1e4", "10000"), ("3e-9", "3.0e-09")]
)
def test_a_number_that_yaml_reads_as_text_is_an_error_that_says_how_to_write_it(
    text: str, mend: str, tmp_path: Path
) -> None:
    assert yaml.safe_load(mend) == float(text)
    file = tmp_path / f"{STUDY}.yaml"
    for name in ("init_scale", "steps"):
        content = changed(grid(), ("paper", "grid", "common"), name, "NUMBER")
        file.write_text(yaml.safe_dump(content).replace("NUMBER", text))
        with pytest.raises(settings.SettingsError) as error:
            settings.section(file, STUDY, "default")
        assert f"{file}: paper.grid: common.{name}: '{text}' is text, not a number" in str(error.value)
        assert f"write {mend}" in str(error.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    content = changed(grid(), ("smoke", "grid", "common"), "flip_rate", 0.7)
    file = write_grid(tmp_path, changed(content, ("smoke", "grid", "common"), "width", -2))
    with pytest.raises(settings.SettingsError) as error:
        settings.section(file, STUDY, "smoke")
    assert "flip_rate" in str(error.value)
    assert "width" in str(error.value)


def test_signal_and_budget_are_each_given_in_one_way(tmp_path: Path) -> None:
    random = {"count": 2, "steps": [10]}
    for both in (
        {"signal": 1, "signal_exponent": 0.3},
        {"budget": 1, "budget_ratio": 0.3},
        {"random": random, "budget_ratio": 0.3},
    ):
        file = write_grid(tmp_path, changed(grid(), ("smoke", "grid", "experiments"), "curves", [both]))
        with pytest.raises(
            settings.SettingsError, match=r"curves\.0: \w+ and \w+ exclude each other: give one of them"
        ):
            settings.section(file, STUDY, "smoke")


@pytest.mark.parametrize("study", studies.NAMES)
def test_the_json_schema_of_a_grid_accepts_the_grid_and_knows_every_field(study: str) -> None:
    """For editors that complete and check YAML: `python tools/schema.py STUDY` prints it."""
    schema = studies.find(study).grid.model_json_schema()
    for part in settings.read_yaml(settings.grid_file(study)).values():
        jsonschema.validate(part["grid"], schema)
    fields = set(studies.find(study).cell.model_fields) - {"experiment", "seed"}
    assert set(schema["$defs"]["Common"]["properties"]) == fields
    shorthands = set(studies.find(study).shorthand.model_fields)
    assert set(schema["$defs"]["Block"]["properties"]) == fields | shorthands | {"seeds"}


def test_a_folder_of_images_goes_before_the_tier_s_source(tmp_path: Path) -> None:
    config = tier_file("default")
    assert settings.image_source(config, "mnist") == ("sample", "sample")
    assert settings.image_source(config, "cifar10") is None
    label, source = settings.image_source({**config, "mnist_root": str(tmp_path)}, "mnist") or ("", "")
    assert source == str(tmp_path)
    assert re.fullmatch("folder-[0-9a-f]{8}", label)
    with pytest.raises(settings.SettingsError, match="mnist_root='/no/such' is not a folder"):
        settings.check_config({**config, "mnist_root": "/no/such"})
    with pytest.raises(settings.SettingsError, match=r"mnist_root: \{'/a': 'b'\} is not a folder's name .*tier file"):
        settings.check_config({**config, "mnist_root": {"/a": "b"}})
    with pytest.raises(settings.SettingsError, match="Give --config cifar10_root=FOLDER"):
        settings.check_config({**config, "data": {"mnist": "none", "cifar10": "folder"}})


def test_the_label_of_a_folder_tells_whether_what_is_read_of_it_has_changed(tmp_path: Path) -> None:
    """Names, sizes and times, so that replaced images are read again."""
    config = {**tier_file("default"), "cifar10_root": str(tmp_path), "mnist_root": str(tmp_path)}
    images = [tmp_path / part / name / "0.png" for part in ("train", "test") for name in ("cat", "dog")]
    for image in (*images, tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"):
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(b"first")

    def labels() -> tuple[str | None, str | None]:
        return settings.image_file(config, "cifar10"), settings.image_file(config, "mnist")

    seen = [labels()]
    (tmp_path / "train" / ".DS_Store").touch()
    (tmp_path / "train" / "cat" / "._0.png").touch()
    (tmp_path / "elsewhere").touch()
    assert labels() == seen[0], "what is not read changes nothing"
    changes: list[Callable[[], object]] = [
        lambda: (tmp_path / "train" / "cat" / "1.png").write_bytes(b"first"),
        lambda: images[0].write_bytes(b"a longer one"),
        lambda: os.utime(images[1], (1, 1)),
        lambda: images[2].unlink(),
        lambda: images[2].parent.rmdir(),
        lambda: (tmp_path / "train" / "wolf").mkdir(),
    ]
    for change in changes:
        change()
        seen.append(labels())
    assert len({cifar10 for cifar10, _ in seen}) == len(seen)
    assert {mnist for _, mnist in seen} == {seen[0][1]}, "the other data set has not changed"
    os.utime(tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte", (1, 1))
    assert labels()[1] != seen[0][1]


CARD = "echo 'GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-0)'"
COMPLAINT = "echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'"


@pytest.mark.parametrize(
    ("driver", "visible", "device"),
    [
        (CARD, None, "cuda"),
        (f"echo 'a warning'; {CARD}", "0", "cuda"),
        (f"{COMPLAINT}; exit 9", None, "cpu"),
        (f"{CARD}; exit 15", None, "cpu"),
        ("echo 'No devices were found'", None, "cpu"),
        ("exit 0", None, "cpu"),
        ("exec sleep 60", None, "cpu"),
        (CARD, "", "cpu"),
        (CARD, "-1", "cpu"),
        (None, None, "cpu"),
    ],
)
def test_auto_is_cuda_where_the_driver_lists_a_card_that_may_be_used_and_ends_well(
    driver: str | None, visible: str | None, device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if driver is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{driver}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if driver else str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(settings, "GPU_SECONDS", 0.5 if driver == "exec sleep 60" else settings.GPU_SECONDS)
    assert settings.resolve_device("auto") == device
    assert settings.resolve_device("cuda") == "cuda"


def test_the_workflow_refuses_what_the_schemas_refuse(pristine: Path, run_project: Callable[..., str]) -> None:
    assert "unknown key 'devise'" in run_project(pristine, "--dry-run", "--config", "devise=cpu", succeeds=False)
    said = run_project(pristine, "--dry-run", "--config", "studies=[james_stien]", succeeds=False)
    assert "james_stien: the studies are" in said


def test_a_file_of_another_tier_is_refused_with_what_to_add(pristine: Path, tmp_path: Path) -> None:
    """Else Snakemake would know no rule for it, or have nothing to do where it is there."""
    project = shutil.copytree(pristine, tmp_path / "project")
    (project / "results" / "paper").mkdir(parents=True)
    (project / "results" / "paper" / "claims.json").touch()
    for target in ("results/smoke/claims.json", "results/paper/claims.json", "figures/smoke/james_stein/risk.png"):
        tier = target.split("/")[1]
        run = snakemake("--dry-run", target, directory=project, root=project)
        mend = f"this run is of tier default, not {tier}: add --configfile config/{tier}.yaml after all targets"
        assert run.returncode == 1
        assert mend in run.stdout + run.stderr
    run = snakemake("--dry-run", target, "--configfile", "config/smoke.yaml", directory=project, root=project)
    assert run.returncode == 0


def test_an_override_is_laid_over_the_tier_that_was_chosen(pristine: Path, run_project: Callable[..., str]) -> None:
    said = run_project(pristine, "--dry-run", "--config", "device=cuda")
    assert "results/smoke" in said
    assert "results/default" not in said
    assert "gpu=1" in said
