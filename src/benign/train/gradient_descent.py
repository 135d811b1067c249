"""Adversarial training of two-layer networks by full-batch gradient descent, many networks at once.

minimise over W   (1/n) Σ_i max_{‖δ_i‖₂ ≤ α} log(1 + exp(-y_i f(x_i + δ_i; W)))            [digest]

with the outer gradient taken at the maximiser (Danskin). Networks of one shape form a batch: their matrix products are
batched, their numbers never mix, and on one CPU thread a network's result does not depend, to the bit,
on the batch it is in.

Steps without the weights [derived; docs/theory.md §7]. With perturbed points P = X + δ, Z = PWᵀ and S = aφ'(Z), a step
adds S̃ᵀP to W, where S̃ is S with each point's row scaled by its pull. As long as δ stays where it is, that is

    Z ← Z + (PPᵀ)S̃    and    V ← V + S̃,    VᵀP being what W is owed:

a product with n columns in place of two with k. The debt is paid before δ moves.

Letters: n points, m neurons, k coordinates, B networks; W (B, m, k), X, δ and P (B, n, k), Z, S and V (B, n, m),
y (B, n).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from benign.attack.inner import InnerMaximisation, lengths, next_stride, project, relative_gap, unit
from benign.nets.two_layer import Activation, outer_weights
from benign.train.checkpoints import Checkpoints
from benign.train.device import policy

VECTOR = 64  # numbers that PyTorch's widest vectorised loop takes at once


@dataclasses.dataclass(frozen=True)
class Problem:
    """One training problem.

    name: identifies it among checkpoints
    x: (n, k) points, in any orthonormal coordinates of a space that contains the rows of w0
    y: (n,) observed labels, ±1
    w0: (m, k) initial weights; two_layer.symmetric makes f(·; W₀) = 0
    activation: φ
    budget: α ≥ 0
    step_size: η > 0
    positive: how many neurons, the first ones, have the outer weight +1/√m; half of them if None
    """

    name: str
    x: Tensor
    y: Tensor
    w0: Tensor
    activation: Activation
    budget: float
    step_size: float
    positive: int | None = None

    @property
    def shape(self) -> tuple[Activation, int, int, int]:
        """Problems with the same shape can be trained together: (activation, n, m, k)."""
        return (self.activation, len(self.x), *self.w0.shape)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A batch after `steps` steps.

    weights: (B, m, k)
    perturbation: (B, n, k), the inner maximiser that the next step would start from
    gap: (B,), largest relative Frank-Wolfe gap over the points, as last checked (nan for "pgd")
    evaluations: (B,), mean number of gradient evaluations in a step
    finite: (B,), False where training has diverged: the weights, or the outputs at the points, are not all finite
    """

    steps: int
    weights: Tensor
    perturbation: Tensor
    gap: Tensor
    evaluations: Tensor
    finite: Tensor


def train(
    problems: Sequence[Problem],
    stops: Sequence[int],
    inner: InnerMaximisation,
    checkpoints: Checkpoints | None = None,
) -> Iterator[Snapshot]:
    """Train problems of one shape together; yields a snapshot at each of the increasing `stops`.

    With `checkpoints`, a problem saved before is taken up where it stood: the caller batches problems with equal
    `Checkpoints.step`, and stops that lie before it are not yielded again.
    """
    if len({p.shape for p in problems}) != 1:
        raise ValueError("problems trained together must have one shape: batch them by Problem.shape")
    batches = _batches(problems, inner)
    if checkpoints:
        _resume(batches, checkpoints)
    for stop in stops:
        while batches[0].steps < stop:
            for batch in batches:
                batch.step()
            if checkpoints and checkpoints.due():
                for batch in batches:
                    batch.save(checkpoints)
        if batches[0].steps == stop:
            yield _joined([batch.snapshot() for batch in batches])


def train_in_batches(
    problem: Problem, size: int, passes: int, inner: InnerMaximisation, rng: np.random.Generator
) -> Snapshot:
    """Mini-batch gradient descent: `passes` passes over the points, `size` at a time, in a new random order each.

    A batch of b points has the step size η·b/n, the linear scaling of Goyal et al. 2017, so that one pass moves as far
    as one full-batch step; δ is kept from a point's last visit, and its certificate renewed at every visit.
    Raises ValueError unless 1 ≤ size ≤ n.
    """
    n = len(problem.x)
    if not 1 <= size <= n:
        raise ValueError(f"batch={size!r} is impossible: give a value between 1 and n={n}")
    batch = _Batch([problem], dataclasses.replace(inner, unchecked=0))
    for _ in range(passes):
        order = torch.as_tensor(rng.permutation(n), device=problem.x.device)
        for rows in order.split(size):
            batch.step_on(rows)
    return batch.snapshot()


