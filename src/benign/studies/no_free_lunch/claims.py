"""Claims of the study, each judged on the table alone. Correlations are Kendall's τ over (depth, P) cell means.

[S]: the paper's text, its tables or the authors' code. Ranks are shares of the number of DAGs trained, 1/N the best.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benign.claims import (
    Claim,
    Criterion,
    Estimate,
    always,
    at_least,
    at_most,
    conclude,
    estimate,
    estimates,
    exact,
    largest_of,
    least_of,
    of_experiments,
    on_converged,
    within,
)
from benign.nets.dag import effective, every, shares_no_edge
from benign.studies.no_free_lunch.aspects import (
    ASPECTS,
    alone,
    correlation,
    front,
    kernels,
    means,
    named,
    ranks,
    single,
    taus,
    trained,
    tuned,
)
from benign.studies.no_free_lunch.grid import Cell
from benign.studies.no_free_lunch.reported import (
    BEST,
    CURVATURE,
    DEEP,
    EPOCHS,
    GAP,
    LOSS,
    NNGP,
    PER_NETWORK,
    PRUNED,
    RANKS,
    SIBLINGS,
    TANGENT,
    TAUS,
    TINY,
    TUNED,
    WIDE,
)

PAPER = "Chen, Huang, Wang 2023"
_claim = functools.partial(
    conclude,
    "no_free_lunch",
    Cell,
    letters={"width": "m", "rate": "rate", "epochs": "epochs"},
    kind="paper",
    thresholds="before any run",
    limits="limits are ours",
)
# Limits as they were before any run; how epochs are counted, and the rates, were changed after the first one.
_trained = functools.partial(
    _claim,
    thresholds="after the default tier",
    limits="limits are ours, from before any run; rates and the counting of epochs were changed after the first, in "
    "which every DAG reached half in about an epoch",
)
UNFINISHED = (
    "It depends on how far training goes: with the default tier's 43 DAGs at 24, 100 and 400 epochs τ of the loss with "
    "depth is -.14, -.52, -.65, of the gap with depth .15, .42, .48 and with P .50, .18, .06 (2 seeds, "
    "docs/theory/no_free_lunch.md)."
)
CLEAR = 0.3  # the |τ| from which a published sign is held to
NEAR = 0.2  # of τ, and of a rank over the number of DAGs
TENTH = 0.1
SOONER = 0.01  # epochs: where nothing reaches half, nothing is sooner
THEORY, TRAINED = (CURVATURE, NNGP, TANGENT), (LOSS, EPOCHS, GAP)


# ---------------------------------------------------------------- theory


def _signed(rows: pd.DataFrame, quantities: tuple[str, ...], published: pd.DataFrame) -> Criterion:
    """The published sign of every τ that is clear."""
    clear = published[published["tau"].abs() >= CLEAR].set_index(["quantity", "shape"])["tau"]

    def signed(t: pd.DataFrame) -> pd.Series:
        found = taus(t, *quantities)
        places = [place for place in found.index if place[1:] in clear.index]
        return found[places] * [math.copysign(1, clear[place[1:]]) for place in places]

    least = least_of(estimates(rows, signed))
    return at_least("least_signed", f"least τ, times the sign of each published one from {CLEAR:g} on", least, 0)


def _apart(rows: pd.DataFrame, quantities: tuple[str, ...], published: pd.DataFrame, limit: float) -> Criterion:
    """How far our τ lie from the range that the published ones of a quantity span."""
    spans = published.groupby(["quantity", "shape"])["tau"].agg(["min", "max"])

    def outside(t: pd.DataFrame) -> pd.Series:
        found = taus(t, *quantities)
        low, high = (np.array([spans.loc[place[1:], end] for place in found.index]) for end in ("min", "max"))
        return np.maximum(np.maximum(low - found, found - high), 0)

    says = f"largest distance of one of our τ from the published{' range' if published['data'].nunique() > 1 else ''}"
    return at_most("largest_gap", says, largest_of(estimates(rows, outside)), limit)


def _each(numbers: pd.Series) -> list[tuple[Any, float]]:
    """(place, number) of each."""
    return [(place, float(value)) for place, value in numbers.items()]


def _said(rows: pd.DataFrame, *quantities: str) -> dict[str, float]:
    """Every τ by name, for a reader."""
    found = _each(taus(rows, *quantities))
    return {f"τ({quantity}, {shape}), {data}": tau for (data, quantity, shape), tau in found}


def kernel_signs(table: pd.DataFrame) -> Claim:
    rows = kernels(table)
    return _claim(
        "kernel_signs",
        rows,
        _signed(rows, THEORY, TAUS[TAUS["data"] == TINY]),
        statement="Averaged over architectures of the same depth and number of paths, curvature (1/‖J‖, J the "
        "Jacobian) rises with depth and falls with paths; the least eigenvalue of the NNGP kernel falls with depth and "
        "rises with paths; that of the tangent kernel rises with paths.",
        source=f"{PAPER}, Tiny-ImageNet [S]; inputs ours",
        also=_said(rows, *THEORY, "limit_nngp", "limit_tangent"),
        figure="correlations",
    )


def kernel_taus(table: pd.DataFrame) -> Claim:
    rows = kernels(table)
    return _claim(
        "kernel_taus",
        rows,
        _apart(rows, THEORY, TAUS[TAUS["data"] == TINY], NEAR),
        statement="The six correlations of curvature and of both kernels' least eigenvalues with depth and paths are "
        "within .2 of those published for Tiny-ImageNet.",
        source=f"{PAPER}, Tiny-ImageNet [S]; inputs ours",
        also={f"published τ({row.quantity}, {row.shape})": row.tau for row in TAUS[TAUS["data"] == TINY].itertuples()},
        why="It is the tangent kernel: with the stem's weights its correlations move with the number of inputs per "
        "neuron, here .8 to 12 where Tiny-ImageNet has 48 (tangent_of_the_stem).",
        figure="correlations",
    )


def tangent_of_the_stem(table: pd.DataFrame) -> Claim:
    rows = kernels(table)
    theirs = TAUS[(TAUS["data"] == TINY) & (TAUS["quantity"] == TANGENT)].set_index("shape")["tau"]

    def of_stem(t: pd.DataFrame) -> pd.Series:
        found = taus(t, "published_tangent")
        return (found - [theirs[place[2]] for place in found.index]).abs()

    def of_theorem(t: pd.DataFrame) -> pd.Series:
        return taus(t, "limit_tangent")[lambda each: each.index.get_level_values(2) == "depth"]

    return _claim(
        "tangent_of_the_stem",
        rows,
        at_most(
            "with_stem", "largest |τ - theirs| with the stem's weights", largest_of(estimates(rows, of_stem)), TENTH
        ),
        at_least("without", "τ with depth without them", least_of(estimates(rows, of_theorem)), NEAR),
        kind="beyond",
        statement="What the paper prints for the tangent kernel is what the stem's weights make of it, which its "
        "theory leaves out: with them, at Tiny-ImageNet's 48 inputs a neuron, the closed form has both published "
        "correlations to .1; without them the least eigenvalue rises with depth, τ at least .2.",
        source=f"docs/theory/no_free_lunch.md [derived]; {PAPER}, code [S]",
        thresholds="after the default tier",
        limits="limits are ours; 48 images each of MNIST and CIFAR-10 had been looked at",
        also=_said(rows, "published_tangent", "limit_tangent", TANGENT),
        figure="correlations",
    )


def _bounded(id: str, table: pd.DataFrame, kernel: str, statement: str, source: str) -> Claim:
    rows = of_experiments(table, "kernels")
    holds = rows[kernel] <= rows[f"{kernel}_bound"] * (1 + 1e-9)
    broken = rows.loc[~holds, "dag"]
    return _claim(
        id,
        rows,
        always("holds", "least eigenvalue at infinite width at most the bound, for every DAG", rows, holds),
        statement=statement,
        source=source,
        also={
            "dags": rows["dag"].nunique(),
            "dags_above": broken.nunique(),
            "of_these_paths_share_no_edge": sum(map(shares_no_edge, broken.unique())),
            "largest_ratio": (rows[kernel] / rows[f"{kernel}_bound"]).max(),
            "share_above_at_width": (rows[f"{kernel}_simulated"] > rows[f"{kernel}_bound"]).mean(),
        },
        why="The bound adds up kernels of paths as if they were independent. Paths that share a linear edge add up "
        "before they are squared, and a node's sum goes through the next edge as one: docs/theory/no_free_lunch.md, "
        "figure bounds.",
        figure="bounds",
    )


def nngp_bound(table: pd.DataFrame) -> Claim:
    return _bounded(
        "nngp_bound",
        table,
        "nngp",
        "For every one of the 729 DAGs the least eigenvalue of the NNGP kernel at infinite width is at most the "
        "paper's bound, the least over pairs of inputs of P - Σ f^{d_p}(K).",
        f"{PAPER}, bound on the NNGP's least eigenvalue [S]",
    )


def tangent_bound(table: pd.DataFrame) -> Claim:
    return _bounded(
        "tangent_bound",
        table,
        "tangent",
        "For every one of the 729 DAGs the least eigenvalue of the tangent kernel at infinite width is at most the "
        "bound of the paper's Theorem 4.6.",
        f"{PAPER}, Thm 4.6 [S; f'^k read as the derivative of the last application]",
    )


def bound_of_separate_paths(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "kernels")
    rows = rows[rows["dag"].map(shares_no_edge).astype(bool)]
    holds = rows["nngp"] <= rows["nngp_bound"] * (1 + 1e-9)
    return _claim(
        "bound_of_separate_paths",
        rows,
        always("holds", "least eigenvalue at infinite width at most the bound, for every such DAG", rows, holds),
        kind="derived",
        statement="Where no linear edge lies on two paths, and at most one path has none, the paper's bound on the "
        "NNGP's least eigenvalue holds.",
        source="docs/theory/no_free_lunch.md [derived]",
        also={"dags": rows["dag"].nunique()},
        figure="bounds",
    )


def _off(rows: pd.DataFrame, expected: str) -> Estimate:
    """The largest relative distance of a DAG's mean ‖J‖ from what is expected, over DAGs and data sets."""

    def off(t: pd.DataFrame) -> pd.Series:
        both = t.groupby(["data", "dag"])[["jacobian", expected]].mean()
        return (both["jacobian"] / both[expected] - 1).abs()

    return largest_of(estimates(rows, off))


