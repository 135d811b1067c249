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

from benign.attack.inner import InnerMaximisation, next_stride, project, relative_gap, unit
from benign.nets.two_layer import Activation, outer_weights
from benign.train.checkpoints import Checkpoints

VECTOR = 64  # numbers that PyTorch's widest vectorised loop takes at once
LARGE = 1_000_000  # n·m·k from which a CPU has more to gain from leaving work out than from batching it


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
    """

    name: str
    x: Tensor
    y: Tensor
    w0: Tensor
    activation: Activation
    budget: float
    step_size: float

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
    finite: (B,), False where training has diverged
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
    (batch,) = _batches([problem], dataclasses.replace(inner, unchecked=0))
    for _ in range(passes):
        order = torch.as_tensor(rng.permutation(n), device=problem.x.device)
        for rows in order.split(size):
            batch.step_on(rows)
    return batch.snapshot()


def _batches(problems: Sequence[Problem], inner: InnerMaximisation) -> list[_Batch]:
    """One batch of all problems, or one of each where they are large and on a CPU."""
    if problems[0].x.device.type == "cpu" and len(problems[0].x) * problems[0].w0.numel() >= LARGE:
        return [_Large([problem], inner) for problem in problems]
    return [_Batch(problems, inner)]


def _joined(parts: Sequence[Snapshot]) -> Snapshot:
    """The snapshot of all parts' networks."""
    tensors = ("weights", "perturbation", "gap", "evaluations", "finite")
    return Snapshot(parts[0].steps, **{name: torch.cat([getattr(part, name) for part in parts]) for name in tensors})


def _resume(batches: Sequence[_Batch], checkpoints: Checkpoints) -> None:
    """Take up every network where it was saved, if they were."""
    saved = [[checkpoints.load(problem.name) for problem in batch.problems] for batch in batches]
    steps = {state[0] if state else 0 for states in saved for state in states}
    if len(steps) > 1:
        raise ValueError("problems resumed together must stand at one step: batch them by Checkpoints.step")
    for batch, states in zip(batches, saved, strict=True):
        batch.resume([state for state in states if state])


