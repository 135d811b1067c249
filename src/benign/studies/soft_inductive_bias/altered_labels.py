"""Exact Gaussian-process regression on two classes with altered labels: interpolation, evidence and test accuracy.

Wilson and Izmailov 2020, "rethinking generalization" [S]: their data set of 10,000 is too heavy here; the pairs, n
and the fixed hyperparameters are [ours]: variance 1, length scale in units of the median distance, little noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.distance import pdist

from benign import seeds
from benign.data.images.pairs import sample_problem
from benign.data.images.record import ImageSet
from benign.studies.soft_inductive_bias.grid import Cell
from benign.study import Context
from benign.theory.regression.gaussian_process import condition, expected_evidence, squared_exponential


def measure(cell: Cell, images: ImageSet, context: Context) -> dict[str, Any]:
    """Accuracy on the altered training labels and on the test images' true ones; log evidence, and its expectation."""
    rng = seeds.generator(context.study, "altered labels", cell.seed, n=cell.n)
    drawn = sample_problem(images, cell.classes, cell.side, cell.n, cell.flip_rate, 0, rng)
    length = cell.length_scale * float(np.median(pdist(drawn.x)))
    kernel = squared_exponential(drawn.x, drawn.x, length)
    posterior = condition(kernel, drawn.labels.observed, cell.noise)
    fitted = posterior.mean(kernel) * drawn.labels.observed > 0
    right = posterior.mean(squared_exponential(drawn.x_test, drawn.x, length)) * drawn.test_labels.clean > 0
    return {
        "altered": float((drawn.labels.observed != drawn.labels.clean).mean()),
        "train_accuracy": float(fitted.mean()),
        "test_accuracy": float(right.mean()),
        "tested": len(right),
        "log_evidence": posterior.log_marginal_likelihood,
        "expected_log_evidence": expected_evidence(kernel, drawn.labels.clean, cell.noise, cell.flip_rate),
    }
