"""Write what the persons rest on: identifiers, links, and the pairs that somebody should look at."""

from __future__ import annotations

from identity.attach import ATTACHED, CLUSTERS
from identity.attach_devices import DEVICE_LINKS, SHARED_DEVICES
from identity.collect import LINKS
from identity.constrain import DOUBTFUL, RULES
from identity.decide import DECISIONS
from identity.extent import Extent
from identity.inventory import IDENTIFIERS, REVIEW_QUEUE
from identity.inventory import LINKS as LINKS_TABLE
from identity.nodes import DEVICES, EMAILS, NODES, USERS
from identity.observe import ADDRESSES, SIGHTINGS
from identity.prepare import RECORDS, node_of
from identity.share import IDENTIFIERS as HELD
from identity.weigh import JUDGED
from warehouse import Warehouse

_PAIR = (
    "one.source as left_source, one.source_record_id as left_record_id, "
    "other.source as right_source, other.source_record_id as right_record_id"
)


def write_identifiers(warehouse: Warehouse, extent: Extent, *, retold: str | None = None) -> int:
    """Put every identifier of every node in place; return how many.

    Args:
        warehouse: Holds the tables of the steps before.
        extent: What the run resolves.
        retold: Relation of the nodes whose identifiers may not be as they were; None: all.
    """
    nodes = extent.nodes() if retold is None else f"(node in (select node from {retold}))"
    on_devices = f"identifier_type = 'anonymous_id' and {extent.devices('identifier_value')}"
    rows = f"select * from ({_IDENTIFIERS_SQL}) where {nodes} or {on_devices}"
    with warehouse.transaction():
        if not extent.is_whole:
            warehouse.execute(f"delete from {IDENTIFIERS.name.sql} where {on_devices}")
        return warehouse.replace_where(IDENTIFIERS.name, nodes, rows)


def write_links(warehouse: Warehouse, extent: Extent) -> int:
    """Put all links in place, cut ones marked; return how many."""
    reasons = " ".join(f"when {number} then '{rule}'" for number, rule in enumerate(RULES))
    left, right = (extent.nodes(f"{end}_node") for end in ("left", "right"))
    if not extent.is_whole:
        warehouse.execute(f"delete from {LINKS_TABLE.name.sql} where {right}")
    return warehouse.replace_where(
        LINKS_TABLE.name,
        left,
        f"""
        with links as (
            select left_node, right_node, kind, rule, links.probability, evidence,
                cut_rule >= 0 as is_cut, case cut_rule {reasons} end as cut_reason
            from {LINKS} as links left join {JUDGED}
                on left_record = left_node and right_record = right_node
            union all
            select holder, node, 'deterministic', 'same email', null, null, false, null
            from {ATTACHED} where {extent.nodes()}
            union all
            select holder, node, 'deterministic', 'identified on the device', null, null, false, null
            from {DEVICE_LINKS} where {extent.nodes()}
        )
        select {_PAIR}, kind, rule, probability, evidence, is_cut, cut_reason, left_node, right_node
        from links join {NODES} as one on one.node = left_node
        join {NODES} as other on other.node = right_node
        """,
    )


def write_review_queue(
    warehouse: Warehouse,
    extent: Extent,
    *,
    lowest: float,
    threshold: float,
    reweighed: str | None = None,
) -> int:
    """Put the likely pairs of different persons in place, surest first; return how many.

    From the threshold on these are pairs that a birth date, a twin's first name or their other
    records keep apart.

    Args:
        warehouse: Holds the weighed pairs and the clusters.
        extent: What the run resolves.
        lowest: The least probability.
        threshold: The probability from which pairs are links.
        reweighed: Relation of the records whose pairs with all others were weighed; None: all.
    """
    left, right = (extent.rows(f"{end}_source", f"{end}_record_id") for end in ("left", "right"))
    written, weighed = (
        f"({left} and {right})",
        f"({extent.nodes('left_record')} and {extent.nodes('right_record')})",
    )
    if reweighed is not None:
        names = f"(select source, source_record_id from {reweighed})"
        numbers = f"(select node from {reweighed})"
        written += "".join(
            f" or ({end}_source, {end}_record_id) in {names}" for end in ("left", "right")
        )
        weighed += "".join(f" or {end}_record in {numbers}" for end in ("left", "right"))
    # Who is in no cluster here is somebody else.
    return warehouse.replace_where(
        REVIEW_QUEUE.name,
        written,
        f"""
        select {_PAIR}, probability, evidence
        from {JUDGED}
        join {RECORDS} as one on one.record = left_record
        join {RECORDS} as other on other.record = right_record
        left join {CLUSTERS} as mine on mine.node = left_record
        left join {CLUSTERS} as theirs on theirs.node = right_record
        anti join {DECISIONS} on left_node = left_record and right_node = right_record
        where probability >= $lowest and mine.cluster is distinct from theirs.cluster
            and (probability < $threshold or (left_record, right_record) in (
                select (left_node, right_node) from {LINKS} where cut_rule in {DOUBTFUL}
            )) and ({weighed})
        order by probability desc, left_record, right_record
        """,
        {"lowest": lowest, "threshold": threshold},
    )


_IDENTIFIERS_SQL = f"""
    with verdicts as (
        select identifier_value, bool_or(is_shared) as is_shared
        from {HELD} where identifier_type = 'email' group by identifier_value
    ),
    seen as (
        select user_id, email, anonymous_id, min(occurred_at) as occurred_at
        from {SIGHTINGS} group by all
    ),
    -- A record holds a value once.
    of_records as (
        select record as node, source, source_record_id, identifier_type, identifier_value, is_shared,
            held.first_seen_at
        from {HELD} as held join {RECORDS} as records using (record)
        union all
        select record, source, source_record_id, 'user_id', user_id, false, first_seen_at
        from {RECORDS} where user_id is not null
    ),
    of_events as (
        select node, source, source_record_id,
            case source when '{USERS}' then 'user_id' else 'anonymous_id' end as identifier_type,
            source_record_id as identifier_value,
            shared.node is not null as is_shared, first_seen_at
        from {NODES} left join {SHARED_DEVICES} as shared using (node)
        where source in ('{USERS}', '{DEVICES}')
        union all
        select node, '{EMAILS}', given, 'email', addresses.value, coalesce(is_shared, false), first_seen_at
        from {NODES} join {ADDRESSES} as addresses on given = source_record_id
        left join verdicts on identifier_value = addresses.value
        where source = '{EMAILS}'
        union all
        select {node_of(f"'{USERS}'", "user_id")}, '{USERS}', user_id, 'email', addresses.value, coalesce(is_shared, false), occurred_at
        from seen join {ADDRESSES} as addresses on given = email
        left join verdicts on identifier_value = addresses.value
        where user_id is not null
        union all
        select {node_of(f"'{USERS}'", "user_id")}, '{USERS}', user_id, 'anonymous_id', anonymous_id, shared.node is not null, occurred_at
        from seen join {NODES} as nodes
            on nodes.source = '{DEVICES}' and nodes.source_record_id = anonymous_id
        left join {SHARED_DEVICES} as shared using (node)
        where user_id is not null
    )
    select * from of_records
    union all
    select node, any_value(source), any_value(source_record_id), identifier_type, identifier_value,
        bool_or(is_shared), min(first_seen_at)
    from of_events group by node, identifier_type, identifier_value
"""
