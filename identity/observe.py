"""Read from events which ids were seen together, and when.

Events are many and the ids in them are few: they are folded once, to one row per combination of
ids and day, and nothing here looks at an event again.
"""

from __future__ import annotations

from identifiers import normalise_emails
from identity.prepare import SOURCE, keep_values, usable_id
from warehouse import TableName, Warehouse

EVENTS = "staging.stg_raw__events"
SIGHTINGS = "identity_sightings"
ALIASES = "identity_aliases"
ADDRESSES = "identity_addresses"
# Addresses that other tables tell: given.
TOLD = "identity_told_addresses"
# Other tables that name a person by address; a company may have neither.
_BY_ADDRESS = (TableName("staging", "stg_raw__orders"), TableName("staging", "stg_raw__tickets"))


def observe_events(warehouse: Warehouse, *, records: str = SOURCE) -> None:
    """Fill the temporary tables of what was seen together.

    * addresses: ``given`` as staged, ``value`` normalised; addresses that are nobody's are left out
    * sightings: ``anonymous_id``, ``user_id``, ``email`` (as staged), ``timezone`` (null where not
      told), ``day``, ``source`` (the first by name), ``occurred_at`` and ``known_at`` of the first
      event of that day; at least one id is there
    * aliases: ``user_id`` and the ``previous_id`` that it replaces

    Args:
        warehouse: Holds the staged tables.
        records: Relation of the records whose addresses are read: all, or a part.
    """
    _read_addresses(warehouse, records)
    warehouse.execute(
        f"""
        create or replace temp table {SIGHTINGS} as
        with seen as (
            select {usable_id("anonymous_id")} as anonymous_id, {usable_id("user_id")} as user_id,
                email, timezone, source, occurred_at, received_at
            from {EVENTS}
        )
        select anonymous_id, user_id, addresses.given as email, seen.timezone,
            cast(date_trunc('day', occurred_at) as date) as day,
            min(seen.source) as source,
            min(occurred_at) as occurred_at,
            min(coalesce(received_at, occurred_at)) as known_at
        from seen
        left join {ADDRESSES} as addresses on addresses.given = seen.email
        where coalesce(anonymous_id, user_id, addresses.given) is not null
        group by all
        """
    )
    # Some tools alias a browser's id to the user's: that is a sign-in on the browser.
    warehouse.execute(
        f"""
        create or replace temp table {ALIASES} as
        select previous_id, user_id, min(occurred_at) as occurred_at,
            min(coalesce(received_at, occurred_at)) as known_at,
            previous_id in (
                select anonymous_id from {SIGHTINGS} where anonymous_id is not null
            ) as is_device
        from {EVENTS}
        where type in ('alias', 'merge') and previous_id <> user_id
            and {usable_id("previous_id")} is not null and {usable_id("user_id")} is not null
        group by previous_id, user_id
        """
    )


def told_by(warehouse: Warehouse) -> list[TableName]:
    """The other tables that name persons by address, as far as the company has them."""
    return [table for table in _BY_ADDRESS if warehouse.exists(table)]


def _read_addresses(warehouse: Warehouse, records: str) -> None:
    others = [f"select person_email from {table.sql}" for table in told_by(warehouse)]
    none = "select null::varchar as person_email limit 0"
    warehouse.execute(
        f"create or replace temp table {TOLD} as select person_email as given "
        f"from ({' union '.join(others) or none}) where person_email is not null"
    )
    given = warehouse.read(
        f"select given from (select email from {records} union select email from {EVENTS} "
        f"union select given from {TOLD}) as found(given) "
        "where given is not null order by given"
    )
    values = given.column("given").combine_chunks()
    keep_values(warehouse, ADDRESSES, {"given": values, "value": normalise_emails(values)})
    warehouse.execute(f"delete from {ADDRESSES} where value is null")
