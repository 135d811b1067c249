"""What the ℓ2 attack on deep networks of images must satisfy, on random networks, images and budgets."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from benign.attack.pixels import Attack, lengths, log_odds, margins, perturb, random_start, worst_case
from benign.nets.convolutional import convolutional, seeded

SEEDS = st.integers(0, 10_000)
BUDGETS = st.one_of(st.just(0.0), st.floats(1e-4, 3))
CLASSES = 4


def problem(seed: int, n: int = 7) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    network = seeded(seed, lambda: convolutional(3, 10, CLASSES, (0.3,), (0.4,)))
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand((n, 1, 10, 10), generator=generator)
    return network.eval(), x, torch.randint(0, CLASSES, (n,), generator=generator)


@given(SEEDS, BUDGETS)
@settings(max_examples=30)
def test_perturbed_images_stay_in_the_ball_and_between_0_and_1(seed, budget):
    network, x, labels = problem(seed)
    attack = Attack(budget, 5, 0.4)
    trained = perturb(network, x, labels, attack, torch.Generator().manual_seed(seed))
    for delta in (trained, worst_case(network, x, labels, attack).perturbation):
        assert (lengths(delta) <= budget * (1 + 1e-5) + 1e-7).all()
        assert (x + delta >= -1e-7).all()
        assert (x + delta <= 1 + 1e-7).all()


@given(SEEDS, BUDGETS)
@settings(max_examples=30)
def test_the_worst_margin_is_never_above_the_clean_one_and_is_what_it_says(seed, budget):
    network, x, labels = problem(seed)
    found = worst_case(network, x, labels, Attack(budget, 5, 0.4))
    assert (found.margin <= found.clean).all()
    with torch.no_grad():
        torch.testing.assert_close(found.clean, margins(network(x), labels))
        torch.testing.assert_close(found.margin, margins(network(x + found.perturbation), labels))


@given(SEEDS, st.floats(0.05, 1))
@settings(max_examples=20)
def test_training_perturbations_raise_the_mean_loss(seed, budget):
    network, x, labels = problem(seed, n=32)
    delta = perturb(network, x, labels, Attack(budget, 10, 0.25), torch.Generator().manual_seed(seed))
    with torch.no_grad():
        assert cross_entropy(network(x + delta), labels) > cross_entropy(network(x), labels)


@given(SEEDS, BUDGETS)
@settings(max_examples=15)
def test_parameters_their_gradients_and_the_images_are_left_alone(seed, budget):
    network, x, labels = problem(seed)
    cross_entropy(network(x), labels).backward()
    before = [(p.clone(), p.grad.clone()) for p in network.parameters() if p.grad is not None]
    image = x.clone()
    perturb(network, x, labels, Attack(budget, 3, 0.5), torch.Generator().manual_seed(seed))
    worst_case(network, x, labels, Attack(budget, 3, 0.5))
    assert torch.equal(x, image)
    for (value, gradient), parameter in zip(before, network.parameters(), strict=True):
        assert torch.equal(parameter, value)
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, gradient)


@given(SEEDS)
@settings(max_examples=15)
def test_a_zero_budget_is_the_identity(seed):
    network, x, labels = problem(seed)
    attack = Attack(0.0, 5, 0.5)
    assert not perturb(network, x, labels, attack, torch.Generator()).any()
    found = worst_case(network, x, labels, attack)
    assert not found.perturbation.any()
    assert torch.equal(found.margin, found.clean)


@given(SEEDS)
@settings(max_examples=15)
def test_more_steps_are_never_weaker(seed):
    network, x, labels = problem(seed)
    found = [worst_case(network, x, labels, Attack(0.6, steps, 0.3)).margin for steps in (0, 1, 4, 10)]
    assert all((later <= earlier).all() for earlier, later in itertools.pairwise(found))


@given(SEEDS, st.floats(0.01, 0.3))
@settings(max_examples=25)
def test_on_a_linear_network_of_two_classes_the_attack_is_the_closed_form(seed, budget):
    generator = torch.Generator().manual_seed(seed)
    network = seeded(seed, lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 2)))
    x = 0.4 + 0.2 * torch.rand((5, 1, 6, 6), generator=generator)  # far enough from 0 and 1 for the ball to fit
    with torch.no_grad():
        labels = network(x).argmax(1)  # all right, so that no image is left alone at once
        w = network[1].weight[0] - network[1].weight[1]
        expected = margins(network(x), labels) - budget * w.norm()
        found = worst_case(network, x, labels, Attack(budget, 8, 0.5)).margin
    # An image is left alone once it is an error, so deeper than that nothing is promised.
    torch.testing.assert_close(found[expected > 0], expected[expected > 0], rtol=1e-4, atol=1e-4)
    assert torch.equal(found <= 0, expected <= 1e-5) or bool((expected.abs() < 1e-4).any())


def linear(seed, scale, classes=10):
    """A linear network, its logits times `scale`, with images that it gets right, their labels, and for each the least
    ℓ2 distance at which the network errs. The images are far enough from 0 and 1 for balls up to .4."""
    network = seeded(seed, lambda: nn.Sequential(nn.Flatten(), nn.Linear(100, classes)))
    generator = torch.Generator().manual_seed(seed)
    x = 0.4 + 0.2 * torch.rand((200, 1, 10, 10), generator=generator)
    with torch.no_grad():
        logits, w = network(x), network[1].weight
        labels = logits.argmax(1)
        gaps = logits.gather(1, labels[:, None]) - logits  # (N, classes)
        apart = (w[labels][:, None] - w).norm(dim=2)
        distance = torch.where(apart > 0, gaps / apart, torch.inf).amin(1)
        for parameter in network.parameters():
            parameter.mul_(scale)
    return network, x, labels, distance


SCALES = [1e-30, 1e-12, 1e-3, 1.0, 10.0, 30.0, 100.0, 1e3, 1e6, 1e12, 1e30]


@pytest.mark.parametrize("scale", SCALES)
def test_the_attack_does_not_depend_on_the_scale_of_the_logits(scale):
    """The exact robust error of a linear network of ten classes, at every temperature of its softmax."""
    network, x, labels, distance = linear(0, scale)
    budget = float(distance.median())
    assert budget < 0.4
    found = worst_case(network, x, labels, Attack(budget, 10, 0.25))
    near = (distance / budget - 1).abs() < 1e-3
    assert near.sum() <= 2
    assert torch.equal((found.margin <= 0)[~near], (distance < budget)[~near])
    assert not found.vanished.any()


@pytest.mark.parametrize("scale", SCALES)
def test_training_perturbations_lower_the_margin_at_every_scale_of_the_logits(scale):
    network, x, labels, _ = linear(0, scale)
    delta = perturb(network, x, labels, Attack(0.05, 10, 0.25), torch.Generator().manual_seed(0))
    with torch.no_grad():
        moved = (margins(network(x), labels) - margins(network(x + delta), labels)) / scale
        largest = 0.05 * (network[1].weight[labels] / scale).norm(dim=1)
    assert (moved > 0.5 * largest).double().mean() > 0.95


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_training_follows_the_cross_entropy(seed):
    *_, labels = problem(seed)
    logits = torch.randn((7, CLASSES), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    ascent = []
    for of in (log_odds, lambda z, y: cross_entropy(z, y, reduction="none")):
        at = logits.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(of(at, labels).sum(), at)
        ascent.append(gradient / gradient.norm(dim=1, keepdim=True))
    torch.testing.assert_close(*ascent)


def test_the_attack_says_which_images_have_no_gradient():
    """A network that is dead on dark images, and says the first class of them."""
    network = seeded(0, lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)))
    with torch.no_grad():
        network[1].weight.fill_(1.0)
        network[1].bias.fill_(-2.0)
        network[3].weight.copy_(torch.tensor([[-1.0] * 3, [1.0] * 3]))
        network[3].bias.copy_(torch.tensor([1.0, 0.0]))
    x = torch.tensor([0.1, 0.1, 0.9]).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    found = worst_case(network, x, torch.tensor([0, 1, 1]), Attack(0.1, 5, 0.5))
    assert found.vanished.tolist() == [True, False, False]
    assert (found.margin <= 0).tolist() == [False, True, False]


def test_an_output_that_is_no_number_is_not_robust():
    network, x, labels = problem(0)
    x[2] = torch.nan
    found = worst_case(network, x, labels, Attack(0.3, 5, 0.5))
    assert not found.margin[2] > 0
    assert found.vanished[2]


def test_each_image_has_its_own_direction_and_its_own_length_uniform_up_to_the_budget():
    start = random_start(torch.empty(4000, 3, 4, 4), 2.0, torch.Generator().manual_seed(0))
    length = lengths(start).ravel()
    assert length.max() <= 2.0 * (1 + 1e-6)
    # Uniform on [0, 2]: mean 1 ± .58/√4000, and a quarter in each quarter.
    assert abs(float(length.mean()) - 1) < 0.04
    quarters = torch.histc(length, 4, 0, 2) / 4000
    assert (quarters - 0.25).abs().max() < 0.03
    directions = (start / lengths(start)).flatten(1)
    cosines = directions[:-1].mul(directions[1:]).sum(1)
    assert abs(float(cosines.mean())) < 0.01
    assert abs(float(cosines.std()) - 48**-0.5) < 0.01  # of independent directions in R^48


def test_an_image_s_margin_does_not_depend_on_the_others():
    network, x, labels = problem(3, n=20)
    whole = worst_case(network, x, labels, Attack(0.5, 6, 0.3)).margin
    alone = torch.cat(
        [worst_case(network, x[i : i + 1], labels[i : i + 1], Attack(0.5, 6, 0.3)).margin for i in range(20)]
    )
    torch.testing.assert_close(whole, alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(whole <= 0, alone <= 0)
