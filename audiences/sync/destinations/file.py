"""Files in a folder of this machine, each readable by its owner alone; ``files`` tells which."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audiences.errors import DestinationUnavailableError
from audiences.sync.destinations.base import Sleep, fingerprint_of
from audiences.sync.destinations.files import FilesDestination, Store
from warehouse import sync_path


@dataclass(frozen=True, slots=True)
class FileDestination(FilesDestination):
    """A folder of CSV files.

    Attributes:
        key: Its key in the configuration.
        folder: Where the syncs' folders are.
        max_rows: Most rows of one delta file.
        neutralises: Whether cells that a spreadsheet would run are escaped.
        named: The folder as it is configured; None: ``folder`` itself.
    """

    key: str
    folder: Path
    max_rows: int = 1_000_000
    neutralises: bool = True
    named: str | None = None

    @property
    def place(self) -> str:
        """Fingerprint of where it is; a data home that is moved takes its folders along."""
        return fingerprint_of(self.named or self.folder.absolute())

    @contextmanager
    def opened(self, sleep: Sleep | None) -> Iterator[Store]:  # noqa: ARG002 - a folder never waits
        """The files of the folder.

        Raises:
            DestinationUnavailableError: The folder cannot be read or written.
        """
        try:
            yield _Folder(self.folder)
        except OSError as error:
            raise DestinationUnavailableError(self.key, type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class _Folder:
    """The files under one folder; a ``Store``."""

    path: Path

    def read(self, name: str) -> bytes | None:
        file = self.path / name
        return file.read_bytes() if file.is_file() else None

    def put(self, name: str, body: bytes) -> None:
        file = self.path / name
        _make_private(file.parent)
        partial = file.with_name(f".{file.name}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(body)
            opened.flush()
            os.fsync(opened.fileno())
        partial.replace(file)
        sync_path(file.parent)

    create = put  # nobody else writes here, and the same batch has the same bytes

    def names(self, folder: str) -> list[str]:
        found = (self.path / folder).glob("*.csv")
        return sorted(str(file.relative_to(self.path)) for file in found)

    def sweep(self, folder: str) -> None:
        for partial in sorted((self.path / folder).rglob(".*.partial")):
            partial.unlink()


def _make_private(folder: Path) -> None:
    """Make a folder and those above it that are missing; ``parents=True`` leaves them open."""
    for missing in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
