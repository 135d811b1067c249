"""The smoke tier computes the reference's tables, and its figures are drawn from them as they were.

On the machine that made the references numbers are the same to the last bit; elsewhere roundings differ, and
`benign.tolerances` says how far each column may move. What is drawn from a given table is arithmetic in float64 and is
held to that. After a change that is meant to move numbers: python tests/regression/update_references.py RUN_FOLDER
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import reference
from benign import plots, studies, tolerances
from benign.pipeline import comparison, tables
from benign.tolerances import KINKS, UNSETTLED, WORK
from support import figures_of, smoke_figures

FIGURES = smoke_figures()
FLAGSHIP = "adversarial_training"


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("study", studies.NAMES)
def test_smoke_tier_computes_the_reference_tables(study: str, smoke_run: Path) -> None:
    fresh = tables.read_rows(smoke_run / "results" / "smoke" / study / "table.csv")
    assert tolerances.differences(study, reference.rows(study), fresh) == []


@pytest.mark.parametrize("study", studies.NAMES)
def test_each_result_column_lives_on_one_declared_scale(study: str) -> None:
    declared = [name for names in tolerances.COLUMNS[study].values() for name in names.split()]
    assert sorted(declared) == sorted(studies.find(study).row.model_fields)


def test_nothing_may_move_so_far_that_its_test_cannot_fail() -> None:
    for tolerance in {tolerance for columns in tolerances.COLUMNS.values() for tolerance in columns} - {WORK, KINKS}:
        assert tolerance.usual <= 1e-4, tolerance
        assert tolerance.most <= 0.1, tolerance


def measured(study: str) -> list[str]:
    """The columns of numbers in a study's reference table that may move at all."""
    frame, scales = reference.table(study), tolerances.of(study)
    return [name for name in there(study) if scales[name].usual and pd.api.types.is_numeric_dtype(frame[name])]


def there(study: str) -> list[str]:
    """The result columns that a reference row has; what went wrong nowhere has none."""
    return sorted({name for row in reference.rows(study) for name in row} & set(tolerances.of(study)))


@pytest.mark.parametrize("study", studies.NAMES)
def test_a_column_that_moves_by_2_percent_is_found(study: str) -> None:
    """Trained numbers included; by 10 % for the neurons that changed sides."""
    for name in measured(study):
        tolerance = tolerances.of(study)[name]
        share = 0.1 if tolerance == KINKS else 0.02
        rows = reference.rows(study)
        moved = [row | {name: row[name] + share * tolerance.size(row[name], 0)} if name in row else row for row in rows]
        assert any(found.startswith(f"{name} ") for found in tolerances.differences(study, rows, moved)), name


@pytest.mark.parametrize("study", studies.NAMES)
def test_a_single_number_that_moves_far_is_found_and_roundings_are_not(study: str) -> None:
    for name in measured(study):
        tolerance = tolerances.of(study)[name]
        rows = reference.rows(study)
        place = next(i for i, row in enumerate(rows) if name in row and row.get("inner_gap", 0) <= UNSETTLED / 2)
        size = tolerance.size(rows[place][name], 0)
        for move, differences in (
            (0.9 * tolerance.most * size, 0),
            (1.1 * tolerance.most * size / (1 - tolerance.most), 1),
        ):
            moved = rows.copy()
            moved[place] = rows[place] | {name: rows[place][name] + move}
            assert len(tolerances.differences(study, rows, moved)) == differences, (name, move)


def test_of_a_training_that_cycles_settings_and_theory_are_compared_and_nothing_else() -> None:
    row = reference.rows("adversarial_training")[0] | {"inner_gap": 1.5}
    cycles = row | {"rho": 2 * row["rho"] + 1}
    assert tolerances.differences("adversarial_training", [row], [cycles]) == []
    assert tolerances.differences("adversarial_training", [row], [cycles | {"two_group_rho": 0.5}])
    assert tolerances.differences("adversarial_training", [row | {"inner_gap": 0.1}], [cycles | {"inner_gap": 0.1}])
    rows = [row for study in studies.NAMES for row in reference.rows(study)]
    assert 0 < sum(row.get("inner_gap", 0) > UNSETTLED for row in rows) < len(rows) / 50


@pytest.mark.parametrize("study", studies.NAMES)
def test_a_lost_column_is_found(study: str) -> None:
    rows = reference.rows(study)
    for name in there(study):
        without = [{column: value for column, value in row.items() if column != name} for row in rows]
        assert any(found.startswith(f"{name} ") for found in tolerances.differences(study, rows, without)), name
        assert any(found.startswith(f"{name} ") for found in tolerances.differences(study, without, rows)), name


