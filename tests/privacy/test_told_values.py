"""Addresses and numbers are read as people and systems write them, and nothing else is read as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from privacy.told_values import told_values
from warehouse import DuckDBWarehouse

ADDRESS, NUMBER = "bob@alt.example", "+4915112345678"


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (
            ADDRESS,
            (
                "second:\nBob@alt.example", "\tbob@alt.example", "'bob@alt.example'", "-bob@alt.example-",
                "https://x.example/?to=mailto%3Abob%40alt.example", '{"in": "a\\nbob@alt.example"}',
            ),
        ),
        (
            NUMBER,
            (
                "+49 (0)151 123-45678", "+49 151/12345678", "0049 151 12345678", "Tel.:00 49 151 12345678",
                "+49\N{NO-BREAK SPACE}151\N{NARROW NO-BREAK SPACE}12345678", "tel=%2B4915112345678",
            ),
        ),
        ("o'neil+news@alt.example", ("'o'neil+news@alt.example'.",)),
        (None, ("1.0049151123456", "x0049151123456", "0151 12345678", "bob@alt", "her@alt.example")),
    ],
)  # fmt: skip
def test_what_is_told_is_read(tmp_path: Path, value: str | None, texts: tuple[str, ...]) -> None:
    with DuckDBWarehouse.open(tmp_path / "warehouse.duckdb") as warehouse:
        read = {}
        for text in texts:
            found = warehouse.read(
                told_values(
                    "(select 'r' as subject_request_id, 'her@alt.example' as mapped, $text as text)"
                ),
                {"text": json.dumps({"field": text}, ensure_ascii=False)},
            )
            read[text] = found["identifier_value"].to_pylist()

    assert read == dict.fromkeys(texts, [value] if value else [])