def jacobian_theorem(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "kernels")
    rows = rows[rows["paths"] > 0]
    one, many = rows[rows["paths"] == 1], rows[rows["paths"] > 1]
    ratio = (many["jacobian"] / many["jacobian_claimed"]).groupby(many["paths"]).mean()
    return _claim(
        "jacobian_theorem",
        rows,
        at_most(
            "one_path", "largest relative deviation of a DAG's mean ‖J‖, P = 1", _off(one, "jacobian_claimed"), 0.05
        ),
        at_most("more", "the same, P ≥ 2", _off(many, "jacobian_claimed"), 0.05),
        statement="The mean norm of a DAG's derivative is within 5 % of Theorem 4.1's C·Σ_p exp(-5d_p/8m), for DAGs "
        "with one path and for those with more.",
        source=f"{PAPER}, Thm 4.1 [S]",
        also={f"ratio, P = {paths:g}": value for paths, value in ratio.items()},
        why="Derivatives along paths with weights of their own are independent vectors: they add in squares, so that "
        "‖J‖ is near √P where the theorem has P, its largest possible value (docs/theory/no_free_lunch.md, figure "
        "bounds).",
        figure="bounds",
    )


def jacobian_limit(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "kernels")
    rows = rows[rows["paths"] > 0]
    return _claim(
        "jacobian_limit",
        rows,
        at_most("deviation", "largest relative deviation of a DAG's mean ‖J‖", _off(rows, "jacobian_limit"), 0.05),
        kind="derived",
        statement="The mean norm of every DAG's derivative is within 5 % of the closed form that counts, for each "
        "linear edge, the paths that leave it.",
        source="docs/theory/no_free_lunch.md [derived]",
        figure="bounds",
    )


