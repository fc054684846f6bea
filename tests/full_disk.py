"""A disk on which the n-th thing that a program asks of it fails, and what was being written is torn."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@dataclass
class FullDisk:
    """Counts what is asked of the disk; refuses the n-th, once."""

    left: int
    has_refused: bool = False

    def ask(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.has_refused = True
            raise OSError(*_FULL.args)


@contextmanager
def full_disk(n: int) -> Iterator[FullDisk]:
    """Refuse the n-th opening for writing, write, sync or renaming by Python; the engine's are its own."""
    disk = FullDisk(n)
    opened, made = io.open, os.open

    def open_file(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
        if set(mode) & set("wax+"):
            disk.ask()
        return opened(file, mode, *given, **named)

    def make(path: Any, flags: int, *given: Any, **named: Any) -> int:
        if flags & os.O_CREAT:
            disk.ask()
        return made(path, flags, *given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", open_file)
        patch.setattr(os, "open", make)
        for name in ("write", "fsync", "rename", "replace"):
            patch.setattr(os, name, _asking(disk, getattr(os, name)))
        yield disk


def _asking(disk: FullDisk, act: Callable[..., Any]) -> Callable[..., Any]:
    def asked(*given: Any) -> Any:
        try:
            disk.ask()
        except OSError:
            if isinstance(given[0], int):
                _tear(given[0])
            raise
        return act(*given)

    return asked


def _tear(descriptor: int) -> None:
    """Half of the file reached the disk; a folder, and a file that is only read, stay."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
