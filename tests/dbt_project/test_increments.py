"""Building what is new gives what building all gives, in whatever order the rows lie.

Late events, merges, splits and erasures too.
"""

from __future__ import annotations

import ast
import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.dbt_project import small_company
from tests.dbt_project.project import Company, Project, Row, failures, moment, run_dbt
from tests.dbt_project.small_company import SITE, consent, event, record

pytestmark = pytest.mark.warehouse

BUILT = (
    *("+sessions", "+content_engagement", "+profiles", "+profile_sources"),
    *("+contact_points", "+consent_current", "int_event_inputs__numbered", "int_nodes__numbered"),
)
# What history remembers is not what a company that begins today could know.
TABLES = (
    *("events", "sessions", "content_engagement", "profiles", "profile_sources"),
    *("accounts", "account_members", "contact_points", "consent_current"),
)
# What is remembered of events, for the next build.
REMEMBERED = ("int_event_loads__counted", "int_nodes__numbered", "int_event_inputs__numbered")
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
    """The unknown visitor turns out to be Ann, and the shared tablet to be Bob's.

    Nodes that are numbered without their events must not pass for known.
    """
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
    assert failures(run_dbt(company, "run", "--select", "int_nodes__numbered")) == []


def erase(company: Company) -> None:
    """Of one person nothing is left, in marts either; of another the first event of a visit.

    Loads that are numbered without their events must not pass for known. Twenty days pass, so that
    fewer acts are of the last thirty, of persons too who did nothing.
    """
    company.execute("update raw.as_of set as_of = as_of + interval 20 day")
    company.execute("delete from raw.events where anonymous_id = 'd5' or event_id = 'e01'")
    for table in ("events", "sessions"):
        company.execute(f"delete from marts.{table} where anonymous_id = 'd5'")
    company.execute("delete from identity.members where source_record_id = 'd5'")
    company.execute("delete from identity.devices where anonymous_id = 'd5'")
    company.execute("delete from identity.persons where person_id = 'p_poser'")
    assert failures(run_dbt(company, "run", "--select", *REMEMBERED)) == []


def tell_otherwise(company: Company) -> None:
    """A file is loaded again, and its events say something else; of an old event retention takes.

    A file that is loaded again keeps the time at which it was loaded first.
    """
    for event_id, otherwise in {
        "e02": "content_id = 'c2', load_id = 'again'",
        "e06": "properties = null",
        "e12": "user_agent = 'Googlebot/2.1', loaded_at = '2026-03-02'",
    }.items():
        company.execute(f"update raw.events set {otherwise} where event_id = '{event_id}'")


def part(company: Company) -> None:
    """The visitor is not Ann, nor is one of her records; another says more, and she decides anew.

    The tablet turns out to be a program's: both events of its visit that is nobody's change alike.
    """
    company.add(
        "raw.events",
        *[
            event(f"t{second}", f"2026-02-27 09:00:{second}", "page", anonymous_id="d7",
                  user_id="u1", **PAGE)
            for second in range(10, 50)
        ],
    )  # fmt: skip
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
    company.add("identity.devices", {"anonymous_id": "d7", "is_shared": True})
    company.add(
        "raw.events",
        event("s1", "2026-02-21 09:00", "page", anonymous_id="d7", **PAGE),
        event("s2", "2026-02-21 09:01", "page", anonymous_id="d7", **PAGE),
        # At one moment: which of the two was first must not hang on how they lie.
        event("t2", "2026-02-22 09:00", "page", anonymous_id="d1", page_path="/b"),
        event("t1", "2026-02-22 09:00", "page", anonymous_id="d1", page_path="/a"),
    )
    versions = {"last_name": "Lee", "record_updated_at": moment("2026-02-06")}
    company.add(
        "raw.person_records",
        record("crm_contacts", "1", **versions, first_name="Ann", record_hash="2"),
        record("crm_contacts", "1", **versions, first_name="Anna", record_hash="1"),
    )
    build(company)
    return company


