"""A warehouse in memory with the tables that measurement reads, filled by hand."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

import pyarrow as pa
import pytest

from warehouse import DuckDBWarehouse

START = dt.datetime.fromisoformat("2026-03-01")
NOW = dt.datetime.fromisoformat("2026-06-01")

TABLES = """
create schema marts; create schema identity; create schema staging;
create table marts.events (
    event_id varchar, person_id varchar, event varchar, occurred_at timestamp,
    received_at timestamp, properties varchar, is_bot boolean default false
);
create table marts.profiles (
    person_id varchar, country varchar, account_id varchar, employee_count bigint,
    order_count bigint, is_known boolean, is_bot boolean default false
);
create table identity.members (source varchar, source_record_id varchar, person_id varchar);
create table staging.stg_raw__person_records (
    source varchar, source_record_id varchar, record_created_at timestamp
);
"""


@dataclass(frozen=True, slots=True)
class Company:
    """The warehouse with one verb for each thing that a test says about a person."""

    warehouse: DuckDBWarehouse

    def saw(self, person: str, arm: str, *, day: float = 0, experiment: str = "hero") -> None:
        self.event(person, "Experiment Viewed", day, experiment_id=experiment, variation_id=arm)

    def did(self, person: str, event: str, *, day: float) -> None:
        self.event(person, event, day)

    def event(self, person: str | None, event: str, day: float, **properties: str) -> None:
        at = START + dt.timedelta(days=day)
        self.warehouse.execute(
            "insert into marts.events by name select $id as event_id, $person as person_id, "
            "$event as event, $at as occurred_at, $at as received_at, "
            "$properties as properties, false as is_bot",
            {
                "id": f"{person}-{event}-{day}",
                "person": person,
                "event": event,
                "at": at,
                "properties": json.dumps(properties),
            },
        )

    def profile(self, person: str, **columns: object) -> None:
        rows = pa.Table.from_pylist([{"person_id": person, **columns}])
        with self.warehouse.view("fresh", rows):
            self.warehouse.execute("insert into marts.profiles by name select * from fresh")

    def record(self, person: str, source: str, *, day: float) -> None:
        at = START + dt.timedelta(days=day)
        key = {"source": source, "id": f"{source}-{person}"}
        self.warehouse.execute(
            "insert into identity.members values ($source, $id, $person)", {**key, "person": person}
        )
        self.warehouse.execute(
            "insert into staging.stg_raw__person_records values ($source, $id, $at)",
            {**key, "at": at},
        )

    def rows(self, table: str, columns: str, order: str = "all") -> list[tuple[object, ...]]:
        found = self.warehouse.read(f"select {columns} from measurement.{table} order by {order}")
        return [tuple(row.values()) for row in found.to_pylist()]


@pytest.fixture
def company() -> Company:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute(TABLES)
    return Company(warehouse)
