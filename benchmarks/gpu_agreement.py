"""Part "agreement" of `make gpu-check`: does the device train the same networks as a CPU, up to roundings?

How far roundings reach is measured, not assumed, for each network by itself: kinks make some trainings chaotic, and
their roundings grow from 1e-7 to 1e-1. Beside its float32 training on the CPU a network is trained there in float64,
and in float32 with its training points in two other orders, which changes roundings alone. The largest of these three
deviations is its yardstick. Were the device's roundings one more draw of the same kind, its deviation would be the
largest of four in a quarter of the networks; it counts as beyond only if it is more than twice the yardstick. The
device is more than roundings away where too many networks are beyond for that chance, among all or among those of one
activation.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import numpy as np
import torch
from scipy.special import bdtrc

from benign.attack.inner import InnerMaximisation
from benign.nets import ActivationKind
from benign.train.device import policy
from benign.train.gradient_descent import Snapshot, train
from gpu_networks import COMMON, Sample, drawn, measured, moved, trained
from gpu_sizes import Sizes
from timing import Deadline

NETWORKS = 20
ACTIVATIONS = get_args(ActivationKind)
EXPONENTS = range(2, 10)  # d = 10² … 10⁹
RATIOS = (0.0, 0.1, 0.3, 0.6, 1.0)  # α/‖μ‖
PRECISIONS = {"float32": "ieee", "tf32": "tf32"}
ORDERS = 2
CHANCE, LEVEL = 0.25, 0.01  # of being beyond the yardstick by roundings alone; below which that is not believed
SILENT = "asks for nothing"
# A yardstick is at least what the numbers themselves can show: this, or one test point.
LAST_BIT = torch.finfo(torch.float32).eps


def settings(sizes: Sizes) -> list[dict[str, Any]]:
    """Twenty networks: each activation at almost every d, every budget at four of them; ‖μ‖ = d^0.3 [ours]."""
    result = []
    for index in range(NETWORKS):
        d = 10 ** EXPONENTS[index % len(EXPONENTS)]
        signal = round(d**0.3, 9)
        chosen = {"activation": ACTIVATIONS[index % len(ACTIVATIONS)], "d": d, "signal": signal, "seed": index}
        chosen["budget"] = round(RATIOS[index % len(RATIOS)] * signal, 9)
        if chosen["activation"] == "relu":
            chosen["slope"] = 0.0
        result.append({**COMMON, **chosen, **sizes.agreement})
    return result


@torch.inference_mode()
def agreement(device: str, sizes: Sizes, deadline: Deadline) -> Iterator[dict[str, Any]]:
    """Yields what is known after each batch of networks."""
    result: dict[str, Any] = {"wanted": NETWORKS, "asks": asked(device, sizes)}
    precisions = PRECISIONS if device == "cuda" else {"float32": "ieee"}
    if device != "cuda":
        result["tf32"] = "not applicable: only a GPU has TF32"
    networks: list[dict[str, Any]] = []
    for batch in batches(settings(sizes)):
        if networks and deadline.left() < 0:
            break
        networks += compared(batch, device, precisions)
        yield {**result, "networks": networks, **{name: judged(networks, name, sizes) for name in precisions}}


def batches(all_settings: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Networks that can be trained together: one activation, one k, all attacked or none."""
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for each in all_settings:
        vectors = each["n"] + each["width"] // 2 + 1
        alike.setdefault((each["activation"], min(each["d"], vectors), each["budget"] > 0), []).append(each)
    return list(alike.values())


def compared(batch: Sequence[dict[str, Any]], device: str, precisions: dict[str, str]) -> list[dict[str, Any]]:
    """Each network's settings, and how far its trainings are apart: the yardstick, and the device in each precision."""
    points = [drawn(each) for each in batch]
    single = outcomes(batch, points)
    others = [[moved(each, "cpu", torch.float64) for each in points]]
    others += [[reordered(each, order) for each in points] for order in range(1, ORDERS + 1)]
    result = [{name: each[name] for name in ("activation", "d", "signal", "budget", "seed")} for each in batch]
    yardsticks = [apart(single, outcomes(batch, each)) for each in others]
    for i, row in enumerate(result):
        row["yardstick"] = {name: max(each[i][name] for each in yardsticks) for name in yardsticks[0][i]}
    for precision, products in precisions.items():
        with float32_products(products):
            there = apart(single, outcomes(batch, [moved(each, device, torch.float32) for each in points]))
        for row, deviations in zip(result, there, strict=True):
            row[precision] = deviations
    return result


