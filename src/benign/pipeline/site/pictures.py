"""The tier's figures as pictures within the page: WebP, in the largest width at which all of them fit."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from benign.pipeline.console import UserError
from benign.pipeline.site.packed import base64_of, data_uri

WIDTHS = (1350, 1200, 1000, 800)  # pixels; figures have 1350 at most, and columns of the page at most half of that
MOST = 3_600_000  # bytes of the page that pictures may take: the rest leaves room for another paper or two
QUALITY = 70


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture: its address, which holds it, and its size in pixels."""

    uri: str
    width: int
    height: int


def embedded(files: Sequence[Path], most: int = MOST) -> dict[Path, Picture]:
    """Each file's picture; UserError if they take more than `most` bytes even when they are small."""
    for width in WIDTHS:
        found = {file: picture(file, width) for file in files}
        taken = sum(len(each.uri) for each in found.values())
        if taken <= most:
            return found
    raise UserError(f"{len(files)} figures take {taken:,} bytes at {width} pixels, more than the {most:,} of a page")


def picture(file: Path, width: int) -> Picture:
    """A figure, no wider than `width`."""
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "webp", quality=QUALITY)
    return Picture(data_uri("image/webp", base64_of(buffer.getvalue())), image.width, image.height)
