"""Legal holds: whose data must stay, whatever an erasure or a retention rule says.

A hold remembers its person twice: by keyed hashes of every identifier, which recognise the person
in a request that comes later, and by source records, through which the engine finds the rows.

Source: GDPR Article 17(3)(e) and 18(2) (data needed for legal claims are kept and used for nothing
else); CCPA section 1798.145(a)(1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import pyarrow as pa

from privacy.audit import AuditEntry, append_audit
from privacy.closure import close_identities, keys_of_records
from privacy.context import ErasureContext
from privacy.errors import HoldError
from privacy.inventory import HOLD_IDENTIFIERS, LEGAL_HOLDS
from privacy.inventory_people import HOLD_RECORDS
from privacy.key_rotation import current_key
from privacy.keys import KeyRing
from privacy.requests import SubjectIdentity, make_request
from privacy.suppression import hash_identifiers
from warehouse import Warehouse

_REALM = "hold:"
# Of holds that hold today.
_ACTIVE = (
    f"select hold_id from {LEGAL_HOLDS.name.sql} "
    "where ended_at is null and (until_at is null or until_at > $now)"
)


@dataclass(frozen=True, slots=True)
class LegalHold:
    """One hold; times are UTC.

    Attributes:
        hold_id: Its id.
        reason: Why, as whoever placed it wrote.
        placed_by: Who placed it.
        placed_at: When.
        until_at: When it ends by itself; None: not before somebody releases it.
        ended_at: When it was released, or was found to have ended; None while it holds.
        ended_by: Who released it.
        end_reason: Why.
        records: Source records of the person that are kept because of it.
    """

    hold_id: str
    reason: str
    placed_by: str
    placed_at: datetime
    until_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None
    records: int

    def status(self, now: datetime) -> str:
        """``active``, ``ended`` by its date, or ``released`` by somebody."""
        if self.ended_by is not None:
            return "released"
        is_over = self.ended_at is not None or (self.until_at is not None and self.until_at <= now)
        return "ended" if is_over else "active"


@dataclass(frozen=True, slots=True)
class Holds:
    """The legal holds of one warehouse.

    Attributes:
        warehouse: The engine.
        keys: The keys of the hashes.
        now: The moment that is asked about and recorded, UTC without a zone.
    """

    warehouse: Warehouse
    keys: KeyRing
    now: datetime

    @classmethod
    def of(cls, context: ErasureContext) -> Holds:
        """The holds that an erasure must heed."""
        return cls(context.warehouse, context.suppressions.keys, context.now)

    def read(self) -> tuple[LegalHold, ...]:
        """Every hold that ever was, the newest first."""
        rows = self.warehouse.read(
            f"""
            select holds.*, count(records.hold_id) as records
            from {LEGAL_HOLDS.name.sql} as holds
            left join {HOLD_RECORDS.name.sql} as records using (hold_id)
            group by all order by placed_at desc, hold_id
            """
        ).to_pylist()
        return tuple(LegalHold(**row) for row in rows)

    def release(self, hold_id: str, *, by: str, reason: str) -> None:
        """End a hold; what waits for it goes on at the next run.

        Raises:
            HoldError: There is no such hold, or it has ended.
        """
        found = [hold for hold in self.read() if hold.hold_id == hold_id]
        if not found:
            raise HoldError(f"there is no hold {hold_id}")
        if (status := found[0].status(self.now)) != "active":
            raise HoldError(f"hold {hold_id} is {status} already")
        detail = {"by": by, "reason": reason}
        with self.warehouse.transaction():
            self._end([hold_id], by=by, reason=reason)
            append_audit(
                self.warehouse, [AuditEntry("hold_released", hold_id, detail)], now=self.now
            )

    def end_expired(self) -> None:
        """Forget whom a hold named whose date has come."""
        over = self.warehouse.read(
            f"select hold_id from {LEGAL_HOLDS.name.sql} "
            "where ended_at is null and until_at <= $now order by hold_id",
            {"now": self.now},
        )["hold_id"].to_pylist()
        if over:
            with self.warehouse.transaction():
                self._end(over, by=None, reason=None)
                entries = [AuditEntry("hold_ended", hold_id, {}) for hold_id in over]
                append_audit(self.warehouse, entries, now=self.now)

    def are_there(self) -> bool:
        """Whether anybody is held now."""
        return bool(self.warehouse.scalar(f"select count(*) from ({_ACTIVE})", {"now": self.now}))

    def against(self, keys: pa.Table) -> Mapping[str, Sequence[str]]:
        """Why nothing may be erased for some requests, by request.

        Args:
            keys: ``(subject_request_id, kind, value)`` of the persons whom the requests name.
        """
        if not self.are_there():
            return {}
        self._check_keys()
        with self.warehouse.view("candor_hold_hashes", self._hashed(keys)):
            rows = self.warehouse.read(_AGAINST, {"now": self.now}).to_pylist()
        reasons: dict[str, list[str]] = {}
        for row in rows:  # one row per request and hold
            reasons.setdefault(row["subject_request_id"], []).append(_reason(row))
        return reasons

    def held_keys(self, *, dry_run: bool = False) -> pa.Table:
        """All keys ``(kind, value)`` of the persons who are held, what others hold too included.

        Args:
            dry_run: Do not write down the records of persons who came after they were named.
        """
        if not self.are_there():
            return pa.table({"kind": pa.array([], pa.string()), "value": pa.array([], pa.string())})
        self._check_keys()
        later = self._those_who_came_later()
        with self.warehouse.view("candor_hold_later", later):
            records = self.warehouse.read(_HELD_RECORDS, {"now": self.now})
            if later.num_rows and not dry_run:
                self.warehouse.append(HOLD_RECORDS.name, "select * from candor_hold_later")
        return keys_of_records(self.warehouse, records)

    def write(self, hold: LegalHold, keys: pa.Table) -> None:
        """Place a hold on the person of these keys ``(kind, value, …)``."""
        row = {name: getattr(hold, name) for name in LEGAL_HOLDS.column_names}
        current = current_key(self.warehouse, self.keys)
        detail = {
            "by": hold.placed_by,
            "reason": hold.reason,
            "until": None if hold.until_at is None else hold.until_at.isoformat(),
            "identifiers": keys.num_rows,
            "records": hold.records,
        }
        bound = {"hold_id": hold.hold_id}
        hashed = hash_identifiers(keys, current, realm=_REALM)
        with self.warehouse.transaction(), self.warehouse.view("candor_hold_hashes", hashed):
            self.warehouse.append(LEGAL_HOLDS.name, pa.Table.from_pylist([row], schema=_SCHEMA))
            self.warehouse.append(HOLD_IDENTIFIERS.name, _IDENTIFIERS, bound)
            self.warehouse.append(HOLD_RECORDS.name, _RECORDS, bound)
            entry = AuditEntry("hold_placed", hold.hold_id, detail)
            append_audit(self.warehouse, [entry], now=self.now)

    def _check_keys(self) -> None:
        """Refuse to go on where a key is gone: nobody could be recognised.

        Raises:
            MissingKeyError: It is.
        """
        stored = self.warehouse.read(
            f"select distinct key_version from {HOLD_IDENTIFIERS.name.sql}"
        )
        self.keys.require_versions(stored["key_version"].to_pylist())

    def _end(self, hold_ids: Sequence[str], *, by: str | None, reason: str | None) -> None:
        """Write down the end, and forget whom the holds named."""
        bound = {"hold_ids": list(hold_ids)}
        theirs = "list_contains($hold_ids::varchar[], hold_id)"
        self.warehouse.execute(
            f"update {LEGAL_HOLDS.name.sql} set ended_at = $now, ended_by = $by, "
            f"end_reason = $reason where {theirs}",
            {**bound, "now": self.now, "by": by, "reason": reason},
        )
        for table in (HOLD_IDENTIFIERS, HOLD_RECORDS):
            self.warehouse.execute(f"delete from {table.name.sql} where {theirs}", bound)

    def _those_who_came_later(self) -> pa.Table:
        """Find records of persons of whom the warehouse held none when they were named."""
        known = self.warehouse.read(_UNFOUND, {"now": self.now})
        with self.warehouse.view("candor_hold_hashes", self._hashed(known)):
            return self.warehouse.read(_LATER_RECORDS, {"now": self.now})

    def _hashed(self, identifiers: pa.Table) -> pa.Table:
        hashed = [
            hash_identifiers(identifiers, key, realm=_REALM) for key in self.keys.suppression_keys()
        ]
        return pa.concat_tables(hashed)


def place_hold(
    identities: Sequence[SubjectIdentity],
    context: ErasureContext,
    *,
    reason: str,
    until_at: datetime | None,
    by: str,
) -> LegalHold:
    """Keep the data of one person until further notice, or until a moment.

    Raises:
        HoldError: The identities do not say whom; or the hold would have ended already.
    """
    if until_at is not None and until_at <= context.now:
        raise HoldError("its last day has passed")
    request = make_request(identities, "erasure", regulation="gdpr", now=context.now)
    closure = close_identities(
        context.warehouse,
        [request],
        tables=context.tables,
        customer_id_sources=context.customer_id_sources,
        default_region=context.default_region,
    )
    if unclear := closure.unclear.get(request.request_id):
        raise HoldError("; ".join(unclear))
    if not closure.keys.num_rows:
        raise HoldError("nobody here is known by that: name the person by e-mail or telephone")
    records = closure.keys["kind"].to_pylist().count("source_record")
    hold = LegalHold(
        str(uuid4()), reason, by, context.now, until_at, None, None, None, records=records
    )
    Holds.of(context).write(hold, closure.keys)
    return hold


def _reason(row: Mapping[str, object]) -> str:
    until = row["until_at"]
    end = f"until {until:%Y-%m-%d}" if isinstance(until, datetime) else "until it is released"
    return f"legal hold {row['hold_id']} keeps the person's data {end}"


_SCHEMA = pa.schema(
    [
        (column.name, pa.timestamp("us") if column.type == "TIMESTAMP" else pa.string())
        for column in LEGAL_HOLDS.columns
    ]
)

_IDENTIFIERS = """
    select distinct $hold_id::varchar as hold_id, kind, digest, key_version
    from candor_hold_hashes
