"""The decision boundary in the plane of μ and of one wrongly labelled training point's noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import reference
from benign import studies
from benign.experiments.noisy_clusters.fit import Network, networks
from benign.experiments.noisy_clusters.measure import measured
from benign.nets.two_layer import outer_weights, output
from benign.studies.adversarial_training import experiment
from benign.studies.adversarial_training.boundary import boundary
from benign.studies.adversarial_training.grid import Cell
from benign.study import Context
from support import figures_of

STUDY = "adversarial_training"
SETTING: dict[str, Any] = {
    "experiment": "boundary", "d": 300, "signal": 5.0, "n": 30, "flip_rate": 0.1, "flips": "exact",
    "activation": "leaky_relu", "slope": 0.1, "curvature": 1.0, "width": 20, "init_scale": 0.001, "step_scale": 2.0,
    "steps": 100, "budget": 1.0, "test_points": 10, "seed": 0,
}  # fmt: skip


def trained(**changes: Any) -> Network:
    with torch.inference_mode():
        return next(networks([Cell(**{**SETTING, **changes})], Context(study=STUDY)))


def plane(network: Network, point: int = 0) -> tuple[torch.Tensor, torch.Tensor, float]:
    """(μ/‖μ‖ towards the point's own cluster, the point's noise, +1 or -1 for that cluster)."""
    problem, clean = network.drawn.problem, network.drawn.train_clean
    which = int((problem.y != clean).nonzero()[point])
    axis = clean[which].double() * network.drawn.mean.double() / network.drawn.mean.double().norm()
    x = problem.x[which].double()
    return axis, x - (x @ axis) * axis, float(clean[which])


@pytest.mark.parametrize("point", [0, 2])
@pytest.mark.parametrize("height", [-0.2, 0.3, 1.0])
def test_the_output_turns_from_the_wrong_label_s_sign_to_the_true_one_where_the_boundary_is_said_to_be(
    height: float, point: int
) -> None:
    network = trained()
    axis, noise, side = plane(network, point)
    found = boundary(network, height, point)
    near = torch.stack([(found["boundary"] + step) * axis + height * noise for step in (-0.02, 0.02)])
    left, right = side * output(near, network.weights.double(), network.drawn.problem.activation)
    assert left < 0 < right
    assert found["across"] == pytest.approx(float(noise.norm()))


def test_a_linear_network_s_boundary_is_its_straight_line() -> None:
    network = trained(slope=1.0)
    axis, noise, _ = plane(network)
    w = network.weights.double()
    v = outer_weights(len(w)) @ w
    for height in (-0.2, 0.5, 1.0):
        assert boundary(network, height)["boundary"] == pytest.approx(float(-height * (v @ noise) / (v @ axis)))


def test_where_no_label_is_wrong_there_is_no_point_to_look_at() -> None:
    assert boundary(trained(flip_rate=0.0), 1.0) == {}
    assert boundary(trained(), 1.0, point=3) == {}, "3 of 30 labels are wrong"


@pytest.mark.parametrize("place", [{"height": 1.0}, {"mislabelled": 1}])
def test_where_the_boundary_is_looked_for_matters_in_its_experiment_and_nowhere_else(place: dict[str, Any]) -> None:
    cell = Cell(**SETTING)
    assert cell.replace(**place).key != cell.key
    assert cell.replace(**place).group == cell.group
    assert cell.replace(experiment="single", **place).key == cell.replace(experiment="single").key


def test_cells_of_one_network_are_measured_once_and_say_the_same_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*given: Any) -> dict[str, Any]:
        calls.append(given)
        return measured(*given)

    monkeypatch.setattr(experiment, "measured", counted)
    cells = [Cell(**{**SETTING, "steps": steps, "height": height}) for height in (0.0, 1.0) for steps in (1, 100)]
    rows = {row["key"]: row for row in experiment.run(cells, Context(study=STUDY))}
    assert len(calls) == 2
    for cell in cells:
        (alone,) = experiment.run([cell], Context(study=STUDY))
        assert rows[cell.key] == alone


def test_once_every_label_is_robustly_fitted_the_point_s_ball_is_on_its_wrong_label_s_side() -> None:
    rows = reference.table(STUDY).query("experiment == 'boundary' and height == 1")
    for _, part in rows.groupby("mislabelled"):
        first, *_, last = part.sort_values("steps").to_dict("records")
        assert first["boundary"] < first["along"], "after one step the point is on its own cluster's side"
        assert last["robust_train_error"] == 0
        assert last["boundary"] - last["along"] >= last["budget"]


def test_the_figure_draws_the_measured_places_the_point_and_its_ball() -> None:
    table = reference.table(STUDY)
    rows = table.query("experiment == 'boundary'")
    numbers = next(figure.numbers for figure in figures_of(STUDY, rows) if figure.name == "boundary")
    assert numbers["panel"].unique().tolist() == ["t = 1", "t = 200"]
    for steps, part in rows[(rows["mislabelled"] == 0) & (rows["steps"] != 20)].groupby("steps"):
        drawn = numbers[numbers["panel"] == f"t = {steps}"]
        line = drawn[drawn["kind"] == "measured"].sort_values("mean")
        ordered = part.sort_values("height")
        assert line["x"].tolist() == ordered["boundary"].tolist()
        assert line["mean"].tolist() == (ordered["height"] * ordered["across"]).tolist()
        ball = drawn[drawn["series"] == "ball of radius α"]
        away = np.hypot(ball["x"] - ordered["along"].iloc[0], ball["mean"] - ordered["across"].iloc[0])
        assert away.to_numpy() == pytest.approx(ordered["budget"].iloc[0])
    lost = rows.assign(status="diverged", **dict.fromkeys(("along", "across", "boundary"), np.nan))
    assert isinstance(studies.find(STUDY).table(lost), pd.DataFrame)
    assert all(len(figure.numbers) == 0 for figure in figures_of(STUDY, lost) if figure.name == "boundary")
