"""Draw the line around what a change can reach, and fill the tables of the steps with that alone.

*Inner* nodes are resolved: whole components of links, of all whom a change touches. *Outer* nodes
are only looked at: they keep their persons, and tell whether a value is contested, whether an
address is one person's, who else signs in on a device. No link leads from an inner node to another
one; where one does, the line was drawn too narrow, and ``is_closed`` says so.
"""

from __future__ import annotations

from identity.around import INNER_HELD, INNER_VALUES, OUTER, look_around
from identity.block import PAIRS, holds_one_of
from identity.compare import COMPARED_COLUMNS, compare_more, compare_pairs
from identity.config import IdentityConfig
from identity.detect import (
    CAME,
    KEY_COLUMNS,
    LEFT,
    STALE_ROWS,
    add_addresses,
    addresses_among,
    addresses_of,
    spelled_as_left,
)
from identity.extent import INNER
from identity.inventory import LARGE_BLOCKS, MEMBERS, NODE_STATES, PREPARED
from identity.knowledge import Knowledge
from identity.learn import apply_knowledge
from identity.match import DETERMINISTIC
from identity.nodes import DEVICES, EMAILS, USERS, number_nodes
from identity.observe import ADDRESSES, ALIASES, SIGHTINGS
from identity.prepare import RECORDS, node_of
from identity.resize import HELD, KEYED, RESIZED, unpivot
from identity.touch import (
    REWEIGHED,
    STALE,
    TOUCHED,
    VALUES,
    add_kept,
    kept_where,
)
from identity.weigh import JUDGED
from warehouse import Warehouse

# Records that are not as they were, or were looked at anew: to be kept as they are now.
REWRITTEN = "identity_rewritten_records"
# Nodes whose identifiers may not be as they were.
RETOLD = "identity_retold_nodes"
_SEEDS, _SCOPE, _PARTNERS = "identity_seed_nodes", "identity_scope_nodes", "identity_partners"
_SIDES = "identity_compared_sides"
_CANDIDATES, _LIKELY = "identity_candidates", "identity_likely_records"
_SIGN_INS, _TOUCHED_VALUES = "identity_touched_users", "identity_touched_addresses"
_HOLDERS, _RESPELLED = "identity_address_holders", "identity_respelled_addresses"
_SCOPED_KEYS, _FURTHER = "identity_scoped_keys", "identity_further_pairs"


def draw_line(warehouse: Warehouse, config: IdentityConfig, known: Knowledge) -> None:
    """Fill the tables of inner and outer nodes.

    Args:
        warehouse: Holds the touched records and what they share with others.
        config: As the run's.
        known: What weighs the pairs.
    """
    warehouse.execute(f"create or replace temp table {REWRITTEN} as select record from {RECORDS}")
    _find_partners(warehouse, config, known)
    warehouse.execute(f"create or replace temp table {_SIGN_INS} as {_SIGN_INS_SQL}")
    warehouse.execute(f"create or replace temp table {_RESPELLED} as {spelled_as_left()}")
    add_addresses(warehouse, f"from {_RESPELLED}")
    warehouse.execute(f"create or replace temp table {_TOUCHED_VALUES} as {_TOUCHED_VALUES_SQL}")
    add_addresses(warehouse, addresses_of(f"select value from {_TOUCHED_VALUES}"))
    warehouse.execute(f"create or replace temp table {_HOLDERS} as {_HOLDERS_SQL}")
    warehouse.execute(f"create or replace temp table {_SEEDS} as {_SEEDS_SQL}")
    warehouse.execute(f"create or replace temp table {INNER} as {_INNER_SQL}")
    warehouse.execute(f"insert into {INNER} {_NEW_SQL}")
    warehouse.execute(f"create or replace temp table {INNER_HELD} as {_INNER_HELD_SQL}")
    add_addresses(warehouse, f"{addresses_of(INNER_VALUES)} union {addresses_among(INNER)}")
    warehouse.execute(f"insert into {INNER} {_EMAILS_SQL}")
    warehouse.execute(f"insert into {INNER} {_DEVICES_SQL}")
    warehouse.execute(_RECALLED_SQL)
    look_around(warehouse)
    add_addresses(warehouse, addresses_among(OUTER))
    warehouse.execute(f"create or replace temp table {RETOLD} as {_RETOLD_SQL}")
    warehouse.execute(
        f"create or replace temp table {_SCOPE} as select node, source, source_record_id "
        f"from {INNER} union all select node, source, source_record_id from {OUTER}"
    )


