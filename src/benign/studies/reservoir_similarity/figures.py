"""Relations that are told rightly: in every reading of the sources, over nodes and pairs, and in other tasks."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import of_experiments
from benign.plots import Figure
from benign.plots.looks import DASHED, OPEN, Look, line, points
from benign.studies.reservoir_similarity.comparable import comparable
from benign.studies.reservoir_similarity.grid import FIVE, LINEAR, RESERVOIRS, confusion

ACCURACY, SHARE = "accuracy", "share of answers"
SEEN, UNSEEN = "seen classes", "unseen classes"
COLUMN = {SEEN: "seen_accuracy", UNSEEN: "unseen_accuracy"}
LETTERS = {"nodes": "nodes", "tested": "test pairs"}
READOUTS = {"columns": "read at every column", "trajectory": "all columns side by side"}
SIGNED, ABSOLUTE, JOINT = "signed differences", "absolute differences", "one reservoir for both"
BEST, SIAMESE, CONVOLUTIONAL = "best linear on pixels", "Siamese network", "convolutional network"
NETWORK = {"siamese": SIAMESE, "convolutional": CONVOLUTIONAL}
SERIES: dict[str, Look] = {
    SIGNED: points("blue", "o"),
    ABSOLUTE: points("sky", "s"),
    JOINT: points("vermilion", "^"),
    BEST: points("black", "X"),
    SIAMESE: points("purple", "D"),
    CONVOLUTIONAL: points("green", "v"),
}
REPORTED = "reported: .85"
CHANCE = "chance"
LEVELS = {
    REPORTED: line("grey", DASHED, 0.9),
    CHANCE: line("grey", ":", 0.9),
    "reported of the reservoir": points("orange", "*"),
    "reported of a Siamese network": points("grey", "*"),
}


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    rows = comparable(table.assign(series=_series(table)))
    published, pairing = of_experiments(rows, "readings"), of_experiments(rows, "pairing")
    return [
        readings(published, of_experiments(rows, "splits"), pairing),
        confusions(published[published["data"] == "mnist"]),
        over_nodes(of_experiments(rows, "nodes")),
        over_pairs(of_experiments(rows, "pairs")),
        over_penalties(of_experiments(rows, "penalties")),
        noise(of_experiments(rows, "noise")),
        tasks(of_experiments(rows, "tasks"), published[published["data"] == "mnist"]),
    ]


def _series(table: pd.DataFrame) -> pd.Series:
    subtracted = table["difference"].map({"signed": SIGNED, "absolute": ABSOLUTE})
    named = table["model"].map({"joint": JOINT, **dict.fromkeys(LINEAR, BEST), **NETWORK})
    return subtracted.where(table["model"] == "differential", named)


def _by_readout(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(panel, rows) for each way to read a reservoir; what is no reservoir stands in both."""
    reservoirs = rows["model"].isin(RESERVOIRS)
    return [(panel, rows[~reservoirs | (rows["readout"] == readout)]) for readout, panel in READOUTS.items()]


