"""What figures and claims ask of a training as a whole: where its errors were best, and where they ended.

Definitions and their biases: docs/theory.md §18.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

# A training is what has these in common; the rest of a cell's fields follow from them within one tier's grid.
SETTING = ["experiment", "data", "d", "signal", "network", "width", "n", "weight_decay", "budget", "flip_rate"]
NUMBERS = [
    *("last", "lowest", "chosen", "rise", "rise_chosen", "clean_last", "clean_rise_chosen"),
    *("train_last", "rebound", "flipped", "tested", "floor"),
]
RESULTS = {**dict.fromkeys(NUMBERS, "float64"), "in_regime": "boolean", "diverged": "bool"}


def courses(table: pd.DataFrame) -> pd.DataFrame:
    """One row per training (SETTING and seed) with RESULTS; a training that diverged has `diverged` and no numbers.

    last: robust test error after the last recorded epoch; lowest: the least one, which the test set itself chooses;
    chosen: that of the epoch with the least robust validation error (observed labels; the first of equals), nan where
    there is no validation set. rise = last - lowest ≥ 0, biased upwards; rise_chosen = last - chosen.
    clean_last, clean_rise_chosen: the same of the clean test error, its epoch chosen by the clean validation error.
    train_last: robust training error at the end; rebound: the most that it ever stood above an earlier value.
    """
    names = [*SETTING, "seed"]
    rows = [
        dict(zip(names, key, strict=True)) | _course(part.sort_values("epochs")) for key, part in table.groupby(names)
    ]
    return pd.DataFrame(rows, columns=[*names, *RESULTS]).astype({**table[names].dtypes, **RESULTS})


def _course(part: pd.DataFrame) -> dict[str, Any]:
    """RESULTS of one training; part: its rows in order of epochs."""
    if (part["status"] != "ok").any():
        return {"diverged": True}
    robust, training = part["robust_test_error"], part["robust_train_error"]
    result: dict[str, Any] = {"diverged": False, "last": robust.iloc[-1], "lowest": robust.min()}
    result |= {"rise": result["last"] - result["lowest"], "train_last": training.iloc[-1]}
    result |= {"rebound": (training - training.cummin()).max(), "clean_last": part["clean_test_error"].iloc[-1]}
    result |= {name: part[name].iloc[-1] for name in ("flipped", "tested", "floor", "in_regime")}
    if part["data"].iloc[0] != "clusters":
        result["chosen"] = robust.iloc[int(part["robust_validation_error"].argmin())]
        result["rise_chosen"] = result["last"] - result["chosen"]
        clean = part["clean_test_error"]
        result["clean_rise_chosen"] = clean.iloc[-1] - clean.iloc[int(part["clean_validation_error"].argmin())]
    return result
