"""What can be said of persons without a truth: how many look like several people, or like a part."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from identity.inventory import PREPARED
from identity.nodes import DEVICES, EMAILS, USERS
from warehouse import Warehouse

# One person may have a nickname, a name before marriage and a slip; a fourth value asks for a look.
MOST_VALUES = 3
_FIELDS = ("given_name", "last_name", "postal_code")


@dataclass(frozen=True, slots=True)
class PersonQuality:
    """Counts over the persons who have source records; no values.

    Attributes:
        persons: How many there are.
        many_given_names: Share of them with more than three given names, 0..1; nicknames count as
            the name behind them.
        many_last_names: The same by surnames.
        many_postal_codes: The same by postal codes.
        singletons: One row per source: source, records, singletons (records that are a person by
            themselves), share.
        sizes: One row per number of records: records, persons.
    """

    persons: int
    many_given_names: float
    many_last_names: float
    many_postal_codes: float
    singletons: pa.Table
    sizes: pa.Table

    def shares(self) -> dict[str, float]:
        """The shares by name."""
        return {
            "persons_with_over_3_given_names": self.many_given_names,
            "persons_with_over_3_last_names": self.many_last_names,
            "persons_with_over_3_postal_codes": self.many_postal_codes,
        }


def measure_persons(warehouse: Warehouse) -> PersonQuality:
    """Count what needs no truth.

    Args:
        warehouse: Holds ``identity.members`` and the prepared records.
    """
    row = warehouse.read(_SHARES_SQL).to_pylist()[0]
    return PersonQuality(
        persons=int(row["persons"]),
        many_given_names=row["given_name"] or 0.0,
        many_last_names=row["last_name"] or 0.0,
        many_postal_codes=row["postal_code"] or 0.0,
        singletons=warehouse.read(_SINGLETONS_SQL),
        sizes=person_sizes(warehouse),
    )


def person_sizes(warehouse: Warehouse) -> pa.Table:
    """One row per number of source records: records, persons."""
    return warehouse.read(
        f"""
        select records, count(*) as persons from (
            select count(*) filter (source not in {_NO_RECORDS}) as records
            from identity.members group by person_id
        ) group by records order by records
        """
    )


def linked_sources(warehouse: Warehouse) -> pa.Table:
    """Count the links that hold, by the sources of their ends: left_source, right_source, links."""
    return warehouse.read(
        """
        select least(left_source, right_source) as left_source,
            greatest(left_source, right_source) as right_source, count(*) as links
        from identity.links where not is_cut group by all
        order by links desc, left_source, right_source
        """
    )


_NO_RECORDS = f"('{USERS}', '{EMAILS}', '{DEVICES}')"

# Who has no more records has no more values.
_SHARES_SQL = f"""
    with large as (
        select source, source_record_id, person_id
        from identity.members where source not in {_NO_RECORDS}
        qualify count(*) over (partition by person_id) > {MOST_VALUES}
    ),
    varied as (
        select person_id, {", ".join(f"count(distinct {name}) as {name}" for name in _FIELDS)}
        from {PREPARED.name.sql} join large using (source, source_record_id) group by person_id
    ),
    known as (
        select count(distinct person_id) as persons
        from identity.members where source not in {_NO_RECORDS}
    ),
    many as (
        select {", ".join(f"count(*) filter ({name} > {MOST_VALUES}) as {name}" for name in _FIELDS)}
        from varied
    )
    select persons, {", ".join(f"{name} / persons as {name}" for name in _FIELDS)} from known, many
"""

_SINGLETONS_SQL = f"""
    with sized as (
        select source, count(*) over (partition by person_id) as records
        from identity.members where source not in {_NO_RECORDS}
    )
    select source, count(*) as records, count(*) filter (records = 1) as singletons,
        avg((records = 1)::integer) as share
    from sized group by source order by source
"""
