"""Who may be the same person as the one of a request, and is none of it.

Two records that identity did not join are two persons to an erasure: what is likely but not
certain is never erased by itself, and never passed over in silence. The officer decides, by
``candor identity merge``, before the request is carried out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from privacy.told_values import told_values
from warehouse import TableName, Warehouse

# As many as somebody can look at; how many there are is counted beside.
MAX_SHOWN = 3
# A name or mailbox of more records than these says nothing of any of them.
MAX_ALIKE = 1_000

_QUEUE = TableName("identity", "review_queue")
_PREPARED = TableName("identity", "prepared_records")
_DECISIONS = TableName("identity", "decisions")
_RECORDS, _EVENTS = TableName("raw", "person_records"), TableName("raw", "events")
# The columns of what nobody maps: an address or number there is no identifier of anybody's yet.
_UNMAPPED = {_RECORDS: ("attributes",), _EVENTS: ("properties", "traits", "context")}
# Without one of these an erasure is blocked anyway.
_KEYS = {
    _RECORDS: {"source", "source_record_id", "email"},
    _EVENTS: {"anonymous_id", "user_id", "email"},
}
# When a row is that of a member of the person.
_OWN = {
    _RECORDS: ("own.source = rows.source and own.source_record_id = rows.source_record_id",),
    _EVENTS: (
        "own.source = 'devices' and own.source_record_id = rows.anonymous_id",
        "own.source = 'users' and own.source_record_id = rows.user_id",
        "own.source = 'emails' and own.source_record_id = rows.email",
    ),
}
# Of an event the person is whom the user id names, else the address, else the browser: on that of one
# person another may have signed in.
_NAMED = {
    _RECORDS: "",
    _EVENTS: """
        left join identity.members as users
            on users.source = 'users' and users.source_record_id = rows.user_id
        left join identity.members as emails
            on emails.source = 'emails' and emails.source_record_id = rows.email
        where (mine.subject_request_id, coalesce(users.person_id, emails.person_id, own.person_id))
            in (select subject_request_id, person_id from {subjects})
    """,
}
_SCHEMA = pa.schema(
    [
        ("subject_request_id", pa.string()),
        ("source", pa.string()),
        ("reason", pa.string()),
        ("records", pa.int64()),
        ("persons", pa.int64()),
        ("probability", pa.float64()),
        ("person_ids", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, slots=True)
class PossiblySame:
    """Records of others that may be the person's; they stay. Holds no value of a record.

    Attributes:
        source: Where the records are from.
        reason: What speaks for it; of several reasons for one record the first that is named.
        records: How many there are.
        persons: How many persons they are now.
        probability: The highest that identity gave to one of them, 0..1; None where it gave none.
        person_ids: Some of these persons, likeliest first.
    """

    source: str
    reason: str
    records: int
    persons: int
    probability: float | None
    person_ids: tuple[str, ...]

    @property
    def counts(self) -> dict[str, object]:
        """What may be kept after the request: nothing that leads to somebody."""
        return {
            "source": self.source,
            "reason": self.reason,
            "records": self.records,
            "persons": self.persons,
            "probability": self.probability,
        }


def possibly_same(warehouse: Warehouse, subjects: str) -> pa.Table:
    """Find records of others that may belong to the persons of some requests.

    Args:
        warehouse: The engine.
        subjects: Relation ``(subject_request_id, person_id)`` of the persons, all their ids.

    Returns:
        One row per request, source and reason, with the columns of ``PossiblySame``.
    """
    pairs = [
        sql.format(subjects=subjects, most=MAX_ALIKE)
        for table, sql in ((_QUEUE, _IN_REVIEW), (_PREPARED, _ALIKE))
        if warehouse.exists(table)
    ]
    texts = list(_own_texts(warehouse, subjects))
    if texts:
        pairs.append(
            _TOLD.format(subjects=subjects, told=told_values(f"({' union '.join(texts)})"))
        )
    if not pairs:
        return _SCHEMA.empty_table()
    parted = _PARTED if warehouse.exists(_DECISIONS) else _NOBODY
    found = warehouse.read(
        _SUMMED.format(
            pairs=" union all ".join(pairs),
            parted=parted.format(subjects=subjects),
            shown=MAX_SHOWN,
        )
    )
    return found.cast(_SCHEMA)


def _own_texts(warehouse: Warehouse, subjects: str) -> Iterator[str]:
    """Queries of what is not mapped in the persons' own rows: see ``told_values``."""
    columns = warehouse.columns().to_pylist()
    known: dict[TableName, set[str]] = {}
    for row in columns:  # one row per column of the warehouse
        table = TableName(row["table_schema"], row["table_name"])
        known.setdefault(table, set()).add(row["column_name"])
    for table, names in _UNMAPPED.items():
        there = known.get(table, set())
        texts = ", ".join(f"rows.{name}" for name in names if name in there)
        for same in _OWN[table] if texts and there >= _KEYS[table] else ():
            yield f"""
                select mine.subject_request_id, lower(trim(rows.email)) as mapped,
                    concat_ws(' ', {texts}) as text
                from {subjects} as mine
                inner join identity.members as own using (person_id)
                inner join {table.sql} as rows on {same}
                {_NAMED[table].format(subjects=subjects)}
            """