class _Batch:
    """The state of networks trained in lockstep."""

    state: tuple[str, ...] = ("w", "owed", "points", "z", "delta", "moved", "gap", "evaluations", "stride", "unchecked")

    def __init__(self, problems: Sequence[Problem], inner: InnerMaximisation) -> None:
        self.problems = problems
        self.x = torch.stack([p.x for p in problems])  # (B, n, k)
        self.y = torch.stack([p.y for p in problems])[..., None]  # (B, n, 1)
        self.w = torch.stack([p.w0 for p in problems])  # (B, m, k)
        self.delta = torch.zeros_like(self.x)  # (B, n, k)
        self.activation = problems[0].activation
        self.budget = self._each(p.budget for p in problems)  # (B, 1, 1)
        self.rate = self._each(p.step_size / len(p.x) for p in problems)  # η/n
        self.a = outer_weights(self.w.shape[1], self.w.dtype, self.w.device)
        # At W₀ paired neurons cancel and ∇ₓf = 0 up to rounding: a direction below this length is no direction.
        rounding = 100 * torch.finfo(self.w.dtype).eps
        self.floor = rounding * torch.linalg.vector_norm(self.w, dim=-1).amax(-1)[:, None, None]
        self.inner = inner
        self.attacked = self.budget[:, 0, 0] > 0  # (B,)
        self.adversarial = any(p.budget > 0 for p in problems)
        self.steps = 0
        self.gap = torch.zeros(self.x.shape[:2], dtype=self.x.dtype, device=self.x.device)
        self.evaluations = torch.zeros(len(problems), dtype=torch.float64, device=self.x.device)
        # Steps that may pass between two checks of the gap, and steps that have passed since the last.
        self.stride = torch.zeros(len(problems), dtype=torch.int64, device=self.x.device)
        self.unchecked = torch.zeros_like(self.stride)
        self._start()

    def _each(self, values: Iterable[float]) -> Tensor:
        return torch.tensor(list(values), dtype=self.x.dtype, device=self.x.device)[:, None, None]

    def _start(self) -> None:
        """P and Z at the present δ and weights, which are owed nothing."""
        self.points = self.x + self.delta if self.adversarial else self.x
        self.gram: Tensor | None = None  # PPᵀ (B, n, n), once it is wanted
        self.z = torch.bmm(self.points, self.w.mT)
        self.owed = torch.zeros_like(self.z)
        self.moved = torch.zeros_like(self.attacked)  # (B,), whether δ has left P since

    def step(self) -> None:
        """One step of gradient descent on the robust loss."""
        if not self.adversarial:
            slopes, f = self._forward()
        elif self.inner.method == "pgd":
            slopes, f = self._projected_gradient_ascent()
        else:
            slopes, f = self._follow_direction()
        # dL/df_i = -y_i σ(-y_i f_i)/n, dL/dw_j = Σ_i dL/df_i a_jφ'(z_ij) (x_i + δ_i)
        pull = self.y * self._sigmoid(-self.y * f) * self.rate  # (B, n, 1)
        self.owed.addcmul_(slopes, pull)
        if self._worthwhile(~self.moved):
            if self.gram is None:
                self.gram = torch.bmm(self.points, self.points.mT)
            self.z.baddbmm_(self.gram * pull.mT, slopes)
        self.steps += 1

    def step_on(self, rows: Tensor) -> None:
        """One step on the loss of these points (b,) alone; their pull is what it is in a full-batch step."""
        part = copy.copy(self)  # the weights and counts are the same tensors
        part.x, part.y, part.delta, part.gap = (t[:, rows] for t in (self.x, self.y, self.delta, self.gap))
        part._start()
        part.step()
        part.moved = torch.ones_like(part.moved)
        part._pay()
        self.delta[:, rows], self.gap[:, rows], self.steps = part.delta, part.gap, part.steps

    def _sigmoid(self, t: Tensor) -> Tensor:
        """σ(t), t (B, n, 1), rounded alike wherever a network stands in the batch.

        Vectorised and scalar code round exp differently, and the last few numbers of an array get the scalar one:
        rows padded to whole vectors leave no such rest.
        """
        n = t.shape[1]
        return torch.sigmoid(torch.nn.functional.pad(t, (0, 0, 0, -n % VECTOR)))[:, :n]

    def _forward(self) -> tuple[Tensor, Tensor]:
        """S = aφ'(Z) (B, n, m) and outputs f (B, n, 1)."""
        slopes = self.activation.scaled_derivative(self.z, self.a)
        if self.activation.kind == "smooth_leaky_relu":
            f = self.activation.value(self.z).mul_(self.a).sum(-1, keepdim=True)
        else:  # φ(z) = φ'(z)·z
            f = (slopes * self.z).sum(-1, keepdim=True)
        return slopes, f

    def _pay(self) -> None:
        """W ← W + VᵀP and V ← 0 in networks that have moved."""
        debt = self.owed * self.moved[:, None, None]
        torch.baddbmm(self.w, debt.mT, self.points, out=self.w)
        self.owed.sub_(debt)

    def _leaving(self, due: Tensor) -> Tensor:
        """The networks (B,) to pay before the next step: in a batch all that are attacked, for most of them are due."""
        return self.attacked

    def _arrive(self, moved: Tensor) -> None:
        """P and Z at the present δ of points (B, n) that have moved, in networks that owe nothing."""
        self.points, self.gram = self.x + self.delta, None
        self.z = torch.where(moved[..., None], torch.bmm(self.points, self.w.mT), self.z)

    def _gradient(self, slopes: Tensor) -> Tensor:
        """∇ₓf (B, n, k) at each point: S times the weights."""
        return torch.bmm(slopes, self.w)

    def _ascent(self, gradient: Tensor) -> Tensor:
        """Unit direction (B, n, k) in which each point's loss grows fastest."""
        return unit(gradient, self.floor) * -self.y

    def _follow_direction(self) -> tuple[Tensor, Tensor]:
        """δ ← α·g/‖g‖ until the gap closes; the forward pass that shows it closed also serves the weights' gradient."""
        due = self.attacked & (self.unchecked >= self.stride)  # (B,)
        if self._worthwhile(self.moved):
            self._pay()
            self._arrive(self.moved[:, None].expand_as(self.gap))
        slopes, f = self._forward()
        self.unchecked += 1
        self.moved = self._leaving(due)
        if not self._worthwhile(due):
            return slopes, f
        self.evaluations += due
        for evaluation in range(1, self.inner.evaluations + 1):
            ascent = self._ascent(self._gradient(slopes))
            gap = relative_gap(ascent, self.delta, self.budget[..., 0])  # (B, n)
            if evaluation == 1:
                # Where there is no direction yet (at W₀) nothing is certified: the next step must look again.
                found = torch.where(ascent.any(-1), gap, 1.0)
                stride = next_stride(self.stride, found.amax(-1), self.inner)
            self.gap = torch.where(due[:, None], gap, self.gap)
            open_ = (gap > self.inner.tolerance) & due[:, None]
            if evaluation == self.inner.evaluations or not self._worthwhile(open_):
                break
            self.evaluations += open_.any(-1)
            self.delta = torch.where(open_[..., None], ascent * self.budget, self.delta)
            self._arrive(open_)
            slopes, f = self._forward()
        self.stride = torch.where(due, stride, self.stride)
        self.unchecked.masked_fill_(due, 0)
        self.delta = torch.where(due[:, None, None], ascent * self.budget, self.delta)  # where the next step starts
        return slopes, f

    def _worthwhile(self, wanted: Tensor) -> bool:
        """Whether to go on for the sake of some points; the work changes nothing for those that do not want it.

        Only a CPU is asked: on a GPU the answer would cost a synchronisation, more than the work it could save.
        """
        return wanted.device.type != "cpu" or bool(wanted.any())

    def _projected_gradient_ascent(self) -> tuple[Tensor, Tensor]:
        """δ by steps along the ascent direction from 0, and S and f there."""
        self._pay()
        points = self.attacked[:, None].expand_as(self.gap)
        self.delta = torch.zeros_like(self.x)
        self._arrive(points)
        for _ in range(self.inner.steps):
            slopes, _ = self._forward()
            ascent = self._ascent(torch.bmm(slopes, self.w)) * (2.5 / self.inner.steps) * self.budget
            self.delta = project(self.delta + ascent, self.budget)
            self._arrive(points)
        self.gap = torch.where(points, torch.nan, self.gap)
        self.evaluations += self.inner.steps * self.attacked
        self.moved = self.attacked
        return self._forward()

    def snapshot(self) -> Snapshot:
        weights = torch.baddbmm(self.w, self.owed.mT, self.points)
        return Snapshot(
            steps=self.steps,
            weights=weights,
            perturbation=self.delta.clone(),
            gap=self.gap.amax(-1),
            evaluations=self.evaluations / max(self.steps, 1),
            finite=weights.isfinite().all(-1).all(-1),
        )

    def save(self, checkpoints: Checkpoints) -> None:
        for i, problem in enumerate(self.problems):
            checkpoints.save(problem.name, self.steps, {name: getattr(self, name)[i] for name in self.state})

    def resume(self, saved: Sequence[tuple[int, dict[str, Tensor]]]) -> None:
        """Go on from the (step, state) of each network."""
        for i, (step, state) in enumerate(saved):
            self.steps = step
            for name in self.state:
                getattr(self, name)[i].copy_(state[name])