def closed_form_orders(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "kernels")
    rows = rows[rows["depth"] > 0]

    def agreement(t: pd.DataFrame) -> pd.Series:
        both = t.groupby(["data", "dag"])[["nngp", "nngp_simulated", "tangent", "tangent_simulated"]].mean()
        return pd.Series(
            {
                (data, kernel): correlation(part[kernel], part[f"{kernel}_simulated"])
                for data, part in both.groupby("data")
                for kernel in ("nngp", "tangent")
            },
            dtype=float,
        )

    return _claim(
        "closed_form_orders",
        rows,
        at_least(
            "least_tau",
            "least τ over the DAGs, of closed form and simulation",
            least_of(estimates(rows, agreement)),
            0.7,
        ),
        kind="derived",
        statement="The closed forms at infinite width order the DAGs' least eigenvalues, of either kernel, as "
        "networks of finite width have them: τ is at least .7.",
        source="docs/theory/no_free_lunch.md [derived]",
        figure="bounds",
    )


def fewer_networks(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "kernels")
    rows = rows[rows["depth"] > 0]
    whole = of_experiments(table, "kernels")["dag"].nunique() == len(every())
    texts = rows["dag"].unique()
    count = {"dags": len(texts), "networks": len({effective(text) for text in texts})}
    return _claim(
        "fewer_networks",
        rows if whole else rows.iloc[:0],
        *(
            within(name, f"{name} with a linear layer on a path", exact(count[name] if whole else math.nan), size, size)
            for name, size in (("dags", 541), ("networks", 275))
        ),
        kind="check",
        statement="Of the 729 DAGs 541 have a linear layer on a path, and these are 275 networks: the others have, "
        "beside one of them, edges that lie on no path.",
        source="counted",
        figure="bounds",
    )


