"""The film of training shows what the rows say, step after step."""

from __future__ import annotations

import pandas as pd
import pytest

import reference
from benign import plots
from benign.plots import Figure
from benign.studies.adversarial_training.figures.film import BOUNDARY, ERRORS, FITTED, POINT, frames
from support import ROOT, figures_of

STUDY = "adversarial_training"
LARGEST = 600_000  # bytes: of what a page and the README load


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return reference.table(STUDY).query("experiment == 'boundary'")


@pytest.fixture(scope="module")
def film(rows: pd.DataFrame) -> Figure:
    return next(figure for figure in figures_of(STUDY, rows) if figure.name == "film")


def test_each_picture_has_its_step_s_points_in_one_order_and_errors_up_to_then(
    film: Figure, rows: pd.DataFrame
) -> None:
    at_points = rows[rows["height"] == 1]
    first = at_points[at_points["steps"] == 1].assign(short=lambda at: at["along"] - at["boundary"])
    order = first.sort_values("short")["mislabelled"].tolist()
    pictures = frames(film.numbers)
    for (steps, part), picture in zip(at_points.groupby("steps"), pictures, strict=True):
        own = part.set_index("mislabelled").loc[order]
        drawn = picture[(picture["series"] == POINT) & picture["panel"].str.startswith("wrong")].sort_values("mean")
        assert drawn["x"].tolist() == (own["boundary"] - own["along"]).tolist()
        errors = picture[(picture["panel"] == ERRORS) & (picture["kind"] == "measured")]
        assert errors["x"].max() == steps
        last = errors[(errors["x"] == steps) & (errors["series"] == "robust training error")]
        assert last["mean"].item() == part["robust_train_error"].iloc[0]
    assert pd.concat(pictures).drop_duplicates().shape == film.numbers.drop_duplicates().shape


def test_wrongly_labelled_points_begin_on_their_true_label_s_side_and_all_end_beyond_alpha(film: Figure) -> None:
    first, *_, last = frames(film.numbers)
    for picture, is_fitted in ((first, False), (last, True)):
        shown = picture[picture["panel"].str.startswith("wrong")]
        points = shown.loc[shown["series"] == POINT, "x"]
        zone = shown.loc[shown["series"] == FITTED, "x"]
        assert points.between(zone.min(), zone.max()).all() == is_fitted
        assert (points < shown.loc[(shown["series"] == BOUNDARY), "x"].min()).all() != is_fitted


def test_axes_stand_still(film: Figure) -> None:
    with plots.style():
        drawn = [film.draw(picture) for picture in frames(film.numbers)]
    limits = {tuple((axes.get_xlim(), axes.get_ylim()) for axes in figure.axes) for figure in drawn}
    assert len(limits) == 1


def test_films_that_are_kept_are_small_enough_for_a_page() -> None:
    for file in ROOT.glob("figures/*/*/*.gif"):
        assert file.stat().st_size < LARGEST, file