def _batches(problems: Sequence[Problem], inner: InnerMaximisation) -> list[_Batch]:
    """The problems in order, those together that are better trained together."""
    if len({p.budget > 0 for p in problems}) > 1:
        return [batch for p in problems for batch in _batches([p], inner)]
    first = problems[0]
    (n, k), m = first.x.shape, len(first.w0)
    if n >= 2 * k:  # the product with the Gram matrix would be the larger one
        return [_Batch(problems, inner)]
    if first.budget == 0:
        return [_Deferred(problems, inner)]
    if n * m * k >= policy(first.x.device).alone_from and inner.method == "exact":
        return [_Deferred([p], inner) for p in problems]
    return [_Batch(problems, inner)]


def _joined(parts: Sequence[Snapshot]) -> Snapshot:
    """The snapshot of all parts' networks."""
    tensors = ("weights", "perturbation", "gap", "evaluations", "finite")
    return Snapshot(parts[0].steps, **{name: torch.cat([getattr(part, name) for part in parts]) for name in tensors})


def _resume(batches: Sequence[_Batch], checkpoints: Checkpoints) -> None:
    """Take up every network where it was saved, if they were."""
    saved = [[checkpoints.load(problem.name) for problem in batch.problems] for batch in batches]
    if len({state[0] if state else 0 for states in saved for state in states}) != 1:
        raise ValueError("problems resumed together must stand at one step: batch them by Checkpoints.step")
    for batch, states in zip(batches, saved, strict=True):
        batch.resume([state for state in states if state])


