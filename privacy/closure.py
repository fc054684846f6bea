"""From any one identifier of a person to all keys by which the person's rows are found.

Everything is one set-based pass over the identity graph for any number of requests. A value that
another person holds too is named with the reason and left alone: it must not erase the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from privacy.known_values import known_values
from privacy.likely import joined_by_likeness
from privacy.possibly import possibly_same
from privacy.requests import SUPPORTED, IdentityType, SubjectIdentity, SubjectRequest
from warehouse import Table, Warehouse

_KINDS = {
    IdentityType.EMAIL: "email",
    IdentityType.PHONE: "phone",
    IdentityType.USER_ID: "user_id",
    IdentityType.ANONYMOUS_ID: "anonymous_id",
    IdentityType.CUSTOMER_ID: "customer_id",
    IdentityType.SOURCE_RECORD: "source_record",
}


@dataclass(frozen=True, slots=True)
class Closure:
    """What belongs to the persons of some requests.

    Attributes:
        keys: ``(subject_request_id, kind, value)``, each once; kinds are those of SubjectKind.
        left_alone: ``(subject_request_id, kind, reason, identifiers)``: how many identifiers of
            the person stay, by kind, and why.
        unclear: Every reason why a request does not say whom to erase, by request.
        possible: Records of others that may be the person's; see ``possibly_same``.
        likely: Records that are the person's by likeness alone; see ``joined_by_likeness``.
    """

    keys: pa.Table
    left_alone: pa.Table
    unclear: Mapping[str, Sequence[str]]
    possible: pa.Table
    likely: pa.Table


def close_identities(
    warehouse: Warehouse,
    requests: Sequence[SubjectRequest],
    *,
    tables: Sequence[Table],
    customer_id_sources: Sequence[str] = (),
    default_region: str,
) -> Closure:
    """Find all keys of the persons whom the requests name.

    Args:
        warehouse: The engine.
        requests: The requests.
        tables: Every declared table: hashed addresses are looked up in all that hold addresses.
        customer_id_sources: Sources whose ids may be given as customer id; empty for all.
        default_region: ISO country of phone numbers that are written without one.
    """
    anchors = _raw_anchors(warehouse, _anchors(requests, default_region), tables)
    with _followed(warehouse, anchors, customer_id_sources):
        return Closure(
            keys=warehouse.read(_KEYS),
            left_alone=warehouse.read(_LEFT_ALONE),
            unclear=_unclear(warehouse, requests, default_region),
            possible=possibly_same(warehouse, "candor_subjects"),
            likely=joined_by_likeness(
                warehouse, named="candor_named", clear=_CLEAR, subjects="candor_subjects"
            ),
        )


def named_identities(
    warehouse: Warehouse,
    requests: Sequence[SubjectRequest],
    *,
    tables: Sequence[Table],
    default_region: str,
) -> pa.Table:
    """What requests name, in plain: of a hash the value that is known here, whoever holds it.

    Arguments are those of ``close_identities``.

    Returns:
        ``(subject_request_id, kind, value)``; a hash of what nobody holds is left out.
    """
    named = _raw_anchors(warehouse, _anchors(requests, default_region), tables)
    return named.select(["subject_request_id", "kind", "value"])


def keys_of_records(warehouse: Warehouse, records: pa.Table) -> pa.Table:
    """Find all keys of the persons who have some source records today.

    Args:
        warehouse: The engine.
        records: ``(source, source_record_id)``.

    Returns:
        ``(kind, value)``, each once, with what other persons hold too.
    """
    pairs = zip(
        *(records[name].to_pylist() for name in ("source", "source_record_id")), strict=True
    )
    rows = [
        {
            "subject_request_id": "",
            "position": position,
            "kind": "source_record",
            "value": f"{source}|{record_id}",
        }
        for position, (source, record_id) in enumerate(pairs, start=1)
    ]
    with _followed(warehouse, pa.Table.from_pylist(rows, schema=_ANCHOR_SCHEMA), ()):
        return warehouse.read(
            "select distinct kind, value from candor_candidates where value is not null order by all"
        )


@contextmanager
def _followed(
    warehouse: Warehouse, anchors: pa.Table, customer_id_sources: Sequence[str]
) -> Iterator[None]:
    """Make tables of all that belongs to the persons whom the anchors name."""
    bound = {"any_source": not customer_id_sources, "sources": list(customer_id_sources)}
    with warehouse.view("candor_anchors", anchors):
        warehouse.execute(f"create or replace temp table candor_named as {_NAMED}", bound)
        warehouse.execute(f"create or replace temp table candor_family as {_FAMILY}")
        warehouse.execute(f"create or replace temp table candor_subjects as {_FORMER}")
        warehouse.execute(f"create or replace temp table candor_candidates as {_CANDIDATES}")
        yield
    for name in ("named", "family", "subjects", "candidates"):
        warehouse.execute(f"drop table candor_{name}")


def _anchors(requests: Sequence[SubjectRequest], default_region: str) -> pa.Table:
    rows = [
        {
            "subject_request_id": request.request_id,
            "position": position,
            "kind": _KINDS[identity.identity_type],
            "format": identity.identity_format,
            "value": identity.normalised(default_region),
        }
        for request in requests
        for position, identity in enumerate(request.subject_identities, start=1)
        if _may_name(identity, default_region)
    ]
    return pa.Table.from_pylist(rows, schema=_ANCHOR_SCHEMA)


def _may_name(identity: SubjectIdentity, default_region: str) -> bool:
    return identity.identity_type in SUPPORTED and identity.is_usable(default_region)


def _raw_anchors(warehouse: Warehouse, anchors: pa.Table, tables: Sequence[Table]) -> pa.Table:
    """Put values in place of hashes; a hash of a value that nobody holds matches nothing."""
    formats = set(anchors["format"].to_pylist()) - {"raw"}
    if not formats:
        return anchors
    arms = " ".join(f"when '{name}' then {name}(known.value)" for name in sorted(formats))
    with warehouse.view("candor_given", anchors):
        return warehouse.read(
            f"""
            with known as ({known_values(warehouse, tables)})
            select given.subject_request_id, given.position, given.kind, 'raw' as format,
                case given.format when 'raw' then given.value else known.value end as value
            from candor_given as given
            left join known on given.format <> 'raw'
                and known.kind in (given.kind, case given.kind when 'customer_id' then 'user_id' end)
                and case given.format {arms} end = given.value
            where given.format = 'raw' or known.value is not null
            """
        )


def _unclear(
    warehouse: Warehouse, requests: Sequence[SubjectRequest], default_region: str
) -> Mapping[str, Sequence[str]]:
    unclear = {
        request.request_id: _nameless(request)
        for request in requests
        if not any(_may_name(item, default_region) for item in request.subject_identities)
    }
    shared = warehouse.read(_UNCLEAR)
    for row in shared.to_pylist():  # one row per request that names nobody in particular
        unclear[row["subject_request_id"]] = [_ambiguous(row)]
    return unclear


def _ambiguous(row: Mapping[str, object]) -> str:
    return (
        f"identity {row['position']} ({row['kind']}) is held by {row['persons']} persons: hold it "
        "for review and ask for an identifier that is theirs alone"
    )


def _nameless(request: SubjectRequest) -> Sequence[str]:
    return [
        f"identity {position} ({identity.identity_type}) "
        + (
            "is none, and is looked for nowhere: cancel the request and ask for it as it is written"
            if identity.identity_type in SUPPORTED
            else "is of a type that is not held here"
        )
        for position, identity in enumerate(request.subject_identities, start=1)
    ]


_ANCHOR_SCHEMA = pa.schema(
    [
        ("subject_request_id", pa.string()),
        ("position", pa.int64()),
        ("kind", pa.string()),
        ("format", pa.string()),
        ("value", pa.string()),
    ]
)

# Whom each identity of a request names. `users`, `devices` and `emails` are the sources that
# stand for ids which are seen in events.
_NAMED = """
    select distinct anchors.subject_request_id, anchors.position, anchors.kind, members.*
    from candor_anchors as anchors
    inner join identity.identifiers as identifiers
        on identifiers.identifier_value = anchors.value
        and identifiers.identifier_type
            = case anchors.kind when 'customer_id' then 'user_id' else anchors.kind end
    inner join identity.members as members using (source, source_record_id)
    union
    select anchors.subject_request_id, anchors.position, anchors.kind, members.*
    from candor_anchors as anchors
    inner join identity.members as members
        on members.source_record_id = anchors.value
        and case anchors.kind
            when 'email' then members.source = 'emails'
            when 'user_id' then members.source = 'users'
            when 'anonymous_id' then members.source = 'devices'
            when 'customer_id' then members.source = 'users' or (
                members.source not in ('devices', 'emails')
                and ($any_source or list_contains($sources::varchar[], members.source))
            )
            else false
        end
    union
    select anchors.subject_request_id, anchors.position, anchors.kind, members.*
    from candor_anchors as anchors
    inner join identity.members as members
        on anchors.kind = 'source_record'
        and members.source || '|' || members.source_record_id = anchors.value
