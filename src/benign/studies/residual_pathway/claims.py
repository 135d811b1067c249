"""Claims about residual pathways, each judged on the table alone.

[S]: the paper's figures, as numbers (`reported`). Theirs are medians over ten runs; ours are geometric means, as an
interval over few seeds needs a smooth statistic, and are compared on the scale of log₁₀. The limits are ours.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from benign.claims import (
    Claim,
    Estimate,
    always,
    at_least,
    at_most,
    conclude,
    estimate,
    estimates,
    largest_of,
    least_of,
    of_experiments,
    on_converged,
    within,
)
from benign.studies.residual_pathway.grid import Cell
from benign.studies.residual_pathway.reported import INERTIA, MEDIANS, PENALTIES, PENDULUM, PLACE, TASKS, Place

_claim = functools.partial(
    conclude,
    "residual_pathway",
    Cell,
    letters={"breaking": "s", "width": "channels"},
    figure="tasks",
    thresholds="before any run",
)
FACTOR = math.log10(1.5)  # that a ratio may be off by
APART = math.log10(1.1)  # from which on the order of two of their models is judged
ROUNDING = 1e-5  # of an equivariant network in single precision
NAMES = {"emlp": "the equivariant network", "rpp": "the residual-pathway network", "mlp": "the perceptron"}
THEIRS = {INERTIA: (384, 300), PENDULUM: (128, 1000)}  # channels and epochs [S]
LITTLE = (
    "An equivariant network with few channels has few tensors of the rank that products of vectors need "
    "(docs/theory/residual_pathway.md), and neither it nor the residual pathway's equivariant path is then much better "
    "than a perceptron."
)


def _sizes(rows: pd.DataFrame) -> str:
    """How networks here are smaller or trained less than the paper's; empty where they are not."""
    said = [
        f"The paper's networks have {channels} channels and {epochs:,} epochs on {system} tasks; "
        f"here the least are {part['width'].min()} and {part['epochs'].min():,}."
        for system, (channels, epochs) in THEIRS.items()
        if len(part := rows[rows["system"] == system])
        and (part["width"].min() < channels or part["epochs"].min() < epochs)
    ]
    return " ".join([*said, LITTLE]) if said else ""


def _log(rows: pd.DataFrame) -> pd.Series:
    return pd.Series(np.log10(rows["test_mse"]), index=rows.index)


