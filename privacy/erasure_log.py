"""What a restored backup must catch up with: who was erased since, who objects, who is held.

The log lies beside the backups and is signed. Without its key it names nobody: of erased persons it
has the HMACs of the suppression list; objections and the records of held persons are encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.exceptions import InvalidSignature
from cryptography.fernet import InvalidToken

from privacy.audit import AuditEntry, append_audit, read_head
from privacy.backups import ERASURE_LOG, BackupFolder
from privacy.errors import BackupError, ErasureLogError, NoSigningKeyError
from privacy.inventory import (
    AUDIT_LOG,
    DROP_ITEMS,
    HOLD_IDENTIFIERS,
    LEGAL_HOLDS,
    OBJECTION_HASHES,
    RECEIPTS,
    REQUEST_STEPS,
    REQUESTS,
    SUPPRESSIONS,
)
from privacy.inventory_people import HOLD_RECORDS, OBJECTIONS
from privacy.keys import KeyRing
from privacy.plan import PlanStore
from privacy.signing import SIGNED_BY_ANOTHER, signing_key_of, verify_by_any
from privacy.storage import write_private
from warehouse import Table, Warehouse

# Requests that are not over yet are not taken along: persons whom they had suppressed are asked for
# anew, under another id. Of those that are over none may begin again, those called off least of all.
_CLOSED = f"select * from {REQUESTS.name.sql} where status in ('completed', 'cancelled')"
LOGGED: dict[Table, str] = {
    SUPPRESSIONS: f"select * from {SUPPRESSIONS.name.sql}",
    REQUESTS: _CLOSED,
    REQUEST_STEPS: f"""
        select steps.* from {REQUEST_STEPS.name.sql} as steps
        semi join ({_CLOSED}) as closed using (subject_request_id)
    """,
    RECEIPTS: f"select * from {RECEIPTS.name.sql}",
    AUDIT_LOG: f"select * from {AUDIT_LOG.name.sql}",
    DROP_ITEMS: f"select * from {DROP_ITEMS.name.sql}",
}
# As they are in the log, they are in a restored home: what was withdrawn or released since is gone.
REPLACED = (OBJECTIONS, OBJECTION_HASHES, LEGAL_HOLDS, HOLD_IDENTIFIERS, HOLD_RECORDS)
LOGGED |= {table: f"select * from {table.name.sql}" for table in REPLACED}
_BEGUN = "erasure_log_begun"
_ENCRYPTED = (OBJECTIONS, HOLD_RECORDS)


@dataclass(frozen=True, slots=True)
class ErasureLog:
    """The log beside the backups.

    Attributes:
        folder: The folder of the backups.
        keys: The keys that sign it, and under which it names erased persons.
    """

    folder: Path
    keys: KeyRing

    def write(self, warehouse: Warehouse, *, now: datetime) -> None:
        """Put the log as it is now in place of the one that lies there.

        Raises:
            ErasureLogError: The one that lies there is of another home, or knows of later acts: a
                warehouse that was copied back by hand must not make it forget. Or it was
                begun here and is gone, as where a disk is not mounted.
            OSError: The folder cannot be written.
        """
        self._require_earlier(warehouse)
        self._write(warehouse, now)
        if not self._was_begun(warehouse):
            # Written down here only once it lies there, and then again for what is restored by it.
            append_audit(warehouse, [AuditEntry(_BEGUN, self._place, {})], now=now)
            self._write(warehouse, now)

    def _write(self, warehouse: Warehouse, now: datetime) -> None:
        files = {}
        for table, query in LOGGED.items():
            content = _as_parquet(warehouse.read(f"{query} order by all"))
            if table in _ENCRYPTED:
                content = self.keys.make_backup_cipher().encrypt(content)
            files[table.name.name] = name = f"{table.name.name}-{_hash(content)}.parquet"
            if not (self.folder / name).exists():
                write_private(self.folder / name, content)
        facts = {"version": 1, "written_at": now.isoformat(), "files": files}
        text = json.dumps(facts, sort_keys=True)
        signing = signing_key_of(warehouse, self.keys, signed=self.folder / ERASURE_LOG)
        signature = base64.b64encode(signing.sign(text.encode())).decode()
        index = json.dumps({"content": text, "signature": signature}, indent=1)
        write_private(self.folder / ERASURE_LOG, index.encode())
        for path in self.folder.glob("*.parquet"):
            if path.name not in files.values():
                path.unlink()

    def must_carry(self, warehouse: Warehouse, *, now: datetime) -> None:
        """Write the log after something was recorded that a restored backup must know.

        Raises:
            BackupError: It cannot be written; the next run or act tries again.
        """
        if reasons := self.carry(warehouse, now=now):
            raise BackupError(f"it is recorded here, but {'; '.join(reasons)}")

    def carry(self, warehouse: Warehouse, *, now: datetime) -> Sequence[str]:
        """Write the log; every reason why that cannot be done."""
        if not self.folder.is_dir():
            return [f"the folder of backups {self.folder} is not there: mount it, or make it"]
        try:
            self.write(warehouse, now=now)
        except ErasureLogError as error:
            return [str(error)]
        except OSError as error:
            return [f"the folder of backups {self.folder} cannot be written ({error.strerror})"]
        return ()

    def read(self) -> dict[Table, pa.Table]:
        """The rows of each table of the log, after its signature was checked.

        Raises:
            ErasureLogError: It is not there, was changed, or was signed with another key.
        """
        try:
            index = json.loads((self.folder / ERASURE_LOG).read_text(encoding="utf-8"))
            signature = base64.b64decode(index["signature"], validate=True)
            verify_by_any(self.keys.sealing_keys(), signature, index["content"].encode())
            files = json.loads(index["content"])["files"]
            return {table: self._rows(table, files[table.name.name]) for table in LOGGED}
        except (InvalidSignature, InvalidToken) as error:
            raise ErasureLogError(self.folder, f"it was changed, or {SIGNED_BY_ANOTHER}") from error
        except NoSigningKeyError as error:
            raise ErasureLogError(
                self.folder, f"the key that signed it is not in {self.keys.folder}"
            ) from error
        except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise ErasureLogError(
                self.folder, f"it cannot be read ({type(error).__name__})"
            ) from error

    def require_keys(self, logged: Mapping[Table, pa.Table]) -> None:
        """Check that whoever is named in the log can be found: every version of the key is here.

        Raises:
            MissingKeyError: One is not; whoever was suppressed under it would stay unnoticed.
        """
        keyed = [
            rows["key_version"] for rows in logged.values() if "key_version" in rows.column_names
        ]
        versions = {version for column in keyed for version in column.unique().to_pylist()}
        self.keys.require_versions(sorted(versions - {None}))

    def refusals(self, warehouse: Warehouse) -> Sequence[str]:
        """Why no erasure may begin: the folder, the log or a manifest cannot be read."""
        if not self.folder.is_dir():
            return [f"the folder of backups {self.folder} is not there: mount it, or make it"]
        try:
            BackupFolder(self.folder).all()
            self._require_there(warehouse)
            if (self.folder / ERASURE_LOG).exists():
                self.read()
        except (BackupError, ErasureLogError) as error:
            return [str(error)]
        return ()

    @property
    def _place(self) -> str:
        """Which folder it is; what a folder is called may name somebody."""
        return hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()

    def _was_begun(self, warehouse: Warehouse) -> bool:
        return bool(
            warehouse.scalar(
                f"select count(*) from {AUDIT_LOG.name.sql} where action = $action and subject = $place",
                {"action": _BEGUN, "place": self._place},
            )
        )

    def _require_there(self, warehouse: Warehouse) -> None:
        """Where a disk is to be mounted is a folder too, without the log."""
        if not (self.folder / ERASURE_LOG).exists() and self._was_begun(warehouse):
            raise ErasureLogError(
                self.folder,
                "it is not in the folder, though it was begun there: mount the disk; where that is lost for "
                "good, name another folder of backups in retention.yml",
            )

    def _require_earlier(self, warehouse: Warehouse) -> None:
        self._require_there(warehouse)
        if not (self.folder / ERASURE_LOG).exists():
            return
        with warehouse.view("candor_logged", self.read()[AUDIT_LOG]):
            unknown = warehouse.scalar(
                "select count(*) from candor_logged as logged "
                f"anti join {AUDIT_LOG.name.sql} as own using (position, entry_hash)"
            )
        if unknown:
            raise ErasureLogError(
                self.folder,
                f"it knows of {unknown} acts that this data home does not, so the home is an older "
                "copy (restore it with `candor backup restore`), or another one (name another "
                "folder of backups in retention.yml)",
            )

    def _rows(self, table: Table, name: str) -> pa.Table:
        content = (self.folder / name).read_bytes()
        if not name.endswith(f"-{_hash(content)}.parquet"):
            raise ErasureLogError(self.folder, "one of its files was changed")
        if table in _ENCRYPTED:
            cipher = self.keys.backup_cipher()
            if cipher is None:
                why = f"the key that opens it is not in {self.keys.folder}"
                raise ErasureLogError(self.folder, why)
            content = cipher.decrypt(content)
        return pq.read_table(pa.BufferReader(content))


def catch_up(
    warehouse: Warehouse,
    logged: Mapping[Table, pa.Table],
    home: Path,
    *,
    entry: AuditEntry,
    now: datetime,
) -> None:
    """Take what the log knows and a restored data home does not, and write down that it was restored.

    Args:
        warehouse: The restored one.
        logged: What ``ErasureLog.read`` gives.
        home: The restored data home; frozen plans of what was completed since are destroyed.
        entry: Who restored what, for the audit log.
        now: Time to record, UTC without a zone.

    Raises:
        ErasureLogError: The audit log of the backup is not the beginning of the one in the log.
    """
    with warehouse.transaction():
        for table, rows in logged.items():
            with warehouse.view("candor_logged", rows):
                if table is AUDIT_LOG:
                    _require_one_chain(warehouse)
                _take(warehouse, table)
        append_audit(warehouse, [entry], now=now)
    plans = PlanStore(home)
    closed = logged[REQUESTS]["subject_request_id"].to_pylist()
    plans.destroy(request_id for request_id in closed if plans.exists(request_id))


def _require_one_chain(warehouse: Warehouse) -> None:
    head = read_head(warehouse)
    continues = warehouse.scalar(
        "select count(*) from candor_logged where position = $position and entry_hash = $hash",
        {"position": head.position, "hash": head.entry_hash},
    )
    if head.position and not continues:
        raise ErasureLogError(None, "it does not go on where the backup's audit log ends")


def _take(warehouse: Warehouse, table: Table) -> None:
    """Replace the rows of a key that the log has, or all, and append the others."""
    keys = ", ".join(table.key)
    columns = ", ".join(table.column_names)
    which = "true" if table in REPLACED else f"({keys}) in (select ({keys}) from candor_logged)"
    warehouse.execute(f"delete from {table.name.sql} where {which}")
    warehouse.append(table.name, f"select {columns} from candor_logged")


def _as_parquet(rows: pa.Table) -> bytes:
    stream = pa.BufferOutputStream()
    pq.write_table(rows, stream)
    return bytes(stream.getvalue())


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