# ---------------------------------------------------------------- trained


def _shaped(rows: pd.DataFrame, quantity: str, shape: str, rises: bool) -> Criterion:
    """τ of a quantity with depth or P has a sign, on every data set."""
    found = estimates(rows, lambda t: taus(t, quantity)[lambda each: each.index.get_level_values(2) == shape])
    name, says = f"{quantity}_{shape}", f"τ({quantity}, {shape})"
    if rises:
        return at_least(name, f"least {says}", least_of(found), 0)
    return at_most(name, f"largest {says}", largest_of(found), 0)


def deeper_expresses(table: pd.DataFrame) -> Claim:
    rows = single(trained(table))
    return _trained(
        "deeper_expresses",
        rows,
        _shaped(rows, LOSS, "depth", False),
        statement="At a rate that all share, deeper DAGs are more expressive: over cell means the training loss at "
        "the end falls with depth.",
        source=f"{PAPER} [S]: τ -.87, -.79, -.80; images, rate and steps ours",
        also=_said(rows, LOSS),
        why=UNFINISHED,
        figure="correlations",
    )


def wider_converges(table: pd.DataFrame) -> Claim:
    rows = single(trained(table))
    return _trained(
        "wider_converges",
        rows,
        _shaped(rows, EPOCHS, "depth", True),
        _shaped(rows, EPOCHS, "paths", False),
        statement="At a rate that all share, DAGs converge the faster the more paths they have and the fewer linear "
        "edges on a path: over cell means the epochs to 50 % training accuracy rise with depth and fall with paths.",
        source=f"{PAPER} [S]: τ with depth .64, .34, .33, with paths -.69, -.85, -.85; images, rate and steps ours",
        also={"share_that_reached": rows["reached"].astype(float).mean()} | _said(rows, EPOCHS),
        figure="correlations",
    )


