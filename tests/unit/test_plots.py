"""Intervals stay in [0, 1], figures that did not run say so, and the same numbers give the same bytes."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import reference
from benign import plots, studies
from benign.claims import estimate
from benign.pipeline import tables
from benign.plots import COLUMNS, Figure
from benign.stats import clopper_pearson
from benign.studies.adversarial_training.grid import STUDY
from support import figures_of

PLACE = ("panel", "robust test error", "series")


def rows(errors: list[float], tested: int = 100, status: str = "ok") -> pd.DataFrame:
    return pd.DataFrame({"error": errors, "tested": tested, "status": status})


# ---------------------------------------------------------------- over seeds


@given(st.lists(st.integers(0, 20), min_size=1, max_size=5))
def test_bars_hold_the_mean_and_stay_in_the_unit_interval(hits: list[int]) -> None:
    point = plots.over_seeds(rows([h / 20 for h in hits], 20), np.zeros(len(hits)), "error", PLACE, "tested").iloc[0]
    assert 0 <= point["low"] <= point["mean"] + 1e-12
    assert point["mean"] - 1e-12 <= point["high"] <= 1


def test_the_interval_is_the_one_that_claims_have_over_the_seeds() -> None:
    table = rows([0.1, 0.3, 0.2]).assign(seed=[0, 1, 2])
    point = plots.over_seeds(table, [0, 0, 0], "error", PLACE, "tested").iloc[0]
    found = estimate(table, lambda part: part["error"].mean())
    assert [point["mean"], point["low"], point["high"]] == pytest.approx([found.value, max(found.low, 0), found.high])


def test_one_seed_has_the_interval_of_its_own_test_points() -> None:
    point = plots.over_seeds(rows([0.1], 200), [0], "error", PLACE, "tested").iloc[0]
    assert [point["low"], point["high"]] == pytest.approx([float(bound) for bound in clopper_pearson(20, 200)])


def test_diverged_runs_are_counted_and_left_out() -> None:
    mixed = pd.concat([rows([0.1, 0.3]), rows([np.nan], status="diverged")], ignore_index=True)
    point = plots.over_seeds(mixed, [1, 1, 1], "error", PLACE, "tested").iloc[0]
    assert (point["mean"], point["seeds"], point["diverged"]) == (pytest.approx(0.2), 2, 1)


def test_a_point_whose_runs_all_diverged_has_no_mean() -> None:
    point = plots.over_seeds(rows([np.nan] * 2, status="diverged"), [1, 1], "error", PLACE, "tested").iloc[0]
    assert np.isnan(point["mean"])
    assert (point["seeds"], point["trials"], point["diverged"]) == (0, 0, 2)


def test_one_seed_of_what_is_no_proportion_has_no_interval() -> None:
    point = plots.over_seeds(rows([3.0]), [1], "error", ("panel", "ρ", "series")).iloc[0]
    assert point["mean"] == 3
    assert np.isnan([point["low"], point["high"]]).all()


# ---------------------------------------------------------------- other numbers and labels


def test_spans_are_the_runs_of_consecutive_points() -> None:
    x = np.arange(7.0)
    spans = plots.spans(x, np.array([True, False, False, True, True, True, False]), PLACE)
    assert spans[["low", "high"]].to_numpy().tolist() == [[0, 0], [3, 5]]
    assert len(plots.spans(x, np.zeros(7, bool), PLACE)) == 0


def test_all_kinds_of_numbers_have_the_same_columns() -> None:
    x = np.array([1.0, 2.0])
    parts = [
        plots.theory(x, x, PLACE),
        plots.band(x, x, x, PLACE),
        plots.mark(1.0, PLACE),
        plots.spans(x, x > 1, PLACE),
        plots.single_runs(x / 2, x, PLACE),
        plots.over_seeds(rows([0.1]), [1], "error", PLACE, "tested"),
    ]
    assert all(list(part.columns) == COLUMNS for part in parts)
    assert list(plots.gather(parts).columns) == list(plots.gather([]).columns) == COLUMNS


@pytest.mark.parametrize(
    ("plain", "typeset"),
    [
        ("‖μ‖ = d^0.3, α = 0.1 ‖μ‖", r"$\|\mu\|$ = $d^{0.3}$, $\alpha$ = 0.1 $\|\mu\|$"),
        ("d = n²", "$d$ = $n^2$"),
        ("d = 3·10⁵", "$d$ = 3·$10^{5}$"),
        ("ordinary training and more", "ordinary training and more"),
        ("$k^*/n$ of n points", "$k^*/n$ of $n$ points"),
    ],
)
def test_letters_are_set_as_mathematics_and_words_are_not(plain: str, typeset: str) -> None:
    assert plots.typeset(plain) == typeset


def test_the_legend_calls_points_and_runs_by_the_names_that_a_figure_gives_them() -> None:
    own = {"run": plots.look("ℓ2")}
    numbers = plots.single_runs([1.0, 2.0], [0.1, 0.2], ("panel", "error", "run"))
    facets = plots.Facets(numbers, 2.0)
    facets.draw(own, {"run": "one run"})
    legend = facets.finish(columns=1).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["one run"]


def test_an_axis_without_positive_numbers_is_not_made_logarithmic() -> None:
    """Every run of a figure may have diverged."""
    axes = plots.canvas(3, 2).subplots()
    axes.plot([1.0, 10.0], [0.0, np.nan])
    for name in ("x", "y"):
        plots.log_axis(axes, name)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")


@pytest.mark.parametrize("ends", [(2, 60), (3, 300), (0.5, 45), (15, 900), (1, 1e6)])
def test_a_logarithmic_axis_has_two_labels_or_more(ends: tuple[float, float]) -> None:
    axes = plots.canvas(3, 2).subplots()
    axes.plot(ends, [0.0, 1.0])
    plots.log_axis(axes, "x")
    low, high = axes.get_xlim()
    assert sum(low <= tick <= high for tick in axes.get_xticks()) >= 2


@pytest.mark.parametrize(("value", "text"), [(20, "20"), (1e4, "10⁴"), (3e5, "3·10⁵"), (1000, "1000"), (0.3, "0.3")])
def test_large_numbers_are_powers_of_ten(value: float, text: str) -> None:
    assert plots.scientific(value) == text


def test_predicted_numbers_are_means_over_the_runs_that_ended_well() -> None:
    table = pd.DataFrame({"status": ["ok", "ok", "diverged", "ok"], "form": [0.1, 0.3, np.nan, np.nan]})
    line = plots.predicted(table, [1, 1, 1, 2], "form", PLACE)
    assert line[["x", "mean"]].to_numpy().tolist() == [[1.0, pytest.approx(0.2)]]


def test_a_level_goes_through_the_range_of_x_and_is_no_line_without_x() -> None:
    assert plots.level(pd.Series([3, 1, 2]), 0.1, PLACE)["x"].tolist() == [1, 3]
    assert plots.level(pd.Series([], dtype=float), 0.1, PLACE).empty


def test_captions_say_settings_cells_seeds_and_what_diverged() -> None:
    table = pd.DataFrame({"experiment": "a", "n": [50, 50, 100], "seed": [0, 1, 0], "slope": np.nan, "status": "ok"})
    assert plots.runs(table, "n", "slope") == "n = 50 to 100; 3 cells; seeds: 2; none diverged."
    table.loc[0, "status"] = "diverged"
    assert plots.runs(table, n="points") == "points = 50 to 100; 3 cells; seeds: 2; 1 diverged and are left out."
    assert plots.runs(table.iloc[:0], "n") == "Not run in this tier."


# ---------------------------------------------------------------- looks and facets


def test_a_series_looks_as_the_words_of_its_name_do() -> None:
    filled, hollow = plots.look("ReLU, adversarial training"), plots.look("ReLU, ordinary training")
    assert filled == plots.look("ReLU")
    assert (hollow["color"], hollow["marker"]) == (filled["color"], filled["marker"])
    assert hollow["markerfacecolor"] == "none"


def test_a_figures_own_look_goes_before_the_tables_and_an_unknown_name_is_an_error() -> None:
    assert plots.look("ReLU", own={"ReLU": {"color": "red"}}) == {"color": "red"}
    with pytest.raises(KeyError, match="nothing says how 'tanh' looks"):
        plots.look("tanh")


def test_no_two_names_of_one_order_look_the_same() -> None:
    looks = plots.in_order(["n = 1", "n = 2", "n = 1", "n = 3"])
    assert list(looks) == ["n = 1", "n = 2", "n = 3"]
    assert len({(look["color"], look["marker"]) for look in looks.values()}) == 3


def two_panels() -> pd.DataFrame:
    measured = [
        plots.over_seeds(rows([0.1, 0.2, 0.3]), [1, 2, 3], "error", (panel, quantity, "ReLU"), "tested")
        for panel in ("left", "right")
        for quantity in ("clean test error", "robust test error")
    ]
    return plots.gather([*measured, plots.mark(2.0, ("right", "robust test error", "d = n"))])


def test_facets_have_a_row_for_each_quantity_and_a_column_for_each_panel_with_its_numbers() -> None:
    facets = plots.Facets(two_panels(), 3.0, quantities=["robust test error", "clean test error"], sharex=True)
    assert facets.grid.shape == (2, 2)
    assert [(panel.name, panel.quantity) for panel in facets] == [
        (panel, quantity) for quantity in ("robust test error", "clean test error") for panel in ("left", "right")
    ]
    for panel in facets:
        assert set(panel.numbers["panel"]) == {panel.name}
        assert set(panel.numbers["quantity"]) == {panel.quantity}


def test_facets_side_by_side_leave_no_empty_axes_and_keep_the_order_that_is_asked_for() -> None:
    facets = plots.Facets(two_panels(), 3.0, panels=["right", "none", "left"], wrap=3)
    assert [panel.name for panel in facets] == ["right", "left"]
    assert len(facets.figure.axes) == 2


def test_a_place_without_numbers_is_no_panel_and_what_is_lowest_of_its_column_has_the_axis_named() -> None:
    numbers = two_panels()
    kept = numbers[(numbers["panel"] == "left") | (numbers["quantity"] == "robust test error")]
    facets = plots.Facets(kept, 3.0, quantities=["robust test error", "clean test error"], sharex=True)
    facets.draw()
    facets.label("dimension d")
    assert [(panel.name, panel.quantity, panel.axes.get_xlabel()) for panel in facets] == [
        ("left", "robust test error", ""),
        ("right", "robust test error", "dimension $d$"),
        ("left", "clean test error", "dimension $d$"),
    ]


def test_the_legend_stands_where_the_last_row_leaves_a_place_free() -> None:
    numbers = plots.gather(
        plots.over_seeds(rows([0.1, 0.2]), [1, 2], "error", (panel, "error", "ReLU"), "tested") for panel in "abc"
    )
    facets = plots.Facets(numbers, 3.0, wrap=2)
    facets.draw()
    figure = facets.finish(columns=2)
    assert figure.legends == []
    assert [axes.get_legend() is not None for axes in facets.grid.flat] == [False] * 3 + [True]
    assert not facets.grid[1, 1].axison


def test_a_finished_figure_names_axes_panels_and_marks_and_each_series_once() -> None:
    facets = plots.Facets(two_panels(), 3.0, quantities=["robust test error", "clean test error"], sharex=True)
    facets.draw(names={"ReLU": "networks"})
    facets.label("dimension d")
    figure = facets.finish(columns=1)
    assert [axes.get_title(loc="left") for axes in facets.grid.flat] == ["(a) left", "(b) right", "(c)", "(d)"]
    assert [axes.get_xlabel() for axes in facets.grid.flat] == ["", "", "dimension $d$", "dimension $d$"]
    assert [axes.get_ylabel() for axes in facets.grid[:, 0]] == ["robust test error", "clean test error"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["networks"]
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["$d$ = $n$"]


def test_an_error_axis_ends_with_the_errors_whatever_part_of_the_x_axis_is_marked() -> None:
    place = ("", "error", "ReLU")
    inside = plots.spans(np.array([16.0, 24.0]), np.array([True, True]), ("", "error", "assumptions hold"))
    facets = plots.Facets(plots.gather([plots.over_seeds(rows([0.1, 0.1]), [16, 16], "error", place), inside]), 2.0)
    assert facets.highest("error") == pytest.approx(0.1)


def test_every_number_is_drawn_where_it_stands() -> None:
    numbers = plots.gather(
        [
            plots.over_seeds(rows([0.1, 0.2]), [1, 2], "error", ("", "error", "ReLU"), "tested"),
            plots.single_runs([3.0, 1.0], [0.5, 0.6], ("", "error", "ℓ2")),
            plots.theory([1, 4], [0.3, 0.4], ("", "error", "label noise β")),
        ]
    )
    facets = plots.Facets(numbers, 2.0)
    facets.draw()
    axes = facets.grid[0, 0]
    measured, bars = numbers[numbers["kind"] == "measured"], axes.containers[0]
    assert bars[0].get_xydata().tolist() == measured[["x", "mean"]].to_numpy().tolist()
    ends = [segment[:, 1].tolist() for segment in bars[2][0].get_segments()]
    assert np.array(ends) == pytest.approx(measured[["low", "high"]].to_numpy())
    assert [[3.0, 0.5], [1.0, 0.6]] in [collection.get_offsets().tolist() for collection in axes.collections]
    assert [[1, 0.3], [4, 0.4]] in [line.get_xydata().tolist() for line in axes.lines]


def test_a_heat_map_shows_each_value_as_colour_and_as_text() -> None:
    image = pd.DataFrame({1.0: [0.0, 0.5], 2.0: [0.25, 1.0]}, index=[10, 20])
    axes = plots.canvas(2, 2).subplots()
    plots.draw_heatmap(axes, image, top=1.0)
    assert np.ravel(np.asarray(axes.collections[0].get_array())).tolist() == image.to_numpy().ravel().tolist()
    assert [text.get_text() for text in axes.texts] == [".000", ".250", ".500", "1.000"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2"]


# ---------------------------------------------------------------- rendering


def line(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    figure = plots.canvas(plots.COLUMN_WIDTH, 2)
    axes = figure.subplots()
    plots.draw_points(axes, numbers, "α")
    plots.draw_mark(axes, numbers, "d = n²")
    plots.legend(figure, 1)
    return figure


def test_the_same_numbers_give_the_same_bytes_whatever_the_users_style() -> None:
    numbers = plots.over_seeds(rows([0.1, 0.2, 0.4]), [1, 2, 3], "error", PLACE, "tested")
    first = plots.render(Figure("line", "", numbers, line))
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red"}):
        second = plots.render(Figure("line", "", numbers, line))
    assert first == second
    assert first["png"].startswith(b"\x89PNG")
    assert first["pdf"].startswith(b"%PDF")
    assert b"CreationDate" not in first["pdf"]


def test_a_film_shows_each_frame_s_numbers_and_its_last_stands_in_the_other_files() -> None:
    numbers = plots.over_seeds(rows([0.1, 0.2, 0.4]), [1, 2, 3], "error", PLACE, "tested")
    still = plots.render(Figure("line", "", numbers, line))
    film = plots.render(Figure("line", "", numbers, line, frames=lambda all_of: [all_of[all_of["x"] == 1], all_of]))
    assert {kind: film[kind] for kind in still} == still
    picture = Image.open(io.BytesIO(film["gif"]))
    seen = []
    for place in range(picture.n_frames):  # type: ignore[attr-defined]
        picture.seek(place)
        seen.append((picture.info["duration"], np.asarray(picture.convert("L")).copy()))
    assert [lasts for lasts, _ in seen] == [800, 4000]
    assert picture.info["loop"] == 0
    assert (seen[0][1] < 128).sum() < (seen[1][1] < 128).sum(), "the second picture has more points"
    nothing = Figure("line", "", numbers[:0], line, frames=lambda all_of: [])
    assert Image.open(io.BytesIO(plots.render(nothing)["gif"])).n_frames == 1  # type: ignore[attr-defined]


def test_the_users_style_is_back_after_rendering() -> None:
    with matplotlib.rc_context({"font.size": 20}):
        with plots.style():
            assert matplotlib.rcParams["font.size"] == plots.STYLE["font.size"]
        assert matplotlib.rcParams["font.size"] == 20


def test_no_text_is_smaller_than_seven_points() -> None:
    sizes = [
        value for name, value in plots.STYLE.items() if name.endswith(("size", "labelsize")) and "marker" not in name
    ]
    assert min(sizes) >= 7


# ---------------------------------------------------------------- the flagship's figures


def test_figures_of_experiments_that_did_not_run_say_so() -> None:
    drawn = figures_of("adversarial_training", pd.DataFrame())
    assert tuple(figure.name for figure in drawn) == STUDY.figures
    for figure in drawn:
        assert len(figure.numbers) == 0
        assert "Not run in this tier" in figure.caption
        texts = [text.get_text() for text in plots.draw(figure).axes[0].texts]
        assert texts == ["not run in this tier"]


def test_empty_numbers_survive_their_file(tmp_path: Path) -> None:
    tables.write_frame(tmp_path / "numbers.csv", plots.gather([]))
    assert list(tables.read_frame(tmp_path / "numbers.csv").columns) == COLUMNS


def table_of_runs(status: str) -> pd.DataFrame:
    """Two seeds of learning curves and of image budgets, measured as `status` says."""
    settings = {"n": 20, "flip_rate": 0.1, "activation": "leaky_relu", "slope": 0.5, "curvature": 1.0, "width": 10}
    settings |= {"init_scale": 0.001, "step_scale": 2.0, "training": "adversarial", "tested": 50, "status": status}
    clusters = {"experiment": "curves", "data": "clusters", "d": 1000, "signal": 5.0, "budget": 1.0, "side": 28}
    images = {"experiment": "mnist_budget", "data": "mnist", "d": 49, "signal": 0.0, "side": 7, "steps": 10}
    cells = [clusters | {"steps": steps} for steps in (1, 10)] + [images | {"budget": budget} for budget in (0.0, 2.0)]
    table = pd.DataFrame([settings | cell | {"seed": seed} for cell in cells for seed in (0, 1)])
    results = {"robust_test_error": 0.2, "robust_train_error": 0.05, "robust_train_loss": 0.3, "rho": 3.0}
    results |= {"clean_test_error": 0.1, "flipped": 0.1, "mean_norm": 6.0}
    return table.assign(**(results if status == "ok" else dict.fromkeys(results, np.nan)))


def test_a_table_of_diverged_runs_is_drawn_and_says_so() -> None:
    drawn = {figure.name: figure for figure in figures_of("adversarial_training", table_of_runs("diverged"))}
    assert drawn["learning_curves"].numbers["diverged"].sum() == 2 * 2 * 4  # steps, seeds, quantities
    assert "4 diverged and are left out" in drawn["learning_curves"].caption
    for name in ("learning_curves", "mnist"):
        assert plots.render(drawn[name])["png"]


@pytest.mark.parametrize("study", ["assumption_ledger", "certified_brackets", "real_data"])
@pytest.mark.parametrize("every", [1, 5])
def test_figures_are_drawn_where_runs_have_diverged(study: str, every: int) -> None:
    table = reference.table(study)
    lost = np.arange(len(table)) % every == 0
    measured = [name for name in studies.find(study).row.model_fields if table[name].dtype.kind == "f"]
    table.loc[lost, "status"], table.loc[lost, measured] = "diverged", np.nan
    for figure in figures_of(study, table):
        assert "diverged and are left out" in figure.caption
        assert plots.render(figure)["png"]


def test_learning_curves_are_drawn_through_the_recursion_of_the_samples_own_flips() -> None:
    table = table_of_runs("ok")
    own, other = (
        next(
            figure
            for figure in figures_of("adversarial_training", table.assign(flipped=share))
            if figure.name == "learning_curves"
        )
        for share in (0.1, 0.2)
    )
    theory = own.numbers["kind"] == "theory"
    assert not own.numbers.loc[theory, "mean"].equals(other.numbers.loc[theory, "mean"])
    assert own.numbers[~theory].equals(other.numbers[~theory])


def test_theory_lines_refuse_a_panel_that_mixes_settings() -> None:
    table = table_of_runs("ok")
    table.loc[table["steps"] == 1, "step_scale"] = 3.0
    with pytest.raises(ValueError, match="step_scale takes 2 values"):
        figures_of("adversarial_training", table)