class _Batch:
    """The state of networks trained in lockstep."""

    state: tuple[str, ...] = ("w", "delta", "gap", "evaluations", "stride", "unchecked")  # what a checkpoint keeps

    def __init__(self, problems: Sequence[Problem], inner: InnerMaximisation) -> None:
        self.problems = problems
        self.x = torch.stack([p.x for p in problems])  # (B, n, k)
        self.y = torch.stack([p.y for p in problems])[..., None]  # (B, n, 1)
        self.w = torch.stack([p.w0 for p in problems])  # (B, m, k)
        self.delta = torch.zeros_like(self.x)  # (B, n, k)
        self.points = self.x.clone()  # P = X + δ, as last multiplied out
        self.activation = problems[0].activation
        self.budget = self._each(p.budget for p in problems)  # (B, 1, 1)
        self.rate = self._each(p.step_size / len(p.x) for p in problems)  # η/n
        like = (self.w.shape[1], self.w.dtype, self.w.device)
        self.a = torch.stack([outer_weights(*like, p.positive) for p in problems])[:, None]  # (B, 1, m)
        # At W₀ paired neurons cancel and ∇ₓf = 0 up to rounding: a direction below this length is no direction there.
        self.floor = 100 * torch.finfo(self.w.dtype).eps * lengths(self.w).amax(1, keepdim=True)
        self.inner = inner
        self.asks = policy(self.x.device).asks
        self.adversarial = any(p.budget > 0 for p in problems)
        self.steps = 0
        self.gap = torch.zeros(self.x.shape[:2], dtype=self.x.dtype, device=self.x.device)
        self.evaluations = torch.zeros(len(problems), dtype=torch.float64, device=self.x.device)
        # Steps that may pass between two checks of the gap, and steps that have passed since the last.
        self.stride = torch.zeros(len(problems), dtype=torch.int64, device=self.x.device)
        self.unchecked = torch.zeros_like(self.stride)

    def _each(self, values: Iterable[float]) -> Tensor:
        return torch.tensor(list(values), dtype=self.x.dtype, device=self.x.device)[:, None, None]

    def step(self) -> None:
        """One step of gradient descent on the robust loss."""
        if self.inner.method == "pgd" and self.adversarial:
            self._projected_gradient_ascent()
            slopes, f = self._forward()
        else:
            slopes, f = self._follow_direction()
        # dL/df_i = -y_i σ(-y_i f_i)/n, dL/dw_j = Σ_i dL/df_i a_jφ'(z_ij) (x_i + δ_i)
        pull = self.y * self._sigmoid(-self.y * f) * self.rate  # (B, n, 1)
        self._add(slopes, pull)
        self.steps += 1

    def _add(self, slopes: Tensor, pull: Tensor) -> None:
        """W ← W + S̃ᵀP."""
        torch.baddbmm(self.w, slopes.mul_(pull).mT, self.points, out=self.w)

    def step_on(self, rows: Tensor) -> None:
        """One step on the loss of these points (b,) alone; their pull is what it is in a full-batch step."""
        part = copy.copy(self)  # the weights and counts are the same tensors
        part.x, part.y, part.delta, part.gap = (t[:, rows] for t in (self.x, self.y, self.delta, self.gap))
        part.step()
        self.delta[:, rows], self.gap[:, rows], self.steps = part.delta, part.gap, part.steps

    def _sigmoid(self, t: Tensor) -> Tensor:
        """σ(t), t (B, n, 1), rounded alike wherever a network stands in the batch.

        Vectorised and scalar code round exp differently, and the last few numbers of an array get the scalar one:
        rows padded to whole vectors leave no such rest.
        """
        n = t.shape[1]
        return torch.sigmoid(torch.nn.functional.pad(t, (0, 0, 0, -n % VECTOR)))[:, :n]

    def _forward(self) -> tuple[Tensor, Tensor]:
        """S = aφ'(Z) (B, n, m) and outputs f (B, n, 1) at the present δ."""
        z = self._z()
        slopes = self.activation.scaled_derivative(z, self.a)
        return slopes, self.activation.combined(z, slopes, self.a)

    def _z(self) -> Tensor:
        """Z = PWᵀ (B, n, m), P being the present perturbed points."""
        self.points = self.x + self.delta if self.adversarial else self.x
        return torch.bmm(self.points, self.w.mT)

    def _gradient(self, slopes: Tensor) -> Tensor:
        """∇ₓf = SW (B, n, k)."""
        return torch.bmm(slopes, self.w)

    def _ascent(self, slopes: Tensor) -> Tensor:
        """Unit direction (B, n, k) in which each point's loss grows fastest."""
        gradient = self._gradient(slopes)
        return unit(gradient, lengths(gradient), 0.0 if self.steps else self.floor) * -self.y

    def _move(self, moving: Tensor, ascent: Tensor) -> None:
        """δ ← α·g/‖g‖ at these points (B, n)."""
        self.delta = torch.where(moving[..., None], ascent * self.budget, self.delta)

    def _follow_direction(self) -> tuple[Tensor, Tensor]:
        """δ ← α·g/‖g‖ until the gap closes; the forward pass that shows it closed also serves the weights' gradient."""
        slopes, f = self._forward()
        if not self.adversarial:
            return slopes, f
        due = self.unchecked >= self.stride  # (B,)
        self.unchecked += 1
        if not self._worthwhile(due):
            return slopes, f
        self.evaluations += due
        for evaluation in range(1, self.inner.evaluations + 1):
            ascent = self._ascent(slopes)
            gap = relative_gap(ascent, self.delta, self.budget[..., 0])  # (B, n)
            if evaluation == 1:
                # Where there is no direction yet (at W₀) nothing is certified: the next step must look again.
                found = torch.where(torch.linalg.vector_norm(ascent, dim=-1) > 0, gap, 1.0)
                stride = next_stride(self.stride, found.amax(-1), self.inner)
            self.gap = torch.where(due[:, None], gap, self.gap)
            open_ = (gap > self.inner.tolerance) & due[:, None]
            if evaluation == self.inner.evaluations or not self._worthwhile(open_):
                break
            self.evaluations += open_.any(-1)
            self._move(open_, ascent)
            slopes, f = self._forward()
        self.stride = torch.where(due, stride, self.stride)
        self.unchecked.masked_fill_(due, 0)
        self._move(due[:, None], ascent)  # where the next step starts
        return slopes, f

    def _worthwhile(self, wanted: Tensor) -> bool:
        """Whether to go on for the sake of some points; the work changes nothing for those that do not want it.

        Only where the device may be asked for a value: elsewhere all work is done, wanted or not.
        """
        return not self.asks or bool(wanted.any())

    def _projected_gradient_ascent(self) -> None:
        self.delta = torch.zeros_like(self.x)
        for _ in range(self.inner.steps):
            slopes, _ = self._forward()
            ascent = self._ascent(slopes) * (2.5 / self.inner.steps) * self.budget
            self.delta = project(self.delta + ascent, self.budget)
        self.gap = torch.full_like(self.gap, torch.nan)
        self.evaluations += self.inner.steps

    def _weights(self) -> Tensor:
        return self.w.clone()

    def snapshot(self) -> Snapshot:
        weights = self._weights()
        outputs = (self.activation.value(self.x @ weights.mT) * self.a).sum(-1)  # (B, n)
        return Snapshot(
            steps=self.steps,
            weights=weights,
            perturbation=self.delta.clone(),
            gap=self.gap.amax(-1),
            evaluations=self.evaluations / max(self.steps, 1),
            finite=weights.isfinite().all(-1).all(-1) & outputs.isfinite().all(-1),
        )

    def save(self, checkpoints: Checkpoints) -> None:
        for i, problem in enumerate(self.problems):
            checkpoints.save(problem.name, self.steps, {name: getattr(self, name)[i] for name in self.state})

    def resume(self, saved: Sequence[tuple[int, dict[str, Tensor]]]) -> None:
        """Go on from the (step, state) of each network, or from the start if there is none."""
        for i, (step, state) in enumerate(saved):
            self.steps = step
            for name in self.state:
                getattr(self, name)[i].copy_(state[name])


