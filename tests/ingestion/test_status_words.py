from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ingestion import SourcesConfig
from ingestion.status_words import (
    IDLE,
    NOT_PAID,
    PAID,
    PERIODS,
    RUNNING,
    PeriodWords,
    StatusWords,
    tell_unknown_words,
    unknown_words,
)
from tests.ingestion.conftest import SOURCES, Landing

_MACROS = Path(__file__).parents[2] / "dbt_project" / "macros"
_SHOP = {**SOURCES["shop"], "map": {**SOURCES["shop"]["map"], "status": "status"}}
_PLANS = {
    "kind": "subscriptions",
    "files": "plans/*.csv",
    "id": "no",
    "map": {"status": "state", "billing_period": "every", "amount": "price", "ended_at": "end"},
}
_DEALS = {"kind": "deals", "files": "deals/*.csv", "id": "no", "map": {"stage": "stage"}}


def _counts(landing: Landing) -> Sequence[tuple[str, str, str, int]]:
    words = unknown_words(landing.warehouse)
    return [(word.table.name.name, word.setting, word.source, word.rows) for word in words]


def _put(landing: Landing, name: str, header: str, rows: Sequence[str]) -> None:
    numbered = "".join(f"{number},{row}\n" for number, row in enumerate(rows, 1))
    landing.put(name, f"no,{header}\n{numbered}".encode())


def test_words_for_a_status_are_read_and_unknown_ones_are_counted(landing: Landing) -> None:
    words = {"paid": ["Bezahlt"], "failed": ["storniert", ""]}
    landing.sources = {**SOURCES, "shop": {**_SHOP, "statuses": words}}
    given = ("BEZAHLT", "storniert", "", "offen", "On-Hold")
    rows = "".join(
        f"{number},,a@x.org,2026-01-0{number},5,{word}\n" for number, word in enumerate(given, 1)
    )
    landing.put("shop/a.csv", f"order,contact,mail,at,amount,status\n{rows}".encode())

    landing.load()

    read = landing.values("select status from raw.orders order by order_id")
    assert read == ["paid", "failed", "failed", "offen", "On-Hold"]
    assert _counts(landing) == [("orders", "statuses", "shop", 1)]


def test_words_of_subscriptions_are_read_and_unknown_ones_are_counted(landing: Landing) -> None:
    words = {
        "statuses": {"running": ["ativa"], "ended": ["Cancelada"]},
        "periods": {"month": ["mensal"], "year": ["anual"]},
    }
    landing.sources = {"plans": {**_PLANS, **words}, "other": {**_PLANS, "files": "other/*"}}
    rows = [
        "Ativa,MENSAL,5,", "cancelada,anual,5,", "suspensa,trimestral,5,", "past due,monthly,5,",
        "suspensa,semanal,,2026-01-01", ",,5,",
    ]  # fmt: skip
    _put(landing, "plans/a.csv", "state,every,price,end", rows)
    _put(landing, "other/a.csv", "state,every,price,end", ["ativa,mensal,5,", "Active,,5,"])

    landing.load()

    read = (
        "select status, billing_period from raw.subscriptions where source = 'plans' order by 1, 2"
    )
    assert [tuple(row.values()) for row in landing.rows(read)] == [
        ("ended", "year"), ("past due", "monthly"), ("running", "month"), ("suspensa", "semanal"),
        ("suspensa", "trimestral"), (None, None),
    ]  # fmt: skip
    assert _counts(landing) == [
        ("subscriptions", "statuses", "other", 1), ("subscriptions", "statuses", "plans", 1),
        ("subscriptions", "periods", "other", 1), ("subscriptions", "periods", "plans", 1),
    ]  # fmt: skip
    assert next(tell_unknown_words(landing.warehouse)).startswith(
        "other: the status of 1 subscriptions is a word that Candor does not know: they count as "
        "running. Say what your words mean under statuses of this source in sources.yml"
    )


