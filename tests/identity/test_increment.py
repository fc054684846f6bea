"""Resolving only what has changed gives, to the row, what resolving everything gives."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from identity.block import KEYS
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
        company.saved(tmp_path / f"{number}.duckdb")
        whole = Company.restored(tmp_path / f"{number}.duckdb", tmp_path, runs=company.runs)
        whole.warehouse.execute("update identity.runs set state = null")

        partial, full = company.resolve(), whole.resolve()

        assert (partial.is_partial, full.is_partial) == (True, False)
        assert (partial.whole_because, full.whole_because) == (None, _STALE)
        assert company.warehouse.scalar(f"select count(*) from {PREPARED_NOW}") > 0
        for table in _COMPARED:
            assert _rows(company, table.name) == _rows(whole, table.name), (number, str(table.name))


def test_a_run_says_why_it_resolved_everything(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.warehouse.append(RECORDS, crowd(_FAMILIES))

    company.resolve()
    company.record("crm", "new", first_name="Ann", last_name="Lee", birth_date="1980-02-03")
    company.resolve()
    company.configure(max_block_size=50)
    company.resolve()
    _add(company, RECORDS, [_record(random.Random(1), number) for number in range(_SETS)])
    company.resolve()

    assert [run["whole_because"] for run in company.rows("identity.runs")] == [
        "nothing was learned before",
        None,
        "the configuration or the model has changed",
        "more than 10% has changed",
    ]


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