def wider_generalises(table: pd.DataFrame) -> Claim:
    rows = single(trained(table))
    return _trained(
        "wider_generalises",
        rows,
        _shaped(rows, GAP, "depth", True),
        _shaped(rows, GAP, "paths", False),
        statement="At a rate that all share, wide and shallow DAGs generalise best: over cell means test less "
        "training loss rises with depth and falls with paths.",
        source=f"{PAPER} [S]: τ with depth .39, .69, .35, with paths -.41, -.21, -.26; images, rate and steps ours",
        also=_said(rows, GAP),
        why=UNFINISHED,
        figure="correlations",
    )


def trained_taus(table: pd.DataFrame) -> Claim:
    rows = single(trained(table))
    published = TAUS[(TAUS["data"] != TUNED) & TAUS["quantity"].isin(TRAINED)]
    names = {f"published τ({row.quantity}, {row.shape}), {row.data}": row.tau for row in published.itertuples()}
    return _trained(
        "trained_taus",
        rows,
        _apart(rows, TRAINED, published, NEAR),
        statement="Each of the six correlations of loss, epochs and gap with depth and paths is within .2 of the range "
        "that the published ones of Tiny-ImageNet, CIFAR-10 and CIFAR-100 span.",
        source=f"{PAPER} [S]; images, rate and steps ours",
        also=_said(rows, *TRAINED) | names,
        why=UNFINISHED,
        figure="correlations",
    )


def tuned_taus(table: pd.DataFrame) -> Claim:
    rows = single(tuned(table))
    published = TAUS[TAUS["data"] == TUNED]
    names = {f"published τ({row.quantity}, {row.shape})": row.tau for row in published.itertuples()}
    rates = {f"DAGs at rate {rate}": part["dag"].nunique() for rate, part in rows.groupby("rate")}
    return _trained(
        "tuned_taus",
        rows,
        _signed(rows, TRAINED, published),
        _apart(rows, TRAINED, published, NEAR),
        statement="With a rate of its own for each DAG the trade-off survives: loss falls with depth, epochs and gap "
        "rise with depth and fall with paths, and the six correlations are within .2 of those published for tuned "
        "rates.",
        source=f"{PAPER}, tuned rate [S]; tuned here: the rate of least training loss",
        also=_said(rows, *TRAINED) | names | rates,
        why="At the rates of least loss, nearly the largest at which a DAG trains, more paths no longer converge "
        "faster: at .08 epochs to half are .41, .41, .42 and .44 for P = 1 to 4, where at .02 they are 1.2, .88, .75 "
        "and .69 (MNIST, 24 epochs).",
        figure="correlations",
    )


# ---------------------------------------------------------------- ranks


def _worst_aspect(t: pd.DataFrame) -> pd.Series:
    """Of each data set: the least, over single DAGs, of a DAG's worst rank in the three aspects."""
    return alone(ranks(t))[list(ASPECTS)].max(axis=1).groupby("data").min()


def _no_best(id: str, rows: pd.DataFrame, statement: str, **words: Any) -> Claim:
    ranked = alone(ranks(rows))
    dags = {f"dags, {data}": len(part) for data, part in ranked.groupby("data")}
    fronts = {f"on_the_front, {data}": int(part.sum()) for data, part in front(ranked).groupby("data")}
    return _trained(
        id,
        rows,
        at_least(
            "worst_rank",
            "least, over DAGs, of the worst of its three ranks",
            least_of(estimates(rows, _worst_aspect)),
            TENTH,
        ),
        statement=statement,
        also=dags | fronts,
        figure="trade_off",
        **words,
    )


def no_best(table: pd.DataFrame) -> Claim:
    return _no_best(
        "no_best",
        single(trained(table)),
        "No single DAG is best in all three aspects: at a rate that all share, none is among the best tenth in "
        "expressivity, in convergence and in generalisation.",
        source=f"{PAPER}, title and ranks: their best single DAG is 71st, 76th and 5th [S]",
    )


def no_best_when_tuned(table: pd.DataFrame) -> Claim:
    return _no_best(
        "no_best_when_tuned",
        single(tuned(table)),
        "Tuning each DAG's rate makes none of them best either: none is among the best tenth in expressivity, in "
        "convergence and in generalisation.",
        source=f"{PAPER} prints correlations at tuned rates [S], ranks ours",
        kind="beyond",
    )


