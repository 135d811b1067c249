"""`make bench` writes all that it promises; at toy sizes, where its numbers mean nothing."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.peers, pytest.mark.slow]
WHY = "the peers are not installed: `make test` does it, as does pip install --no-deps -r requirements-peers.lock"
for module in ("art", "foolbox", "torchattacks"):
    pytest.importorskip(module, reason=WHY)

import bench  # noqa: E402
from benign.pipeline import tables  # noqa: E402
from benign.pipeline.pages import marked, performance  # noqa: E402
from support import ROOT  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `bench.py --quick` leaves behind."""
    result = tmp_path_factory.mktemp("bench")
    assert bench.main(["--quick", "--output", str(result / "bench.json"), "--figures", str(result)]) == 0
    return result


def numbers(content: Any) -> Iterator[float]:
    """All numbers, at any depth."""
    if isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


def test_the_file_has_every_number_that_it_promises_and_all_are_finite(folder: Path) -> None:
    result = tables.read_json(folder / "bench.json")
    for name in ("paper_run_seconds", "flatness", "flatness_equal_work", "gemm_bound_ratio", "memory_mb"):
        assert result[name] > 0, name
    assert all(math.isfinite(number) for number in numbers(result))
    for name in ("paper_run_seconds", "flatness", "flatness_equal_work", "gemm_bound_ratio", *result["peers"]):
        values = result["spread"][name]
        assert values["min"] <= values["median"] <= values["max"], name
    assert sum(result["operators"].values()) == pytest.approx(1)
    assert {"cpu", "cores", "threads", "python", "torch", "date"} <= set(result["machine"])


def test_each_peer_has_its_time_its_ratios_and_its_error_beside_ours(folder: Path) -> None:
    result = tables.read_json(folder / "bench.json")
    assert list(result["peers"]) == ["torchattacks", "foolbox", "adversarial_robustness_toolbox", "dense_loop"]
    for peer in result["peers"].values():
        assert min(peer["seconds_per_1000_steps"], peer["ratio"], peer["ratio_given_data"]) > 0
    for each in [*result["peers"].values(), *result["ours"].values()]:
        low, high = each["robust_test_error_interval"]
        assert 0 <= low <= each["robust_test_error"] <= high <= 1


def test_every_target_is_held_against_what_was_measured(folder: Path) -> None:
    targets = tables.read_json(folder / "bench.json")["targets"]
    assert [target["name"] for target in targets] == [name for name, _, _ in bench.TARGETS]
    for target in targets:
        sign, limit = target["target"].split()
        above = target["measured"] >= float(limit)
        assert target["met"] == (above if sign == "≥" else target["measured"] <= float(limit))


def test_the_scaling_figure_lies_beside_its_numbers(folder: Path) -> None:
    drawn = tables.read_frame(folder / "scaling.csv")
    assert set(drawn["axis"]) == {"n", "width", "steps", "d", "cells"}
    assert (folder / "scaling.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_on_performance_shows_what_was_measured(folder: Path) -> None:
    page = ROOT / "docs" / "performance.md"
    kept = folder / "results"
    kept.mkdir(exist_ok=True)
    assert "Not measured yet" in marked.fill(page, performance.made(kept))
    shutil.copy2(folder / "bench.json", kept / "bench.json")
    filled = marked.fill(page, performance.made(kept))
    result = tables.read_json(folder / "bench.json")
    assert "Not measured yet" not in filled
    for peer in result["peers"].values():
        assert f"{peer['ratio']:.0f}" in filled
