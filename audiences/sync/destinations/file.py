"""Files in a folder: the current members of each sync, and every batch's changes.

    <folder>/<sync>/current.csv            everyone the sync holds, one row each, by row_id
    <folder>/<sync>/deltas/<batch>.csv     the rows of one batch, with their operation
    <folder>/<sync>/manifest.json          rows and SHA-256 of current.csv, how cells are escaped

Every file appears whole or not at all, readable by its owner alone. Values that a spreadsheet
would run as formulas are neutralised, unless the settings say otherwise, by a leading apostrophe;
one is also put before values that start with one already, so that removing the first apostrophe
of each cell gives back the data.

Source: OWASP, "CSV Injection", for the characters that start a formula.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from audiences.errors import DestinationUnavailableError
from audiences.sync.destinations.base import Batch, Delivery, Request, Sleep
from warehouse import sync_path

# = + - @ and their fullwidth forms, tab, carriage return, line feed; and our own apostrophe.
_FORMULA = r"^['=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
# A number with a sign is no formula, and machines must read it unchanged.
_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True, slots=True)
class FileDestination:
    """A folder of CSV files.

    Attributes:
        key: Its key in the configuration.
        folder: Where the syncs' folders are.
        max_rows: Most rows of one delta file.
        neutralises: Whether cells that a spreadsheet would run are escaped.
    """

    key: str
    folder: Path
    max_rows: int = 1_000_000
    neutralises: bool = True

    def remembers(self, sync_key: str) -> bool:
        """Whether the mirrored file is as it was last written."""
        manifest, current = self._manifest(sync_key), self._current(sync_key)
        if not manifest.is_file() or not current.is_file():
            return False
        stated = json.loads(manifest.read_bytes())["current"]["sha256"]
        return bool(stated == _digest(current.read_bytes()))

    def plan(self, batch: Batch) -> Request:
        """The delta as CSV."""
        rows = batch.rows.select(["row_id", "operation", *batch.columns])
        columns = [self._escaped(pc.fill_null(column, "")) for column in rows.columns]
        body = _as_csv(pa.table(columns, names=rows.column_names))
        return Request(batch.batch_id, batch.sync_key, body)

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:  # noqa: ARG002 - never waits
        """Write the delta, then the members as they are after it, then the manifest.

        Raises:
            DestinationUnavailableError: The folder cannot be written.
        """
        with self._reported():
            delta = _read_csv(request.body)
            self._write(self._deltas(request.sync_key) / f"{request.batch_id}.csv", request.body)
            self._write_current(request.sync_key, _merged(self._members(request.sync_key), delta))
        return Delivery()

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:  # noqa: ARG002 - never waits
        """Rewrite every file of the sync without these persons; remove what a kill left half written.

        Raises:
            DestinationUnavailableError: The folder cannot be written.
        """
        gone = batch.rows["row_id"]
        with self._reported():
            for path in sorted((self.folder / batch.sync_key).rglob(".*.partial")):
                path.unlink()
            for path in sorted(self._deltas(batch.sync_key).glob("*.csv")):
                self._write(path, _as_csv(_without(_read_csv(path.read_bytes()), gone)))
            if self._current(batch.sync_key).is_file():
                kept = _without(_read_csv(self._current(batch.sync_key).read_bytes()), gone)
                self._write_current(batch.sync_key, kept)
        return Delivery()

    def _members(self, sync_key: str) -> Any:
        """Who is in the mirrored file; nobody when it is not as it was last written."""
        if not self.remembers(sync_key):
            return pa.table({"row_id": pa.array([], pa.string())})
        return _read_csv(self._current(sync_key).read_bytes())

    def _write_current(self, sync_key: str, members: Any) -> None:
        body = _as_csv(members)
        manifest = {
            "sync": sync_key,
            "current": {"rows": members.num_rows, "sha256": _digest(body)},
            "columns": members.column_names,
            "formulas": "neutralise" if self.neutralises else "keep",
            "escape": "'" if self.neutralises else None,
        }
        self._write(self._current(sync_key), body)
        self._write(self._manifest(sync_key), (json.dumps(manifest, indent=2) + "\n").encode())

    def _write(self, path: Path, body: bytes) -> None:
        _make_private(path.parent)
        partial = path.with_name(f".{path.name}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_path(path.parent)

    def _escaped(self, column: Any) -> Any:
        if not self.neutralises:
            return column
        risky = pc.and_(
            pc.match_substring_regex(column, _FORMULA),
            pc.invert(pc.match_substring_regex(column, _NUMBER)),
        )
        return pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DestinationUnavailableError(self.key, type(error).__name__) from error

    def _current(self, sync_key: str) -> Path:
        return self.folder / sync_key / "current.csv"

    def _manifest(self, sync_key: str) -> Path:
        return self.folder / sync_key / "manifest.json"

    def _deltas(self, sync_key: str) -> Path:
        return self.folder / sync_key / "deltas"


def _merged(members: Any, delta: Any) -> Any:
    """The members after a delta: in its columns, in the order of their ids."""
    put = delta.filter(pc.is_in(delta["operation"], pa.array(["add", "change"])))
    put = put.drop_columns(["operation"])
    both = pa.concat_tables([put, _without(members, delta["row_id"])], promote_options="default")
    chosen = [pc.fill_null(both[name], "") for name in put.column_names]
    return pa.table(chosen, names=put.column_names).sort_by("row_id")


def _without(rows: Any, row_ids: Any) -> Any:
    return rows.filter(pc.invert(pc.is_in(rows["row_id"], row_ids.combine_chunks())))


def _as_csv(rows: Any) -> bytes:
    sink = io.BytesIO()
    arrow_csv.write_csv(rows, sink)
    return sink.getvalue()


def _read_csv(body: bytes) -> Any:
    """All cells as text, as they stand."""
    header = next(csv.reader(io.StringIO(body.partition(b"\n")[0].decode())))
    return arrow_csv.read_csv(
        io.BytesIO(body),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _make_private(folder: Path) -> None:
    """Make a folder and those above it that are missing; ``parents=True`` leaves them open."""
    for missing in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
