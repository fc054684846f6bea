"""The folder where requests wait: files of OpenDSR bodies, removed once their persons are erased.

A request reaches a run as a file that only its owner may read, never as a parameter: what a run is
started with is stored by whoever starts it, and would have to be erased there too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from privacy.requests import RequestFile, SubjectRequest, spellings
from privacy.storage import destroy_file, destroy_files, make_private
from warehouse import Trace

SUFFIXES = (".json", ".jsonl")
# As of files that are half written: nobody reads them, and all of them are removed.
_LEAVING = ".new"


@dataclass(frozen=True, slots=True)
class RequestFolder:
    """A folder of request files; also a place to erase from.

    Attributes:
        folder: The folder; it need not exist.
        name: A name for receipts. File names are not repeated: they may name somebody.
        default_region: ISO country of phone numbers that are written without one.
    """

    folder: Path
    name: str = "requests"
    default_region: str = "US"

    def add(self, request: SubjectRequest) -> None:
        """Put one request into a file of its own; the same one again replaces it."""
        make_private(self.folder)
        self._own(request.request_id).replace([request])

    def added(self, request_id: str) -> tuple[SubjectRequest, ...]:
        """The one request that was put here under an id, if it still waits; no other file is read.

        Raises:
            InvalidRequestError: Its file was changed, and holds what is no request.
        """
        return self._own(request_id).read() if self._own(request_id).path.exists() else ()

    def withdraw(self, request_id: str) -> None:
        """Take back a request that was put here and that nobody wants carried out."""
        if self._own(request_id).path.exists():
            destroy_file(self._own(request_id).path)

    def read(self) -> tuple[SubjectRequest, ...]:
        """Every request that waits here.

        Raises:
            InvalidRequestError: Lines of a file are no requests.
        """
        return tuple(request for file in self._files() for request in file.read())

    def fingerprint(self) -> str | None:
        """Changes when a file comes or changes; None while the folder holds none."""
        stats = [(str(file.path), file.path.stat()) for file in self._files()]
        facts = [f"{path}|{stat.st_size}|{stat.st_mtime_ns}" for path, stat in stats]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest() if facts else None

    def refusals(self, keys: pa.Table) -> Sequence[str]:
        """Why files that name these persons cannot be rewritten."""
        return tuple(why for file in self._naming(keys) for why in file.why_unwritable())

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count the requests that name these persons."""
        return (Trace(self.name, sum(map(len, self._naming(keys).values()))),)

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        """Take the identities out, and remove the files that hold none any more."""
        naming = self._naming(keys)
        self._take_out(naming)
        return (Trace(self.name, sum(map(len, naming.values()))),)

    def settle(self, request_ids: Collection[str]) -> None:
        """Take the identities out of completed requests, also where nobody was found."""
        self._take_out({file: file.asked_by(request_ids) for file in self._files()})

    def _naming(self, keys: pa.Table) -> Mapping[RequestFile, frozenset[int]]:
        """The files that name these persons, with the lines."""
        wanted = spellings(keys)
        found = {file: file.naming(wanted) for file in self._files()}
        return {file: lines for file, lines in found.items() if lines}

    def _own(self, request_id: str) -> RequestFile:
        path = self.folder / f"{request_id}.jsonl"
        return RequestFile(path, self.name, self.default_region)

    def _take_out(self, lines: Mapping[RequestFile, Collection[int]]) -> None:
        """Redact lines of files, and remove what then names nobody, and what a kill left.

        A file that goes is renamed first: what a kill leaves overwritten is no file of requests.
        """
        for file in list(self._files()):
            if file.is_spent_without(lines.get(file, ())):
                file.path.replace(file.path.with_name(file.path.name + _LEAVING))
            else:
                file.redact(lines.get(file, ()))
        if self.folder.exists():
            destroy_files(sorted(self.folder.glob(f"*{_LEAVING}")))

    def _files(self) -> Iterator[RequestFile]:
        if self.folder.exists():
            paths = sorted(path for path in self.folder.iterdir() if path.suffix in SUFFIXES)
            yield from (
                RequestFile(path, self.name, self.default_region)
                for path in paths
                if path.is_file()
            )
