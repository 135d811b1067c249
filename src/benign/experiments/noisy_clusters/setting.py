"""A setting: one trained and attacked network, and how a grid may write it; letters in brackets are the paper's."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np

from benign import seeds
from benign.attack import Method
from benign.data import clusters
from benign.data.clusters import Noise
from benign.data.images.pairs import Pixels
from benign.declared import Declared
from benign.nets import ActivationKind
from benign.study import Cell, CellError, Shorthand, field, fits

# Training is in single precision: beside a longer mean the noise, and in more dimensions a step, is lost in roundings.
MOST_SIGNAL, MOST_D = 1e6, 1e20
# What the sources leave open, as all studies choose it but where they vary it [ours].
USUAL: dict[str, Any] = {
    "activation": "leaky_relu",
    "slope": 0.1,
    "curvature": 10.0,
    "init_scale": 0.001,
    "step_scale": 2.0,
}


class Setting(Cell):
    """One trained and attacked network."""

    experiment: str = "single"
    data: Literal["clusters", "mnist"] = field("clusters, or digits of MNIST", default="clusters")
    d: int = field("dimension [d]; of images, side²", at_least=1)
    signal: float = field(
        "distance of a cluster's mean from 0 [‖μ‖]", unit="standard deviations", at_least=0, at_most=MOST_SIGNAL
    )
    n: int = field("training points [n]", at_least=1)
    flip_rate: float = field("probability that a label is flipped [β]", at_least=0, at_most=0.5)
    flips: Literal["random", "exact"] = field(
        "each label is flipped with probability β, or exactly ⌊βn⌋ of them", default="random"
    )
    noise: Noise = field("law of a point's coordinates about its mean", default="gaussian")
    sampling: Literal["in_law", "dense", "limit"] = field(
        "dense; or coordinates in the span of what is drawn, the same in law at any d; or the limit network's points, "
        "orthogonal to one another but for μ",
        default="in_law",
    )
    classes: str = field("the two classes of images", default="0v1")
    side: int = field("pixels of an image's side after down-sampling", default=28, at_least=1)
    pixels: Pixels = field(
        "images in the clusters' units, or each divided by its ℓ2 norm, in whose unit the budget is then",
        default="standardised",
    )
    activation: ActivationKind = field("activation function [φ]")
    slope: float = field("slope on the left [γ]", at_least=0, at_most=1)
    curvature: float = field("of the smooth activation, which bends on |z| ≤ 1/H [H]", above=0)
    width: int = field("neurons [m]", at_least=2)
    start: Literal["paired", "unpaired", "iid"] = field(
        "initial weights: pairs of equal rows with opposite outer signs, so f = 0; or independent rows, half of either "
        "sign; or independent rows and signs",
        default="paired",
    )
    init_scale: float = field("standard deviation of the initial weights times √d [σ√d]", at_least=0)
    step_scale: float = field("c in the step size η = c·n/E‖x‖²", above=0)
    steps: int = field("steps of gradient descent [t]", at_least=1)
    training: Literal["adversarial", "ordinary"] = field(
        "adversarial at the budget, or ordinary, the control", default="adversarial"
    )
    inner: Method = field("how the inner maximum is taken", default="exact")
    inner_steps: int = field("steps of PGD", default=20, at_least=1)
    budget: float = field("of the attack, and of adversarial training [α]", unit="standard deviations", at_least=0)
    test_points: int = field("fresh points; 0 for all test images of the pair", at_least=0)
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        dense = self.sampling == "dense"
        most = max(("n", "width", "test_points"), key=lambda name: getattr(self, name))
        k = self.d if dense else self.coordinates
        room = fits(getattr(self, most), k)
        return [
            ("width", self.width % 2 == 0 or self.start == "iid", "even, or give start=iid: half have each sign"),
            ("test_points", self.test_points >= (self.data == "clusters"), "at least 1 (0 for all of an image set)"),
            ("noise", self.noise == "gaussian" or self.sampling == "dense", "gaussian, or give sampling=dense"),
            ("d", self.d <= MOST_D, f"at most {MOST_D:g}"),
            ("d", room or not dense, "smaller with sampling=dense (over 16 GB of points), or give sampling=in_law"),
            (most, room and fits(self.n, self.width), "smaller: there would be over 16 GB of points or neurons"),
        ]

    def irrelevant(self) -> dict[str, Any]:
        settled: dict[str, Any] = {}
        if self.data == "clusters":
            settled |= {"classes": "0v1", "side": 28, "pixels": "standardised"}
        else:
            settled |= {"d": self.side**2, "signal": 0.0, "noise": "gaussian", "sampling": "in_law"}
        if self.activation == "relu":
            settled |= {"slope": 0.0}
        if self.activation != "smooth_leaky_relu":
            settled |= {"curvature": 1.0}
        if self.inner == "exact" or self.training == "ordinary":
            settled |= {"inner": "exact", "inner_steps": 20}
        return settled

    @functools.cached_property
    def group(self) -> str:
        """Settings with one training problem: they differ in what is measured, and when, not in what is trained."""
        same: dict[str, Any] = {"experiment": "single", "steps": 1, "test_points": 1}
        if self.training == "ordinary":
            same["budget"] = 0.0
        return self.replace(**same).key

    @property
    def coordinates(self) -> int:
        """k: how many coordinates points and weights have."""
        if self.sampling == "limit":
            return self.n + 1
        return clusters.subspace_dimension(self.d, self.n + self.rows)

    @property
    def rows(self) -> int:
        """How many rows of W₀ are drawn."""
        return self.width // 2 if self.start == "paired" else self.width

    @property
    def train_budget(self) -> float:
        return self.budget if self.training == "adversarial" else 0.0


class Random(Declared):
    """Settings drawn at random instead of a product."""

    count: int = field("how many are drawn", at_least=1)
    steps: list[int] = field("after how many steps each is measured")


class Ratios(Shorthand):
    """What a block may say instead of fields."""

    signal_exponent: float | None = field("the signal is d to this power", default=None)
    crowding: float | None = field("n‖μ‖²/d [r], which gives the signal", default=None, at_least=0)
    start_ratio: float | None = field(
        "length of a neuron's initial weights over that of its first step, about c√n/(2√(md))", default=None, above=0
    )
    budget_ratio: float | None = field(
        "the budget is this share of the signal; of √d for standardised images", default=None, at_least=0
    )
    random: Random | None = field("settings drawn at random instead of a product", default=None)

    @staticmethod
    def exclusive() -> Iterable[tuple[str, str]]:
        return [
            ("signal", "signal_exponent"),
            ("signal", "crowding"),
            ("signal_exponent", "crowding"),
            ("random", "crowding"),
            ("init_scale", "start_ratio"),
            ("budget", "budget_ratio"),
            ("random", "signal_exponent"),
            ("random", "budget_ratio"),
        ]

    @staticmethod
    def resolve(point: dict[str, Any]) -> Iterable[dict[str, Any]]:
        point = dict(point)
        exponent, ratio = point.pop("signal_exponent", None), point.pop("budget_ratio", None)
        crowding, start = point.pop("crowding", None), point.pop("start_ratio", None)
        drawn = point.pop("random", None)
        if drawn is not None:
            return _random(point, **drawn)
        if exponent is not None:
            point["signal"] = round(point["d"] ** exponent, 9)
        if crowding is not None:
            point["signal"] = float(f"{(crowding * point['d'] / point['n']) ** 0.5:.10g}")
        if start is not None:
            first_step = point["step_scale"] * (point["n"] / (4 * point["width"] * point["d"])) ** 0.5
            point["init_scale"] = float(f"{start * first_step:.10g}")
        if ratio is not None:
            # Images have their μ only once they are read: their unit of α is √d, the root-mean-square noise.
            images = point.get("data") == "mnist"
            if images and point.get("pixels", "standardised") != "standardised":
                raise CellError(
                    f"budget_ratio={ratio!r} is a share of √d, which is no unit of images with "
                    f"pixels={point['pixels']}: give budget"
                )
            point["budget"] = round(ratio * (point["side"] if images else point["signal"]), 9)
        return [point]


def _random(point: dict[str, Any], count: int, steps: list[int]) -> Iterator[dict[str, Any]]:
    """`count` settings drawn from the region d ≥ n² in which the two-group recursion is put to the test [ours].

    n log-uniform on [50, 200]; d/n² log-uniform on [1, 1000]; β uniform on [0, .3]; γ uniform on [0, .7]; the averaging
    predictor's ρ uniform on [2, 5] (which sets ‖μ‖); α uniform on [0, 1.2]·ρ. Each measured at every number of `steps`.
    """
    for index in range(count):
        rng = seeds.generator("adversarial_training", "random_cells", point["seed"], index=index)
        n = round(50 * 4 ** rng.random())
        d = round(n**2 * 1000 ** rng.random())
        flip_rate, slope = round(0.3 * rng.random(), 3), round(0.7 * rng.random(), 3)
        wanted, ratio = 2 + 3 * rng.random(), 1.2 * rng.random()
        # ρ_avg = s/√(nd + s²/‖μ‖²…) solved for ‖μ‖: with q = (1-2β)²n², ρ²(nd + q‖μ‖²) = q‖μ‖⁴.
        q = (1 - 2 * flip_rate) ** 2 * n**2
        signal = float(np.sqrt((wanted**2 * q + np.sqrt(wanted**4 * q**2 + 4 * q * wanted**2 * n * d)) / (2 * q)))
        drawn = {
            "n": n,
            "d": d,
            "flip_rate": flip_rate,
            "slope": slope,
            "signal": round(signal, 6),
            "budget": round(ratio * wanted, 6),
        }
        for stop in steps:
            yield {**point, **drawn, "steps": stop}