def levels(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean log₁₀ test error: a row for each setting of `by`, a column for each model; NaN where there is none."""
    found = _log(rows).groupby([*(rows[name] for name in by), rows["model"]]).mean().unstack()
    return found.reindex(columns=list(NAMES))


def on_tasks(rows: pd.DataFrame, places: list[Place]) -> pd.DataFrame:
    """The same on each of these tasks; a task that was not run is NaN, and the claim "not run"."""
    return levels(rows, PLACE).reindex(pd.MultiIndex.from_tuples(places, names=PLACE))


def _tasks(table: pd.DataFrame, places: list[Place]) -> pd.DataFrame:
    """The rows of these tasks."""
    rows = of_experiments(table, "tasks")
    return rows[pd.MultiIndex.from_frame(rows[PLACE]).isin(places)]


def _of_figure(name: str) -> list[Place]:
    """The tasks of one of their figures."""
    return [place for place, (_, figure) in TASKS.items() if figure == name]


# ---------------------------------------------------------------- the six tasks


def on_task(place: Place, table: pd.DataFrame) -> Claim:
    """The paper's order of the three models, and its two ratios."""
    rows, (name, figure) = _tasks(table, [place]), TASKS[place]
    theirs = MEDIANS[(MEDIANS[PLACE] == list(place)).all(axis=1)].set_index("model")["test_mse"]
    ordered = theirs.sort_values().index.tolist()
    pairs = [(a, b) for a, b in itertools.pairwise(ordered) if np.log10(theirs[b] / theirs[a]) >= APART]

    def steps(t: pd.DataFrame) -> pd.Series:
        found = levels(t, PLACE).mean()
        return pd.Series({f"{a} {b}": found[b] - found[a] for a, b in pairs})

    criteria = [at_least("least_step", "least log₁₀ step in their order", least_of(estimates(rows, steps)), 0)]
    for other in ("emlp", "mlp"):
        ratio = theirs["rpp"] / theirs[other]
        found = estimate(rows, lambda t, other=other: _gap(t, "rpp", other))  # type: ignore[misc]
        says = f"log₁₀ of the residual-pathway network's error over that of {NAMES[other]}"
        criteria.append(within(f"over_{other}", says, found, math.log10(ratio) - FACTOR, math.log10(ratio) + FACTOR))
    said = ", ".join(f"{NAMES[a]}'s below {NAMES[b]}'s" for a, b in pairs)
    return _claim(
        re.sub(r"\W+", "_", name.lower()).strip("_"),
        rows,
        *criteria,
        kind="paper",
        statement=f"On the task {name} test errors have the paper's order ({said}), and the residual-pathway "
        f"network's is {theirs['rpp'] / theirs['emlp']:.2g} times the equivariant network's and "
        f"{theirs['rpp'] / theirs['mlp']:.2g} times the perceptron's, each to a factor of 1.5.",
        source=f"NeurIPS 2021, Figure {figure} [S]",
        limits="limits are ours; models whose numbers differ by less than a tenth in the paper have no order here",
        why=_sizes(rows),
    )


def _gap(rows: pd.DataFrame, over: str, under: str) -> float:
    """Mean log₁₀ error of one model less that of another, on one task."""
    found = levels(rows, PLACE)
    return float((found[over] - found[under]).mean())


def published(table: pd.DataFrame) -> Claim:
    rows = _tasks(table, list(TASKS))
    rows = rows[(rows["system"] == INERTIA) & (rows["width"] == 384) & (rows["epochs"] == 300) & (rows["n"] == 1000)]
    theirs = MEDIANS[MEDIANS["system"] == INERTIA].set_index([*PLACE, "model"])
    quartiles = theirs.dropna()

    def ours(t: pd.DataFrame) -> pd.Series:
        return _log(t).groupby([*(t[name] for name in PLACE), t["model"]]).mean().reindex(theirs.index)

    def outside(t: pd.DataFrame) -> pd.Series:
        found, ends = ours(t).reindex(quartiles.index), np.log10(quartiles)
        return np.maximum(ends["lower_quartile"] - found, found - ends["upper_quartile"])

    gaps = estimates(rows, lambda t: (ours(t) - np.log10(theirs["test_mse"])).abs())
    return _claim(
        "published",
        rows,
        at_most("largest_gap", "largest |log₁₀ of our error over theirs| of nine", largest_of(gaps), FACTOR),
        at_most("outside", "how far outside their quartiles, log₁₀", largest_of(estimates(rows, outside)), 0),
        kind="paper",
        statement="On the three inertia tasks, at the paper's sizes, each model's test error is the paper's to a "
        "factor of 1.5, and the residual-pathway network's lies between their quartiles on inertia and modified "
        "inertia.",
        source="NeurIPS 2021, Figure 2 [S]",
        limits="limits are ours; the numbers are read off figures to about 2 %",
    )


def _over_the_better(rows: pd.DataFrame, places: list[Place]) -> pd.Series:
    """On each task, log₁₀ of the residual-pathway network's error over that of the better of the other two."""
    found = on_tasks(rows, places)
    return found["rpp"] - found[["emlp", "mlp"]].min(axis=1, skipna=False)


def near_the_better(table: pd.DataFrame) -> Claim:
    places = list(TASKS)
    rows = _tasks(table, places)
    largest = largest_of(estimates(rows, lambda t: _over_the_better(t, places)))
    return _claim(
        "near_the_better",
        rows,
        at_most(
            "largest_excess", "largest log₁₀ of its error over the better one's, over tasks", largest, math.log10(2)
        ),
        kind="paper",
        statement="Whether a symmetry holds, nearly holds or is the wrong one, the residual-pathway network's test "
        "error is at most twice that of the better of the equivariant network and the perceptron.",
        source="NeurIPS 2021 abstract and Figure 2: the worst there is 1.75, on inertia [S]",
        why=_sizes(rows),
    )


def approximate_symmetry(table: pd.DataFrame) -> Claim:
    places = _of_figure("2b")
    rows = _tasks(table, places)
    largest = largest_of(estimates(rows, lambda t: _over_the_better(t, places)))
    return _claim(
        "approximate_symmetry",
        rows,
        at_most("largest", "largest log₁₀ of its error over the better one's", largest, 0),
        kind="paper",
        statement="Where a symmetry holds only approximately (modified inertia at s = .3, the pendulum in a wind) the "
        "residual-pathway network has a lower test error than both the equivariant network and the perceptron.",
        source="NeurIPS 2021, Section 5 and Figure 2b: .96 and .80 of the better one's [S]",
        why=_sizes(rows),
    )


def wrong_group(table: pd.DataFrame) -> Claim:
    places = _of_figure("2c")
    rows = _tasks(table, places)

    def over_perceptron(t: pd.DataFrame, model: str) -> pd.Series:
        found = on_tasks(t, places)
        return found[model] - found["mlp"]

    emlp, rpp = (estimates(rows, lambda t, m=m: over_perceptron(t, m)) for m in ("emlp", "rpp"))  # type: ignore[misc]
    says = "log₁₀ of the error over the perceptron's"
    return _claim(
        "wrong_group",
        rows,
        at_least("least_equivariant", f"least {says}, equivariant network", least_of(emlp), math.log10(5)),
        at_most("largest_residual", f"largest {says}, residual pathway", largest_of(rpp), math.log10(1.2)),
        kind="paper",
        statement="Built for the wrong group (SL(3) on inertia, SO(3) on the pendulum) the equivariant network has at "
        "least five times the perceptron's test error, the residual-pathway network at most 1.2 times.",
        source="NeurIPS 2021, Figure 2c: at least 8.7 and at most 1.09 times [S]",
        why=_sizes(rows),
    )


# ---------------------------------------------------------------- penalties


def grid_levels(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean log₁₀ error: a row for each penalty on unconstrained weights, a column for each on equivariant ones."""
    kept = rows[rows["model"] == "rpp"]
    by = [kept["basic_penalty"], kept["equivariant_penalty"]]
    wanted, found = _as_grid(PENALTIES), pd.DataFrame(_log(kept).groupby(by).mean().unstack())
    return found.reindex(index=wanted.index, columns=wanted.columns)


def _as_grid(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.pivot(index="basic_penalty", columns="equivariant_penalty", values="test_mse")


def strong_basic_penalty(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "penalties").query("model == 'rpp'")

    def rises(t: pd.DataFrame) -> pd.Series:
        found = grid_levels(t).T
        return (found[0.1] - found[100.0])[[1e-5, 1e-4, 1e-3]]

    says = "least log₁₀ of the error at .1 over that at 100, over equivariant penalties up to .001"
    return _claim(
        "strong_basic_penalty",
        rows,
        at_least("least_rise", says, least_of(estimates(rows, rises)), math.log10(2)),
        kind="paper",
        statement="On modified inertia a penalty of 100 on the unconstrained weights gives at most half the test "
        "error of a penalty of .1, at equivariant penalties of 10⁻⁵, 10⁻⁴ and 10⁻³.",
        source="NeurIPS 2021, Figure 7: at least 3.5 times [S]",
        figure="penalties",
        why="Theirs are single runs of 1,000 epochs.",
    )


def weak_equivariant_penalty(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "penalties").query("model == 'rpp'")

    def rises(t: pd.DataFrame) -> pd.Series:
        found = grid_levels(t)
        return found[1e-2] - found[1e-5]

    return _claim(
        "weak_equivariant_penalty",
        rows,
        at_least(
            "least_rise",
            "least log₁₀ of the error at .01 over that at 10⁻⁵, over penalties of the unconstrained weights",
            least_of(estimates(rows, rises)),
            FACTOR,
        ),
        kind="paper",
        statement="On modified inertia a penalty of .01 on the equivariant weights gives at least 1.5 times the test "
        "error of 10⁻⁵, at every penalty on the unconstrained weights from .1 to 100.",
        source="NeurIPS 2021, Figure 7: at least 2.8 times [S]",
        figure="penalties",
        why="Theirs are single runs of 1,000 epochs.",
    )


def shape_of_the_ablation(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "penalties").query("model == 'rpp'")
    theirs = np.log10(_as_grid(PENALTIES).to_numpy()).ravel()

    def correlation(t: pd.DataFrame) -> float:
        return float(np.corrcoef(grid_levels(t).to_numpy().ravel(), theirs)[0, 1])

    return _claim(
        "shape_of_the_ablation",
        rows,
        at_least("correlation", "of the 16 log errors with theirs", estimate(rows, correlation), 0.7),
        kind="paper",
        statement="Over the 16 pairs of penalties on modified inertia our log errors correlate with the paper's by at "
        "least .7.",
        source="NeurIPS 2021, Figure 7 [S]",
        figure="penalties",
        why="Theirs are single runs of 1,000 epochs.",
    )


def ahead_when_penalised(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "penalties")

    def ratio(t: pd.DataFrame) -> float:
        return float(grid_levels(t)[1e-5][100.0] - _log(t)[t["model"] == "emlp"].mean())

    return _claim(
        "ahead_when_penalised",
        rows,
        at_most(
            "over_emlp", "log₁₀ of its error over the equivariant network's", estimate(rows, ratio), math.log10(0.5)
        ),
        kind="paper",
        statement="On modified inertia the residual-pathway network with penalties 100 and 10⁻⁵ has at most half the "
        "test error of the equivariant network.",
        source="NeurIPS 2021, Figure 7 beside 2b: .27 against 1.06 [S]",
        figure="penalties",
        why="Theirs are a run of 1,000 epochs, for the equivariant network of 300.",
    )


# ---------------------------------------------------------------- the dial


def dial_levels(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean log₁₀ error: a row for each s; rpp is the better of the penalties that were run."""
    each = levels(rows, ["breaking", "basic_penalty", "equivariant_penalty"])
    return each.groupby(level="breaking").min()


def leaves_the_equivariant_network(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "dial")

    def gain(t: pd.DataFrame) -> pd.Series:
        found = dial_levels(t)
        return found["emlp"] - found["rpp"]

    exact = rows[rows["breaking"] == 0]
    broken = rows[rows["breaking"] >= 0.3]
    return _claim(
        "leaves_the_equivariant_network",
        rows,
        at_most("gain_when_exact", "log₁₀ of the equivariant network's error over its, s = 0", _only(exact, gain), 0),
        at_least("least_gain_when_broken", "least of the same, s ≥ .3", least_of(estimates(broken, gain)), 0),
        kind="beyond",
        statement="On inertia with the symmetry O(3) broken by a dial s, the equivariant network is ahead of the "
        "residual-pathway network with the better of two penalties at s = 0, and behind it at every s from .3 that was "
        "run.",
        source="beyond the paper, which has s = 0 and .3",
        figure="dial",
        why="The point at which the two change places is in the figure.",
    )


def _only(rows: pd.DataFrame, statistic: Callable[[pd.DataFrame], pd.Series]) -> Estimate:
    return estimate(rows, lambda t: float(statistic(t).iloc[0]))


def perceptron_is_never_best(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "dial")

    def gain(t: pd.DataFrame) -> pd.Series:
        found = dial_levels(t)
        return found["mlp"] - found["rpp"]

    return _claim(
        "perceptron_is_never_best",
        rows,
        at_least(
            "least_gain", "least log₁₀ of the perceptron's error over its, over s", least_of(estimates(rows, gain)), 0
        ),
        kind="beyond",
        statement="At every dial setting s that was run the residual-pathway network with the better of two penalties "
        "has a lower test error than the perceptron.",
        source="beyond the paper",
        figure="dial",
    )


def breaks_what_the_data_break(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "dial")
    kept = rows[rows["model"] == "rpp"]

    def rises(t: pd.DataFrame) -> pd.Series:
        errors = pd.Series(np.log10(t["equivariance_error"]), index=t.index)
        found = errors.groupby([t["basic_penalty"], t["breaking"]]).mean()
        return found.groupby(level="basic_penalty").diff().dropna()

    return _claim(
        "breaks_what_the_data_break",
        kept,
        at_least("least_rise", "least rise of its mean log₁₀ equivariance error", least_of(estimates(kept, rises)), 0),
        kind="beyond",
        statement="The residual-pathway network's distance from equivariance rises with every step of the dial s, at "
        "both of its penalties.",
        source="beyond the paper",
        figure="dial",
    )


# ---------------------------------------------------------------- images

IMAGES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
STRONG, WEAK = 0.01, 1e-5  # penalties on unconstrained weights: for images as they are [S], and for a wrong symmetry
CLOSE, NO_WORSE = math.log10(1.25), math.log10(1.2)  # ratios of errors that count as close, and as no worse


def _images(table: pd.DataFrame, data: str, breaking: float, basic: float) -> pd.DataFrame:
    """The rows of all models, of the residual pathway with one penalty on its unconstrained weights."""
    rows = of_experiments(table, "images")
    kept = (rows["model"] != "rpp") | (rows["basic_penalty"] == basic)
    return rows[(rows["data"] == data) & (rows["breaking"] == breaking) & kept]


def _error_ratio(rows: pd.DataFrame, over: str, under: str) -> Estimate:
    """Log₁₀ of one model's mean test error over another's."""

    def ratio(t: pd.DataFrame) -> float:
        errors = t["test_error"].groupby(t["model"]).mean().reindex(list(NAMES))
        return float(np.log10(errors[over] / errors[under]))

    return estimate(rows, ratio)


def images_as_they_are(data: str, table: pd.DataFrame) -> Claim:
    rows = _images(table, data, 0.0, STRONG)
    over_conv, over_dense = (_error_ratio(rows, "rpp", other) for other in ("emlp", "mlp"))
    says = "log₁₀ of the test error of the residual pathway over the"
    return _claim(
        f"images_{data}",
        rows,
        at_most("over_convolutional", f"{says} convolutional network's", over_conv, CLOSE),
        at_most("over_dense", f"{says} dense network's", over_dense, 0),
        kind="paper",
        statement=f"On images of {IMAGES[data]} the residual-pathway network, convolutions with a dense map beside "
        "each, has at most 1.25 times the convolutional network's test error, and less than the dense network's.",
        source="NeurIPS 2021 abstract (as effective as fully constrained models where symmetries hold) and code for "
        "CIFAR-10 [S]",
        limits="limits are ours: Table 1's numbers are not in our sources",
        figure="images",
        why="The default tier has three replicates of 500 images of MNIST, with mean errors of .086, against .094 and "
        ".103; the convolutional network's alone goes from .081 to .107.",
    )


def images_permuted(data: str, table: pd.DataFrame) -> Claim:
    rows = _images(table, data, 1.0, WEAK)
    conv_over_dense, over_conv, over_dense = (
        _error_ratio(rows, *pair) for pair in (("emlp", "mlp"), ("rpp", "emlp"), ("rpp", "mlp"))
    )
    says = "log₁₀ of the test error of the"
    return _claim(
        f"permuted_{data}",
        rows,
        at_least("convolutional_over_dense", f"{says} convolutional network over the dense one's", conv_over_dense, 0),
        at_most("over_convolutional", f"{says} residual pathway over the convolutional network's", over_conv, 0),
        at_most("over_dense", f"{says} residual pathway over the dense network's", over_dense, NO_WORSE),
        kind="paper",
        statement=f"On images of {IMAGES[data]} whose pixels are permuted, where translations are the wrong symmetry, "
        "the convolutional network has a higher test error than the dense one, and the residual-pathway network one "
        "that is below the convolutional network's and at most 1.2 times the dense network's.",
        source="NeurIPS 2021 abstract (resilient to misspecified symmetries) [S]; permuted pixels are ours",
        figure="images",
        why="The default tier has three replicates of 500 images of MNIST, with mean errors of .226 (convolutional), "
        ".108 (dense) and .114 (residual pathway, from .109 to .122).",
    )


def breaks_translations(data: str, table: pd.DataFrame) -> Claim:
    rows = pd.concat([_images(table, data, breaking, STRONG) for breaking in (0.0, 1.0)]).query("model == 'rpp'")

    def rise(t: pd.DataFrame) -> float:
        errors = pd.Series(np.log10(t["equivariance_error"]), index=t.index)
        found = errors.groupby(t["breaking"]).mean().reindex([0.0, 1.0])
        return float(found[1.0] - found[0.0])

    return _claim(
        f"breaks_translations_{data}",
        rows,
        at_least("rise", "rise of its mean log₁₀ equivariance error", estimate(rows, rise), 0),
        kind="beyond",
        statement="With the same penalties, the residual-pathway network is farther from equivariant after training "
        f"on permuted images of {IMAGES[data]} than after training on the images as they are.",
        source="beyond the paper",
        figure="images",
    )


def equivariant_by_construction(table: pd.DataFrame) -> Claim:
    rows = table[table["model"] == "emlp"]
    return _claim(
        "equivariant_by_construction",
        rows,
        always("share", "equivariance error at most 10⁻⁵", rows, rows["equivariance_error"] <= ROUNDING),
        kind="check",
        statement="Every trained equivariant network commutes with random elements of its group but for roundings.",
        source="by construction",
        limits="fails if a map between tensors is not equivariant",
        figure="",
    )


IMAGE_CLAIMS = (images_as_they_are, images_permuted, breaks_translations)
claims = on_converged(
    [
        *(functools.partial(on_task, place) for place in TASKS),
        published,
        near_the_better,
        approximate_symmetry,
        wrong_group,
        strong_basic_penalty,
        weak_equivariant_penalty,
        shape_of_the_ablation,
        ahead_when_penalised,
        leaves_the_equivariant_network,
        perceptron_is_never_best,
        breaks_what_the_data_break,
        *(functools.partial(judge, data) for judge in IMAGE_CLAIMS for data in IMAGES),
        equivariant_by_construction,
    ]
)
