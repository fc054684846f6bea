"""What the words of a source mean: of an order, a subscription, a deal, an answer about consent.

Common words are known, others can be declared. A word that nobody knows is told: an order is not paid
by it, a subscription runs, a deal is open, a price has no period, and an answer is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from ingestion.consent_words import DENIED
from ingestion.field_values import text_sql
from ingestion.inventory_dealings import DEALS, ORDERS, SUBSCRIPTIONS
from settings import StrictModel
from warehouse import Table, Warehouse, literal

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
# As dbt_project/macros/dealings.sql has them.
IDLE = (
    "cancelled", "canceled", "ended", "expired", "terminated", "inactive", "closed", "churned",
    "unpaid", "incomplete", "incomplete_expired", "refunded", "failed", "pending",
)  # fmt: skip
PERIODS = (
    "month", "monthly", "months", "quarter", "quarterly", "quarters", "year", "yearly", "years",
    "annual", "annually",
)  # fmt: skip
# What else is plain: any word but the idle ones runs.
RUNNING = (
    "running", "active", "live", "current", "ongoing", "enabled", "open", "paid", "renewed",
    "trial", "trialing", "trialling", "in_trial", "past_due", "non_renewing", "grace_period",
)  # fmt: skip
OUTCOMES = ("won", "closed_won", "closedwon", "lost", "closed_lost", "closedlost")

# What the words of a kind can mean, and the field that they stand in.
_MEANINGS = {
    "orders": ("paid", "refunded", "failed"),
    "subscriptions": ("running", "ended"),
    "deals": ("won", "lost", "open"),
    "consent_events": ("granted", "denied"),
}
STATUS_FIELDS = {
    "orders": "status", "subscriptions": "status", "deals": "stage", "consent_events": "status",
}  # fmt: skip


def _words(what: str) -> list[str]:
    said: list[str] = Field(default_factory=list, description=what)
    return said


class _Words(StrictModel):
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
        declared: dict[str, list[str]] = self.model_dump()
        return declared


class StatusWords(_Words):
    """The words of a source for how an order, a subscription, a deal or consent stands."""

    paid: list[str] = _words('Orders: the money is there; "" means an empty status, here as below.')
    refunded: list[str] = _words("Orders: the money was given back.")
    failed: list[str] = _words("Orders: the money never came, or is still owed.")
    running: list[str] = _words("Subscriptions: it runs.")
    ended: list[str] = _words("Subscriptions: it does not run: it ended, rests or never began.")
    won: list[str] = _words("Deals: stages of one that was won.")
    lost: list[str] = _words("Deals: stages of one that was lost.")
    open: list[str] = _words("Deals: stages of one that may still be won.")
    granted: list[str] = _words("Consents: it is granted. No empty status, and no known denial.")
    denied: list[str] = _words("Consents: it is denied or withdrawn.")

    @model_validator(mode="after")
    def _no_denial_is_a_grant(self) -> Self:
        denials = sorted({"", *DENIED} & set(map(_folded, self.granted)))
        if denials:
            raise ValueError(f"granted: {denials[0]!r} is no grant")
        return self


class PeriodWords(_Words):
    """The words of a source for the time that the price of a subscription is for."""

    month: list[str] = _words("One month.")
    quarter: list[str] = _words("Three months.")
    year: list[str] = _words("Twelve months.")


def unfit_words(
    kind: str, mapped: Collection[str], statuses: StatusWords | None, periods: PeriodWords | None
) -> Iterator[str]:
    """What is declared and says nothing of rows of this kind."""
    if statuses is not None and STATUS_FIELDS.get(kind) not in mapped:
        yield (
            "statuses: only orders, subscriptions and consent events whose status is mapped "
            "(map: status) and deals whose stage is (map: stage) have them"
        )
    meanings = _MEANINGS.get(kind, ())
    for meaning in statuses.model_fields_set if statuses is not None and meanings else ():
        if meaning not in meanings:
            yield f"statuses: {meaning}: the words of {kind} mean {', '.join(meanings)}"
    if periods is not None and (kind != "subscriptions" or "billing_period" not in mapped):
        yield "periods: only subscriptions whose billing_period is mapped have them"


def declared_sql(text: str, words: StatusWords | PeriodWords | None) -> str:
    """An expression for a text: what its word was declared to mean, else as given."""
    return f"coalesce({_meaning_sql(text, words)}, {text_sql(text)})"


def declared_outcome_sql(text: str, statuses: StatusWords | None) -> Mapping[str, str]:
    """Expressions for whether a deal is won and closed; null where its stage is not declared."""
    meaning = _meaning_sql(text, statuses)
    return {"is_won": f"{meaning} = 'won'", "is_closed": f"{meaning} in ('won', 'lost')"}


def _meaning_sql(text: str, words: StatusWords | PeriodWords | None) -> str:
    cases = " ".join(
        f"when lower(coalesce({text_sql(text)}, '')) in "
        f"({', '.join(literal(_folded(word)) for word in listed)}) then {literal(meaning)}"
        for meaning, listed in (words.by_meaning if words else {}).items()
        if listed
    )
    return f"case {cases} end" if cases else "null::varchar"


@dataclass(frozen=True, slots=True)
class UnknownWords:
    """Rows of one source whose words nobody knows or declared.

    Attributes:
        table: Where they are.
        setting: What would say it in ``sources.yml``: statuses or periods.
        source: Whose they are.
        rows: How many there are.
        told: What they are and what they count as, in words.
    """

    table: Table
    setting: str
    source: str
    rows: int
    told: str


def unknown_words(warehouse: Warehouse) -> Sequence[UnknownWords]:
    """How many rows have a word that nobody knows or declared, by table and source; no values."""
    asked = (
        (
            ORDERS, "statuses", _of_latest(ORDERS, "status", (*PAID, *NOT_PAID)),
            "the status of {} orders is a word that Candor does not know: they count as not paid",
        ),
        (
            SUBSCRIPTIONS, "statuses",
            _of_latest(SUBSCRIPTIONS, "status", (*RUNNING, *IDLE), "ended_at is null"),
            "the status of {} subscriptions is a word that Candor does not know: they count as running",
        ),
        (
            SUBSCRIPTIONS, "periods",
            _of_latest(
                SUBSCRIPTIONS, "billing_period", PERIODS, "mrr is null and amount is not null"
            ),
            "the period of {} subscriptions is a word that Candor does not know: they have no revenue",
        ),
        (
            DEALS, "statuses", _of_open_deals(),
            "of {} deals none is known as won or lost: all of them count as open",
        ),
    )  # fmt: skip
    return [
        UnknownWords(table, setting, row["source"], row["n"], told.format(f"{row['n']:,}"))
        for table, setting, sql, told in asked
        for row in warehouse.read(sql).to_pylist()
    ]


def tell_unknown_words(warehouse: Warehouse) -> Iterator[str]:
    """A sentence for every source with such words: what they count as, and what to do."""
    for unknown in unknown_words(warehouse):
        yield (
            f"{unknown.source}: {unknown.told}. Say what your words mean under {unknown.setting} of "
            "this source in sources.yml, then `candor day redo` reads the loaded files again"
        )


def _of_latest(table: Table, column: str, known: Sequence[str], where: str = "true") -> str:
    """Of a field: the rows that hold now whose word is not known, by source."""
    source, key, _ = table.key
    return f"""
        with latest as (
            select * from {table.name.sql}
            qualify row_number() over (
                partition by {source}, {key} order by record_updated_at desc nulls last, loaded_at desc
            ) = 1
        )
        select source, count(*) as n from latest
        where trim({column}) <> '' and {where}
            and {_bare_sql(column)} not in ({", ".join(map(literal, known))})
        group by source order by source
    """


def _of_open_deals() -> str:
    """Stages are own words mostly, so a source is told where none of its deals ever ended."""
    known = ", ".join(map(literal, OUTCOMES))
    return f"""
        select source, count(distinct deal_id) as n from {DEALS.name.sql}
        group by source
        having count(nullif(trim(stage), '')) > 0 and bool_and(
            is_won is null and is_closed is null
            and coalesce({_bare_sql("stage")} not in ({known}), true)
        )
        order by source
    """


def _bare_sql(column: str) -> str:
    return f"regexp_replace(lower(trim({column})), '[ -]', '_', 'g')"


def _folded(word: str) -> str:
    return word.strip().lower()
