"""Files are written whole or not at all (tests/faults kills and fills disks), and the umask says who may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from benign import files


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664), (0o077, 0o600)])
def test_who_may_read_a_new_or_replaced_file_is_what_the_umask_says(umask: int, mode: int, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    before = os.umask(umask)
    try:
        for name in ("old", "new"):
            files.write_bytes(tmp_path / name, b"content")
    finally:
        os.umask(before)
    for name in ("old", "new"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
        assert (tmp_path / name).read_bytes() == b"content"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_folders_that_are_not_there_are_made(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "a" / "b" / "file", b"content")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"


def test_a_half_written_file_has_a_name_that_the_next_run_clears_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """scripts/run_pipeline.py removes *.tmp."""

    def killed(source: Path, _: Path) -> None:
        assert source.parent == tmp_path
        assert source.name.startswith(".file.csv.")
        assert source.name.endswith(".tmp")
        assert source.read_bytes() == b"content"
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        files.write_bytes(tmp_path / "file.csv", b"content")


def test_a_file_system_that_cannot_flush_a_folder_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def of_files_alone(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")
        flush(handle)

    monkeypatch.setattr(os, "fsync", of_files_alone)
    files.write_bytes(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"