def build(company: Company, *arguments: str) -> None:
    assert failures(run_dbt(company, "run", *arguments, "--select", *BUILT)) == []


def lay_otherwise(company: Company, number: int) -> None:
    """Put the rows that a build reads into another order: which one came first must not matter."""
    tables = company.read(
        "select table_schema || '.' || table_name as name from information_schema.tables "
        "where table_schema in ('raw', 'identity') and table_type = 'BASE TABLE'"
    )
    company.execute(
        "; ".join(
            f"create or replace table {table['name']} as select * from {table['name']} "
            f"order by {'hash(rowid)' if number % 2 else '-rowid'}"
            for table in tables
        )
    )


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
    lay_otherwise(whole, STEPS.index(step))

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
    company.execute("update marts.profiles set timezone = 'left alone'")
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
    listed = company.read("select event_id, change from intermediate.int_events__changed")
    assert {row["event_id"] for row in listed if row["change"] == "told"} == {"g3", "g4"}
    after = profiles(company)
    assert after["p_visitor"]["days"] == before["p_visitor"]["days"] + 1
    told = {who for who in after if after[who]["number"] != before[who]["number"]}
    assert told == {"p_ann"}
    assert {who for who in after if after[who]["timezone"] != "left alone"} == told

    otherwise = Company(_with_other_names_of_types(project.manifest), company.folder)
    assert failures(run_dbt(otherwise, "run", "--select", "profiles")) == []
    assert profiles(company) == after

    company.execute("alter table marts.profiles add column trait_of_before varchar")
    assert failures(run_dbt(company, "run", "--select", "profiles")) == []
    anew = company.read("select * from marts.profiles")
    assert [
        row for row in anew if row["timezone"] == "left alone" or "trait_of_before" in row
    ] == []

    company.execute("update raw.as_of set as_of = as_of + interval 40 day")
    for model in ("profiles", "accounts"):
        (problem,) = failures(run_dbt(company, "run", "--select", model))
        assert f"dbt run --select +{model}" in " ".join(problem.split())


def _with_other_names_of_types(manifest: Any) -> Any:
    """The parsed project as if the yml of a trait called its types by the engine's other names."""
    changed = copy.deepcopy(manifest)
    columns = changed.nodes["model.candor.int_persons__engaged"].columns
    names = {"bigint": "int8", "double": "float8"}
    for column in columns.values():
        column.data_type = names.get(column.data_type, column.data_type)
    changed.build_flat_graph()
    changed.rebuild_source_lookup()  # a copy of dbt-core 1.11 has another one in its place
    return changed


def test_a_trait_may_be_a_struct_and_its_type_stays_what_it_was(
    project: Project, tmp_path: Path
) -> None:
    company = project.company(tmp_path)
    company.execute(
        "create table raw.traits (size struct(n int8, names text[]), read_at timestamp)"
    )
    columns = [
        {"name": "size", "data_type": "struct(n bigint, names string[])"},
        {"name": "read_at", "data_type": "timestamp"},
    ]

    declared = rendered(company, f"{{{{ declared_types({columns}) }}}}")

    stored = {
        row["column_name"]: row["column_type"].lower()
        for row in company.read("describe raw.traits")
    }
    assert ast.literal_eval(declared) == stored


