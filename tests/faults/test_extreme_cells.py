"""Cells at the ends of what their fields allow: a row that says how it ended, or an error that says what to change."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pytest

from benign import studies
from benign.data.images.record import DIGITS, DataError, ImageSet
from benign.declared import kind_of
from benign.pipeline import settings
from benign.study import LARGEST, SMALLEST, Cell, CellError, Context

pytestmark = pytest.mark.fault("divergence, and numbers at the ends")

COURSES = {"steps": 3, "max_steps": 50, "most_steps": 3, "epochs": 1, "total_epochs": 1, "trials": 2, "path_steps": 2}
SIZES = {"test_points": 20, "validation": 10}


@functools.cache
def digits(name: str) -> ImageSet:
    """Images of noise, brighter from class to class."""
    rng = np.random.default_rng(0)
    labels = np.arange(2000) % 10
    images = (rng.integers(0, 100, (2000, 28, 28)) + 15 * labels[:, None, None]).astype(np.uint8)
    return ImageSet(name, images, labels, images[:500], labels[:500], DIGITS, "made for a test")


def short(cell: Cell) -> Cell:
    """The same cell, but for a short course and few points."""
    wanted = {name: least for name, least in (COURSES | SIZES).items() if getattr(cell, name, 0) > least}
    return cell.replace(**wanted)


def one_of_each_experiment(study: str) -> list[Cell]:
    declared = studies.find(study)
    found: dict[Any, Cell] = {}
    for cell in declared.each(settings.section(settings.grid_file(study), study, "smoke")["grid"]):
        fields = cell.fields()
        if fields.get("data") != "cifar10":
            found.setdefault((fields["experiment"], fields.get("data"), fields.get("sampling")), cell)
    return [short(cell) for cell in found.values()]


def row_of(study: str, cell: Cell) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an overflow that ends in a status is not lost
        (row,) = studies.find(study).part("experiment", "run")([cell], Context(study=study, images=digits))
    return row


@pytest.mark.slow
@pytest.mark.parametrize("study", studies.NAMES)
def test_every_number_may_be_as_small_or_as_large_as_it_is_allowed_to_be(study: str) -> None:
    kinds = {name: kind_of(info.annotation) for name, info in studies.find(study).cell.model_fields.items()}
    for cell in one_of_each_experiment(study):
        for name, kind in kinds.items():
            if kind in (int, float) and name not in COURSES:
                for value in (0, 1, 2, SMALLEST, LARGEST) if kind is float else (0, 1, 2):
                    try:
                        changed = cell.replace(**{name: value})
                        row = row_of(study, changed)
                    except (CellError, DataError):
                        continue
                    assert row["status"] in ("ok", "diverged", "outvoted", "singular", "no direction"), (name, value)
                    assert set(row) <= {"key", *kinds, *studies.find(study).row.model_fields}


def cell_of(study: str, experiment: str, **values: Any) -> Cell:
    return next(cell for cell in one_of_each_experiment(study) if cell.fields()["experiment"] == experiment).replace(
        **values
    )


def test_a_linear_classifier_that_descent_leaves_at_0_has_no_direction() -> None:
    cell = cell_of("linear_classifier", "margin", budget=LARGEST, norm="linf")
    assert row_of("linear_classifier", cell)["status"] == "no direction"
    assert row_of("linear_classifier", cell.replace(budget=0.1))["status"] == "ok"


def test_a_random_feature_that_is_0_on_all_points_is_singular_without_a_ridge() -> None:
    cell = cell_of("statistical_viewpoint", "random_features", n=2, features=1, d=2, ridge=0.0)
    statuses = {row_of("statistical_viewpoint", cell.replace(seed=seed))["status"] for seed in range(10)}
    assert "singular" in statuses
    assert row_of("statistical_viewpoint", cell.replace(ridge=0.1))["status"] == "ok"


@pytest.mark.fault("impossible values")
@pytest.mark.parametrize(
    ("study", "experiment", "values", "complaint"),
    [
        ("statistical_viewpoint", "random_features", {"d": 1}, "d=1 is impossible: give a value that is at least 2"),
        ("statistical_viewpoint", "random_features", {"ridge": 1e-20}, "ridge=1e-20 is impossible"),
        ("statistical_viewpoint", "dimension", {"spectrum": "spiked", "decay": 3, "tail": 1e9}, "tail=1000000000.0 is"),
        ("moderate_dimension", "heatmap", {"n": 20, "d": 20, "gamma": 0.0}, "d=20 is impossible: give a value that is"),
    ],
)
def test_what_has_no_answer_is_refused(study: str, experiment: str, values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CellError) as error:
        cell_of(study, experiment, **values)
    assert complaint in str(error.value)
