"""Two hundred audiences over all profiles and events, against one scan of what they read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from audiences import Audience, compute_memberships
from audiences.catalogue import read_catalogue
from audiences.compile import compile_audiences
from audiences.inventory import TABLES
from benchmarks.measured import Ratio, seconds
from warehouse import DuckDBWarehouse, Warehouse

AUDIENCES = 200
EVENTS_PER_PERSON = 10
AS_OF = dt.datetime.fromisoformat("2026-03-01")
COUNTRIES = ("US", "DE", "FR", "GB", "CA", "NL", "ES", "IT")


def measure(folder: Path, *, people: int) -> Ratio:
    """Answer every clause of all audiences for everybody; compare with reading the same columns."""
    with DuckDBWarehouse.open(folder / f"audiences-{people}.duckdb") as warehouse:
        _fill(warehouse, people)
        audiences = [_audience(number) for number in range(AUDIENCES)]
        plan = compile_audiences(audiences, read_catalogue(warehouse), as_of=AS_OF)
        counts = ", ".join(f"count(*) filter (where {p.matches})" for p in plan.audiences)
        ours = seconds(
            lambda: warehouse.read(f"select {counts} from ({plan.facts})", plan.parameters)
        )
        return Ratio(
            f"{AUDIENCES} audiences over {people:,} profiles",
            ours,
            "one scan of what they read",
            seconds(lambda: warehouse.read(_SCAN)),
            budget=3.0,
        )


def measure_memberships(folder: Path, *, people: int) -> tuple[float, float]:
    """Seconds to publish all members at first, and again with nothing new."""
    with DuckDBWarehouse.open(folder / f"memberships-{people}.duckdb") as warehouse:
        _fill(warehouse, people)
        audiences = [_audience(number) for number in range(AUDIENCES)]
        first, again = (
            seconds(
                lambda run=run: compute_memberships(warehouse, audiences, run_id=run, now=AS_OF)
            )
            for run in ("r1", "r2")
        )
        return first, again


# What any reader of these columns pays: each value read and each event put to its person.
_SCAN = """
    select count(country), count(last_seen_at), sum(download_count), sum(total_spent), sum(events)
    from marts.profiles
    left join (
        select person_id, count(*) as events, max(occurred_at) as last_at,
            count(distinct event) as kinds
        from marts.events group by person_id
    ) using (person_id)
"""


def _audience(number: int) -> Audience:
    """One of many that share few clauses with one another."""
    return Audience.model_validate(
        {
            "key": f"a{number}",
            "name": f"a{number}",
            "purposes": [],
            "legal_basis": "a benchmark",
            "include": {
                "all": [
                    {"trait": "country", "is": COUNTRIES[number % len(COUNTRIES)]},
                    {"event": f"E{number % 10}", "at_least": 1 + number % 3,
                     "within_days": 10 + number % 20},
                    {"trait": "total_spent", "more_than": number},
                ]
            },
        }
    )  # fmt: skip


def _fill(warehouse: Warehouse, people: int) -> None:
    countries = ", ".join(f"'{name}'" for name in COUNTRIES)
    warehouse.create_missing(TABLES)
    for statement in (
        "create schema marts",
        f"""
        create table marts.profiles as
        select 'p' || i as person_id, false as is_bot, null::varchar as account_id,
            [{countries}][(1 + hash(i) % {len(COUNTRIES)})::bigint] as country,
            timestamp '2026-03-01' - to_days((hash(i, 1) % 300)::int) as last_seen_at,
            (hash(i, 2) % 20)::bigint as download_count, (hash(i, 3) % 500)::double as total_spent
        from range({people}) as made(i)
        """,
        f"""
        create table marts.events as
        select 'p' || (hash(i) % {people}) as person_id, 'E' || (hash(i, 1) % 10) as event,
            timestamp '2026-03-01' - to_minutes((hash(i, 2) % 86400)::bigint) as occurred_at,
            false as is_bot, null::varchar as properties
        from range({people * EVENTS_PER_PERSON}) as made(i)
        """,
    ):
        warehouse.execute(statement)
