"""Find the values that several people share: role mailboxes, switchboards, recycled junk.

How many persons stand behind a value is measured as an effective number, 1 / sum(share²) of the
different names (birth dates) among its records, so that one misspelling among many records counts
for little. Source: Hill, M. O. (1973), "Diversity and Evenness", order 2.
"""

from __future__ import annotations

import unicodedata

from identity.config import IdentityConfig
from identity.prepare import RECORDS
from warehouse import Warehouse

IDENTIFIERS = "identity_record_identifiers"
SHARED = "identity_shared_values"


def share_values(warehouse: Warehouse, config: IdentityConfig) -> None:
    """Tell the records of shared values so, and list the values.

    A family of two with one mailbox does not make it shared: there the names of each pair of
    records decide (``match``).
    """
    find_shared(warehouse, config, RECORDS)
    mark_records(warehouse, "true")
    list_identifiers(warehouse)


def find_shared(warehouse: Warehouse, config: IdentityConfig, records: str) -> None:
    """Fill the temporary table of shared values: identifier_type, identifier_value.

    Args:
        warehouse: Holds the records.
        config: How many persons and records a value may have.
        records: Relation of all records that hold the values in question.
    """
    warehouse.execute(
        _SHARED_SQL.replace(_RELATION, records),
        {
            "most": config.max_persons_per_value,
            "max_records": config.max_block_size,
            "blocked": list(config.blocked_values),
            "roles": [_letters_of(role) for role in config.role_mailboxes],
        },
    )


def _letters_of(mailbox: str) -> str:
    """The letters of a mailbox, in any script, with their marks; as the engine takes them."""
    return "".join(sign for sign in mailbox if unicodedata.category(sign)[0] in "LM")


def mark_records(warehouse: Warehouse, which: str) -> None:
    """Write into the records whether their values are shared.

    Args:
        warehouse: Holds the prepared records and the shared values.
        which: SQL of the records whose values were looked at; ``{}`` stands for the column.
    """
    for column in ("email", "phone"):
        shared = f"select identifier_value from {SHARED} where identifier_type = '{column}'"
        warehouse.execute(
            f"update {RECORDS} set {column}_is_shared = coalesce({column} in ({shared}), false) "
            f"where {column}_is_shared <> coalesce({column} in ({shared}), false) "
            f"and {which.format(column)}"
        )


def list_identifiers(warehouse: Warehouse) -> None:
    """Fill the temporary table of the records' identifiers, one row per record and value.

    record, identifier_type (email, phone), identifier_value, is_shared, first_seen_at, seniority
    (the record's).
    """
    held = " union all ".join(
        f"select record, '{column}' as identifier_type, {column} as identifier_value, "
        f"first_seen_at, seniority, {column}_is_shared as is_shared "
        f"from {RECORDS} where {column} is not null"
        for column in ("email", "phone")
    )
    warehouse.execute(f"create or replace temp table {IDENTIFIERS} as {held}")


_RELATION = "{records}"


def _held(column: str) -> str:
    return (
        f"select '{column}' as identifier_type, {column} as identifier_value, "
        f"given_name, last_name, birth_date from {_RELATION} where {column} is not null"
    )


def _diversity(field: str) -> str:
    """The effective number of different values of ``field`` among a value's records."""
    return f"""
        select identifier_type, identifier_value, '{field}' as field,
            power(sum(size), 2) / sum(power(size, 2)) as persons
        from (
            select identifier_type, identifier_value, count(*) as size
            from held where {field} is not null
            group by identifier_type, identifier_value, {field}
        )
        group by identifier_type, identifier_value
    """


_SHARED_SQL = rf"""
create or replace temp table {SHARED} as
with given as (
    {_held("email")} union all {_held("phone")}
),
-- As many persons as records at most: only these can be too many.
held as (
    select given.* from given
    semi join (
        select identifier_type, identifier_value from given
        group by identifier_type, identifier_value having count(*) > least($most, $max_records)
    ) using (identifier_type, identifier_value)
),
names as (
    {" union all ".join(_diversity(column) for column in ("given_name", "last_name", "birth_date"))}
),
crowded as (
    select identifier_type, identifier_value
    from (
        select identifier_type, identifier_value, count(*) as size
        from held group by identifier_type, identifier_value
    )
    left join names using (identifier_type, identifier_value)
    group by identifier_type, identifier_value
    having coalesce(max(persons), 1) > $most or any_value(size) > $max_records
)
select * from crowded
union
select identifier_type, identifier_value from given
where list_contains($blocked, identifier_value)
    or identifier_type = 'email' and list_contains(
        $roles, regexp_replace(split_part(identifier_value, '@', 1), '[^\p{{L}}\p{{M}}]+', '', 'g')
    )
"""
