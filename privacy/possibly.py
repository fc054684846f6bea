"""Who may be the same person as the one of a request, and is none of it.

Two records that identity did not join are two persons to an erasure: what is likely but not
certain is never erased by itself, and never passed over in silence. The officer decides, by
``candor identity merge``, before the request is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from warehouse import TableName, Warehouse

# As many as somebody can look at; how many there are is counted beside.
MAX_SHOWN = 3

_QUEUE = TableName("identity", "review_queue")
_PREPARED = TableName("identity", "prepared_records")
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
        sql.format(subjects=subjects)
        for table, sql in ((_QUEUE, _IN_REVIEW), (_PREPARED, _ALIKE))
        if warehouse.exists(table)
    ]
    if not pairs:
        return _SCHEMA.empty_table()
    found = warehouse.read(_SUMMED.format(pairs=" union all ".join(pairs), shown=MAX_SHOWN))
    return found.cast(_SCHEMA)


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

# The mailbox is that before a plus, Gmail's without dots: `ann+news@` is delivered to `ann@`.
_ALIKE = """
    select distinct mine.subject_request_id, theirs.source, theirs.source_record_id,
        members.person_id, alike.place, alike.reason, null::double as probability
    from {subjects} as mine
    inner join identity.members as own using (person_id)
    inner join identity.prepared_records as known using (source, source_record_id)
    cross join lateral (values
        (2, 'the same mailbox, written otherwise',
            coalesce(known.gmail_mailbox, known.local_part) || '@' || known.email_domain),
        (3, 'the same first and last name', known.given_name || ' ' || known.last_name)
    ) as alike (place, reason, value)
    inner join (
        select source, source_record_id, 2 as place,
            coalesce(gmail_mailbox, local_part) || '@' || email_domain as value
        from identity.prepared_records where not coalesce(email_is_shared, false)
        union all
        select source, source_record_id, 3, given_name || ' ' || last_name
        from identity.prepared_records
    ) as theirs on theirs.place = alike.place and theirs.value = alike.value
    inner join identity.members as members
        on members.source = theirs.source and members.source_record_id = theirs.source_record_id
    anti join {subjects} as same
        on same.subject_request_id = mine.subject_request_id and same.person_id = members.person_id
"""

_SUMMED = """
    with pairs as ({pairs}),
    records as (
        select subject_request_id, source, source_record_id, any_value(person_id) as person_id,
            arg_min(reason, place) as reason, max(probability) as probability
        from pairs group by all
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
