"""A study declared once: its grid is a product, its messages say the mend, its table has every column."""

from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
from pydantic import ValidationError

from benign import studies
from benign.declared import described, faults, kind_of
from benign.pipeline import settings, tables
from benign.study import Cell, CellError, Row, Study, column, field, points


class Shrunk(Cell):
    """An estimator in one setting."""

    experiment: str = "single"
    d: int = field("dimension", at_least=3)
    norm: float = field("‖θ‖", default=0.0, at_least=0, unit="standard deviations")
    rule: Literal["plain", "positive"] = field("how far it shrinks", default="plain")
    seed: int = field("the replicate", at_least=0)


class Risk(Row):
    """What came out."""

    risk: float | None = column("mean squared error")
    trials: int | None = column("points drawn")
    better: bool | None = column("whether it beats the mean")


STUDY = Study("studies.shrunk", title="…", cell=Shrunk, row=Risk, figures=())


def test_a_block_is_the_product_of_its_lists_with_every_seed() -> None:
    grid = {"common": {"d": 3, "n": 5}, "seeds": 2, "experiments": {"sweep": [{"d": [1, 2], "name": "a"}]}}
    found = list(points(grid))
    assert {(p["d"], p["n"], p["name"], p["experiment"], p["seed"]) for p in found} == {
        (d, 5, "a", "sweep", seed) for d in (1, 2) for seed in (0, 1)
    }
    assert len(found) == 4


def test_a_blocks_own_seeds_replace_the_grids() -> None:
    grid = {"common": {}, "seeds": 2, "experiments": {"a": [{"x": 1, "seeds": 1}], "b": [{"x": 1}, {"x": 2}]}}
    assert [(p["experiment"], p["x"], p["seed"]) for p in points(grid)] == [
        ("a", 1, 0),
        *(("b", x, seed) for x in (1, 2) for seed in (0, 1)),
    ]


def test_every_field_and_column_of_every_study_says_what_it_is() -> None:
    for name in studies.NAMES:
        study = studies.find(name)
        assert study.name == name
        declared = {**study.cell.model_fields, **study.row.model_fields, **study.shorthand.model_fields}
        silent = [each for each, info in declared.items() if not info.description and each != "experiment"]
        assert not silent, f"{name}: {silent} have no meaning"
        assert {"experiment", "seed"} <= set(study.cell.model_fields)


def test_an_impossible_value_is_an_error_that_names_it_and_the_mend() -> None:
    for values, words in (
        ({"d": 2}, "d=2 is impossible: give a value that is at least 3"),
        ({"d": "many"}, "d='many' is not of type int"),
        ({"d": 3, "norm": float("nan")}, "norm=nan is impossible: give a finite number"),
        ({"d": 3, "rule": "positiv"}, "rule='positiv' is not one of plain, positive, did you mean 'positive'?"),
        ({}, "d is missing: give it"),
    ):
        with pytest.raises(CellError) as error:
            Shrunk(**{"seed": 0, **values})  # type: ignore[arg-type]
        assert words in str(error.value)


@pytest.mark.parametrize("study", studies.NAMES)
def test_no_number_of_a_cell_is_beyond_those_whose_squares_are_numbers(study: str) -> None:
    declared = studies.find(study)
    cell = next(declared.each(settings.section(settings.grid_file(study), study, "smoke")["grid"]))
    kinds = {name: kind_of(info.annotation) for name, info in declared.cell.model_fields.items()}
    for name in (name for name, kind in kinds.items() if kind in (int, float)):
        for value in ("1e300", "1e31") if kinds[name] is int else ("1e300", "1e31", "1e-31", "1e-300"):
            if value == "1e-31" and "above" in described(declared.cell.model_fields[name]):
                continue
            with pytest.raises(CellError, match=rf"^{name}=\S+ is impossible: give "):
                cell.replace(**{name: value})


@pytest.mark.parametrize("study", studies.NAMES)
def test_a_cell_whose_arrays_have_no_room_is_refused(study: str) -> None:
    declared = studies.find(study)
    cell = next(declared.each(settings.section(settings.grid_file(study), study, "smoke")["grid"]))
    sizes = {"n", "p", "width", "order", "subspace"} & set(declared.cell.model_fields)
    if study in ("real_data", "robust_overfitting"):
        sizes -= {"n"}  # there are so many images, and no more
    for name in sizes:
        with pytest.raises(CellError, match="is impossible: give "):
            cell.replace(**{name: 10**10})


