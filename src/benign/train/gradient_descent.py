"""Adversarial training of two-layer networks by full-batch gradient descent, many networks at once.

minimise over W   (1/n) Σ_i max_{‖δ_i‖₂ ≤ α} log(1 + exp(-y_i f(x_i + δ_i; W)))            [digest]

with the outer gradient taken at the maximiser (Danskin). Networks of one shape form a batch: their matrix products are
batched, their numbers never mix, and on one CPU thread a network's result does not depend, to the bit,
on the batch it is in.

Letters: n points, m neurons, k coordinates, B networks; W (B, m, k), X and δ (B, n, k), y (B, n).
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
    batch = _Batch(problems, inner)
    if checkpoints:
        batch.resume(problems, checkpoints)
    for stop in stops:
        while batch.steps < stop:
            batch.step()
            if checkpoints and checkpoints.due():
                batch.save(problems, checkpoints)
        if batch.steps == stop:
            yield batch.snapshot()


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


class _Batch:
    """The state of networks trained in lockstep."""

    def __init__(self, problems: Sequence[Problem], inner: InnerMaximisation) -> None:
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
            points, slopes, f = self._forward()
        else:
            points, slopes, f = self._follow_direction()
        # dL/df_i = -y_i σ(-y_i f_i)/n, dL/dw_j = Σ_i dL/df_i a_jφ'(z_ij) (x_i + δ_i)
        pull = self.y * self._sigmoid(-self.y * f) * self.rate  # (B, n, 1)
        torch.baddbmm(self.w, slopes.mul_(pull).mT, points, out=self.w)
        self.steps += 1

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

    def _forward(self) -> tuple[Tensor, Tensor, Tensor]:
        """Perturbed points (B, n, k), a_jφ'(z_ij) (B, n, m) and outputs (B, n, 1) at the present δ."""
        points = self.x + self.delta if self.adversarial else self.x
        z = torch.bmm(points, self.w.mT)
        slopes = self.activation.scaled_derivative(z, self.a)
        if self.activation.kind == "smooth_leaky_relu":
            f = self.activation.value(z).mul_(self.a).sum(-1, keepdim=True)
        else:  # φ(z) = φ'(z)·z
            f = (slopes * z).sum(-1, keepdim=True)
        return points, slopes, f

    def _ascent(self, slopes: Tensor) -> Tensor:
        """Unit direction (B, n, k) in which each point's loss grows fastest."""
        return unit(torch.bmm(slopes, self.w), self.floor) * -self.y

    def _follow_direction(self) -> tuple[Tensor, Tensor, Tensor]:
        """δ ← α·g/‖g‖ until the gap closes; the forward pass that shows it closed also serves the weights' gradient."""
        points, slopes, f = self._forward()
        if not self.adversarial:
            return points, slopes, f
        due = self.unchecked >= self.stride  # (B,)
        self.unchecked += 1
        if not self._worthwhile(due):
            return points, slopes, f
        self.evaluations += due
        for evaluation in range(1, self.inner.evaluations + 1):
            ascent = self._ascent(slopes)
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
            points, slopes, f = self._forward()
        self.stride = torch.where(due, stride, self.stride)
        self.unchecked.masked_fill_(due, 0)
        self.delta = torch.where(due[:, None, None], ascent * self.budget, self.delta)  # where the next step starts
        return points, slopes, f

    def _worthwhile(self, wanted: Tensor) -> bool:
        """Whether to go on for the sake of some points; the work changes nothing for those that do not want it.

        Only where the device may be asked for a value: elsewhere all work is done, wanted or not.
        """
        return not self.asks or bool(wanted.any())

    def _projected_gradient_ascent(self) -> None:
        self.delta = torch.zeros_like(self.x)
        for _ in range(self.inner.steps):
            _, slopes, _ = self._forward()
            ascent = self._ascent(slopes) * (2.5 / self.inner.steps) * self.budget
            self.delta = project(self.delta + ascent, self.budget)
        self.gap = torch.full_like(self.gap, torch.nan)
        self.evaluations += self.inner.steps

    def snapshot(self) -> Snapshot:
        return Snapshot(
            steps=self.steps,
            weights=self.w.clone(),
            perturbation=self.delta.clone(),
            gap=self.gap.amax(-1),
            evaluations=self.evaluations / max(self.steps, 1),
            finite=self.w.isfinite().all(-1).all(-1),
        )

    def save(self, problems: Sequence[Problem], checkpoints: Checkpoints) -> None:
        for i, problem in enumerate(problems):
            state = {name: tensor[i] for name, tensor in self._state().items()}
            checkpoints.save(problem.name, self.steps, state)

    def resume(self, problems: Sequence[Problem], checkpoints: Checkpoints) -> None:
        saved = [checkpoints.load(p.name) for p in problems]
        present = [s for s in saved if s is not None]
        if not present:
            return
        if len(present) < len(saved) or len({step for step, _ in present}) != 1:
            raise ValueError("problems resumed together must stand at one step: batch them by Checkpoints.step")
        self.steps = present[0][0]
        for i, (_, state) in enumerate(present):
            for name, tensor in self._state().items():
                tensor[i].copy_(state[name])

    def _state(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in ("w", "delta", "gap", "evaluations", "stride", "unchecked")}
