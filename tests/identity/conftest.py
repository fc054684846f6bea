"""A company in memory: staged records and events, filled by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from identity import IdentityConfig, ResolutionReport, resolve, resolve_accounts
from identity.inventory import TABLES
from warehouse import DuckDBWarehouse, TableName

NOW = dt.datetime.fromisoformat("2026-03-02 09:30")
AS_OF = dt.datetime.fromisoformat("2026-03-01")
RECORDS = TableName("staging", "stg_raw__person_records")
EVENTS = TableName("staging", "stg_raw__events")
ACCOUNTS = TableName("staging", "stg_raw__accounts")

STAGING = """
create schema staging; create schema raw;
create table raw.as_of (as_of timestamp);
create table staging.stg_raw__person_records (
    load_id varchar, source varchar, file varchar, source_record_id varchar, record_hash varchar,
    account_id varchar, user_id varchar, first_name varchar, middle_name varchar,
    last_name varchar, full_name varchar, email varchar, phone varchar, birth_date varchar,
    street varchar, city varchar, state varchar, postal_code varchar, country varchar,
    company_name varchar, company_domain varchar, job_title varchar, lifecycle_stage varchar,
    attributes varchar, record_created_at timestamp, record_updated_at timestamp,
    loaded_at timestamp
);
create table staging.stg_raw__accounts (
    source varchar, account_id varchar, name varchar, domain varchar, website varchar,
    country varchar, record_created_at timestamp, record_updated_at timestamp
);
create table staging.stg_raw__mail_domains (domain varchar, kind varchar);
create table staging.stg_raw__events (
    event_id varchar, anonymous_id varchar, user_id varchar, previous_id varchar, email varchar,
    type varchar, timezone varchar, occurred_at timestamp, received_at timestamp,
    loaded_at timestamp, source varchar
);
"""

Members = dict[tuple[str, str], str]


def day(number: float) -> dt.datetime:
    """A moment on that day of January 2026."""
    return dt.datetime.fromisoformat("2026-01-01") + dt.timedelta(days=number - 1)


class Company:
    """Staged tables with one verb for each thing that a test says."""

    def __init__(self, artifacts: Path) -> None:
        self.warehouse = DuckDBWarehouse.in_memory()
        self.artifacts = artifacts
        self.config = IdentityConfig()
        self.runs = 0
        self.warehouse.execute(STAGING)
        self.warehouse.create_missing(TABLES)
        self.warehouse.execute("insert into raw.as_of values ($as_of)", {"as_of": AS_OF})

    def saved(self, path: Path) -> None:
        """Write the whole company into a database file; its knowledge stays where it is."""
        self.warehouse.execute(f"attach '{path}' as saved")
        self.warehouse.execute("copy from database memory to saved")
        self.warehouse.execute("detach saved")

    @classmethod
    def restored(cls, path: Path, artifacts: Path, *, runs: int) -> Company:
        """A company as it was saved, after so many runs."""
        made = cls.__new__(cls)
        made.warehouse = DuckDBWarehouse.in_memory()
        made.artifacts, made.config, made.runs = artifacts, IdentityConfig(), runs
        made.warehouse.execute(f"attach '{path}' as saved (read_only)")
        made.warehouse.execute("copy from database saved to memory")
        made.warehouse.execute("detach saved")
        return made

    def configure(self, **settings: Any) -> None:
        """Change the configuration."""
        self.config = IdentityConfig(**settings)

    def record(
        self, source: str, record_id: str, /, *, created: float | None = 1, **fields: Any
    ) -> None:
        """A record, created on a day of January."""
        row = {
            "source": source,
            "source_record_id": record_id,
            "record_created_at": None if created is None else day(created),
            "loaded_at": NOW,
            **fields,
        }
        self.warehouse.append(RECORDS, pa.Table.from_pylist([row]))

    def account(
        self, source: str, account_id: str, /, *, created: float = 1, **fields: Any
    ) -> None:
        """An account record, created on a day of January."""
        row = {
            "source": source,
            "account_id": account_id,
            "record_created_at": day(created),
            **fields,
        }
        self.warehouse.append(ACCOUNTS, pa.Table.from_pylist([row]))

    def event(
        self, on: float, kind: str = "page", /, *, received: float | None = None, **ids: Any
    ) -> None:
        """An event on a day of January."""
        row = {
            "event_id": f"{on}{kind}{sorted(ids.items())}",
            "type": kind,
            "occurred_at": day(on),
            "received_at": day(on if received is None else received),
            **ids,
        }
        self.warehouse.append(EVENTS, pa.Table.from_pylist([row]))

    def forget(self, table: str, condition: str) -> None:
        """Remove rows, as an erasure does."""
        self.warehouse.execute(f"delete from {table} where {condition}")

    def decide(
        self, decision: str, one: tuple[str, str], other: tuple[str, str], *, number: int = 1
    ) -> None:
        """Somebody's decision on two records."""
        row = {
            "decision_id": f"d{number}", "decision": decision,
            "left_source": one[0], "left_record_id": one[1],
            "right_source": other[0], "right_record_id": other[1],
            "decided_at": NOW + dt.timedelta(minutes=number),
        }  # fmt: skip
        self.warehouse.append(TableName("identity", "decisions"), pa.Table.from_pylist([row]))

    def resolve(self) -> ResolutionReport:
        """Run once more, an hour later."""
        self.runs += 1
        return resolve(
            self.warehouse,
            self.config,
            run_id=f"run-{self.runs}",
            now=NOW + dt.timedelta(hours=self.runs),
            seed=7,
            artifacts=self.artifacts,
            default_region="US",
        )

    def accounts(self) -> Members:
        """Resolve the companies an hour later; the company of each account record."""
        self.runs += 1
        resolve_accounts(
            self.warehouse,
            self.config,
            run_id=f"run-{self.runs}",
            now=NOW + dt.timedelta(hours=self.runs),
        )
        return {
            (row["source"], row["account_record_id"]): row["account_id"]
            for row in self.rows("identity.account_records")
        }

    def members(self) -> Members:
        """The person of each record, sign-in, address and device."""
        return {
            (row["source"], row["source_record_id"]): row["person_id"]
            for row in self.rows("identity.members")
        }

    def are_one(self, *names: tuple[str, str]) -> bool:
        """Whether these all belong to one person."""
        members = self.members()
        return len({members[name] for name in names}) == 1

    def rows(self, table: str, where: str = "true") -> list[dict[str, Any]]:
        """All rows of a table, in a stable order."""
        return self.warehouse.read(f"select * from {table} where {where} order by all").to_pylist()

    def everything(self, *without: str) -> dict[str, list[Mapping[str, Any]]]:
        """All identity tables but the journal, as they are."""
        return {
            table.name.name: [
                {name: value for name, value in row.items() if name not in without}
                for row in self.rows(table.name.sql)
            ]
            for table in TABLES
            if table.name.name not in {"runs", "churn"}
        }

    def person_at(self, source: str, record_id: str, on: float) -> str | None:
        """Whose it was on that day, by the join that dbt makes."""
        found = self.warehouse.read(
            "select person_id from identity.members_history where source = $source "
            "and source_record_id = $id and valid_from <= $on "
            "and (valid_to is null or valid_to > $on)",
            {"source": source, "id": record_id, "on": day(on)},
        ).to_pylist()
        assert len(found) <= 1, "periods overlap"
        return found[0]["person_id"] if found else None


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path / "artifacts")


@pytest.fixture
def another(tmp_path: Path) -> Company:
    """A home that is empty."""
    return Company(tmp_path / "other-artifacts")
