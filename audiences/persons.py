"""Find the person whom somebody asks about."""

from __future__ import annotations

from audiences.catalogue import PROFILES, Catalogue, merged_sql
from audiences.errors import UnknownIdError
from audiences.inventory import LEDGER, MEMBERSHIPS
from warehouse import Warehouse


def find_person(warehouse: Warehouse, catalogue: Catalogue, person_id: str) -> str:
    """The id that a person has now, by any id that they ever had.

    Whose profile is gone is known as long as an audience or a destination may have them.

    Args:
        warehouse: The engine, with the tables of audiences and syncs in place.
        catalogue: The tables that the warehouse has.
        person_id: The id.

    Raises:
        UnknownIdError: Nobody has or had it.
    """
    known = [MEMBERSHIPS.name, LEDGER.name, *([PROFILES] if PROFILES in catalogue.columns else [])]
    anywhere = " union all ".join(
        f"select person_id from {table.sql} where person_id = $person_id" for table in known
    )
    current = warehouse.scalar(
        f"""
        select coalesce(
            (select max(current_person_id) from ({merged_sql(catalogue)})
             where person_id = $person_id),
            (select max(person_id) from ({anywhere}))
        )
        """,
        {"person_id": person_id},
    )
    if current is None:
        raise UnknownIdError
    return str(current)
