"""Ask anew for the erasures of those whom a restored backup has brought back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid5

import pyarrow as pa

from privacy.inventory import REQUEST_STEPS, REQUESTS, SUPPRESSIONS
from privacy.keys import KeyRing
from privacy.known_values import IDENTIFIER_VALUES, subject_values
from privacy.requests import IdentityType, SubjectIdentity, SubjectRequest
from privacy.suppression import hash_identifiers
from warehouse import Table, Warehouse

_IDENTITIES = {
    "email": IdentityType.EMAIL,
    "phone": IdentityType.PHONE,
    "user_id": IdentityType.USER_ID,
    "anonymous_id": IdentityType.ANONYMOUS_ID,
    "source_record": IdentityType.SOURCE_RECORD,
}


def returned_requests(
    warehouse: Warehouse, keys: KeyRing, tables: Sequence[Table], *, backup: str, now: datetime
) -> dict[str, SubjectRequest]:
    """Requests that erase anew whom a backup brought back, by the id of the request of before.

    What an earlier restore asked for is no request of its own: it counts for the one that it
    repeated, so that a restore that begins anew erases nobody twice.

    Args:
        warehouse: A restored one that has caught up.
        keys: Under which erased persons are known.
        tables: Every declared table: whatever tells whose a row is, is looked at.
        backup: Name of the backup; with the request of before it makes the id of the new one.
        now: When they are asked for, UTC without a zone.
    """
    values = [IDENTIFIER_VALUES, *subject_values(warehouse, tables, kinds=_IDENTITIES)]
    known = warehouse.read(
        f"select distinct kind, value from ({' union '.join(values)}) where value is not null"
    )
    hashed = [hash_identifiers(known, key) for key in keys.suppression_keys()]
    if not hashed:
        return {}
    closed = _closed(warehouse)
    with (
        warehouse.view("candor_hashed_identifiers", pa.concat_tables(hashed)),
        warehouse.view("candor_repeats", _repeats(warehouse, backup, closed)),
    ):
        found = warehouse.read(_RETURNED).to_pylist()  # one row per request that is to be repeated
    return {
        row["subject_request_id"]: SubjectRequest(
            regulation=row["regulation"],
            subject_request_id=_repeat_of(row["subject_request_id"], backup, closed),
            subject_request_type="erasure",
            submitted_time=now.replace(tzinfo=UTC),
            subject_identities=tuple(
                SubjectIdentity(
                    identity_type=_IDENTITIES[item["kind"]],
                    identity_value=item["value"],
                    identity_format="raw",
                )
                for item in row["identities"]
            ),
        )
        for row in found
    }


def _closed(warehouse: Warehouse) -> Collection[str]:
    rows = warehouse.read(
        f"select subject_request_id from {REQUESTS.name.sql} "
        "where status in ('completed', 'cancelled')"
    )
    return frozenset(rows["subject_request_id"].to_pylist())


def _repeats(warehouse: Warehouse, backup: str, closed: Collection[str]) -> pa.Table:
    """Which requests are repeats, and of which: ``(repeat_id, original_id)``.

    Of those that are closed the log knows it; one that was interrupted is told by its id.
    """
    noted = warehouse.read(_NOTED).to_pylist()
    known = {row["repeat_id"]: row["original_id"] for row in noted}
    names = warehouse.read(f"select distinct subject_request_id from {SUPPRESSIONS.name.sql}")
    for name in names["subject_request_id"].to_pylist():
        known.setdefault(str(_repeat_of(name, backup, closed)), name)
    originals = {repeat: _root(repeat, known) for repeat in known}
    return pa.table(
        {
            "repeat_id": pa.array(list(originals), pa.string()),
            "original_id": pa.array(list(originals.values()), pa.string()),
        }
    )


def _root(repeat: str, known: Mapping[str, str]) -> str:
    while repeat in known:
        repeat = known[repeat]
    return repeat


def _repeat_of(original: str, backup: str, closed: Collection[str]) -> UUID:
    """An id that nobody else makes: the first one under which nothing was carried out yet."""
    made = (uuid5(UUID(original), f"{backup}/{time}" if time else backup) for time in count())
    return next(request_id for request_id in made if str(request_id) not in closed)


_NOTED = f"""
    select subject_request_id as repeat_id, detail::json ->> 'of' as original_id
    from {REQUEST_STEPS.name.sql} where step = 'repeated'
"""

_RETURNED = f"""
    with named as (
        select coalesce(repeats.original_id, known.subject_request_id) as subject_request_id,
            hashed.kind, hashed.value
        from candor_hashed_identifiers as hashed
        inner join {SUPPRESSIONS.name.sql} as known using (kind, digest, key_version)
        left join candor_repeats as repeats on repeats.repeat_id = known.subject_request_id
    )
    select named.subject_request_id, coalesce(any_value(requests.regulation), 'gdpr') as regulation,
        list_sort(list(distinct {{'kind': named.kind, 'value': named.value}})) as identities
    from named
    left join {REQUESTS.name.sql} as requests using (subject_request_id)
    group by named.subject_request_id
    order by named.subject_request_id
"""