def _place(rows: pd.DataFrame, name: str, quantity: str) -> list[Estimate]:
    """The rank of a named architecture in an aspect, on each data set."""

    def place(t: pd.DataFrame) -> pd.Series:
        found = named(ranks(t))
        return found[found.index.get_level_values("architecture") == name][quantity].astype(float)

    return estimates(rows, place)


def deep_narrow(table: pd.DataFrame) -> Claim:
    rows = trained(table)
    first, *last = ((quantity, _place(rows, DEEP, quantity)) for quantity in ASPECTS)
    return _trained(
        "deep_narrow",
        rows,
        at_most(first[0], "rank in expressivity", largest_of(first[1]), TENTH),
        *(at_least(quantity, f"rank in {ASPECTS[quantity]}", least_of(found), 1 - TENTH) for quantity, found in last),
        statement="The deep and narrow DAG, a chain of three linear edges, is among the most expressive tenth, and "
        "among the last tenth in convergence and in generalisation.",
        source=f"{PAPER}: ranks 1, 538, 541 [S]",
        why="With longer training the deep and narrow DAG ranks as in the paper: .56, .91, .56 after 24 epochs, .07, "
        ".91, .95 after 100 and .02, .91, 1.0 after 400; the wide and shallow one's generalisation .35, .26, .09 (2 "
        "seeds, docs/theory/no_free_lunch.md).",
        figure="ranks",
    )


def wide_shallow(table: pd.DataFrame) -> Claim:
    rows = trained(table)
    places = {quantity: _place(rows, WIDE, quantity) for quantity in ASPECTS}
    return _trained(
        "wide_shallow",
        rows,
        at_least(LOSS, "rank in expressivity", least_of(places[LOSS]), 1 / 3),
        at_most(EPOCHS, "rank in convergence", largest_of(places[EPOCHS]), TENTH),
        at_most(GAP, "rank in generalisation", largest_of(places[GAP]), TENTH),
        statement="The wide and shallow DAG, four paths of one linear edge, is among the best tenth in convergence "
        "and in generalisation, and not among the most expressive third.",
        source=f"{PAPER}: ranks 217, 39, 1 [S]",
        why="With longer training the deep and narrow DAG ranks as in the paper: .56, .91, .56 after 24 epochs, .07, "
        ".91, .95 after 100 and .02, .91, 1.0 after 400; the wide and shallow one's generalisation .35, .26, .09 (2 "
        "seeds, docs/theory/no_free_lunch.md).",
        figure="ranks",
    )


def named_ranks(table: pd.DataFrame) -> Claim:
    rows = trained(table)
    theirs = RANKS.set_index(["architecture", "quantity"])["share"]

    def apart(t: pd.DataFrame) -> pd.Series:
        found = _stacked(ranks(t))
        return (found - [theirs[place[1:]] for place in found.index]).abs()

    ours = _stacked(ranks(rows))
    said = {f"{name}, {ASPECTS[quantity]}, {data}": share for (data, name, quantity), share in _each(ours)}
    said |= {f"{name}, {ASPECTS[quantity]}, published": share for (name, quantity), share in _each(theirs)}
    return _trained(
        "named_ranks",
        rows,
        at_most(
            "largest_gap",
            "largest |our rank - theirs|, each over its number of DAGs",
            largest_of(estimates(rows, apart)),
            NEAR,
        ),
        statement="The best single DAG, the wide and shallow one, the deep and narrow one, their ensemble and the "
        "pruned ensemble rank in each aspect within a fifth of all DAGs of where the paper ranks them.",
        source=f"{PAPER}, ranks [S]; of the best single DAG only depth and P are given: the best summed one is taken",
        also=said,
        why="With longer training the deep and narrow DAG ranks as in the paper: .56, .91, .56 after 24 epochs, .07, "
        ".91, .95 after 100 and .02, .91, 1.0 after 400; the wide and shallow one's generalisation .35, .26, .09 (2 "
        "seeds, docs/theory/no_free_lunch.md).",
        figure="ranks",
    )