def profiles(company: Company) -> dict[str, Row]:
    """What counts days in each profile, the number for all else, and one column of that."""
    rows = company.read(
        "select person_id, days_since_last_seen as days, row_fingerprint as number, timezone "
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


COLUMNS = ("a", "b", "c")
NUMBERS = "(select {{ row_fingerprint(['a', 'b', 'c']) }} as number, part from given) as numbers"
PARTS = (
    f"(select {{{{ set_fingerprint('number') }}}} as number from {NUMBERS} group by part) as parts"
)


@pytest.fixture(scope="module")
def fingerprint_sql(project: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The fingerprint of the rows of `given`, and that of the fingerprints of their parts."""
    company = project.company(tmp_path_factory.mktemp("inline"))
    return {
        name: rendered(company, "select {{ set_fingerprint('number') }} from " + numbers)
        for name, numbers in {"whole": NUMBERS, "parts": PARTS}.items()
    }


def rendered(company: Company, sql: str) -> str:
    # What is compiled is put into the manifest, which others share.
    apart = Company(copy.deepcopy(company.manifest), company.folder)
    (text,) = compiled(apart, "--inline", sql).values()
    return text


def compiled(company: Company, *arguments: str) -> dict[str, str]:
    result: Any = run_dbt(company, "compile", *arguments)
    assert failures(result) == []
    return {run.node.name: str(run.node.compiled_code) for run in result.result}


def fingerprint(sql: str, rows: list[tuple[Any, ...]]) -> int:
    with duckdb.connect() as connection:
        connection.execute("create table given (a varchar, b integer, c varchar, part integer)")
        for number, row in enumerate(rows):
            connection.execute("insert into given values (?, ?, ?, ?)", [*row, number % 2])
        (found,) = connection.execute(sql).fetchall()
    return int(found[0])


def alike(position: int, value: object, *, rows: int) -> list[tuple[Any, ...]]:
    """Rows that differ in all columns but one."""
    each = [[f"row {row}", row, f"said {row}"] for row in range(rows)]
    return [(*row[:position], value, *row[position + 1 :]) for row in each]


@pytest.mark.parametrize("rows", [2, 3, 4])
@pytest.mark.parametrize("position", range(len(COLUMNS)), ids=COLUMNS)
def test_rows_that_change_alike_change_the_number_of_their_set(
    fingerprint_sql: dict[str, str], position: int, rows: int
) -> None:
    numbers = {
        fingerprint(fingerprint_sql["whole"], alike(position, value, rows=rows))
        for value in ("1", "2", None)
    }

    assert len(numbers) == 3


def test_a_row_that_is_there_twice_changes_the_number_of_its_set(
    fingerprint_sql: dict[str, str],
) -> None:
    rows, twice = alike(2, "said", rows=3), [("more", 9, "said")] * 2

    numbers = {fingerprint(fingerprint_sql["whole"], some) for some in (rows, rows + twice)}

    assert len(numbers) == 2


def test_the_number_of_a_set_is_that_of_its_parts_in_any_order(
    fingerprint_sql: dict[str, str],
) -> None:
    rows = alike(2, "said", rows=25)

    numbers = {
        fingerprint(sql, some)
        for sql in fingerprint_sql.values()
        for some in (rows, rows[::-1], rows[7:] + rows[:7])
    }

    assert len(numbers) == 1
    assert 0 <= min(numbers) < 2**63


@pytest.mark.parametrize(
    ("macro", "models"),
    [
        ("duckdb__latest", {"sessions", "int_persons__active"}),
        ("duckdb__earliest", {"sessions"}),
        ("exact_sum", {"sessions", "int_persons__active"}),
    ],
)
def test_another_macro_is_another_rule(
    project: Project, tmp_path: Path, macro: str, models: set[str]
) -> None:
    changed: Any = copy.deepcopy(project.manifest)
    changed.build_flat_graph()
    before = rules(Project(changed).company(tmp_path), models)

    named = changed.macros[f"macro.candor.{macro}"]
    named.macro_sql = named.macro_sql.replace("{%- endmacro", " + 0 {%- endmacro")
    after = rules(Company(changed, tmp_path), models)

    assert before.keys() == after.keys() == models
    assert {model for model in models if before[model] != after[model]} == models


def rules(company: Company, models: set[str]) -> dict[str, str]:
    """The digest of each model's rules, as compiled."""
    return {
        name: sql.split("' as rules")[0].rsplit("'", 1)[1]
        for name, sql in compiled(company, "--select", *models).items()
        if name in models
    }
