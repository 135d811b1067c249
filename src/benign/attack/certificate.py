"""Certificates: points whose label no ℓ2 perturbation within the budget turns, by linear relaxation and branching.

An attack gives a lower bound on the robust error; points without a certificate give an upper one. Derived in
docs/theory.md §10. For a point x with label y this bounds from below, over ‖δ‖₂ ≤ α,

    y·f(x + δ) = Σ_j b_j φ(z_j + ⟨w_j, δ⟩),    b_j = y·a_j,  z_j = ⟨w_j, x⟩.

Every φ here is convex. Where b_j > 0, φ(t) ≥ s·t - φ*(s) for every slope s, φ* the convex conjugate; where b_j < 0, φ
lies under its chord. The sum of these lines is affine in δ and has a least value in closed form, which the slopes s are
moved to make large (linear relaxation with optimised slopes: Xu et al., ICLR 2021). Chords are long only as long as the
ball is large, and trained weights are close to rank 2: so δ = E·u + v with E the leading right singular vectors of W
and v ⊥ E, and the box of u is halved where it has to be (branch and bound). Near the sphere this leaves little to v,
since ‖u‖² + ‖v‖² ≤ α².

Letters: N points, m neurons, k coordinates, r branching directions, M boxes.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import torch
from torch import Tensor

from benign.nets.two_layer import Activation, outer_weights

CHUNK = 1000  # boxes bounded at a time
BISECTIONS = 30  # in the search for a box's multiplier; any multiplier gives a sound bound
ROUNDING = 1e-9  # of a bound in float64, relative to the sum of absolute values that it is made of


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What is certified of N points, in float64; a point that is neither robust nor turned is undecided.

    robust: (N,), True where y·f(x + δ) > 0 for every ‖δ‖₂ ≤ α, by bounds that count beyond ROUNDING
    turned: (N,), True where a δ with y·f(x + δ) ≤ 0 was met
    perturbation: (N, k), that δ; 0 elsewhere
    boxes: how many boxes were bounded
    """

    robust: Tensor
    turned: Tensor
    perturbation: Tensor
    boxes: int


@torch.inference_mode()
def certify(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    activation: Activation,
    budget: float,
    *,
    directions: int = 2,
    depth: int = 10,
    boxes: int = 500,
    sweeps: int = 3,
    positive: int | None = None,
) -> Certificate:
    """Decide whether y·f(x + δ) > 0 on the ball ‖δ‖₂ ≤ budget, for points x (N, k), labels y (N,) and weights w (m, k).

    directions: r, how many singular directions of W the ball is split along; 0 is the relaxation without branching
    depth: how often a box may be halved in every direction
    boxes: a point with more open boxes than this is left undecided
    sweeps: how often the slopes are moved on each box
    positive: how many neurons, the first ones, have the sign +1, if not half
    """
    if budget == 0:
        return _as_they_are(x.double(), y.double(), w.double(), activation, positive)
    unit, x, w, activation, budget = of_size_1(x.double(), w.double(), activation, budget)
    relaxation = Relaxation(w, activation, budget, directions, positive)
    y = y.double()
    z = x @ relaxation.w.mT  # (N, m)
    turned = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    undecided = torch.zeros_like(turned)
    perturbation = torch.zeros_like(x)
    halves = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=relaxation.r)), dtype=x.dtype, device=x.device)
    point = torch.arange(len(x), device=x.device)  # (M,), the point that each box belongs to
    centre = x.new_zeros(len(x), relaxation.r)  # (M, r)
    half, bounded = float(budget), 0
    for level in range(depth + 1):
        open_ = torch.ones_like(point, dtype=torch.bool)
        for part in torch.arange(len(point), device=x.device).split(CHUNK):
            owner = point[part]
            bound, margin, delta = relaxation.bound(z[owner], y[owner], centre[part], half, sweeps)
            met = margin <= 0
            turned[owner[met]] = True
            perturbation[owner[met]] = delta[met]
            open_[part] = ~(bound > 0)  # a bound that is no number proves nothing
        bounded += len(point)
        open_ &= ~turned[point]
        point, centre = point[open_], centre[open_]
        if not len(point) or not relaxation.r or level == depth:
            break
        half /= 2
        point = point.repeat_interleave(len(halves))
        centre = (centre[:, None] + half * halves).flatten(0, 1)
        undecided |= torch.bincount(point, minlength=len(x)) > boxes
        inside = ~(relaxation.nearest(centre, half) >= budget) & ~undecided[point]
        point, centre = point[inside], centre[inside]
    undecided[point] = True
    return Certificate(~turned & ~undecided, turned, unit * perturbation, bounded)