class _Deferred(_Batch):
    """Steps without the weights, for networks that are not attacked or for a single one.

    W's debt waits until a point moves, and points that stay keep their Z and their gradient.
    """

    state = (*_Batch.state, "owed", "points", "z", "moved", "seen", "product")

    def __init__(self, problems: Sequence[Problem], inner: InnerMaximisation) -> None:
        super().__init__(problems, inner)
        self.gram: Tensor | None = None  # PPᵀ (B, n, n), once it is wanted
        self.z = torch.bmm(self.points, self.w.mT)
        self.owed = torch.zeros_like(self.z)  # V
        self.in_debt = False  # False only where V = 0
        self.moved = torch.zeros_like(self.gap, dtype=torch.bool)  # (B, n), whose δ has left P since
        self.arrived: Tensor | None = None  # the points that have moved since the last step, if not all
        self.seen = torch.zeros_like(self.z)  # S_b
        self.product = torch.zeros_like(self.points)  # S_bW
        n, m, k = *self.z.shape[1:], self.x.shape[2]
        self.follows = self.activation.kind != "smooth_leaky_relu" and 2 * n * (m + k) < m * k

    def _add(self, slopes: Tensor, pull: Tensor) -> None:
        """V ← V + S̃, and Z ← Z + (PPᵀ)S̃ where P stays."""
        self.owed.addcmul_(slopes, pull)
        self.in_debt, self.arrived = True, None
        if not (self.adversarial and self.moved.any()):
            if self.gram is None:
                self.gram = torch.bmm(self.points, self.points.mT)
            self.z.baddbmm_(self.gram * pull.mT, slopes)

    def _move(self, moving: Tensor, ascent: Tensor) -> None:
        super()._move(moving, ascent)
        self.moved = self.moved | moving

    def _z(self) -> Tensor:
        if self.adversarial and self.moved.any():
            self._arrive(self.moved[0].nonzero()[:, 0])
        return self.z

    def _arrive(self, rows: Tensor) -> None:
        """What W is owed is paid; P and Z at the present δ of these points, the others have not moved."""
        if self.in_debt:
            self._pay()
        if len(rows) == self.x.shape[1]:
            self.points = self.x + self.delta
            self.z = torch.bmm(self.points, self.w.mT)
        else:
            self.arrived = rows
            self.points[:, rows] = points = self.x[:, rows] + self.delta[:, rows]
            self.z[:, rows] = torch.bmm(points, self.w.mT)
        self.gram = None
        self.moved = torch.zeros_like(self.moved)

    def _pay(self) -> None:
        """W ← W + VᵀP, V ← 0."""
        if self.follows:
            self.product.baddbmm_(torch.bmm(self.seen, self.owed.mT), self.points)
        self.w.baddbmm_(self.owed.mT, self.points)
        self.owed.zero_()
        self.in_debt = False

    def _gradient(self, slopes: Tensor) -> Tensor:
        """∇ₓf = S(W + VᵀP) (1, n, k).

        Few neurons change their slope between two looks, unless φ is smooth: SW follows from S_bW, where S_b is S at
        the last look, and S - S_b is sparse.
        """
        if self.arrived is not None:
            self.product[:, self.arrived] = torch.bmm(slopes[:, self.arrived], self.w)
        else:
            self.product = self._followed(slopes) if self.follows else torch.bmm(slopes, self.w)
        self.seen = slopes
        if not self.in_debt:
            return self.product
        owed = torch.baddbmm(self.product, torch.bmm(slopes, self.owed.mT), self.points)
        if not self.follows:
            self.product = owed
        return owed

    def _followed(self, slopes: Tensor) -> Tensor:
        change = (slopes - self.seen)[0]
        points, neurons = change.nonzero().unbind(1)
        if len(points) > change.numel() // 100:
            return torch.bmm(slopes, self.w)
        self.product[0].index_add_(0, points, change[points, neurons, None] * self.w[0, neurons])
        return self.product

    def _weights(self) -> Tensor:
        return torch.baddbmm(self.w, self.owed.mT, self.points)

    def resume(self, saved: Sequence[tuple[int, dict[str, Tensor]]]) -> None:
        super().resume(saved)
        self.in_debt = bool(saved)
