"""List what was decided and whether it is in force, and take it back.

A decision that is revoked stays in its table: an earlier word on the same pair holds again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from identity.cluster import Edges, connect
from identity.errors import ContradictionError, InvalidDecisionError, UnknownDecisionError
from identity.inventory import DECISIONS
from warehouse import Warehouse

IN_FORCE = "in force"


@dataclass(frozen=True, slots=True)
class Revocation:
    """What was taken back: the kind of act, and how many decisions."""

    origin: str
    decisions: int


def list_decisions(warehouse: Warehouse) -> pa.Table:
    """Return all decisions, latest first, without ids of records.

    Columns: decision_id, act_id, origin, decision, left_source, right_source, decided_at, state
    (in force, revoked, superseded by a later word on the same pair, or not in force because a
    record is not there), revoked_at.
    """
    return warehouse.read(
        "select decision_id, act_id, origin, decision, left_source, right_source, decided_at, "
        f"state, revoked_at from ({_STATES_SQL}) order by decided_at desc, act_id, decision_id"
    )


def revoke_decision(warehouse: Warehouse, decision_id: str, *, now: datetime) -> Revocation:
    """End a decision, or all of an act; holds from the next run on.

    Args:
        warehouse: Holds the decisions.
        decision_id: Of a decision, or of an act (a split, a merge, a review file).
        now: When, UTC.

    Raises:
        UnknownDecisionError: Nothing has this id.
        InvalidDecisionError: It is revoked already.
    """
    meant = "$id in (decision_id, coalesce(act_id, decision_id))"
    found = warehouse.read(
        "select min(coalesce(origin, 'by_hand')) as origin, count(*) as decisions, "
        "count(*) filter (revoked_at is null) as standing "
        f"from {DECISIONS.name.sql} where {meant}",
        {"id": decision_id},
    ).to_pylist()[0]
    if not found["decisions"]:
        raise UnknownDecisionError(decision_id)
    if not found["standing"]:
        raise InvalidDecisionError(f"{decision_id} is revoked already: nothing is left of it")
    warehouse.execute(
        f"update {DECISIONS.name.sql} set revoked_at = $now::timestamp "
        f"where revoked_at is null and {meant}",
        {"id": decision_id, "now": now},
    )
    return Revocation(found["origin"], found["standing"])


def check_consistent(warehouse: Warehouse, pairs: pa.Table) -> None:
    """Refuse decisions that, with those in force, say of two records both one and the other.

    Must-links are followed over any number of records; on one pair the new word holds.

    Args:
        warehouse: Holds the decisions.
        pairs: decision and the names of both records; each pair once.

    Raises:
        ContradictionError: Must-links join what a cannot-link keeps apart.
    """
    with warehouse.view("identity_arriving_decisions", pairs):
        rows = warehouse.read(_ALL_SQL)
    left, right = (rows.column(name).to_numpy() for name in ("left_number", "right_number"))
    must = rows.column("is_must").to_numpy(zero_copy_only=False).astype(bool)
    nodes = int(max(left.max(initial=0), right.max(initial=0))) + 1
    edges = Edges(left[must], right[must], np.ones(int(must.sum())))
    joined = connect(edges, nodes=nodes)
    clash = ~must & (joined[left] == joined[right])
    if clash.any():
        raise ContradictionError(
            tuple(dict.fromkeys(rows.filter(pa.array(clash))["act_id"].to_pylist()))
        )


def cannot_links_between(warehouse: Warehouse, one_id: str, other_id: str) -> tuple[str, ...]:
    """The acts that keep records of two persons apart and are in force."""
    rows = warehouse.read(_BETWEEN_SQL, {"one": one_id, "other": other_id})
    return tuple(rows.column("act_id").to_pylist())


def standing_sql() -> str:
    """Query for the decisions in force: all columns, and left_key and right_key of the records."""
    return f"select * from ({_STATES_SQL}) where state = '{IN_FORCE}'"


_KEYS = (
    "left_source || chr(31) || left_record_id as left_key, "
    "right_source || chr(31) || right_record_id as right_key"
)
_STATES_SQL = f"""
    with decisions as (
        select * replace (coalesce(act_id, decision_id) as act_id,
                coalesce(origin, 'by_hand') as origin),
            {_KEYS}
        from {DECISIONS.name.sql}
    ),
    known as (select distinct source, source_record_id from identity.members)
    select decisions.*,
        case
            when revoked_at is not null then 'revoked'
            when one.source is null or other.source is null
                then 'not in force: names a record that is not there'
            when row_number() over (
                partition by least(left_key, right_key), greatest(left_key, right_key),
                    revoked_at is null
                order by decided_at desc, decision_id desc
            ) > 1 then 'superseded'
            else '{IN_FORCE}'
        end as state
    from decisions
    left join known as one on one.source = left_source and one.source_record_id = left_record_id
    left join known as other
        on other.source = right_source and other.source_record_id = right_record_id
"""
# Those in force, except on pairs about which something new is said, and the new ones.
_ALL_SQL = f"""
    with arriving as (select decision, {_KEYS} from identity_arriving_decisions),
    found as (
        select decision, left_key, right_key, null as act_id from arriving
        union all
        select decision, left_key, right_key, act_id
        from ({_STATES_SQL}) as standing
        where state = '{IN_FORCE}' and not exists (
            from arriving where least(arriving.left_key, arriving.right_key)
                    = least(standing.left_key, standing.right_key)
                and greatest(arriving.left_key, arriving.right_key)
                    = greatest(standing.left_key, standing.right_key)
        )
    ),
    numbered as (
        select key, row_number() over (order by key) - 1 as number
        from (select left_key as key from found union select right_key from found)
    )
    select one.number as left_number, other.number as right_number,
        decision = 'must_link' as is_must, act_id
    from found join numbered as one on one.key = left_key
    join numbered as other on other.key = right_key
    order by all
"""
_BETWEEN_SQL = f"""
    select distinct act_id
    from ({_STATES_SQL}) as standing
    join identity.members as mine
        on mine.source = left_source and mine.source_record_id = left_record_id
    join identity.members as theirs
        on theirs.source = right_source and theirs.source_record_id = right_record_id
    where state = '{IN_FORCE}' and decision = 'cannot_link'
        and (mine.person_id, theirs.person_id) in (($one, $other), ($other, $one))
    order by act_id
"""
