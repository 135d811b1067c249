"""What the flagship's figures have in common: quantities and their columns, groups of rows, captions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benign import plots
from benign.claims import converged
from benign.plots import Figure
from benign.plots.looks import (
    CLEAN,
    LOSS,
    ROBUST,
    TRAIN,
)

Draw = Callable[[pd.DataFrame], matplotlib.figure.Figure]
RHO, ONE = "ρ", "r = 1"
# Quantity: its column, and what a proportion is a proportion of.
MEASURED: dict[str, tuple[str, str | None]] = {
    ROBUST: ("robust_test_error", "tested"),
    CLEAN: ("clean_test_error", "tested"),
    LOSS: ("robust_train_loss", None),
    TRAIN: ("robust_train_error", "n"),
    RHO: ("rho", None),
}


def figure(name: str, rows: pd.DataFrame, numbers: Iterable[pd.DataFrame], draw: Draw, *text: str) -> Figure:
    """Its caption says the choices that the cells share, and those in which they differ by their extremes."""
    said = rows.assign(curvature=rows["curvature"].where(rows["activation"] == "smooth_leaky_relu"))
    fields = ("n", "flip_rate", "width", "slope", "steps", "step_scale", "init_scale", "curvature", "tested")
    caption = plots.caption(*text, plots.runs(said, *fields))
    return Figure(name, caption, plots.gather(numbers), draw, frozenset(converged(rows)["key"]))


def measured(rows: pd.DataFrame, x: Any, place: tuple[str, str, str]) -> pd.DataFrame:
    column, trials = MEASURED[place[1]]
    return plots.over_seeds(rows, x, column, place, trials)


def by(rows: pd.DataFrame, **orders: Sequence[Any]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Groups of rows with equal values of these columns, in the order of their lists of values."""
    groups: list[tuple[Any, pd.DataFrame]] = list(rows.groupby(list(orders)))
    groups.sort(key=lambda group: [order.index(value) for order, value in zip(orders.values(), group[0], strict=True)])
    yield from groups


def only(rows: pd.DataFrame, name: str) -> Any:
    """The one value of a field; ValueError if the rows differ, as one line of theory cannot stand for them all."""
    values = rows[name].unique().tolist()
    if len(values) != 1:
        raise ValueError(
            f"{name} takes {len(values)} values ({', '.join(map(str, values[:5]))}) in one panel, which has one line "
            f"of theory: give the experiment one value of {name} in the grid"
        )
    return values[0]


def step_size(rows: pd.DataFrame, d: Any, signal: Any) -> Any:
    """η = c·n/E‖x‖² [ours], with the rows' c and n; of numbers or arrays."""
    return only(rows, "step_scale") * only(rows, "n") / (d + signal**2)


def init_scale(rows: pd.DataFrame, d: NDArray) -> NDArray:
    """(N,) σ√d at places d (N,): the rows' own, or what their one start in units of the first step is there."""
    if rows["init_scale"].nunique() == 1:
        return np.full(len(d), only(rows, "init_scale"))
    first_step = only(rows, "step_scale") * (only(rows, "n") / (4 * only(rows, "width") * d)) ** 0.5
    return only(rows, "start_ratio") * first_step


def shares(rows: pd.DataFrame) -> list[float]:
    """Each training sample's own share of flipped labels, near β: what the predictions for that sample depend on."""
    samples = converged(rows).groupby("seed")["flipped"].first()
    return samples.tolist() or [only(rows, "flip_rate")]


def log_range(values: pd.Series | NDArray, points: int = 61) -> NDArray:
    return np.geomspace(values.min(), values.max(), points)


def crowding_mark(rows: pd.DataFrame, panel: str, quantity: str) -> pd.DataFrame:
    """A mark at the d at which r = n‖μ‖²/d is 1, if the rows, along which r falls with d, come on both sides of it."""
    r = rows.groupby("d")["r"].mean().sort_values()
    across = r.min() < 1 < r.max()
    d = np.exp(np.interp(0.0, np.log(r), np.log(r.index.to_numpy(float)))) if across else []
    return plots.mark(d, (panel, quantity, ONE))