def narrow(warehouse: Warehouse) -> None:
    """Fill the tables of records, nodes, sightings and pairs with what is inside or looked at."""
    warehouse.execute(
        f"create or replace temp table identity_scoped as select node as record from {_SCOPE}"
    )
    add_kept(warehouse, f"(from identity_scoped union from {_LIKELY})")
    for table, sql in (
        (SIGHTINGS, _SIGHTINGS_SQL),
        (ALIASES, _ALIASES_SQL),
        (ADDRESSES, _ADDRESSES_SQL),
    ):
        warehouse.execute(f"create or replace temp table {table} as {sql}")
    number_nodes(warehouse, among=_SCOPE)
    _pair_scope(warehouse)


def is_closed(warehouse: Warehouse, links: str) -> bool:
    """Whether no link leads from an inner node to another one.

    Args:
        warehouse: Holds the inner nodes.
        links: Relation of left_node and right_node.
    """
    inner = f"(select node from {INNER})"
    return not warehouse.scalar(
        f"select count(*) from {links} where (left_node in {inner}) <> (right_node in {inner})"
    )


def _find_partners(warehouse: Warehouse, config: IdentityConfig, known: Knowledge) -> None:
    """Weigh the touched records against all others; keep whom they may be one person with."""
    warehouse.execute(f"create or replace temp table {PAIRS} as {_TOUCHED_PAIRS_SQL}")
    warehouse.execute(
        f"create or replace temp table {_CANDIDATES} as select left_record as record from {PAIRS} "
        f"union select right_record from {PAIRS} except select record from {RECORDS}"
    )
    warehouse.execute(f"create or replace temp table {_SIDES} as {_SIDES_SQL}")
    compare_pairs(warehouse, records=_SIDES)
    warehouse.execute(
        f"create or replace temp table {DETERMINISTIC} "
        "(left_record bigint, right_record bigint, rule varchar)"
    )
    apply_knowledge(warehouse, config, known)
    warehouse.execute(
        f"create or replace temp table {_PARTNERS} as {_PARTNERS_SQL}",
        {"threshold": known.threshold},
    )
    warehouse.execute(
        f"create or replace temp table {_LIKELY} as {_LIKELY_SQL}",
        {"lowest": config.review_probability},
    )


def _pair_scope(warehouse: Warehouse) -> None:
    """Add the pairs among the records in scope, by blocks as large as they are among all records."""
    warehouse.execute(
        f"create or replace temp table identity_scoped_rows as "
        f"select record, {KEY_COLUMNS} from {PREPARED.name.sql} "
        f"semi join (from identity_scoped anti join {STALE} using (record)) using (record)"
    )
    unpivot(warehouse, "identity_scoped_rows", into=_SCOPED_KEYS)
    warehouse.execute(
        f"insert into {_SCOPED_KEYS} select * from {KEYED} "
        "where record in (select record from identity_scoped)"
    )
    warehouse.execute(
        f"create or replace temp table {_SCOPED_KEYS} as select * from {_SCOPED_KEYS} "
        "qualify count(*) over (partition by key_number, key) > 1"
    )
    warehouse.execute(f"create or replace temp table {_FURTHER} as {_FURTHER_SQL}")
    warehouse.execute(f"insert into {PAIRS} from {_FURTHER}")
    compare_more(warehouse, _FURTHER)