def reordered(points: Sample, order: int) -> Sample:
    """The same training points in another order: the same problem, its sums rounded differently."""
    rows = torch.randperm(len(points.problem.x), generator=torch.Generator().manual_seed(order))
    problem = dataclasses.replace(points.problem, x=points.problem.x[rows], y=points.problem.y[rows])
    return dataclasses.replace(points, problem=problem)


def outcomes(batch: Sequence[dict[str, Any]], points: Sequence[Sample]) -> list[dict[str, Any]]:
    """Weights and measurements of the networks, trained and measured where their points are."""
    last = trained([each.problem for each in points], batch[0]["steps"])
    return [outcome(each, points[i], last, i) for i, each in enumerate(batch)]


def outcome(each: dict[str, Any], points: Sample, last: Snapshot, i: int) -> dict[str, Any]:
    """One network's."""
    found = measured(each, points, last.weights[i])
    kept = {name: found[name] for name in ("rho", "robust_test_error", "clean_test_error")}
    return {"weights": last.weights[i].cpu().double(), **kept, "inner_gap": float(last.gap[i])}


def apart(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
    """Each network's deviation: of weights ‖W - W'‖/‖W‖, of ρ |ρ - ρ'|/|ρ|, of errors and gap the plain difference."""
    result = []
    for old, new in zip(before, after, strict=True):
        relative = {"weights": float((new["weights"] - old["weights"]).norm() / old["weights"].norm())}
        relative["rho"] = abs(new["rho"] - old["rho"]) / abs(old["rho"])
        plain = ("robust_test_error", "clean_test_error", "inner_gap")
        result.append(relative | {name: abs(new[name] - old[name]) for name in plain})
    return result


def judged(networks: Sequence[dict[str, Any]], precision: str, sizes: Sizes) -> dict[str, dict[str, Any]]:
    """For each quantity its deviations over the networks, the yardsticks', and whether they are those of roundings."""
    result = {}
    for name in networks[0]["yardstick"]:
        least = 1 / sizes.agreement["test_points"] if name.endswith("error") else LAST_BIT
        beyond: dict[str, list[bool]] = {}
        for row in networks:
            # A network that has diverged, nan, agrees with nothing.
            is_beyond = not row[precision][name] <= 2 * max(row["yardstick"][name], least)
            for group in ("all", row["activation"]):
                beyond.setdefault(group, []).append(is_beyond)
        result[name] = {
            **{kind: spread([row[kind][name] for row in networks]) for kind in (precision, "yardstick")},
            "beyond": sum(beyond["all"]),
            "roundings": all(believable(sum(each), len(each)) for each in beyond.values()),
        }
    return result


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and largest; nan if any value is."""
    return {"median": float(np.median(values)), "largest": float(np.max(values))}


def believable(beyond: int, networks: int) -> bool:
    """Whether that many of the networks, or more, are beyond their yardsticks with a chance of at least LEVEL."""
    return beyond == 0 or float(bdtrc(beyond - 1, networks, CHANCE)) >= LEVEL


@contextlib.contextmanager
def float32_products(precision: str) -> Iterator[None]:
    """A GPU's float32 matrix products in that precision for a while."""
    matmul = torch.backends.cuda.matmul
    before, matmul.fp32_precision = matmul.fp32_precision, precision
    try:
        yield
    finally:
        matmul.fp32_precision = before


# ---------------------------------------------------------------- does a step ask the device for a value?


def asked(device: str, sizes: Sizes) -> dict[str, Any]:
    """Whether any training step waits for a value from the device: PyTorch is told to raise where one does.

    A control shows that it would: one value is asked for on purpose.
    """
    if device != "cuda":
        return {"status": f"not applicable: the engine asks a {device}" if policy(device).asks else "not applicable"}
    value = torch.ones(1, device=device)
    result: dict[str, Any] = {"steps": sizes.watched_steps, "control": raises_in(value.item)}
    for kind in ACTIVATIONS:
        each = {**settings(sizes)[1], "activation": kind}
        course = train([drawn(each, device).problem], [1, 1 + sizes.watched_steps], InnerMaximisation())
        next(course)  # the set-up, which may wait
        result[kind] = raises_in(lambda course=course: next(course)) or SILENT
    silent = bool(result["control"]) and all(result[kind] == SILENT for kind in ACTIVATIONS)
    return result | {"status": SILENT if silent else "asks, or its asking cannot be seen"}


def raises_in(task: Any) -> str:
    """What PyTorch says if the task waits for the device; empty if it does not."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        task()
    except RuntimeError as error:
        return str(error).splitlines()[0]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return ""
