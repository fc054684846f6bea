"""A small company that was published, and requests to it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from measurement import ExperimentsConfig
from personalization import (
    Artefact,
    ContentConfig,
    DecisionRequest,
    publish_artefact,
    recommend,
    write_variant_policies,
)
from personalization.decide import Earlier
from warehouse import DuckDBWarehouse

AS_OF = dt.datetime.fromisoformat("2026-06-01")
AT = dt.datetime.fromisoformat("2026-06-01T09:30")
SECRET = b"s" * 32

TABLES = """
create schema marts; create schema identity; create schema staging;
create table marts.profiles (
    person_id varchar, is_bot boolean, account_id varchar, employee_count bigint
);
create table marts.consent_current (
    person_id varchar, purpose varchar, status varchar, decided_at timestamp
);
create table marts.content_items (
    content_id varchar, topic varchar, content_type varchar, funnel_stage varchar,
    published_at timestamp
);
create table marts.content_engagement (
    person_id varchar, content_id varchar, max_scroll_depth double,
    first_viewed_at timestamp, last_viewed_at timestamp
);
create table marts.events (
    person_id varchar, event varchar, occurred_at timestamp, received_at timestamp, is_bot boolean
);
create table marts.current_person (person_id varchar, current_person_id varchar);
create table identity.members (source varchar, source_record_id varchar, person_id varchar);
create table identity.devices (
    anonymous_id varchar, person_id varchar, valid_from timestamp, valid_to timestamp,
    is_shared boolean
);
create table staging.stg_raw__person_records (
    source varchar, source_record_id varchar, record_created_at timestamp
);
"""
# p00000 and every tenth one after it denied, p00001 and every tenth one after it never answered.
PEOPLE = """
    insert into marts.profiles
    select format('p{:05d}', n), false, case when n % 2 = 0 then format('a{:04d}', n // 6) end,
        case when n % 3 = 0 then 900 else 20 end
    from range($people) as numbers (n);
    insert into marts.current_person select person_id, person_id from marts.profiles;
    insert into marts.consent_current
    select person_id, 'personalization',
        case when person_id like '%0' then 'denied' else 'granted' end, timestamp '2026-05-01'
    from marts.profiles where person_id not like '%1';
    insert into identity.devices
    select 'browser-' || person_id, person_id, timestamp '2026-01-01', null, false
    from marts.profiles;
    insert into identity.members select 'users', 'user-' || person_id, person_id
    from marts.profiles;
    insert into marts.content_items
    select format('c{:03d}', n), ['seo', 'ads', 'crm', 'mail'][1 + n % 4], 'blog', 'awareness',
        timestamp '2025-06-01'
    from range($items) as numbers (n);
    insert into marts.content_engagement
    select person_id, format('c{:03d}', hash(person_id, place) % $items), 0.8,
        timestamp '2026-05-20', timestamp '2026-05-20'
    from marts.profiles, range(4) as places (place)
    where hash(person_id) % 5 > place;
"""
CONTENT = ContentConfig.model_validate({"blocks": {"home": {"size": 6}, "mail": {"size": 3}}})


def experiments(**changes: Any) -> ExperimentsConfig:
    hero = {
        "exposure": {"event": "Experiment Viewed"},
        "baseline": "control",
        "held_out": "holdout",
        "shares": {"control": 0.3, "b": 0.3, "c": 0.3, "holdout": 0.1},
        "metrics": {"demo": {"event": "Demo Requested", "within_days": 14}},
        "segments": [{"name": "big", "when": [{"trait": "employee_count", "at_least": 500}]}],
        "variants": {"metric": "demo"},
        **changes.pop("hero", {}),
    }
    return ExperimentsConfig.model_validate({"experiments": {"hero": hero}, **changes})


@dataclass(frozen=True, slots=True)
class Site:
    """A published company."""

    warehouse: DuckDBWarehouse
    path: Path

    @classmethod
    def published(cls, folder: Path, *, people: int = 200, items: int = 60, **changes: Any) -> Site:
        warehouse = DuckDBWarehouse.in_memory()
        warehouse.execute(TABLES)
        for statement in PEOPLE.split(";")[:-1]:
            wanted = {"people": people, "items": items}
            used = {name: value for name, value in wanted.items() if f"${name}" in statement}
            warehouse.execute(statement, used)
        recommend(warehouse, CONTENT, as_of=AS_OF, seed=7, run_id="r1")
        site = cls(warehouse, folder / "serving" / "decisions.sqlite")
        site.publish(experiments(**changes))
        return site

    def publish(self, configured: ExperimentsConfig, **shares: float) -> None:
        """With ``shares``, arms of the hero have these in every segment."""
        write_variant_policies_without_events(self.warehouse, configured)
        for arm, share in shares.items():
            self.warehouse.execute(
                "update personalization.variant_policies set probability = $share where arm = $arm",
                {"arm": arm, "share": share},
            )
        publish_artefact(self.warehouse, self.path, CONTENT, configured, secret=SECRET, as_of=AS_OF)

    def open(self) -> Artefact:
        return Artefact.open(self.path, SECRET)

    def texts(self, sql: str) -> list[str]:
        return [str(value) for value in self.warehouse.read(sql)[0].to_pylist()]


def write_variant_policies_without_events(
    warehouse: DuckDBWarehouse, configured: ExperimentsConfig
) -> None:
    """Shares of a company in which nobody has met an experiment yet: all alike."""
    warehouse.execute("drop table if exists personalization.variant_policies")  # nor paused before
    warehouse.execute("create schema if not exists measurement")
    warehouse.execute(
        "create table if not exists measurement.exposures "
        "(experiment_key varchar, person_id varchar, unit_id varchar, segment varchar, arm varchar)"
    )
    warehouse.execute(
        "create table if not exists measurement.outcomes (experiment_key varchar, "
        "person_id varchar, metric varchar, is_mature boolean, has_converted boolean, "
        "first_exposed_at timestamp, closes_at timestamp, value double, per double, before double)"
    )
    write_variant_policies(warehouse, configured, now=AS_OF, run_id="r1")


def asked(slot: str, number: int = 1, **known: Any) -> DecisionRequest:
    return DecisionRequest(request_id=f"page-{number}", slot=slot, at=AT, **known)


def rows(warehouse: DuckDBWarehouse, sql: str) -> list[dict[str, Any]]:
    found: pa.Table = warehouse.read(sql)
    return list(found.to_pylist())


def requests(count: int, *, seed: int = 3) -> Iterator[DecisionRequest]:
    """Pages of all sorts: of who agreed, denied, never answered; with and without a past."""
    chance = random.Random(seed)
    for number in range(count):
        person = f"p{chance.randrange(220):05d}"
        known = chance.choice([
            {}, {"person_id": person}, {"user_id": f"user-{person}"},
            {"anonymous_id": f"browser-{person}"}, {"anonymous_id": f"new-{person}"},
        ])  # fmt: skip
        slot = chance.choice(["home", "mail", "hero"])
        earlier = Earlier("d", "b", "b", 0.25) if chance.random() < 0.1 else None
        yield DecisionRequest(
            request_id=f"page-{number}", slot=slot, at=AT, **known,
            consent=chance.choice([None, None, "granted", "denied"]),
            topic=chance.choice([None, "seo", "crm", "other"]),
            seen=tuple(f"c{chance.randrange(60):03d}" for _ in range(chance.randrange(4))),
            earlier=earlier,
        )  # fmt: skip