def _best(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Of the linear baselines at each point, the rows of the one with the best mean on unseen classes; all others."""
    linear = rows[rows["series"] == BEST]
    setting = ["model", "difference", "penalty"]
    means = linear.groupby([*by, *setting], dropna=False)["unseen_accuracy"].mean().reset_index()
    best = means.sort_values("unseen_accuracy").drop_duplicates(by, keep="last")
    return pd.concat([rows[rows["series"] != BEST], linear.merge(best[[*by, *setting]])], ignore_index=True)


def _measured(rows: pd.DataFrame, panel: str, both: bool = True) -> list[pd.DataFrame]:
    """A series for each model over the column x, on seen (open) and on unseen classes."""
    return [
        plots.over_seeds(part, part["x"], COLUMN[which], (panel, ACCURACY, f"{name}, {which}"), "tested")
        for which in ((SEEN, UNSEEN) if both else (UNSEEN,))
        for name, part in _models(rows)
    ]


def _models(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(series, rows) of each model that has any, in one order."""
    return [(name, part) for name in SERIES if len(part := rows[rows["series"] == name])]


def _draw(
    numbers: pd.DataFrame, height: float = 2.9, low: float = 0.0, quantities: tuple[str, ...] = (), **look: Any
) -> plots.Facets:
    """Panels with one y-axis up to 1; seen classes are open marks, unseen filled ones; look: of points."""
    drawn = plots.Facets(numbers, height, quantities=quantities, sharex=bool(quantities), sharey=True)
    names = {series: series.removesuffix(f", {UNSEEN}") for series in numbers["series"]}
    names |= {series: "" for series in numbers["series"] if series.endswith(f", {SEEN}")}
    drawn.draw(SERIES | LEVELS | {SEEN: OPEN, UNSEEN: {}}, names, **look)
    for panel in drawn:
        panel.axes.set_ylim(low, 1.02)
    if numbers["series"].str.endswith(f", {SEEN}").any():
        drawn.key("open: seen classes", **points("grey", "o", linestyle="") | OPEN)
    return drawn


def _places(facets: plots.Facets, names: list[str]) -> None:
    """Names for the places 0, 1, … on the x-axis, up to the last that has numbers."""
    names = names[: round(facets.numbers.loc[facets.numbers["kind"] == "measured", "x"].max()) + 1]
    for panel in facets:
        panel.axes.set_xticks(range(len(names)), [plots.typeset(name) for name in names], rotation=35, ha="right")
        panel.axes.set_xlim(-0.6, len(names) - 0.4)


def _ticks(facets: plots.Facets) -> None:
    """What was run, on the x-axis."""
    run = sorted(facets.numbers.loc[facets.numbers["kind"] == "measured", "x"].unique())
    for panel in facets:
        panel.axes.set_xticks(run, [f"{x:g}" for x in run], rotation=35)


def _beside(rows: pd.DataFrame, place: float | pd.Series) -> pd.DataFrame:
    """Rows with the column x: models side by side at each place."""
    order = {name: index for index, name in enumerate(SERIES)}
    return rows.assign(x=place + 0.11 * (rows["series"].map(order).astype(float) - (len(order) - 1) / 2))


def _chance(shares: dict[float, float], panel: str, quantity: str) -> pd.DataFrame:
    """A short line at each place."""
    x = np.concatenate([[place - 0.35, place + 0.35, np.nan] for place in shares])
    return plots.theory(x, np.repeat(list(shares.values()), 3), (panel, quantity, CHANCE))


# ---------------------------------------------------------------- five relations

SCALINGS = {"eigenvalue": "radius .5", "square_root": "root"}
NOISES = {"peak": "all pixels", "pixels": "a fifth"}
READINGS = [f"{noise}, {scaling}" for noise in NOISES.values() for scaling in SCALINGS.values()]
OTHERS = ["random halves", "one image twice", "CIFAR-10", "CIFAR-10, random halves"]


def readings(published: pd.DataFrame, splits: pd.DataFrame, pairing: pd.DataFrame) -> Figure:
    """A panel for each readout; at each place a reading of the sources, another split, or other images."""
    text = f"""Five-way accuracy on pairs of classes that training did not see (filled) and of those that it saw (open):
        digits 0 to 5 against 6 to 9, 250 training pairs, for every reading of the sources (noise on all pixels or on a
        fifth of them; spectral radius .5, or weights over the root of their largest eigenvalue); then random halves of
        the digits, pairs made of one image, and grey CIFAR-10. The linear baseline is the best of its kind. Dashed:
        about .85, which is reported from 750 nodes on; dotted: chance. {plots.INTERVALS}"""
    places = [(noise, scaling) for noise in NOISES for scaling in SCALINGS]
    digits, cifar = (published[published["data"] == data] for data in ("mnist", "cifar10"))
    parts = [digits[(digits["noise"] == noise) & (digits["radius"] == scaling)] for noise, scaling in places]
    parts += [splits[splits["data"] == "mnist"], pairing, cifar, splits[splits["data"] == "cifar10"]]
    numbers = []
    for place, rows in enumerate(parts):
        for panel, part in _by_readout(_best(rows, ["data"])):
            numbers += _measured(_beside(part, place), panel)
    if len(published):
        for panel in READOUTS.values():
            numbers.append(plots.theory([-0.5, 3.5], [0.85, 0.85], (panel, ACCURACY, REPORTED)))
            numbers.append(plots.theory([-0.5, 7.5], [0.2, 0.2], (panel, ACCURACY, CHANCE)))
    return plots.of_rows("readings", pd.concat([published, splits, pairing]), text, numbers, draw_readings, **LETTERS)


def draw_readings(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Names of the readings below."""
    facets = _draw(numbers, 3.7, linestyle="")
    _places(facets, READINGS + OTHERS)
    facets.label("", ACCURACY)
    return facets.finish(columns=4)


def confusions(rows: pd.DataFrame) -> Figure:
    """A panel for each way to read a reservoir: what pairs of each relation are taken for."""
    text = """Relations of pairs of digits 6 to 9 (rows) and what they are taken for (columns): shares, mean over
        scalings, noises and seeds, for each variant of the reservoir, read at every column (above) and all columns
        side by side (below). Reservoirs with 250 training pairs of digits 0 to 5."""
    rows = rows[rows["model"].isin(RESERVOIRS)]
    numbers = []
    for panel, part in _by_readout(rows):
        for (name, own), relation in itertools.product(_models(part), FIVE):
            means = [own.loc[own["status"] == "ok", confusion(relation, answer)].mean() for answer in FIVE]
            numbers.append(plots.single_runs(range(len(FIVE)), means, (name, panel, relation)))
    return plots.of_rows("confusion", rows, text, numbers, draw_confusions, **LETTERS)


def draw_confusions(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Shares as colours and as text, all with one scale."""
    facets = plots.Facets(numbers, 4.6, quantities=list(dict.fromkeys(numbers["quantity"])), sharex=True, sharey=True)
    for panel in facets:
        image = panel.numbers.pivot(index="series", columns="x", values="mean").loc[list(FIVE)]
        plots.draw_heatmap(panel.axes, image, 1.0)
        panel.axes.set_xticklabels(FIVE, rotation=35, ha="right")
    facets.label("taken for", "relation")
    facets.figure.colorbar(panel.axes.collections[0], ax=facets.figure.axes, label=SHARE, pad=0.01)
    return facets.finish(0, lambda panel: f"{panel.name}\n{panel.quantity}")


# ---------------------------------------------------------------- nodes and pairs


def over_nodes(rows: pd.DataFrame) -> Figure:
    """A panel for each readout; x is the number of nodes."""
    text = f"""Five-way accuracy against the size of the reservoir, on unseen digits (filled) and seen ones (open).
        Dashed: about .85, reported from 750 nodes on. {plots.INTERVALS}"""
    numbers = []
    for panel, part in _by_readout(rows):
        numbers += _measured(part.assign(x=part["nodes"]), panel)
        numbers.append(plots.level(part["nodes"], 0.85, (panel, ACCURACY, REPORTED)))
    return plots.of_rows("nodes", rows, text, numbers, draw_nodes, pairs="pairs of each relation", tested="test pairs")


def draw_nodes(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Nodes on a logarithmic axis."""
    facets = _draw(numbers, 2.8, low=0.4)
    facets.label("nodes of the reservoir", ACCURACY, log="x")
    _ticks(facets)
    return facets.finish(columns=4)


def over_pairs(rows: pd.DataFrame) -> Figure:
    """A panel for each readout; x is the number of training pairs, of all five relations together."""
    text = f"""Five-way accuracy on unseen digits against the number of training pairs, of reservoirs, of the best
        linear baseline and of networks trained on the same pairs; dotted: chance. {plots.INTERVALS}"""
    numbers = []
    for panel, part in _by_readout(_best(rows, ["pairs"])):
        part = part.assign(x=len(FIVE) * part["pairs"])
        numbers += _measured(part, panel, both=False)
        numbers.append(plots.level(part["x"], 1 / len(FIVE), (panel, ACCURACY, CHANCE)))
    return plots.of_rows("pairs", rows, text, numbers, draw_pairs, **LETTERS)


def draw_pairs(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Pairs on a logarithmic axis."""
    facets = _draw(numbers)
    facets.label("training pairs", ACCURACY, log="x")
    _ticks(facets)
    return facets.finish(columns=4)


def over_penalties(rows: pd.DataFrame) -> Figure:
    """A panel for each readout; x is the ridge penalty."""
    text = f"""Five-way accuracy on unseen digits (filled) and seen ones (open) against the penalty of the ridge
        regression, which is 1e-8 in the sources. {plots.INTERVALS}"""
    numbers = []
    for panel, part in _by_readout(rows):
        numbers += _measured(part.assign(x=part["penalty"]), panel)
    return plots.of_rows("penalties", rows, text, numbers, draw_penalties, **LETTERS)


def draw_penalties(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Penalties on a logarithmic axis."""
    facets = _draw(numbers, 2.8, low=0.4)
    facets.label("penalty of the ridge regression", ACCURACY, log="x")
    return facets.finish(columns=4)


# ---------------------------------------------------------------- what carries "same", and other tasks

TWO_WAY, RECALL = "two-way accuracy", "mean recall among five"
CUES = {("peak", "same"): "same: all pixels", ("pixels", "same"): "same: a fifth", ("none", "same"): "no noise"}
CUES |= {("peak", "both"): "both: all pixels", ("pixels", "both"): "both: a fifth"}


def noise(rows: pd.DataFrame) -> Figure:
    """A panel for each readout; at each place which pairs have which noise."""
    text = f"""What carries "same": accuracy on unseen pairs of one digit against pairs of two (above), and mean
        recall of these two among five relations (below), with noise on the "same" pairs alone, as the task has it, on
        none, and on both. Dotted: chance of two. {plots.INTERVALS}"""
    recalls = rows[[confusion(each, each) for each in ("same", "different")]].mean(axis=1)
    rows = rows.assign(shown=recalls.where(rows["task"] == "five", rows["unseen_accuracy"]))
    numbers = []
    for panel, part in _by_readout(rows):
        for quantity, task in ((TWO_WAY, "same_or_different"), (RECALL, "five")):
            for place, (which, pairs) in enumerate(CUES):
                own = part[(part["task"] == task) & (part["noise"] == which) & (part["noisy"] == pairs)]
                for name, same in _models(_beside(own, place)):
                    where = (panel, quantity, f"{name}, {UNSEEN}")
                    numbers.append(plots.over_seeds(same, same["x"], "shown", where, "tested"))
            if task != "five" and (part["task"] == task).any():
                numbers.append(plots.theory([-0.5, 4.5], [0.5, 0.5], (panel, quantity, CHANCE)))
    return plots.of_rows("noise", rows, text, numbers, draw_noise, **LETTERS)


def draw_noise(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two rows of panels."""
    facets = _draw(numbers, 5.0, quantities=(TWO_WAY, RECALL), linestyle="")
    _places(facets, list(CUES.values()))
    facets.label("")
    return facets.finish(columns=4)


TASKS = {"five": "five relations", "rotation": "rotated or not", "combinations": "combinations (8)"}
TASKS |= {"composed": "combinations, trained alone"}
GUESSED = {"five": 1 / 5, "rotation": 1 / 2, "combinations": 1 / 8, "composed": 1 / 8}
PUBLISHED = {"reported of the reservoir": (0.86, 0.84), "reported of a Siamese network": (0.90, 0.52)}  # rotated or not


def tasks(others: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """A panel for each readout; at each place a task."""
    text = f"""Accuracy on unseen (filled) and seen digits (open) in each task: five relations and whether one image is
        rotated, with 250 training pairs; which of rotation, enlargement and blur were done, trained on all
        combinations, and trained on each alone and tested on two or three at once. Stars: what is reported of rotation,
        on seen (above) and unseen digits. Short lines: chance. {plots.INTERVALS}"""
    five = published[(published["noise"] == "peak") & (published["radius"] == "eigenvalue")]
    rows = pd.concat([five, others])
    rows = _beside(rows, rows["task"].map({task: float(index) for index, task in enumerate(TASKS)}))
    numbers = []
    for panel, part in _by_readout(_best(rows, ["task"])):
        numbers += _measured(part, panel)
        if len(part):
            for index, (who, shares) in enumerate(PUBLISHED.items()):
                numbers.append(plots.single_runs([0.55 + 0.9 * index] * 2, shares, (panel, ACCURACY, who)))
            numbers.append(_chance(dict(enumerate(GUESSED.values())), panel, ACCURACY))
    return plots.of_rows("tasks", rows, text, numbers, draw_tasks, **LETTERS)


def draw_tasks(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Names of the tasks below."""
    facets = _draw(numbers, 3.5, linestyle="", markersize=4.2)
    _places(facets, list(TASKS.values()))
    facets.label("", ACCURACY)
    return facets.finish(columns=4)
