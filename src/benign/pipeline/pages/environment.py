"""What a tier's numbers were computed with, as its pages state it."""

from __future__ import annotations

import importlib.metadata
import platform

LIBRARIES = ("matplotlib", "numpy", "pandas", "scipy", "snakemake", "torch", "torchvision")


def environment(device: str) -> dict[str, str]:
    """Python, system, device and versions of libraries, as far as they are the same from run to run."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "device": device,
        **versions,
    }
