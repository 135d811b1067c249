"""Part "scale" of `make gpu-check`: as much of the flagship's paper grid as the time allows, against the kept table.

Networks are drawn, trained together and measured as the pipeline does it, their settings taken from the rows of the
table; shapes take turns, so that what was run is a cut through the grid. Images are left out: they need their files.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benign import tables, tolerances
from benign.attack.inner import InnerMaximisation
from benign.studies.adversarial_training.experiment import Sample
from benign.train.device import policy
from benign.train.gradient_descent import Snapshot, train
from gpu_networks import as_cell, drawn, measured, settled
from gpu_sizes import Sizes
from timing import Deadline, timed

TABLE = Path(__file__).resolve().parents[1] / "results" / "paper" / "adversarial_training" / "table.csv"
# A training is decided by these and by its budget; rows of one training differ in when they are measured.
DECIDING = (
    *("d", "signal", "n", "flip_rate", "activation", "slope", "curvature", "width", "init_scale", "step_scale"),
    *("training", "inner", "inner_steps", "seed"),
)
MILLION = 10**6
WORST = 10  # rows beyond their tolerance that are shown
STAGES = ("drawing", "training", "measuring")


@dataclasses.dataclass(frozen=True)
class Training:
    """One network and the rows of the table that were measured on it."""

    rows: list[dict[str, Any]]

    @property
    def shape(self) -> tuple[Any, ...]:
        """Trainings of one shape can be done together."""
        first = self.rows[0]
        k = min(first["d"], first["n"] + first["width"] // 2 + 1)
        names = ("n", "width", "activation", "slope", "curvature", "inner", "inner_steps")
        return (*(first[name] for name in names), k, as_cell(first).train_budget > 0, self.stops)

    @property
    def stops(self) -> tuple[int, ...]:
        """The steps at which it was measured."""
        return tuple(sorted({row["steps"] for row in self.rows}))


@torch.inference_mode()
def scale(device: str, sizes: Sizes, deadline: Deadline, table: Path = TABLE) -> Iterator[dict[str, Any]]:
    """Yields what is known after each batch."""
    every = [each for each in trainings(tables.read_rows(table)) if each.rows[0]["width"] <= sizes.widest]
    shapes, total = by_shape(every), min(len(every), sizes.most_trainings)
    whole = {"rows_of_clusters": sum(len(each.rows) for each in every), "trainings_of_clusters": len(every)}
    batches: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    for batch in in_turns(shapes, sizes.scale_batch, device):
        done = sum(each["trainings"] for each in batches)
        if done >= total or (batches and deadline.left() < foreseen(batches)):
            break
        taken, found = computed(batch[: total - done], device)
        batches.append(taken)
        differences += found
        yield {**whole, **compared(differences), **cost(batches, shapes, device)}


def trainings(rows: Sequence[dict[str, Any]]) -> list[Training]:
    """The networks behind the rows of clusters that ended well."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["data"] == "clusters" and row["sampling"] == "in_law" and row["status"] == "ok":
            settings = (*(row[name] for name in DECIDING), row["test_points"], as_cell(row).train_budget)
            found.setdefault(settings, []).append(row)
    return [Training(rows) for rows in found.values()]


def by_shape(every: Sequence[Training]) -> list[list[Training]]:
    """Trainings that can be done together, the largest group first."""
    alike: dict[tuple[Any, ...], list[Training]] = {}
    for each in every:
        alike.setdefault(each.shape, []).append(each)
    return sorted(alike.values(), key=len, reverse=True)


