"""Resolving records end to end against a bare Splink script's train, predict and cluster."""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measured import SEED, Ratio, seconds
from identity import IdentityConfig, resolve
from warehouse import DuckDBWarehouse

_BUDGET = 1.3
_RECORDS_PER_PERSON = 1.6
# As many pairs as the bare script samples; ours takes its own default.
_REFERENCE_PAIRS = 1e7
_NOW = dt.datetime.fromisoformat("2026-01-01")

# Everybody has a name, a birth date, an address, a mailbox; a record loses or misspells some.
_RECORDS_SQL = """
create schema if not exists staging;
create table names as
    select i, upper(chr(97 + (i * 7 % 26)::int)) || substr(md5(i::varchar || 'n'), 1, 5) as name
    from range(40000) as t(i);
create or replace macro chance(salt, record) as (hash(salt || record::varchar) % 1000000) / 1e6;
create or replace macro skewed(salt, person, size) as (power(chance(salt, person), 3) * size)::bigint;
create table staging.stg_raw__person_records as
with records as (
    select i as record, (hash('p' || i::varchar) % $people)::bigint as person from range($records) as t(i)
),
facts as (
    select *, skewed('f', person, 3000) as first_number, skewed('l', person, 40000) as last_number,
        (chance('h', person) * $people)::bigint as house
    from records
)
select 'crm' || (record % 3)::varchar as source, record::varchar as source_record_id,
    md5(record::varchar) as record_hash, null::varchar as user_id, null::varchar as account_id,
    case when chance('a', record) < .1 then substr(f.name, 1, 4) else f.name end as first_name,
    null::varchar as middle_name,
    case when chance('b', record) < .05 then substr(l.name, 2) else l.name end as last_name,
    null::varchar as full_name,
    case when chance('c', record) < .5
        then lower(f.name) || '.' || lower(l.name) || person::varchar || '@mail.example' end as email,
    case when chance('d', record) < .4 then '+1206' || lpad(person::varchar, 7, '2') end as phone,
    case when chance('e', record) < .6
        then strftime(date '1940-01-01' + (chance('y', person) * 25000)::int, '%Y-%m-%d') end as birth_date,
    case when chance('g', record) < .7 then (house % 900 + 1)::varchar || ' Street ' || (house % 7919)::varchar end as street,
    'Town ' || (house % 997)::varchar as city, 'WA' as state,
    case when chance('i', record) < .7 then lpad((house % 9973)::varchar, 5, '0') end as postal_code,
    null::varchar as company_name, timestamp '2025-01-01' + to_minutes(record) as record_created_at,
    null::timestamp as record_updated_at, timestamp '2026-01-01' as loaded_at
from facts join names as f on f.i = first_number join names as l on l.i = last_number;
create table staging.stg_raw__events (
    anonymous_id varchar, user_id varchar, previous_id varchar, email varchar, type varchar,
    occurred_at timestamp, received_at timestamp
);
"""


def measure(folder: Path, *, people: int) -> Ratio:
    """Resolve so many records in one home, run the bare script on them in another."""
    ours, reference = (folder / f"{name}-{people}.duckdb" for name in ("ours", "reference"))
    for path in (ours, reference):
        with DuckDBWarehouse.open(path) as warehouse:
            _make_records(warehouse, people)
    return Ratio(
        what=f"resolve {people:,} records",
        ours_s=seconds(lambda: _resolve(ours, folder / "artifacts")),
        reference="bare Splink: train, predict, cluster",
        reference_s=seconds(lambda: _bare_splink(reference)),
        budget=_BUDGET,
    )


def _make_records(warehouse: DuckDBWarehouse, records: int) -> None:
    sizes = {"people": str(int(records / _RECORDS_PER_PERSON)), "records": str(records)}
    for statement in _RECORDS_SQL.split(";"):
        sql = statement
        for name, value in sizes.items():
            sql = sql.replace(f"${name}", value)
        if sql.strip():
            warehouse.execute(sql)


def _resolve(path: Path, artifacts: Path) -> None:
    with DuckDBWarehouse.open(path) as warehouse:
        resolve(
            warehouse, IdentityConfig(), run_id="bench", now=_NOW, seed=SEED, artifacts=artifacts,
            default_region="US",
        )  # fmt: skip


def _bare_splink(path: Path) -> None:
    from splink import DuckDBAPI, Linker, block_on  # noqa: PLC0415 - heavy, and only needed here

    with DuckDBWarehouse.open(path) as warehouse:
        api = DuckDBAPI(warehouse.native_connection)
        warehouse.execute("create table records as select * from staging.stg_raw__person_records")
        linker = Linker(api.register("records"), _reference_settings(), log_level="ERROR")
        training = linker.training
        training.estimate_u_using_random_sampling(max_pairs=_REFERENCE_PAIRS, seed=SEED)
        for rule in (block_on("first_name", "last_name"), block_on("birth_date", "postal_code")):
            training.estimate_parameters_using_expectation_maximisation(rule)
        pairs = linker.inference.predict(threshold_match_probability=0.5)
        linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, 0.9)


def _reference_settings() -> Any:
    import splink.comparison_library as cl  # noqa: PLC0415 - as above
    from splink import SettingsCreator, block_on  # noqa: PLC0415 - as above

    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="source_record_id",
        comparisons=[
            cl.JaroWinklerAtThresholds("first_name", [0.9]).configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("last_name", [0.9]).configure(term_frequency_adjustments=True),
            cl.ExactMatch("email"), cl.ExactMatch("phone"), cl.ExactMatch("birth_date"),
            cl.ExactMatch("postal_code"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("email"), block_on("phone"), block_on("first_name", "last_name"),
            block_on("birth_date", "last_name"), block_on("last_name", "postal_code"),
            block_on("first_name", "postal_code"),
        ],
    )  # fmt: skip


def main() -> None:
    """Measure alone, at the size of the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    records = parser.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        print(*measure(Path(folder), people=records).cells(), sep=" | ")


if __name__ == "__main__":
    main()
