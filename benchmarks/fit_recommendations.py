"""Choosing content of 2,000 items for 200,000 persons, as each night: read, fit, choose, write.

python -m benchmarks.fit_recommendations [--people 200000] [--items 2000] [--readings 6]

Processor seconds count, those of all threads: on two cores half of them is the least that it takes
by the clock. The marts are made; four in five persons have read something, six items in the mean.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

from rich.console import Console

from personalization import ContentConfig, recommend, write_email_blocks, write_search_profiles
from settings import load_config
from warehouse import DuckDBWarehouse

AS_OF = dt.datetime.fromisoformat("2026-06-01")
BUDGET_S = 60.0

_MARTS = """
create schema marts;
select setseed(0.5);
create table marts.profiles as
    select 'p' || lpad(range::varchar, 7, '0') as person_id, false as is_bot,
        'a' || (range % 20000) as account_id, 'customer' as lifecycle_stage,
        10 as days_since_last_seen
    from range($people);
create table marts.consent_current as
    select person_id, 'personalization' as purpose, 'granted' as status from marts.profiles;
create table marts.contact_points as
    select person_id, 'email' as identifier_type, person_id as identifier_value,
        false as is_shared from marts.profiles;
create table marts.current_person as select person_id, person_id as current_person_id from marts.profiles;
create table marts.content_items as
    select 'c' || lpad(range::varchar, 5, '0') as content_id, 'title ' || range as title,
        'https://fernhill.example/' || range as url,
        'topic ' || (range % 14) as topic, 'type ' || (range // 14 % 7) as content_type,
        ['awareness', 'consideration', 'retention'][1 + range % 3] as funnel_stage,
        $as_of::timestamp - to_days((1000 * random())::integer) as published_at
    from range($items);
-- Each person has a favourite topic, and popular items are read most.
create table marts.content_engagement as
    with reads as (
        select 'p' || lpad(((range / ($readings / 0.8))::integer)::varchar, 7, '0') as person_id,
            (range / ($readings / 0.8))::integer % 14 as topic, random() as is_own,
            (pow(random(), 2) * ($items / 14 - 1))::integer as place, (14 * random())::integer as other,
            random() as age, random() as depth
        from range(($people * $readings)::integer)
        where (range / ($readings / 0.8))::integer < $people
    )
    select person_id,
        'c' || lpad((14 * place + case when is_own < 0.6 then topic else other % 14 end)::varchar, 5, '0')
            as content_id,
        max(depth) as max_scroll_depth,
        $as_of::timestamp - to_hours((24 * 119 * max(age))::integer) as first_viewed_at,
        $as_of::timestamp - to_hours((24 * 119 * min(age))::integer) as last_viewed_at
    from reads group by all;
create table marts.events as
    select null::varchar as event_id, null::varchar as person_id, null::timestamp as occurred_at,
        null::timestamp as received_at, null::varchar as event, '{}' as properties, false as is_bot
    where false;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--readings", type=float, default=6.0)
    options = parser.parse_args()
    console = Console()
    content = load_config(Path("config/content.yml"), ContentConfig)
    with (
        tempfile.TemporaryDirectory() as folder,
        DuckDBWarehouse.open(Path(folder) / "warehouse.duckdb") as warehouse,
    ):
        _fill(warehouse, options)
        works: tuple[tuple[str, Callable[[], object]], ...] = (
            (
                "recommendations",
                lambda: recommend(warehouse, content, as_of=AS_OF, seed=7, run_id="b"),
            ),
            (
                "e-mail blocks",
                lambda: write_email_blocks(warehouse, content, as_of=AS_OF, seed=7, run_id="b"),
            ),
            (
                "search profiles",
                lambda: write_search_profiles(warehouse, content, as_of=AS_OF, run_id="b"),
            ),
        )
        for name, work in works:
            began, worked = perf_counter(), process_time()
            work()
            console.print(
                f"{name}: {process_time() - worked:.1f} s of the processor, "
                f"{perf_counter() - began:.1f} s by the clock"
            )
    console.print(f"budget: {BUDGET_S:.0f} s by the clock, alone on two cores")


def _fill(warehouse: DuckDBWarehouse, options: argparse.Namespace) -> None:
    for statement in filter(str.strip, _MARTS.split(";")):
        values = {"people": options.people, "items": options.items, "readings": options.readings,
                  "as_of": AS_OF}  # fmt: skip
        warehouse.execute(statement, {k: v for k, v in values.items() if f"${k}" in statement})


if __name__ == "__main__":
    main()