def test_a_table_holds_whole_numbers_beyond_64_bits(tmp_path: Path) -> None:
    rows = [Shrunk(d=d, seed=0).row(status="ok") for d in (3, 10**20)]
    tables.write(tmp_path / "table.csv", rows, STUDY.columns())
    assert [row["d"] for row in tables.read_rows(tmp_path / "table.csv")] == [
        row["d"] for row in sorted(rows, key=lambda row: row["key"])
    ]
    for table in (STUDY.table(rows), STUDY.table(tables.read(tmp_path / "table.csv"))):
        assert set(table["d"]) == {3.0, 1e20}


def test_a_shorthand_that_gives_too_large_a_number_is_an_error_that_names_it() -> None:
    study = studies.find("adversarial_training")
    grid = settings.section(settings.grid_file("adversarial_training"), "adversarial_training", "smoke")["grid"]
    blown = {**grid, "experiments": {"a": [{"d": 1000, "signal_exponent": 1e5, "budget": 1}]}}
    with pytest.raises(CellError, match=r"signal_exponent=100000\.0 gives a number that is too large"):
        study.cells(blown)


def test_the_grid_s_model_follows_from_the_cell() -> None:
    grid: dict[str, Any] = {"common": {"d": 3}, "seeds": 1, "experiments": {"a": [{"norm": [0.0, 1]}]}}
    assert [cell.norm for cell in STUDY.cells(STUDY.grid.model_validate(grid).model_dump(exclude_unset=True))] == [0, 1]
    for wrong, words in (
        ({"norm": [0, -1]}, "experiments.a.0.norm.1: -1 is impossible: give a value that is at least 0"),
        ({"norm": [1, 1]}, "experiments.a.0.norm: [1, 1] says a value twice: say it once"),
        ({"norm": []}, "experiments.a.0.norm"),
        ({"nrom": 1}, "experiments.a.0: unknown key 'nrom', did you mean 'norm'?"),
        ({"norm": "1e-3"}, "'1e-3' is text, not a number: YAML reads 1e-3 as text, so write 0.001"),
    ):
        with pytest.raises(ValidationError) as error:
            STUDY.grid.model_validate({**grid, "experiments": {"a": [wrong]}})
        assert any(words in f"{place}: {text}" for place, text in faults(error.value)), faults(error.value)


def test_a_help_text_has_meaning_unit_values_and_limits() -> None:
    fields = Shrunk.model_fields
    assert described(fields["norm"]) == "‖θ‖; in standard deviations; at least 0"
    assert described(fields["rule"]) == "how far it shrinks; one of plain, positive"


def test_rows_older_than_a_field_have_its_default_as_their_keys_have() -> None:
    study = studies.find("adversarial_training")
    cell = next(study.each(settings.section(settings.grid_file(study.name), study.name, "smoke")["grid"]))
    row = {name: value for name, value in cell.row(status="ok").items() if name != "flips"}
    (flips,) = study.table([row])["flips"]
    assert flips == "random"
    assert cell.replace(flips=flips).key == cell.key


def test_a_table_has_every_declared_column_whatever_rows_it_has() -> None:
    columns = ["key", "experiment", "d", "norm", "rule", "seed", "better", "risk", "status", "trials"]
    row = Shrunk(d=3, seed=0).row(status="ok", risk=2.0, better=True, trials=7)
    for rows in ([], [row], [row, Shrunk(d=4, seed=0).row(status="diverged")]):
        assert list(STUDY.table(rows).columns) == columns
    whole, partial = STUDY.table([row]), STUDY.table([row, Shrunk(d=4, seed=0).row(status="diverged")])
    assert (whole["trials"].dtype, whole["better"].dtype) == ("int64", "bool")
    assert (partial["trials"].dtype, partial["better"].dtype) == ("float64", "boolean")
    assert STUDY.table([])["risk"].mean() is not None  # nan, and no error
    assert not len(STUDY.table([])[STUDY.table([])["better"]])
    with pytest.raises(ValueError, match="declares no column rsik"):
        STUDY.table(pd.DataFrame([{**row, "rsik": 1}]))
