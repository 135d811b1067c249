"""Cell keys and slices: stable, safe in a path, and untouched by a growing grid."""

from __future__ import annotations

import copy
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from benign import studies
from benign.pipeline import settings, tables
from benign.studies.adversarial_training.grid import STUDY as FLAGSHIP
from benign.studies.adversarial_training.grid import Cell as Flagship
from benign.study import Cell, CellError, slice_of

STUDY = "adversarial_training"
GRID = settings.section(settings.grid_file(STUDY), STUDY, "smoke")["grid"]
PAPERS: dict[str, Any] = {
    "d": 10000, "signal": 8.0, "n": 100, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.1, "curvature": 1.0,
    "width": 1000, "init_scale": 0.001, "step_scale": 2.0, "steps": 1000, "budget": 2.0, "test_points": 2000,
}  # fmt: skip

# Every kept tier's cells, as they were before a study was declared once: number, groups, SHA-256 of the sorted keys.
# A study whose grid is meant to change has its entry renewed in the same commit, which says what changed.
PINNED: dict[str, dict[str, Any]] = tables.read_json(Path(__file__).with_name("pinned_keys.json"))


def grown(field: str, value: Any) -> list[Flagship]:
    """The smoke grid's cells with one more block, which goes through one more value, where that has a meaning."""
    grid = copy.deepcopy(GRID)
    for blocks in grid["experiments"].values():
        if "random" not in blocks[0] and not (field == "budget_ratio" and "budget" in blocks[0]):
            blocks.append({**blocks[0], field: value})
    return FLAGSHIP.cells(grid)


# Renaming a cell throws away its rows: a change here has to be meant.
@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "590a93938ab4c871"),
        ({"seed": 1}, "866c63fa5a16b447"),
        ({"training": "ordinary", "experiment": "budget"}, "736c4d292027d40a"),
        ({"data": "mnist", "side": 7, "test_points": 0}, "4b8b05bd06ace306"),
    ],
)
def test_keys_are_what_they_have_always_been(changes: dict[str, Any], key: str) -> None:
    assert Flagship(**{"seed": 0, **PAPERS, **changes}).key == key


@pytest.mark.parametrize(("study", "tier"), [(study, tier) for study, tiers in PINNED.items() for tier in tiers])
def test_a_study_s_cells_keep_their_keys(study: str, tier: str) -> None:
    found = studies.find(study).cells(settings.section(settings.grid_file(study), study, tier)["grid"])
    keys = sorted(cell.key for cell in found)
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
    assert {"cells": len(keys), "groups": len({cell.group for cell in found}), "keys": digest} == PINNED[study][tier]


def test_keys_are_safe_in_a_path_and_no_two_cells_share_one() -> None:
    keys = [cell.key for cell in FLAGSHIP.cells(GRID)]
    assert all(re.fullmatch("[0-9a-f]{16}", key) for key in keys)
    assert len(set(keys)) == len(keys) > 100


def test_a_number_s_spelling_does_not_change_the_key() -> None:
    spellings: list[dict[str, Any]] = [
        {"d": 10000, "signal": 8},
        {"d": 10000.0, "signal": 8.0},
        {"d": "1e4", "signal": "8.00"},
    ]
    assert len({Flagship(**{"seed": 0, **PAPERS, **spelling}).key for spelling in spellings}) == 1


@pytest.mark.parametrize(("field", "value"), [("d", 777), ("budget_ratio", 0.123), ("n", 50)])
def test_growing_a_grid_moves_and_renames_nothing(field: str, value: Any) -> None:
    before, after = FLAGSHIP.cells(GRID), grown(field, value)
    assert len(after) > len(before)
    assert {cell.key for cell in before} <= {cell.key for cell in after}
    places = {cell.key: slice_of(cell, 8) for cell in after}
    assert all(places[cell.key] == slice_of(cell, 8) for cell in before)


def test_cells_that_are_trained_together_share_a_slice() -> None:
    groups: dict[str, set[int]] = {}
    for cell in FLAGSHIP.cells(GRID):
        groups.setdefault(cell.group, set()).add(slice_of(cell, 8))
    assert len(groups) < len(FLAGSHIP.cells(GRID))
    assert all(len(slices) == 1 for slices in groups.values())


def test_slices_share_the_work() -> None:
    counts = [0] * 4
    for cell in FLAGSHIP.cells(GRID):
        counts[slice_of(cell, 4)] += 1
    assert min(counts) > 0


def test_a_left_out_name_takes_the_default_tier_s_value() -> None:
    common = settings.section(settings.grid_file(STUDY), STUDY, "default")["grid"]
    cell = FLAGSHIP.single({"budget": "1.5"}, common)
    assert cell.budget == 1.5
    assert (cell.n, cell.width, cell.seed) == (common["common"]["n"], common["common"]["width"], 0)


def test_an_unknown_name_and_an_impossible_value_are_errors_that_name_them() -> None:
    with pytest.raises(CellError, match=r"unknown name 'bugdet', did you mean 'budget'"):
        FLAGSHIP.single({"bugdet": "1"}, {"common": PAPERS})
    with pytest.raises(CellError, match="n='many' is not of type int"):
        FLAGSHIP.single({"n": "many"}, {"common": PAPERS})
    assert issubclass(Flagship, Cell)
