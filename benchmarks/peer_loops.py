"""Adversarial training as users of other libraries write it: autograd, PGD with 20 steps, full batch, no reduction.

Every loop takes a problem in whatever coordinates it has and returns its weights after so many steps of gradient
descent on the mean loss at the attacked points. The network has two logits, (0, f), whose cross-entropy is the logistic
loss of f; attacks start at δ = 0 and take normalised steps of 2.5·α/20, as `benign.attack.inner` does for "pgd".
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import foolbox
import torch
import torchattacks
from art.attacks.evasion import ProjectedGradientDescent
from art.defences.trainer import AdversarialTrainer
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from benign.nets.two_layer import outer_weights
from benign.train.gradient_descent import Problem

PGD_STEPS = 20
REACH = 2.5  # how many times the budget all steps together are long


class TwoLogits(nn.Module):
    """Logits (0, f(x; W)), (n, 2), for x (n, …, k); W (m, k) is the one parameter."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.w = nn.Parameter(problem.w0.clone())
        self.a = outer_weights(len(problem.w0), problem.w0.dtype)
        self.kind, self.slope = problem.activation.kind, problem.activation.slope
        if self.kind == "smooth_leaky_relu":
            raise ValueError("peers are compared on leaky_relu and relu, which PyTorch has as they are")

    def output(self, x: Tensor) -> Tensor:
        """f(x; W), (n,)."""
        return nn.functional.leaky_relu(x @ self.w.mT, self.slope) @ self.a

    def forward(self, x: Tensor) -> Tensor:
        f = self.output(x.flatten(1))
        return torch.stack([torch.zeros_like(f), f], dim=1)


class UnitBox(nn.Module):
    """The network on inputs in [0, 1]: torchattacks takes images, and clamps what leaves that range.

    `low` and `width` leave the budget room on either side, so that nothing is ever clamped.
    """

    def __init__(self, network: nn.Module, x: Tensor, budget: float) -> None:
        super().__init__()
        self.network = network
        self.low = float(x.min()) - budget
        self.width = float(x.max()) + budget - self.low

    def forward(self, u: Tensor) -> Tensor:
        return self.network(self.to_points(u))

    def to_images(self, x: Tensor) -> Tensor:
        """(n, k) points as (n, 1, 1, k) images."""
        return ((x - self.low) / self.width)[:, None, None]

    def to_points(self, u: Tensor) -> Tensor:
        """Back again."""
        return u.flatten(1) * self.width + self.low


def classes(problem: Problem) -> Tensor:
    """Labels ±1 as classes 1 and 0, (n,)."""
    return (problem.y > 0).long()


def descend(problem: Problem, network: TwoLogits, steps: int, attack: Callable[[], Tensor]) -> Tensor:
    """Gradient descent with `attack` giving the points (n, k) of each step; W (m, k)."""
    optimizer = torch.optim.SGD(network.parameters(), lr=problem.step_size)
    labels = classes(problem)
    for _ in range(steps):
        points = attack()
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(points), labels).backward()
        optimizer.step()
    return network.w.detach()


def dense_loop(problem: Problem, steps: int) -> Tensor:
    """What one writes without a library."""
    network, x, y = TwoLogits(problem), problem.x, problem.y

    def attack() -> Tensor:
        delta = torch.zeros_like(x)
        for _ in range(PGD_STEPS):
            delta.requires_grad_()
            loss = nn.functional.softplus(-y * network.output(x + delta)).sum()
            (gradient,) = torch.autograd.grad(loss, delta)
            ascent = nn.functional.normalize(gradient, dim=1, eps=1e-30)
            delta = delta.detach() + REACH / PGD_STEPS * problem.budget * ascent
            delta = delta * (problem.budget / delta.norm(dim=1, keepdim=True).clamp_min(1e-30)).clamp_max(1)
        return x + delta

    return descend(problem, network, steps, attack)


def with_torchattacks(problem: Problem, steps: int) -> Tensor:
    """PGDL2 of torchattacks."""
    network = TwoLogits(problem)
    box = UnitBox(network, problem.x, problem.budget)
    budget = problem.budget / box.width
    pgd = torchattacks.PGDL2(box, budget, REACH / PGD_STEPS * budget, PGD_STEPS, random_start=False)
    images, labels = box.to_images(problem.x), classes(problem)
    return descend(problem, network, steps, lambda: box.to_points(pgd(images, labels)))


def with_foolbox(problem: Problem, steps: int) -> Tensor:
    """L2ProjectedGradientDescentAttack of foolbox."""
    network = TwoLogits(problem).eval()
    model = foolbox.PyTorchModel(network, bounds=(-torch.inf, torch.inf))
    pgd = foolbox.attacks.L2ProjectedGradientDescentAttack(
        rel_stepsize=REACH / PGD_STEPS, steps=PGD_STEPS, random_start=False
    )
    labels = classes(problem)
    return descend(problem, network, steps, lambda: pgd(model, problem.x, labels, epsilons=problem.budget)[1])


def with_art(problem: Problem, steps: int) -> Tensor:
    """AdversarialTrainer of the Adversarial Robustness Toolbox; it shuffles the full batch, which changes no sum."""
    network = TwoLogits(problem)
    n, k = problem.x.shape
    classifier = PyTorchClassifier(
        network,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(network.parameters(), lr=problem.step_size),
        input_shape=(k,),
        nb_classes=2,
        device_type="cpu",
    )
    pgd = ProjectedGradientDescent(
        classifier,
        norm=2,
        eps=problem.budget,
        eps_step=REACH / PGD_STEPS * problem.budget,
        max_iter=PGD_STEPS,
        batch_size=n,
        verbose=False,
    )
    trainer = AdversarialTrainer(classifier, pgd, ratio=1.0)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bars have no switch
        trainer.fit(problem.x.numpy(), classes(problem).numpy(), batch_size=n, nb_epochs=steps)
    return network.w.detach()


LOOPS: dict[str, Callable[[Problem, int], Tensor]] = {
    "torchattacks": with_torchattacks,
    "foolbox": with_foolbox,
    "adversarial_robustness_toolbox": with_art,
    "dense_loop": dense_loop,
}
