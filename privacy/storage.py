"""Small files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Put ``content`` in place of the file by one rename, with mode 0600, and sync it to disk."""
    make_private(path.parent)
    replace_file(path, content, mode=0o600)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it, that only its owner may enter, where they are not there."""
    if not folder.exists():
        make_private(folder.parent)
        folder.mkdir(exist_ok=True)  # another process may make it at the same moment
        folder.chmod(0o700)


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Put ``content`` in place of the file by one rename, and sync it to disk."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.chmod(mode)
    fresh.replace(path)
    sync_folder(path.parent)


def destroy_folder(folder: Path) -> None:
    """Overwrite and remove every file of a folder, then the folder; nothing when it is gone."""
    if not folder.exists():
        return
    for path in sorted(folder.iterdir()):
        destroy_file(path)
    folder.rmdir()
    sync_folder(folder.parent)


def destroy_file(path: Path) -> None:
    """Overwrite and remove a file."""
    _overwrite(path)
    path.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _overwrite(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.write(b"\0" * path.stat().st_size)
        stream.flush()
        os.fsync(stream.fileno())
