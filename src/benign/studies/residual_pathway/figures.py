"""Figures: the six tasks and the ablation beside the paper's numbers, the dial from exact to broken symmetry, and
images as they are and with their pixels permuted.
"""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pandas as pd

from benign import plots
from benign.claims import of_experiments
from benign.plots import Figure
from benign.plots.looks import DOTTED, OPEN, Look, line, points
from benign.studies.residual_pathway.reported import MEDIANS, PENALTIES, PLACE, RUNS, TASKS

ERROR, EQUIVARIANCE = "test error (MSE)", "equivariance error"
OURS, PAPER = "ours", "the paper"
MODELS = {"emlp": "equivariant", "rpp": "residual pathway", "mlp": "perceptron"}
EMLP, RPP, MLP = MODELS.values()
LOOKS: dict[str, Look] = {EMLP: points("blue", "o"), RPP: points("vermilion", "s"), MLP: points("green", "^")}
QUARTILES = "Points: medians over trials; bars: quartiles."


def figures(table: pd.DataFrame) -> list[Figure]:
    """The study's figures."""
    return [
        tasks(of_experiments(table, "tasks")),
        penalties(of_experiments(table, "penalties")),
        dial(of_experiments(table, "dial")),
        images(of_experiments(table, "images")),
    ]


# ---------------------------------------------------------------- tasks


def tasks(rows: pd.DataFrame) -> Figure:
    """A panel for each task; x is the model."""
    text = f"""Test error of equivariant networks, residual-pathway networks and perceptrons on the paper's six tasks,
        beside the paper's (crosses: medians over 10 runs, quartiles where they can be read). Above, inertia; below,
        the double pendulum; from left to right the symmetry holds, holds approximately, is the wrong one. {QUARTILES}
        """
    numbers = []
    for place, (name, _) in sorted(TASKS.items(), key=lambda item: item[0][0]):
        ours = rows[(rows[PLACE] == list(place)).all(axis=1)]
        theirs = MEDIANS[(MEDIANS[PLACE] == list(place)).all(axis=1)]
        if len(ours):
            numbers += [_medians(ours, (name, ERROR, OURS)), _theirs(theirs, (name, ERROR, PAPER))]
    return plots.of_rows("tasks", rows, text, numbers, draw_tasks, "n", width="channels", epochs="epochs")


def _at(rows: pd.DataFrame) -> pd.Series:
    """Where a model stands on the x-axis."""
    return rows["model"].map({model: float(i) for i, model in enumerate(MODELS)})


def _medians(rows: pd.DataFrame, place: tuple[str, str, str]) -> pd.DataFrame:
    """Medians and quartiles over trials in place of means and intervals."""
    numbers = plots.over_seeds(rows, _at(rows), "test_mse", place)
    kept = rows[rows["status"] == "ok"]
    errors = kept["test_mse"].groupby(_at(kept))
    low, middle, high = (errors.quantile(q).reindex(numbers["x"]).to_numpy() for q in (0.25, 0.5, 0.75))
    return numbers.assign(mean=middle, low=low, high=high)


def _theirs(reported: pd.DataFrame, place: tuple[str, str, str]) -> pd.DataFrame:
    numbers = plots.over_seeds(reported.assign(status="ok"), _at(reported), "test_mse", place)
    ends = reported.assign(x=_at(reported)).set_index("x").reindex(numbers["x"])
    return numbers.assign(low=ends["lower_quartile"].to_numpy(), high=ends["upper_quartile"].to_numpy(), seeds=RUNS)


