"""Resolving only what has changed gives, to the row, what resolving everything gives."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from identity import ResolutionReport, region
from identity.block import KEYS
from identity.increment import TOO_FAR
from identity.inventory import BLOCKING_KEYS, TABLES
from identity.prepare import RECORDS as PREPARED_NOW
from tests.identity.conftest import EVENTS, RECORDS, Company, day
from tests.scenarios.crowd import FIRST, LAST, crowd
from warehouse import TableName

_FAMILIES, _SETS, _ROUNDS = 90, 30, 5
_EACH = (None, None, "america/chicago", "europe/berlin")
_STALE = "the tables are not as the last run left them"
# What a run says of itself is its own.
_COMPARED = [table for table in TABLES if table.name.name not in {"runs", "churn"}]

Rows = list[dict[str, Any]]


def test_as_many_keys_are_kept_as_there_are() -> None:
    assert len(KEYS) == BLOCKING_KEYS


# Worlds in which a part once gave something else than everything.
@pytest.mark.parametrize("seed", [8, 13, 32, 44])
def test_a_part_is_resolved_as_everything_is(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("identity.increment.MOST_CHANGED", 1.0)

    compare_runs(seed, tmp_path)


def test_who_is_left_alone_with_a_shared_address_is_resolved_anew(small: Company) -> None:
    partial = compare(small, "left alone")

    assert partial.is_partial
    assert small.are_one(("crm", "left"), ("emails", "info@one.example"))
    assert small.are_one(("crm", "lone"), ("emails", "info@two.example"))


def test_a_run_says_why_it_resolved_everything(
    small: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        blind = region._SEEDS_SQL.replace("having min(person_id) = max(person_id)", "having false")
        patch.setattr(region, "_SEEDS_SQL", blind)
        compare(small, "too far")
    small.configure(min_model_records=20, max_block_size=50)
    small.resolve()
    _add(small, RECORDS, [_record(random.Random(1), number) for number in range(9)])
    small.resolve()

    assert [run["whole_because"] for run in small.rows("identity.runs")] == [
        "nothing was learned before",
        None,
        TOO_FAR,
        "the configuration or the model has changed",
        "more than 10% has changed",
    ]


@pytest.fixture
def small(left_alone: Path, tmp_path: Path) -> Company:
    """A small company after two runs, and what changed since."""
    shutil.copytree(left_alone, tmp_path, dirs_exist_ok=True)
    company = Company.restored(tmp_path / "small.duckdb", tmp_path, runs=2)
    company.configure(min_model_records=20)
    return company


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved company in which two are left alone with what they shared, a role's mailbox.

    One was another person's record before, so that the mailbox has been a person for longer and
    lends the id; the other shared it with a sign-in that spelled it otherwise.
    """
    folder = tmp_path_factory.mktemp("left_alone")
    company = Company(folder)
    company.configure(min_model_records=20)
    company.warehouse.append(RECORDS, crowd(20))
    company.record("crm", "first", first_name="Zed", last_name="Quine", phone="+12025550144")
    company.record("crm", "left", created=2, first_name="Zed", last_name="Quine", phone="+12025550144", email="info@one.example")  # fmt: skip
    company.record("crm", "gone", first_name="Wim", last_name="Vogel", email="info@one.example")
    company.record("crm", "lone", first_name="Uta", last_name="Brandt", email="info@two.example")
    company.event(3, user_id="u1", email="INFO@two.example")
    company.resolve()
    company.warehouse.execute(
        f"update {RECORDS.sql} set phone = null, first_name = 'Pim' where source_record_id = 'left'"
    )
    company.resolve()
    company.forget(RECORDS.sql, "source_record_id = 'gone'")
    company.forget(EVENTS.sql, "true")
    company.saved(folder / "small.duckdb")
    return folder


def compare_runs(seed: int, tmp_path: Path) -> None:
    """Let a random world change, and resolve each time the part and, beside it, everything."""
    chance = random.Random(seed)
    company = Company(tmp_path)
    company.warehouse.append(RECORDS, crowd(_FAMILIES))
    _add(company, RECORDS, [_record(chance, number) for number in range(_SETS * 4)])
    _add(company, EVENTS, [_event(chance) for _ in range(300)])
    company.resolve()
    for number in range(_ROUNDS):
        _change(company, chance, round_number=number)

        partial = compare(company, f"round {number}")

        assert (partial.is_partial, partial.whole_because) == (True, None)


