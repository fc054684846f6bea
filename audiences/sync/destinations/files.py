"""Files somewhere: the current members of each sync, and every batch's changes.

    <sync>/deltas/<batch>.csv     the rows of one batch, with their operation
    <sync>/current.csv            everyone the sync holds, one row each, by row_id
    <sync>/manifest.json          rows and SHA-256 of current.csv, how cells are escaped

In this order, so that whoever waits for the manifest finds the rest whole. Every file appears whole
or not at all. Before a ``current.csv`` is replaced, the manifest also says under ``pending`` what
will be, so that a writer who dies in between loses nobody.

Values that a spreadsheet would run as formulas are neutralised, unless the settings say otherwise,
by a leading apostrophe; one is also put before values that start with one already, so that removing
the first apostrophe of each cell gives back the data.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from audiences.errors import DestinationError, DestinationRefusedError, DestinationUnavailableError
from audiences.sync.destinations.base import Batch, Delivery, Request, Sleep, rejected_rows
from audiences.sync.destinations.csv_rows import as_csv, filled, merged, named, read_csv, without

_NOBODY = pa.table({"row_id": pa.array([], pa.string())})
# The name of a file of changes.
BATCH_FILE = re.compile(r"b_[0-9a-z]+\.csv")


class Store(Protocol):
    """Files by name, each whole or not there. Names have the form ``<sync>/…``."""

    def read(self, name: str) -> bytes | None:
        """What is in a file; None where it is not there."""

    def put(self, name: str, body: bytes) -> None:
        """Write a file, in place of one that is there."""

    def create(self, name: str, body: bytes) -> None:
        """Write a file that is there with this body already or not at all.

        Raises:
            DestinationRefusedError: Another body is there.
        """

    def names(self, folder: str) -> list[str]:
        """Names of all files in a folder, which ends with a slash."""

    def sweep(self, folder: str) -> None:
        """Remove what outlives a rewriting: files left half written, and earlier versions.

        Raises:
            DestinationRefusedError: They cannot be removed, or nobody may see whether there are any.
        """


class FilesDestination(ABC):
    """A place that keeps files.

    Attributes:
        key: Its key in the configuration.
        max_rows: Most rows of one delta file.
        neutralises: Whether cells that a spreadsheet would run are escaped.
    """

    key: str
    max_rows: int
    neutralises: bool

    @property
    @abstractmethod
    def place(self) -> str:
        """Fingerprint of where it is."""

    @abstractmethod
    def opened(self, sleep: Sleep | None) -> AbstractContextManager[Store]:
        """The files, while they can be reached.

        Args:
            sleep: How to wait between attempts; None to ask once and not to wait.

        Raises:
            DestinationUnavailableError: Nobody knows what came of it.
            DestinationRefusedError: It will not have us.
        """

    def remembers(self, sync_key: str) -> bool:
        """Whether the mirrored file is as it was last written; true where nobody can say."""
        with contextlib.suppress(DestinationError), self.opened(None) as store:
            return _written(store, sync_key) is not None
        return True

    def plan(self, batch: Batch) -> Request:
        """The delta as CSV."""
        rows = batch.rows.select(["row_id", "operation", *batch.columns])
        columns = [filled(column, neutralises=self.neutralises) for column in rows.columns]
        body = as_csv(pa.table(columns, names=rows.column_names))
        return Request(batch.batch_id, batch.sync_key, body)

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:
        """Write the delta, then the members as they are after it, then the manifest.

        Raises:
            DestinationUnavailableError: Nobody knows whether they were written, or only the delta was.
            DestinationRefusedError: They may not be written, and none of them was.
        """
        is_begun = False
        try:
            with self.opened(sleep) as store:
                store.create(f"{_deltas(request.sync_key)}{request.batch_id}.csv", request.body)
                is_begun = True
                self._apply(store, request.sync_key, read_csv(request.body))
        except DestinationRefusedError as error:
            if not is_begun:
                raise
            raise DestinationUnavailableError(self.key, error.code) from error
        return Delivery()

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        """Rewrite every file of the sync without these persons, remove what else held them, and look.

        Whoever is still named in a file afterwards is refused, with the reason ``still_there``.
        Files of somebody else are left alone.

        Raises:
            DestinationUnavailableError: Nobody knows whether it was done.
            DestinationRefusedError: It may not be done, earlier versions stay, or a file of ours
                cannot be read; the others are without the persons.
        """
        gone = batch.rows["row_id"]
        with self.opened(sleep) as store:
            for name in _delta_files(store, batch.sync_key):
                with contextlib.suppress(ValueError):
                    _take_out(store, name, gone)
            with contextlib.suppress(ValueError):
                self._take_out_of_current(store, batch.sync_key, gone)
            store.sweep(f"{batch.sync_key}/")
            try:
                left = _still_named(store, batch.sync_key, gone)
            except ValueError as error:
                code = "unreadable_file"
                raise DestinationRefusedError(self.key, code, is_final=False) from error
        return Delivery(rejected_rows(left, ["still_there"] * len(left)))

    def _apply(self, store: Store, sync_key: str, delta: Any) -> None:
        known = _written(store, sync_key)
        if known is None and not len(delta.filter(pc.field("operation").isin(["add", "change"]))):
            # Nobody knows who the members are: nothing may look as if these were all.
            try:
                _take_out(store, _current(sync_key), delta["row_id"])
            except ValueError:
                store.put(_current(sync_key), as_csv(_NOBODY))
            return
        members = _NOBODY if known is None else _read(store, _current(sync_key))
        self._put_current(store, sync_key, merged(members, delta), known)

    def _take_out_of_current(self, store: Store, sync_key: str, gone: Any) -> None:
        known = _written(store, sync_key)
        if known is None:
            _take_out(store, _current(sync_key), gone)
        else:
            left = without(_read(store, _current(sync_key)), gone)
            self._put_current(store, sync_key, left, known)

    def _put_current(
        self, store: Store, sync_key: str, members: Any, known: Mapping[str, Any] | None
    ) -> None:
        """Write the members; ``known`` is the manifest of those who are there, if that is known."""
        body = as_csv(members)
        manifest = {
            "sync": sync_key,
            "current": {"rows": members.num_rows, "sha256": _digest(body)},
            "columns": members.column_names,
            "formulas": "neutralise" if self.neutralises else "keep",
            "escape": "'" if self.neutralises else None,
        }
        if known is not None:
            store.put(_manifest(sync_key), _as_json({**known, "pending": manifest}))
        store.put(_current(sync_key), body)
        store.put(_manifest(sync_key), _as_json(manifest))


def _written(store: Store, sync_key: str) -> dict[str, Any] | None:
    """The manifest that fits the mirrored file; None where it is not as it was last written."""
    manifest, current = store.read(_manifest(sync_key)), store.read(_current(sync_key))
    if manifest is None or current is None:
        return None
    try:
        found = json.loads(manifest)
        pending = found.pop("pending", found)
        fitting = [m for m in (found, pending) if m["current"]["sha256"] == _digest(current)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # a manifest that is not ours
    return fitting[0] if fitting else None


def _as_json(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=2) + "\n").encode()


def _take_out(store: Store, name: str, row_ids: Any) -> None:
    rows = _read(store, name)
    if len(named(rows, row_ids)):
        store.put(name, as_csv(without(rows, row_ids)))


def _delta_files(store: Store, sync_key: str) -> list[str]:
    """The deltas; whoever else puts files beside them answers for those."""
    folder = _deltas(sync_key)
    return [name for name in store.names(folder) if BATCH_FILE.fullmatch(name.removeprefix(folder))]


def _still_named(store: Store, sync_key: str, row_ids: Any) -> list[str]:
    files = [*_delta_files(store, sync_key), _current(sync_key)]
    found = {row_id for name in files for row_id in named(_read(store, name), row_ids).to_pylist()}
    return sorted(found)


def _read(store: Store, name: str) -> Any:
    """The rows of a file; none where it is not there."""
    body = store.read(name)
    return _NOBODY if body is None else read_csv(body)


def _current(sync_key: str) -> str:
    return f"{sync_key}/current.csv"


def _manifest(sync_key: str) -> str:
    return f"{sync_key}/manifest.json"


def _deltas(sync_key: str) -> str:
    return f"{sync_key}/deltas/"


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