def _as_they_are(x: Tensor, y: Tensor, w: Tensor, activation: Activation, positive: int | None) -> Certificate:
    """The certificate at budget 0: each point is its own ball, and its only box."""
    terms = y[:, None] * outer_weights(len(w), w.dtype, w.device, positive) * activation.value(x @ w.mT)
    margin = terms.sum(1)
    return Certificate(margin > ROUNDING * terms.abs().sum(1), margin <= 0, torch.zeros_like(x), len(x))


def of_size_1(
    x: Tensor, w: Tensor, activation: Activation, budget: float
) -> tuple[float, Tensor, Tensor, Activation, float]:
    """The same verdicts in other units: budget and weights between 1/2 and 1, so that no square leaves the range.

    Returns the unit of x, δ and the budget, then these, the weights and φ in the new units. Units are powers of 2, so
    nothing is rounded. φ is homogeneous but for where it bends: φ_H(cz) = c·φ_{cH}(z).
    """
    unit = 2.0 ** math.frexp(budget)[1]
    size = 2.0 ** math.frexp(float(w.abs().max()))[1] * unit
    there = dataclasses.replace(activation, curvature=activation.curvature * size)
    return unit, x / unit, w * (unit / size), there, budget / unit


class Relaxation:
    """The affine lower bounds of one network at one budget."""

    def __init__(
        self, w: Tensor, activation: Activation, budget: float, directions: int, positive: int | None = None
    ) -> None:
        self.w, self.activation, self.budget = w, activation, budget
        self.r = min(directions, *w.shape)
        self.a = outer_weights(len(w), w.dtype, w.device, positive)
        e = torch.linalg.svd(w, full_matrices=False).Vh[: self.r]  # (r, k)
        self.e = e
        self.q = w @ e.mT  # (m, r)
        self.rest = w - self.q @ e  # (m, k), what v meets
        self.norm = torch.linalg.vector_norm(w, dim=1)
        self.rest_norm = torch.linalg.vector_norm(self.rest, dim=1)

    def nearest(self, centre: Tensor, half: float) -> Tensor:
        """Smallest ‖u‖ in boxes around centre (M, r); (M,)."""
        return torch.linalg.vector_norm((centre.abs() - half).clamp_min(0), dim=1)

    def bound(self, z: Tensor, y: Tensor, centre: Tensor, half: float, sweeps: int) -> tuple[Tensor, Tensor, Tensor]:
        """Bounds over {u in a box, ‖u‖² + ‖v‖² ≤ α²} for z (M, m), y (M,) and boxes of half-width `half` around centre.

        Returns a lower bound on y·f (M,), the smallest y·f met (M,) and the δ (M, k) that has it, ‖δ‖ ≤ α.
        """
        b = y[:, None] * self.a
        low, high = self._interval(z, centre, half)
        chord, above = self._chord(low, high)
        flattest, steepest = self.activation.derivative(low), self.activation.derivative(high)
        slope = self.activation.derivative((low + high) / 2)
        bound = torch.full_like(y, -torch.inf)
        margin, best = torch.full_like(y, torch.inf), z.new_zeros(len(z), self.w.shape[1])
        for sweep in range(sweeps + 1):
            below = b > 0
            c = b * torch.where(below, slope, chord)  # (M, m)
            intercept = b * torch.where(below, -conjugate(self.activation, slope), above)
            size = (c * z).abs().sum(1) + intercept.abs().sum(1)
            at, u, g, length = self._least(c, centre, half)
            found = (c * z + intercept).sum(1) + at - ROUNDING * (size + self.budget * (c.abs() @ self.norm))
            bound = torch.maximum(bound, found)
            v = -length[:, None] * g / torch.linalg.vector_norm(g, dim=1, keepdim=True).clamp_min(1e-300)
            delta = u @ self.e + v
            delta *= (self.budget / torch.linalg.vector_norm(delta, dim=1, keepdim=True).clamp_min(1e-300)).clamp_max(1)
            t = z + delta @ self.w.mT
            now = (b * self.activation.value(t)).sum(1)
            better = now < margin
            margin, best = torch.where(better, now, margin), torch.where(better[:, None], delta, best)
            # The bound's gradient in s_j is b_j(t_j - φ*'(s_j)), zero at s_j = φ'(t_j); averaged, since t follows s.
            wanted = self.activation.derivative(t).clamp(flattest, steepest)
            slope = torch.lerp(slope, wanted, 2 / (sweep + 3))
        return bound, margin, best

    def _interval(self, z: Tensor, centre: Tensor, half: float) -> tuple[Tensor, Tensor]:
        """Smallest and largest ⟨w_j, x + δ⟩ over a box, each (M, m)."""
        room = (self.budget**2 - self.nearest(centre, half) ** 2).clamp_min(0).sqrt()[:, None]
        middle = z + centre @ self.q.mT
        reach = half * self.q.abs().sum(1) + room * self.rest_norm
        low = torch.maximum(middle - reach, z - self.budget * self.norm)
        high = torch.minimum(middle + reach, z + self.budget * self.norm)
        return low, torch.maximum(low, high)

    def _chord(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Slope and intercept of φ's chord between low and high."""
        at_low, at_high = self.activation.value(low), self.activation.value(high)
        wide = high - low > 1e-12 * (low.abs() + high.abs())
        slope = torch.where(wide, (at_high - at_low) / torch.where(wide, high - low, 1.0), 1.0)
        return slope, torch.maximum(at_low - slope * low, at_high - slope * high)

    def _least(self, c: Tensor, centre: Tensor, half: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The least of Σ_j c_j⟨w_j, δ⟩ over a box: a lower bound (M,), u (M, r), the gradient in v (M, k), ‖v‖ (M,).

        Lagrange's dual of ‖u‖² + ‖v‖² ≤ α²: for every κ > 0, least ≥ min_u [⟨g, u⟩ + κ‖u‖²/2] - ‖h‖²/(2κ) - κα²/2.
        """
        g, h = c @ self.q, c @ self.rest
        steep = torch.linalg.vector_norm(h, dim=1)
        low = (steep / self.budget).clamp_min(1e-12)
        room = (self.budget**2 - self.nearest(centre, half) ** 2).clamp_min(1e-12 * self.budget**2).sqrt()
        high = torch.maximum(torch.hypot(torch.linalg.vector_norm(g, dim=1), steep) / room, low)

        def minimiser(kappa: Tensor) -> Tensor:
            return torch.clamp(-g / kappa[:, None], centre - half, centre + half)

        for _ in range(BISECTIONS):
            middle = (low * high).sqrt()
            outside = minimiser(middle).square().sum(1) + (steep / middle).square() > self.budget**2
            low, high = torch.where(outside, middle, low), torch.where(outside, high, middle)
        u = minimiser(high)
        value = (g * u).sum(1) + high * u.square().sum(1) / 2 - steep.square() / (2 * high) - high * self.budget**2 / 2
        return value, u, h, steep / high


def conjugate(activation: Activation, slope: Tensor) -> Tensor:
    """φ*(s) = max_t (s·t - φ(t)) for γ ≤ s ≤ 1."""
    if activation.kind == "smooth_leaky_relu" and activation.slope < 1:  # at slope 1, φ(t) = t and s is 1
        return (slope - (1 + activation.slope) / 2).square() / ((1 - activation.slope) * activation.curvature)
    return torch.zeros_like(slope)
