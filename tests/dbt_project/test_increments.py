"""Building what is new gives what building all gives: late events, merges, splits and erasures too."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tests.dbt_project import small_company
from tests.dbt_project.project import Company, Project, Row, failures, moment, run_dbt
from tests.dbt_project.small_company import SITE, consent, event, record

pytestmark = pytest.mark.warehouse

BUILT = (
    *("+sessions", "+content_engagement", "+profiles", "+profile_sources"),
    *("+contact_points", "+consent_current"),
)
# What history remembers is not what a company that begins today could know.
TABLES = (
    *("events", "sessions", "content_engagement", "profiles", "profile_sources"),
    *("accounts", "account_members", "contact_points", "consent_current"),
)
PAGE = {"page_url": SITE + "/pricing", "page_path": "/pricing"}


def come_late(company: Company) -> None:
    """A new visit; one event that joins two visits, one before the first of a visit."""
    company.add(
        "raw.events",
        event("g1", "2026-02-28 10:00", "page", anonymous_id="d1", **PAGE),
        event("g2", "2026-02-01 11:00", "page", anonymous_id="d1", **PAGE),
        event("g3", "2026-02-01 11:20", "page", anonymous_id="d1", **PAGE),
        event("g4", "2026-02-23 08:45", "page", anonymous_id="d3", **PAGE),
        event("g5", "2026-02-28 10:00", "Email Opened", email="bob@mail.example"),
    )


def merge(company: Company) -> None:
    """The unknown visitor turns out to be Ann, and the shared tablet to be Bob's."""
    for table in ("members", "devices"):
        company.execute(
            f"update identity.{table} set person_id = 'p_ann' where person_id = 'p_visitor'"
        )
    company.execute(
        "update identity.persons set status = 'merged', merged_into = 'p_ann' "
        "where person_id = 'p_visitor'"
    )
    company.execute(
        "update identity.devices set person_id = 'p_bob', is_shared = false "
        "where anonymous_id = 'd2'"
    )


def erase(company: Company) -> None:
    """Of one person nothing is left; of another the first event of a visit."""
    company.execute("delete from raw.events where anonymous_id = 'd5' or event_id = 'e01'")
    company.execute("delete from identity.members where source_record_id = 'd5'")
    company.execute("delete from identity.devices where anonymous_id = 'd5'")
    company.execute("delete from identity.persons where person_id = 'p_poser'")


def tell_otherwise(company: Company) -> None:
    """A file is loaded again, and its events say something else; of an old event retention takes."""
    for event_id, otherwise in {
        "e02": "content_id = 'c2', loaded_at = '2026-03-02'",
        "e06": "properties = null",
        "e12": "user_agent = 'Googlebot/2.1', loaded_at = '2026-03-02'",
    }.items():
        company.execute(f"update raw.events set {otherwise} where event_id = '{event_id}'")


def part(company: Company) -> None:
    """The visitor is not Ann, nor is one of her records; another says more, and she decides anew."""
    company.execute(
        "update identity.members set person_id = 'p_visitor' where source_record_id = 'd3'"
    )
    company.execute("update identity.devices set person_id = 'p_visitor' where anonymous_id = 'd3'")
    company.execute(
        "update identity.persons set status = 'active', merged_into = null "
        "where person_id = 'p_visitor'"
    )
    company.execute("update identity.members set person_id = 'p_two' where source = 'billing'")
    company.add("identity.persons", {"person_id": "p_two", "status": "active"})
    company.add(
        "raw.person_records",
        record(
            "crm_contacts", "1",
            first_name="Ann", last_name="Lee", job_title="Director",
            record_updated_at=moment("2026-03-01"),
        ),
    )  # fmt: skip
    company.add("raw.consent_events", consent(9, "2026-02-28", "denied", anonymous_id="d1"))


STEPS: tuple[Callable[[Company], None], ...] = (come_late, merge, erase, tell_otherwise, part)


@pytest.fixture(scope="module")
def grown(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Company:
    company = project.company(tmp_path_factory.mktemp("grown"))
    small_company.fill(company)
    build(company)
    return company


def build(company: Company, *arguments: str) -> None:
    assert failures(run_dbt(company, "run", *arguments, "--select", *BUILT)) == []


def contents(company: Company) -> dict[str, pa.Table]:
    return {table: company.table(f"select * from marts.{table} order by all") for table in TABLES}


@pytest.mark.parametrize("step", STEPS)
def test_an_increment_gives_what_a_rebuild_gives(
    project: Project, grown: Company, tmp_path: Path, step: Callable[[Company], None]
) -> None:
    before = contents(grown)["events"]
    step(grown)
    shutil.copy(grown.path, tmp_path / grown.path.name)
    whole = Company(project.manifest, tmp_path)

    build(grown)
    build(whole, "--full-refresh")

    ours, theirs = contents(grown), contents(whole)
    assert not ours["events"].equals(before)
    assert [table for table in TABLES if not ours[table].equals(theirs[table])] == []


def test_who_did_nothing_new_is_not_built_again(project: Project, tmp_path: Path) -> None:
    company = project.company(tmp_path)
    small_company.fill(company)
    build(company)
    company.execute("update marts.events set page_path = 'left alone'")
    before = profiles(company)

    company.execute("update raw.as_of set as_of = as_of + interval 1 day")
    company.add(
        "raw.events",
        # They lengthen a visit of d1, whose other events stay as they are.
        event("g3", "2026-02-01 10:50", "page", anonymous_id="d1", **PAGE),
        event("g4", "2026-02-01 11:15", "page", anonymous_id="d1", **PAGE),
    )
    build(company)

    written = company.read("select event_id from marts.events where page_path <> 'left alone'")
    assert {row["event_id"] for row in written} == {"g3", "g4"}
    after = profiles(company)
    assert after["p_visitor"]["days"] == before["p_visitor"]["days"] + 1
    told = {who for who in after if after[who]["number"] != before[who]["number"]}
    assert told == {"p_ann"}


def profiles(company: Company) -> dict[str, Row]:
    """What counts days in each profile, and the number for all else."""
    rows = company.read(
        "select person_id, days_since_last_seen as days, row_fingerprint as number "
        "from marts.profiles"
    )
    return {row["person_id"]: row for row in rows}


def test_another_pause_between_sessions_makes_them_all_anew(
    project: Project, tmp_path: Path
) -> None:
    company = project.company(tmp_path)
    small_company.fill(company)
    build(company)

    build(company, "--vars", "session_gap_minutes: 20")

    visits = company.read("select event_count from marts.sessions where anonymous_id = 'd1'")
    assert sorted(visit["event_count"] for visit in visits) == [1, 3, 3]
