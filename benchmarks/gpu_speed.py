"""Part "speed" of `make gpu-check`: paper-scale networks trained together, as many as memory or time allow.

Each batch is trained as the engine does it, then with one recorded CUDA graph of a step, then with the host asking (or
not) where the engine's policy for the device is the other way. A large batch repeats a few different networks; on a
GPU, which is asked for nothing, a step's work does not depend on what is trained. A training that is longer than the
time left for it is timed on fewer steps and scaled.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from benign.attack import evaluation
from benign.train.device import policy
from benign.train.gradient_descent import Problem, Snapshot
from gpu_networks import COMMON, drawn, measured, moved, release, settled, test_error, trained, trained_otherwise
from gpu_sizes import Sizes
from products import ProductBound, product_rate
from timing import Deadline, seconds, timed

GROWTH = 4  # of one batch over the last
FIRST_STEPS = 10  # timed to foresee how long a training will take; they also warm the device up
SHARE = 0.25  # of the time left that one timed training may take
REPEATS = 3


def speed(device: str, sizes: Sizes, deadline: Deadline) -> Iterator[dict[str, Any]]:
    """Yields what is known after each batch."""
    settings = [{**COMMON, **sizes.speed, "seed": seed} for seed in range(sizes.different)]
    steps, settle = settings[0]["steps"], settled(device)
    result: dict[str, Any] = {
        "settings": sizes.speed,
        "flops_per_second": product_rate(sizes.product_side, device, settle),
        "one_core": one_core(settings[0]),
    }
    yield result
    problems = [drawn(each, device).problem for each in settings]
    result["evaluation"] = evaluated(settings[0], device, result["one_core"])
    result["batches"] = []
    networks = 1
    while networks <= sizes.most_networks and (networks == 1 or deadline.left() > 0):
        together = [problems[i % len(problems)] for i in range(networks)]
        result["batches"].append({"networks": networks, **ways(together, steps, device, deadline)})
        result |= summary(result)
        yield result
        if "error" in result["batches"][-1]["engine"]:
            break
        networks *= GROWTH
    release(device)
    result["products"] = alone(problems, result, steps, device)
    yield result


def one_core(settings: dict[str, Any]) -> dict[str, Any]:
    """Seconds of one network on one core of this machine's CPU: drawn, trained, measured."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        points = drawn(settings)
        last = trained([points.problem], settings["steps"])
        return {
            "drawing_seconds": seconds(lambda: drawn(settings)),
            "training_seconds": seconds(lambda: trained([points.problem], settings["steps"])),
            "measuring_seconds": seconds(lambda: measured(settings, points, last.weights[0])),
            "attack_seconds": seconds(lambda: test_error(points, last.weights[0], settings["budget"])),
        }
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def evaluated(settings: dict[str, Any], device: str, core: dict[str, Any]) -> dict[str, Any]:
    """Seconds of attack and of all measurements of one network on the device, in the engine's chunks and in one."""
    points = moved(drawn(settings), device, torch.float32)
    weights = trained([points.problem], settings["steps"]).weights[0]
    settle = settled(device)
    result: dict[str, Any] = {
        "test_points": settings["test_points"],
        "error": test_error(points, weights, settings["budget"]),
    }

    def median(task: Callable[[], Any]) -> float:
        task()
        return statistics.median(seconds(task, settle) for _ in range(REPEATS))

    result["attack_seconds"] = median(lambda: test_error(points, weights, settings["budget"]))
    with in_chunks_of(settings["test_points"]):
        result["attack_seconds_in_one_chunk"] = median(lambda: test_error(points, weights, settings["budget"]))
    result["measuring_seconds"] = median(lambda: measured(settings, points, weights))
    result["attack_times_one_core"] = core["attack_seconds"] / result["attack_seconds"]
    return result


@contextlib.contextmanager
def in_chunks_of(points: int) -> Iterator[None]:
    """Attacks take so many points at a time for a while."""
    before, evaluation.CHUNK = evaluation.CHUNK, points
    try:
        yield
    finally:
        evaluation.CHUNK = before


