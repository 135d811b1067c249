"""The notebook in examples/ runs from top to bottom, and is kept without what it printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from support import ROOT

NOTEBOOK = ROOT / "examples" / "questions.ipynb"


def test_the_notebook_runs_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, NOTEBOOK.name, "exec"), found)
    assert len(found["table"]) == 28
    assert found["table"].attrs["cost"]["kept"] == 0
    means = found["means"]
    assert (means["robust_test_error"] >= means["floor_error"] - 0.05).all()
    assert means.loc[6, "robust_test_error"].is_monotonic_increasing
    assert len(found["axes"].lines) == len(found["errors"])


def test_the_notebook_is_kept_valid_and_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells if "outputs" in cell)
