"""What a run and Dagster tell of values and words that could not be read: counts, never a value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ingestion.inventory_dealings import DEALS, SUBSCRIPTIONS
from ingestion.status_words import unknown_words
from orchestration.cli import run
from orchestration.defs.ingest import _unknown, _unread
from tests.ingestion.conftest import SOURCES, Landing
from warehouse import DuckDBWarehouse


def test_values_that_cannot_be_read_are_told_by_source_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run.console, "width", 1_000)
    landing = Landing(tmp_path, sources={"shop": {**SOURCES["shop"], "decimal": ".", "created_at": "made",
                                                 "person": {"email": "mail"}}})  # fmt: skip
    landing.put("shop/a.csv", b'order,mail,at,amount,made\n1,,2024-05-01,"12,5",31/31/2024\n')
    landing.put("shop/b.csv", b'order,mail,at,amount,made\n2,,2024-05-01,"12,7",\n')

    metadata = _unread(landing.load())
    run._show_unread_values(_company(landing))
    for_scripts = run._unread_values(_company(landing))

    told = capsys.readouterr().out.splitlines()
    assert metadata == {"unread/shop/amount": 2, "unread/shop/created_at": 1}
    assert for_scripts == [
        {"source": "shop", "field": "amount", "rows": 2},
        {"source": "shop", "field": "created_at", "rows": 1},
    ]
    assert [line.split(" of its")[0] for line in told] == [
        "shop: amount is empty in 2 rows", "shop: created_at is empty in 1 row",
    ]  # fmt: skip
    assert 'decimal: ","' in told[0]
    assert "write `date_order: day_first`" in told[1]
    assert told[1].endswith("(the texts are in attributes of raw.orders)")
    assert not any(value in str([told, metadata]) for value in ("12,5", "12,7", "31/31"))


def test_words_that_nobody_knows_are_told_by_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run.console, "width", 1_000)
    plans = {"kind": "subscriptions", "files": "*.csv", "id": "no", "map": {"status": "state"}}
    landing = Landing(tmp_path, sources={"plans": plans})
    landing.put("a.csv", b"no,state\n1,suspensa\n2,active\n")
    landing.load()

    run._show_unknown_words(_company(landing))

    words = unknown_words(landing.warehouse)
    assert _unknown(words, SUBSCRIPTIONS) == {"unknown_statuses_plans": 1}
    assert _unknown(words, DEALS) == {}
    told = capsys.readouterr().out
    assert told.startswith("plans: the status of 1 subscriptions")
    assert "suspensa" not in told


def _company(landing: Landing) -> Any:
    @contextmanager
    def open_warehouse() -> Iterator[DuckDBWarehouse]:
        yield landing.warehouse

    return SimpleNamespace(open_warehouse=open_warehouse, sources=landing.config)