"""

# An identity that several persons hold names nobody; the others of the request may.
_CLEAR = """
    select subject_request_id, position from candor_named
    group by all having count(distinct person_id) = 1
"""

_UNCLEAR = f"""
    select subject_request_id, min(position) as position, arg_min(kind, position) as kind,
        max(persons) as persons
    from (
        select subject_request_id, position, kind, count(distinct person_id) as persons
        from candor_named group by all
    )
    where subject_request_id not in (select subject_request_id from ({_CLEAR}))
    group by subject_request_id
    order by subject_request_id
"""

# The persons, and every person that was merged with them.
_FAMILY = f"""
    with recursive edges as (
        select person_id as one, merged_into as other
        from identity.persons where merged_into is not null
        union
        select merged_into as one, person_id as other
        from identity.persons where merged_into is not null
    ),
    family as (
        select distinct subject_request_id, person_id
        from candor_named semi join ({_CLEAR}) as clear using (subject_request_id, position)
        union
        select family.subject_request_id, edges.other
        from family inner join edges on edges.one = family.person_id
    )
    select * from family
"""

# Ids that the records had before and that nobody holds today, such as a device's own before its
# first sign-in.
_FORMER = """
    with nodes as (
        select family.subject_request_id, members.source, members.source_record_id
        from candor_family as family inner join identity.members as members using (person_id)
    ),
    earlier as (
        select nodes.subject_request_id, history.person_id
        from nodes inner join identity.members_history as history using (source, source_record_id)
        union
        select nodes.subject_request_id, devices.person_id
        from nodes inner join identity.devices as devices
            on nodes.source = 'devices' and devices.anonymous_id = nodes.source_record_id
    )
    select * from candor_family
    union
    select earlier.subject_request_id, earlier.person_id
    from earlier
    anti join identity.members as members using (person_id)
    anti join (select person_id from identity.persons where merged_into is not null) as merged
        using (person_id)
    where earlier.person_id is not null
