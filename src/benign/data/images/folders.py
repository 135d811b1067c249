"""Folders of images as they are given: what is read of them, and whether it has changed since."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

# Where benign.data.images.sources finds a data set: files, or folders of files.
PLACES = {"mnist": ("MNIST/raw",), "cifar10": ("cifar-10-batches-py", "train", "test")}


def visible(folder: Path) -> list[Path]:
    """What a folder holds, sorted, without what is hidden, which systems and editors leave behind; [] if it is none."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".")) if folder.is_dir() else []


def state(dataset: str, root: Path) -> str:
    """Hash of the names, sizes and times of what a data set is read from: once that is changed it is another one.

    Raises OSError naming what cannot be looked at.
    """
    digest = hashlib.sha256(json.dumps(str(root)).encode())
    for entry in (entry for place in PLACES[dataset] for entry in visible(root / place)):
        for path in (entry, *visible(entry)):
            about = path.stat() if path.is_file() else None  # a folder's time says nothing of what it holds
            digest.update(json.dumps([str(path), about and [about.st_size, about.st_mtime_ns]]).encode())
    return digest.hexdigest()
