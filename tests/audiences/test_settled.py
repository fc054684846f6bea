"""A plan that asks only about whom something may be due is the plan of everybody."""

from __future__ import annotations

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from audiences.catalogue import read_catalogue
from audiences.sync import SettledGroups, plan_sync
from audiences.sync.checksums import digests_sql
from audiences.sync.destinations.fake import FakeDestination
from audiences.sync.gates import SUPPRESSED, gate_sql
from audiences.sync.plan import plan_parameters, plan_sql
from tests.audiences.changing import Changing
from tests.audiences.conftest import Company
from tests.audiences.test_sync import Publisher
from warehouse import Location


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
    return len(publisher.company.rows("sync.settled"))


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


def test_an_erasure_leaves_no_checksum_of_anybody(settled: Publisher) -> None:
    place = SettledGroups(settled.company.warehouse)

    place.erase(pa.table({"kind": ["person_id"], "value": ["p000"]}))

    assert isinstance(place, Location)
    assert _groups(settled) == 0


def test_the_checksum_covers_every_table_that_a_plan_reads(settled: Publisher) -> None:
    """Of those that it does not, the values are part of the rules, or the plan itself.

    Who was merged tells the cause of what is due, and nothing is due for that alone.
    """
    catalogue = read_catalogue(settled.company.warehouse)
    read = {
        *_tables(gate_sql(settled.sync, catalogue)),
        *_tables(plan_sql(settled.sync, catalogue)),
    }
    known = "select 1::bigint as bucket, 1::bigint as digest"
    covered = _tables(digests_sql(settled.sync, catalogue, 8, known=known))

    assert {"marts.profiles", "sync.ledger", "marts.contact_points"} <= covered
    assert read - covered == {"marts.current_person"}


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
    none = "select null::bigint as bucket, null::bigint as digest where false"
    query = digests_sql(sync, read_catalogue(warehouse), 1 << 30, known=none)
    rows = warehouse.read(query, plan_parameters(sync)).to_pylist()
    return {row["bucket"]: row["difference"] for row in rows}


def _tables(sql: str) -> set[str]:
    parsed = sqlglot.parse_one(sql, read="duckdb")
    named = {cte.alias for cte in parsed.find_all(exp.CTE)}
    found = {f"{t.db}.{t.name}" for t in parsed.find_all(exp.Table) if t.db}
    temporary = {t.name for t in parsed.find_all(exp.Table) if not t.db} - named
    return found | {name for name in temporary if name != "candor_sync_gates"}
