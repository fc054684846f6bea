"""Everything in the warehouse that names somebody: identifiers, and what rows are found by."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from warehouse import SubjectKey, SubjectKind, Table, Warehouse

IDENTIFIER_VALUES = """
    select distinct identifier_type as kind, identifier_value as value from identity.identifiers
"""
_RECORD_IDS = """
    select distinct 'customer_id' as kind, source_record_id as value from identity.members
"""


def known_values(warehouse: Warehouse, tables: Sequence[Table]) -> str:
    """A query for every ``(kind, value)`` that names somebody here."""
    columns = subject_values(warehouse, tables, kinds=[SubjectKind.EMAIL])
    return " union ".join([IDENTIFIER_VALUES, _RECORD_IDS, *columns])


def subject_values(
    warehouse: Warehouse, tables: Sequence[Table], *, kinds: Collection[str]
) -> list[str]:
    """Queries for the ``(kind, value)`` by which the rows of tables are found; addresses in small letters."""
    return [
        f"select '{key.kind}' as kind, {_value_sql(table, key)} as value from {table.name.sql}"
        for table in tables
        for key in table.subjects
        if key.kind in kinds and warehouse.exists(table.name)
    ]


def _value_sql(table: Table, key: SubjectKey) -> str:
    columns = [f'{table.name.sql}."{column}"' for column in key.columns]
    is_address = key.kind is SubjectKind.EMAIL
    return f"lower(trim({columns[0]}))" if is_address else " || '|' || ".join(columns)
