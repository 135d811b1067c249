"""Deep networks: their shapes, their label noise, and trainings that resume bit for bit."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benign.attack.pixels import Attack
from benign.data.images.record import DataError, ImageSet
from benign.data.multiclass import draw_sample, flip_classes, pixels
from benign.nets.convolutional import STATISTICS, convolutional, on_one_vector, seeded
from benign.nets.preact_resnet import preact_resnet18
from benign.train.checkpoints import Checkpoints
from benign.train.deep import Recipe, augmented, learning_rate, train

RECIPE = Recipe(8, 5, 0.05, 0.9, 5e-4, True, Attack(0.3, 2, 0.6))


def image_set(train: int = 60, test: int = 30, classes: int = 3, side: int = 20) -> ImageSet:
    rng = np.random.default_rng(0)

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        return rng.integers(0, 256, (n, side, side), dtype=np.uint8), (np.arange(n) % classes).astype(np.int64)

    return ImageSet("toy", *part(train), *part(test), tuple("abcdef"[:classes]), "made up")


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# ---------------------------------------------------------------- networks


def test_preact_resnet18_has_11_17_million_parameters_and_gives_a_logit_for_each_class():
    network = seeded(0, lambda: preact_resnet18(10, *STATISTICS["cifar10"]))
    assert parameters(network) == 11_172_170
    assert network.eval()(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    shapes = []
    for layer in network:
        layer.register_forward_hook(lambda layer, given, output: shapes.append(tuple(output.shape[1:])))
    network(torch.rand(1, 3, 32, 32))
    stages = [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    assert shapes[2:10] == [shape for shape in stages for _ in range(2)]


def test_one_step_of_the_paper_s_recipe_runs_on_preact_resnet18():
    network = seeded(0, lambda: preact_resnet18(10, *STATISTICS["cifar10"]))
    before = [parameter.clone() for parameter in network.parameters()]
    recipe = Recipe(200, 128, 0.1, 0.9, 5e-4, True, Attack(128 / 255, 2, 15 / 128))
    x, y = torch.rand(2, 3, 32, 32), torch.tensor([1, 7])
    assert list(train(network, x, y, recipe, [1], generator, "paper")) == [(1, True)]
    assert all(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize(("side", "width"), [(14, 24), (16, 32), (10, 4)])
def test_the_small_network_has_the_shapes_and_parameters_that_it_says(side: int, width: int):
    network = seeded(0, lambda: convolutional(width, side, 10, *STATISTICS["cifar10"]))
    assert network(torch.rand(3, 3, side, side)).shape == (3, 10)
    left = side // 2 - 4
    expected = (12 * 9 + 1) * width + (9 * width + 1) * 2 * width + (2 * width * left**2 + 1) * 10
    assert parameters(network) == expected


def test_a_network_is_a_function_of_one_vector_of_all_its_parameters():
    one, other = (seeded(seed, lambda: convolutional(3, 10, 10, *STATISTICS["mnist"])) for seed in (0, 1))
    (first, outputs), (second, _) = on_one_vector(one), on_one_vector(other)
    x = torch.rand(4, 1, 10, 10)
    assert first.shape == (parameters(one),)
    torch.testing.assert_close(outputs(first, x), one(x))
    torch.testing.assert_close(outputs(second, x), other(x))


def test_images_are_normalised_inside_the_network():
    mean, std = STATISTICS["cifar10"]
    normalise = seeded(0, lambda: convolutional(4, 10, 10, mean, std))[0]
    x = torch.rand(2, 3, 10, 10)
    torch.testing.assert_close(normalise(x)[:, 1], (x[:, 1] - mean[1]) / std[1])


def test_building_a_network_leaves_the_global_random_state_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again = (seeded(1, lambda: convolutional(4, 10, 3, (0.5,), (0.5,))) for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


# ---------------------------------------------------------------- data


def test_flips_go_to_other_classes_uniformly_and_a_higher_rate_flips_what_a_lower_one_does():
    clean = np.zeros(30_000, dtype=np.int64)
    few, many = (flip_classes(clean, rate, 4, np.random.default_rng(1)) for rate in (0.1, 0.3))
    assert abs((many != clean).mean() - 0.3) < 0.01
    assert np.array_equal(many[few != clean], few[few != clean])
    counts = np.bincount(many, minlength=4)[1:] / (many != clean).sum()
    assert np.abs(counts - 1 / 3).max() < 0.02


def test_a_sample_is_balanced_disjoint_and_keeps_its_images_under_any_flip_rate():
    images = image_set()
    few, many = (draw_sample(images, 20, 21, 12, 9, rate, np.random.default_rng(3)) for rate in (0.0, 0.4))
    assert np.array_equal(np.bincount(few.train.clean), [7, 7, 7])
    assert np.array_equal(np.bincount(few.validation.clean), [4, 4, 4])
    for one, other in ((few.train, many.train), (few.validation, many.validation), (few.test, many.test)):
        assert np.array_equal(one.images, other.images)
    assert np.array_equal(few.train.clean, few.train.observed)
    assert (many.train.clean != many.train.observed).any()
    assert np.array_equal(many.test.clean, many.test.observed)
    everything = np.concatenate([few.train.images, few.validation.images]).reshape(33, -1)
    assert len(np.unique(everything, axis=0)) == 33


def test_a_sample_that_the_set_cannot_give_is_an_error_that_says_what_there_is():
    for numbers in ((60, 1, 1), (10, 5, 31)):
        with pytest.raises(DataError, match="toy has"):
            draw_sample(image_set(), 20, *numbers, 0.0, np.random.default_rng(0))


def test_colour_images_become_channels_first_in_0_to_1():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    made = pixels(images, 8)
    assert made.shape == (3, 3, 8, 8)
    np.testing.assert_allclose(made[1, 2], images[1, :, :, 2] / 255, rtol=1e-6)
    np.testing.assert_allclose(pixels(images, 4)[0, 0, 0, 0], images[0, :2, :2, 0].mean() / 255, rtol=1e-6)


def test_averaging_blocks_turns_the_ball_into_the_smaller_ball():
    """§18: ‖average of b x b blocks‖ ≤ ‖δ‖/b, with equality for δ that is constant on blocks."""
    rng = np.random.default_rng(0)
    fine, coarse = rng.standard_normal((8, 8)), rng.standard_normal((4, 4))
    averaged = fine.reshape(4, 2, 4, 2).mean((1, 3))
    assert np.linalg.norm(averaged) <= np.linalg.norm(fine) / 2
    np.testing.assert_allclose(np.linalg.norm(np.kron(coarse, np.ones((2, 2)))) / 2, np.linalg.norm(coarse))


# ---------------------------------------------------------------- training


def generator(epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(1000 + epoch)


def start() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A small network with batch normalisation, so that there are buffers to keep, and 12 images."""

    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 3))

    x = torch.rand((12, 1, 10, 10), generator=torch.Generator().manual_seed(0))
    return seeded(2, build), x, torch.arange(12) % 3


