"""A small company in memory: the tables that audiences read, filled by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from audiences.config import Audience
from audiences.inventory import TABLES
from warehouse import DuckDBWarehouse, TableName

NOW = dt.datetime.fromisoformat("2026-03-02T09:30")
AS_OF = dt.datetime.fromisoformat("2026-03-01")

MARTS = """
create schema raw; create schema marts; create schema identity; create schema prediction;
create table raw.as_of (as_of timestamp);
create table marts.profiles (
    person_id varchar, is_known boolean, is_bot boolean, first_name varchar, job_title varchar,
    country varchar, lifecycle_stage varchar, account_id varchar, employee_count bigint,
    last_seen_at timestamp, download_count bigint, total_spent double, top_topic varchar,
    persona_name varchar, scores varchar
);
create table marts.events (
    event_id varchar, person_id varchar, type varchar, event varchar, occurred_at timestamp,
    page_path varchar, content_id varchar, device_type varchar, scroll_depth double,
    properties varchar, is_bot boolean
);
create table marts.accounts (
    account_id varchar, name varchar, industry varchar, employee_count bigint
);
create table marts.account_members (account_id varchar, person_id varchar, basis varchar);
create table marts.consent_current (
    person_id varchar, purpose varchar, status varchar, decided_at timestamp
);
create table marts.contact_points (
    person_id varchar, identifier_type varchar, identifier_value varchar, is_preferred boolean,
    is_shared boolean, denied_purposes varchar, source varchar, source_record_id varchar
);
create table marts.current_person (person_id varchar, current_person_id varchar);
create table identity.persons (
    person_id varchar, status varchar, merged_into varchar, created_at timestamp
);
create table prediction.propensity_scores (
    model_key varchar, person_id varchar, as_of timestamp, score double, lower double,
    upper double, decile bigint, source varchar
);
create table prediction.account_scores (
    model_key varchar, account_id varchar, as_of timestamp, score double, decile bigint,
    source varchar, person_id varchar
);
create table prediction.persona_members (
    person_id varchar, persona_id varchar, persona_name varchar, confidence double, as_of timestamp
);
"""

Fill = Callable[..., None]


class Company:
    """The in-memory warehouse with one verb for each thing a test says about a person."""

    def __init__(self, warehouse: DuckDBWarehouse | None = None) -> None:
        self.warehouse = warehouse or DuckDBWarehouse.in_memory()
        if self.warehouse.exists(TableName("raw", "as_of")):
            return  # one that was filled before
        self.warehouse.execute(MARTS)
        self.warehouse.create_missing(TABLES)
        self.insert("raw.as_of", as_of=AS_OF)

    def insert(self, table: str, **row: Any) -> None:
        """Add one row, given by column."""
        names = ", ".join(row)
        values = ", ".join(f"${name}" for name in row)
        self.warehouse.execute(f"insert into {table} ({names}) values ({values})", row)

    def person(
        self, person_id: str, *, consent: tuple[str, ...] = ("marketing",), **traits: Any
    ) -> None:
        """A person with an address of their own and these purposes granted."""
        self.insert("marts.profiles", person_id=person_id, **traits)
        self.insert("identity.persons", person_id=person_id, status="active")
        self.insert("marts.current_person", person_id=person_id, current_person_id=person_id)
        for purpose in consent:
            self.consent(person_id, purpose, "granted")
        self.insert(
            "marts.contact_points",
            person_id=person_id,
            identifier_type="email",
            identifier_value=f"{person_id}@mail.example",
            is_preferred=True,
            is_shared=False,
        )

    def merge(self, person_id: str, *, into: str) -> None:
        """Two persons turn out to be one, who keeps the second id."""
        both = {"gone": person_id, "kept": into}
        updates = {
            "identity.persons": "status = 'merged', merged_into = $kept",
            "marts.current_person": "current_person_id = $kept",
            "marts.contact_points": "person_id = $kept, is_preferred = false",
            "marts.events": "person_id = $kept",
        }
        for table, change in updates.items():
            self.warehouse.execute(f"update {table} set {change} where person_id = $gone", both)
        for table in ("marts.profiles", "marts.consent_current"):
            self.warehouse.execute(
                f"delete from {table} where person_id = $gone", {"gone": person_id}
            )

    def people(self, count: int, **traits: Any) -> list[str]:
        """So many persons: p000, p001, …"""
        names = [f"p{number:03d}" for number in range(count)]
        for name in names:
            self.person(name, **traits)
        return names

    def consent(self, person_id: str, purpose: str, status: str) -> None:
        """The latest decision of a person on a purpose."""
        self.warehouse.execute(
            "delete from marts.consent_current where person_id = $p and purpose = $q",
            {"p": person_id, "q": purpose},
        )
        self.insert("marts.consent_current", person_id=person_id, purpose=purpose, status=status)

    def event(self, person_id: str, event: str, *, days_ago: float = 1, **columns: Any) -> None:
        """Something a person did."""
        moment = AS_OF - dt.timedelta(days=days_ago)
        self.insert("marts.events", person_id=person_id, event=event, occurred_at=moment, **columns)

    def rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        """All rows of a table, in a stable order."""
        read: pa.Table = self.warehouse.read(f"select * from {table} where {where} order by all")
        return read.to_pylist()

    def members(self, audience: str = "everyone") -> set[str]:
        """The persons in an audience."""
        found = self.rows("audiences.memberships", f"audience_key = '{audience}'")
        return {row["person_id"] for row in found}


@pytest.fixture
def company() -> Company:
    return Company()


def audience(include: Any, *, key: str = "everyone", **changes: Any) -> Audience:
    """One audience that needs the purpose marketing."""
    fields = {"key": key, "name": key, "purposes": ["marketing"], "include": include, **changes}
    return Audience.model_validate(fields)


EVERYONE = {"trait": "person_id", "is_known": True}
