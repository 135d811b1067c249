"""Which assumptions of the benign-overfitting theorems a cell satisfies, with the constant C spelt out.

The flagship's own list is not at hand, but is of [frei]'s form [digest]. It extends two papers, both read in full:
[frei] Frei, Chatterji, Bartlett 2022, for smooth activations, and [xu] Xu, Gu 2023, for activations with a kink.
[ours]: practical stand-ins where they are silent or no practical run satisfies them. Each asks for a "sufficiently
large" constant that it does not give; so beside the verdicts at our C stands the largest C at which a list holds.
Why each was chosen: docs/theory.md §8.
"""

from __future__ import annotations

import math

from benign.theory.mixture.gaussian import averaging_rho

CONSTANT, FAILURE = 5.0, 0.05  # C and δ [ours]
# What `in_regime` says, in a sentence and in a legend.
REGIME = (
    f"assumptions of the theorem's form hold (those for smooth activations, C = {CONSTANT:g}), with a step and a start "
    "far larger than its own"
)
REGIME_SHORT = f"assumptions hold (C = {CONSTANT:g}) but for the step"

DESCRIPTIONS: dict[str, str] = {
    "sample_size": "Enough points for the failure probability: n ≥ C log(1/δ) [frei].",
    "dimension": "Near-orthogonal points: d ≥ C max{n‖μ‖², n² log(n/δ)} [frei].",
    "signal": "Every point lies on its class's side: ‖μ‖² ≥ C log(n/δ) [frei].",
    "flip_rate": "Few labels are wrong: β ≤ 1/C [frei, xu].",
    "test_signal": "The bound β + 2exp(-n‖μ‖⁴/(Cd)) [frei] says something: n‖μ‖⁴ ≥ C d [ours].",
    "budget": "The adversary leaves half of the averaging predictor's margin: α ≤ ρ_avg/2 [ours].",
    "step": "Steps short enough to train stably: η·E‖x‖²/n ≤ 3 with E‖x‖² = d + ‖μ‖² [ours].",
    "initialisation": "The first step outweighs the initial weights: σ√d ≤ η√d·E‖x‖/(2Cn√m) [ours].",
    "sample_size_xu": "Enough points for every neuron: n ≥ C log(m/δ) [xu].",
    "width_xu": "Enough neurons for every point: m ≥ C log(n/δ) [xu].",
    "dimension_xu": "Near-orthogonal points: d ≥ C(n‖μ‖² + n² log(n/δ)) [xu].",
    "signal_xu": "Signal that shows above the noise: ‖μ‖ ≥ C(d/n)^¼ log^¼(md/(nδ)) [xu].",
    "step_literal": "The theorem's own step size: η ≤ 1/(C max{1, H/√m} d²) [frei], 1/(C d²) at a kink [xu].",
    "initialisation_literal": "The theorem's own initialisation: σ√(md) ≤ η [frei, xu].",
}
FREI = ("sample_size", "dimension", "signal", "flip_rate")
XU = ("sample_size_xu", "width_xu", "dimension_xu", "signal_xu", "flip_rate")
OURS = ("test_signal", "budget", "step", "initialisation")


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
    constant: float = CONSTANT,
    failure: float = FAILURE,
) -> dict[str, bool]:
    """Name of each assumption (keys of DESCRIPTIONS, same order) to whether it holds.

    signal ‖μ‖, flip_rate β, budget α, step_size η, init_scale σ√d, width m, curvature H (inf for a kink),
    constant C, failure δ. The step size is that of the mean loss.
    """
    if not (constant > 0 and 0 < failure < 1):
        raise ValueError(f"constant={constant!r}, failure={failure!r}: give constant > 0 and failure in (0, 1)")
    size = d + signal**2  # E‖x‖²
    # Pre-activations: the first step gives a point its own φ'(z)η‖x‖²/(2n√m); the initial weights give N(0, σ²‖x‖²).
    first_step, initial = step_size * size / (2 * n * math.sqrt(width)), init_scale * math.sqrt(size / d)
    bend = max(1.0, curvature / math.sqrt(width)) if math.isfinite(curvature) else 1.0
    largest = {
        **largest_constants(n, d, signal, flip_rate, width, failure),
        "test_signal": n * signal**4 / d,
        "initialisation": _ratio(first_step, initial),
        "step_literal": 1 / (step_size * bend * d**2),
    }
    holds = {name: value >= constant for name, value in largest.items()} | {
        "budget": budget <= averaging_rho(n, d, signal, flip_rate) / 2,
        "step": step_size * size / n <= 3,
        "initialisation_literal": init_scale * math.sqrt(width) <= step_size,
    }
    return {name: bool(holds[name]) for name in DESCRIPTIONS}


def in_regime(checks: dict[str, bool]) -> bool:
    """Whether all of [frei]'s list holds, whatever the activation, with our step and start for its own, and our budget.

    The flagship's list is of that form for smooth and non-smooth activations [digest].
    """
    return all(checks[name] for name in FREI + OURS)


def largest_constant(
    n: int, d: int, signal: float, flip_rate: float, width: int, curvature: float, failure: float = FAILURE
) -> float:
    """Largest C at which all that the activation's own theorem asks for holds, its step and start apart.

    That is [frei]'s list for a smooth activation, [xu]'s for a kink (curvature inf). No choice of C enters.
    """
    largest = largest_constants(n, d, signal, flip_rate, width, failure)
    return min(largest[name] for name in (FREI if math.isfinite(curvature) else XU))


def largest_constants(
    n: int, d: int, signal: float, flip_rate: float, width: int, failure: float = FAILURE
) -> dict[str, float]:
    """Name of each of both theorems' assumptions, step and start apart, to the largest C at which it holds."""
    power, logarithm = signal**2, math.log(n / failure)
    return {
        "sample_size": n / math.log(1 / failure),
        "dimension": d / max(n * power, n**2 * logarithm),
        "signal": power / logarithm,
        "flip_rate": _ratio(1, flip_rate),
        "sample_size_xu": n / math.log(width / failure),
        "width_xu": width / logarithm,
        "dimension_xu": d / (n * power + n**2 * logarithm),
        "signal_xu": _ratio(signal, (d / n * max(math.log(width * d / (n * failure)), 0.0)) ** 0.25),
    }


def _ratio(given: float, needed: float) -> float:
    """Where nothing is needed any C will do."""
    return given / needed if needed > 0 else math.inf
