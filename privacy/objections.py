"""Objections and opt-outs: purposes that a person denies until they withdraw the objection.

They lie apart from decisions on consent, so that no file that is loaded again, no merge of persons
and no grant that comes later takes them away. Not the person is suppressed, but purposes.

Source: GDPR Article 21(2) and (3); CCPA section 1798.120 and regulations sections 7025 and 7026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from privacy.config import ConsentConfig, Objection
from privacy.inventory_people import OBJECTING_PERSONS, OBJECTIONS
from privacy.locations import SUBJECT_KEYS, is_theirs_sql
from warehouse import Warehouse

# An erasure that a legal hold keeps waiting: the data stay, and are used for nothing else.
ON_HOLD = "erasure_on_hold"


def record_objections(  # noqa: PLR0913 - one parameter per fact
    warehouse: Warehouse,
    keys: pa.Table,
    *,
    kind: str,
    regulation: str,
    purposes: Sequence[str],
    objected_at: Mapping[str, datetime],
    now: datetime,
) -> None:
    """Deny purposes for the persons of some requests; again changes nothing.

    Args:
        warehouse: The engine.
        keys: ``(subject_request_id, kind, value)``; of person ids nothing is kept, they change.
        kind: What the requests are.
        regulation: gdpr or ccpa.
        purposes: What is denied.
        objected_at: When each person objected, by request.
        now: Time to record, UTC without a zone.
    """
    names = list(objected_at)
    asked = pa.table(
        {
            "subject_request_id": pa.array(names, pa.string()),
            "objected_at": pa.array([objected_at[name] for name in names], pa.timestamp("us")),
        }
    )
    bound = {"kind": kind, "regulation": regulation, "purposes": list(purposes), "now": now}
    with warehouse.view("candor_objecting", keys), warehouse.view("candor_asked", asked):
        warehouse.append(OBJECTIONS.name, _OF_REQUESTS, bound)


def extend_objections(warehouse: Warehouse, config: ConsentConfig, *, now: datetime) -> int:
    """Deny what consent.yml says of each kind by now, for all whose objection stands.

    So a purpose that is named later is denied too, since the person objected.

    Returns:
        Rows that are new.
    """
    rows = [
        {"kind": str(kind), "regulation": law, "purpose": purpose}
        for law in ("gdpr", "ccpa")
        for kind in Objection
        for purpose in config.denied_by(law, kind)
    ]
    with warehouse.view("candor_denied", pa.Table.from_pylist(rows, schema=_DENIED)):
        return warehouse.append(OBJECTIONS.name, _EXTENDED, {"now": now})


def withdraw_objections(
    warehouse: Warehouse, keys: pa.Table, *, withdrawn_at: datetime, now: datetime
) -> None:
    """End what stands of the persons of these keys ``(kind, value)``; consent decides again."""
    with warehouse.view(SUBJECT_KEYS, keys):
        warehouse.execute(
            f"update {OBJECTIONS.name.sql} "
            "set withdrawn_at = greatest($withdrawn_at, objected_at), withdrawal_recorded_at = $now "
            f"where withdrawn_at is null and kind <> '{ON_HOLD}' and objected_at <= $withdrawn_at "
            f"and ({is_theirs_sql(OBJECTIONS)})",
            {"withdrawn_at": withdrawn_at, "now": now},
        )


def forget_objections(warehouse: Warehouse, request_ids: Sequence[str]) -> None:
    """Remove what was denied for some requests, as when an erasure no longer waits."""
    warehouse.execute(
        f"delete from {OBJECTIONS.name.sql} where "
        "list_contains($request_ids::varchar[], subject_request_id)",
        {"request_ids": list(request_ids)},
    )


def restricted(warehouse: Warehouse, asked: pa.Table) -> pa.Table:
    """The rows of ``(kind, value, …)`` that name a person whose erasure waits for a legal hold."""
    with warehouse.view("candor_asked_contacts", asked):
        return warehouse.read(
            f"""
            select * from candor_asked_contacts
            where (kind, value) in (
                select unnest(['email', 'phone', 'user_id', 'anonymous_id']) as kind,
                    unnest([email, phone, user_id, anonymous_id]) as value
                from {OBJECTIONS.name.sql} where kind = '{ON_HOLD}'
            )
            """
        )


def attribute_objections(warehouse: Warehouse) -> int:
    """Write down whose objections they are, as the persons are today; return the number of rows.

    What several persons use objects for each of them. After a merge the one person objects; after a
    split each who holds an identifier that objected.
    """
    with warehouse.transaction():
        return warehouse.replace(OBJECTING_PERSONS.name, _ATTRIBUTED)


_OF_REQUESTS = f"""
    with purposes as (select unnest($purposes::varchar[]) as purpose),
    fresh as (
        select keys.subject_request_id, $kind::varchar as kind, $regulation::varchar as regulation,
            purposes.purpose,
            case keys.kind when 'source_record' then split_part(value, '|', 1) end as source,
            case keys.kind when 'source_record' then substr(value, strpos(value, '|') + 1) end
                as source_record_id,
            case keys.kind when 'email' then value end as email,
            case keys.kind when 'phone' then value end as phone,
            case keys.kind when 'user_id' then value end as user_id,
            case keys.kind when 'anonymous_id' then value end as anonymous_id,
            asked.objected_at, $now::timestamp as recorded_at,
            null::timestamp as withdrawn_at, null::timestamp as withdrawal_recorded_at
        from candor_objecting as keys
        inner join candor_asked as asked using (subject_request_id)
        cross join purposes
        where keys.kind <> 'person_id'
    )
    select distinct fresh.*
    from fresh
    anti join {OBJECTIONS.name.sql} as known
        on known.subject_request_id = fresh.subject_request_id
        and known.purpose = fresh.purpose
        and coalesce(known.source || '|' || known.source_record_id, known.email, known.phone,
            known.user_id, known.anonymous_id)
            = coalesce(fresh.source || '|' || fresh.source_record_id, fresh.email, fresh.phone,
                fresh.user_id, fresh.anonymous_id)
