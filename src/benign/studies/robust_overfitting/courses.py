"""What figures and claims ask of a training as a whole: where its errors were best, and where they ended.

Definitions and their biases: docs/theory.md §18.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from benign.studies.robust_overfitting.grid import Cell

TRAINING = [name for name in Cell.model_fields if name != "epochs"]  # what the cells of a training share
RESULTS = ["last", "lowest", "chosen", "rise", "rise_chosen", "clean_rise_chosen", "train_last", "rebound"]


def courses(table: pd.DataFrame) -> pd.DataFrame:
    """The table with RESULTS: in each row those of its training. If a training diverged, all of its rows are
    "diverged" and have none.

    last: robust test error after the last recorded epoch; lowest: the least one, which the test set itself chooses;
    chosen: that of the epoch with the least robust validation error (observed labels; the first of equals), nan where
    there is no validation set. rise = last - lowest ≥ 0, biased upwards; rise_chosen = last - chosen.
    clean_rise_chosen: the same of the clean test error, its epoch chosen by the clean validation error.
    train_last: robust training error at the end; rebound: the most that it ever stood above an earlier value.
    """
    found: dict[Any, dict[str, Any]] = {}
    for _, part in table.groupby(TRAINING, sort=False, dropna=False):
        ended = (part["status"] == "ok").all()
        course = _course(part.sort_values("epochs")) if ended else {"status": "diverged"}
        found |= {row: {"status": "ok", **course} for row in part.index}
    results = pd.DataFrame([found[row] for row in table.index], table.index, ["status", *RESULTS])
    return table.assign(**results.astype(dict.fromkeys(RESULTS, "float64")))


def once(rows: pd.DataFrame) -> pd.DataFrame:
    """Of rows with their courses one for each training, its last."""
    return rows.sort_values("epochs").drop_duplicates(TRAINING, keep="last").sort_index()


def _course(part: pd.DataFrame) -> dict[str, Any]:
    """RESULTS of one training; part: its rows in order of epochs."""
    robust, clean, training = (part[f"{name}_error"] for name in ("robust_test", "clean_test", "robust_train"))
    result = {"last": robust.iloc[-1], "lowest": robust.min()}
    result |= {"rise": result["last"] - result["lowest"], "train_last": training.iloc[-1]}
    result |= {"rebound": (training - training.cummin()).max()}
    if part["data"].iloc[0] != "clusters":
        result["chosen"] = robust.iloc[int(part["robust_validation_error"].argmin())]
        result["rise_chosen"] = result["last"] - result["chosen"]
        result["clean_rise_chosen"] = clean.iloc[-1] - clean.iloc[int(part["clean_validation_error"].argmin())]
    return result
