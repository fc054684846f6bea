"""A real PostgreSQL is pulled: every value as it is there, and only what is new."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion import SourcesConfig, load_landing
from ingestion.pull import PullReport, pull_sources
from tests.ingestion.conftest import nobody
from tests.ingestion.pull_server import serving_postgres
from warehouse import DuckDBWarehouse

NOW = datetime.fromisoformat("2026-11-24T12:00")


@dataclass
class Shop:
    """A company whose contacts are in a database."""

    url: str
    folder: Path

    def run(self, *statements: str) -> None:
        engine = sa.create_engine(
            self.url.replace("postgresql:", "postgresql+pg8000:"), poolclass=sa.NullPool
        )
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def config(self, **pull: Any) -> SourcesConfig:
        source = {
            "kind": "person_records",
            "id": "id",
            "map": {"email": "E-Mail"},
            "pull": {"from": "sql", "url_env": "SHOP_URL", "table": "contacts", **pull},
        }
        return SourcesConfig.model_validate({"sources": {"shop": source}})

    def pull(self, day: int = 0, *, url: str | None = None, **pull: Any) -> PullReport:
        [report] = pull_sources(
            self.config(**pull), self.folder / "landing", self.folder / "home",
            now=NOW + timedelta(days=day), environ={"SHOP_URL": url or self.url},
        )  # fmt: skip
        return report

    def lines(self, report: PullReport) -> list[str]:
        files = [self.folder / "landing" / name for name in report.files]
        return [
            line
            for file in files
            for line in gzip.decompress(file.read_bytes()).decode().splitlines()
        ]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    # pytest's own folders are closed to the user that the server runs as.
    with (
        tempfile.TemporaryDirectory(
            prefix="candor-postgres-", ignore_cleanup_errors=True
        ) as folder,
        serving_postgres(Path(folder)) as url,
    ):
        yield url


@pytest.fixture
def shop(database: str, tmp_path: Path) -> Shop:
    made = Shop(database, tmp_path)
    made.run(
        "drop table if exists contacts",
        'create table contacts (id bigint primary key, "E-Mail" text, updated_at timestamptz)',
    )
    return made


def test_every_value_lands_as_the_database_has_it(shop: Shop) -> None:
    shop.run(
        "alter table contacts add price numeric(12, 2), add score numeric, add ratio float8, "
        "add born date, add made timestamp, add facts jsonb, add raw json, add picture bytea, "
        "add key uuid, add good boolean, add tags text[], add length interval",
        """
        insert into contacts values (1, 'é"@x.example', '2026-11-01T10:00:00.123456+02', 9.90,
            12.340000000000000000001, 0.1, '1990-01-31', '2026-01-01 00:00', '{"b": 1.0, "a": 1}',
            E'{"a":\n  1}', '\\x00ff', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, '{a,b}',
            '1 day')
        """,
        "insert into contacts (id, price, score, ratio) values (2, 'NaN', 'NaN', '-infinity')",
    )

    first, second = shop.lines(shop.pull())

    assert first == (
        '{"E-Mail":"é\\"@x.example","born":"1990-01-31","facts":{"a": 1, "b": 1.0},"good":true,'
        '"id":1,"key":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","length":"1 day",'
        '"made":"2026-01-01T00:00:00.000000","picture":"AP8=","price":9.90,"ratio":0.1,'
        '"raw":{"a":   1},"score":12.340000000000000000001,"tags":"{a,b}",'
        '"updated_at":"2026-11-01T08:00:00.123456Z"}'
    )
    found = {name: value for name, value in json.loads(second).items() if value is not None}
    assert found == {"id": 2, "price": "NaN", "score": "NaN", "ratio": "-Infinity"}


def test_ten_thousand_rows_are_read_once_and_then_only_what_is_new(shop: Shop) -> None:
    shop.run(
        "insert into contacts select n, 'p' || n || '@x.example', "
        "timestamptz '2026-11-01 00:00Z' + n * interval '1 minute' from generate_series(1, 10000) n"
    )
    warehouse = DuckDBWarehouse.in_memory()
    reports = [shop.pull(cursor="updated_at")]
    late, new = (
        f"insert into contacts values ({number}, 'new@x.example', timestamptz '2026-11-01 00:00Z' + "
        f"{minute} * interval '1 minute')"
        for number, minute in ((10001, 9997), (10002, 10001))
    )
    shop.run(late, new)

    reports.append(shop.pull(1, cursor="updated_at"))

    assert [(report.rows, report.is_full) for report in reports] == [(10_000, True), (8, False)]
    load_landing(warehouse, shop.config(), shop.folder / "landing", now=NOW, is_suppressed=nobody)
    assert warehouse.scalar("select count(*) from raw.person_records") == 10_002
    assert warehouse.scalar("select sum(rows_deduplicated) from raw.loads") == 6


def test_a_row_without_a_time_of_change_is_not_lost(shop: Shop) -> None:
    shop.run(
        "insert into contacts values (1, 'a@x.example', '2026-11-01Z'), (2, 'b@x.example', null)"
    )
    shop.pull(cursor="updated_at")
    shop.run("insert into contacts values (3, 'c@x.example', null)")

    report = shop.pull(1, cursor="updated_at")

    assert [json.loads(line)["id"] for line in shop.lines(report)] == [1, 2, 3]


def test_a_table_without_a_cursor_is_read_whole_and_lands_when_it_differs(shop: Shop) -> None:
    shop.run("insert into contacts values (1, 'a@x.example')")
    landed = [bool(shop.pull(day).files) for day in (0, 1)]
    shop.run("update contacts set \"E-Mail\" = 'b@x.example'")
    landed.append(bool(shop.pull(2).files))

    assert landed == [True, False, True]


def test_columns_that_came_went_and_changed_are_told_by_name(shop: Shop) -> None:
    shop.run("alter table contacts add note text, add level int")
    shop.run("insert into contacts values (1, 'a@x.example', '2026-11-01Z', 'x', 1)")
    shop.pull()
    shop.run(
        "alter table contacts drop note, add city text, alter level type text",
        "update contacts set city = 'Köln'",
    )

    changes = shop.pull(1).changes

    assert (changes.added, changes.gone, changes.retyped) == (("city",), ("note",), ("level",))


def test_a_mapped_column_that_went_stops_the_pull_before_anything_lands(shop: Shop) -> None:
    shop.run(
        "insert into contacts values (1, 'a@x.example')",
        'alter table contacts rename "E-Mail" to mail',
    )

    report = shop.pull()

    assert report.failure is not None
    assert "no column 'E-Mail'" in report.failure
    assert list((shop.folder).rglob("*.jsonl.gz")) == []


def test_only_the_columns_that_are_named_are_read(shop: Shop) -> None:
    shop.run("insert into contacts values (1, 'a@x.example', '2026-11-01Z')")

    report = shop.pull(columns=["id", "E-Mail"])

    assert shop.lines(report) == ['{"E-Mail":"a@x.example","id":1}']


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"url": "/nowhere"}, "SQLSTATE 3D000", id="no-such-database"),
        pytest.param({"table": "nothing"}, "no table 'nothing'", id="no-such-table"),
        pytest.param({"cursor": "E-Mail"}, "neither a time", id="text-as-cursor"),
        pytest.param({"url": "hush@hush"}, "no URL of a database", id="no-url"),
        pytest.param({"url": "postgresql://a:hush@127.0.0.1:1/a"}, "reached", id="nobody-there"),
    ],
)
def test_what_cannot_be_read_says_why_without_the_url(
    shop: Shop, change: dict[str, str], says: str
) -> None:
    url = change.pop("url", shop.url)
    url = shop.url.removesuffix("/postgres") + url if url.startswith("/") else url

    report = shop.pull(url=url, **change)

    assert report.failure is not None
    assert says in report.failure
    assert "hush" not in report.failure
    assert "secret-word" not in report.failure
