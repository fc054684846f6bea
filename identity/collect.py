"""Bring all links into one table, each with the strength by which it is kept or cut.

A person's decision is stronger than any link, an id that a system gave is stronger than an
address, and an address is stronger than a probability.
"""

from __future__ import annotations

from identity.decide import DECISIONS, DIVIDED
from identity.extent import Extent
from identity.match import CONTESTED, DETERMINISTIC, UNDECIDABLE
from identity.nodes import NODES, USERS
from identity.observe import ADDRESSES, ALIASES, SIGHTINGS
from identity.prepare import RECORDS
from identity.share import IDENTIFIERS
from identity.weigh import JUDGED
from warehouse import Warehouse

LINKS = "identity_links"
FOUND = "identity_found_links"
PLACES = "identity_places"

# Strengths; a probability adds up to 1. What clashes are stronger than is said in ``constrain``.
DECIDED, LIKENESS = 10.0, 1.5
ALIAS, USER_ID, IDENTIFIER, SIGNED_IN_WITH = 6.0, 5.0, 3.0, 2.0


def collect_links(warehouse: Warehouse, *, threshold: float) -> None:
    """Fill the temporary table of all links that were found; ``place_links`` numbers them.

    Columns: left_node < right_node, kind, rule, probability, strength.

    Args:
        warehouse: Holds the tables of the steps before.
        threshold: Probability from which a compared pair is a link.
    """
    warehouse.execute(
        f"""
        create or replace temp table {FOUND} as
        with found as (
            {_DECIDED_SQL} union all {_DETERMINISTIC_SQL} union all {_USERS_SQL}
            union all {_ALIASES_SQL} union all {_SIGNED_IN_SQL} union all {_PROBABLE_SQL}
        )
        select least(one, other) as left_node, greatest(one, other) as right_node, kind,
            string_agg(distinct rule, ', ' order by rule) as rule,
            max(probability) as probability, max(strength) as strength
        from found where one <> other group by all
        """,
        {"threshold": threshold},
    )


def place_links(warehouse: Warehouse, extent: Extent) -> None:
    """Fill the temporary tables of links and of the nodes that they join.

    Links are numbered by ``link`` from 0 in the order of nodes and kind. Nodes have a ``place``,
    from 0, the oldest record first, users last, and ``is_record``; links show the places as
    left_place and right_place.

    Args:
        warehouse: Holds the links that were found.
        extent: Links of other nodes are left out.
    """
    if not extent.is_whole:
        warehouse.execute(
            f"create or replace temp table {FOUND} as select * from {FOUND} "
            f"where {extent.nodes('left_node')} and {extent.nodes('right_node')}"
        )
    warehouse.execute(
        f"create or replace temp table {PLACES} as "
        "select node, row_number() over (order by seniority nulls last, node) - 1 as place, "
        "seniority is not null as is_record from "
        f"(select left_node as node from {FOUND} "
        f"union select right_node from {FOUND}) left join {RECORDS} on record = node"
    )
    warehouse.execute(
        f"create or replace temp table {LINKS} as "
        "select row_number() over (order by left_node, right_node, kind) - 1 as link, found.*, "
        f"one.place as left_place, other.place as right_place from {FOUND} as found "
        f"join {PLACES} as one on one.node = left_node "
        f"join {PLACES} as other on other.node = right_node order by link"
    )
    warehouse.execute(f"drop table {FOUND}")


_DECIDED_SQL = f"""
    select left_node as one, right_node as other, 'decision' as kind, 'must link' as rule,
        null::double as probability, {DECIDED} as strength
    from {DECISIONS} where decision = 'must_link'
"""

_DETERMINISTIC_SQL = f"""
    select found.left_record, found.right_record, 'deterministic', found.rule, judged.probability,
        case when contains(found.rule, 'user id') then {USER_ID} else {IDENTIFIER} end
            + coalesce(judged.probability, 0.5)
    from {DETERMINISTIC} as found left join {JUDGED} as judged using (left_record, right_record)
"""

# One record stands for all, unless a decision keeps one of them apart from others.
_USERS_SQL = f"""
    select records.record, users.node, 'deterministic', 'same user id', null, {USER_ID}
    from {NODES} as users join {RECORDS} as records on records.user_id = users.source_record_id
    left join {DIVIDED} as divided on divided.node = records.record
    where users.source = '{USERS}'
    window same_user as (partition by users.node)
    qualify records.record
            = arg_min(records.record, (records.seniority, records.record)) over same_user
        or bool_or(divided.node is not null) over same_user
"""

_ALIASES_SQL = f"""
    select one.node, other.node, 'deterministic', 'alias', null, {ALIAS}
    from {ALIASES} as aliases
    join {NODES} as one on one.source = '{USERS}' and one.source_record_id = aliases.previous_id
    join {NODES} as other on other.source = '{USERS}' and other.source_record_id = aliases.user_id
    where not is_device
"""

_SIGNED_IN_SQL = f"""
    select held.record, users.node, 'deterministic', 'signed in with its email', null,
        {SIGNED_IN_WITH}
    from (select distinct user_id, email from {SIGHTINGS} where user_id is not null) as sightings
    join {NODES} as users
        on users.source = '{USERS}' and users.source_record_id = sightings.user_id
    join {ADDRESSES} as addresses on addresses.given = sightings.email
    join {IDENTIFIERS} as held
        on held.identifier_type = 'email' and held.identifier_value = addresses.value
    left join {DIVIDED} as divided on divided.node = held.record
    anti join {CONTESTED} as contested using (identifier_type, identifier_value)
    where not held.is_shared
    window same_address as (partition by users.node, addresses.value)
    qualify held.record = arg_min(held.record, (held.seniority, held.record)) over same_address
        or bool_or(divided.node is not null) over same_address
"""

_PROBABLE_SQL = f"""
    select left_record, right_record, 'probabilistic', 'alike', probability, probability
    from {JUDGED} as judged anti join {DETERMINISTIC} as found using (left_record, right_record)
    anti join {UNDECIDABLE} using (left_record, right_record)
    where probability >= $threshold
"""