# Pairs of scope whose blocks are compared, as large as they are among all records.
_FURTHER_SQL = f"""
    with closed as (
        select key_number, key from {LARGE_BLOCKS.name.sql}
        semi join {_SCOPED_KEYS} using (key_number, key)
        anti join {RESIZED} using (key_number, key)
        union all select key_number, key from {RESIZED} where not is_now
    ),
    taken as (select * from {_SCOPED_KEYS} anti join closed using (key_number, key))
    select distinct one.record as left_record, other.record as right_record
    from taken as one join taken as other using (key_number, key)
    anti join {PAIRS} as pairs on left_record = one.record and right_record = other.record
    where one.record < other.record
"""

# Touched records and candidates. Most candidates are nobody's: of them no more is read than is
# compared.
_SIDE_COLUMNS = ", ".join(("record", "gmail_mailbox", *COMPARED_COLUMNS))
_SIDES_SQL = f"""
    select {_SIDE_COLUMNS} from {RECORDS}
    union all
    select {_SIDE_COLUMNS} from {PREPARED.name.sql} semi join {_CANDIDATES} using (record)
"""
_TOUCHED_PAIRS_SQL = f"""
    with everybody as (select * from {HELD} union all select * from {KEYED}),
    touched as (
        select * from {KEYED} semi join {REWEIGHED} using (record)
        semi join (select * from {RESIZED} where is_now) using (key_number, key)
    )
    select distinct least(touched.record, everybody.record) as left_record,
        greatest(touched.record, everybody.record) as right_record
    from touched join everybody using (key_number, key)
    where touched.record <> everybody.record
"""

# Likely pairs, and pairs of one mailbox, which is read by pairs.
_PARTNERS_SQL = f"""
    with likely as (
        select left_record, right_record from {JUDGED} where probability >= $threshold
        union
        select left_record, right_record from {PAIRS}
        join {_SIDES} as one on one.record = left_record
        join {_SIDES} as other on other.record = right_record
        where one.gmail_mailbox = other.gmail_mailbox
    )
    select left_record as node from likely union select right_record from likely
"""

# Pairs that somebody may look at.
_LIKELY_SQL = f"""
    select left_record as record from {JUDGED} where probability >= $lowest
    union select right_record from {JUDGED} where probability >= $lowest
"""

_UNSHARED = f"""
    select identifier_type, identifier_value from {VALUES}
    anti join identity_shared_values using (identifier_type, identifier_value)
"""

# Users who signed in with what changed, or do now; and addresses that touched records or users
# have or had.
_SIGN_INS_SQL = f"""
    select user_id from {RECORDS} semi join {REWEIGHED} using (record) where user_id is not null
    union select user_id from {STALE_ROWS} where user_id is not null
    union select source_record_id from {CAME} where source = '{USERS}'
"""
_TOUCHED_VALUES_SQL = f"""
    select addresses.value from {CAME} join {ADDRESSES} as addresses
        on given = source_record_id where source = '{EMAILS}'
    union
    select addresses.value from {SIGHTINGS} as sightings
    join {ADDRESSES} as addresses on given = sightings.email
    where user_id in (select user_id from {_SIGN_INS})
    union
    select value from {ADDRESSES} semi join {_RESPELLED} using (given)
    union
    select identifier_value from {VALUES} where identifier_type = 'email'
"""

_HOLDERS_SQL = kept_where(
    "record, email, email_is_shared", holds_one_of("email", f"select value from {_TOUCHED_VALUES}")
)
# Who may hold a shared address alone now: it becomes theirs, and may bring them the id it had.
_LAST_HOLDERS_SQL = f"""
    select min(record) from {_HOLDERS} join {MEMBERS.name.sql} on node = record
    where email_is_shared group by email having min(person_id) = max(person_id)
"""

