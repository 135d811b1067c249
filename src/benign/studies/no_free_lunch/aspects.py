"""Rows as the paper looks at them: three aspects of trained DAGs, their ranks, and correlations over (depth, P)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from benign.claims import of_experiments
from benign.studies.no_free_lunch.reported import (
    BEST,
    BEST_SHAPE,
    CURVATURE,
    CUT,
    DAGS,
    ENSEMBLE,
    EPOCHS,
    GAP,
    LOSS,
    NNGP,
    PRUNED,
    TANGENT,
    TOGETHER,
)

CONSTANT = 0.02  # the rate that all DAGs have in common where the paper's constant rate is compared
ASPECTS = {LOSS: "expressivity", EPOCHS: "convergence", GAP: "generalisation"}
SHAPES = ("depth", "paths")
NAMES: dict[Any, str] = {(dag, 0.0): name for name, dag in DAGS.items()}
NAMES |= {(TOGETHER, 0.0): ENSEMBLE, (TOGETHER, CUT[0]): PRUNED}


def kernels(table: pd.DataFrame) -> pd.DataFrame:
    """DAGs with a linear edge on a path, and the quantities of theory as the authors' code measures them."""
    rows = of_experiments(table, "kernels")
    rows = rows[rows["depth"] > 0]
    known = {CURVATURE: 1 / rows["jacobian"], NNGP: rows["nngp_simulated"], TANGENT: rows["tangent_whole_simulated"]}
    return rows.assign(
        limit_nngp=rows["nngp"], limit_tangent=rows["tangent"], published_tangent=rows["tangent_published"], **known
    )


def trained(table: pd.DataFrame, rate: float = CONSTANT) -> pd.DataFrame:
    """The trainings of single DAGs and of their ensembles at one rate, with the generalisation gap."""
    rows = of_experiments(table, "trained")
    return _with_gap(rows[rows["rate"] == rate])


def tuned(table: pd.DataFrame) -> pd.DataFrame:
    """Each DAG at the rate that gives the least mean training loss, over the seeds that every rate was run with.

    Of the data sets and the DAGs that were run with several rates.
    """
    rows = of_experiments(table, "trained")
    found = [_tuned(part) for _, part in rows.groupby("data") if part["rate"].nunique() > 1]
    return _with_gap(pd.concat(found) if found else rows.iloc[:0])


def _tuned(rows: pd.DataFrame) -> pd.DataFrame:
    """The same of one data set."""
    common = set.intersection(*(set(part["seed"]) for _, part in rows.groupby("rate")))
    rows, network = rows[rows["seed"].isin(common)], ["dag", "pruned_first"]
    each = rows.groupby([*network, "rate"])[LOSS].agg(["mean", "size"]).reset_index()
    each = each[each["size"] == len(common)]
    several = each.groupby(network)["rate"].transform("nunique") > 1
    each = each[several].sort_values("mean", kind="stable").drop_duplicates(network)
    return rows.merge(each[[*network, "rate"]], on=[*network, "rate"])


def _with_gap(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{GAP: rows["test_loss"] - rows["train_loss"]})


def single(rows: pd.DataFrame) -> pd.DataFrame:
    """Without ensembles."""
    return rows[~rows["dag"].str.contains("-", regex=False)]


def means(rows: pd.DataFrame, *quantities: str) -> pd.DataFrame:
    """Of each DAG of each data set the mean over seeds, by (data, dag, pruned_first), with depth and paths."""
    return rows.groupby(["data", "dag", "pruned_first"])[[*quantities, *SHAPES]].mean()


def correlation(first: pd.Series, second: pd.Series) -> float:
    """Kendall's τ; not a number where one of them does not vary."""
    if first.nunique() < 2 or second.nunique() < 2:
        return math.nan
    return float(kendalltau(first, second).statistic)


def taus(rows: pd.DataFrame, *quantities: str) -> pd.Series:
    """τ of each quantity with depth and P over (depth, P) cell means, by (data, quantity, shape)."""
    found = {}
    for data, part in rows.groupby("data"):
        cells = part.groupby(list(SHAPES))[list(quantities)].mean().reset_index()
        for quantity in quantities:
            for shape in SHAPES:
                found[data, quantity, shape] = correlation(cells[shape], cells[quantity])
    return pd.Series(found, dtype=float)


def ranks(rows: pd.DataFrame) -> pd.DataFrame:
    """Each single DAG's and each ensemble's rank in each aspect of the seeds' means, over the number of single DAGs.

    An ensemble's is the rank that it would have among the single ones. By (data, dag, pruned_first).
    """
    found = means(rows, *ASPECTS)
    is_single = ~found.index.get_level_values("dag").str.contains("-", regex=False)
    for data in found.index.get_level_values("data").unique():
        here = found.index.get_level_values("data") == data
        among = found[here & is_single]
        for aspect in ASPECTS:
            better = among[aspect].to_numpy() < found.loc[here, aspect].to_numpy()[:, None]  # (DAGs, single ones)
            found.loc[here, aspect] = (1 + better.sum(axis=1)) / max(len(among), 1)
    return found


def alone(ranked: pd.DataFrame) -> pd.DataFrame:
    """The ranks of single DAGs."""
    return ranked[~ranked.index.get_level_values("dag").str.contains("-", regex=False)]


def named(ranked: pd.DataFrame) -> pd.DataFrame:
    """The ranks of the named architectures, by (data, architecture); best single: the best summed one of its shape."""
    found = []
    for data, part in ranked.groupby("data"):
        chosen = part.assign(architecture=[NAMES.get(place[1:], "") for place in part.index.to_flat_index()])
        chosen = chosen[chosen["architecture"] != ""]
        alike = alone(part)
        alike = alike[(alike["depth"] == BEST_SHAPE[0]) & (alike["paths"] == BEST_SHAPE[1])]
        best = alike.loc[[alike[list(ASPECTS)].sum(axis=1).idxmin()]] if len(alike) else alike
        found.append(pd.concat([chosen, best.assign(architecture=BEST)]).assign(data=data))
    both = pd.concat(found) if found else ranked.assign(data="", architecture="")
    return both.set_index(["data", "architecture"])[list(ASPECTS)]


def front(ranked: pd.DataFrame) -> pd.Series:
    """Whether no other single DAG of the same data set is at least as good in all three aspects and better in one."""
    on = []
    for _, part in ranked.groupby("data"):
        values = part[list(ASPECTS)].to_numpy()
        beaten = [bool(((values <= own).all(1) & (values < own).any(1)).any()) for own in values]
        on.append(pd.Series(~np.array(beaten), part.index))
    return pd.concat(on) if on else pd.Series(False, ranked.index)