def compare(company: Company, name: str) -> ResolutionReport:
    """Resolve what has changed and, beside it, everything; the tables are the same."""
    path = company.artifacts / f"{name}.duckdb"
    company.saved(path)
    whole = Company.restored(path, company.artifacts, runs=company.runs)
    whole.config = company.config
    whole.warehouse.execute("update identity.runs set state = null")

    report, full = company.resolve(), whole.resolve()

    assert (full.is_partial, full.whole_because) == (False, _STALE)
    assert company.warehouse.scalar(f"select count(*) from {PREPARED_NOW}") > 0
    for table in _COMPARED:
        assert _rows(company, table.name) == _rows(whole, table.name), (name, str(table.name))
    return report


def _change(company: Company, chance: random.Random, *, round_number: int) -> None:
    """Let records and events come, change and go, and decide on some."""
    first = 1000 * (round_number + 1)
    _add(company, RECORDS, [_record(chance, first + number) for number in range(8)])
    _add(company, EVENTS, [_event(chance) for _ in range(20)])
    for column, values in _VALUES.items():
        value = _value(chance, values, chance.randrange(_SETS))
        company.warehouse.execute(
            f"update {RECORDS.sql} set {column} = $value where source_record_id in "
            f"(select source_record_id from {RECORDS.sql} order by hash(source_record_id, $salt) limit 2)",
            {"value": value, "salt": chance.random()},
        )
    for table, column in ((RECORDS, "source_record_id"), (EVENTS, "event_id")):
        company.warehouse.execute(
            f"delete from {table.sql} where {column} in "
            f"(select {column} from {table.sql} order by hash({column}, $salt) limit 3)",
            {"salt": chance.random()},
        )
    names = company.warehouse.read(
        f"select source, source_record_id from {RECORDS.sql} order by hash(source_record_id, $salt) limit 4",
        {"salt": chance.random()},
    )
    pairs = list(
        zip(names["source"].to_pylist(), names["source_record_id"].to_pylist(), strict=True)
    )
    decision = chance.choice(("must_link", "cannot_link"))
    company.decide(decision, *sorted(pairs[:2]), number=round_number + 1)


def _record(chance: random.Random, number: int) -> dict[str, Any]:
    part = number % _SETS
    return {
        "source": chance.choice(("crm", "shop")),
        "source_record_id": f"r{number}",
        "record_created_at": day(1 + number % 25),
        **{name: _value(chance, values, part) for name, values in _VALUES.items()},
    }


def _event(chance: random.Random) -> dict[str, Any]:
    part, on = chance.randrange(_SETS), chance.randint(1, 40)
    user, email = chance.choice(
        [(None, None), ("u1", None), ("u2", None), (None, "ann"), ("u1", "lee")]
    )
    return {
        "event_id": f"e{chance.random()}", "type": "page",
        "anonymous_id": f"d{chance.randrange(3)}-{part}",
        "user_id": user and f"{user}-{part}", "email": email and f"{email}@{part}.example",
        "timezone": chance.choice(_EACH), "occurred_at": day(on), "received_at": day(on),
    }  # fmt: skip


def _value(chance: random.Random, values: tuple[str | None, ...], part: int) -> str | None:
    value = chance.choice(values)
    return value and value.format(part)


_VALUES: dict[str, tuple[str | None, ...]] = {
    "first_name": (None, "Ann", "Bob", "Robert", *FIRST[:3]),
    "last_name": (None, None, "Lee", "Ray", *LAST[:6]),
    "email": (None, "ann@{}.example", "lee@{}.example", "info@{}.example", "annlee@x{}.example", "bray@mail.example"),
    "phone": (None, "+12022200{:03}", "+12022201{:03}", "N/A"),
    "birth_date": (None, "1980-02-03", "1955-11-23"),
    "user_id": (None, None, "u1-{}", "u2-{}"),
    "city": (None, "Springfield"),
    "postal_code": (None, "620{:02}"),
}  # fmt: skip


def _add(company: Company, table: TableName, rows: Rows) -> None:
    schema = company.warehouse.read(f"select * from {table.sql} limit 0").schema
    company.warehouse.append(table, pa.Table.from_pylist(rows, schema))


def _rows(company: Company, table: TableName) -> list[dict[str, Any]]:
    return company.rows(table.sql)
