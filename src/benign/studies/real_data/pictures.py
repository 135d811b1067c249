"""What budgets look like: a test image, an adversarially trained network's strongest perturbation of it, and both."""

from __future__ import annotations

import math
from collections.abc import Iterator

import matplotlib.figure
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benign import plots
from benign.attack.evaluation import worst_case
from benign.claims import converged, of_experiments
from benign.data.images.pairs import downsample, normalised_pair, pair
from benign.plots import Figure
from benign.studies.real_data.experiment import fit, sample
from benign.studies.real_data.figures import with_pair
from benign.studies.real_data.grid import Cell
from benign.study import Context

ORIGINAL, PERTURBATION = "test image", "perturbation"
GAP = 2  # pixels between images


def pictures(table: pd.DataFrame, context: Context) -> list[Figure]:
    """The study's one figure that shows data."""
    return [perturbations(table, context)]


def perturbations(table: pd.DataFrame, context: Context) -> Figure:
    """A panel for each data set, with every second budget."""
    text = """What budgets look like. The first test image of a pair's first class (left, α = 0), and with the strongest
        perturbation that was found for a network trained adversarially at that α (top), drawn within [0, 1]; below the
        perturbation alone, grey where it is 0, each scaled to its own largest value. Of each data set the pair with the
        most networks, first replicate, with label noise."""
    rows = shown(table)
    cells = [Cell(**{name: row[name] for name in Cell.model_fields}) for row in rows.to_dict("records")]
    set_ = rows["data"].map({"mnist": "", "cifar10": "CIFAR-10 "})  # MNIST is in the names of its pairs
    names = dict(zip(rows["data"], set_ + rows["pair"], strict=True))
    numbers = [
        part
        for data, panel in names.items()
        for part in attacked([cell for cell in cells if cell.data == data], panel, context)
    ]
    return plots.of_rows("perturbations", rows, text, numbers, draw_perturbations, "n", "flip_rate", "width", "slope")


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Their networks: of each data set one pair, every second budget, MNIST first."""
    rows = with_pair(converged(of_experiments(table, "pairs")))
    rows = rows[(rows["training"] == "adversarial") & (rows["flip_rate"] > 0) & (rows["budget_ratio"] > 0)]
    kept = [rows[:0]]
    for data, part in rows.groupby("data"):
        one = part[part["classes"] == table.loc[table["data"] == data, "classes"].mode()[0]]
        one = one[(one["flip_rate"] == one["flip_rate"].min()) & (one["seed"] == one["seed"].min())]
        kept.append(one.sort_values("budget_ratio")[::2])
    return pd.concat(kept[::-1])


@torch.inference_mode()
def attacked(cells: list[Cell], panel: str, context: Context) -> Iterator[pd.DataFrame]:
    """The image, and for each cell, whose network is trained again, the perturbation, in pixels from 0 to 1."""
    first = cells[0]
    images = context.images(first.data)
    whole = normalised_pair(images, first.classes, first.side)
    drawn = sample(first, whole, context)
    _, _, test, labels = pair(images, first.classes)
    pixels, place = downsample(test, first.side), int(np.argmax(labels > 0))
    unit = np.linalg.norm(pixels - pixels.mean(0)) / np.linalg.norm(whole.x_test - whole.x_test.mean(0))
    yield plots.pixels(pixels[place], (panel, ORIGINAL, "0"))
    x = torch.tensor(whole.x_test[place] @ drawn.basis, dtype=torch.float32)[None]
    for cell in cells:
        budget = cell.budget_ratio * float(np.linalg.norm(drawn.images.mean))
        w, activation = fit(cell, drawn, budget).weights[0], drawn.trained.problem.activation
        found = worst_case(x, torch.ones(1), w, activation, budget, iterations=100, tolerance=1e-6)
        moved = drawn.basis @ found.perturbation[0].double().numpy()
        yield plots.pixels(unit * moved, (panel, PERTURBATION, f"{cell.budget_ratio:g}"))


# ---------------------------------------------------------------- drawing


def draw_perturbations(numbers: pd.DataFrame) -> matplotlib.figure.Figure:
    """Panels below one another: an image for each budget, above its perturbation."""
    facets = plots.Facets(numbers, 2.1 * numbers["panel"].nunique(), width=plots.COLUMN_WIDTH, wrap=1)
    for panel in facets:
        by_budget = panel.numbers.groupby("series", sort=False)["mean"]
        images = {str(ratio): as_image(values.to_numpy()) for ratio, values in by_budget}
        original, moves = images.pop("0"), list(images.values())
        above = [original, *(np.clip(original + move, 0, 1) for move in moves)]
        below = [np.ones_like(original), *(0.5 + move / (2 * np.abs(move).max()) for move in moves)]
        mosaic = np.concatenate([np.concatenate([padded(each) for each in line], 1) for line in (above, below)])
        panel.axes.imshow(mosaic, extent=(0, len(above), 2, 0), interpolation="nearest")
        panel.axes.grid(visible=False)
        panel.axes.spines[:].set_visible(False)
        panel.axes.tick_params(length=0)
        panel.axes.set_xticks(np.arange(len(above)) + 0.5, ["0", *images])
        panel.axes.set_yticks([0.5, 1.5], ["perturbed", "perturbation"], rotation=90, va="center")
    facets.label("budget α/‖μ̂‖")
    return facets.finish(0)


def as_image(values: NDArray) -> NDArray:
    """(side, side, 3) of a flattened image, grey or in colour."""
    side = math.isqrt(len(values))
    if side**2 == len(values):
        return values.reshape(side, side, 1).repeat(3, axis=2)
    side = math.isqrt(len(values) // 3)
    return values.reshape(side, side, 3)


def padded(image: NDArray) -> NDArray:
    """With a white border."""
    return np.pad(image, ((GAP // 2, GAP // 2), (GAP // 2, GAP // 2), (0, 0)), constant_values=1.0)
