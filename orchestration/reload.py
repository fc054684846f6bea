"""Load files of one company again, with its suppressions, its plan and its retention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from ingestion.earlier_loads import is_retention_due, note_retention
from ingestion.inventory import TABLES
from ingestion.load import LoadContext
from orchestration.company import Company
from orchestration.privacy_parts import open_holds, open_suppressions
from privacy import enforce_retention
from warehouse import Warehouse


@contextmanager
def loading(company: Company, *, run_id: str, now: datetime) -> Iterator[LoadContext]:
    """Open what loading takes; afterwards delete what came back although it is too old.

    A landing file still holds rows that retention has deleted from the tables.

    Args:
        company: Whose files; the caller holds its run lock.
        run_id: What retention is recorded by.
        now: Time to record and to judge clocks and ages by.
    """
    sources = company.sources
    with company.open_warehouse() as warehouse:
        try:
            yield LoadContext(
                warehouse,
                now,
                open_suppressions(company, warehouse).suppressed,
                sources.default_region,
                company.tracking_plan,
            )
        finally:
            enforce_due_retention(company, warehouse, now=now, run_id=run_id)


def enforce_due_retention(
    company: Company, warehouse: Warehouse, *, now: datetime, run_id: str
) -> None:
    """Delete what came back although it is too old, if files were loaded again since it was done.

    Every load calls this, so that the next one finishes what a kill cut short.
    """
    if not is_retention_due(warehouse):
        return
    names = {str(table.name) for table in TABLES}
    rules = {name: rule for name, rule in company.retention.tables.items() if name in names}
    if rules:
        retention = company.retention.model_copy(update={"tables": rules})
        held = open_holds(company, warehouse, now=now).held_keys()
        enforce_retention(warehouse, retention, TABLES, now=now, run_id=run_id, held=held)
    note_retention(warehouse)
