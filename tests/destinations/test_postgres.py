"""A real PostgreSQL on this machine: every batch is applied exactly once."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pg8000.native
import pyarrow as pa
import pytest

from audiences import (
    DestinationRefusedError,
    DestinationUnavailableError,
    UnsafeAddressError,
    compute_memberships,
)
from audiences.sync import Sync, SyncReport, run_sync
from audiences.sync.config import Identifier
from audiences.sync.destinations import Batch, PostgresDestination
from audiences.sync.fields import Field
from audiences.sync.settings import PostgresSettings
from tests.audiences.conftest import EVERYONE, NOW, Company, audience
from tests.ingestion.pull_server import serving_postgres

SYNC = Sync(
    "to_pg", "everyone", "pg", "mirror", (Identifier(type="email", form="raw"),), ("country",),
    fields=(Field("origin", "text:it's \"Candor\""),), target="members",
)  # fmt: skip


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with (
        tempfile.TemporaryDirectory(
            prefix="candor-postgres-", ignore_cleanup_errors=True
        ) as folder,
        serving_postgres(Path(folder)) as url,
    ):
        found = urlsplit(url).port
        assert found is not None
        yield found


@pytest.fixture
def postgres(port: int) -> Iterator[PostgresDestination]:
    yield _destination(port)
    _ask(port, "drop table if exists members, candor_batches")


def _destination(port: int, **changes: Any) -> PostgresDestination:
    given = {
        "kind": "postgres", "host": "127.0.0.1", "port": port, "database": "postgres",
        "user": "candor", "password_env": "PG_PASSWORD", "legal_basis": "a test",
        "allow_insecure_loopback": True, "timeout_s": 10, **changes,
    }  # fmt: skip
    return PostgresDestination("pg", PostgresSettings.model_validate(given), "secret-word")


def _ask(port: int, sql: str) -> Any:
    session = pg8000.native.Connection("candor", host="127.0.0.1", port=port, database="postgres")
    try:
        return session.run(sql)
    finally:
        session.close()


def _run(company: Company, postgres: PostgresDestination, number: int = 1) -> SyncReport:
    moment = {"run_id": f"r{number}", "now": NOW + dt.timedelta(hours=number)}
    compute_memberships(company.warehouse, [audience(EVERYONE)], **moment)
    return run_sync(company.warehouse, SYNC, postgres, sleep=_no_sleep, **moment)


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a test never sleeps")


def test_the_table_follows_the_audience(
    company: Company, postgres: PostgresDestination, port: int
) -> None:
    company.people(3, country="US")
    first = _run(company, postgres)
    company.consent("p001", "marketing", "denied")
    company.warehouse.execute("update marts.profiles set country = 'DE' where person_id = 'p002'")

    second = _run(company, postgres, 2)

    rows = _ask(port, "select identifiers ->> 'email', traits from members order by 1")
    assert (first.added, second.removed, second.changed) == (3, 1, 1)
    assert rows == [
        ["p000@mail.example", {"country": "US", "origin": 'it\'s "Candor"'}],
        ["p002@mail.example", {"country": "DE", "origin": 'it\'s "Candor"'}],
    ]


def test_a_batch_that_comes_again_changes_nothing(
    company: Company, postgres: PostgresDestination, port: int
) -> None:
    company.people(2)
    _run(company, postgres)
    batch = company.rows("sync.batches")[0]["batch_id"]
    body = b'{"target":"members","audience":"everyone","rows":[{"id":"r_x","operation":"add"}]}'
    request = type(postgres.plan(_empty()))(batch, "to_pg", body)

    postgres.send(request, sleep=_no_sleep)

    assert _ask(port, "select count(*) from members") == [[2]]


def _empty() -> Any:
    rows = pa.table({"payload": pa.array([], pa.string())})
    return Batch("b_0", "to_pg", "everyone", (), rows, "members")


def test_a_table_that_was_dropped_is_filled_again(
    company: Company, postgres: PostgresDestination, port: int
) -> None:
    company.people(2)
    _run(company, postgres)
    _ask(port, "drop table members")

    report = _run(company, postgres, 2)

    assert report.added == 2
    assert _ask(port, "select count(*) from members") == [[2]]


def test_a_refusal_leaves_nothing_behind_and_quotes_nothing(
    company: Company, postgres: PostgresDestination, port: int
) -> None:
    company.people(2, country="secret-land")
    _ask(port, "create table members (row_id text primary key)")

    report = _run(company, postgres)

    assert (report.status, report.code) == ("failed", "sqlstate_42703")
    assert _ask(port, "select count(*) from members") == [[0]]
    assert _ask(port, "select count(*) from candor_batches") == [[0]]


def test_a_database_that_is_not_there_is_refused_by_its_code(port: int) -> None:
    with pytest.raises(DestinationRefusedError, match="sqlstate_3d000") as refused:
        _destination(port, database="nowhere").send(
            _destination(port).plan(_empty()), sleep=_no_sleep
        )

    assert refused.value.is_final
    assert "secret-word" not in f"{refused.value}{_destination(port)!r}"


def test_a_server_that_is_not_there_is_left_to_the_next_run() -> None:
    with pytest.raises(DestinationUnavailableError, match="ConnectionRefusedError"):
        _destination(1).send(_destination(1).plan(_empty()), sleep=_no_sleep)


def test_this_machine_is_refused_unless_it_is_allowed(port: int) -> None:
    with pytest.raises(UnsafeAddressError):
        _destination(port, allow_insecure_loopback=False).send(
            _destination(port).plan(_empty()), sleep=_no_sleep
        )