@pytest.mark.parametrize("setting", ["d", "signal", "step_scale", "activation", "seed"])
def test_a_changed_setting_is_found(setting: str) -> None:
    first, *others = reference.rows(FLAGSHIP)
    changed = first | {setting: first[setting] * 2 if setting != "seed" else 10**6}
    assert tolerances.differences(FLAGSHIP, [first, *others], [changed, *others])


def test_a_lost_and_a_new_row_are_found_and_another_order_is_none() -> None:
    rows = reference.rows(FLAGSHIP)
    assert "missing" in tolerances.differences(FLAGSHIP, rows, rows[1:])[0]
    assert "new" in tolerances.differences(FLAGSHIP, rows[1:], rows)[0]
    assert tolerances.differences(FLAGSHIP, rows, rows[::-1]) == []


def test_a_number_that_is_not_finite_is_found() -> None:
    first, *others = reference.rows(FLAGSHIP)
    for value in (np.nan, np.inf, -np.inf):
        assert tolerances.differences(FLAGSHIP, [first, *others], [first | {"rho": value}, *others])


def test_what_is_0_but_for_roundings_is_compared_at_the_scale_of_what_it_is_made_of() -> None:
    """A fit through all of its points: the training error that is left is roundings of numbers of size 1."""
    row = {"key": "interpolates", "train_rmse": 1.09e-8}
    assert tolerances.differences("soft_inductive_bias", [row], [row | {"train_rmse": 1.23e-8}]) == []
    assert tolerances.differences("soft_inductive_bias", [row], [row | {"train_rmse": 1e-5}])


def test_one_unstable_training_may_stray_and_half_of_them_may_not() -> None:
    rows = [{"key": str(i), "rho": 3.0} for i in range(10)]

    def strayed(count: int) -> list[str]:
        return tolerances.differences(FLAGSHIP, rows, [row | {"rho": 3.05} for row in rows[:count]] + rows[count:])

    assert strayed(1) == []
    assert "5 of 10 cells" in strayed(5)[0]


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize("study", studies.NAMES)
def test_reference_tables_are_drawn_as_the_reference_figures(study: str, tmp_path: Path) -> None:
    for figure in figures_of(study, reference.table(study)):
        tables.write_frame(tmp_path / "numbers.csv", figure.numbers)
        before, after = reference.drawn(f"{study}/{figure.name}"), tables.read_frame(tmp_path / "numbers.csv")
        assert comparison.differences(before, after) == []


def test_every_figure_of_the_smoke_tier_has_a_reference(smoke_run: Path) -> None:
    """All but pictures, whose numbers are pixels of images that trained networks were attacked on."""
    drawn, kept = (
        {f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.csv")}
        for folder in (smoke_run / "figures" / "smoke", reference.REFERENCE)
    )
    pictures = {f"{study}/{name}" for study in studies.NAMES for name in studies.find(study).pictures}
    assert drawn - pictures == kept == set(FIGURES)
    assert pictures <= drawn


@pytest.mark.parametrize("figure", FIGURES)
def test_references_have_the_columns_of_all_figures(figure: str) -> None:
    assert list(reference.drawn(figure).columns) == plots.COLUMNS


def changed(numbers: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """The numbers with another first value in a column."""
    values = list(numbers[column])
    values[np.flatnonzero(numbers[column].notna())[0]] = value
    return numbers.assign(**{column: values})


@pytest.mark.parametrize("column", plots.COLUMNS)
def test_a_lost_a_new_and_a_changed_column_of_a_figure_are_found(column: str) -> None:
    numbers = reference.drawn(f"{FLAGSHIP}/budget")
    assert "columns were" in comparison.differences(numbers, numbers.drop(columns=column))[0]
    assert "columns were" in comparison.differences(numbers, numbers.assign(extra=1.0))[0]
    value = "another" if column in ("panel", "quantity", "series", "kind") else 1e6
    assert len(comparison.differences(numbers, changed(numbers, column, value))) == 1


@pytest.mark.parametrize("figure", FIGURES)
def test_a_drawn_number_that_moves_by_a_millionth_is_found(figure: str) -> None:
    numbers = reference.drawn(figure)
    for column in ("x", "mean", "low", "high"):
        if numbers[column].notna().any():
            first = float(numbers[column].dropna().iloc[0])
            moved = changed(numbers, column, first + 1e-6 * max(1, abs(first)))
            assert len(comparison.differences(numbers, moved)) == 1


def test_a_lost_row_and_a_value_that_went_missing_are_found() -> None:
    numbers = reference.drawn(f"{FLAGSHIP}/signal")
    assert "rows were drawn" in comparison.differences(numbers, numbers.iloc[1:])[0]
    assert len(comparison.differences(numbers, changed(numbers, "mean", np.nan))) == 1
