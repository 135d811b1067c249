"""Networks that are graphs of four nodes: stem, up to six edges that are zero, skip or linear with ReLU, and readout.

Chen, Huang, Wang, AutoML 2023 [S: paper and code]. A DAG is written as its edges' operations, node by node: 2_02_002
has a linear edge (2) from node 0 to node 1; zero (0) from 0 and linear from 1 to node 2; …; 1 is a skip. A node is
the sum of its edges' outputs; a linear edge is ReLU(hW + b), W He-normal and b = 0 at first, as is the stem, which
gives node 0. Two DAGs joined by a hyphen share nodes, stem and readout, each with edges of its own (their "supernet").
"""

from __future__ import annotations

import collections
import functools
import itertools
import re
from typing import NamedTuple

ZERO, SKIP, LINEAR = 0, 1, 2
LAST = 3  # the last node
ENDS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # in the order in which a DAG is written
# How a DAG is written, or two joined by a hyphen.
FORM = re.compile(r"[012]_[012]{2}_[012]{3}(-[012]_[012]{2}_[012]{3})?")


class Edge(NamedTuple):
    """One edge that does something: of which DAG of the text, its place in ENDS, from where, to where, and its kind."""

    copy: int
    place: int
    source: int
    target: int
    linear: bool


@functools.cache
def edges(text: str) -> tuple[Edge, ...]:
    """The edges that lie on a path from the first to the last node, ordered by target: the others change nothing."""
    there = [
        Edge(copy, place, *ENDS[place], int(operation) == LINEAR)
        for copy, dag in enumerate(text.split("-"))
        for place, operation in enumerate(dag.replace("_", ""))
        if int(operation) != ZERO
    ]
    from_first, to_last = {0}, {LAST}
    for node in range(1, LAST + 1):
        if any(edge.target == node and edge.source in from_first for edge in there):
            from_first.add(node)
    for node in reversed(range(LAST)):
        if any(edge.source == node and edge.target in to_last for edge in there):
            to_last.add(node)
    alive = [edge for edge in there if edge.source in from_first and edge.target in to_last]
    return tuple(sorted(alive, key=lambda edge: (edge.target, edge.source, edge.copy)))


@functools.cache
def path_depths(text: str) -> tuple[int, ...]:
    """d_p of every path p from the first to the last node: how many of its edges are linear."""
    ending: dict[int, list[int]] = {0: [0]}
    for node in range(1, LAST + 1):
        into = [edge for edge in edges(text) if edge.target == node]
        ending[node] = [depth + edge.linear for edge in into for depth in ending[edge.source]]
    return tuple(sorted(ending[LAST]))


def paths(text: str) -> int:
    """P, how many paths there are."""
    return len(path_depths(text))


def depth(text: str) -> float:
    """The mean of d_p over the paths; 0 where there is none."""
    depths = path_depths(text)
    return sum(depths) / len(depths) if depths else 0.0


def shares_no_edge(text: str) -> bool:
    """Whether no linear edge lies on two paths, and at most one path has none: then paths are independent."""
    into: dict[int, int] = {0: 1}
    for node in range(1, LAST + 1):
        into[node] = sum(into[edge.source] for edge in edges(text) if edge.target == node)
    out = {LAST: 1}
    for node in reversed(range(LAST)):
        out[node] = sum(out[edge.target] for edge in edges(text) if edge.source == node)
    alone = all(into[edge.source] * out[edge.target] == 1 for edge in edges(text) if edge.linear)
    return alone and path_depths(text).count(0) <= 1


def effective(text: str) -> str:
    """The same network without the edges that lie on no path."""
    alive = {(edge.copy, edge.place) for edge in edges(text)}
    written = [
        "".join(
            operation if (copy, place) in alive else str(ZERO) for place, operation in enumerate(dag.replace("_", ""))
        )
        for copy, dag in enumerate(text.split("-"))
    ]
    return "-".join(f"{dag[0]}_{dag[1:3]}_{dag[3:]}" for dag in written)


@functools.cache
def every() -> tuple[str, ...]:
    """All 729 DAGs, in the order of their texts."""
    return tuple(f"{a}_{b}{c}_{d}{e}{f}" for a, b, c, d, e, f in itertools.product("012", repeat=6))


@functools.cache
def spread() -> tuple[str, ...]:
    """The 541 DAGs with a linear edge on a path, so ordered that any first few are spread over all (depth, P).

    Each round takes one of every (depth, P) that has some left; within one, those without a useless edge go first.
    """
    cells: dict[tuple[float, int], list[str]] = collections.defaultdict(list)
    for text in sorted((each for each in every() if depth(each) > 0), key=lambda each: (effective(each) != each, each)):
        cells[depth(text), paths(text)].append(text)
    rounds = itertools.zip_longest(*(cells[cell] for cell in sorted(cells)))
    return tuple(text for each in rounds for text in each if text is not None)
