"""An image set as one file: the same content gives the same bytes, and what is read back is verified."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from benign import files
from benign.data.images.record import ARRAYS, DataError, ImageSet

FORMAT = 1  # of the files that `save` writes


def save(images: ImageSet, path: Path) -> None:
    """Write `images` to one .safetensors file, whole or not at all; the same content gives the same bytes.

    Raises OSError naming the file where it cannot be written.
    """
    about = {
        "format": FORMAT,
        "name": images.name,
        "classes": images.classes,
        "provenance": images.provenance,
        "sha256": images.sha256,
    }
    arrays = {key: np.ascontiguousarray(array) for key, array in images.arrays().items()}
    # One metadata entry: safetensors writes several in an order that changes from run to run.
    contents = safetensors.numpy.save(arrays, metadata={"benign": json.dumps(about, sort_keys=True)})
    try:
        files.write_bytes(path, contents)
    except OSError as error:
        message = f"could not be written ({error.strerror}); nothing half-written is left: mend that and rerun"
        raise OSError(error.errno, message, str(path)) from error


def load(path: Path) -> ImageSet:
    """What `save` wrote, its content hash verified.

    Raises DataError where the file is missing, truncated, corrupt or of another format.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file: make it with scripts/fetch_data.py")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["benign"])
            if about["format"] != FORMAT:
                raise DataError(f"its format is {about['format']}, and this version reads {FORMAT}")
            arrays = {field: file.get_tensor(field) for field in ARRAYS}
        images = ImageSet(name=about["name"], classes=tuple(about["classes"]), provenance=about["provenance"], **arrays)
        if images.sha256 != about["sha256"]:
            raise DataError(f"its content has sha256 {images.sha256}, and {about['sha256']} was written")
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{path} is not a usable image file ({reason}): delete it and rerun") from error
    return images