# ---------------------------------------------------------------- one batch


def ways(problems: Sequence[Problem], steps: int, device: str, deadline: Deadline) -> dict[str, dict[str, Any]]:
    """One batch trained as the engine does it, and in two other ways, which have to end with the same weights."""
    asks = policy(device).asks
    training: dict[str, Callable[[int], Snapshot]] = {
        "engine": lambda count: trained(problems, count),
        "graph": lambda count: trained_otherwise(problems, count, asks=asks, graph=True),
        "unasked" if asks else "asking": lambda count: trained_otherwise(problems, count, asks=not asks),
    }
    result: dict[str, dict[str, Any]] = {}
    weights = None
    for name, train in training.items():
        if name != "engine" and ("error" in result["engine"] or deadline.left() < 0):
            result[name] = {"error": "no memory or no time left"}
            continue
        result[name], end = timed_way(train, len(problems), steps, device, deadline)
        weights = end if name == "engine" else weights
        if end is not None and weights is not None and name != "engine":
            same_steps = result[name]["steps"] == result["engine"]["steps"]
            result[name]["same_weights"] = bool(torch.equal(end, weights)) if same_steps else None
    return result


def timed_way(
    train: Callable[[int], Snapshot], networks: int, steps: int, device: str, deadline: Deadline
) -> tuple[dict[str, Any], torch.Tensor | None]:
    """Seconds of one training and networks a second; the first network's weights at the end."""
    settle, first = settled(device), min(FIRST_STEPS, steps)
    release(device)
    try:
        train(first)
        step = seconds(lambda: train(first), settle) / first
        count = max(first, min(steps, int(SHARE * deadline.left() / step)))
        last, taken = timed(lambda: train(count), settle)
    except (torch.OutOfMemoryError, MemoryError) as error:
        return {"error": f"out of memory: {error}".splitlines()[0]}, None
    rate = networks * count / steps / taken
    found = {"steps": count, "seconds": taken, "networks_per_second": rate, "peak_mb": peak_mb(device)}
    return found, last.weights[0].clone()


def peak_mb(device: str) -> float | None:
    """The most that the device's tensors took since `release`; PyTorch does not count a CPU's."""
    return torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else None


# ---------------------------------------------------------------- what it comes to


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """The best batch in each way, and the best of all against one CPU core."""
    best: dict[str, dict[str, Any]] = {}
    for row in result["batches"]:
        for name, way in row.items():
            rate = way.get("networks_per_second", 0) if isinstance(way, dict) else 0
            if rate > best.get(name, {}).get("networks_per_second", 0):
                best[name] = {"networks": row["networks"], **way}
    fastest = max((way["networks_per_second"] for way in best.values()), default=0.0)
    return {"best": best, "times_one_core": fastest * result["one_core"]["training_seconds"]}


@torch.inference_mode()
def alone(problems: Sequence[Problem], result: dict[str, Any], steps: int, device: str) -> dict[str, Any]:
    """The matrix products of the engine's best batch: flops, their share of the device's rate, and alone.

    Where the device is asked for nothing all steps have the same products, and a few are enough to count them.
    """
    if "engine" not in result["best"]:
        return {"error": "no batch was trained"}
    best = result["best"]["engine"]
    together = [problems[i % len(problems)] for i in range(best["networks"])]
    counted = best["steps"] if policy(device).asks else min(FIRST_STEPS, steps)
    bound = ProductBound(lambda: trained(together, counted))
    flops = bound.flops * best["steps"] / counted
    rate = flops / best["seconds"]
    by_products = bound.seconds(device, settled(device)) * best["steps"] / counted
    return {
        "networks": best["networks"],
        "flops_per_network": flops / best["networks"] * steps / best["steps"],
        "flops_per_second": rate,
        "share_of_device": rate / result["flops_per_second"],
        "share_of_time": by_products / best["seconds"],
    }