def draw_tasks(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two rows of up to three."""
    facets = plots.Facets(numbers, 1.2 + 1.7 * (1 + (numbers["panel"].nunique() > 3)), wrap=3, sharex=True)
    cross: Look = points("black", "x") | {"linestyle": "", "markersize": 4.5, "zorder": 4}
    facets.draw({OURS: points("blue", "o") | {"linestyle": ""}, PAPER: cross})
    facets.label("", ERROR, log="y")
    for panel in facets:
        panel.axes.set(xlim=(-0.5, 2.5), xticks=range(3), xticklabels=list(MODELS.values()))
        panel.axes.tick_params(axis="x", rotation=15, labelbottom=True)
    return facets.finish(columns=2)


# ---------------------------------------------------------------- penalties


def penalties(rows: pd.DataFrame) -> Figure:
    """A panel for ours and one for theirs; x is the penalty on unconstrained weights."""
    text = """Test error of the residual-pathway network on modified inertia over the penalty on its unconstrained
        weights, a series for each penalty on its equivariant weights: ours (with the equivariant network and the
        perceptron as lines), and the paper's, single runs of 1,000 epochs."""
    mixed, panels = rows[rows["model"] == "rpp"], [OURS, PAPER] if len(rows) else []
    numbers = []
    for panel, part in zip(panels, (mixed, PENALTIES.assign(status="ok")), strict=False):
        for penalty, some in part.groupby("equivariant_penalty"):
            place = (panel, ERROR, _series(float(penalty)))  # type: ignore[arg-type]
            numbers.append(plots.over_seeds(some, some["basic_penalty"], "test_mse", place))
    for model in ("emlp", "mlp"):
        errors = rows.loc[(rows["model"] == model) & (rows["status"] == "ok"), "test_mse"]
        if len(errors):
            numbers.append(plots.level(mixed["basic_penalty"], errors.mean(), (OURS, ERROR, MODELS[model])))
    return plots.of_rows(
        "penalties", rows, f"{text} {plots.INTERVALS}", numbers, draw_penalties, "n", width="channels", epochs="epochs"
    )


def _series(penalty: float) -> str:
    return f"equivariant penalty {penalty:g}"


def draw_penalties(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Two panels on one scale."""
    facets = plots.Facets(numbers, 3.1, sharey=True)
    series = [name for name in numbers["series"] if name not in MODELS.values()]
    facets.draw(plots.in_order(series) | {EMLP: line("grey", "--"), MLP: line("grey", DOTTED)})
    facets.label("penalty on unconstrained weights", ERROR, log="xy")
    return facets.finish(columns=3)


# ---------------------------------------------------------------- dial

BEST = "best of all"


def dial(rows: pd.DataFrame) -> Figure:
    """One column: errors above, distance from equivariance below; x is s."""
    text = """A dial from exact to broken symmetry: the target of inertia is Y + s·(Yẑ)ẑᵀ. Above: test error of each
        model, the residual-pathway network with the penalties that the paper takes for exact and for approximate
        symmetry; a ring marks the best at each s, and a dotted line where another becomes the best (between points,
        along straight lines). Below: each network's distance from equivariance (that of the equivariant network is
        rounding, and not drawn). The s-axis is linear below 0.1."""
    numbers, panel = [], "inertia, O(3)"
    for name, part in _by_series(rows):
        numbers.append(plots.over_seeds(part, part["breaking"], "test_mse", (panel, ERROR, name)))
        if not name.startswith(EMLP):
            place = (panel, EQUIVARIANCE, name)
            numbers.append(plots.over_seeds(part, part["breaking"], "equivariance_error", place))
    numbers += _best(plots.gather(numbers), panel)
    return plots.of_rows(
        "dial", rows, f"{text} {plots.INTERVALS}", numbers, draw_dial, "n", width="channels", epochs="epochs"
    )


def _by_series(rows: pd.DataFrame, names: dict[str, str] = MODELS) -> list[tuple[str, pd.DataFrame]]:
    """(name, rows) of each model, of the residual pathway for each pair of its penalties."""
    found = []
    for model, name in names.items():
        part = rows[rows["model"] == model]
        for (basic, equivariant), some in part.groupby(["basic_penalty", "equivariant_penalty"]):
            found.append((f"{name}, penalties {basic:g} and {equivariant:g}" if model == "rpp" else name, some))
    return found


def _best(numbers: pd.DataFrame, panel: str) -> list[pd.DataFrame]:
    """The least error at each s, and where the least becomes another's."""
    errors = numbers[numbers["quantity"] == ERROR].pivot(index="x", columns="series", values="mean").dropna(how="all")
    if errors.empty:
        return []
    winner, s = errors.idxmin(axis=1).tolist(), errors.index.to_numpy()
    rings = plots.over_seeds(
        pd.DataFrame({"status": "ok", "test_mse": errors.min(axis=1)}), s, "test_mse", (panel, ERROR, BEST)
    )
    changes = [
        _crossing(s[i : i + 2], errors[winner[i]].to_numpy()[i : i + 2], errors[winner[i + 1]].to_numpy()[i : i + 2])
        for i in range(len(s) - 1)
        if winner[i] != winner[i + 1]
    ]
    marks = [plots.mark([at], (panel, ERROR, f"s = {at:.2g}")) for at in changes]
    return [rings, *marks]


def _crossing(s: np.ndarray, old: np.ndarray, new: np.ndarray) -> float:
    """Where two straight lines cross."""
    gap = new - old
    return float(s[0] + (s[1] - s[0]) * gap[0] / (gap[0] - gap[1]))


def draw_dial(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Errors above, distances below."""
    facets = plots.Facets(numbers, 4.4, quantities=[ERROR, EQUIVARIANCE], sharex=True, height_ratios=[2, 1])
    mixed = sorted({name for name in numbers["series"] if name.startswith(RPP)})
    own = LOOKS | dict(zip(mixed, (points("vermilion", "s"), points("orange", "D")), strict=False))
    ring: Look = points("black", "o") | OPEN | {"linestyle": "", "markersize": 8}
    facets.draw(own | {BEST: ring})
    facets.label("symmetry broken by s", log="y")
    for panel in facets:
        panel.axes.set_xscale("symlog", linthresh=0.1)
        panel.axes.set_xlim(-0.02, 1.25 * numbers["x"].max())
    return facets.finish(columns=2)


# ---------------------------------------------------------------- images

WRONG, SETS = "test error", {"mnist": "MNIST", "cifar10": "CIFAR-10"}
NETWORKS = {"emlp": "convolutional", "rpp": RPP, "mlp": "dense"}
APART = 0.1  # of series that share a place on the x-axis


def images(rows: pd.DataFrame) -> Figure:
    """A column for each set: errors above, distance from equivariance below; x is whether pixels are permuted."""
    text = """Images as they are, where translations nearly are a symmetry, and with their pixels permuted, where they
        are not. Above: test error of a convolutional network, a dense one of the same layers, and the residual-pathway
        network, with the penalties that the paper takes for images and for a wrong symmetry. Below: distance from
        equivariance under translations (that of the convolutional network is rounding, and not drawn)."""
    numbers = []
    for data, panel in SETS.items():
        series = _by_series(rows[rows["data"] == data], NETWORKS)
        for place, (name, part) in enumerate(series):
            x = part["breaking"] + APART * (place - (len(series) - 1) / 2)
            numbers.append(plots.over_seeds(part, x, "test_error", (panel, WRONG, name), "test_points"))
            if name != NETWORKS["emlp"]:
                numbers.append(plots.over_seeds(part, x, "equivariance_error", (panel, EQUIVARIANCE, name)))
    return plots.of_rows(
        "images", rows, f"{text} {plots.INTERVALS}", numbers, draw_images, "n", width="channels", epochs="epochs"
    )


def draw_images(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Errors above, distances below."""
    columns = numbers["panel"].nunique()
    facets = plots.Facets(
        numbers,
        4.6,
        width=plots.COLUMN_WIDTH if columns == 1 else plots.FULL_WIDTH,
        quantities=[WRONG, EQUIVARIANCE],
        sharex=True,
        height_ratios=[2, 1],
    )
    mixed = sorted({name for name in numbers["series"] if name.startswith(RPP)})
    own = dict(zip(mixed, (points("vermilion", "s"), points("orange", "D")), strict=False))
    own |= {NETWORKS["emlp"]: points("blue", "o"), NETWORKS["mlp"]: points("green", "^")}
    facets.draw({name: look | {"linestyle": ""} for name, look in own.items()})
    facets.label("")
    for panel in facets:
        panel.axes.set(xlim=(-0.5, 1.5), xticks=[0, 1], xticklabels=["as they are", "permuted"])
        plots.error_axis(panel.axes, panel.numbers[["mean", "high"]].max().max())
    return facets.finish(columns=columns)
