"""Keep erased people out: their identifiers are known by HMAC alone.

A plain hash of an address can be guessed from a list of addresses; an HMAC cannot without its
key, and the key is never in the warehouse.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from privacy.inventory import SUPPRESSIONS
from privacy.key_rotation import current_key
from privacy.keys import KeyRing, SuppressionKey
from warehouse import SubjectKind, Warehouse

# What landing rows call the kinds of our keys; a person id never arrives from outside.
_KINDS = {
    SubjectKind.EMAIL: "email",
    SubjectKind.PHONE: "phone",
    SubjectKind.USER_ID: "user_id",
    SubjectKind.ANONYMOUS_ID: "anonymous_id",
    SubjectKind.SOURCE_RECORD: "source_record",
}


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The identifiers of erased persons, and the question whether some are among them."""

    warehouse: Warehouse
    keys: KeyRing

    def add(self, keys: pa.Table, *, now: datetime) -> None:
        """Suppress every key of ``(subject_request_id, kind, value)``; again changes nothing."""
        current = current_key(self.warehouse, self.keys)
        kinds = [_KINDS.get(SubjectKind(kind)) for kind in keys["kind"].to_pylist()]
        named = keys.set_column(
            keys.column_names.index("kind"), "kind", pa.array(kinds, pa.string())
        )
        kept = named.filter(pc.is_valid(named["kind"]))
        with self.warehouse.view("candor_new_suppressions", hash_identifiers(kept, current)):
            self.warehouse.append(SUPPRESSIONS.name, _NEW, {"now": now, "version": current.version})

    def suppressed(self, identifiers: pa.Table) -> pa.Table:
        """The rows of ``(kind, value, …)`` whose value belongs to an erased person.

        Args:
            identifiers: Normalised values; further columns come back as they are. The value of
                kind ``source_record`` is ``source|id``.
        """
        if not self.warehouse.scalar(f"select count(*) from {SUPPRESSIONS.name.sql}"):
            return identifiers.slice(0, 0)
        self.check_keys()
        with self.warehouse.view("candor_asked_identifiers", identifiers):
            distinct = self.warehouse.read(
                "select distinct kind, value from candor_asked_identifiers where value is not null"
            )
            hashed = [hash_identifiers(distinct, key) for key in self.keys.suppression_keys()]
            with self.warehouse.view("candor_hashed_identifiers", pa.concat_tables(hashed)):
                return self.warehouse.read(_ASKED)

    def made_with(self, request_ids: Sequence[str]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """By request, how many identifiers are kept under which version of the key.

        The key is named by its fingerprint, so that a version that is made anew is not mistaken
        for the one of then.
        """
        rows = self.warehouse.read(
            f"select subject_request_id, key_version, count(*) as identifiers "
            f"from {SUPPRESSIONS.name.sql} "
            "where list_contains($request_ids::varchar[], subject_request_id) "
            "group by all order by all",
            {"request_ids": list(request_ids)},
        ).to_pylist()
        prints = {key.version: key.fingerprint for key in self.keys.suppression_keys()}
        found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in request_ids}
        for row in rows:  # one row per request and version
            version = row["key_version"]
            found[row["subject_request_id"]].append(
                {
                    "key_version": version,
                    "key_fingerprint": prints[version],
                    "identifiers": row["identifiers"],
                }
            )
        return found

    def forget(self, request_ids: Sequence[str]) -> None:
        """Let the persons of requests in again, whose erasure waits after all."""
        self.warehouse.execute(
            f"delete from {SUPPRESSIONS.name.sql} "
            "where list_contains($request_ids::varchar[], subject_request_id)",
            {"request_ids": list(request_ids)},
        )

    def check_keys(self) -> None:
        """Check that every key that the stored suppressions need is there.

        Raises:
            MissingKeyError: One is gone, so that nobody could be kept out.
        """
        stored = self.warehouse.read(f"select distinct key_version from {SUPPRESSIONS.name.sql}")
        self.keys.require_versions(stored["key_version"].to_pylist())


def hash_identifiers(identifiers: pa.Table, key: SuppressionKey, *, realm: str = "") -> pa.Table:
    """The rows of ``(kind, value, …)`` with ``digest`` and ``key_version``.

    Args:
        identifiers: Normalised values.
        key: The key.
        realm: Set before the kind, so that digests made for different ends cannot be compared.
    """
    pairs = zip(identifiers["kind"].to_pylist(), identifiers["value"].to_pylist(), strict=True)
    digests = [digest(key, f"{realm}{kind}", str(value)) for kind, value in pairs]
    version = pa.array([key.version] * len(digests), pa.string())
    added = identifiers.append_column("digest", pa.array(digests, pa.string()))
    return added.append_column("key_version", version)


def digest(key: SuppressionKey, kind: str, value: str) -> str:
    """Hex HMAC-SHA256 of ``kind|value``."""
    return hmac.digest(key.secret, f"{kind}|{value}".encode(), "sha256").hex()


_NEW = f"""
    select distinct fresh.kind, fresh.digest, $version::varchar as key_version,
        fresh.subject_request_id, $now::timestamp as suppressed_at
    from candor_new_suppressions as fresh
    anti join {SUPPRESSIONS.name.sql} as known
        on known.kind = fresh.kind and known.digest = fresh.digest
        and known.subject_request_id = fresh.subject_request_id
"""

_ASKED = f"""
    select asked.*
    from candor_asked_identifiers as asked
    semi join (
        select hashed.kind, hashed.value
        from candor_hashed_identifiers as hashed
        semi join {SUPPRESSIONS.name.sql} as known using (kind, digest, key_version)
    ) as found using (kind, value)
"""
