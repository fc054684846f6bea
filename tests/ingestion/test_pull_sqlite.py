"""What goes wrong in a database is told in plain words, with what to do next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ingestion import SourcesConfig
from ingestion.pull import pull_sources
from tests.ingestion.conftest import NOW


@pytest.mark.parametrize(
    ("kind", "value", "url", "told"),
    [
        pytest.param("text", "2026-11-01", None, "leave cursor out", id="text-as-cursor"),
        pytest.param("timestamp", "01/02/2026", None, "a view that casts it", id="text-in-times"),
        pytest.param("timestamp", 1700000000, None, "a view that casts it", id="number-in-times"),
        pytest.param(
            "timestamp", None, "sqlite:////nowhere/x.db", "whether the URL is right", id="no-file"
        ),
        pytest.param(
            "timestamp", None, "postgresql://u:hush@127.0.0.1:9/x", "whether it runs", id="nobody"
        ),
    ],
)
def test_a_pull_that_fails_says_what_to_do_without_names_of_python(
    tmp_path: Path, kind: str, value: object, url: str | None, told: str
) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute(f"create table t (id integer, email text, at {kind})")
        database.execute("insert into t values (1, 'ann@x.example', ?)", [value])
    pull = {"from": "sql", "url_env": "SHOP_URL", "table": "t", "cursor": "at"}
    shop = {"kind": "person_records", "id": "id", "map": {"email": "email"}, "pull": pull}
    config = SourcesConfig.model_validate({"sources": {"shop": shop}})

    [report] = pull_sources(
        config, tmp_path / "landing", tmp_path / "home", now=NOW,
        environ={"SHOP_URL": url or f"sqlite:///{path}"},
    )  # fmt: skip

    assert report.failure is not None
    assert told in report.failure
    assert "Error" not in report.failure
    assert "hush" not in report.failure
