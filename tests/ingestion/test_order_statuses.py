from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingestion.order_statuses import NOT_PAID, PAID, OrderStatuses, unknown_statuses
from tests.ingestion.conftest import SOURCES, Landing

_MACROS = Path(__file__).parents[2] / "dbt_project" / "macros" / "orders.sql"
_MAPPED = {**SOURCES["shop"]["map"], "status": "status"}


def test_words_for_a_status_are_read_and_unknown_ones_are_counted(landing: Landing) -> None:
    words = {"paid": ["Bezahlt"], "failed": ["storniert", ""]}
    landing.sources = {**SOURCES, "shop": {**SOURCES["shop"], "map": _MAPPED, "statuses": words}}
    given = ("BEZAHLT", "storniert", "", "offen", "On-Hold")
    rows = "".join(
        f"{number},,a@x.org,2026-01-0{number},5,{word}\n" for number, word in enumerate(given, 1)
    )
    landing.put("shop/a.csv", f"order,contact,mail,at,amount,status\n{rows}".encode())

    landing.load()

    read = landing.values("select status from raw.orders order by order_id")
    assert read == ["paid", "failed", "failed", "offen", "On-Hold"]
    assert unknown_statuses(landing.warehouse) == {"shop": 1}


def test_the_marts_know_the_same_words() -> None:
    macro = _MACROS.read_text("utf-8").split("macro paid_statuses()")[1].split("endmacro")[0]

    assert tuple(re.findall("'([a-z_]+)'", macro)) == PAID
    assert not set(PAID) & set(NOT_PAID)


def test_a_word_means_one_thing() -> None:
    with pytest.raises(ValidationError, match="means two things"):
        OrderStatuses(paid=["ok"], failed=["OK "])