class _Large(_Batch):
    """One large network on a CPU: a batch of its own, so that what is as it was need not be computed again.

    A debt waits until a point moves; points that stay keep their Z; and ∇ₓf = S(W + VᵀP) follows S at a look before,
    S_b, by S W = S_bW + (S - S_b)W: few neurons' slopes change between two looks, unless φ is smooth.
    """

    state = (*_Batch.state, "product", "seen")

    def _start(self) -> None:
        super()._start()
        self.seen = torch.zeros_like(self.z)  # S_b (1, n, m)
        self.product = torch.zeros_like(self.points)  # S_bW (1, n, k)
        self.in_debt = True

    def step(self) -> None:
        super().step()
        self.in_debt = True

    def _leaving(self, due: Tensor) -> Tensor:
        return due

    def _pay(self) -> None:
        self.product.baddbmm_(torch.bmm(self.seen, self.owed.mT), self.points)
        super()._pay()
        self.in_debt = False

    def _arrive(self, moved: Tensor) -> None:
        if self.in_debt:
            self._pay()
        rows = moved[0].nonzero()[:, 0]
        if len(rows) == moved.shape[1]:
            super()._arrive(moved)
        else:
            self.points[:, rows] = points = self.x[:, rows] + self.delta[:, rows]
            self.z[:, rows] = torch.bmm(points, self.w.mT)
            self.gram = None

    def _gradient(self, slopes: Tensor) -> Tensor:
        change = slopes - self.seen
        if change.count_nonzero() > change.numel() // 100:
            self.product = torch.bmm(slopes, self.w)
        else:
            _, points, neurons = change.nonzero().unbind(1)
            self.product[0].index_add_(0, points, change[0, points, neurons, None] * self.w[0, neurons])
        self.seen = slopes
        if not self.in_debt:
            return self.product
        return self.product.baddbmm(torch.bmm(slopes, self.owed.mT), self.points)
