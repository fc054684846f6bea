"""What the status of an order says of its money: words that are known, and those that a source declares.

A word that nobody knows is no payment: its orders count as not paid, and are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from ingestion.field_values import text_sql
from ingestion.inventory_dealings import ORDERS
from settings import StrictModel
from warehouse import Warehouse, literal

# As dbt_project/macros/orders.sql has them; blanks and hyphens of a word count as underscores.
PAID = (
    "paid", "complete", "completed", "succeeded", "success", "successful", "captured", "settled",
    "processing", "processed", "fulfilled", "shipped", "delivered", "partially_refunded",
)  # fmt: skip
NOT_PAID = (
    "failed", "refunded", "cancelled", "canceled", "voided", "declined", "pending", "chargeback",
    "disputed", "expired", "draft", "unpaid", "open", "overdue", "authorized", "authorised",
    "partially_paid", "on_hold", "returned", "reversed", "rejected", "abandoned",
)  # fmt: skip


def _words(what: str) -> list[str]:
    said: list[str] = Field(default_factory=list, description=what)
    return said


class OrderStatuses(StrictModel):
    """The words of a source for what became of the money of an order, in its own language."""

    paid: list[str] = _words('Words for: the money is there; "" means an empty status.')
    refunded: list[str] = _words("Words for: the money was given back.")
    failed: list[str] = _words("Words for: the money never came, or is still owed.")

    @model_validator(mode="after")
    def _each_word_says_one_thing(self) -> Self:
        words = [word for listed in self.by_meaning.values() for word in set(map(_folded, listed))]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"{twice[0]!r} means two things: write it once")
        return self

    @property
    def by_meaning(self) -> Mapping[str, list[str]]:
        """The declared words by what they mean."""
        return {"paid": self.paid, "refunded": self.refunded, "failed": self.failed}


def declared_status_sql(text: str, statuses: OrderStatuses | None) -> str:
    """An expression for a status: what its word was declared to mean, else as given."""
    given = text_sql(text)
    cases = " ".join(
        f"when lower(coalesce({given}, '')) in ({', '.join(literal(_folded(w)) for w in words)}) "
        f"then {literal(meaning)}"
        for meaning, words in (statuses.by_meaning if statuses else {}).items()
        if words
    )
    return f"case {cases} else {given} end" if cases else given


def unknown_statuses(warehouse: Warehouse) -> Mapping[str, int]:
    """How many orders have a status that nobody knows or declared, by source; no values."""
    known = ", ".join(map(literal, (*PAID, *NOT_PAID)))
    rows = warehouse.read(
        f"""
        with latest as (
            select source, status from {ORDERS.name.sql}
            qualify row_number() over (
                partition by source, order_id order by record_updated_at desc nulls last, loaded_at desc
            ) = 1
        )
        select source, count(*) as n from latest
        where trim(status) <> ''
            and regexp_replace(lower(trim(status)), '[ -]', '_', 'g') not in ({known})
        group by source order by source
        """
    )
    return dict(zip(rows["source"].to_pylist(), rows["n"].to_pylist(), strict=True))


def _folded(word: str) -> str:
    return word.strip().lower()
