"""A plan that asks only about whom something may be due is the plan of everybody."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from audiences.catalogue import read_catalogue
from audiences.sync import SettledGroups, plan_sync
from audiences.sync.checksums import Source, sum_sql
from audiences.sync.destinations.fake import FakeDestination
from audiences.sync.gates import SUPPRESSED, gate_sql, named_in
from audiences.sync.plan import GATES, due_sql, plan_parameters
from audiences.sync.readings import sources_of
from audiences.sync.settled import Settled
from tests.audiences.changing import FIELDS, Changing
from tests.audiences.conftest import Company, audience
from tests.audiences.test_sync import Publisher
from warehouse import EngineError, Location


@pytest.mark.parametrize("seed", range(1))
def test_whatever_happens_the_quick_plan_is_the_whole_one(seed: int) -> None:
    changing = Changing(seed)

    changing.live(5)

    assert changing.narrowed > 0


@pytest.fixture
def settled(company: Company) -> Publisher:
    """Sixty persons who were sent, so that nothing is due for them."""
    publisher = Publisher(company, FakeDestination(max_rows=100))
    company.people(60, country="US")
    publisher.run()
    return publisher


def _groups(publisher: Publisher) -> int:
    return len(publisher.company.rows("sync.settled", "digest is not null"))


def test_what_nothing_is_due_for_is_remembered_and_stays_so(settled: Publisher) -> None:
    before = _groups(settled)

    report = settled.run()

    assert before > 10
    assert (report.added, report.changed, report.removed, _groups(settled)) == (0, 0, 0, before)


def test_after_a_run_nothing_is_due_but_what_was_not_taken(company: Company) -> None:
    publisher = Publisher(company, FakeDestination(max_rows=100))
    company.people(60, country="US")
    publisher.destination.reject = lambda row: (
        "no" if row["identifiers"]["person_id"] == "p007" else None
    )
    publisher.run()
    kept = _groups(publisher)
    publisher.destination.reject = lambda _row: None

    report = publisher.run()
    plan_sync(company.warehouse, publisher.sync)

    assert 10 < kept == _groups(publisher) - 1
    assert (report.added, report.changed, report.removed) == (1, 0, 0)


def test_a_run_that_sent_all_has_succeeded_though_there_is_no_memory_to_settle(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack_memory(_settled: Settled, _batches: object) -> None:
        raise EngineError("OutOfMemoryException", "failed to pin block")

    monkeypatch.setattr(Settled, "remember_sent", lack_memory)
    publisher = Publisher(company, FakeDestination())
    company.person("ann")

    report = publisher.run()

    (row,) = company.rows("sync.runs")
    assert (report.status, row["status"], row["added"]) == ("succeeded", "succeeded", 1)
    assert publisher.run().sent == 0


def test_a_sync_that_sends_everybody_each_time_keeps_nothing_in_mind(company: Company) -> None:
    publisher = Publisher(company, FakeDestination(max_rows=100))
    publisher.sync = dataclasses.replace(publisher.sync, mode="full")
    company.people(60, country="US")
    publisher.run()
    after_all = _groups(publisher)
    company.warehouse.execute("delete from marts.consent_current where person_id > 'p009'")
    publisher.run(compute=False)
    plan_sync(company.warehouse, publisher.sync)

    assert (after_all, _groups(publisher), company.rows("sync.settled_parts")) == (0, 0, [])


def test_of_an_audience_of_few_all_is_read_and_nothing_kept_in_mind(company: Company) -> None:
    publisher = Publisher(company, FakeDestination(max_rows=100))
    publisher.audience = audience({"trait": "person_id", "is": "p007"})
    company.people(70, country="US")
    first = publisher.run()
    company.warehouse.execute("update marts.profiles set country = 'DE'")

    second = publisher.run()

    assert (first.added, second.changed) == (1, 1)
    assert company.rows("sync.settled") == company.rows("sync.settled_parts") == []


def test_who_was_forgotten_by_hand_is_sent_again_once_the_sync_remembers_nothing(
    settled: Publisher,
) -> None:
    """As docs/how-to/destinations.md says: the ledger alone does not tell."""
    warehouse = settled.company.warehouse
    warehouse.execute("update sync.ledger set fingerprint = null where person_id = 'p007'")
    assert settled.run().added == 0

    warehouse.execute("delete from sync.settled where sync_key = $key", {"key": settled.sync.key})

    assert settled.run().added == 1


def test_a_changed_mapping_makes_everybody_be_asked_again(settled: Publisher) -> None:
    settled.sync = settled.sync.__class__(
        **{name: getattr(settled.sync, name) for name in settled.sync.__slots__}
        | {"traits": ("country", "job_title")}
    )

    assert settled.run().changed == 60


def test_another_type_of_a_column_makes_everybody_be_asked_again(settled: Publisher) -> None:
    """The text of a number may be another one though the number is the same."""
    before = settled.company.rows("sync.settled")[0]["rules"]
    settled.company.warehouse.execute(
        "alter table marts.profiles alter column download_count type double"
    )

    plan_sync(settled.company.warehouse, settled.sync)

    assert before not in {row["rules"] for row in settled.company.rows("sync.settled")}


def test_rows_of_a_view_are_found_without_their_places(settled: Publisher) -> None:
    warehouse = settled.company.warehouse
    warehouse.execute("alter table marts.contact_points rename to points")
    warehouse.execute("create view marts.contact_points as from marts.points")
    settled.run()
    warehouse.execute("update marts.profiles set country = 'DE' where person_id = 'p007'")

    report = settled.run()

    assert (report.added, report.changed, report.removed) == (0, 1, 0)


def test_an_erasure_leaves_no_checksum_of_anybody(settled: Publisher) -> None:
    place = SettledGroups(settled.company.warehouse)

    place.erase(pa.table({"kind": ["person_id"], "value": ["p000"]}))

    assert isinstance(place, Location)
    assert _groups(settled) == 0
    assert settled.company.rows("sync.settled_parts") == []


def test_the_checksum_covers_every_column_that_a_plan_reads(settled: Publisher) -> None:
    """But for four of the ledger, for which the batch stands, and who was merged.

    That tells the cause of what is due, and nothing is due for it alone.
    """
    warehouse, catalogue = settled.company.warehouse, read_catalogue(settled.company.warehouse)
    sync = dataclasses.replace(settled.sync, fields=FIELDS, refresh_days=3)
    gates = gate_sql(sync, catalogue)
    warehouse.execute(f"create or replace temp table {SUPPRESSED} (person_id varchar)")
    warehouse.execute(
        f"create or replace temp table {GATES} as {gates}", named_in(gates, plan_parameters(sync))
    )

    read = _columns(settled, gates) | _columns(settled, due_sql(sync, catalogue))
    covered = _columns(settled, _read(sources_of(warehouse, sync, catalogue)))

    assert {"marts.profiles.country", f"main.{SUPPRESSED}.person_id"} <= covered
    assert {column for column in read - covered if GATES not in column} == {
        "marts.current_person.person_id", "marts.current_person.current_person_id",
        "sync.ledger.identifiers", "sync.ledger.acknowledged_at",
        "sync.ledger.earlier_identifiers", "sync.ledger.fingerprint",
    }  # fmt: skip


def test_two_purposes_withdrawn_at_once_do_not_cancel_in_the_checksum(company: Company) -> None:
    """Told by the last 16 bits of thousands of checksums: in all 63 it would be too rare to see."""
    purposes = ("advertising", "ads", "analytics", "email", "personalization", "sms")
    publisher = Publisher(company, FakeDestination(max_rows=1), purposes=purposes)
    company.person("p000")
    publisher.run()
    company.warehouse.execute(
        """
        insert into marts.consent_current (person_id, purpose, status)
        select 'q' || i, purpose, 'granted'
        from range(4096) as persons(i), unnest($purposes::varchar[]) as needed(purpose)
        """,
        {"purposes": list(purposes)},
    )
    before = _digests(publisher)
    company.warehouse.execute(
        """
        update marts.consent_current set status = 'denied' where (person_id, purpose) in (
            select unnest(['q' || i, 'q' || i]),
                unnest([$purposes[i % 6 + 1], $purposes[(i + 1 + i // 6 % 5) % 6 + 1]])
            from range(4096) as persons(i)
        )
        """,
        {"purposes": list(purposes)},
    )

    after = _digests(publisher)

    unchanged = sum((digest ^ after[bucket]) % 2**16 == 0 for bucket, digest in before.items())
    assert len(before) > 4000
    assert unchanged <= 3  # p000, and .06 by chance


def _digests(publisher: Publisher) -> dict[int, int]:
    warehouse, sync = publisher.company.warehouse, publisher.sync
    warehouse.execute(f"create or replace temp table {SUPPRESSED} (person_id varchar)")
    read = _read(sources_of(warehouse, sync, read_catalogue(warehouse)))
    query = f"select bucket, {sum_sql('sum(hashed)')} as digest from ({read}) group by bucket"
    rows = warehouse.read(query, plan_parameters(sync)).to_pylist()
    return {row["bucket"]: row["digest"] for row in rows}


def _read(sources: tuple[Source, ...]) -> str:
    return " union all ".join(source.read_sql(n) for n, source in enumerate(sources))


def _columns(publisher: Publisher, sql: str) -> set[str]:
    """The columns that the engine reads from tables, also where no row of now asks for them."""
    warehouse = publisher.company.warehouse
    warehouse.execute("set disabled_optimizers = 'filter_pushdown,statistics_propagation'")
    values = named_in(sql, plan_parameters(publisher.sync))
    (told,) = warehouse.read(f"explain (format json) {sql}", values)["explain_value"].to_pylist()
    return {column for node in json.loads(told) for column in _scanned(node)}


def _scanned(node: dict[str, Any]) -> Iterator[str]:
    found = node["extra_info"]
    if "Table" in found:
        projected = found["Projections"]
        table = found["Table"].partition(".")[2]
        listed = [projected] if isinstance(projected, str) else projected
        yield from (f"{table}.{column}" for column in listed)
    for child in node["children"]:
        yield from _scanned(child)
