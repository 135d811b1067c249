"""The smoke tier's figures show the same numbers as the committed references, within Monte Carlo error.

On the machine that made the references the numbers are the same to the last bit; elsewhere 32-bit arithmetic takes
other roundings, and a training point or a test point can fall on the other side. The tolerances are for that. After a
change that is meant to move numbers: python tests/regression/update_references.py RUN_FOLDER
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from benign import plots
from benign.pipeline import tables
from benign.stats import clopper_pearson
from support import smoke_figures

REFERENCE = Path(__file__).parent / "reference"
NAMES = smoke_figures()

Tolerance = Callable[[pd.DataFrame], NDArray[np.float64]]


def exactly(reference: pd.DataFrame) -> NDArray[np.float64]:
    """Counts do not move."""
    return np.zeros(len(reference))


def by_origin(column: str) -> Tolerance:
    """How far `column` may move in each row of the reference, by where the row's numbers come from.

    x: only that of single runs may move, by 2 % or 0.1, which is 2 % of ρ

    theory: 1e-9 of the value, double precision with room for another library of elementary functions
    errors: half the width of the Clopper-Pearson interval at the pooled number of trials, their Monte Carlo error
    ρ: 2 % of the value; deviations of ρ: 0.02, which is the same 2 %
    widths of brackets: 0.02, two of the smoke tier's hundred points
    shares whose trials were not counted (of 20 to 100 points) and errors in other units: 0.05, or 5 % of the value
    losses: 5 % of the value [ours], as the late loss is one over the sum of many steps' roundings; all else too
    what is 0 but for roundings: 1e-9 · errors of fits without penalty, where singular values are roundings: half
    """

    def tolerance(reference: pd.DataFrame) -> NDArray[np.float64]:
        value = reference[column].abs().to_numpy(float)
        trials = reference["trials"].to_numpy(float)
        hits = np.clip(reference["mean"].fillna(0).to_numpy(float), 0, 1) * np.maximum(trials, 1)
        low, high = clopper_pearson(hits, np.maximum(trials, 1))
        quantity = reference["quantity"]
        absolute = quantity.isin(["relative deviation", "width of the bracket"])
        share, wild = quantity.str.contains("error|risk|rise|accuracy"), quantity.str.endswith("RMSE") & (value > 10)
        others = np.select(
            [quantity == "ρ", absolute, share, wild],
            [0.02 * value, 0.02, np.maximum(0.05 * value, 0.05), 0.5 * value],
            np.maximum(0.05 * value, 1e-9),
        )
        measured = np.where(trials > 0, (high - low) / 2, others)
        if column == "x":
            return np.where(reference["kind"] == "run", np.maximum(0.02 * value, 0.1), 1e-9 * np.maximum(value, 1))
        return np.where(reference["kind"].isin(["measured", "run"]), measured, 1e-9 * np.maximum(value, 1))

    return tolerance


TOLERANCES: dict[str, Tolerance] = {
    **{column: by_origin(column) for column in ("x", "mean", "low", "high")},
    **dict.fromkeys(("seeds", "trials", "diverged"), exactly),
}


def compare(reference: pd.DataFrame, fresh: pd.DataFrame, tolerances: Mapping[str, Tolerance]) -> list[str]:
    """Every way in which `fresh` differs from `reference`, in words; none if they agree.

    Columns are the same, in the same order. Those without a tolerance, and x to 9 digits, identify a row: the same rows
    are there, each once. (Of a single run x is measured, and its place in the table identifies it.) The others agree in
    each row within their tolerance, missing with missing.
    """
    if list(reference.columns) != list(fresh.columns):
        return [f"columns were {', '.join(reference.columns)} and are {', '.join(fresh.columns)}"]
    before, after = (_identified(frame, tolerances) for frame in (reference, fresh))
    for name, frame in (("reference", before), ("fresh numbers", after)):
        if frame.index.has_duplicates:
            return [f"{name} have a row twice: {frame.index[frame.index.duplicated()][0]}"]
    lost, added = before.index.difference(after.index), after.index.difference(before.index)
    found = [f"row is missing: {row}" for row in lost] + [f"row is new: {row}" for row in added]
    before = before.loc[before.index.intersection(after.index)]
    after = after.loc[before.index]
    for column, tolerance in tolerances.items():
        old, new = before[column].to_numpy(float), after[column].to_numpy(float)
        allowed = tolerance(before)
        agree = (np.abs(new - old) <= allowed) | (np.isnan(old) & np.isnan(new))
        found += [
            f"{column} was {old[i]:.9g} and is {new[i]:.9g}, more than {allowed[i]:.2g} away: {before.index[i]}"
            for i in map(int, np.flatnonzero(~agree))
        ]
    return found


def _identified(frame: pd.DataFrame, tolerances: Mapping[str, Tolerance]) -> pd.DataFrame:
    """`frame` with an index of the columns that identify a row, as text."""
    keys = [frame[name].astype(str) for name in frame.columns if name not in tolerances]
    place = pd.Series([" | ".join(row) for row in zip(*keys, strict=True)], index=frame.index)
    rank = place.groupby(place).cumcount().map("run {}".format)
    at = frame["x"].map("x = {:.9g}".format).where(frame["kind"] != "run", rank)
    return frame.set_axis(pd.Index(place + " | " + at))


def reference(name: str) -> pd.DataFrame:
    return tables.read_frame(REFERENCE / f"{name}.csv")


@pytest.mark.parametrize("name", NAMES)
def test_smoke_tier_draws_the_reference_numbers(name: str, smoke_run: Path) -> None:
    fresh = tables.read_frame(smoke_run / "figures" / "smoke" / f"{name}.csv")
    assert compare(reference(name), fresh, TOLERANCES) == []


def test_every_figure_of_the_smoke_tier_has_a_reference(smoke_run: Path) -> None:
    drawn, kept = (
        sorted(f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.csv"))
        for folder in (smoke_run / "figures" / "smoke", REFERENCE)
    )
    assert drawn == kept == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_references_have_the_columns_of_all_figures(name: str) -> None:
    assert list(reference(name).columns) == plots.COLUMNS


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_agrees_with_itself_in_any_order_that_keeps_single_runs_in_theirs(name: str) -> None:
    numbers = reference(name)
    runs = numbers["kind"] == "run"
    shuffled = pd.concat([numbers[~runs].sample(frac=1, random_state=0), numbers[runs]])
    assert compare(numbers, shuffled, TOLERANCES) == []


@pytest.mark.parametrize("column", plots.COLUMNS)
def test_a_lost_column_is_found(column: str) -> None:
    numbers = reference("adversarial_training/budget")
    assert "columns were" in compare(numbers, numbers.drop(columns=column), TOLERANCES)[0]


def test_a_new_column_is_found() -> None:
    numbers = reference("adversarial_training/budget")
    assert "columns were" in compare(numbers, numbers.assign(extra=1.0), TOLERANCES)[0]


def test_a_lost_a_new_and_a_repeated_row_are_found() -> None:
    numbers = reference("adversarial_training/mnist")
    assert "row is missing" in compare(numbers, numbers.iloc[1:], TOLERANCES)[0]
    assert "row is new" in compare(numbers.iloc[1:], numbers, TOLERANCES)[0]
    assert "twice" in compare(numbers, pd.concat([numbers, numbers.iloc[:1]]), TOLERANCES)[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_moved_value_is_found_and_rounding_is_not(name: str) -> None:
    numbers = reference(name)
    for column in ("mean", "low", "high"):
        allowed = by_origin(column)(numbers)
        for kind in numbers.loc[numbers[column].notna(), "kind"].unique():
            row = numbers.index[(numbers["kind"] == kind) & numbers[column].notna()][0]
            for scale, differences in ((0.9, 0), (1.1, 1)):
                moved = numbers.copy()
                moved.loc[row, column] += scale * allowed[row]
                assert len(compare(numbers, moved, TOLERANCES)) == differences, (column, kind, scale)


@pytest.mark.parametrize("column", ["seeds", "trials", "diverged"])
def test_a_changed_count_is_found(column: str) -> None:
    numbers = reference("adversarial_training/signal")
    moved = numbers.assign(**{column: numbers[column] + 1})
    assert len(compare(numbers, moved, TOLERANCES)) == len(numbers)


def test_a_value_that_went_missing_is_found() -> None:
    numbers = reference("adversarial_training/signal")
    moved = numbers.copy()
    moved.loc[numbers["mean"].notna().idxmax(), "mean"] = np.nan
    assert len(compare(numbers, moved, TOLERANCES)) == 1


def test_errors_may_move_by_their_monte_carlo_error() -> None:
    row = {"kind": "measured", "quantity": "robust test error", "mean": 0.1, "trials": 1000}
    low, high = clopper_pearson(100, 1000)
    assert by_origin("mean")(pd.DataFrame([row])) == pytest.approx((high - low) / 2)
