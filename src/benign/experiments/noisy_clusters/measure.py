"""Losses, errors and alignment of a trained network."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from benign.attack.evaluation import logistic_loss, mean_input_gradient, rho, worst_case
from benign.experiments.noisy_clusters.fit import Network
from benign.experiments.noisy_clusters.predict import two_group_rho
from benign.experiments.samples import Sample
from benign.nets.two_layer import outer_weights
from benign.stats import bootstrap_mean

if TYPE_CHECKING:
    from benign.experiments.noisy_clusters.courses import Course
    from benign.experiments.noisy_clusters.setting import Setting


def measured(network: Network, course: Course | None = None) -> dict[str, Any]:
    """A network's columns of a row, `status` among them, and beside its ρ those that were predicted for its sample."""
    if not network.finite:
        return {"status": "diverged"}
    found = measure(network.setting, network.drawn, network.weights, course)
    if not math.isfinite(found["robust_train_loss"]):  # outputs leave the range of numbers within the budget
        return {"status": "diverged"}
    return {"status": "ok", "inner_gap": network.gap, "inner_evaluations": network.evaluations, **found}


def measure(setting: Setting, drawn: Sample, w: Tensor, course: Course | None = None) -> dict[str, Any]:
    """Losses, errors and ρ of a trained network with weights w (m, k)."""
    problem = drawn.problem
    attacked = functools.partial(worst_case, problem.x, problem.y, **_network(drawn, w))
    train_clean = attacked(budget=0.0)
    train_robust = attacked(budget=setting.budget, iterations=100, tolerance=1e-6)

    def along(x: Tensor) -> float:
        return rho(drawn.mean, mean_input_gradient(x, **_network(drawn, w)))

    losses = logistic_loss(train_robust.margin)
    low, high = map(float, bootstrap_mean(losses.cpu().numpy())) if losses.isfinite().all() else (math.nan, math.nan)
    flipped = share(problem.y != drawn.train_clean)
    # A sample has its own share of flipped labels, and recursions are about that sample (docs/theory.md §5). Where
    # most are flipped, labels mean their opposites, and no closed form is about that.
    recursions = {}
    if setting.data == "clusters" and flipped <= 0.5:
        recursions["two_group_sample_rho"] = two_group_rho(setting, flipped)
        if course:
            recursions["four_group_sample_rho"] = course.sample_rho
    return {
        "train_loss": float((losses if setting.train_budget else logistic_loss(train_clean.margin)).mean()),
        "robust_train_loss": float(losses.mean()),
        "robust_train_loss_low": low,
        "robust_train_loss_high": high,
        "robust_train_error": share(train_robust.margin <= 0),
        "clean_train_error": share(train_clean.margin <= 0),
        **fresh_errors(drawn, w, "clean", 0.0),
        **fresh_errors(drawn, w, "robust", setting.budget),
        "tested": len(drawn.test_x),
        "mean_norm": float(torch.linalg.vector_norm(drawn.mean)),
        "rho": along(drawn.test_x),
        "rho_positive": along(drawn.test_x[drawn.test_clean > 0]),
        "rho_negative": along(drawn.test_x[drawn.test_clean < 0]),
        "flipped": flipped,
        "misaligned": misaligned(drawn, w),
        **recursions,
    }


def fresh_errors(drawn: Sample, w: Tensor, name: str, budget: float) -> dict[str, float]:
    """Shares of the test points that the attack turns against their observed label, and against their clean one.

    Also the share of those at which its gradients vanished, if there are any.
    """
    attacked = functools.partial(worst_case, **_network(drawn, w), budget=budget, until_fooled=True)
    clean = attacked(x=drawn.test_x, y=drawn.test_clean)
    turned, vanished = clean.margin <= 0, clean.vanished
    errors = {f"{name}_test_error_clean_labels": share(turned)}
    flipped = drawn.test_clean != drawn.test_observed
    if flipped.any():
        observed = attacked(x=drawn.test_x[flipped], y=drawn.test_observed[flipped])
        turned[flipped] = observed.margin <= 0
        vanished[flipped] |= observed.vanished
    errors[f"{name}_test_error"] = share(turned)
    return errors | ({"vanished": share(vanished)} if vanished.any() else {})


def misaligned(drawn: Sample, w: Tensor) -> float:
    """Share of the neurons of one sign that point at the other cluster, a_j⟨w_j, μ⟩ < 0; of the sign with more."""
    a = outer_weights(len(w), w.dtype, w.device, drawn.problem.positive)
    against = a * (w @ drawn.mean) < 0
    return max(share(against[sign]) for sign in (a > 0, a < 0) if sign.any())


def _network(drawn: Sample, w: Tensor) -> dict[str, Any]:
    """The sample's network with these weights, as attacks take it."""
    return {"w": w, "activation": drawn.problem.activation, "positive": drawn.problem.positive}


def share(events: Tensor) -> float:
    return float(events.double().mean())
