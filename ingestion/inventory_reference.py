"""The tables of schema ``raw`` that speak of companies, content and networks, and of no person."""

from __future__ import annotations

from ingestion.inventory_columns import ATTRIBUTES, ORIGIN, TIMES, VERSION, number, text, time
from warehouse import Column, Pii, Table, TableName

ACCOUNTS = Table(
    TableName("raw", "accounts"),
    grain="One row per version of one company; speaks of no person",
    columns=(
        *ORIGIN,
        text("account_id", Pii.NONE, "id of the company in its source"),
        *VERSION,
        text("name", Pii.NONE, "as given"),
        text("domain", Pii.NONE, "as given"),
        text("website", Pii.NONE, "as given"),
        text("industry", Pii.NONE, "as given"),
        Column("employee_count", "BIGINT", Pii.NONE, "people"),
        number("annual_revenue", "in the source's currency"),
        text("country", Pii.NONE, "as given"),
        text("account_type", Pii.NONE, "as given"),
        ATTRIBUTES,
        *TIMES,
    ),
    key=("source", "account_id", "record_hash"),
)

CONTENT_ITEMS = Table(
    TableName("raw", "content_items"),
    grain="One row per version of one content item; speaks of no person",
    columns=(
        *ORIGIN,
        text("content_id", Pii.NONE, "id of the item"),
        *VERSION,
        text("url", Pii.NONE, "address"),
        text("title", Pii.NONE, "as given"),
        text("topic", Pii.NONE, "as given"),
        text("content_type", Pii.NONE, "as given, e.g. blog"),
        text("funnel_stage", Pii.NONE, "as given, e.g. awareness"),
        text("target_persona", Pii.NONE, "the editors' own guess"),
        time("published_at", "when published"),
        Column("word_count", "BIGINT", Pii.NONE, "words"),
        text("summary", Pii.NONE, "as given"),
        ATTRIBUTES,
        *TIMES,
    ),
    key=("source", "content_id", "record_hash"),
)

IP_RANGES = Table(
    TableName("raw", "ip_ranges"),
    grain="One row per version of one network seen at a company; speaks of no person",
    columns=(
        *ORIGIN,
        text("cidr", Pii.NONE, "the network, e.g. 198.18.0.0/24"),
        *VERSION,
        text(
            "first_address",
            Pii.NONE,
            "32 hex digits, IPv4 as ::ffff:a.b.c.d, so text order is address order",
        ),
        text("last_address", Pii.NONE, "32 hex digits, as above"),
        text("domain", Pii.NONE, "the company"),
        number("confidence", "0..1; null unknown"),
        *TIMES,
    ),
    key=("source", "cidr", "record_hash"),
)

MAIL_DOMAINS = Table(
    TableName("raw", "mail_domains"),
    grain="One row per domain of a mailbox provider, which names no company; speaks of no person",
    columns=(
        text("domain", Pii.NONE, "lower case"),
        text(
            "kind",
            Pii.NONE,
            "free: anybody can have a mailbox; disposable: for a few minutes; configured: identity.yml says so",
        ),
    ),
    key=("domain",),
)
