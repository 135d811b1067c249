"""What theory says of a setting of noisy clusters before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benign.theory.mixture import assumptions, gaussian, two_group

if TYPE_CHECKING:
    from benign.experiments.noisy_clusters.courses import Course
    from benign.experiments.noisy_clusters.setting import Setting


def step_size(setting: Setting) -> float:
    """η = c·n/E‖x‖² for clusters [ours]."""
    return setting.step_scale * setting.n / (setting.d + setting.signal**2)


def recursion(setting: Setting, flip_rate: float) -> two_group.Trajectory:
    """The two-group recursion over the setting's steps, with that share of labels flipped."""
    return two_group.trajectory(
        n=setting.n,
        d=setting.d,
        signal=setting.signal,
        flip_rate=flip_rate,
        slope=setting.slope,
        budget=setting.train_budget,
        step_size=step_size(setting),
        steps=setting.steps,
    )


def two_group_rho(setting: Setting, flip_rate: float) -> float:
    """ρ that the recursion reaches."""
    return float(recursion(setting, flip_rate).rho[-1])


def predict(setting: Setting, course: Course | None = None) -> dict[str, Any]:
    """ρ and robust error of each predictor, the floor, and which assumptions hold; nothing for images.

    The four-group recursion's are there if its course is given: `courses` runs it for many settings at once.
    """
    if setting.data != "clusters":
        return {}
    law: dict[str, Any] = {name: getattr(setting, name) for name in ("n", "d", "signal", "flip_rate")}
    rhos: dict[str, gaussian.Floats | float] = {
        "averaging": gaussian.averaging_rho(**law),
        "max_margin": gaussian.max_margin_rho(**law, slope=setting.slope),
        "linear_max_margin": gaussian.max_margin_rho(**law, slope=1.0),
        "two_group": two_group_rho(setting, setting.flip_rate),
    }
    if course:
        rhos["four_group"] = course.rho
    network: dict[str, Any] = {
        "width": setting.width,
        "curvature": setting.curvature if setting.activation == "smooth_leaky_relu" else np.inf,
    }
    training: dict[str, Any] = {
        "budget": setting.budget,
        "step_size": step_size(setting),
        "init_scale": setting.init_scale,
    }
    checks = assumptions.check(**law, **network, **training)
    errors = {name: gaussian.half_space_error(setting.budget, value, setting.flip_rate) for name, value in rhos.items()}
    return {
        "floor_error": gaussian.robust_floor(setting.budget, setting.signal, setting.flip_rate),
        **{f"{name}_rho": float(value) for name, value in rhos.items()},
        **{f"{name}_error": float(value) for name, value in errors.items()},
        **{f"assumes_{name}": holds for name, holds in checks.items()},
        "in_regime": assumptions.in_regime(checks),
        "largest_constant": assumptions.largest_constant(**law, **network),
    }
