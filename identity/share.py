"""Find the values that several people share: role mailboxes, switchboards, recycled junk.

How many persons stand behind a value is measured as an effective number, 1 / sum(share²) of the
different names (birth dates) among its records, so that one misspelling among many records counts
for little. Source: Hill, M. O. (1973), "Diversity and Evenness", order 2.
"""

from __future__ import annotations

from identity.config import IdentityConfig
from identity.prepare import RECORDS
from warehouse import Warehouse

IDENTIFIERS = "identity_record_identifiers"


def share_values(warehouse: Warehouse, config: IdentityConfig) -> int:
    """Fill the temporary table of the records' identifiers; return how many values are shared.

    One row per record and value: record, identifier_type (email, phone), identifier_value,
    is_shared, first_seen_at, seniority (the record's). A family of two with one mailbox does not make it shared: there the
    names of each pair of records decide (``match``).
    """
    warehouse.execute(
        _IDENTIFIERS_SQL,
        {
            "most": config.max_persons_per_value,
            "max_records": config.max_block_size,
            "blocked": list(config.blocked_values),
            "roles": list(config.role_mailboxes),
        },
    )
    _mark_records(warehouse)
    return int(
        warehouse.scalar(
            "select count(distinct (identifier_type, identifier_value)) "
            f"from {IDENTIFIERS} where is_shared"
        )
    )


def _mark_records(warehouse: Warehouse) -> None:
    """Tell the records of shared values so."""
    for column in ("email", "phone"):
        warehouse.execute(
            f"update {RECORDS} set {column}_is_shared = true where record in (select record "
            f"from {IDENTIFIERS} where identifier_type = '{column}' and is_shared)"
        )


def _held(column: str) -> str:
    return (
        f"select record, '{column}' as identifier_type, {column} as identifier_value, "
        f"first_seen_at, seniority, given_name, last_name, birth_date from {RECORDS} where {column} is not null"
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


_IDENTIFIERS_SQL = f"""
create or replace temp table {IDENTIFIERS} as
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
verdicts as (
    select identifier_type, identifier_value,
        coalesce(max(persons), 1) > $most or any_value(size) > $max_records as is_shared
    from (
        select identifier_type, identifier_value, count(*) as size
        from held group by identifier_type, identifier_value
    )
    left join names using (identifier_type, identifier_value)
    group by identifier_type, identifier_value
)
select given.record, given.identifier_type, given.identifier_value, given.first_seen_at,
    given.seniority,
    coalesce(verdicts.is_shared, false)
        or list_contains($blocked, given.identifier_value)
        or given.identifier_type = 'email' and list_contains(
            $roles, regexp_replace(split_part(given.identifier_value, '@', 1), '[^a-z]', '', 'g')
        ) as is_shared
from given
left join verdicts using (identifier_type, identifier_value)
"""
