"""Pictures of real data: a test image and the strongest perturbations of it, in pixels."""

from __future__ import annotations

import dataclasses
import itertools
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import layout
from benign import plots
from benign.data.images.pairs import downsample, pair
from benign.data.images.record import ImageSet
from benign.pipeline import comparison, tables
from benign.plots import Figure
from benign.studies.real_data.experiment import run
from benign.studies.real_data.grid import STUDY, Cell
from benign.studies.real_data.pictures import ORIGINAL, PERTURBATION, as_image, pictures
from benign.study import Context

CELL: dict[str, Any] = {
    "experiment": "pairs", "data": "mnist", "classes": "0v1", "side": 4, "n": 12, "flip_rate": 0.1, "width": 6,
    "slope": 0.1, "init_scale": 0.001, "step_scale": 8.0, "steps": 10, "most_steps": 40, "test_points": 0, "seed": 0,
}  # fmt: skip


def made(colours: tuple[int, ...]) -> ImageSet:
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    pixels = rng.integers(0, 100, (300, 8, 8, *colours)) + 60 * y.reshape(-1, *[1] * (2 + len(colours)))
    arrays = (pixels[:200].astype(np.uint8), y[:200], pixels[200:].astype(np.uint8), y[200:])
    return ImageSet("made", *arrays, ("0", "1"), "made for a test")


CONTEXT = Context(STUDY.name, images={"mnist": made(()), "cifar10": made((3,))}.__getitem__)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    places = itertools.product(("mnist", "cifar10"), (0.1, 0.5, 1))
    cells = [Cell(**{**CELL, "data": data, "budget_ratio": ratio}) for data, ratio in places]
    return STUDY.table(pd.DataFrame(run(cells, CONTEXT)))


@pytest.fixture(scope="module")
def figure(table: pd.DataFrame) -> Figure:
    (drawn,) = pictures(table, CONTEXT)
    return drawn


@pytest.mark.parametrize(("data", "panel"), [("mnist", "MNIST 0/1"), ("cifar10", "CIFAR-10 0/1")])
def test_a_perturbation_has_the_budget_s_length_in_pixels_and_turns_towards_the_other_class(
    data: str, panel: str, table: pd.DataFrame, figure: Figure
) -> None:
    train, y, test, labels = pair(CONTEXT.images(data), "0v1")
    x = downsample(train, 4)
    means = {sign: x[y == sign].mean(0) for sign in (1, -1)}
    unit = np.sqrt(np.mean([np.mean((x[y == sign] - means[sign]) ** 2) for sign in (1, -1)]))  # of noise, in pixels
    drawn = figure.numbers[figure.numbers["panel"] == panel]
    shown = drawn.loc[drawn["quantity"] == ORIGINAL, "mean"].to_numpy()
    assert shown == pytest.approx(downsample(test, 4)[np.argmax(labels > 0)], abs=1e-4)
    moves = drawn[drawn["quantity"] == PERTURBATION].groupby("series")["mean"]
    assert list(moves.groups) == ["0.1", "1"], "every second budget"
    for ratio, move in moves:
        budget = table.loc[(table["data"] == data) & (table["budget_ratio"] == float(str(ratio))), "budget"].item()
        assert np.linalg.norm(move) == pytest.approx(budget * unit, rel=0.01)
        assert move.to_numpy() @ (means[-1] - means[1]) > 0


def test_the_networks_shown_are_those_of_the_keys(table: pd.DataFrame, figure: Figure) -> None:
    assert figure.keys == set(table.loc[table["budget_ratio"] != 0.5, "key"])


def test_nothing_is_cut_or_unnamed_with_one_data_set_or_two_or_none(table: pd.DataFrame, figure: Figure) -> None:
    (one,) = pictures(table[table["data"] == "mnist"], CONTEXT)
    (none,) = pictures(table[:0], CONTEXT)
    for drawn in (figure, one, none):
        assert layout.faults(layout.laid_out(drawn)) == []
    assert one.numbers.equals(figure.numbers[figure.numbers["panel"] == "MNIST 0/1"])
    assert none.numbers.empty


def test_the_figure_is_drawn_from_its_numbers_alone(figure: Figure) -> None:
    black = figure.numbers.assign(mean=figure.numbers["mean"].where(figure.numbers["quantity"] != ORIGINAL, 0.0))
    with_black = layout.laid_out(dataclasses.replace(figure, numbers=black))
    first = np.asarray(with_black.axes[0].images[0].get_array())
    assert (first[1:5, 1:5] == 0).all()


def test_a_run_s_numbers_are_drawn_again_without_its_images(
    table: pd.DataFrame, figure: Figure, tmp_path: Path
) -> None:
    rows: list[Any] = table.to_dict("records")
    tables.write(tmp_path / "table.csv", rows, STUDY.columns())
    tables.write_frame(tmp_path / STUDY.name / "perturbations.csv", figure.numbers)
    run: Any = types.SimpleNamespace(table=lambda study: tmp_path / "table.csv", figures=tmp_path)
    assert comparison.drawn(run, STUDY.name, "perturbations") == plots.render(figure)["png"]


@pytest.mark.parametrize("colours", [1, 3])
def test_a_flattened_image_is_put_together_again(colours: int) -> None:
    image = np.random.default_rng(0).random((5, 5, colours))
    assert np.array_equal(as_image(image.reshape(-1)), image if colours == 3 else image.repeat(3, axis=2))
