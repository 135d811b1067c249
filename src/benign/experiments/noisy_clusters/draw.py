"""A setting's points, labels and initial weights, in the coordinates of the subspace that training never leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from benign import seeds
from benign.data import clusters
from benign.data.clusters import Array
from benign.experiments import image_pairs
from benign.experiments.noisy_clusters.predict import step_size
from benign.experiments.samples import Coordinates, Sample, on_device
from benign.nets.two_layer import Activation
from benign.train.reduction import orthonormal_basis

if TYPE_CHECKING:
    from benign.experiments.noisy_clusters.setting import Setting
    from benign.study import Context

Generators = Callable[..., np.random.Generator]


def sample(setting: Setting, context: Context) -> Sample:
    """Draw a setting's points and weights. What settings have in common (n, d, seed, …) they share draw by draw."""

    def rng(role: str, **fields: Any) -> np.random.Generator:
        return seeds.generator(context.study, role, setting.seed, **fields)

    if setting.data == "mnist":
        drawn = _images(setting, context, rng)
        step = setting.step_scale * setting.n / float((drawn.x**2).sum(1).mean())
    else:
        draw = {"in_law": _in_law, "dense": _dense, "limit": _limit}[setting.sampling]
        drawn = draw(setting, *labels(setting, context), rng)
        step = step_size(setting)
    return on_device(drawn, context.device, step_size=step, **training(setting, context))


def labels(setting: Setting, context: Context) -> tuple[clusters.Labels, clusters.Labels]:
    """Of the training points and of the fresh ones."""
    counts = {"labels": setting.n, "test labels": setting.test_points}
    train, fresh = (
        clusters.draw_labels(n, setting.flip_rate, seeds.generator(context.study, role, setting.seed, n=n))
        for role, n in counts.items()
    )
    if setting.flips == "exact":
        rng = seeds.generator(context.study, "flips", setting.seed, n=setting.n, flips=setting.flips)
        observed = clusters.flip_exactly(train.clean, setting.flip_rate, np.arange(setting.n), rng)
        train = clusters.Labels(train.clean, observed)
    return train, fresh


def training(setting: Setting, context: Context) -> dict[str, Any]:
    """What a setting says of its training problem, the step size apart."""
    activation, positive = Activation(setting.activation, setting.slope, setting.curvature), None
    if setting.start == "iid":  # neurons are alike but for their signs: those with +1 can be the first ones
        rng = seeds.generator(context.study, "outer signs", setting.seed, width=setting.width)
        positive = int(rng.binomial(setting.width, 0.5))
    return {
        "name": setting.group,
        "activation": activation,
        "budget": setting.train_budget,
        "paired": setting.start == "paired",
        "positive": positive,
    }


def _in_law(setting: Setting, train: clusters.Labels, fresh: clusters.Labels, rng: Generators) -> Coordinates:
    n, d = setting.n, setting.d
    k = clusters.subspace_dimension(d, n + setting.rows)
    x = clusters.points_in_law(train, d, setting.signal, k, rng("data", n=n, d=d))
    w0 = clusters.noise_in_law(d, n, setting.rows, k, rng("init", n=n, d=d, width=setting.width))
    test_x = clusters.fresh_points_in_law(fresh, setting.signal, k, rng("test", d=d))
    return Coordinates(x, train, setting.signal * np.eye(1, k)[0], _sigma(setting) * w0, test_x, fresh)


def _limit(setting: Setting, train: clusters.Labels, fresh: clusters.Labels, rng: Generators) -> Coordinates:
    n, k = setting.n, setting.n + 1
    x = clusters.limit_points(train, setting.d, setting.signal)
    w0 = rng("limit init", n=n, width=setting.width).standard_normal((setting.rows, k))
    test_x = clusters.fresh_points_in_law(fresh, setting.signal, k, rng("test", d=setting.d))
    return Coordinates(x, train, setting.signal * np.eye(1, k)[0], _sigma(setting) * w0, test_x, fresh)


def _dense(setting: Setting, train: clusters.Labels, fresh: clusters.Labels, rng: Generators) -> Coordinates:
    law = {"d": setting.d, "noise": setting.noise}
    mean = setting.signal * np.eye(1, setting.d)[0]
    x = clusters.dense(train, mean, setting.noise, rng("dense data", n=setting.n, **law))
    w0 = _dense_weights(setting, rng)
    test_x = clusters.dense(fresh, mean, setting.noise, rng("dense test", **law))
    q = orthonormal_basis(mean, x, w0)
    return Coordinates(x @ q, train, mean @ q, _sigma(setting) * (w0 @ q), test_x @ q, fresh)


def _images(setting: Setting, context: Context, rng: Generators) -> Coordinates:
    images, generator = context.images(setting.data), rng("mnist", classes=setting.classes)
    w0 = _dense_weights(setting, rng)
    drawn = image_pairs.draw(setting, images, w0, generator, setting.pixels).coordinates
    return dataclasses.replace(drawn, w0=_sigma(setting) * drawn.w0)


def _dense_weights(setting: Setting, rng: Generators) -> Array:
    """The rows of the initial weights that are drawn, over σ, (rows, d)."""
    return rng("dense init", d=setting.d, width=setting.width).standard_normal((setting.rows, setting.d))


def _sigma(setting: Setting) -> float:
    return setting.init_scale / setting.d**0.5
