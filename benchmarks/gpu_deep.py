"""Part "deep" of `make gpu-check`: adversarial training of PreActResNet-18 on CIFAR-10; does robust overfitting show?

The recipe is that of Rice, Wong, Kolter, ICML 2020, as the gpu tier of config/grids/robust_overfitting.yaml has it, but
for its length: as many epochs as the time allows, the learning rate falling at a half and at three quarters of them.
The best epoch is chosen on validation images, and the rise from it to the last epoch is measured on test images, image
by image. An epoch is timed with the network's numbers in both orders that PyTorch knows, channels first and channels
last, and the training takes the faster one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benign import seeds
from benign.attack.pixels import Attack, worst_case
from benign.data.images.record import DataError, ImageSet
from benign.data.images.storage import load
from benign.data.multiclass import Points, Sample, draw_sample
from benign.nets.convolutional import STATISTICS, seeded
from benign.nets.preact_resnet import preact_resnet18
from benign.train.deep import Recipe, learning_rate, train
from gpu_networks import settled
from gpu_sizes import Sizes
from timing import Deadline, seconds

STUDY = "gpu_check"
SIDE = 32
BUDGET, STEP = 128 / 255, 15 / 128  # α in pixels from 0 to 1, and a step's share of it
BATCH = 128
PROBED = 4  # batches in the epoch that shows how long one takes
SPARE = 0.9  # of the time left, which the epochs are fitted into
EVERY = 2  # epochs from one measurement to the next
ORDERS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def deep(device: str, sizes: Sizes, deadline: Deadline, file: Path) -> Iterator[dict[str, Any]]:
    """Yields what is known after each measurement."""
    whole = load(file)
    sample = draw(whole, sizes)
    result: dict[str, Any] = {
        "provenance": whole.provenance,
        "images": {name: len(getattr(sample, name).clean) for name in ("train", "validation", "test")},
    }
    paces = {order: pace(sample, device, sizes, order) for order in ORDERS}
    order = min(paces, key=lambda each: paces[each])
    measuring = seconds(lambda: measured(build(device, order), sample, device, sizes), settled(device))
    epochs = EVERY * int(SPARE * deadline.left() / (EVERY * paces[order] + measuring))
    epochs = max(EVERY, min(sizes.most_epochs, epochs))
    recipe = recipe_of(epochs, sizes)
    rates = {each: 60 / taken for each, taken in paces.items()}
    result |= {"epochs": epochs, "order": order, "epochs_per_minute": rates, "course": []}
    network, (x, y) = build(device, order), tensors(sample.train, device)
    fooled: list[dict[str, Tensor]] = []
    generator = functools.partial(randomness, device)
    for epoch, finite in train(network, x, y, recipe, range(EVERY, epochs + 1, EVERY), generator, STUDY):
        if not finite:
            yield {**result, "diverged_at": epoch}
            return
        clean, robust = measured(network, sample, device, sizes)
        fooled.append(robust)
        rate = learning_rate(recipe, epoch)
        result["course"].append({"epoch": epoch, "learning_rate": rate, **clean, **shares(robust)})
        yield {**result, **overfitting(fooled)}
        if deadline.left() < 0:
            break


def draw(whole: ImageSet, sizes: Sizes) -> Sample:
    """Training, validation and test images with their true labels; as many training images as there are, at most."""
    if whole.name != "cifar10":
        raise DataError(f"--images holds {whole.name}: give CIFAR-10, as scripts/fetch_data.py writes it")
    count = min(sizes.images, len(whole.train_labels) - sizes.validation)
    tests = min(sizes.test_images, len(whole.test_labels))
    return draw_sample(whole, SIDE, count, sizes.validation, tests, 0.0, seeds.generator(STUDY, "sample", 0))


def build(device: str, order: str) -> nn.Module:
    """The network at the start, its weights in this order."""
    network = seeded(seeds.seed(STUDY, "init", 0), lambda: preact_resnet18(10, *STATISTICS["cifar10"]))
    return network.to(device, memory_format=ORDERS[order])  # type: ignore[call-overload]  # as PyTorch documents it


def recipe_of(epochs: int, sizes: Sizes) -> Recipe:
    """The paper's [M], laid out on so many epochs."""
    attack = Attack(BUDGET, sizes.attack_steps, STEP)
    return Recipe(epochs, BATCH, learning_rate=0.1, momentum=0.9, weight_decay=5e-4, augment=True, attack=attack)


def randomness(device: str, epoch: int) -> torch.Generator:
    """Of one epoch."""
    return torch.Generator(device).manual_seed(seeds.seed(STUDY, "epoch", 0, epoch=epoch) % 2**63)


def tensors(points: Points, device: str) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) and labels (N,) on the device."""
    return torch.tensor(points.images, device=device), torch.tensor(points.observed, device=device)


def pace(sample: Sample, device: str, sizes: Sizes, order: str) -> float:
    """Seconds of an epoch, from a few of its batches; on a network of their own."""
    network = build(device, order)
    x, y = (each[: PROBED * BATCH] for each in tensors(sample.train, device))

    def probe() -> None:
        list(train(network, x, y, recipe_of(1, sizes), [1], functools.partial(randomness, device), STUDY))

    probe()  # the first also chooses algorithms
    batches = math.ceil(len(sample.train.clean) / BATCH) / math.ceil(len(x) / BATCH)
    return seconds(probe, settled(device)) * batches


def measured(
    network: nn.Module, sample: Sample, device: str, sizes: Sizes
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Clean test error, and which validation and test images (N,) the attack fools, clean errors included."""
    network.eval()
    attack = Attack(BUDGET, sizes.attack_steps, 2.5 / sizes.attack_steps)
    found = {
        name: worst_case(network, *tensors(points, device), attack)
        for name, points in (("validation", sample.validation), ("test", sample.test))
    }
    clean = float((found["test"].clean <= 0).double().mean())
    return {"clean_test_error": clean}, {name: (each.margin <= 0).cpu() for name, each in found.items()}


def shares(fooled: dict[str, Tensor]) -> dict[str, float]:
    """Robust errors."""
    return {f"robust_{name}_error": float(each.double().mean()) for name, each in fooled.items()}


def overfitting(fooled: list[dict[str, Tensor]]) -> dict[str, Any]:
    """The epoch of least robust validation error, and the rise of robust test error from it to the last epoch.

    The interval (95 %, normal) is of the paired difference on the same test images; it is over images, not over seeds.
    """
    best = min(range(len(fooled)), key=lambda i: float(fooled[i]["validation"].double().mean()))
    difference = fooled[-1]["test"].double() - fooled[best]["test"].double()  # (N,), in {-1, 0, 1}
    rise, error = float(difference.mean()), float(difference.std() / len(difference) ** 0.5)
    low, high = rise - 1.96 * error, rise + 1.96 * error
    shows = "yes" if low > 0 else "no" if high < 0 or best == len(fooled) - 1 else "undecided"
    return {"best_epoch": EVERY * (best + 1), "rise": rise, "rise_interval": [low, high], "robust_overfitting": shows}
