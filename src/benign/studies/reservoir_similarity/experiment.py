"""What the study runs: pairs are drawn, a model learns their relations from some, and is asked about the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benign import seeds
from benign.nets import reservoir as nets
from benign.nets.reservoir import Reservoir
from benign.studies.reservoir_similarity import networks, relations
from benign.studies.reservoir_similarity.grid import FIVE, NETWORKS, RESERVOIRS, Cell, confusion
from benign.studies.reservoir_similarity.readout import READOUTS, columns, shown
from benign.studies.reservoir_similarity.relations import Pairs
from benign.study import Context

PARTS: tuple[relations.Part, ...] = ("train", "seen", "unseen")
WATCHED = 20  # images on which two starts are followed


@torch.no_grad()
def run(cells: list[Cell], context: Context) -> Iterator[dict[str, Any]]:
    """One row per cell; cells of one group read the same states."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.group, []).append(cell)
    for group in groups.values():
        images = context.images(group[0].data)
        parts = [relations.draw(group[0], images, context.study, part) for part in PARTS]
        for cell, status, outputs, more in _answered(group, parts, context.study):
            finite = status == "ok" and bool(outputs.isfinite().all())
            found = _measured(cell, outputs, parts) | more if finite else {}
            yield cell.row(status=status if finite or status != "ok" else "diverged", **found)
            context.notify(f"{cell.experiment}: {cell.model}, {cell.task}, {cell.key}")


def _answered(
    group: list[Cell], parts: list[Pairs], study: str
) -> Iterator[tuple[Cell, str, Tensor, dict[str, float]]]:
    """Each cell of a group with how it ended, its outputs for all pairs, and what else was measured."""
    first, second = (_stacked([getattr(part, name) for part in parts]) for name in ("first", "second"))
    trained, cell = len(parts[0].relation), group[0]
    if cell.model in NETWORKS:
        pairs, answers = torch.stack([first, second], 1).float(), len(relations.codebook(cell.task))
        told = torch.from_numpy(parts[0].relation)
        outputs = networks.outputs(cell, pairs, told, answers, study)
        yield from ((each, "ok", outputs, {}) for each in group)
        return
    reservoir = _reservoir(cell, study) if cell.model in RESERVOIRS else None
    more = {}
    if reservoir:
        rng = seeds.generator(study, "starts", cell.seed, nodes=cell.nodes)
        left = echo(cell, reservoir, first[-WATCHED:], second[-WATCHED:], rng)
        more = {"spectral_radius": reservoir.radius, "echo": left}
    kinds = {(each.readout, each.difference): READOUTS[each.readout](trained) for each in group}
    for seen in shown(cell, reservoir, first, second):
        for (_, difference), readout in kinds.items():
            readout.add(seen.abs() if difference == "absolute" else seen)
    codes = torch.from_numpy(parts[0].codes)
    for each in group:
        try:
            outputs = kinds[each.readout, each.difference].outputs(codes, each.penalty)
        except torch.linalg.LinAlgError:
            yield each, "singular", torch.empty(0), {}
            continue
        yield each, "ok", outputs, more


def _stacked(arrays: list[relations.Array]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays))


def _reservoir(cell: Cell, study: str) -> Reservoir:
    rng = seeds.generator(study, "reservoir", cell.seed, nodes=cell.nodes)
    return nets.draw(cell.nodes, cell.side, cell.radius, 2 if cell.model == "joint" else 1, rng)


def echo(cell: Cell, reservoir: Reservoir, first: Tensor, second: Tensor, rng: np.random.Generator) -> float:
    """How much of the distance between a random start and 0 is left after the last column, the largest over pairs."""
    inputs = columns(first) if cell.model == "differential" else torch.cat([columns(first), columns(second)], 2)
    start = torch.from_numpy(rng.uniform(-1, 1, (len(first), cell.nodes)))
    *_, one = nets.states(reservoir, inputs, start)
    *_, other = nets.states(reservoir, inputs)
    return float(((one - other).norm(dim=1) / start.norm(dim=1)).max())


def nearest(outputs: relations.Array, book: relations.Array) -> NDArray[np.int64]:
    """The row of the book (answers, outputs) nearest to each row of outputs (n, outputs), the first of several."""
    return (outputs @ book.T - (book**2).sum(1) / 2).argmax(1)


def _measured(cell: Cell, outputs: Tensor, parts: list[Pairs]) -> dict[str, float]:
    """Shares of right answers in each part, and which relation of unseen classes is taken for which."""
    book = relations.codebook(cell.task)
    answers = nearest(outputs.double().numpy(), book)
    ends = np.cumsum([len(part.relation) for part in parts])[:-1]
    found: dict[str, float] = {"tested": len(parts[1].relation)}
    for name, part, given in zip(PARTS, parts, np.split(answers, ends), strict=True):
        found[f"{name}_accuracy"] = float((book[given] == part.codes).all(1).mean())
    if cell.task == "five":
        unseen = np.split(answers, ends)[-1]
        for index, relation in enumerate(FIVE):
            given = np.bincount(unseen[parts[-1].relation == index], minlength=len(FIVE))
            shares = zip(FIVE, given / given.sum(), strict=True)
            found |= {confusion(relation, answer): float(share) for answer, share in shares}
    return found
