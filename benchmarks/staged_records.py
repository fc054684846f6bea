"""The person records of a sample company, loaded and staged in a database of their own."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa

from benchmarks.measured import SEED
from ingestion import SourcesConfig, load_landing
from sample import make_records
from settings import load_config
from warehouse import DuckDBWarehouse

NOW = dt.datetime.fromisoformat("2026-12-01")
_SOURCES = Path(__file__).parents[1] / "config" / "sources.yml"
# Half of the people have one record, most of the others two or three.
_RECORDS_PER_PERSON = 1.945
_TEXTS = (
    "account_id", "user_id", "first_name", "middle_name", "last_name", "full_name", "phone",
    "birth_date", "street", "city", "state", "postal_code", "country", "company_name",
)  # fmt: skip
# What dbt's staging does to records, as a table: blanks are null, the last version counts.
_STAGED_SQL = f"""
create schema if not exists staging;
create table staging.stg_raw__person_records as
select source, source_record_id, record_hash, lower(nullif(trim(email), '')) as email,
    {", ".join(f"nullif(trim({name}), '') as {name}" for name in _TEXTS)},
    record_created_at, record_updated_at, loaded_at
from (select distinct on (source, source_record_id) * from raw.person_records
    order by source, source_record_id, record_updated_at desc nulls last, record_hash)
order by hash(source_record_id)
limit $records;
create table staging.stg_raw__events (
    anonymous_id varchar, user_id varchar, previous_id varchar, email varchar, type varchar, timezone varchar,
    occurred_at timestamp, received_at timestamp, source varchar
);
drop table raw.person_records
"""


def stage_records(folder: Path, records: int) -> tuple[Path, Path]:
    """Make so many records of people; return the database that holds them, and the truth."""
    database, truth = folder / f"records-{records}.duckdb", folder / f"truth-{records}.csv"
    if not database.exists():
        people = int(records / _RECORDS_PER_PERSON) + 600
        made, whose = stage_company(folder / str(records), people=people, seed=SEED, most=records)
        made.rename(database)
        whose.rename(truth)
    return database, truth


def stage_company(
    folder: Path, *, people: int, seed: int, most: int | None = None
) -> tuple[Path, Path]:
    """Make the records of so many people; return the database that holds them, and the truth.

    Args:
        folder: Where both are written, and the files that were loaded.
        people: How many people the company knows.
        seed: Any whole number.
        most: Keep so many records at most.
    """
    database, truth = folder / "records.duckdb", folder / "truth.csv"
    make_records(people=people, seed=seed, out=folder / "landing", truth=truth)
    with DuckDBWarehouse.open(database) as warehouse:
        load_landing(warehouse, _sources(), folder / "landing", now=NOW, is_suppressed=_nobody)
        limit = "all" if most is None else str(most)
        for statement in _STAGED_SQL.replace("$records", limit).split(";"):
            warehouse.execute(statement)
        warehouse.compact()
    return database, truth


def _sources() -> SourcesConfig:
    """The sources of people; nothing else was made."""
    config = load_config(_SOURCES, SourcesConfig)
    people = {name: one for name, one in config.sources.items() if one.kind == "person_records"}
    return config.model_copy(update={"sources": people})


def _nobody(identifiers: pa.Table) -> pa.Table:
    return identifiers.slice(0, 0)
