"""`make gpu-check` on the CPU, at toy sizes: every part measures what it says, and nothing measured is lost."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gpu_agreement
import gpu_check
import gpu_deep
import gpu_networks
import gpu_scale
import gpu_speed
from benign.data.images.record import CIFAR10_CLASSES, DIGITS, DataError, ImageSet
from benign.data.images.storage import save
from benign.pipeline import tables
from gpu_agreement import ACTIVATIONS
from gpu_sizes import FULL, TINY
from gpu_table import rows
from support import ROOT
from timing import Deadline

SCRIPT = ROOT / "benchmarks" / "gpu_check.py"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
HAS = {"torch", "numpy", "scipy", "pandas", "safetensors"}  # what a plain GPU machine has
# Refuses what the project installs and a plain GPU machine has not; then runs the script as a person would.
BLOCKED = """
import runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ImportError(f"{{name}} is not on a plain GPU machine")
sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
sys.path[0] = {folder!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def modules_of(distributions: set[str]) -> set[str]:
    """The modules that distributions of these names bring."""
    provided = importlib.metadata.packages_distributions()
    return {module for module, found in provided.items() if distributions & {name.lower() for name in found}}


def refused_modules() -> set[str]:
    """All that the project declares but does not find on a plain GPU machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=!~ ;]", each)[0].lower() for each in project["dependencies"]}
    return modules_of(declared - HAS) | {"pydantic", "jinja2", "yaml", "PIL"}


@pytest.fixture(scope="module")
def cifar10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty training and forty test images of noise, in the project's own format."""
    rng, labels = np.random.default_rng(0), np.arange(40, dtype=np.int64) % 10
    train, test = (rng.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8) for _ in range(2))
    file = tmp_path_factory.mktemp("images") / "cifar10.safetensors"
    save(ImageSet("cifar10", train, labels, test, labels, CIFAR10_CLASSES, "noise"), file)
    return file


