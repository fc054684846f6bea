"""What somebody decided about two records: must link, or cannot link. The latest word holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pyarrow as pa

from identity.errors import InvalidDecisionError, UnknownRecordError
from identity.inventory import DECISIONS as DECISIONS_TABLE
from identity.nodes import DEVICES, EMAILS, NODES
from warehouse import Warehouse

DECISIONS = "identity_valid_decisions"


class Verdict(StrEnum):
    """What a decision says about two records."""

    MUST_LINK = "must_link"
    CANNOT_LINK = "cannot_link"


@dataclass(frozen=True, slots=True)
class RecordName:
    """A record by its source and its id there."""

    source: str
    source_record_id: str


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
    """
    left, right = sorted((one, other), key=lambda name: (name.source, name.source_record_id))
    if left == right:
        raise InvalidDecisionError("both records are the same one: name two")
    for name in (left, right):
        if name.source in {DEVICES, EMAILS}:
            raise InvalidDecisionError("decide on records or users; devices and emails follow them")
        _require_member(warehouse, name)
    text = f"{verdict}|{left}|{right}|{now.isoformat()}"
    row = {
        "decision_id": hashlib.sha256(text.encode()).hexdigest()[:26],
        "decision": str(verdict),
        "left_source": left.source,
        "left_record_id": left.source_record_id,
        "right_source": right.source,
        "right_record_id": right.source_record_id,
        "reason": reason or "",
        "decided_at": now,
    }
    warehouse.append(DECISIONS_TABLE.name, pa.Table.from_pylist([row]))
    return str(row["decision_id"])


def read_decisions(warehouse: Warehouse) -> None:
    """Fill the temporary table of decisions that hold: left_node < right_node, decision."""
    warehouse.execute(
        f"""
        create or replace temp table {DECISIONS} as
        select least(one.node, other.node) as left_node,
            greatest(one.node, other.node) as right_node,
            arg_max(decision, (decided_at, decision_id)) as decision
        from {DECISIONS_TABLE.name.sql} as decisions
        join {NODES} as one
            on one.source = left_source and one.source_record_id = left_record_id
        join {NODES} as other
            on other.source = right_source and other.source_record_id = right_record_id
        group by all
        """
    )


def _require_member(warehouse: Warehouse, name: RecordName) -> None:
    found = warehouse.scalar(
        "select count(*) from identity.members where source = $source and source_record_id = $id",
        {"source": name.source, "id": name.source_record_id},
    )
    if not found:
        raise UnknownRecordError(name.source)
