"""Persons and events made in the engine: a warehouse as it stands before profiles are built."""

from __future__ import annotations

from pathlib import Path

import identity.inventory
import ingestion.inventory
import prediction.inventory
from warehouse import DuckDBWarehouse

CONTENT_ITEMS = 500
ACCOUNTS = 1_000
# Five calls within three minutes are a visit; visits lie anywhere in ninety days.
CALLS = 5
DAYS = 90
_START = "timestamp '2026-01-01'"

_PEOPLE = f"""
    insert into raw.as_of select {_START} + interval {DAYS + 1} day;
    insert into identity.persons by name
        select 'p' || n as person_id, 'active' as status from range({{persons}}) as t(n);
    insert into identity.members by name
        select 'devices' as source, 'd' || n as source_record_id, 'p' || n as person_id
        from range({{persons}}) as t(n)
        union all by name
        select 'crm' as source, 'r' || n as source_record_id, 'p' || n as person_id
        from range(0, {{persons}}, 2) as t(n)
        union all by name
        select 'users' as source, 'u' || n as source_record_id, 'p' || n as person_id
        from range(0, {{persons}}, 2) as t(n);
    insert into identity.devices by name
        select 'd' || n as anonymous_id, 'p' || n as person_id, false as is_shared
        from range({{persons}}) as t(n);
    insert into raw.person_records by name
        select 'crm' as source, 'r' || n as source_record_id, 'r' || n as record_hash,
            'Name' || n % 997 as first_name, 'Surname' || n % 4999 as last_name,
            'City' || n % 300 as city, 'US' as country, 'Title' || n % 40 as job_title,
            'a' || n % {ACCOUNTS} as account_id, 'u' || n as user_id,
            {_START} as record_created_at, {_START} as record_updated_at, {_START} as loaded_at
        from range(0, {{persons}}, 2) as t(n);
    insert into raw.accounts by name
        select 'crm_accounts' as source, 'a' || n as account_id, 'Company ' || n as name,
            'company' || n || '.example' as domain, 'Industry ' || n % 12 as industry,
            n as employee_count, 'a' || n as record_hash, {_START} as loaded_at
        from range({ACCOUNTS}) as t(n);
    insert into identity.account_records by name
        select 'crm_accounts' as source, 'a' || n as account_record_id, 'a' || n as account_id,
            'company' || n || '.example' as domain
        from range({ACCOUNTS}) as t(n);
    insert into raw.content_items by name
        select 'cms' as source, 'c' || n as content_id, 'Item ' || n as title,
            'topic ' || n % 20 as topic, 'c' || n as record_hash, {_START} as loaded_at
        from range({CONTENT_ITEMS}) as t(n);
    insert into raw.orders by name
        select 'shop' as source, 'o' || n as order_id, 'crm' as person_source,
            'r' || n % ({{persons}} // 2) * 2 as person_record_id, n % 90 + 0.5 as amount,
            case when n % 10 = 0 then 'failed' else 'paid' end as status,
            {_START} + interval (n % {DAYS}) day as ordered_at, 'o' || n as record_hash,
            {_START} as loaded_at
        from range({{persons}} // 5) as t(n);
    insert into raw.tickets by name
        select 'help' as source, 't' || n as ticket_id, 'crm' as person_source,
            'r' || n * 40 as person_record_id, n % 5 + 1.0 as satisfaction,
            {_START} as opened_at, 't' || n as record_hash, {_START} as loaded_at
        from range({{persons}} // 40) as t(n);
"""

_EVENTS = f"""
    insert into raw.events by name
    with visits as (
        select i, i % {CALLS} as k, hash(i // {CALLS}) % {{persons}} as person,
            hash(i // {CALLS}, 1) as chance
        from range({{first}}, {{last}}) as t(i)
    )
    select 'e' || i as event_id, 'web' as source, 'd' || person as anonymous_id,
        case when person % 2 = 0 and chance % 4 = 0 then 'u' || person end as user_id,
        case when k = 2 then 'track' else 'page' end as type,
        case when k = 2 then 'Content Viewed' end as event,
        'https://www.shop.example/' || k as page_url, '/' || k as page_path,
        case when k = 0 and chance % 3 = 0 then 'https://www.google.com/' end as page_referrer,
        case when k in (1, 2) then 'c' || chance % {CONTENT_ITEMS} end as content_id,
        case when k = 4 and chance % 7 = 0 then 'query ' || chance % 100 end as search_query,
        case when chance % 2 = 0 then 'mobile' else 'desktop' end as device_type,
        'en-US' as locale, 'America/New_York' as timezone,
        case when person % 100 = 0 then 'Mozilla/5.0 (compatible; Googlebot/2.1)'
            else 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0' end as user_agent,
        {_START} + to_seconds((chance // 8 % {DAYS * 86_400} + 40 * k)::bigint) as timestamp,
        "timestamp" as received_at, (select max(as_of) from raw.as_of) as loaded_at
    from visits
"""


def make_people(path: Path, *, persons: int, events: int) -> None:
    """Fill a new warehouse; the same numbers give the same rows."""
    with DuckDBWarehouse.open(path) as warehouse:
        for package in (ingestion, identity, prediction):
            warehouse.create_missing(package.inventory.TABLES)
        for statement in _PEOPLE.format(persons=persons).split(";\n"):
            if statement.strip():
                warehouse.execute(statement)
    add_events(path, persons=persons, first=0, last=events)


def pass_a_day(path: Path) -> None:
    """Let the next run be one of the next day."""
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.execute("update raw.as_of set as_of = as_of + interval 1 day")


def add_events(path: Path, *, persons: int, first: int, last: int) -> None:
    """Append the events with these numbers, the last not included, loaded on the day of the run."""
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.execute(_EVENTS.format(persons=persons, first=first, last=last))
