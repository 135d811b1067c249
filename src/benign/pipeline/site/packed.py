"""How files go into the page: the same bytes every time, for a page made twice from the same results is the same."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from benign.pipeline.tables import strict

GZIP = "application/gzip"


def base64_of(content: bytes) -> str:
    """As text that HTML may hold anywhere."""
    return base64.b64encode(content).decode("ascii")


def packed(content: str | bytes) -> str:
    """Compressed, then as text; the browser unpacks it by itself."""
    return base64_of(gzip.compress(content if isinstance(content, bytes) else content.encode(), mtime=0))


def packed_json(content: Any) -> str:
    """Strictly valid JSON, short and packed."""
    return packed(json.dumps(strict(content), ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def data_uri(kind: str, text: str) -> str:
    """An address that holds its content; text: from `base64_of` or `packed`."""
    return f"data:{kind};base64,{text}"