def _stacked(ranked: pd.DataFrame) -> pd.Series:
    """The ranks of the named architectures, by (data, architecture, quantity)."""
    found = named(ranked)
    each = {(*place, aspect): float(rank) for aspect in ASPECTS for place, rank in _each(found[aspect])}
    return pd.Series(
        list(each.values()), pd.MultiIndex.from_tuples(list(each), names=["data", "name", "aspect"]), float
    )


def pruned_ensemble(table: pd.DataFrame) -> Claim:
    rows = trained(table)

    def excess(t: pd.DataFrame) -> pd.Series:
        ranked = ranks(t)
        best = alone(ranked)[list(ASPECTS)].sum(axis=1).groupby("data").min()
        sums = _stacked(ranked).groupby(level=["data", "name"]).sum().unstack().reindex(columns=[PRUNED])
        return sums[PRUNED].reindex(best.index) - best

    return _trained(
        "pruned_ensemble",
        rows,
        at_most(
            "excess",
            "its summed rank less the best single DAG's, largest over data",
            largest_of(estimates(rows, excess)),
            0,
        ),
        statement="The pruned ensemble of the wide and shallow and the deep and narrow DAG has a lower summed rank "
        "than every single DAG.",
        source=f"{PAPER}: 109 against 152 of 541 [S]",
        why="At the rate that single DAGs have in common the pruned ensemble is among the most expressive, and in the "
        "last third in convergence and generalisation: figure ranks.",
        figure="ranks",
    )


def best_against_random(table: pd.DataFrame) -> Claim:
    rows = single(trained(table))

    def held_out(t: pd.DataFrame) -> float:
        """The summed rank, on each seed, of the DAG that is best on the others, over a random one's; mean."""
        found = []
        for seed in t["seed"].unique():
            chosen = alone(ranks(t[t["seed"] != seed]))[list(ASPECTS)].sum(axis=1)
            judged = alone(ranks(t[t["seed"] == seed]))[list(ASPECTS)].sum(axis=1)
            best = chosen.groupby("data").idxmin()
            found += [judged[place] / judged.groupby("data").mean()[place[0]] for place in best if place in judged]
        return float(np.mean(found)) if found else math.nan

    theirs = RANKS[RANKS["architecture"] == BEST]["share"].sum() / 1.5
    return _trained(
        "best_against_random",
        rows,
        at_most(
            "ratio",
            "summed rank of the best over a random DAG's, on a seed not used to choose it",
            estimate(rows, held_out),
            0.5,
        ),
        kind="beyond",
        statement="Although none is best in all three, the DAG with the least summed rank, chosen on other seeds, has "
        "at most half of a random DAG's summed rank.",
        source=f"ours, after {PAPER}'s best single DAG: ratio {theirs:.2f}, on the seeds that chose it",
        figure="ranks",
    )


# ---------------------------------------------------------------- theory against training


def theory_against_training(table: pd.DataFrame) -> Claim:
    theory, training = kernels(table), single(trained(table))
    rows = pd.concat([theory, training])

    def per_network(t: pd.DataFrame) -> pd.Series:
        first = means(t[t["experiment"] == "kernels"], *THEORY)
        second = means(t[t["experiment"] == "trained"], *TRAINED)
        both = first[list(THEORY)].join(second[list(TRAINED)], how="inner")
        return pd.Series(
            {
                (data, *pair): correlation(part[pair[0]], part[pair[1]])
                for data, part in both.groupby("data")
                for pair in PER_NETWORK
            },
            dtype=float,
        )

    def apart(t: pd.DataFrame) -> pd.Series:
        found = per_network(t)
        return (found - [PER_NETWORK[place[1:]] for place in found.index]).abs()

    whole = rows if len(theory) and len(training) else rows.iloc[:0]
    found = per_network(whole) if len(whole) else pd.Series(dtype=float)
    said = {f"τ({a}, {b}), {data}": value for (data, a, b), value in _each(found)}
    return _trained(
        "theory_against_training",
        whole,
        at_most("largest_gap", "largest |our τ - theirs|", largest_of(estimates(whole, apart)), NEAR),
        statement="Network by network, theory predicts convergence and little else: the correlations of curvature with "
        "loss, of the NNGP's least eigenvalue with epochs and of the tangent kernel's with the gap are within .2 of "
        "the paper's -.05, -.77 and -.16.",
        source=f"{PAPER}, theory against training [S]",
        also=said,
        why="The sign that theory predicts is there for convergence alone. Where training has not ended both loss and "
        "gap follow the number of paths, and curvature and the tangent kernel with it.",
        figure="correlations",
    )


