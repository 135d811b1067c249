"""What the four-group recursion says of settings before any of them is trained: all of a slice's as one batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from benign.data.clusters import Labels
from benign.experiments.noisy_clusters.draw import labels
from benign.experiments.noisy_clusters.predict import step_size
from benign.theory.mixture import four_group

if TYPE_CHECKING:
    from benign.experiments.noisy_clusters.setting import Setting
    from benign.study import Context

Problem = tuple[float, ...]  # sizes of the four groups, d, ‖μ‖, γ, α, η
MOST = 10**7  # steps of all problems of a batch together: three numbers are kept of each


@dataclasses.dataclass(frozen=True)
class Course:
    """ρ that the recursion reaches after a setting's steps.

    rho: with as many flips in either class as are expected; sample_rho: with those of the setting's own sample
    """

    rho: float
    sample_rho: float


def train_labels(setting: Setting, context: Context) -> Labels:
    return labels(setting, context)[0]


def courses(
    settings: Iterable[Any], context: Context, drawn: Callable[[Any, Context], Labels] = train_labels
) -> dict[str, Course]:
    """Key of each setting of clusters to its course; `drawn` gives a setting's training labels.

    One problem is run once, however many settings look at it.
    """
    clusters = [setting for setting in settings if setting.data == "clusters"]
    asked = [(setting, _problems(setting, drawn(setting, context))) for setting in clusters]
    steps: dict[Problem, int] = {}
    for setting, problems in asked:
        for problem in problems.values():
            steps[problem] = max(setting.steps, steps.get(problem, 0))
    rho = _rho(steps)
    return {
        setting.key: Course(**{name: float(rho[problem][setting.steps - 1]) for name, problem in problems.items()})
        for setting, problems in asked
    }


def _problems(setting: Setting, train: Labels) -> dict[str, Problem]:
    """What a Course's numbers are about, by their names."""
    nominal = four_group.sizes(setting.n, setting.flip_rate)
    groups = {"rho": nominal, "sample_rho": four_group.sizes_of(train.clean, train.observed)}
    rest = (setting.d, setting.signal, setting.slope, setting.train_budget, step_size(setting))
    return {name: (*sizes.tolist(), *rest) for name, sizes in groups.items()}


def _rho(steps: dict[Problem, int]) -> dict[Problem, four_group.Floats]:
    """(T,) ρ of each problem after each of its steps; those with equally many are one batch."""
    found: dict[Problem, four_group.Floats] = {}
    for last in set(steps.values()):
        alike, size = [problem for problem in steps if steps[problem] == last], max(1, MOST // last)
        for some in (alike[i : i + size] for i in range(0, len(alike), size)):
            d, signal, slope, budget, step = np.array(some, dtype=float).T[4:]
            path = four_group.trajectory([problem[:4] for problem in some], d, signal, slope, budget, step, last)
            found |= dict(zip(some, path.rho, strict=True))
    return found