# Whom a change touches, and who shares with them what links.
_SEEDS_SQL = f"""
    with unshared as ({_UNSHARED}),
    holders as (
        {
    " union ".join(
        kept_where("record", condition)
        for condition in (
            "not phone_is_shared and "
            + holds_one_of(
                "phone", "select identifier_value from unshared where identifier_type = 'phone'"
            ),
            f"user_id in (select user_id from {_SIGN_INS})",
        )
    )
}
    )
    select node from {TOUCHED}
    union select node from {_PARTNERS}
    union select record from holders
    union select record from {_HOLDERS} where not email_is_shared
    union {_LAST_HOLDERS_SQL}
    union select {node_of(f"'{USERS}'", "user_id")} from {_SIGN_INS}
    union
    select {node_of(f"'{EMAILS}'", "given")} from {ADDRESSES}
    semi join {_TOUCHED_VALUES} using (value)
    union
    select {node_of(f"'{USERS}'", "user_id")} from {SIGHTINGS}
    join {ADDRESSES} on given = email semi join {_TOUCHED_VALUES} using (value)
    where user_id is not null
"""

_INNER_SQL = f"""
    with reached as (select distinct component from {NODE_STATES.name.sql} semi join {_SEEDS} using (node))
    select node, source, source_record_id, row_hash, component from {NODE_STATES.name.sql}
    where component in (select component from reached)
"""
_NEW_SQL = f"""
    select node, source, source_record_id, null, null from {CAME} anti join {INNER} using (node)
"""
# Nodes that no component brought in may have been there all the same.
_RECALLED_SQL = f"""
    update {INNER} as nodes set row_hash = kept.row_hash, component = kept.component
    from {NODE_STATES.name.sql} as kept where kept.node = nodes.node and nodes.row_hash is null
"""
# Whose identifiers may not be as they were: of an address nothing is told but whether it is shared.
_RETOLD_SQL = f"""
    select record as node from {REWRITTEN} union select record from {STALE}
    union select node from {INNER} where source in ('{USERS}', '{DEVICES}')
    union select node from {INNER} semi join {CAME} using (node)
    union select node from {INNER} semi join {LEFT} using (node)
    union select node from {INNER} join {ADDRESSES} as addresses on given = source_record_id
    where source = '{EMAILS}' and value in (
        select identifier_value from {VALUES} where identifier_type = 'email'
    )
"""

_INNER_HELD_SQL = f"""
    select record, email, phone, phone_is_shared from {RECORDS} semi join {INNER} on node = record
    union all
    {kept_where("record, email, phone, phone_is_shared", f"record in (select node from {INNER})")}
"""
_EMAILS_SQL = f"""
    with wanted as ({INNER_VALUES})
    select {node_of(f"'{EMAILS}'", "given")} as node, '{EMAILS}', given, null, null
    from {ADDRESSES} semi join wanted using (value)
    where node not in (select node from {INNER})
"""

_DEVICES_SQL = f"""
    with users as (select source_record_id as id from {INNER} where source = '{USERS}'),
    emails as (select source_record_id as id from {INNER} where source = '{EMAILS}'),
    seen as (
        select anonymous_id as id from {SIGHTINGS}
        where anonymous_id is not null
            and (user_id in (select id from users) or email in (select id from emails))
        union
        select previous_id from {ALIASES} where is_device and user_id in (select id from users)
    )
    select {node_of(f"'{DEVICES}'", "id")} as node, '{DEVICES}', id, null, null from seen
    where node not in (select node from {INNER})
"""

_IN_SCOPE = f"select source_record_id from {_SCOPE} where source = "
_SIGHTINGS_SQL = f"""
    select * from {SIGHTINGS}
    where user_id in ({_IN_SCOPE} '{USERS}') or email in ({_IN_SCOPE} '{EMAILS}')
        or anonymous_id in ({_IN_SCOPE} '{DEVICES}')
"""
_ALIASES_SQL = f"""
    select * from {ALIASES}
    where user_id in ({_IN_SCOPE} '{USERS}')
        or previous_id in ({_IN_SCOPE} '{USERS}') or previous_id in ({_IN_SCOPE} '{DEVICES}')
"""
_ADDRESSES_SQL = f"""
    select * from {ADDRESSES}
    where given in ({_IN_SCOPE} '{EMAILS}') or given in (select email from {SIGHTINGS})
"""
