"""The figure that tells the theorem says what the rows and the theory say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import reference
from benign import plots
from benign.studies.adversarial_training.claims.phases import USUAL, tolerances
from benign.studies.adversarial_training.figures.story import (
    BALL,
    BENIGN,
    BOUNDARY,
    BUDGETS,
    CENTRES,
    DISTANCE,
    EARLIER,
    HARMFUL,
    INSIDE,
    ORDINARY,
    STEPS,
    UNFITTED,
    story,
)
from benign.studies.adversarial_training.rows import described, limit_networks
from benign.theory.mixture import gaussian
from benign.theory.mixture.assumptions import CONSTANT
from support import figures_of

STUDY = "adversarial_training"


def drawn(table: pd.DataFrame) -> pd.DataFrame:
    """The numbers of the figure."""
    return story(described(table)).numbers


@pytest.fixture(scope="module")
def smoke() -> pd.DataFrame:
    return reference.table(STUDY)


def places(numbers: pd.DataFrame, series: str) -> np.ndarray:
    """(points, 2) where a series stands."""
    return numbers.loc[numbers["series"] == series, ["x", "mean"]].to_numpy(float)


def test_in_the_schematic_rho_is_the_way_to_the_boundary_and_one_ball_of_two_crosses_it(smoke: pd.DataFrame) -> None:
    numbers = drawn(smoke)
    ends, (centre, foot) = places(numbers, BOUNDARY), places(numbers, DISTANCE)
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    normal = np.array([along[1], -along[0]]) * np.sign(centre @ np.array([along[1], -along[0]]))
    assert foot @ normal == pytest.approx(0)
    assert (centre - foot) @ along == pytest.approx(0)
    assert centre.tolist() in places(numbers, CENTRES).tolist()
    points = places(numbers, BALL)
    balls = np.split(points, np.flatnonzero(np.isnan(points[:, 0])))[:2]
    reach = [np.nanmin(ball @ normal) for ball in balls]
    assert reach[0] < 0 < reach[1]
    right, wrong = (len(places(numbers, f"{label}{word}")) for label in ("label +1",) for word in ("", ", wrong"))
    assert wrong / (right + wrong) == 0.1


def test_the_learning_curve_is_one_problem_and_the_transition_is_the_figure_of_budgets(smoke: pd.DataFrame) -> None:
    figures = {figure.name: figure.numbers for figure in figures_of(STUDY, smoke)}
    numbers = figures["story"]
    course = numbers[numbers["panel"].str.startswith(STEPS) & (numbers["kind"] == "measured")]
    assert not course.duplicated(["series", "x"]).any()
    rows = described(smoke).query("experiment == 'curves' and slope == 0")
    assert course.loc[course["series"] == "robust training error", "mean"].tolist() == (
        rows[rows["r"] == rows["r"].max()].groupby("steps")["robust_train_error"].mean().tolist()
    )
    own = numbers[numbers["panel"].str.startswith(BUDGETS)]
    wide = figures["budget"][figures["budget"]["quantity"] == "robust test error"]
    for series, there in (
        ("robust test error", "leaky ReLU, adversarial training"),
        (ORDINARY, "leaky ReLU, ordinary training"),
        ("robust Bayes floor", "robust Bayes floor"),
    ):
        same = ["x", "mean", "low", "high"]
        expected = wide[wide["series"] == there].drop_duplicates(same)[same].to_numpy()
        assert np.array_equal(own.loc[own["series"] == series, same].to_numpy(), expected, equal_nan=True), series


def test_the_learning_curve_is_the_most_crowded_one_that_ends_with_every_point_fitted(smoke: pd.DataFrame) -> None:
    curves = smoke["experiment"] == "curves"
    few = smoke[curves & (smoke["slope"] == 0)].sort_values("steps")
    (first,) = few[["d", "signal", "budget"]].drop_duplicates().to_dict("records")
    crowded = few.assign(d=few["d"] // 4, key=few["key"] + "-crowded")

    def shown(error: list[float]) -> str:
        """The panel's name, where the crowded problem's training error goes like this."""
        at = crowded.groupby("seed").cumcount()
        table = pd.concat([smoke, crowded.assign(robust_train_error=at.map(dict(enumerate(error))))])
        names = drawn(table.reset_index(drop=True))["panel"].unique()
        return next(name for name in names if name.startswith(STEPS))

    steps = few["steps"].nunique()
    assert few.loc[few["steps"] == few["steps"].max(), "robust_train_error"].eq(0).all()
    assert f"d = {plots.scientific(first['d'] // 4)}, " in shown([0.1] * (steps - 1) + [0.0])
    assert f"d = {plots.scientific(first['d'])}, " in shown([0.1] * steps)


def test_zones_are_those_of_the_limit_networks_and_leave_no_gap(smoke: pd.DataFrame) -> None:
    numbers = drawn(smoke)
    bands = numbers[(numbers["kind"] == "band") & (numbers["series"] != INSIDE)].groupby("x")
    limits = limit_networks(described(smoke), "phases").query(USUAL)
    last, found = limits[limits["steps"] == limits["steps"].max()], tolerances(limits)
    for r, zones in bands:
        zone = zones.set_index("series")
        order = [BENIGN, EARLIER, HARMFUL, UNFITTED]
        assert zone.loc[order, "low"].tolist()[1:] == zone.loc[order, "high"].tolist()[:-1]
        assert (zone["high"] >= zone["low"]).all()
        assert zone.loc[BENIGN, "high"] <= found["end"][float(str(r))]
        fitted = last[(last["r"] == r) & (last["ratio"] < zone.loc[UNFITTED, "low"])]
        assert (fitted["robust_train_error"] == 0).all()
    assert len(bands) == limits["r"].nunique()


def test_networks_are_marked_by_what_their_rows_say(smoke: pd.DataFrame) -> None:
    def marks(table: pd.DataFrame) -> dict[str, int]:
        counts = drawn(table)["series"].value_counts()
        return {str(name): int(n) for name, n in counts.items() if str(name).startswith("network, ")}

    total = sum(marks(smoke).values())
    assert total
    fitted = smoke.assign(robust_train_error=0.0)
    assert marks(fitted.assign(robust_test_error_clean_labels=0.6)) == {"network, harmful": total}
    assert marks(fitted.assign(robust_test_error_clean_labels=0.4)) == {"network, benign": total}
    assert marks(smoke.assign(robust_train_error=0.1)) == {"network, not all fitted": total}


def test_the_assumptions_region_ends_where_the_theorem_s_conditions_do(smoke: pd.DataFrame) -> None:
    region = drawn(smoke).query("series == @INSIDE")
    assert region["x"].max() <= 1 / CONSTANT < 1.06 * region["x"].max()
    d, n = 1e8, 100  # of the limit networks
    signal = np.sqrt(region["x"] * d / n)
    most = gaussian.averaging_rho(n, d, signal, 0.1) / 2 / signal
    assert region["high"].to_numpy() == pytest.approx(most, abs=1e-3)


@pytest.mark.parametrize("missing", ["curves", "budget", "phases"])
def test_a_panel_without_rows_is_left_out(missing: str, smoke: pd.DataFrame) -> None:
    panels = drawn(smoke[smoke["experiment"] != missing])["panel"].unique()
    assert len(panels) == 3
