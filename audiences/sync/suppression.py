"""Ask who was erased and must not be sent, whatever the audience says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from audiences.catalogue import Catalogue
from audiences.sync import plan
from audiences.sync.config import Sync
from audiences.sync.gates import SUPPRESSED
from warehouse import Warehouse

SuppressionCheck = Callable[[Any], Any]
"""Takes an Arrow table (person_id, identifier_type, identifier_value) and returns the rows of
it that belong to people who were erased and must not come back."""


@contextmanager
def suppressed(
    warehouse: Warehouse, sync: Sync, catalogue: Catalogue, check: SuppressionCheck | None
) -> Iterator[Callable[[], None]]:
    """Hold the persons concerned who must not come back in a temporary table, which every gate reads.

    Args:
        warehouse: The engine.
        sync: Whose audience, and whom it has sent, to ask about.
        catalogue: The tables that the warehouse has.
        check: Tells who was erased; None where nothing tells.

    Yields:
        Asks again, for when others may have written since.
    """

    def ask() -> None:
        _write_suppressed(warehouse, sync, catalogue, check)

    ask()
    try:
        yield ask
    finally:
        for name in _temporary(warehouse):
            warehouse.execute(f"drop table {name}")


def _temporary(warehouse: Warehouse) -> list[str]:
    """What a plan and its run have written down for themselves."""
    rows = warehouse.read(
        "select table_name from information_schema.tables "
        "where table_type = 'LOCAL TEMPORARY' and starts_with(table_name, 'candor_sync_')"
    )
    return list(rows["table_name"].to_pylist())


def _write_suppressed(
    warehouse: Warehouse, sync: Sync, catalogue: Catalogue, check: SuppressionCheck | None
) -> None:
    found = pa.table({"person_id": pa.array([], pa.string())})
    if check is not None:
        known = warehouse.read(
            plan.identifiers_to_check_sql(catalogue),
            {"audience_key": sync.audience, "sync_key": sync.key},
        )
        found = check(known).select(["person_id"])
    with warehouse.view("candor_suppression", found):
        warehouse.execute(
            f"create or replace temp table {SUPPRESSED} as "
            "select distinct person_id from candor_suppression"
        )
