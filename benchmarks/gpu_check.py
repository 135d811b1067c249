"""What the engine does on a GPU: does it train the same networks, how fast, at what cost, and what only a GPU can.

    make gpu-check                                                    eight minutes; writes results/gpu_check.json
    python benchmarks/gpu_check.py --images FILE.safetensors          with CIFAR-10, as scripts/fetch_data.py writes it
    python benchmarks/gpu_check.py --device cpu --minutes 0.2 --tiny  toy sizes on a CPU, for the tests

Needs torch, numpy, scipy, pandas and safetensors, and nothing else of what the project installs. Four parts share the
minutes: agreement, speed, scale and deep (skipped without --images). The file is written after every piece of a part,
so that a run that is cut off keeps what it has; a part that fails is recorded, and the others go on. A part always does
its first piece, however late it is. Exit status: 0 if no part failed, 1 if one did, 2 if nothing could be started.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import math
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

STARTED = time.monotonic()  # importing torch counts
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))  # a plain GPU machine has not installed the project

import numpy as np  # noqa: E402
import torch  # noqa: E402

from benign.pipeline import provenance, tables  # noqa: E402
from benign.pipeline.definitions import Definition  # noqa: E402
from benign.train.device import hold_precision  # noqa: E402
from gpu_agreement import agreement  # noqa: E402
from gpu_deep import deep  # noqa: E402
from gpu_networks import release  # noqa: E402
from gpu_scale import scale  # noqa: E402
from gpu_sizes import FULL, TINY, Sizes  # noqa: E402
from gpu_speed import speed  # noqa: E402
from gpu_table import lines, rows  # noqa: E402
from timing import Deadline  # noqa: E402

Part = Callable[[str, Sizes, Deadline], Iterator[dict[str, Any]]]
# Weights of the parts in what time is left when one begins: what a part leaves over goes to those after it.
SHARES = {"agreement": 0.16, "speed": 0.19, "scale": 0.17, "deep": 0.48}  # robust overfitting needs epochs
PARTS: dict[str, Part] = {"agreement": agreement, "speed": speed, "scale": scale}
OUTPUT = ROOT / "results" / "gpu_check.json"


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    result.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    result.add_argument("--minutes", type=float, default=8.0, help="for the whole run, torch's import included")
    result.add_argument("--out", type=Path, default=OUTPUT, metavar="FILE.json")
    result.add_argument("--tiny", action="store_true", help="toy sizes, for the tests: the numbers mean nothing")
    result.add_argument("--images", type=Path, metavar="FILE.safetensors", help="CIFAR-10, or a part of it")
    return result


def main(argv: list[str]) -> int:
    """Run the parts, write what they find, print it as a table."""
    args = arguments().parse_args(argv)
    if reason := refused(args):
        print(f"error: {reason}", file=sys.stderr)
        return 2
    hold_precision(args.device)
    parts = PARTS | ({"deep": functools.partial(deep, file=args.images)} if args.images else {})
    report = Report({"tiny": args.tiny, "minutes_allowed": args.minutes, "machine": machine(args.device)}, args.out)
    try:
        report.write(**{name: {"status": "not begun"} for name in parts})
        if not args.images:
            report.write(deep={"status": "skipped", "reason": "no images: give --images FILE.safetensors"})
        deadline = Deadline(60 * args.minutes - (time.monotonic() - STARTED))
        run(parts, report, args.device, TINY if args.tiny else FULL, deadline)
    except OSError as error:
        print(f"error: {args.out} cannot be written: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines(report.content["table"])))
    return int(any(part["status"] == "failed" for part in report.content["parts"].values()))


def refused(args: argparse.Namespace) -> str:
    """Why nothing can be started, and what to do; empty if it can."""
    if not 0 < args.minutes < math.inf:
        return f"--minutes {args.minutes}: give a finite number above 0"
    if args.device == "cuda" and not torch.cuda.is_available():
        return "--device cuda: Torch finds no usable GPU: run on a GPU machine, or give --device cpu"
    if args.images and not args.images.is_file():
        return f"--images {args.images}: there is no such file: make it with scripts/fetch_data.py"
    return ""


class Report:
    """What is known so far, as the file has it: written anew, whole or not at all, with every change."""

    def __init__(self, about: dict[str, Any], file: Path) -> None:
        self.content: dict[str, Any] = {**about, "minutes": 0.0, "parts": {}, "table": []}
        self._file = file

    def write(self, **parts: dict[str, Any]) -> None:
        """Put these parts in place of what was known of them."""
        self.content["parts"] |= parts
        self.content["minutes"] = (time.monotonic() - STARTED) / 60
        self.content["table"] = rows(self.content)
        tables.write_json(self._file, self.content)


def run(parts: Mapping[str, Part], report: Report, device: str, sizes: Sizes, deadline: Deadline) -> None:
    """Each part in turn, within its share of the time that is left."""
    for position, (name, part) in enumerate(parts.items()):
        print(f"gpu-check: {name}", file=sys.stderr, flush=True)
        share = SHARES[name] / sum(SHARES[each] for each in list(parts)[position:])
        began, found, ended = time.monotonic(), dict[str, Any](), {"status": "done"}
        report.write(**{name: {"status": "unfinished"}})
        try:
            for found in part(device, sizes, Deadline(share * deadline.left())):
                report.write(**{name: {"status": "unfinished", **found}})
        except Exception as error:  # whatever a part may meet: the others go on
            traceback.print_exc()
            ended = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
        report.write(**{name: {**found, **ended, "seconds": time.monotonic() - began}})
        release(device)


def machine(device: str) -> dict[str, Any]:
    """What the numbers belong to."""
    card: dict[str, Any] = {}
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        card = {"memory_gb": properties.total_memory / 2**30, "driver": driver(), "cuda": torch.version.cuda}
    return {
        "device": device,
        "card": torch.cuda.get_device_name(0) if device == "cuda" else "none: the CPU",
        **card,
        "cpu": provenance.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "engine": provenance.package().fingerprint([Definition("benign.train.gradient_descent", "train")])[:16],
        "date": datetime.date.today().isoformat(),
    }


def driver() -> str:
    """The version of the card's driver, as its own tool says it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return f"unknown ({type(error).__name__})"
    return said.splitlines()[0].strip() if said.strip() else "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
