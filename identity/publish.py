"""Write what the persons rest on: identifiers, links, and the pairs that somebody should look at."""

from __future__ import annotations

from identity.attach import ATTACHED, CLUSTERS
from identity.attach_devices import DEVICE_LINKS, SHARED_DEVICES
from identity.collect import LINKS
from identity.constrain import DOUBTFUL, RULES
from identity.decide import DECISIONS
from identity.inventory import IDENTIFIERS, REVIEW_QUEUE
from identity.inventory import LINKS as LINKS_TABLE
from identity.nodes import DEVICES, EMAILS, NODES, USERS
from identity.observe import ADDRESSES, SIGHTINGS
from identity.prepare import RECORDS
from identity.share import IDENTIFIERS as HELD
from identity.weigh import JUDGED
from warehouse import Warehouse

_PAIR = (
    "one.source as left_source, one.source_record_id as left_record_id, "
    "other.source as right_source, other.source_record_id as right_record_id"
)


def write_identifiers(warehouse: Warehouse) -> int:
    """Put every identifier of every node in place; return how many."""
    return warehouse.replace(IDENTIFIERS.name, _IDENTIFIERS_SQL)


def write_links(warehouse: Warehouse) -> int:
    """Put all links in place, cut ones marked; return how many."""
    reasons = " ".join(f"when {number} then '{rule}'" for number, rule in enumerate(RULES))
    return warehouse.replace(
        LINKS_TABLE.name,
        f"""
        with links as (
            select left_node, right_node, kind, rule, links.probability, evidence,
                cut_rule >= 0 as is_cut, case cut_rule {reasons} end as cut_reason
            from {LINKS} as links left join {JUDGED}
                on left_record = left_node and right_record = right_node
            union all
            select holder, node, 'deterministic', 'same email', null, null, false, null
            from {ATTACHED}
            union all
            select holder, node, 'deterministic', 'identified on the device', null, null, false, null
            from {DEVICE_LINKS}
        )
        select {_PAIR}, kind, rule, probability, evidence, is_cut, cut_reason
        from links join {NODES} as one on one.node = left_node
        join {NODES} as other on other.node = right_node
        """,
    )


def write_review_queue(warehouse: Warehouse, *, lowest: float, threshold: float) -> int:
    """Put the likely pairs of different persons in place, surest first; return how many.

    From the threshold on these are pairs that a birth date or a twin's first name keeps apart.
    """
    return warehouse.replace(
        REVIEW_QUEUE.name,
        f"""
        select {_PAIR}, probability, evidence
        from {JUDGED}
        join {NODES} as one on one.node = left_record join {NODES} as other on other.node = right_record
        join {CLUSTERS} as mine on mine.node = left_record
        join {CLUSTERS} as theirs on theirs.node = right_record
        anti join {DECISIONS} on left_node = left_record and right_node = right_record
        where probability >= $lowest and mine.cluster <> theirs.cluster
            and (probability < $threshold or (left_record, right_record) in (
                select (left_node, right_node) from {LINKS} where cut_rule in {DOUBTFUL}
            ))
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
        select source, source_record_id, identifier_type, identifier_value, is_shared,
            held.first_seen_at
        from {HELD} as held join {RECORDS} as records using (record)
        union all
        select source, source_record_id, 'user_id', user_id, false, first_seen_at
        from {RECORDS} where user_id is not null
    ),
    of_events as (
        select source, source_record_id,
            case source when '{USERS}' then 'user_id' else 'anonymous_id' end as identifier_type,
            source_record_id as identifier_value,
            shared.node is not null as is_shared, first_seen_at
        from {NODES} left join {SHARED_DEVICES} as shared using (node)
        where source in ('{USERS}', '{DEVICES}')
        union all
        select '{EMAILS}', given, 'email', addresses.value, coalesce(is_shared, false), first_seen_at
        from {NODES} join {ADDRESSES} as addresses on given = source_record_id
        left join verdicts on identifier_value = addresses.value
        where source = '{EMAILS}'
        union all
        select '{USERS}', user_id, 'email', addresses.value, coalesce(is_shared, false), occurred_at
        from seen join {ADDRESSES} as addresses on given = email
        left join verdicts on identifier_value = addresses.value
        where user_id is not null
        union all
        select '{USERS}', user_id, 'anonymous_id', anonymous_id, shared.node is not null, occurred_at
        from seen join {NODES} as nodes
            on nodes.source = '{DEVICES}' and nodes.source_record_id = anonymous_id
        left join {SHARED_DEVICES} as shared using (node)
        where user_id is not null
    )
    select * from of_records
    union all
    select source, source_record_id, identifier_type, identifier_value,
        bool_or(is_shared), min(first_seen_at)
    from of_events group by source, source_record_id, identifier_type, identifier_value
"""