# Both ends in turn: the person's record may stand on either side of a pair.
_IN_REVIEW = """
    select mine.subject_request_id, theirs.source, theirs.source_record_id, theirs.person_id,
        1 as place, 'waits in the review queue' as reason, pairs.probability
    from (
        select left_source as source, left_record_id as source_record_id,
            right_source as other_source, right_record_id as other_record_id, probability
        from identity.review_queue
        union all
        select right_source, right_record_id, left_source, left_record_id, probability
        from identity.review_queue
    ) as pairs
    inner join identity.members as own using (source, source_record_id)
    inner join {subjects} as mine on mine.person_id = own.person_id
    inner join identity.members as theirs
        on theirs.source = pairs.other_source and theirs.source_record_id = pairs.other_record_id
    anti join {subjects} as same
        on same.subject_request_id = mine.subject_request_id and same.person_id = theirs.person_id
"""

# The mailbox is that before a plus, Gmail's without dots: `ann+news@` is delivered to `ann@`, and
# googlemail.com is gmail.com.
_ALIKE = """
    (
        with told as (
            select source, source_record_id, 2 as place,
                'the same mailbox, written otherwise' as reason,
                coalesce(gmail_mailbox, local_part) || '@'
                    || case when gmail_mailbox is null then email_domain else 'gmail.com' end as value
            from identity.prepared_records where not coalesce(email_is_shared, false)
            union all
            select source, source_record_id, 3, 'the same first and last name',
                given_name || ' ' || last_name
            from identity.prepared_records
        ),
        mine as (
            select distinct subjects.subject_request_id, told.place, told.value
            from {subjects} as subjects
            inner join identity.members as own using (person_id)
            inner join told using (source, source_record_id)
        ),
        theirs as (
            select told.* from told semi join mine using (place, value)
            qualify count(*) over (partition by told.place, told.value) <= {most}
        )
        select mine.subject_request_id, theirs.source, theirs.source_record_id,
            members.person_id, theirs.place, theirs.reason, null::double as probability
        from mine
        inner join theirs using (place, value)
        inner join identity.members as members using (source, source_record_id)
        anti join {subjects} as same
            on same.subject_request_id = mine.subject_request_id
            and same.person_id = members.person_id
    )
"""

# A value that several hold names nobody.
_TOLD = """
    (
        with told as ({told})
        select told.subject_request_id, theirs.source, theirs.source_record_id, theirs.person_id,
            4 as place, 'an address or number in a field that is not mapped' as reason,
            null::double as probability
        from told
        inner join identity.identifiers as held using (identifier_type, identifier_value)
        inner join identity.members as theirs
            on theirs.source = held.source and theirs.source_record_id = held.source_record_id
        anti join {subjects} as same
            on same.subject_request_id = told.subject_request_id
            and same.person_id = theirs.person_id
        where not coalesce(held.is_shared, false)
    )
"""

# Whom somebody has decided not to be the person.
_PARTED = """
    select mine.subject_request_id, theirs.person_id
    from (
        select left_source as source, left_record_id as source_record_id,
            right_source as other_source, right_record_id as other_record_id
        from identity.decisions where decision = 'cannot_link' and revoked_at is null
        union all
        select right_source, right_record_id, left_source, left_record_id
        from identity.decisions where decision = 'cannot_link' and revoked_at is null
    ) as decided
    inner join identity.members as own using (source, source_record_id)
    inner join {subjects} as mine on mine.person_id = own.person_id
    inner join identity.members as theirs
        on theirs.source = decided.other_source
        and theirs.source_record_id = decided.other_record_id
"""
_NOBODY = "select null as subject_request_id, null as person_id where false"

_SUMMED = """
    with pairs as ({pairs}),
    parted as ({parted}),
    records as (
        select subject_request_id, source, source_record_id, any_value(person_id) as person_id,
            arg_min(reason, place) as reason, max(probability) as probability
        from pairs anti join parted using (subject_request_id, person_id)
        group by all
    ),
    persons as (
        select subject_request_id, source, reason, person_id, count(*) as records,
            max(probability) as probability
        from records group by all
    )
    select subject_request_id, source, reason, sum(records)::bigint as records,
        count(*) as persons, max(probability) as probability,
        list(person_id order by probability desc nulls last, person_id)[1:{shown}] as person_ids
    from persons group by subject_request_id, source, reason
    order by subject_request_id, max(probability) desc nulls last, reason, source
"""