def test_the_learning_rate_falls_to_a_tenth_after_a_half_and_three_quarters():
    recipe = Recipe(200, 128, 0.1, 0.9, 5e-4, True, Attack(0.5, 10, 0.12))
    rates = [learning_rate(recipe, epoch) for epoch in (1, 100, 101, 150, 151, 200)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@pytest.mark.parametrize("stopped", [1, 3, 6])
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(stopped: int, tmp_path: Path):
    whole, x, y = start()
    assert [epoch for epoch, _ in train(whole, x, y, RECIPE, [2, 8], generator, "a")] == [2, 8]

    kept = Checkpoints(tmp_path, "code", every_seconds=0.0)
    broken, _, _ = start()
    next(iter(train(broken, x, y, RECIPE, [stopped, 8], generator, "a", kept)))
    assert kept.step("a") == stopped
    resumed, _, _ = start()
    reached = list(train(resumed, x, y, RECIPE, [2, 8], generator, "a", kept))
    assert reached == ([(2, True)] if stopped <= 2 else []) + [(8, True)]
    for (name, value), (_, again) in zip(whole.state_dict().items(), resumed.state_dict().items(), strict=True):
        assert torch.equal(value, again), name


def test_momentum_is_part_of_what_is_resumed(tmp_path: Path):
    """Without it the next step would differ: the test above would not see a momentum that is never used."""
    kept = Checkpoints(tmp_path, "code", every_seconds=0.0)
    network, x, y = start()
    list(train(network, x, y, RECIPE, [2], generator, "a", kept))
    loaded = kept.load("a")
    assert loaded is not None
    momenta = {name: value for name, value in loaded[1].items() if name.startswith("momentum ")}
    assert len(momenta) == len(list(network.parameters()))
    assert all(value.any() for value in momenta.values())
    kept.save("a", 2, {name: value * (not name.startswith("momentum ")) for name, value in loaded[1].items()})
    forgetful, _, _ = start()
    list(train(forgetful, x, y, RECIPE, [3], generator, "a", kept))
    list(train(network, x, y, RECIPE, [3], generator, "b"))
    whole, _, _ = start()
    list(train(whole, x, y, RECIPE, [3], generator, "c"))
    assert not torch.equal(next(forgetful.parameters()), next(whole.parameters()))


def test_training_on_separable_images_fits_them():
    x = torch.zeros(30, 1, 10, 10)
    y = torch.arange(30) % 2
    x[y == 1] = 0.8
    network = seeded(0, lambda: convolutional(4, 10, 2, (0.4,), (0.4,)))
    recipe = Recipe(20, 10, 0.05, 0.9, 0.0, False, Attack(1.0, 3, 0.4))
    list(train(network, x, y, recipe, [20], generator, "a"))
    assert torch.equal(network(x).argmax(1), y)


def test_a_training_that_diverges_says_so_at_every_later_stop():
    network, x, y = start()
    wild = Recipe(4, 5, 1e30, 0.9, 0.0, False, Attack(0.0, 0, 0.0))
    assert list(train(network, x, y, wild, [2, 4], generator, "a")) == [(2, False), (4, False)]


def brute_crop(x: torch.Tensor, row: int, column: int, mirror: bool) -> torch.Tensor:
    height, width = x.shape[-2:]
    cut = torch.nn.functional.pad(x, (4,) * 4)[..., row : row + height, column : column + width]
    return cut.flip(-1) if mirror else cut


def test_augmented_images_are_crops_and_mirror_images_of_their_own_image() -> None:
    x = torch.rand(6, 2, 5, 7)
    made = augmented(x, torch.Generator().manual_seed(3))
    assert made.shape == x.shape
    makers: list[Callable[[torch.Tensor], torch.Tensor]] = [
        functools.partial(brute_crop, row=r, column=c, mirror=m)
        for r in range(9)
        for c in range(9)
        for m in (False, True)
    ]
    for image, found in zip(x, made, strict=True):
        assert any(torch.equal(make(image), found) for make in makers)
