"""Which assumptions of the benign-overfitting theorem a cell satisfies, with the constant C spelt out.

[frei]: Frei, Chatterji, Bartlett 2022, as remembered; the flagship paper's own list is of this form [digest], its
constants are not at hand. [ours]: practical stand-ins where the source is silent or no practical run satisfies it.
Why each was chosen: docs/theory.md §8.
"""

from __future__ import annotations

import math

from benign.theory.mixture.gaussian import averaging_rho

DESCRIPTIONS: dict[str, str] = {
    "sample_size": "Enough points for the failure probability: n ≥ C log(1/δ) [frei].",
    "dimension": "Near-orthogonal points: d ≥ C max{n‖μ‖², n² log(n/δ)} [frei].",
    "signal": "Every point lies on its class's side: ‖μ‖² ≥ C log(n/δ) [frei].",
    "flip_rate": "Few labels are wrong: β ≤ 1/C [frei].",
    "test_signal": "The bound β + 2exp(-n‖μ‖⁴/(Cd)) [frei] says something: n‖μ‖⁴ ≥ C d [ours].",
    "budget": "The adversary leaves half of the averaging predictor's margin: α ≤ ρ_avg/2 [ours].",
    "step": "Steps short enough to train stably: η·E‖x‖²/n ≤ 3 with E‖x‖² = d + ‖μ‖² [ours].",
    "initialisation": "The first step outweighs the initial weights: σ√d ≤ η√d·E‖x‖/(2Cn√m) [ours].",
    "step_literal": "The source's own step size: η ≤ 1/(C max{1, H/√m} d²) [frei]; not part of the regime.",
    "initialisation_literal": "The source's own initialisation: σ√(md) ≤ η [frei]; not part of the regime.",
}
LITERAL = ("step_literal", "initialisation_literal")


def check(
    n: int,
    d: int,
    signal: float,
    flip_rate: float,
    budget: float,
    step_size: float,
    init_scale: float,
    width: int,
    curvature: float,
    constant: float = 5.0,
    failure: float = 0.05,
) -> dict[str, bool]:
    """Name of each assumption (keys of DESCRIPTIONS, same order) to whether it holds.

    signal ‖μ‖, flip_rate β, budget α, step_size η, init_scale σ√d, width m, curvature H (inf for a kink),
    constant C, failure δ. The step size is that of the mean loss.
    """
    if not (constant > 0 and 0 < failure < 1):
        raise ValueError(f"constant={constant!r}, failure={failure!r}: give constant > 0 and failure in (0, 1)")
    power, logarithm = signal**2, math.log(n / failure)
    size = d + power  # E‖x‖²
    # Pre-activations: the first step gives a point its own φ'(z)η‖x‖²/(2n√m); the initial weights give N(0, σ²‖x‖²).
    first_step, initial = step_size * size / (2 * n * math.sqrt(width)), init_scale * math.sqrt(size / d)
    holds = {
        "sample_size": n >= constant * math.log(1 / failure),
        "dimension": d >= constant * max(n * power, n**2 * logarithm),
        "signal": power >= constant * logarithm,
        "flip_rate": flip_rate <= 1 / constant,
        "test_signal": n * power**2 >= constant * d,
        "budget": budget <= averaging_rho(n, d, signal, flip_rate) / 2,
        "step": step_size * size / n <= 3,
        "initialisation": initial <= first_step / constant,
        "step_literal": step_size <= 1 / (constant * max(1.0, curvature / math.sqrt(width)) * d**2),
        "initialisation_literal": init_scale * math.sqrt(width) <= step_size,
    }
    return {name: bool(held) for name, held in holds.items()}


def in_regime(checks: dict[str, bool]) -> bool:
    """Whether every assumption holds but the literal step and initialisation, which no practical run satisfies."""
    return all(checks[name] for name in DESCRIPTIONS if name not in LITERAL)
