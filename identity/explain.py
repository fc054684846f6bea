"""Say why a record belongs to its person: the links that hold it, and those that were cut.

Records are named by their source and a number within the person; ids and addresses, which may be
personal, are given only when asked for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pyarrow as pa

from identity.decide import RecordName, person_of
from identity.parts import require_active
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a person is one person.

    Attributes:
        person_id: The person.
        members: One row per record: number, source, source_record_id.
        links: One row per link: left, right (numbers; null: of another person), kind, rule,
            probability, evidence, is_cut, cut_reason.
    """

    person_id: str
    members: pa.Table
    links: pa.Table


@dataclass(frozen=True, slots=True)
class Hop:
    """One link of the path between two records, in the direction of the path."""

    left: RecordName
    right: RecordName
    kind: str
    rule: str


def explain_record(warehouse: Warehouse, record: RecordName) -> Explanation:
    """Explain the person that a record belongs to.

    Raises:
        UnknownRecordError: It is nobody's record.
    """
    return explain_person(warehouse, person_of(warehouse, record))


def explain_person(warehouse: Warehouse, person_id: str) -> Explanation:
    """Explain a person.

    Raises:
        UnknownPersonError: Nobody has this id, or not any more.
    """
    require_active(warehouse, person_id)
    bound = {"person_id": person_id}
    return Explanation(
        person_id,
        warehouse.read(f"{_MEMBERS} order by number", bound),
        warehouse.read(_LINKS, bound),
    )


def explain_pair(warehouse: Warehouse, one: RecordName, other: RecordName) -> pa.Table:
    """Return the shortest chain of links between two records of one person, in its order.

    Where they are two persons: the links between these two persons that were cut, and the pairs
    that wait for review. Columns as in ``Explanation.links``, with sources in place of numbers.

    Raises:
        UnknownRecordError: One is nobody's record.
    """
    persons = [person_of(warehouse, record) for record in (one, other)]
    if persons[0] != persons[1]:
        return warehouse.read(_BETWEEN, {"one": persons[0], "other": persons[1]})
    explanation = explain_record(warehouse, one)
    numbers = {
        RecordName(row["source"], row["source_record_id"]): row["number"]
        for row in explanation.members.to_pylist()
    }
    chain = _chain(explanation.links, numbers[one], numbers[other])
    return explanation.links.take(pa.array(chain, pa.int64()))


def trace_path(warehouse: Warehouse, one: RecordName, other: RecordName) -> list[Hop] | None:
    """Return the shortest chain of links from one record to another; None if they are two persons.

    Raises:
        UnknownRecordError: One is nobody's record.
    """
    if person_of(warehouse, one) != person_of(warehouse, other):
        return None
    explanation = explain_record(warehouse, one)
    names = {
        row["number"]: RecordName(row["source"], row["source_record_id"])
        for row in explanation.members.to_pylist()
    }
    numbers = {name: number for number, name in names.items()}
    chain = _chain(explanation.links, numbers[one], numbers[other])
    hops, here = [], one
    for row in explanation.links.take(pa.array(chain, pa.int64())).to_pylist():
        ends = {names[row["left"]], names[row["right"]]}
        (there,) = ends - {here}
        hops.append(Hop(here, there, row["kind"], row["rule"]))
        here = there
    return hops


def _chain(links: pa.Table, start: int, end: int) -> list[int]:
    """Rows of the shortest chain between two of one person's records (breadth first)."""
    steps: dict[int, list[tuple[int, int]]] = {}
    ends = zip(
        *(links.column(name).to_pylist() for name in ("left", "right", "is_cut")), strict=True
    )
    for row, (left, right, is_cut) in enumerate(ends):
        if left is not None and right is not None and not is_cut:
            steps.setdefault(left, []).append((right, row))
            steps.setdefault(right, []).append((left, row))
    reached: dict[int, list[int]] = {start: []}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for there, row in steps.get(here, []):
            if there not in reached:
                reached[there] = [*reached[here], row]
                waiting.append(there)
    return reached.get(end, [])


_MEMBERS = """
    select row_number() over (order by source, source_record_id) as number, source,
        source_record_id
    from identity.members where person_id = $person_id
"""

_LINKS = f"""
    with members as ({_MEMBERS})
    select one.number as "left", other.number as "right", left_source, right_source, kind, rule,
        round(probability, 4) as probability, evidence, is_cut, cut_reason
    from identity.links
    left join members as one
        on one.source = left_source and one.source_record_id = left_record_id
    left join members as other
        on other.source = right_source and other.source_record_id = right_record_id
    where one.number is not null or other.number is not null
    order by is_cut, "left" nulls last, "right" nulls last, kind
"""

_BETWEEN = """
    with pairs as (
        select left_source, left_record_id, right_source, right_record_id, kind, rule, probability,
            evidence, is_cut, cut_reason
        from identity.links
        union all
        select left_source, left_record_id, right_source, right_record_id, 'probabilistic',
            'waits for review', probability, evidence, null, null
        from identity.review_queue
    )
    select left_source, right_source, kind, rule, round(probability, 4) as probability, evidence,
        is_cut, cut_reason
    from pairs
    join identity.members as mine
        on mine.source = left_source and mine.source_record_id = left_record_id
    join identity.members as theirs
        on theirs.source = right_source and theirs.source_record_id = right_record_id
    where mine.person_id in ($one, $other) and theirs.person_id in ($one, $other)
        and mine.person_id <> theirs.person_id
    order by all
"""
