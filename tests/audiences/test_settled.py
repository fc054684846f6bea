"""A plan that asks only about whom something may be due is the plan of everybody."""

from __future__ import annotations

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from audiences.catalogue import read_catalogue
from audiences.sync import SettledGroups, plan_sync
from audiences.sync.destinations.fake import FakeDestination
from audiences.sync.gates import gate_sql
from audiences.sync.plan import plan_sql
from audiences.sync.settled import digests_sql
from tests.audiences.changing import Changing
from tests.audiences.conftest import Company
from tests.audiences.test_sync import Publisher
from warehouse import Location


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_the_quick_plan_is_the_whole_one(seed: int) -> None:
    changing = Changing(seed)

    changing.live(5)

    assert changing.narrowed > 0


@pytest.fixture
def settled(company: Company) -> Publisher:
    """Sixty persons who were sent, and for whom a plan found nothing due."""
    publisher = Publisher(company, FakeDestination(max_rows=100))
    company.people(60, country="US")
    publisher.run()
    publisher.run()
    return publisher


def _groups(publisher: Publisher) -> int:
    return len(publisher.company.rows("sync.settled"))


def test_what_nothing_is_due_for_is_remembered_and_stays_so(settled: Publisher) -> None:
    before = _groups(settled)

    report = settled.run()

    assert before > 10
    assert (report.added, report.changed, report.removed, _groups(settled)) == (0, 0, 0, before)


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
    """Of those that it does not, the values are part of the rules, or the plan itself."""
    catalogue = read_catalogue(settled.company.warehouse)
    read = {
        *_tables(gate_sql(settled.sync, catalogue)),
        *_tables(plan_sql(settled.sync, catalogue)),
    }
    known = "select 1::bigint as bucket, 1::bigint as digest"
    covered = _tables(digests_sql(settled.sync, catalogue, 8, known=known))

    assert {"marts.profiles", "sync.ledger", "marts.contact_points"} <= covered
    assert read - covered == set()


def _tables(sql: str) -> set[str]:
    parsed = sqlglot.parse_one(sql, read="duckdb")
    named = {cte.alias for cte in parsed.find_all(exp.CTE)}
    found = {f"{t.db}.{t.name}" for t in parsed.find_all(exp.Table) if t.db}
    temporary = {t.name for t in parsed.find_all(exp.Table) if not t.db} - named
    return found | {name for name in temporary if name != "candor_sync_gates"}
