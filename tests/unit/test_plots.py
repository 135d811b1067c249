"""Intervals stay in [0, 1], figures that did not run say so, and the same numbers give the same bytes."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benign import plots
from benign.pipeline import tables
from benign.plots import COLUMNS, Figure
from benign.stats import clopper_pearson
from benign.studies.adversarial_training.figures import FIGURES, figures

PLACE = ("panel", "robust test error", "series")
COLUMNS_OF_A_TABLE = ["experiment", "status", "data", "d", "signal", "budget", "side", "seed", "steps", "training"]


def rows(errors: list[float], tested: int = 100, status: str = "ok") -> pd.DataFrame:
    return pd.DataFrame({"error": errors, "tested": tested, "status": status})


# ---------------------------------------------------------------- over seeds


@given(st.lists(st.integers(0, 20), min_size=1, max_size=5))
def test_bars_hold_the_mean_and_stay_in_the_unit_interval(hits: list[int]) -> None:
    point = plots.over_seeds(rows([h / 20 for h in hits], 20), np.zeros(len(hits)), "error", PLACE, "tested").iloc[0]
    assert 0 <= point["low"] <= point["mean"] + 1e-12
    assert point["mean"] - 1e-12 <= point["high"] <= 1


def test_the_interval_is_the_hull_of_pooled_counts_and_seeds() -> None:
    agreeing = plots.over_seeds(rows([0.1, 0.1]), [0, 0], "error", PLACE, "tested").iloc[0]
    assert [agreeing["low"], agreeing["high"]] == pytest.approx([float(bound) for bound in clopper_pearson(20, 200)])
    disagreeing = plots.over_seeds(rows([0.0, 1.0]), [0, 0], "error", PLACE, "tested").iloc[0]
    assert [disagreeing["low"], disagreeing["high"]] == [0, 1]


def test_one_test_set_for_all_seeds_is_not_counted_twice() -> None:
    own = plots.over_seeds(rows([0.1, 0.1]), [0, 0], "error", PLACE, "tested").iloc[0]
    shared = plots.over_seeds(rows([0.1, 0.1]), [0, 0], "error", PLACE, "tested", independent=False).iloc[0]
    assert (own["trials"], shared["trials"]) == (200, 100)
    assert shared["high"] - shared["low"] > own["high"] - own["low"]


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
    ],
)
def test_letters_are_set_as_mathematics_and_words_are_not(plain: str, typeset: str) -> None:
    assert plots.typeset(plain) == typeset


@pytest.mark.parametrize(("value", "text"), [(20, "20"), (1e4, "10⁴"), (3e5, "3·10⁵"), (1000, "1000"), (0.3, "0.3")])
def test_large_numbers_are_powers_of_ten(value: float, text: str) -> None:
    assert plots.scientific(value) == text


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
    drawn = figures(pd.DataFrame(columns=[*COLUMNS_OF_A_TABLE, "flip_rate", "slope", "mean_norm"]))
    assert [figure.name for figure in drawn] == list(FIGURES)
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
    drawn = {figure.name: figure for figure in figures(table_of_runs("diverged"))}
    assert drawn["learning_curves"].numbers["diverged"].sum() == 2 * 2 * 4  # steps, seeds, quantities
    assert "4 cells diverged" in drawn["learning_curves"].caption
    for name in ("learning_curves", "mnist"):
        assert plots.render(drawn[name])["png"]


def test_learning_curves_are_drawn_through_the_recursion_of_the_samples_own_flips() -> None:
    table = table_of_runs("ok")
    own, other = (
        next(f for f in figures(table.assign(flipped=share)) if f.name == "learning_curves") for share in (0.1, 0.2)
    )
    theory = own.numbers["kind"] == "theory"
    assert not own.numbers.loc[theory, "mean"].equals(other.numbers.loc[theory, "mean"])
    assert own.numbers[~theory].equals(other.numbers[~theory])


def test_theory_lines_refuse_a_panel_that_mixes_settings() -> None:
    table = table_of_runs("ok")
    table.loc[table["steps"] == 1, "step_scale"] = 3.0
    with pytest.raises(ValueError, match="step_scale takes 2 values"):
        figures(table)
