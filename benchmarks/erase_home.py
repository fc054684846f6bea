"""A data home to erase from: landing files that were loaded, a resolved graph, and a file that was sent."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import time
from pathlib import Path

import pyarrow.csv

from audiences import Audience, compute_memberships
from audiences.sync import open_destination, run_sync
from ingestion import load_landing
from orchestration.company import Company
from privacy import IdentityType, RequestFolder, SubjectIdentity, SubjectRequest
from settings import Paths
from warehouse import DuckDBWarehouse, Warehouse

NOW = dt.datetime.fromisoformat("2026-04-06T09:30")
LINES_PER_FILE = 100_000
_CONFIG = {
    "sources.yml": {
        "sources": {
            "web": {"kind": "segment", "files": "events/*.jsonl.gz"},
            "crm": {
                "kind": "person_records", "files": "crm/*.csv", "id": "id", "user_id": "id",
                "map": {"email": "email", "phone": "phone", "first_name": "first_name",
                        "last_name": "last_name"},
            },
        },
    },
    "consent.yml": {"purposes": {"marketing": {"description": "letters"}}},
    "destinations.yml": {
        "destinations": {"exports": {"kind": "file", "folder": "exports", "purposes": [],
                                     "legal_basis": "a benchmark"}},
        "syncs": {"to_exports": {"audience": "everyone", "destination": "exports",
                                 "identifiers": [{"type": "email", "form": "raw"}]}},
    },
}  # fmt: skip
_EVERYONE = {
    "key": "everyone", "name": "everyone", "purposes": ["marketing"],
    "include": {"trait": "country", "is_known": True},
}  # fmt: skip


def make_home(folder: Path, *, persons: int, events: int) -> Paths:
    """Make a company of so many persons, and load, resolve and send it."""
    paths = Paths(folder / "config", folder / "home", folder / "home" / "landing")
    _write_config(paths.config)
    paths.make_home()
    _write_landing(paths.landing, persons=persons, events=events)
    company = Company(paths)
    with company.open_warehouse() as warehouse:
        load_landing(
            warehouse, company.sources, paths.landing, now=NOW,
            is_suppressed=lambda identifiers: identifiers.slice(0, 0),
        )  # fmt: skip
        for statement in (*_RESOLVED, *_MARTS):
            warehouse.execute(statement, {"persons": persons} if "$persons" in statement else None)
        everyone = Audience.model_validate(_EVERYONE)
        compute_memberships(warehouse, [everyone], run_id="made", now=NOW)
        _send(company, warehouse)
        warehouse.execute("checkpoint")
    return paths


def ask_erasures(paths: Paths, *, persons: int, requests: int) -> None:
    """Put requests into the drop folder: by e-mail, telephone or user id, spread over all persons."""
    folder = RequestFolder(paths.home / "requests")
    rows = DuckDBWarehouse.in_memory().read(
        f"with people as ({_PEOPLE}) select * from people "
        "where n % ($persons // $requests) = 1 order by n limit $requests",
        {"persons": persons, "requests": requests},
    )
    kinds = (IdentityType.EMAIL, IdentityType.PHONE, IdentityType.USER_ID)
    for number, row in enumerate(rows.to_pylist()):
        kind = kinds[number % len(kinds)]
        value = row[{"email": "email", "phone": "phone", "user_id": "id"}[kind]]
        folder.add(
            SubjectRequest.model_validate(
                {
                    "subject_request_id": f"00000000-0000-4000-8000-{number:012}",
                    "subject_request_type": "erasure",
                    "submitted_time": "2026-04-01T10:00:00Z",
                    "subject_identities": [
                        SubjectIdentity(
                            identity_type=kind, identity_value=value, identity_format="raw"
                        )
                    ],
                }
            )
        )


def _write_config(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, content in _CONFIG.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    (folder / "audiences").mkdir()
    (folder / "audiences" / "everyone.yml").write_text(json.dumps(_EVERYONE), encoding="utf-8")


def _write_landing(landing: Path, *, persons: int, events: int) -> None:
    for name in ("crm", "events"):
        (landing / name).mkdir(parents=True)
    warehouse = DuckDBWarehouse.in_memory()
    records = warehouse.read(
        f"with people as ({_PEOPLE}) select id, email, phone, first_name, last_name from people",
        {"persons": persons},
    )
    pyarrow.csv.write_csv(records, landing / "crm" / "contacts.csv")
    for first in range(0, events, LINES_PER_FILE):
        lines = warehouse.read(
            _LINES,
            {"persons": persons, "first": first, "last": min(first + LINES_PER_FILE, events)},
        )["line"].to_pylist()
        path = landing / "events" / f"part-{first:09}.jsonl.gz"
        path.write_bytes(gzip.compress("".join(lines).encode(), 1))


def _send(company: Company, warehouse: Warehouse) -> None:
    (sync,) = company.syncs
    exports = open_destination(
        "exports", company.destinations.destinations["exports"], artifacts=company.paths.artifacts,
        environment={}, clock=lambda: dt.datetime.now(tz=dt.UTC),
    )  # fmt: skip
    report = run_sync(warehouse, sync, exports, run_id="made", now=NOW, sleep=time.sleep)
    assert report.status == "succeeded", report


_PEOPLE = """
    select n, 'C' || lpad(n::varchar, 9, '0') as id, 'p_' || md5('p' || n)[:16] as person_id,
        'given' || n % 997 || '.family' || n || '@firm' || n % 9000 || '.example' as email,
        '+1206' || 200 + n // 10000 % 800 || lpad((n % 10000)::varchar, 4, '0') as phone,
        'Given' || n % 997 as first_name, 'Family' || n % 4999 as last_name,
        md5('d' || n)[:8] || '-' || md5('d' || n)[9:12] || '-4' || md5('d' || n)[14:16] || '-a'
            || md5('d' || n)[18:20] || '-' || md5('d' || n)[21:] as device
    from range($persons::bigint) as numbers(n)
