"""Which records are the person's by likeness alone: no identifier ties them to what is asked for.

Identity joins what is likely enough, so that a few of its joins are wrong. An erasure takes those
records and an archive gives them, and neither in silence: the officer may part them first, by
``candor identity split``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pyarrow as pa

from warehouse import TableName, Warehouse

_LINKS = TableName("identity", "links")
_SCHEMA = pa.schema(
    [
        ("subject_request_id", pa.string()),
        ("source", pa.string()),
        ("records", pa.int64()),
        ("probability", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class JoinedByLikeness:
    """Records of the person that are joined by likeness alone; they are included.

    Attributes:
        source: Where the records are from.
        records: How many there are.
        probability: What the least likely of them has for its best link, 0..1; None where all
            hang on others of them.
    """

    source: str
    records: int
    probability: float | None

    @property
    def counts(self) -> dict[str, object]:
        """What may be kept after the request."""
        return asdict(self)


def joined_by_likeness(warehouse: Warehouse, *, named: str, clear: str, subjects: str) -> pa.Table:
    """Find records of the persons that no chain of identifiers or decisions ties to what is named.

    Args:
        warehouse: The engine.
        named: Relation ``(subject_request_id, position, source, source_record_id)``: which records
            hold what a request names at a position.
        clear: Query of ``(subject_request_id, position)`` that name one person.
        subjects: Relation ``(subject_request_id, person_id)`` of the persons, all their ids.

    Returns:
        One row per request and source, with the columns of ``JoinedByLikeness``.
    """
    if not warehouse.exists(_LINKS):
        return _SCHEMA.empty_table()
    return warehouse.read(_LIKELY.format(named=named, clear=clear, subjects=subjects)).cast(_SCHEMA)


_LIKELY = """
    with recursive nodes as (
        select distinct subjects.subject_request_id, members.source, members.source_record_id
        from {subjects} as subjects inner join identity.members as members using (person_id)
    ),
    near as materialized (
        select left_source, left_record_id, right_source, right_record_id, kind, probability
        from identity.links
        where not is_cut and (left_source, left_record_id) in (
            select (source, source_record_id) from nodes
        )
    ),
    ties as materialized (
        select left_source as source, left_record_id as source_record_id,
            right_source as other_source, right_record_id as other_record_id, kind, probability
        from near
        union all
        select right_source, right_record_id, left_source, left_record_id, kind, probability
        from near
    ),
    tied as (
        select distinct subject_request_id, source, source_record_id
        from {named} semi join ({clear}) as clear using (subject_request_id, position)
        union
        select tied.subject_request_id, ties.other_source, ties.other_record_id
        from tied inner join ties using (source, source_record_id)
        where ties.kind <> 'probabilistic'
    ),
    likely as (
        select nodes.subject_request_id, nodes.source, nodes.source_record_id,
            max(ties.probability) filter (ties.kind = 'probabilistic') as probability
        from nodes
        anti join tied using (subject_request_id, source, source_record_id)
        left join ties using (source, source_record_id)
        group by all
    )
    select subject_request_id, source, count(*) as records, min(probability) as probability
    from likely group by all order by all
"""
