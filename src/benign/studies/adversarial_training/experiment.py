"""The flagship's experiments: adversarial training of two-layer networks on noisy clusters and pairs of MNIST digits.

Training problems of one shape are trained together, and each network is measured on fresh points and held against the
closed forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from benign.experiments.noisy_clusters.courses import courses
from benign.experiments.noisy_clusters.fit import networks
from benign.experiments.noisy_clusters.measure import measured
from benign.experiments.noisy_clusters.predict import predict
from benign.stats import clopper_pearson
from benign.studies.adversarial_training.boundary import boundary
from benign.studies.adversarial_training.grid import Cell
from benign.study import Context


@torch.inference_mode()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell, as it ends. Cells of one group are trained once; training problems of one shape together."""
    course = courses(cells, context)
    known, found = "", dict[str, Any]()
    for network in networks(cells, context):
        cell = network.setting
        if cell.network != known:  # cells of one network follow each other
            known, found = cell.network, measured(network, course.get(cell.key))
        seen = cell.experiment == "boundary" and found["status"] == "ok"
        looked = boundary(network, cell.height, cell.mislabelled) if seen else {}
        yield cell.row(**found, **looked, **predict(cell, course.get(cell.key)))
        context.notify(f"{cell.experiment}: {cell.key} {found['status']}")


def report(row: dict[str, Any]) -> dict[str, Any]:
    """A row as one cell's user reads it: errors with their intervals, predictions and assumptions grouped."""
    if row["status"] != "ok":
        return {"status": row["status"]}
    shares = {"robust_train_error": row["n"]} | dict.fromkeys(("clean_test_error", "robust_test_error"), row["tested"])
    result: dict[str, Any] = {
        "robust_train_loss": row["robust_train_loss"],
        "robust_train_loss_interval": [row["robust_train_loss_low"], row["robust_train_loss_high"]],
    }
    for name, trials in shares.items():
        low, high = clopper_pearson(round(row[name] * trials), trials)
        result |= {name: row[name], f"{name}_interval": [float(low), float(high)]}
    result |= {name: row[name] for name in ("rho", "inner_gap", "vanished") if name in row}
    if row["data"] == "clusters":
        names = {
            "averaging": "averaging",
            "max_margin": "max_margin",
            "two_group_recursion": "two_group",
            "four_group_recursion": "four_group",
        }
        result["predictions"] = {"floor": row["floor_error"]} | {k: row[f"{v}_error"] for k, v in names.items()}
        result["predicted_rho"] = {k: row[f"{v}_rho"] for k, v in names.items()}
        result["largest_constant"] = row["largest_constant"]
        result["assumptions"] = {k.removeprefix("assumes_"): v for k, v in row.items() if k.startswith("assumes_")}
    return result
