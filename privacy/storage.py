"""Small files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
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
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.chmod(mode)
        fresh.replace(path)
    except OSError:  # a full disk must not keep half of what may name somebody
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def destroy_folders(folders: Iterable[Path]) -> None:
    """Overwrite and remove every file of some folders, then these; those that are gone are left out."""
    present = [folder for folder in folders if folder.exists()]
    for folder in present:
        for path in sorted(folder.iterdir()):
            _overwrite(path)
            path.unlink()
        folder.rmdir()
    _sync_each(folder.parent for folder in present)


def destroy_file(path: Path) -> None:
    """Overwrite and remove a file."""
    destroy_files([path])


def destroy_files(paths: Sequence[Path]) -> None:
    """Overwrite and remove files."""
    for path in paths:
        _overwrite(path)
        path.unlink()
    _sync_each(path.parent for path in paths)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_each(folders: Iterable[Path]) -> None:
    for folder in sorted(set(folders)):
        sync_folder(folder)


def _overwrite(path: Path) -> None:
    if not path.stat().st_size:
        return
    with path.open("r+b") as stream:
        stream.write(b"\0" * path.stat().st_size)
        stream.flush()
        os.fsync(stream.fileno())