"""

# Every key the persons might be found by, each with the reason why it must not be used, if any.
_CANDIDATES = f"""
    with nodes as (
        select subjects.subject_request_id, members.source, members.source_record_id
        from candor_subjects as subjects inner join identity.members as members using (person_id)
    ),
    identifiers as (
        select nodes.subject_request_id, held.identifier_type as kind,
            held.identifier_value as value
        from nodes inner join identity.identifiers as held using (source, source_record_id)
        union
        select subject_request_id,
            case source
                when 'users' then 'user_id' when 'devices' then 'anonymous_id' else 'email'
            end as kind,
            source_record_id as value
        from nodes where source in ('users', 'devices', 'emails')
        union
        select subjects.subject_request_id, 'anonymous_id' as kind, devices.anonymous_id as value
        from candor_subjects as subjects inner join identity.devices as devices using (person_id)
        union
        select anchors.subject_request_id, anchors.kind, anchors.value
        from candor_anchors as anchors
        anti join (select subject_request_id, position from candor_named
            anti join ({_CLEAR}) as clear using (subject_request_id, position)) as unclear
            using (subject_request_id, position)
        where anchors.kind in ('email', 'phone', 'user_id', 'anonymous_id')
    ),
    others as (
        select held.identifier_type as kind, held.identifier_value as value
        from identity.identifiers as held
        inner join identity.members as members using (source, source_record_id)
        anti join candor_subjects as subjects using (person_id)
        union
        select case members.source
                when 'users' then 'user_id' when 'devices' then 'anonymous_id' else 'email'
            end as kind,
            members.source_record_id as value
        from identity.members as members
        anti join candor_subjects as subjects using (person_id)
        where members.source in ('users', 'devices', 'emails')
        union
        select 'anonymous_id' as kind, devices.anonymous_id as value
        from identity.devices as devices
        where devices.is_shared
            or devices.person_id not in (select person_id from candor_subjects)
        union
        select 'anonymous_id' as kind, held.identifier_value as value
        from identity.identifiers as held
        where held.identifier_type = 'anonymous_id' and held.is_shared
    )
    select identifiers.subject_request_id, identifiers.kind, identifiers.value,
        case when others.value is not null then
            case identifiers.kind
                when 'anonymous_id' then 'a device that others use too'
                else 'another person holds it too'
            end
        end as reason
    from identifiers left join others using (kind, value)
    union
    select subject_request_id, 'person_id' as kind, person_id as value, null as reason
    from candor_subjects
    union
    select nodes.subject_request_id, 'source_record' as kind,
        nodes.source || '|' || nodes.source_record_id as value, null as reason
    from nodes
"""

_KEYS = """
    select distinct subject_request_id, kind, value from candor_candidates
    where reason is null and value is not null
    order by all
"""

_LEFT_ALONE = """
    select subject_request_id, kind, reason, count(distinct value) as identifiers
    from candor_candidates where reason is not null
    group by all order by all
"""
