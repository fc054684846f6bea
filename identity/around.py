"""Look at who stands around the nodes that a part of a run resolves; see ``region``."""

from __future__ import annotations

from identity.assign import ASSIGNED
from identity.attach import CLUSTERS
from identity.block import holds_one_of
from identity.extent import INNER
from identity.inventory import MEMBERS, MEMBERS_HISTORY
from identity.nodes import DEVICES, EMAILS, USERS
from identity.observe import ADDRESSES, ALIASES, SIGHTINGS
from identity.prepare import RECORDS, node_of
from identity.touch import kept_where
from warehouse import Warehouse

# Nodes that are looked at, as ``INNER``; and the person of each.
OUTER = "identity_outer_nodes"
# Rows of the history of inner nodes, the person ids in them, and all rows of the history of those.
INNER_HISTORY, INNER_IDS = "identity_inner_history", "identity_inner_ids"
ID_HISTORY = "identity_history_of_inner_ids"
# Members among inner nodes, those around and those who had an id of inner nodes, before the run.
NEAR = "identity_near_members"
# What inner records hold: record, email, phone, phone_is_shared.
INNER_HELD = "identity_inner_held"
_SEEN, _WANTED = "identity_seen_together", "identity_wanted_values"
_AROUND, _PERSONS = "identity_nodes_around", "identity_persons_around"


def look_around(warehouse: Warehouse) -> None:
    """Fill the tables of outer nodes and of the ids of inner ones; needs all inner nodes."""
    for table, sql in (
        (_SEEN, _SEEN_SQL),
        (_WANTED, _WANTED_SQL),
        (INNER_HISTORY, _INNER_HISTORY_SQL),
        (INNER_IDS, f"select distinct person_id from {INNER_HISTORY}"),
        (ID_HISTORY, _ID_HISTORY_SQL),
        (_AROUND, _AROUND_SQL),
        (NEAR, _NEAR_SQL),
        (_PERSONS, _PERSONS_SQL),
        (OUTER, _OUTER_SQL),
    ):
        warehouse.execute(f"create or replace temp table {table} as {sql}")


def place_outer(warehouse: Warehouse) -> None:
    """Put the outer nodes into the clusters that their persons are."""
    warehouse.execute(f"delete from {CLUSTERS} where node in (select node from {OUTER})")
    warehouse.execute(f"insert into {CLUSTERS} {_OUTER_CLUSTERS_SQL}")


def outer_stay(warehouse: Warehouse) -> bool:
    """Whether the persons around keep their ids beside what was resolved; after ``assign_ids``."""
    return not warehouse.scalar(_RENAMED_SQL)


# Values that inner nodes hold, as records or by signing in with them.
INNER_VALUES = f"""
    select email as value from {INNER_HELD}
    union
    select addresses.value from {SIGHTINGS} as sightings
    join {ADDRESSES} as addresses on given = sightings.email
    where user_id in (select source_record_id from {INNER} where source = '{USERS}')
"""

# Who else identifies on the devices.
_SEEN_SQL = f"""
    with devices as (select source_record_id as id from {INNER} where source = '{DEVICES}')
    select user_id, email from {SIGHTINGS} where anonymous_id in (select id from devices)
    union
    select user_id, null from {ALIASES} where is_device and previous_id in (select id from devices)
"""

_WANTED_SQL = f"""
    select 'email' as identifier_type, value as identifier_value from (
        {INNER_VALUES}
        union select addresses.value from {_SEEN} as seen join {ADDRESSES} as addresses on given = seen.email
        union select addresses.value from {INNER} join {ADDRESSES} as addresses
            on given = source_record_id where source = '{EMAILS}'
    ) where value is not null
    union
    select 'phone', phone from {INNER_HELD} where phone is not null and not phone_is_shared
"""

_INNER_HISTORY_SQL = f"""
    select node, source, person_id, valid_from, valid_to
    from {MEMBERS_HISTORY.name.sql} semi join {INNER} using (node)
"""
_ID_HISTORY_SQL = f"""
    select node, source, person_id
    from {MEMBERS_HISTORY.name.sql} semi join {INNER_IDS} using (person_id)
"""

_EMAILS_WANTED = f"select identifier_value from {_WANTED} where identifier_type = 'email'"
_PHONES_WANTED = f"select identifier_value from {_WANTED} where identifier_type = 'phone'"
# Who else holds the values. Of those who share an address two are enough to tell that several
# persons hold it.
_AROUND_SQL = f"""
    with by_email as (
        from ({
    kept_where(
        "record, email, email_is_shared",
        holds_one_of("email", _EMAILS_WANTED),
    )
}) anti join {INNER} on node = record
    ),
    by_phone as (
        from ({
    kept_where(
        "record",
        f"not phone_is_shared and {holds_one_of('phone', _PHONES_WANTED)}",
    )
}) anti join {INNER} on node = record
    ),
    sharing as (
        select unnest([arg_min(record, person_id), arg_max(record, person_id)]) as record
        from (from by_email where email_is_shared)
        join {MEMBERS.name.sql} on node = record group by email
    ),
    users as (
        select user_id from {SIGHTINGS} join {ADDRESSES} as addresses on given = email
        where value in ({_EMAILS_WANTED})
        union select user_id from {_SEEN}
    )
    select record as node from by_email
    where not email_is_shared or record in (select record from sharing)
    union select record from by_phone
    union select {node_of(f"'{USERS}'", "user_id")} from users where user_id is not null
    union select {node_of(f"'{EMAILS}'", "email")} from {_SEEN} where email is not null
    union select node from {ID_HISTORY} where source <> '{DEVICES}'
"""

_NEAR_SQL = f"""
    select node, source, person_id from {MEMBERS.name.sql} semi join (
        select node from {INNER}
        union all select node from {_AROUND}
        union all select node from {ID_HISTORY}
    ) using (node)
"""

_PERSONS_SQL = f"""
    select distinct person_id from {NEAR} anti join {INNER} using (node)
    where source <> '{DEVICES}'
"""

_OUTER_SQL = f"""
    select node, source, source_record_id, person_id
    from {MEMBERS.name.sql} semi join {_PERSONS} using (person_id) anti join {INNER} using (node)
    where source <> '{DEVICES}'
"""

# A cluster is named by the oldest of its records; see ``collect``.
_OUTER_CLUSTERS_SQL = f"""
    select node, first_value(node) over (
        partition by person_id order by seniority nulls last, node
    )
    from {OUTER} as outside left join {RECORDS} on record = node
    where outside.source <> '{EMAILS}'
"""

# Only an inner address that became theirs can bring them another id.
_RENAMED_SQL = f"""
    select exists (
        from {OUTER} as outside join {CLUSTERS} using (node) join {ASSIGNED} as assigned using (cluster)
        where outside.source <> '{EMAILS}' and assigned.person_id <> outside.person_id
            and cluster in (select cluster from {CLUSTERS} semi join {INNER} using (node))
    )
"""
