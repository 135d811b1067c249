"""Which rows a run wants, which of them are kept from before, and what they depend on; imports nothing that trains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benign import studies
from benign.pipeline import provenance, tables
from benign.study import Cell


def planned(study: str, part: Mapping[str, Any], images: Mapping[str, Path]) -> list[Cell]:
    """The cells of a tier's section, without those of a data set that the section names and this run leaves out."""
    absent = set(part["data"]) - set(images)
    return [cell for cell in studies.find(study).cells(part["grid"]) if cell.fields().get("data") not in absent]


class KeptRows:
    """Finished rows, one file each, so that a kill loses no more than the row in the making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self, cell: Cell, row: Mapping[str, Any], seconds: float, code: str, processor: str = ""
    ) -> dict[str, Any]:
        """Keep a row and what computed it, by default on this processor; returns what `load` will return.

        code: fingerprint of the experiment (`provenance.code_of`)
        """
        values = {name: tables.plain(value) for name, value in row.items()}
        if {name: values.get(name) for name in cell.fields()} != cell.fields():
            raise RuntimeError(f"the row of cell {cell.key} does not repeat the cell's fields: {values}")
        origin = {"code": code, "processor": processor or provenance.processor()}
        entry = {"row": values, "seconds": round(seconds, 3), **origin}
        tables.write_text(self._path(cell), json.dumps(entry))
        return entry

    def load(self, cell: Cell) -> dict[str, Any] | None:
        """{"row", "seconds", "code", "processor"} of a finished cell; None if there is none, or a damaged one."""
        try:
            entry = json.loads(self._path(cell).read_text(encoding="utf-8"))
            whole = isinstance(entry["seconds"], float) and entry["code"] and entry["processor"]
            if whole and entry["row"][tables.KEY] == cell.key:
                return entry
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass
        return None

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.key}.json"
