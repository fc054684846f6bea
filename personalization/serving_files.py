"""The files that pages are decided from and logged to, as a place to erase persons from."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from personalization.artefact import keyed
from personalization.decision_log import CURRENT, TAKEN, UNREADABLE, DecisionLog
from personalization.inventory import DECISIONS
from personalization.publish import swap_in, unfinished
from warehouse import SubjectKind, Trace, Warehouse

_LOST_KEY = (
    "the key of the hashes is gone, so that nobody's browsers are found: restore serving.key from the "
    "backup of the keys"
)
_KEYED = (SubjectKind.ANONYMOUS_ID, SubjectKind.USER_ID)
_LOGS = (CURRENT, TAKEN, UNREADABLE)
_NAMING = "exists (select 1 from sought where contains(logged.line, sought.value))"
_THEIRS = f"from {DECISIONS.name.sql} where unit_id in (select value from sought)"


@dataclass(frozen=True, slots=True)
class ServingFiles:
    """The artefact and the log of decisions; a warehouse ``Location``.

    Rows of the artefact go by person, lines of the log by the person or by the keyed hash of one
    of their browsers; so do decisions that were loaded for a browser of theirs alone.

    Attributes:
        artefact: The file; it need not exist.
        log: The log; it need not exist.
        warehouse: Holds the decisions that were loaded.
        secret: The key of the keyed hashes; None where there is none: then none may have been made.
    """

    artefact: Path
    log: DecisionLog
    warehouse: Warehouse
    secret: bytes | None

    @property
    def name(self) -> str:
        """What the place is called in plans and receipts."""
        return "serving"

    def refusals(self, keys: pa.Table) -> Sequence[str]:
        """Why a file that holds the persons cannot be written anew, or they cannot be found in it."""
        if self.secret is None and self._may_hold_hashes():
            return (f"{self.name}: {_LOST_KEY}",)
        folders = {self.artefact.parent, self.log.folder}
        closed = [f for f in sorted(folders) if f.exists() and not os.access(f, os.W_OK)]
        if not closed or not any(trace.rows for trace in self.find(keys)):
            return ()
        return tuple(f"{self.name}: the folder {folder.name} is read-only" for folder in closed)

    def _may_hold_hashes(self) -> bool:
        files = [self.artefact, *(self.log.folder / name for name in _LOGS)]
        return any(file.exists() for file in files) or bool(
            self.warehouse.scalar(f"select count(*) from {DECISIONS.name.sql}")
        )

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count rows of the artefact, lines of the log, and decisions for their browsers."""
        persons, hashes = self._sought(keys)
        rows = self._in_artefact(persons) + self._in_log([*persons, *hashes])
        with self.warehouse.view("sought", _values(hashes)):
            rows += int(self.warehouse.scalar(f"select count(*) {_THEIRS}"))
        return (Trace(self.name, rows),)

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        """Write every file anew without the persons; whoever has the former one open opens it."""
        found = self.find(keys)
        persons, hashes = self._sought(keys)
        unfinished(self.artefact).unlink(missing_ok=True)  # of a publishing that was killed
        if found[0].rows:
            # The artefact first: a page that is decided meanwhile knows them no more.
            if self._in_artefact(persons):
                self._rewrite_artefact(persons)
            for name in _LOGS:
                self.log.rewrite(name, lambda lines: self._others(lines, [*persons, *hashes]))
            with self.warehouse.view("sought", _values(hashes)):
                self.warehouse.execute(f"delete {_THEIRS}")
        return found

    def _sought(self, keys: pa.Table) -> tuple[list[str], list[str]]:
        """The person ids, and the keyed hashes of their browsers and user ids."""
        pairs = list(zip(keys["kind"].to_pylist(), keys["value"].to_pylist(), strict=True))
        persons = sorted({str(value) for kind, value in pairs if kind == SubjectKind.PERSON_ID})
        secret = self.secret
        named = [] if secret is None else [(secret, kind, value) for kind, value in pairs]
        hashes = {keyed(key, str(kind), str(value)) for key, kind, value in named if kind in _KEYED}
        return persons, sorted(hashes)

    def _in_artefact(self, persons: Sequence[str]) -> int:
        if not self.artefact.exists():
            return 0
        with closing(sqlite3.connect(f"{self.artefact.as_uri()}?mode=ro", uri=True)) as connection:
            found = [
                connection.execute(f"select count(*) from {table} where person_id = ?", (person,))
                for table in ("persons", "keys")
                for person in persons
            ]
            return sum(cursor.fetchone()[0] for cursor in found)

    def _rewrite_artefact(self, persons: Sequence[str]) -> None:
        fresh = unfinished(self.artefact)
        shutil.copy(self.artefact, fresh)
        with closing(sqlite3.connect(fresh)) as connection:
            connection.executescript("pragma journal_mode = off; pragma secure_delete = on;")
            for table in ("persons", "keys"):
                connection.executemany(
                    f"delete from {table} where person_id = ?", [(person,) for person in persons]
                )
            connection.commit()
            connection.execute("vacuum")
        swap_in(fresh, self.artefact)

    def _in_log(self, values: Sequence[str]) -> int:
        lines = [
            line
            for name in _LOGS
            if (self.log.folder / name).exists()
            for line in (self.log.folder / name).read_text(errors="replace").splitlines()
        ]
        return len(lines) - len(self._others(lines, values))

    def _others(self, lines: Sequence[str], values: Sequence[str]) -> Sequence[str]:
        """The lines that name none of these."""
        logged = pa.table({"line": pa.array(lines, pa.string())})
        with (
            self.warehouse.view("logged", logged),
            self.warehouse.view("sought", _values(values)),
        ):
            kept = self.warehouse.read(f"select line from logged where not {_NAMING}")
        return [str(line) for line in kept["line"].to_pylist()]


def _values(values: Sequence[str]) -> pa.Table:
    return pa.table({"value": pa.array(values, pa.string())})
