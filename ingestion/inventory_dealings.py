"""The tables of schema ``raw`` that tell what a person has to do with the company."""

from __future__ import annotations

from ingestion.inventory_columns import (
    ATTRIBUTES,
    BY_PERSON,
    ORIGIN,
    PERSON,
    TIMES,
    VERSION,
    number,
    text,
    time,
)
from warehouse import Column, Pii, Table, TableName

ORDERS = Table(
    TableName("raw", "orders"),
    grain="One row per version of one order",
    columns=(
        *ORIGIN,
        text("order_id", Pii.PSEUDONYMOUS, "id of the order in its source"),
        *VERSION,
        *PERSON,
        text("sku", Pii.NONE, "what was bought"),
        number("amount", "in units of the currency"),
        text("currency", Pii.NONE, "as the source writes it; null unknown"),
        text("status", Pii.NONE, "as given; paid, refunded or failed where its word is declared"),
        time("ordered_at", "when"),
        ATTRIBUTES,
        *TIMES,
    ),
    key=("source", "order_id", "record_hash"),
    subjects=BY_PERSON,
    aged_by="ordered_at",
)

SUBSCRIPTIONS = Table(
    TableName("raw", "subscriptions"),
    grain="One row per version of one subscription",
    columns=(
        *ORIGIN,
        text("subscription_id", Pii.PSEUDONYMOUS, "id of the subscription in its source"),
        *VERSION,
        *PERSON,
        text("account_id", Pii.NONE, "the account in the same source; null if none"),
        text("plan", Pii.NONE, "what is subscribed to, as given"),
        text("status", Pii.NONE, "as given; running or ended where its word is declared"),
        text(
            "billing_period",
            Pii.NONE,
            "as given; month, quarter or year where its word is declared; null unknown",
        ),
        number("quantity", "units, e.g. seats"),
        number("amount", "price of one billing period, in units of the currency"),
        number("mrr", "recurring revenue of a month, in units of the currency"),
        text("currency", Pii.NONE, "as the source writes it; null unknown"),
        time("started_at", "when it began; null unknown"),
        time("trial_ends_at", "when the trial ends or ended; null if none"),
        time("renews_at", "when it renews or expires next; null unknown"),
        time("cancelled_at", "when it was cancelled, though it may still run; null if it was not"),
        time("ended_at", "when it ended; null while it runs"),
        ATTRIBUTES,
        *TIMES,
    ),
    key=("source", "subscription_id", "record_hash"),
    subjects=BY_PERSON,
    aged_by="loaded_at",
)

LIFECYCLE_EVENTS = Table(
    TableName("raw", "lifecycle_events"),
    grain="One row per stage that one person reached; a correction of it is a version of its own",
    columns=(
        *ORIGIN,
        text(
            "lifecycle_event_id",
            Pii.PSEUDONYMOUS,
            "the source's id, else hash of person, stage, time",
        ),
        Column(
            "record_hash", "VARCHAR", Pii.PSEUDONYMOUS, "SHA-256 of what was mapped: its version"
        ),
        *PERSON,
        text("stage", Pii.NONE, "the stage that was reached, as given"),
        text("previous_stage", Pii.NONE, "the stage before; null if not said"),
        time("changed_at", "when it was reached"),
        *TIMES,
    ),
    key=("source", "lifecycle_event_id", "record_hash"),
    subjects=BY_PERSON,
    aged_by="changed_at",
)

DEALS = Table(
    TableName("raw", "deals"),
    grain="One row per version of one deal: a sale that is hoped for, won or lost",
    columns=(
        *ORIGIN,
        text("deal_id", Pii.PSEUDONYMOUS, "id of the deal in its source"),
        *VERSION,
        *PERSON,
        text("account_id", Pii.NONE, "the account in the same source; null if none"),
        text("name", Pii.PERSONAL, "as given"),
        text("deal_type", Pii.NONE, "as given, e.g. new business"),
        text("pipeline", Pii.NONE, "as given; null if there is but one"),
        text("stage", Pii.NONE, "as given"),
        number("amount", "hoped for or won, in units of the currency"),
        text("currency", Pii.NONE, "as the source writes it; null unknown"),
        number("probability", "of being won, as given: a share or per cent"),
        Column(
            "is_closed",
            "BOOLEAN",
            Pii.NONE,
            "won or lost, as given or as its stage is declared; null unknown",
        ),
        Column("is_won", "BOOLEAN", Pii.NONE, "likewise; null unknown"),
        time("closed_at", "when it was closed; of an open one when it is expected to be"),
        ATTRIBUTES,
        *TIMES,
    ),
    key=("source", "deal_id", "record_hash"),
    subjects=BY_PERSON,
    aged_by="loaded_at",
)

TICKETS = Table(
    TableName("raw", "tickets"),
    grain="One row per version of one support ticket",
    columns=(
        *ORIGIN,
        text("ticket_id", Pii.PSEUDONYMOUS, "id of the ticket in its source"),
        *VERSION,
        *PERSON,
        text("subject", Pii.PERSONAL, "as given"),
        text("topic", Pii.NONE, "as given"),
        text("priority", Pii.NONE, "as given"),
        time("opened_at", "when opened"),
        time("solved_at", "when solved; null while open"),
        number("satisfaction", "as answered; null if not"),
        ATTRIBUTES,
        *TIMES,
    ),
    key=("source", "ticket_id", "record_hash"),
    subjects=BY_PERSON,
    aged_by="opened_at",
)