"""

# Every fourth event of somebody who has signed in tells the user; one of forty tells the address.
_LINES = f"""
    with people as ({_PEOPLE}),
    numbered as (
        select i, timestamp '2026-01-01' + to_milliseconds(i * 4000) as seen_at, people.*
        from range($first::bigint, $last::bigint) as events(i)
        inner join people on people.n = hash(i) % $persons
    )
    select concat(
        '{{"type":"', case when i % 40 = 0 then 'identify' else 'page' end,
        '","messageId":"m-', md5(i::varchar), '","anonymousId":"', device, '",',
        case when i % 4 = 0 then '"userId":"' || id || '",' end,
        case when i % 40 = 0 then '"traits":{{"email":"' || email || '"}}'
            else '"properties":{{"path":"/guides/' || i % 5000 || '","title":"Guide ' || i % 5000
                || '","url":"https://www.maple.example/guides/' || i % 5000 || '"}}' end,
        ',"context":{{"ip":"10.', i % 200, '.', i % 251, '.', n % 241,
        '","userAgent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/', n % 12 + 130,
        '.0.0.0","locale":"en-US"}},"originalTimestamp":"', strftime(seen_at, '%Y-%m-%dT%H:%M:%S.%gZ'),
        '","sentAt":"', strftime(seen_at, '%Y-%m-%dT%H:%M:%S.%gZ'),
        '","receivedAt":"', strftime(seen_at, '%Y-%m-%dT%H:%M:%S.%gZ'), '"}}', chr(10)) as line
    from numbered order by i
"""

_RESOLVED = (
    f"create or replace temp table made as {_PEOPLE}",
    "insert into identity.persons by name select person_id, 'active' as status from made",
    """
    insert into identity.members by name
    select 'crm' as source, id as source_record_id, person_id from made
    union all by name
    select 'users' as source, id as source_record_id, person_id from made
    union all by name
    select 'devices' as source, device as source_record_id, person_id from made
    union all by name
    select 'emails' as source, email as source_record_id, person_id from made
    """,
    """
    insert into identity.identifiers by name
    select 'crm' as source, id as source_record_id, unnest(['email', 'phone', 'user_id'])
        as identifier_type, unnest([email, phone, id]) as identifier_value, false as is_shared
    from made
    """,
    """
    insert into identity.devices by name
    select device as anonymous_id, person_id, false as is_shared from made
    """,
)

# One person of three lives where the audience is.
_MARTS = (
    "create schema if not exists marts",
    """
    create table marts.profiles as
    select person_id, false as is_bot, null::varchar as account_id, first_name,
        case when n % 3 = 1 then 'US' end as country
    from made
    """,
    """
    create table marts.contact_points as
    select person_id, 'email' as identifier_type, email as identifier_value,
        null::varchar as denied_purposes, true as is_preferred, false as is_shared,
        'crm' as source, id as source_record_id
    from made
    """,
    """
    create table marts.consent_current as
    select person_id, 'marketing' as purpose, 'granted' as status from made
    """,
    """
    create table marts.current_person as
    select person_id, person_id as current_person_id from made
    """,
    "drop table made",
)
