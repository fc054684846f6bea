"""Read from a mailbox the name that its letters spell.

Whoever signs up as "Mary" with mary.smith42@… has told the surname. Read as a name it is weighed
like any name, with how usual it is and with all its namesakes; read as an address it would seem a
rare agreement with every other Mary Smith, which it is not: the letters follow from the name.
"""

from __future__ import annotations

from identity.prepare import RECORDS
from warehouse import Warehouse

NAMES_COLUMNS = "first_name, initial, last_name, given_name"
# Of an initial and a surname, as a mailbox may spell them.
NAME_KEY = (
    "case when initial is not null and last_name is not null "
    "then hash(initial, replace(last_name, ' ', '')) end"
)
_KNOWN_NAMES = "identity_known_names"
_SPELLED = "identity_spelled_names"


def read_mailboxes(warehouse: Warehouse, *, names: str = RECORDS) -> None:
    """Fill in surnames, and first names or initials, that a mailbox spells and the record lacks.

    Only names of other records of the company are read, and only where one surname fits.

    Args:
        warehouse: Holds the prepared records.
        names: The relation of all records' own names.
    """
    warehouse.execute(
        f"create or replace temp table {_KNOWN_NAMES} as "
        + spellings_of(names, only=f"(select mailbox from {RECORDS} where last_name is null)")
    )
    warehouse.execute(f"create or replace temp table {_SPELLED} as {_SPELLED_SQL}")
    warehouse.execute(
        f"""
        update {RECORDS} as records
        set last_name = spelled.last_name,
            first_name = coalesce(records.first_name, spelled.first_name),
            given_name = coalesce(records.given_name, spelled.given_name),
            initial = coalesce(records.initial, spelled.initial),
            is_spelled = true
        from {_SPELLED} as spelled where spelled.record = records.record
        """
    )
    for name in (_KNOWN_NAMES, _SPELLED):
        warehouse.execute(f"drop table {name}")


def spellings_of(names: str, *, only: str | None = None) -> str:
    """SQL of the mailboxes that names spell: letters, spelled_name (null for an initial), and name.

    Args:
        names: A relation of names.
        only: A relation with a column ``mailbox``: other mailboxes do not matter. None: all do.
    """
    wanted = "" if only is None else f"semi join {only} as wanted on wanted.mailbox = letters"
    return f"""
        with names as (
            select distinct {NAMES_COLUMNS}, replace(last_name, ' ', '') as surname
            from {names} where first_name is not null and length(last_name) >= 3
        ),
        spellings as (
            select unnest([first_name || surname, surname || first_name]) as letters,
                first_name as spelled_name, *
            from names
            union all
            select unnest([initial || surname, surname || initial]), null, * from names
        )
        select distinct letters, spelled_name, given_name, initial, last_name
        from spellings {wanted}
        where length(letters) >= 5
    """


# A mailbox that spells a whole first name is that name's, though it could be an initial's too.
_SPELLED_SQL = f"""
    with lacking as (
        select record, mailbox, initial, given_name
        from {RECORDS} where last_name is null and mailbox is not null
    ),
    fitting as (
        select record, known.* from lacking
        join {_KNOWN_NAMES} as known on letters = mailbox
        where lacking.initial is null or known.initial = lacking.initial
            or known.given_name = lacking.given_name
        qualify spelled_name is not null
            or not bool_or(spelled_name is not null) over (partition by record)
    )
    select record, any_value(last_name) as last_name, any_value(initial) as initial,
        case when count(distinct spelled_name) = 1 then any_value(spelled_name) end as first_name,
        case when count(distinct spelled_name) = 1 then any_value(given_name) end as given_name
    from fitting group by record
    having count(distinct last_name) = 1 and count(distinct initial) = 1
"""
