"""Settings' networks, trained: those of one group once, training problems of one shape together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor

from benign.attack.inner import InnerMaximisation
from benign.experiments.noisy_clusters.draw import sample
from benign.experiments.samples import Sample
from benign.train.device import policy
from benign.train.gradient_descent import Snapshot, train

if TYPE_CHECKING:
    from benign.experiments.noisy_clusters.setting import Setting
    from benign.study import Context

Draw = Callable[[Any, "Context"], Sample]


@dataclasses.dataclass(frozen=True)
class Network:
    """A setting's network after its steps.

    weights: (m, k); gap: largest relative Frank-Wolfe gap over the points; evaluations: of the inner maximum's gradient
    in a step; finite: False where training has diverged
    """

    setting: Any  # a Setting, or a study's cell that is one
    drawn: Sample
    weights: Tensor
    gap: float
    evaluations: float
    finite: bool

    @classmethod
    def of(cls, setting: Setting, drawn: Sample, snapshot: Snapshot, place: int = 0) -> Network:
        """The network at that place of a batch."""
        state = (snapshot.gap, snapshot.evaluations, snapshot.finite)
        gap, evaluations, finite = (values[place].item() for values in state)
        return cls(setting, drawn, snapshot.weights[place], gap, evaluations, bool(finite))


def networks(settings: Iterable[Setting], context: Context, draw: Draw = sample) -> Iterator[Network]:
    """One network per setting, as it ends."""
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(setting.group, []).append(setting)
    for batch in _batches(list(groups.values()), context):
        yield from _train(batch, context, draw)


def inner_maximisation(setting: Setting) -> InnerMaximisation:
    return InnerMaximisation(setting.inner, setting.inner_steps)


def _batches(groups: list[list[Setting]], context: Context) -> Iterator[list[list[Setting]]]:
    """Groups that can be trained in lockstep, a few at a time."""
    alike: dict[tuple[Any, ...], list[list[Setting]]] = {}
    for group in groups:
        first = group[0]
        stops = tuple(sorted({setting.steps for setting in group}))
        k = first.coordinates
        activation = (first.activation, first.slope, first.curvature)
        shape = (first.n, first.width, k, activation, first.inner, first.inner_steps, stops, first.train_budget > 0)
        alike.setdefault(shape, []).append(group)
    for (n, width, *_), members in alike.items():
        size = max(1, policy(context.device).batch_activations // (n * width))
        by_step: dict[int, list[list[Setting]]] = {}
        for group in members:
            by_step.setdefault(_start(group, context), []).append(group)
        for together in by_step.values():
            yield from (together[i : i + size] for i in range(0, len(together), size))


def _start(group: list[Setting], context: Context) -> int:
    """The step at which a group's training is taken up; a checkpoint beyond a row that is still wanted is no use."""
    if not context.checkpoints:
        return 0
    name = group[0].group
    step = context.checkpoints.step(name)
    if step > min(setting.steps for setting in group):
        context.checkpoints.discard(name)
        return 0
    return step


def _train(batch: list[list[Setting]], context: Context, draw: Draw) -> Iterator[Network]:
    firsts = [group[0] for group in batch]
    stops = sorted({setting.steps for setting in batch[0]})
    samples = [draw(first, context) for first in firsts]
    problems = [drawn.problem for drawn in samples]
    for snapshot in train(problems, stops, inner_maximisation(firsts[0]), context.checkpoints):
        for place, group in enumerate(batch):
            for setting in group:
                if setting.steps == snapshot.steps:
                    # Settings of a group may want different numbers of test points.
                    same = setting.test_points == group[0].test_points
                    yield Network.of(setting, samples[place] if same else draw(setting, context), snapshot, place)
    if context.checkpoints:
        for first in firsts:
            context.checkpoints.discard(first.group)
