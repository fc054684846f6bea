"""What is remembered between two pulls of a source, and the folder where a pull works."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from warehouse import sync_path

_STATE = "state.json"
_WORK = "work"


@dataclass(frozen=True, slots=True)
class PullState:
    """How far a source is pulled.

    Attributes:
        fingerprint: Of what was asked for; another one begins anew.
        dlt: dlt's own state of the source, as its typed JSON.
        columns: Names and types of the columns that the last pull with rows found.
        digests: SHA-256 of the files that the last pull landed, or would have landed again.
    """

    fingerprint: str
    dlt: str | None = None
    columns: Mapping[str, str] | None = None
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PullFolder:
    """The folder of one source in the data home; only its owner may enter."""

    folder: Path

    @property
    def work(self) -> Path:
        """Where dlt works: its load packages hold the rows, so it never outlives a pull."""
        return self.folder / _WORK

    def read(self, fingerprint: str) -> PullState:
        """The state that the last pull left; a fresh one where another thing was asked for."""
        try:
            facts = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            state = PullState(**{**facts, "digests": tuple(facts["digests"])})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return PullState(fingerprint)  # pulled anew: copies are dropped when they are loaded
        if state.fingerprint == fingerprint:
            return state
        return PullState(fingerprint, columns=state.columns)

    def write(self, state: PullState) -> None:
        """Put the state in place of the old one by one rename, synced to disk."""
        fresh = self.folder / f"{_STATE}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(asdict(state), stream, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self.folder / _STATE)
        sync_path(self.folder)

    def forget(self) -> None:
        """Let the next pull begin from the first row."""
        (self.folder / _STATE).unlink(missing_ok=True)

    @contextmanager
    def working(self) -> Iterator[Path]:
        """An empty folder to work in; gone afterwards, whatever happens inside."""
        shutil.rmtree(self.work, ignore_errors=True)
        for folder in (self.folder.parent, self.folder, self.work):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        try:
            yield self.work
        finally:
            shutil.rmtree(self.work, ignore_errors=True)


def pull_folder(home: Path, source: str) -> PullFolder:
    """The folder of a source."""
    return PullFolder(home / "pull" / source)


def remove_leftovers(home: Path) -> None:
    """Remove what pulls left that were killed: it holds rows."""
    for work in (home / "pull").glob(f"*/{_WORK}"):
        shutil.rmtree(work, ignore_errors=True)
