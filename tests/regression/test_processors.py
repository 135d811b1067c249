"""The smoke tier agrees with its reference on other processors, as far as one machine can play them.

PyTorch, its MKL and oneDNN, NumPy and its OpenBLAS choose their instructions by processor; each can be told to choose
others, once for each process. That the tier agrees on this machine as it is, the rest of the suite shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reference
from benign import studies, tolerances
from benign.pipeline import comparison, tables
from support import ROOT, smoke_figures

FOUND: list[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # type: ignore[index, call-overload]
BEYOND_AVX2 = " ".join(name for name in FOUND if "512" in name or name == "X86_V4")
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": BEYOND_AVX2,
}
PROCESSORS = {
    "PyTorch without vectors": {"ATEN_CPU_CAPABILITY": "default"},
    "any x86-64": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "NPY_DISABLE_CPU_FEATURES": " ".join(FOUND),
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "AVX2, by Intel": {**AVX2, "OPENBLAS_CORETYPE": "Haswell"},
    "AVX2, by AMD": {**AVX2, "OPENBLAS_CORETYPE": "Zen"},
}


def instructions() -> set[str]:
    """What the processor at hand can do, as Linux names it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return {word for line in lines if line.startswith("flags") for word in line.split()}


@pytest.fixture(params=PROCESSORS)
def played(request: pytest.FixtureRequest) -> dict[str, str]:
    """What makes the libraries choose the instructions of another processor."""
    chosen = PROCESSORS[request.param]
    needed = "avx2" if chosen["ATEN_CPU_CAPABILITY"] == "avx2" else "sse4_2"
    if needed not in instructions():
        pytest.skip(f"this processor has no {needed} to play another one with")
    return chosen


@pytest.mark.slow
def test_smoke_tier_agrees_with_the_reference(played: dict[str, str], smoke_run: Path, tmp_path: Path) -> None:
    digits = f"mnist={smoke_run / 'resources' / 'mnist' / 'sample.safetensors'}"
    run = subprocess.run(
        [sys.executable, ROOT / "tests" / "regression" / "recompute.py", tmp_path, "--images", digits],
        env={**os.environ, "OMP_NUM_THREADS": "1", **played},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [played["ATEN_CPU_CAPABILITY"].upper()]
    moved = {
        study: tolerances.differences(study, reference.rows(study), tables.read_rows(tmp_path / f"{study}.csv"))
        for study in studies.NAMES
    }
    moved |= {
        name: comparison.differences(reference.drawn(name), tables.read_frame(tmp_path / f"{name}.csv"))
        for name in smoke_figures()
    }
    assert {name: found for name, found in moved.items() if found} == {}