def in_turns(shapes: Sequence[list[Training]], most: int, device: str) -> Iterator[list[Training]]:
    """Batches, one of each shape in turn, until all trainings were given."""
    given = [0] * len(shapes)
    while any(start < len(group) for start, group in zip(given, shapes, strict=True)):
        for i, group in enumerate(shapes):
            first = group[0].rows[0]
            size = max(1, min(most, policy(device).batch_activations // (first["n"] * first["width"])))
            if batch := group[given[i] : given[i] + size]:
                given[i] += size
                yield batch


def computed(batch: Sequence[Training], device: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Seconds of each stage, and each row's numbers that differ from the table's, with their tolerances."""
    settle, spent, first = settled(device), dict.fromkeys(STAGES, 0.0), batch[0].rows[0]
    points, spent["drawing"] = timed(lambda: [drawn(each.rows[0], device) for each in batch], settle)
    inner = InnerMaximisation(first["inner"], first["inner_steps"])
    course = train([each.problem for each in points], batch[0].stops, inner)
    differences: list[dict[str, Any]] = []
    for _ in batch[0].stops:
        snapshot, training = timed(functools.partial(next, course), settle)
        found, measuring = timed(functools.partial(against_table, batch, points, snapshot), settle)
        spent["training"] += training
        spent["measuring"] += measuring
        differences += found
    rows = sum(len(each.rows) for each in batch)
    return {"shape": batch[0].shape, "trainings": len(batch), "rows": rows, **spent}, differences


def against_table(batch: Sequence[Training], points: Sequence[Sample], snapshot: Snapshot) -> list[dict[str, Any]]:
    """The rows that were measured after so many steps, measured here."""
    return [
        {"key": row["key"], **against(row, measured(row, points[i], snapshot.weights[i]))}
        for i, each in enumerate(batch)
        for row in each.rows
        if row["steps"] == snapshot.steps
    ]


def against(row: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """How many tolerances each number is away from the table's; `beyond` names those that are more than one."""
    allowed = {
        **{name: tolerances.of_error(row[name], row["tested"]) for name in ("clean_test_error", "robust_test_error")},
        "robust_train_error": tolerances.of_error(row["robust_train_error"], row["n"]),
        "robust_train_loss": tolerances.LOSS * row["robust_train_loss"],
        "rho": tolerances.RHO * abs(row["rho"]),
    }
    ratios = {name: abs(found[name] - row[name]) / tolerance for name, tolerance in allowed.items()}
    return {"ratios": ratios, "beyond": [name for name, ratio in ratios.items() if not ratio <= 1]}


def compared(differences: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many rows are within all tolerances, and the worst that are not."""
    beyond = [each for each in differences if each["beyond"]]
    worst = sorted(beyond, key=lambda each: -max(each["ratios"].values()))
    return {
        "rows": len(differences),
        "rows_within": len(differences) - len(beyond),
        "largest": {name: max(each["ratios"][name] for each in differences) for name in differences[0]["ratios"]},
        "worst": worst[:WORST],
    }


def foreseen(batches: Sequence[dict[str, Any]]) -> float:
    """Seconds that the next batch will take: as long as the longest."""
    return max(sum(batch[stage] for stage in STAGES) for batch in batches)


def cost(batches: Sequence[dict[str, Any]], shapes: Sequence[list[Training]], device: str) -> dict[str, Any]:
    """Seconds so far by stage; from them the whole grid's, each shape at its own pace and the others at the mean."""
    spent = {stage: sum(batch[stage] for batch in batches) for stage in STAGES}
    done, rows = (sum(batch[name] for batch in batches) for name in ("trainings", "rows"))
    paces: dict[tuple[Any, ...], list[float]] = {}
    for batch in batches:
        paces.setdefault(batch["shape"], []).append(sum(batch[stage] for stage in STAGES) / batch["trainings"])
    mean = sum(spent.values()) / done
    grid = sum(len(group) * average(paces.get(group[0].shape, [mean])) for group in shapes)
    networks = sum(map(len, shapes))
    return {
        "trainings": done,
        "spent": spent,
        "trainings_per_second": done / sum(spent.values()),
        "rows_per_second": rows / sum(spent.values()),
        "shapes_run": len(paces),
        "shapes": len(shapes),
        "whole_grid_minutes": grid / 60,
        "million_networks_hours": MILLION * grid / networks / 3600,
        "million_networks_training_hours": MILLION * spent["training"] / done / 3600,
        "device": device,
    }


def average(values: Sequence[float]) -> float:
    """Their mean."""
    return sum(values) / len(values)
