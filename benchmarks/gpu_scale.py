"""Part "scale" of `make gpu-check`: as much of the flagship's paper grid as the time allows, against the kept table.

Networks are drawn, trained together and measured as the pipeline does it, their settings taken from the rows of the
table; shapes take turns, so that what was run is a cut through the grid. Images are left out: they need their files.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benign import tolerances
from benign.attack.inner import InnerMaximisation
from benign.pipeline import tables
from benign.train.device import policy
from benign.train.gradient_descent import Snapshot, train
from gpu_networks import STUDY, Sample, drawn, measured, settled, train_budget
from gpu_sizes import Sizes
from timing import Deadline, timed

TABLE = Path(__file__).resolve().parents[1] / "results" / "paper" / "adversarial_training" / "table.csv"
# A training is decided by these and by its budget; rows of one training differ in when they are measured.
DECIDING = (
    *("d", "signal", "n", "flip_rate", "activation", "slope", "curvature", "width", "init_scale", "step_scale"),
    *("training", "inner", "inner_steps", "seed"),
)
MILLION = 10**6
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
        return (*(first[name] for name in names), k, train_budget(first) > 0, self.stops)

    @property
    def stops(self) -> tuple[int, ...]:
        """The steps at which it was measured."""
        return tuple(sorted({row["steps"] for row in self.rows}))


@torch.inference_mode()
def scale(device: str, sizes: Sizes, deadline: Deadline, table: Path = TABLE) -> Iterator[dict[str, Any]]:
    """Yields what is known after each batch."""
    kept = {row["key"]: row for row in tables.read_rows(table)}
    every = [each for each in trainings(list(kept.values())) if each.rows[0]["width"] <= sizes.widest]
    shapes, total = by_shape(every), min(len(every), sizes.most_trainings)
    whole = {"rows_of_clusters": sum(len(each.rows) for each in every), "trainings_of_clusters": len(every)}
    batches: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for batch in in_turns(shapes, sizes.scale_batch, device):
        done = sum(each["trainings"] for each in batches)
        if done >= total or (batches and deadline.left() < foreseen(batches)):
            break
        taken, rows = computed(batch[: total - done], device)
        batches.append(taken)
        found += rows
        yield {**whole, **compared(found, kept), **cost(batches, shapes, device)}


def trainings(rows: Sequence[dict[str, Any]]) -> list[Training]:
    """The networks behind the rows of clusters that ended well."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        usual = (row["sampling"], row["flips"], row["start"]) == ("in_law", "random", "paired")  # as `drawn` has them
        if usual and row["data"] == "clusters" and row["status"] == "ok":
            settings = (*(row[name] for name in DECIDING), row["test_points"], train_budget(row))
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
    """Seconds of each stage, and the rows measured here."""
    settle, spent, first = settled(device), dict.fromkeys(STAGES, 0.0), batch[0].rows[0]
    points, spent["drawing"] = timed(lambda: [drawn(each.rows[0], device) for each in batch], settle)
    inner = InnerMaximisation(first["inner"], first["inner_steps"])
    course = train([each.problem for each in points], batch[0].stops, inner)
    found: list[dict[str, Any]] = []
    for _ in batch[0].stops:
        snapshot, training = timed(functools.partial(next, course), settle)
        rows, measuring = timed(functools.partial(measured_rows, batch, points, snapshot), settle)
        spent["training"] += training
        spent["measuring"] += measuring
        found += rows
    return {"shape": batch[0].shape, "trainings": len(batch), "rows": len(found), **spent}, found


def measured_rows(batch: Sequence[Training], points: Sequence[Sample], snapshot: Snapshot) -> list[dict[str, Any]]:
    """The rows of the table that were measured after so many steps, measured here."""
    return [
        {"key": row["key"], **measured(row, points[i], snapshot.weights[i])}
        for i, each in enumerate(batch)
        for row in each.rows
        if row["steps"] == snapshot.steps
    ]


def compared(found: Sequence[dict[str, Any]], kept: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """How far rows are from the kept ones, in the tolerances that the regression suite has.

    rows_within: those in which no number moved by more than it may at most · strays: for each number the share of rows
    in which it moved by more than is usual · differences: what the regression suite would say
    """
    before = [{name: kept[row["key"]][name] for name in row} for row in found]
    allowed = tolerances.of(STUDY)
    moves: dict[str, list[tuple[float, tolerances.Tolerance]]] = {}
    for old, new in zip(before, found, strict=True):
        for name in new.keys() - {"key"}:
            move = abs(new[name] - old[name]) / allowed[name].size(old[name], new[name])
            moves.setdefault(name, []).append((move, allowed[name]))
    rows = zip(*moves.values(), strict=True)
    return {
        "rows": len(found),
        "rows_within": sum(all(move <= tolerance.most for move, tolerance in row) for row in rows),
        "largest_moves": {name: max(move for move, _ in column) for name, column in sorted(moves.items())},
        "strays": {
            name: average([not move <= tolerance.usual for move, tolerance in column])
            for name, column in sorted(moves.items())
        },
        "differences": tolerances.differences(STUDY, before, found),
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
