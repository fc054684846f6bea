"""Objections by a hash of a value that nobody holds here yet; they count once somebody does.

An address in plain can be kept until somebody has it. A hash cannot be compared with what comes
later unless it is kept too; it is kept as an HMAC, since a dictionary turns a plain hash back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from privacy.config import ConsentConfig, Objection
from privacy.context import ErasureContext
from privacy.inventory import OBJECTION_HASHES
from privacy.key_rotation import current_key
from privacy.keys import KeyRing
from privacy.known_values import known_values
from privacy.objections import record_objections
from privacy.plan import KEY_SCHEMA
from privacy.requests import HASHES, SubjectRequest, hashed
from privacy.suppression import hash_identifiers
from warehouse import Table, Warehouse

# Kinds of values that are kept until somebody has them.
LASTING = ("email", "phone", "user_id", "anonymous_id")
_REALM = "objection:"


@dataclass(frozen=True, slots=True)
class HashedObjections:
    """The hashes that object and name nobody yet.

    Attributes:
        warehouse: The engine.
        keys: The keys of the HMACs.
        tables: Gives every declared table: addresses are looked up in all that hold any.
        default_region: ISO country of phone numbers that are written without one.
        now: Time to record, UTC without a zone.
    """

    warehouse: Warehouse
    keys: KeyRing
    tables: Callable[[], Sequence[Table]]
    default_region: str
    now: datetime

    @classmethod
    def of(cls, context: ErasureContext) -> HashedObjections:
        """Those of the warehouse that requests are served in."""
        return cls(
            context.warehouse, context.suppressions.keys, lambda: context.tables,
            context.default_region, context.now,
        )  # fmt: skip

    def keep(self, request: SubjectRequest) -> int:
        """Keep what a request names by a hash; return how many. Again changes nothing."""
        given = [
            (f"{item.identity_format}:{item.identity_type}", item.normalised(self.default_region))
            for item in request.subject_identities
            if item.identity_type in LASTING and item.identity_format != "raw"
        ]
        if not given:
            return 0
        facts = {
            "request_id": request.request_id,
            "request_type": request.subject_request_type,
            "regulation": request.regulation,
            "objected_at": request.submitted_at,
            "now": self.now,
        }
        fresh = hash_identifiers(
            _pairs(given), current_key(self.warehouse, self.keys), realm=_REALM
        )
        with self.warehouse.view("candor_hashed_objections", fresh):
            self.warehouse.append(OBJECTION_HASHES.name, _KEPT, facts)
        return len(given)

    def forget(self, request: SubjectRequest) -> int:
        """End what is kept of the identities that a withdrawal names; return how many it was."""
        given = [
            (f"{name}:{item.identity_type}", value)
            for item in request.subject_identities
            if item.identity_type in LASTING
            for name, value in _as_hashes(
                item.identity_format, item.normalised(self.default_region)
            )
        ]
        if not given or not self._are_there():
            return 0
        bound = {"at": request.submitted_at}
        with self.warehouse.view("candor_hashed_objections", self._hashed(_pairs(given))):
            count = int(self.warehouse.scalar(f"select count(*) from ({_ENDED})", bound))
            self.warehouse.execute(
                f"delete from {OBJECTION_HASHES.name.sql} where rowid in ({_ENDED})", bound
            )
        return count

    def match(self, config: ConsentConfig) -> int:
        """Record the objections of values that somebody holds by now; return how many values."""
        if not self._are_there():
            return 0
        wanted = self.warehouse.read(
            f"select distinct kind from {OBJECTION_HASHES.name.sql} order by kind"
        )["kind"].to_pylist()
        held = self.warehouse.read(_held(wanted, known_values(self.warehouse, self.tables())))
        with self.warehouse.view("candor_hashed_held", self._hashed(held)):
            found = self.warehouse.read(_FOUND)
        with self.warehouse.transaction():
            for (request_type, regulation), rows in _grouped(found).items():
                record_objections(
                    self.warehouse, rows.select(KEY_SCHEMA.names).cast(KEY_SCHEMA),
                    kind=request_type, regulation=regulation,
                    purposes=config.denied_by(regulation, Objection(request_type)),
                    objected_at=dict(
                        zip(rows["subject_request_id"].to_pylist(),
                            rows["objected_at"].to_pylist(), strict=True)
                    ),
                    now=self.now,
                )  # fmt: skip
            with self.warehouse.view("candor_hashed_found", found):
                self.warehouse.execute(
                    f"delete from {OBJECTION_HASHES.name.sql} where (subject_request_id, digest) "
                    "in (select (subject_request_id, digest) from candor_hashed_found)"
                )
        return int(found.num_rows)

    def _are_there(self) -> bool:
        return bool(self.warehouse.scalar(f"select count(*) from {OBJECTION_HASHES.name.sql}"))

    def _hashed(self, pairs: pa.Table) -> pa.Table:
        """Digests under every version of the key that rows were made with."""
        used = self.warehouse.read(f"select distinct key_version from {OBJECTION_HASHES.name.sql}")
        versions = used["key_version"].to_pylist()
        self.keys.require_versions(versions)
        return pa.concat_tables(
            hash_identifiers(pairs, key, realm=_REALM)
            for key in self.keys.suppression_keys()
            if key.version in versions
        )


def _pairs(given: list[tuple[str, str]]) -> pa.Table:
    return pa.table(
        {
            "kind": pa.array([kind for kind, _ in given], pa.string()),
            "value": pa.array([value for _, value in given], pa.string()),
        }
    )


def _as_hashes(name: str, value: str) -> list[tuple[str, str]]:
    """A value in each form in which it may have been given; a hash only as it is."""
    if name != "raw":
        return [(name, value)]
    return [(one, hashed(one, value)) for one in HASHES]


def _held(kinds: list[str], known: str) -> str:
    """Every value that is held here, hashed in each way in which one is waited for."""
    arms = [
        f"select '{kind}' as kind, {kind.partition(':')[0]}(value) as value, value as plain "
        f"from known where known.kind = '{kind.partition(':')[2]}' and value is not null"
        for kind in kinds
    ]
    return f"with known as ({known}) {' union all '.join(arms)}"


def _grouped(found: pa.Table) -> dict[tuple[str, str], pa.Table]:
    pairs = list(
        zip(found["request_type"].to_pylist(), found["regulation"].to_pylist(), strict=True)
    )
    return {
        wanted: found.filter(pa.array([pair == wanted for pair in pairs], pa.bool_()))
        for wanted in sorted(set(pairs))
    }


_KEPT = f"""
    select distinct $request_id::varchar as subject_request_id,
        $request_type::varchar as request_type, $regulation::varchar as regulation,
        fresh.kind, fresh.digest, fresh.key_version,
        $objected_at::timestamp as objected_at, $now::timestamp as recorded_at
    from candor_hashed_objections as fresh
    anti join {OBJECTION_HASHES.name.sql} as known
        on known.subject_request_id = $request_id and known.kind = fresh.kind
        and known.digest = fresh.digest
"""
_ENDED = f"""
    select kept.rowid
    from {OBJECTION_HASHES.name.sql} as kept
    semi join candor_hashed_objections as ended using (kind, digest, key_version)
    where kept.objected_at <= $at
"""
_FOUND = f"""
    select distinct kept.subject_request_id, kept.request_type, kept.regulation, kept.objected_at,
        split_part(kept.kind, ':', 2) as kind, held.plain as value, kept.digest
    from {OBJECTION_HASHES.name.sql} as kept
    inner join candor_hashed_held as held using (kind, digest, key_version)
    order by all
"""
