"""Split a person in two, or say that two persons are one.

A split keeps every record of one side from every record of the other: fewer decisions would let a
side's records come together with the wrong side first, over a new link for instance. It says
nothing about records of one side: they stay together by their own links, or fall apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from identity.cluster import Ints
from identity.decide import PAIR, Act, RecordName, Verdict, write_decisions
from identity.errors import ContradictionError, InvalidDecisionError
from identity.parts import Parts, read_parts
from identity.revoke import cannot_links_between, check_consistent
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """Where a person is to be split.

    Attributes:
        parts: The person.
        side: Places of those that go to one side.
        weakest: What the link rests on at which the person comes apart; None where records were
            named.
    """

    parts: Parts
    side: Ints
    weakest: str | None

    @property
    def rest(self) -> Ints:
        """Places of all others."""
        return np.setdiff1d(np.arange(len(self.parts.names)), self.side)

    @property
    def pieces(self) -> tuple[int, int]:
        """Into how many persons each side falls by its own links; 1 where it holds together."""
        return self.parts.pieces(self.side), self.parts.pieces(self.rest)


def plan_split(
    warehouse: Warehouse, person_id: str, records: Sequence[RecordName | int] = ()
) -> SplitPlan:
    """Say where a person would be split: at the named records, or at the weakest link.

    Args:
        warehouse: Holds the persons.
        person_id: The person.
        records: Those of one side, by name or by number; none to find the weakest link.

    Raises:
        UnknownPersonError: Nobody has this id, or not any more.
        InvalidDecisionError: There is nothing to split, or a record is not this person's.
    """
    parts = read_parts(warehouse, person_id)
    if len(parts.names) < 2:
        raise InvalidDecisionError(f"{person_id} has one record only: there is nothing to split")
    if records:
        return SplitPlan(parts, _places(parts, records), None)
    found = parts.weakest()
    if found is None:
        raise InvalidDecisionError(f"no link holds {person_id} together: name the records")
    return SplitPlan(parts, found[1], parts.rules[found[0]])


def split_person(warehouse: Warehouse, plan: SplitPlan, act: Act) -> str:
    """Write the cannot-links of a split; it holds from the next run on. Return the act's id.

    Raises:
        ContradictionError: A must-link over a record that is not of this person joins the sides.
    """
    side, rest = (_named(plan.parts, places) for places in (plan.side, plan.rest))
    pairs = _each_with_each(warehouse, Verdict.CANNOT_LINK, side, rest)
    check_consistent(warehouse, pairs)
    return write_decisions(warehouse, pairs, act)


def merge_persons(warehouse: Warehouse, one_id: str, other_id: str, act: Act) -> str:
    """Write the must-links that make two persons one; hold from the next run on. Return the act's id.

    Where the records of a person differ in name, birth date or sign-in, one of each kind is
    linked: what tells the two apart must not part the others from them.

    Raises:
        UnknownPersonError: Nobody has one of the ids, or not any more.
        InvalidDecisionError: Both are the same person, or one has neither record nor sign-in.
        ContradictionError: Somebody decided that they are two.
    """
    if one_id == other_id:
        raise InvalidDecisionError("both are the same person: name two")
    sides = [read_parts(warehouse, person_id) for person_id in (one_id, other_id)]
    for parts in sides:
        if not parts.names:
            raise InvalidDecisionError(
                f"{parts.person_id} has neither record nor sign-in: devices and emails follow them"
            )
    against = cannot_links_between(warehouse, one_id, other_id)
    if against:
        raise ContradictionError(against)
    one, other = (warehouse.read(_KINDS_SQL, {"person_id": side.person_id}) for side in sides)
    first, second = one.slice(0, 1), other.slice(0, 1)
    pairs = pa.concat_tables([
        _each_with_each(warehouse, Verdict.MUST_LINK, first, other),
        _each_with_each(warehouse, Verdict.MUST_LINK, one.slice(1), second),
    ])  # fmt: skip
    check_consistent(warehouse, pairs)
    return write_decisions(warehouse, pairs, act)


def _places(parts: Parts, records: Sequence[RecordName | int]) -> Ints:
    places: dict[RecordName | int, int] = {}
    for place, name in enumerate(parts.names):
        places |= {name: place, place + 1: place}
    strange = sorted({_called(record) for record in records if record not in places})
    if strange:
        raise InvalidDecisionError(
            f"{', '.join(strange)} is not one of {parts.person_id}'s: see "
            f"`candor identity split {parts.person_id} --show-ids`"
        )
    side = np.unique(np.array([places[record] for record in records], dtype=np.int64))
    if len(side) == len(parts.names):
        raise InvalidDecisionError("all records are named: leave some for the other side")
    return side


def _called(record: RecordName | int) -> str:
    return f"number {record}" if isinstance(record, int) else f"a record of source {record.source}"


def _named(parts: Parts, places: Ints) -> pa.Table:
    chosen = [parts.names[place] for place in places.tolist()]
    return pa.table({
        "source": [name.source for name in chosen],
        "source_record_id": [name.source_record_id for name in chosen],
    })  # fmt: skip


def _each_with_each(
    warehouse: Warehouse, verdict: Verdict, side: pa.Table, rest: pa.Table
) -> pa.Table:
    """Pairs as ``write_decisions`` takes them."""
    names = ("one.source", "one.source_record_id", "other.source", "other.source_record_id")
    swapped = (*names[2:], *names[:2])
    columns = ", ".join(
        f"case when {_IS_IN_ORDER} then {name} else {other} end as {column}"
        for name, other, column in zip(names, swapped, PAIR, strict=True)
    )
    with warehouse.view("identity_side", side), warehouse.view("identity_rest", rest):
        return warehouse.read(
            f"select '{verdict}' as decision, {columns} "
            "from identity_side as one cross join identity_rest as other order by all"
        )


_IS_IN_ORDER = "(one.source, one.source_record_id) < (other.source, other.source_record_id)"

# One record or sign-in of each kind: name, birth date and user.
_KINDS_SQL = """
    select source, source_record_id
    from identity.members
    left join staging.stg_raw__person_records as records using (source, source_record_id)
    where person_id = $person_id and source not in ('devices', 'emails')
        and not (source = 'users' and source_record_id in (
            select user_id from identity.members
            join staging.stg_raw__person_records using (source, source_record_id)
            where person_id = $person_id and user_id is not null
        ))
    qualify row_number() over (
        partition by first_name, last_name, birth_date, user_id,
            case when source = 'users' then source_record_id end
        order by source, source_record_id
    ) = 1
    order by source, source_record_id
"""