# ---------------------------------------------------------------- the sibling


def sibling_eigenvalues(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "kernels")
    rows = rows[rows["dag"].isin(SIBLINGS)]

    def rises(kernel: str) -> Callable[[pd.DataFrame], pd.Series]:
        def rise(t: pd.DataFrame) -> pd.Series:
            found: dict[Any, float] = {}
            for data, part in t.groupby("data"):
                each = part.groupby("dag")[kernel].mean().reindex(list(SIBLINGS))
                found |= {(data, dag): step for dag, step in _each(each.diff().iloc[1:] / each.mean())}
            return pd.Series(found, dtype=float)

        return rise

    says = "least rise of the mean eigenvalue from one DAG to the next, over their mean"
    return _claim(
        "sibling_eigenvalues",
        rows,
        *(
            at_least(kernel, f"{name}: {says}", least_of(estimates(rows, rises(kernel))), 0)
            for kernel, name in (("nngp", "NNGP"), ("tangent", "tangent kernel"))
        ),
        statement="The sibling paper's three DAGs 2_02_002, 1_01_222, 2_21_112 have least eigenvalues, of the NNGP "
        "and of the tangent kernel at infinite width, that rise in this order.",
        source="Chen et al. 2022, arXiv 2205.05662 [S]",
        thresholds="after the default tier",
        limits="limits are ours, from before any run; the two kernels were one criterion then",
        why="The tangent kernel has a term for each linear edge, so that the chain of three is ahead of three paths "
        "of one edge: figure siblings.",
        figure="siblings",
    )


def sibling_convergence(table: pd.DataFrame) -> Claim:
    rows = of_experiments(table, "siblings")

    def falls(first: str, second: str) -> Callable[[pd.DataFrame], pd.Series]:
        def fall(t: pd.DataFrame) -> pd.Series:
            each = t.groupby(["data", "dag"])[EPOCHS].mean().unstack().reindex(columns=SIBLINGS)
            return each[first] - each[second]

        return fall

    pairs = {"first": SIBLINGS[:2], "second": SIBLINGS[1:]}
    return _trained(
        "sibling_convergence",
        rows,
        *(
            at_least(
                name,
                f"epochs to half of {a} less those of {b}, least over data",
                least_of(estimates(rows, falls(a, b))),
                SOONER,
            )
            for name, (a, b) in pairs.items()
        ),
        statement="The sibling paper's three DAGs converge in the order of their eigenvalues: 2_02_002 takes the most "
        "epochs to 50 % training accuracy, then 1_01_222, and 2_21_112 the fewest, each by a hundredth of one at "
        "least.",
        source="Chen et al. 2022, arXiv 2205.05662 [S]; images, rate and steps ours",
        figure="siblings",
    )


CLAIMS = (
    *(no_best, no_best_when_tuned, deep_narrow, wide_shallow, named_ranks, pruned_ensemble, best_against_random),
    *(deeper_expresses, wider_converges, wider_generalises, trained_taus, tuned_taus),
    *(kernel_signs, kernel_taus, tangent_of_the_stem, theory_against_training),
    *(nngp_bound, tangent_bound, bound_of_separate_paths, jacobian_theorem, jacobian_limit),
    *(closed_form_orders, fewer_networks, sibling_eigenvalues, sibling_convergence),
)
claims = on_converged(CLAIMS)