def test_stages_of_deals_are_read_and_a_source_where_none_ends_is_told(landing: Landing) -> None:
    words = {"won": ["Ganho"], "lost": ["Perdido"], "open": ["Proposta"]}
    flagged = {**_DEALS, "map": {"stage": "stage", "is_won": "won"}, "files": "flagged/*"}
    landing.sources = {
        "declared": {**_DEALS, "statuses": words},
        "flagged": {**flagged, "statuses": words},
        "english": {**_DEALS, "files": "english/*"},
        "unknown": {**_DEALS, "files": "unknown/*"},
    }
    _put(landing, "deals/a.csv", "stage", ["GANHO", "Perdido", "Proposta", "Visita", ""])
    _put(landing, "flagged/a.csv", "stage,won", ["Ganho,no", "Visita,yes"])
    _put(landing, "english/a.csv", "stage", ["Visita", "Closed Won"])
    _put(landing, "unknown/a.csv", "stage", ["Ganho", "Perdido", ""])

    landing.load()

    read = landing.rows("select * from raw.deals order by source, deal_id")
    assert [(row["stage"], row["is_won"], row["is_closed"]) for row in read[:5]] == [
        ("GANHO", True, True), ("Perdido", False, True), ("Proposta", False, False),
        ("Visita", None, None), (None, None, None),
    ]  # fmt: skip
    flags = [row["is_won"] for row in read if row["source"] == "flagged"]
    assert flags == [False, True], "a flag counts before the stage"
    assert _counts(landing) == [("deals", "statuses", "unknown", 3)]


def test_words_for_consent_are_read_and_no_denial_is_made_a_grant(landing: Landing) -> None:
    words = {"granted": ["Zgoda"], "denied": ["brak zgody", ""]}
    landing.sources = {"consents": {**SOURCES["consents"], "statuses": words}}
    said = ("ZGODA", "Brak zgody", "", "Tak", "nie", "perhaps")
    for number, word in enumerate(said, 1):
        line = f'{{"who": {{"email": "{number}@x.org"}}, "purpose": "ads", "status": "{word}", "at": "2026-01-01"}}'
        landing.put(f"consent/{number}.jsonl", f"{line}\n".encode())

    landing.load()

    read = landing.values("select status from raw.consent_events order by subject_email")
    assert read == ["granted", "denied", "denied", "granted", "denied"]
    (why,) = landing.values("select reason from raw.quarantine")
    assert "`statuses` of the source in sources.yml" in why
    for denial in ("", " NO ", "nie"):
        with pytest.raises(ValidationError, match="is no grant"):
            StatusWords(granted=[denial])


def test_the_marts_know_the_same_words() -> None:
    def words(file: str, macro: str) -> Sequence[str]:
        text = (_MACROS / file).read_text("utf-8").split(f"macro {macro}(")[1].split("endmacro")[0]
        return re.findall("'([a-z_]+)'", text)

    assert words("orders.sql", "paid_statuses") == list(PAID)
    assert [word for word in words("dealings.sql", "is_idle") if word != "_"] == list(IDLE)
    assert words("dealings.sql", "monthly_revenue") == list(PERIODS)
    assert {*PeriodWords.model_fields} <= {*PERIODS}
    assert "ended" in IDLE
    assert not set(PAID) & set(NOT_PAID)
    assert not set(RUNNING) & set(IDLE)


def test_a_word_means_one_thing() -> None:
    with pytest.raises(ValidationError, match="means two things"):
        StatusWords(paid=["ok"], failed=["OK "])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({**_PLANS, "statuses": {"paid": ["paga"]}}, "words of subscriptions mean running, ended"),
        ({**_PLANS, "map": {}, "statuses": {"ended": ["x"]}}, "whose status is mapped"),
        ({**_DEALS, "statuses": {"granted": ["x"]}}, "words of deals mean won, lost, open"),
        ({**_DEALS, "periods": {"month": ["mensal"]}}, "only subscriptions"),
    ],
)
def test_words_of_another_kind_are_refused(source: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SourcesConfig.model_validate({"sources": {"own": source}})
