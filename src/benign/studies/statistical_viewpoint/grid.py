"""What the study declares: one cell for all its experiments. All settings are [ours], but for the trial values that
config/grids/statistical_viewpoint.yaml names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, Literal

from benign.data.spectra import Spectrum, spectrum
from benign.study import Cell as BaseCell
from benign.study import Row as BaseRow
from benign.study import Shorthand, Study, column, field

# Which fields matter to which experiment; the others are set to their defaults.
RELEVANT: dict[str, tuple[str, ...]] = {
    "dimension": ("n", "p", "spectrum", "decay", "tail"),
    "sample_size": ("n", "p", "spectrum", "decay", "tail"),
    "isotropic": ("n", "p", "trials"),
    "random_features": ("n", "d", "features", "ridge", "noise"),
    "nearest": ("n", "p", "steps", "start"),
    "margin": ("n", "p", "steps"),
    "lazy": ("n", "d", "width", "steps", "scaling"),
}
OF_A_SPECTRUM = ("dimension", "sample_size")
LEAST_RIDGE = 1e-12  # beside 0: below it the fixed point of the closed form is lost in roundings
WORST_CONDITION = 1e12  # λ₁/λ_n beyond which the Gram matrix of float64 points is not inverted


class Cell(BaseCell):
    """One simulated problem."""

    shapes = (
        *(("n", "n"), ("n", "p"), ("n", "d"), ("n", "features"), ("n", "width"), ("width", "d")),
        *(("features", "features"), ("features", "d")),
    )
    experiment: Literal["dimension", "sample_size", "isotropic", "random_features", "nearest", "margin", "lazy"] = (
        field(
            "min-norm regression over p or n, many draws of it, random features, descent to an interpolant, "
            "logistic descent, or networks"
        )
    )
    n: int = field("points", at_least=1)
    p: int = field("dimension of a linear model", default=1, at_least=1)
    d: int = field("input dimension of a non-linear model", default=1, at_least=1)
    spectrum: Spectrum = field("of the covariance, as in benign.data.spectra", default="isotropic")
    decay: float = field("of the spectrum, as its function says", default=1.0, above=0)
    tail: float = field("of the spectrum, as its function says", default=1.0, above=0)
    trials: int = field("draws in one cell", default=1, at_least=1)
    features: int = field("random features [N]", default=1, at_least=1)
    ridge: float = field("ridge penalty [λ]", default=0.0, at_least=0)
    noise: float = field("variance of the labels' noise", default=0.0, at_least=0)
    steps: int = field("of descent", default=1, at_least=1)
    start: Literal["zero", "random"] = field("of descent", default="zero")
    width: int = field("neurons [m]", default=2, at_least=2)
    scaling: Literal["lazy", "mean_field"] = field("output scaled by 1/√m, or 1/m", default="lazy")
    seed: int = field("the replicate", at_least=0)

    def limits(self) -> Iterable[tuple[str, bool, str]]:
        interpolates = self.experiment in (*OF_A_SPECTRUM, "nearest")
        yield "p", not interpolates or self.p > self.n, "above n: points are interpolated"
        yield "width", self.width % 2 == 0, "even: neurons come in pairs"
        yield "d", self.experiment != "random_features" or self.d > 1, "at least 2: there is no sphere in one dimension"
        yield "ridge", self.ridge == 0 or self.ridge >= LEAST_RIDGE, f"0, or at least {LEAST_RIDGE:g}"
        if self.experiment in OF_A_SPECTRUM:
            spikes = self.decay == int(self.decay) and self.decay < self.p
            yield "decay", self.spectrum != "spiked" or spikes, f"a whole number of spikes below p={self.p}"
            below = self.tail <= self.p - self.decay
            yield "tail", self.spectrum != "spiked" or below, "at most p - decay: no eigenvalue is above the spikes' 1"
            values = self.eigenvalues
            conditioned = values[0] <= WORST_CONDITION * values[self.n - 1]
            yield "decay", conditioned, f"slower, or give fewer n: λ₁/λ_n is larger than {WORST_CONDITION:g} (float64)"

    def irrelevant(self) -> dict[str, Any]:
        kept = (*RELEVANT[self.experiment], "experiment", "seed")
        return {name: value for name, value in self._defaults().items() if name not in kept}

    @property
    def eigenvalues(self) -> Any:
        return spectrum(self.spectrum, self.p, self.decay, self.tail)

    @functools.cached_property
    def group(self) -> str:
        """Cells that are read off one course of descent differ in its length alone."""
        return self.replace(steps=1).key


SIZES: dict[str, tuple[str, Callable[[dict[str, Any], float], float]]] = {
    "n_per_d": ("n", lambda point, value: value * point["d"]),
    "features_per_d": ("features", lambda point, value: value * point["d"]),
    "p_per_n": ("p", lambda point, value: value * point["n"]),
    "p_above_n": ("p", lambda point, value: point["n"] + value),
    "p_power_of_n": ("p", lambda point, value: point["n"] ** value),
}


class Sizes(Shorthand):
    """A size as a multiple or a power of another one, e.g. p_per_n: [0.5, 2] for p = n/2, 2n."""

    n_per_d: float | None = field("n is this multiple of d", default=None, above=0)
    features_per_d: float | None = field("features is this multiple of d", default=None, above=0)
    p_per_n: float | None = field("p is this multiple of n", default=None, above=0)
    p_above_n: int | None = field("p is n plus this", default=None)
    p_power_of_n: float | None = field("p is n to this power", default=None, above=0)

    @staticmethod
    def exclusive() -> Iterable[tuple[str, str]]:
        return [(given, name) for given, (name, _) in SIZES.items()]

    @staticmethod
    def resolve(point: dict[str, Any]) -> Iterable[dict[str, Any]]:
        point = dict(point)
        for given, (name, size) in SIZES.items():
            if given in point:
                point[name] = round(size(point, point.pop(given)))
        return [point]


class Row(BaseRow):
    """Each experiment fills its own columns."""

    variance: float | None = column("variance of the estimator, over the noise's; isotropic: mean of the trials")
    variance_error: float | None = column("isotropic: its standard error, 0 for one trial")
    variance_median: float | None = column("isotropic: its median over the trials")
    predicted_variance: float | None = column("variance that theory predicts; missing where it is infinite")
    leading_variance: float | None = column("k*/n + n/R_k*, to which it is equal up to constants; missing without k*")
    bias: float | None = column("bias of the estimator for coefficients of unit norm; isotropic: mean of the trials")
    bias_error: float | None = column("isotropic: its standard error, 0 for one trial")
    predicted_bias: float | None = column("bias that theory predicts; missing where it is infinite")
    critical_index: int | None = column("k*, the least k with r_k ≥ n; -1 if there is none")
    tail_rank: float | None = column("R_k*, the effective rank of the tail; 0 without k*")
    r_0: float | None = column("r_0 = tr Σ/λ₁, the effective rank")
    share_beyond_1n: float | None = column("isotropic: share of the trials whose variance is above n")
    share_beyond_3n: float | None = column("the same, above 3n")
    share_beyond_10n: float | None = column("the same, above 10n")
    share_beyond_30n: float | None = column("the same, above 30n")
    share_beyond_100n: float | None = column("the same, above 100n")
    share_beyond_300n: float | None = column("the same, above 300n")
    share_beyond_1000n: float | None = column("the same, above 1000n")
    train_error: float | None = column("lazy: root-mean-square residual over the training points")
    test_error: float | None = column("random_features: bias + noise·variance, exact over test points")
    predicted_error: float | None = column("random_features: the same as n, N and d grow in proportion")
    nonlinear: float | None = column("random_features: error on a random quadratic target of unit variance")
    distance: float | None = column("nearest: from the interpolant nearest to the start, over the start's own distance")
    distance_to_min_norm: float | None = column("nearest: from the min-norm interpolant, in the same unit")
    predicted_distance: float | None = column("nearest: what distance should be after so many steps, closed form")
    loss: float | None = column("margin: mean logistic loss over the training points")
    margin_ratio: float | None = column("margin: margin of the direction over the largest one")
    multiplier_ratio: float | None = column("margin: smallest multiplier of a support vector over the largest")
    support_vectors: int | None = column("margin: how many points are support vectors")
    tangent: float | None = column("margin: tangent of the angle to the max-margin direction")
    predicted_tangent: float | None = column("margin: the same of ŵ log t + w̃; missing unless support vectors span all")
    movement: float | None = column("lazy: ‖W - W₀‖/‖W₀‖")
    predicted_movement: float | None = column("lazy: the same by the tangent kernel of infinite width")
    kernel_change: float | None = column("lazy: ‖K - K₀‖/‖K₀‖, the network's own tangent kernel")
    kernel_gap: float | None = column("lazy: distance of fresh outputs from the infinite-width kernel's, relative")
    linearised_gap: float | None = column("lazy: the same from those of the network linearised at its start")


STUDY = Study(
    __package__,
    title="Bartlett, Montanari, Rakhlin, Deep learning: a statistical viewpoint, Acta Numerica 2021: its theory "
    "against simulation.",
    cell=Cell,
    row=Row,
    figures=("effective_ranks", "isotropic", "random_features", "implicit_regularisation", "lazy_training"),
    shorthand=Sizes,
    start={"experiment": "dimension"},
    theory={
        **{name: (f"predicted_{name}",) for name in ("bias", "distance", "tangent", "movement")},
        **{"variance": ("predicted_variance", "leading_variance"), "test_error": ("predicted_error",)},
    },
)