@pytest.fixture(scope="module")
def record(cifar10: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a whole tiny run writes, on a machine with torch, numpy, scipy, pandas and safetensors alone."""
    out = tmp_path_factory.mktemp("gpu") / "check.json"
    code = BLOCKED.format(names=refused_modules(), folder=str(SCRIPT.parent))
    options = ["--device", "cpu", "--minutes", "30", "--tiny", "--out", str(out), "--images", str(cifar10)]
    command = [sys.executable, "-c", code, str(SCRIPT), *options]
    run = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, cwd=out.parent)
    assert run.returncode == 0, run.stdout + run.stderr
    written = tables.read_json(out)
    assert [line.split()[0] for line in run.stdout.splitlines()] == [row[0] for row in written["table"]]
    return written


def test_the_block_refuses_what_the_project_needs_elsewhere(tmp_path: Path) -> None:
    named = {"snakemake", "mlxtend", "matplotlib", "pydantic", "PIL", "torchvision", "rich", "yaml", "seaborn"}
    assert named <= refused_modules()
    assert not refused_modules() & HAS
    script = tmp_path / "script.py"
    script.write_text("import rich")
    code = BLOCKED.format(names=refused_modules(), folder=str(tmp_path))
    run = subprocess.run([sys.executable, "-c", code, str(script)], capture_output=True, check=False)
    assert b"rich is not on a plain GPU machine" in run.stderr


def test_the_file_says_what_it_belongs_to(record: dict[str, Any]) -> None:
    assert record["tiny"] is True
    machine = record["machine"]
    assert machine["torch"] == torch.__version__
    assert {"device", "card", "cpu", "date", "engine"} <= set(machine)
    assert {name: part["status"] for name, part in record["parts"].items()} == dict.fromkeys(gpu_check.SHARES, "done")
    assert {row[0] for row in record["table"]} == set(gpu_check.SHARES)
    assert not [row for row in record["table"] if row[1] in ("status", "cannot be shown")]


def test_agreement_compares_twenty_networks_over_all_activations_budgets_and_dimensions(record: dict[str, Any]) -> None:
    part = record["parts"]["agreement"]
    networks = part["networks"]
    assert len(networks) == 20
    assert {each["activation"] for each in networks} == set(ACTIVATIONS)
    assert {each["d"] for each in networks} == {10**exponent for exponent in range(2, 10)}
    assert {round(each["budget"] / each["signal"], 6) for each in networks} == set(gpu_agreement.RATIOS)
    assert "not applicable" in part["tf32"]
    assert "not applicable" in part["asks"]["status"]
    for name in ("weights", "rho", "robust_test_error", "clean_test_error", "inner_gap"):
        assert part["float32"][name]["float32"]["largest"] == 0, "the device is the CPU itself"
        assert part["float32"][name]["roundings"] is True
    assert 0 < part["float32"]["weights"]["yardstick"]["median"] < 1e-3


def test_speed_measures_growing_batches_in_three_ways_that_train_the_same(record: dict[str, Any]) -> None:
    part = record["parts"]["speed"]
    assert [row["networks"] for row in part["batches"]] == [1, 4, 16]
    for row in part["batches"]:
        for way in ("engine", "graph", "unasked"):
            assert row[way]["networks_per_second"] == pytest.approx(
                row["networks"] * row[way]["steps"] / TINY.speed["steps"] / row[way]["seconds"]
            )
        assert row["graph"].get("same_weights") is not False
        assert row["unasked"].get("same_weights") is not False
    assert part["best"]["engine"]["networks_per_second"] == max(
        row["engine"]["networks_per_second"] for row in part["batches"]
    )
    products = part["products"]
    assert products["share_of_device"] == pytest.approx(products["flops_per_second"] / part["flops_per_second"])
    assert min(products["share_of_device"], products["share_of_time"], part["times_one_core"]) > 0
    assert part["evaluation"]["test_points"] == TINY.speed["test_points"]
    assert 0 <= part["evaluation"]["error"] <= 1


def test_scale_finds_the_kept_rows_again(record: dict[str, Any]) -> None:
    part = record["parts"]["scale"]
    assert part["trainings"] == TINY.most_trainings
    assert part["differences"] == []
    assert part["rows"] == part["rows_within"] == 4 * TINY.most_trainings, "measured after 1, 10, 100 and 1,000 steps"
    assert set(part["spent"]) == {"drawing", "training", "measuring"}
    assert part["whole_grid_minutes"] > 0
    assert part["million_networks_hours"] > part["million_networks_training_hours"] > 0


def test_deep_lays_the_decay_out_on_the_epochs_that_fit(record: dict[str, Any]) -> None:
    part = record["parts"]["deep"]
    assert part["images"] == {"train": TINY.images, "validation": TINY.validation, "test": TINY.test_images}
    course = part["course"]
    assert [each["epoch"] for each in course] == [gpu_deep.EVERY * (i + 1) for i in range(len(course))]
    assert part["order"] == max(part["epochs_per_minute"], key=part["epochs_per_minute"].get), "the faster order"
    for each in course:
        passed = sum(each["epoch"] > share * part["epochs"] for share in (0.5, 0.75))
        assert each["learning_rate"] == pytest.approx(0.1**passed * 0.1)
        assert each["robust_test_error"] >= each["clean_test_error"]
    low, high = part["rise_interval"]
    assert low <= part["rise"] <= high
    assert part["robust_overfitting"] in ("yes", "no", "undecided")


# ---------------------------------------------------------------- agreement can fail


def wrong_by(monkeypatch: pytest.MonkeyPatch, noise: float, kinds: tuple[str, ...]) -> None:
    """Have the device, which is the CPU, train these activations on points that are a little off."""
    exact = gpu_agreement.moved

    def moved(points: Any, device: str, dtype: torch.dtype) -> Any:
        there = exact(points, device, dtype)
        if dtype == torch.float64 or there.problem.activation.kind not in kinds:
            return there
        random = torch.Generator().manual_seed(0)
        x = there.problem.x * (1 + noise * torch.randn(there.problem.x.shape, generator=random))
        return dataclasses.replace(there, problem=dataclasses.replace(there.problem, x=x))

    monkeypatch.setattr(gpu_agreement, "moved", moved)


def weights_judged() -> dict[str, Any]:
    *_, found = gpu_agreement.agreement("cpu", TINY, Deadline(600))
    return found["float32"]["weights"]


@pytest.mark.parametrize("kinds", [ACTIVATIONS, ("relu",)], ids=["all", "one activation"])
def test_a_device_that_rounds_to_ten_bits_is_found(kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_by(monkeypatch, 2.0**-11, kinds)
    assert weights_judged()["roundings"] is False


def test_a_device_that_sums_in_another_order_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = gpu_agreement.moved
    monkeypatch.setattr(gpu_agreement, "moved", lambda *to: gpu_agreement.reordered(exact(*to), order=3))
    judged = weights_judged()
    assert judged["float32"]["largest"] > 0
    assert judged["roundings"] is True


def test_a_device_on_which_a_network_diverges_everywhere_is_found() -> None:
    networks = [
        {"activation": "relu", "yardstick": {"weights": 1e-6}, "float32": {"weights": float("nan")}} for _ in range(20)
    ]
    assert gpu_agreement.judged(networks, "float32", TINY)["weights"]["roundings"] is False


# ---------------------------------------------------------------- what a part builds on


def test_a_step_over_static_tensors_leaves_the_whole_state_where_it_was() -> None:
    """A recorded graph sees only the tensors that it was recorded with."""
    problem = gpu_networks.drawn({**gpu_networks.COMMON, **TINY.speed}).problem
    batch = gpu_networks._Batch([problem], gpu_networks.InnerMaximisation())
    step = gpu_networks.static_step(batch)
    before = places(batch)
    for _ in range(5):
        step()
    assert places(batch) == before
    batch.step()
    assert places(batch) != before, "or the engine needs no copies"
    assert torch.equal(batch.snapshot().weights[0], gpu_networks.trained([problem], 6).weights[0])


def places(batch: Any) -> dict[str, int]:
    """Where the tensors of a batch lie."""
    return {name: value.data_ptr() for name, value in vars(batch).items() if isinstance(value, torch.Tensor)}


def test_a_batch_beyond_the_memory_ends_the_growth_and_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    train = gpu_speed.trained

    def short_of_memory(problems: Any, *arguments: Any, **options: Any) -> Any:
        if len(problems) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return train(problems, *arguments, **options)

    monkeypatch.setattr(gpu_speed, "trained", short_of_memory)
    *_, found = gpu_speed.speed("cpu", TINY, Deadline(600))
    assert [row["networks"] for row in found["batches"]] == [1, 4, 16]
    assert found["batches"][-1]["engine"] == {"error": "out of memory: CUDA out of memory"}
    assert found["best"]["engine"]["networks"] in (1, 4)
    assert found["products"]["networks"] in (1, 4)


def test_a_row_beyond_a_tolerance_is_found() -> None:
    row = {"key": "0", "clean_test_error": 0.1, "robust_train_loss": 0.01, "rho": 3.0}
    assert gpu_scale.compared([row], {"0": row})["differences"] == []
    found = gpu_scale.compared([row | {"rho": 4.0}, row | {"key": "1"}], {"0": row, "1": row | {"key": "1"}})
    assert (found["rows"], found["rows_within"]) == (2, 1)
    assert found["strays"] == {"clean_test_error": 0, "rho": 0.5, "robust_train_loss": 0}
    assert "rho was 3.0 and is 4.0" in found["differences"][0]
    assert gpu_scale.compared([row | {"rho": float("nan")}], {"0": row})["rows_within"] == 0


def test_batches_of_the_grid_hold_one_shape_each_and_every_training_once() -> None:
    every = gpu_scale.trainings(tables.read_rows(gpu_scale.TABLE))
    shapes = gpu_scale.by_shape(every)
    batches = list(gpu_scale.in_turns(shapes, FULL.scale_batch, "cuda"))
    assert all(len({each.shape for each in batch}) == 1 for batch in batches)
    assert sorted(id(each) for batch in batches for each in batch) == sorted(map(id, every))
    assert [batch[0].shape for batch in batches[: len(shapes)]] == [group[0].shape for group in shapes]


@pytest.mark.parametrize(
    ("fooled", "shows"),
    [
        ([0.9, 0.2, 0.6], "yes"),
        ([0.9, 0.5, 0.2], "no"),
        ([0.9, 0.2, 0.201], "undecided"),
    ],
)
def test_robust_overfitting_shows_where_the_error_rises_beyond_its_interval(fooled: list[float], shows: str) -> None:
    course = [{name: torch.arange(1000) < 1000 * share for name in ("validation", "test")} for share in fooled]
    found = gpu_deep.overfitting(course)
    assert found["robust_overfitting"] == shows
    assert found["rise"] == pytest.approx(fooled[-1] - min(fooled))


# ---------------------------------------------------------------- nothing is lost


def test_a_part_that_fails_is_recorded_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(device: str, sizes: Any, deadline: Deadline) -> Iterator[dict[str, Any]]:
        yield {"flops_per_second": 1e12}
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setitem(gpu_check.PARTS, "speed", broken)
    out = tmp_path / "check.json"
    assert gpu_check.main(["--device", "cpu", "--minutes", "10", "--tiny", "--out", str(out)]) == 1
    parts = tables.read_json(out)["parts"]
    assert parts["speed"]["status"] == "failed"
    assert parts["speed"]["error"] == "OutOfMemoryError: CUDA out of memory"
    assert parts["speed"]["flops_per_second"] == 1e12
    assert parts["agreement"]["status"] == parts["scale"]["status"] == "done"
    assert parts["deep"] == {"status": "skipped", "reason": "no images: give --images FILE.safetensors"}
    assert "failed: OutOfMemoryError" in capsys.readouterr().out


def test_a_killed_run_keeps_what_it_had(tmp_path: Path) -> None:
    out = tmp_path / "check.json"
    command = [sys.executable, str(SCRIPT), "--device", "cpu", "--minutes", "30", "--out", str(out)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None and not known(out):
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    parts = tables.read_json(out)["parts"]
    assert parts["agreement"]["status"] == "unfinished"
    assert 1 <= len(parts["agreement"]["networks"]) < 20
    assert parts["speed"] == parts["scale"] == {"status": "not begun"}
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".tmp")] == [out.name]


def known(out: Path) -> list[Any]:
    """The networks that a run has compared so far; every state of the file is whole."""
    return json.loads(out.read_text())["parts"]["agreement"].get("networks", []) if out.exists() else []


def test_a_run_of_a_fifth_of_a_minute_has_something_of_every_part(cifar10: Path, tmp_path: Path) -> None:
    out = tmp_path / "check.json"
    options = ["--device", "cpu", "--minutes", "0.2", "--tiny", "--out", str(out), "--images", str(cifar10)]
    assert gpu_check.main(options) == 0
    parts = tables.read_json(out)["parts"]
    assert {part["status"] for part in parts.values()} == {"done"}
    pieces = [
        parts["agreement"]["networks"],
        parts["speed"]["batches"],
        parts["scale"]["spent"],
        parts["deep"]["course"],
    ]
    assert all(pieces)


def test_a_part_without_time_does_its_first_piece_and_no_more() -> None:
    late = Deadline(-1)
    assert len(list(gpu_agreement.agreement("cpu", TINY, late))) == 1
    *_, speed = gpu_speed.speed("cpu", TINY, late)
    assert [row["networks"] for row in speed["batches"]] == [1]
    assert len(list(gpu_scale.scale("cpu", dataclasses.replace(TINY, most_trainings=100), late))) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--minutes", "0"], "--minutes 0.0: give a finite number above 0"),
        (["--images", "nowhere"], "nowhere: there is no such file: make it with scripts/fetch_data.py"),
        (["--out", "/dev/null/check.json"], "cannot be written"),
    ],
)
def test_what_a_person_can_mend_is_said_before_anything_is_measured(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu_check.main(["--device", "cpu", "--tiny", *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_an_error_and_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_check.main(["--out", str(tmp_path / "check.json")]) == 2
    assert "Torch finds no usable GPU" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_images_of_another_kind_fail_that_part_alone(tmp_path: Path) -> None:
    labels = np.arange(10, dtype=np.int64)
    pixels = np.zeros((10, 28, 28), dtype=np.uint8)
    mnist = tmp_path / "mnist.safetensors"
    save(ImageSet("mnist", pixels, labels, pixels, labels, DIGITS, "zeros"), mnist)
    with pytest.raises(DataError, match="holds mnist: give CIFAR-10"):
        next(gpu_deep.deep("cpu", TINY, Deadline(600), mnist))


def test_the_table_says_what_is_not_as_it_should_be() -> None:
    judged = {"float32": {"median": 1.0, "largest": 1.0}, "yardstick": {"median": 1e-6, "largest": 1e-6}}
    part = {"status": "done", "networks": [{}], "wanted": 20, "asks": {"status": "asks"}, "tf32": "not applicable"}
    part["float32"] = {"weights": {**judged, "beyond": 20, "roundings": False}}
    said = "\n".join(row[2] for row in rows({"parts": {"agreement": part}}))
    assert "MORE than roundings" in said
    assert "asks" in said


def test_a_part_that_cannot_be_shown_costs_nothing_but_its_line() -> None:
    shown = rows({"parts": {"agreement": {"status": "done", "networks": [{}]}, "deep": {"status": "done"}}})
    assert shown == [["agreement", "cannot be shown", "KeyError: 'wanted'"]]