"""
_RECORDS = """
    select distinct $hold_id::varchar as hold_id, split_part(value, '|', 1) as source,
        substr(value, strpos(value, '|') + 1) as source_record_id
    from candor_hold_hashes where kind = 'source_record'
"""

_AGAINST = f"""
    select distinct hashed.subject_request_id, holds.hold_id, holds.until_at, holds.placed_at
    from candor_hold_hashes as hashed
    inner join {HOLD_IDENTIFIERS.name.sql} as held using (kind, digest, key_version)
    inner join {LEGAL_HOLDS.name.sql} as holds using (hold_id)
    where holds.hold_id in ({_ACTIVE})
    order by hashed.subject_request_id, holds.placed_at, holds.hold_id
"""

_HELD_RECORDS = f"""
    select source, source_record_id from {HOLD_RECORDS.name.sql} where hold_id in ({_ACTIVE})
    union
    select source, source_record_id from candor_hold_later
"""
# Identifiers of everybody, where a hold has no record that is still here.
_UNFOUND = f"""
    select distinct identifiers.identifier_type as kind, identifiers.identifier_value as value
    from identity.identifiers as identifiers
    where exists (
        select 1 from ({_ACTIVE}) as active
        anti join (
            select hold_id from {HOLD_RECORDS.name.sql}
            semi join identity.members using (source, source_record_id)
        ) as found using (hold_id)
    )
"""
_LATER_RECORDS = f"""
    select distinct held.hold_id, known.source, known.source_record_id
    from candor_hold_hashes as hashed
    inner join {HOLD_IDENTIFIERS.name.sql} as held using (kind, digest, key_version)
    inner join identity.identifiers as known
        on known.identifier_type = hashed.kind and known.identifier_value = hashed.value
    anti join {HOLD_RECORDS.name.sql} as present
        on present.hold_id = held.hold_id and present.source = known.source
        and present.source_record_id = known.source_record_id
    where held.hold_id in ({_ACTIVE}) and not known.is_shared
"""
