"""What somebody decided about two records: must link, or cannot link. The latest word holds.

A decision is never changed but by being revoked. What was decided in one go (a split, a merge, a
review file) is one *act* and can be revoked as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pyarrow as pa

from identity.errors import InvalidDecisionError, UnknownRecordError
from identity.inventory import DECISIONS as DECISIONS_TABLE
from identity.nodes import DEVICES, EMAILS, NODES
from identity.revoke import check_consistent
from warehouse import Warehouse

DECISIONS = "identity_valid_decisions"
DIVIDED = "identity_divided_nodes"
PAIR = ("left_source", "left_record_id", "right_source", "right_record_id")


class Verdict(StrEnum):
    """What a decision says about two records."""

    MUST_LINK = "must_link"
    CANNOT_LINK = "cannot_link"


class Origin(StrEnum):
    """How a decision came about; only reviewed pairs are a sample from which to learn."""

    BY_HAND = "by_hand"
    REVIEW = "review"
    # Of a pair that a rule keeps apart, however likely it is: it says nothing of the threshold.
    RULE_REVIEW = "rule_review"
    SPLIT = "split"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class RecordName:
    """A record by its source and its id there."""

    source: str
    source_record_id: str


@dataclass(frozen=True, slots=True)
class Act:
    """What is common to decisions that are written in one go.

    Attributes:
        origin: How they came about.
        now: When, UTC.
        reason: Why, in the decider's words.
    """

    origin: Origin
    now: datetime
    reason: str = ""


def add_decision(
    warehouse: Warehouse,
    verdict: Verdict,
    one: RecordName,
    other: RecordName,
    *,
    reason: str | None,
    now: datetime,
) -> str:
    """Write a decision; it holds from the next run on. Return its id.

    Raises:
        UnknownRecordError: One of the two is nobody's record.
        InvalidDecisionError: Both are the same, or one is a device or an address, which follow
            the records and sign-ins that use them.
        ContradictionError: With those in force it says of two records both one and the other.
    """
    left, right = sorted((one, other), key=lambda name: (name.source, name.source_record_id))
    if left == right:
        raise InvalidDecisionError("both records are the same one: name two")
    for name in (left, right):
        if name.source in {DEVICES, EMAILS}:
            raise InvalidDecisionError("decide on records or users; devices and emails follow them")
        person_of(warehouse, name)
    row = (left.source, left.source_record_id, right.source, right.source_record_id)
    pairs = pa.Table.from_pylist([{"decision": str(verdict), **dict(zip(PAIR, row, strict=True))}])
    check_consistent(warehouse, pairs)
    return write_decisions(warehouse, pairs, Act(Origin.BY_HAND, now, reason or ""))


def write_decisions(warehouse: Warehouse, pairs: pa.Table, act: Act) -> str:
    """Write decisions as one act and return its id.

    Args:
        warehouse: Holds the decisions.
        pairs: decision and the columns of ``PAIR``, each pair once; at least one row. Where they
            have a column origin, it stands in place of the act's.
        act: What they have in common.
    """
    bound = {"origin": str(act.origin), "now": act.now, "reason": act.reason}
    if "origin" not in pairs.column_names:
        pairs = pairs.append_column("origin", pa.repeat(bound["origin"], len(pairs)))
    with warehouse.view("identity_arriving_decisions", pairs):
        act_id = warehouse.scalar(_ACT_ID_SQL, {"origin": bound["origin"], "now": act.now})
        warehouse.append(
            DECISIONS_TABLE.name,
            _ROWS_SQL,
            {"now": act.now, "reason": act.reason, "act_id": act_id},
        )
    return str(act_id)


def read_decisions(warehouse: Warehouse) -> None:
    """Fill the temporary tables of decisions that hold, and of the nodes that one keeps apart.

    Decisions: left_node < right_node, decision, is_reviewed. One that names a record which is not
    there is passed over.
    """
    warehouse.execute(
        f"""
        create or replace temp table {DECISIONS} as
        select least(one.node, other.node) as left_node,
            greatest(one.node, other.node) as right_node,
            arg_max(decision, (decided_at, decision_id)) as decision,
            arg_max(coalesce(origin, '') = '{Origin.REVIEW}', (decided_at, decision_id))
                as is_reviewed
        from {DECISIONS_TABLE.name.sql} as decisions
        join {NODES} as one
            on one.source = left_source and one.source_record_id = left_record_id
        join {NODES} as other
            on other.source = right_source and other.source_record_id = right_record_id
        where revoked_at is null and one.node <> other.node
        group by all
        """
    )
    warehouse.execute(
        f"create or replace temp table {DIVIDED} as "
        f"select left_node as node from {DECISIONS} where decision = '{Verdict.CANNOT_LINK}' "
        f"union select right_node from {DECISIONS} where decision = '{Verdict.CANNOT_LINK}'"
    )


_NAMES = f"concat_ws('|', decision, {', '.join(PAIR)}"
_ACT_ID_SQL = f"""
    select left(sha256(concat_ws('|', $origin, $now::timestamp,
        string_agg({_NAMES}), ',' order by {_NAMES})))), 26)
    from identity_arriving_decisions
"""
_ROWS_SQL = f"""
    select case when count(*) over () = 1 then $act_id
            else left(sha256({_NAMES}, $now::timestamp)), 26) end as decision_id,
        decision, {", ".join(PAIR)}, $reason as reason, $now::timestamp as decided_at,
        origin, $act_id as act_id
    from identity_arriving_decisions order by decision_id
"""


def person_of(warehouse: Warehouse, name: RecordName) -> str:
    """The person of a record.

    Raises:
        UnknownRecordError: It is nobody's record.
    """
    person_id = warehouse.scalar(
        "select person_id from identity.members where source = $source and source_record_id = $id",
        {"source": name.source, "id": name.source_record_id},
    )
    if person_id is None:
        sources = warehouse.read("select distinct source from identity.members order by source")
        raise UnknownRecordError(name.source, sources.column("source").to_pylist())
    return str(person_id)
