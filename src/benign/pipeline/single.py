"""One cell by itself: what run_cell.py and `benign.run` ask. Apart from sweeps, whose own process has no torch."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benign.pipeline import settings
from benign.pipeline.console import UserError
from benign.pipeline.questions import plain, study_named, usual
from benign.pipeline.slices import existing, load_images, memory_shortage_explained, prepare
from benign.study import Cell, Context, Study


def answer(study: Study, cell: Cell, context: Context) -> dict[str, Any]:
    """What the study reports of one cell, with the seconds that it took and the cell itself."""
    started = time.perf_counter()
    (row,) = study.part("experiment", "run")([cell], context)
    seconds = time.perf_counter() - started
    return {**study.report(row), "seconds": round(seconds, 3), "cell": cell.fields()}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, names joined by dots."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        result |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return result


def run(study: str, *, device: str = "cpu", images: Mapping[str, str | Path] | None = None, **values: Any) -> pd.Series:
    """Run one cell and return what scripts/run_cell.py prints: numbers with their intervals, theory, seconds, the cell.

    values: fields of the cell, e.g. benign.run("adversarial_training", d=10_000, signal=8, budget=2); those left out
        take the default tier's values
    images: data set to its file, from scripts/fetch_data.py
    """
    asked, device = study_named(study), settings.resolve_device(device)
    cell = asked.single({name: plain(value) for name, value in values.items()}, usual(study))
    files = {name: existing(name, Path(file)) for name, file in (images or {}).items()}
    threads = torch.get_num_threads()
    prepare(device, threads)
    context = Context(study, device, threads, functools.partial(load_images, files) if files else _no_images)
    with memory_shortage_explained():
        return pd.Series(flat(answer(asked, cell, context)), name=study, dtype=object)


def _no_images(name: str) -> Any:
    raise UserError(f"this study needs the images of {name}: give images={{{name!r}: FILE}} (scripts/fetch_data.py)")
