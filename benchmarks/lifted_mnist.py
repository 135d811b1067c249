"""How many dimensions MNIST 0 v 1 with wrong labels lacks: behind the flagship's claim mnist_noisy_labels. A minute.

    python benchmarks/lifted_mnist.py resources/mnist/sample.safetensors

To each image of 14 × 14 pixels p coordinates of standard normal noise are appended, each with the variance that a pixel
has in the mean; the classes stay where they are. Prints Markdown: means over seeds, with half their 95 % interval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # this checkout's code, not an installed one

from benign import seeds
from benign.data.clusters import Array
from benign.data.images import storage
from benign.experiments import image_pairs
from benign.experiments.noisy_clusters.draw import training
from benign.experiments.noisy_clusters.fit import networks
from benign.experiments.noisy_clusters.measure import measured
from benign.experiments.samples import Coordinates, Sample, on_device
from benign.stats import student
from benign.studies.adversarial_training.grid import Cell
from benign.study import Context
from benign.train.reduction import orthonormal_basis

ADDED = (0, 300, 1000, 3000, 10_000)
BUDGETS = (0.0, 1.4, 2.4)  # ‖μ̂‖/4 is about 2.5
SEEDS = 5


def cells() -> list[Cell]:
    """One cell for each budget and seed."""
    common: dict[str, Any] = {
        "data": "mnist",
        "side": 14,
        "n": 100,
        "flip_rate": 0.1,
        "width": 200,
        "steps": 1000,
        "test_points": 0,
    }
    ours: dict[str, Any] = {"d": 196, "signal": 0, "activation": "leaky_relu", "slope": 0.1, "curvature": 1}
    scales: dict[str, Any] = {"init_scale": 1e-3, "step_scale": 2}
    return [Cell(**common, **ours, **scales, budget=b, seed=s) for b in BUDGETS for s in range(SEEDS)]


def lifted(added: int) -> Callable[[Cell, Context], Sample]:
    """What draws a cell's images with that many coordinates of noise."""

    def draw(cell: Cell, context: Context) -> Sample:
        def rng(role: str) -> np.random.Generator:
            return seeds.generator("lifted_mnist", role, cell.seed, added=added)

        def lift(points: Array, role: str) -> Array:
            return np.hstack([points, rng(role).standard_normal((len(points), added))])

        d = cell.d + added
        plain = np.zeros((1, cell.d))
        images = image_pairs.draw(
            cell, context.images(cell.data), plain, seeds.generator("lifted_mnist", "images", cell.seed)
        ).images
        mean = np.append(images.mean, np.zeros(added))
        x, test_x = lift(images.x, "training noise"), lift(images.x_test, "test noise")
        w0 = cell.init_scale / d**0.5 * rng("weights").standard_normal((cell.rows, d))
        q = orthonormal_basis(mean, x, w0)
        drawn = Coordinates(x @ q, images.labels, mean @ q, w0 @ q, test_x @ q, images.test_labels)
        step = cell.step_scale * cell.n / float((x**2).sum(1).mean())
        return on_device(drawn, context.device, step_size=step, **training(cell, context))

    return draw


def line(added: int, context: Context) -> str:
    """One row of the table."""
    found = [(network.setting, measured(network)) for network in networks(cells(), context, lifted(added))]
    numbers = []
    for budget in BUDGETS:
        rows = [row for cell, row in found if cell.budget == budget]
        excess = np.array([row["robust_test_error"] - 0.1 for row in rows])
        half = float(student(SEEDS)) * excess.std(ddof=1)
        numbers.append(f"{excess.mean():.3f} ± {half:.3f} ({np.mean([row['robust_train_error'] for row in rows]):.3f})")
    return f"| {added} | " + " | ".join(numbers) + " |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="MNIST, as scripts/fetch_data.py writes it")
    images = storage.load(parser.parse_args().images)
    torch.set_num_threads(1)
    print("robust test error above β = 0.1 (robust training error)")
    print("| noise dimensions | " + " | ".join(f"α = {budget:g}" for budget in BUDGETS) + " |")
    print("| --- " * (len(BUDGETS) + 1) + "|")
    for count in ADDED:
        print(line(count, Context("adversarial_training", images=lambda name: images)), flush=True)
