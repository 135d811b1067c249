"""How time and memory are measured, and at which sizes."""

from __future__ import annotations

import dataclasses
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large and how often: FULL for results/bench.json, QUICK for the tests, whose numbers mean nothing.

    n, width, steps: of the paper-scale run · d: of the comparison with peers · small, huge: the two d of `flatness`
    test_points: on which final errors are compared · peer_steps: steps in one timing of a peer
    repeats: of timings of our own runs, of peers, and in the scaling figure
    seeds: replicates in the comparison of inner maxima, on networks of narrow_width; half as many for the first step
    """

    n: int = 100
    width: int = 1000
    steps: int = 1000
    d: int = 10_000
    small: int = 1_000
    huge: int = 10**9
    test_points: int = 2000
    repeats: int = 5
    peer_steps: int = 2
    peer_repeats: int = 5
    scaling_repeats: int = 5
    seeds: int = 6
    narrow_width: int = 100


FULL = Sizes()
QUICK = Sizes(
    n=12,
    width=8,
    steps=40,
    d=60,
    small=30,
    huge=10**6,
    test_points=100,
    repeats=2,
    peer_repeats=2,
    scaling_repeats=2,
    seeds=4,
    narrow_width=6,
)


def seconds(task: Callable[[], Any], settle: Callable[[], Any] = lambda: None) -> float:
    """Wall-clock seconds of one call (see `timed`)."""
    return timed(task, settle)[1]


def timed(task: Callable[[], T], settle: Callable[[], Any] = lambda: None) -> tuple[T, float]:
    """What one call returns, and its wall-clock seconds.

    settle: waits for work that a call only begins, e.g. torch.cuda.synchronize
    """
    settle()
    started = time.perf_counter()
    result = task()
    settle()
    return result, time.perf_counter() - started


class Deadline:
    """The moment, so many seconds from now, by which work should have ended."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then, below 0 afterwards."""
        return self._end - time.monotonic()


def interleaved(tasks: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each task, by turns after one turn to warm up, so that a drifting machine slows all of them alike."""
    for task in tasks.values():
        task()
    turns = [{name: seconds(task) for name, task in tasks.items()} for _ in range(repeats)]
    return {name: [turn[name] for turn in turns] for name in tasks}


def spread(values: list[float]) -> dict[str, Any]:
    """Median, smallest, largest and number of repeats."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "repeats": len(values)}


def peak_memory(code: str) -> float:
    """Peak resident MB of a new Python process that runs `code`.

    VmHWM belongs to the new program alone; getrusage would count what the parent held when it forked.
    """
    report = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    answer = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
    return int(answer.stdout) / 1024
