"""Checkpoints: where a long training stood, so that interrupted and resumed equals uninterrupted, bit for bit.

Safetensors only (no pickle is ever read); each file carries the fingerprint of the code that wrote it, and one
from other code, or damaged, is ignored with a warning: training starts over rather than from doubtful numbers.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from benign import files


@dataclasses.dataclass
class Checkpoints:
    """Named checkpoints in a scratch folder.

    folder: created on the first save
    fingerprint: of the code that computes what is saved
    every_seconds: how much work a kill may waste, beside one training step
    """

    folder: Path
    fingerprint: str
    every_seconds: float = 30.0
    _last: float = dataclasses.field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether it is time to save again."""
        return time.monotonic() - self._last >= self.every_seconds

    def save(self, name: str, step: int, tensors: dict[str, Tensor]) -> None:
        """Write the whole state after `step` training steps, or nothing."""
        contents = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        about = {"fingerprint": self.fingerprint, "step": str(step)}
        files.write_bytes(self._path(name), safetensors.torch.save(contents, about))
        self._last = time.monotonic()

    def load(self, name: str) -> tuple[int, dict[str, Tensor]] | None:
        """(step, tensors) as saved, or None if there is nothing usable."""
        path = self._path(name)
        if not path.exists():
            return None
        try:
            with safetensors.safe_open(path, "pt") as file:
                about = file.metadata() or {}
                if about.get("fingerprint") != self.fingerprint:
                    raise ValueError("it was written by another version of the code")
                return int(about["step"]), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  a safe_open is not iterable
        except (safetensors.SafetensorError, ValueError, KeyError, OSError) as error:
            warnings.warn(f"checkpoint {path} is not usable ({error}): this training starts over", stacklevel=2)
            return None

    def step(self, name: str) -> int:
        """The training step at which a usable checkpoint stands, 0 if there is none."""
        saved = self.load(name)
        return saved[0] if saved else 0

    def discard(self, name: str) -> None:
        """Remove a checkpoint that has served."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"