"""

_DENIED = pa.schema([(name, pa.string()) for name in ("kind", "regulation", "purpose")])
# What objects, of which request or signal, as often as it says so.
_WHAT = """subject_request_id, kind, regulation, source, source_record_id, email, phone, user_id,
        anonymous_id"""
_EXTENDED = f"""
    with standing as (
        select {_WHAT}, min(objected_at) as objected_at, list(purpose) as purposes
        from {OBJECTIONS.name.sql} where withdrawn_at is null group by all
    )
    select standing.* exclude (objected_at, purposes), denied.purpose, standing.objected_at,
        $now::timestamp as recorded_at, null::timestamp as withdrawn_at,
        null::timestamp as withdrawal_recorded_at
    from standing inner join candor_denied as denied using (kind, regulation)
    where not list_contains(standing.purposes, denied.purpose)
"""

# `users`, `devices` and `emails` are the sources that stand for ids which are seen in events.
_ATTRIBUTED = f"""
    with objections as (
        select purpose, objected_at, recorded_at, withdrawn_at, withdrawal_recorded_at,
            case when email is not null then 'email' when phone is not null then 'phone'
                when user_id is not null then 'user_id'
                when anonymous_id is not null then 'anonymous_id' end as kind,
            coalesce(email, phone, user_id, anonymous_id) as value,
            coalesce(source, case when email is not null then 'emails'
                when user_id is not null then 'users'
                when anonymous_id is not null then 'devices' end) as source,
            coalesce(source_record_id, email, user_id, anonymous_id) as source_record_id
        from {OBJECTIONS.name.sql}
    ),
    holders as (
        select identifiers.identifier_type as kind, identifiers.identifier_value as value,
            members.person_id
        from identity.identifiers as identifiers
        inner join identity.members as members using (source, source_record_id)
        union
        select 'anonymous_id', anonymous_id, person_id
        from identity.devices where person_id is not null
    ),
    attributed as (
        select members.person_id, objections.*
        from objections inner join identity.members as members using (source, source_record_id)
        union all
        select holders.person_id, objections.*
        from objections inner join holders using (kind, value)
    )
    select distinct person_id, purpose, objected_at, recorded_at, withdrawn_at,
        withdrawal_recorded_at
    from attributed
    semi join identity.members using (person_id)
"""
