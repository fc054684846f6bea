"""The tables of schema ``raw``: what was received, where it came from, what was refused."""

from __future__ import annotations

from ingestion.inventory_dealings import DEALS, LIFECYCLE_EVENTS, ORDERS, SUBSCRIPTIONS, TICKETS
from ingestion.inventory_parts import (
    ATTRIBUTES,
    LOADED_AT,
    ORIGIN,
    TIMES,
    VERSION,
    number,
    text,
    time,
)
from ingestion.mapping import KINDS
from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

EVENTS = Table(
    TableName("raw", "events"),
    grain="One row per event; of several copies the one received first",
    columns=(
        text("event_id", Pii.PSEUDONYMOUS, "the source's message id, else a hash of the line"),
        *ORIGIN,
        Column("line", "BIGINT", Pii.NONE, "line in the file, from 1; row for Parquet"),
        Column("position", "INTEGER", Pii.NONE, "place in the line, from 1: a batch holds several"),
        text("type", Pii.NONE, "identify, page, screen, track, group, alias or merge"),
        text("event", Pii.NONE, "name of a track call, or of the page or screen"),
        text("anonymous_id", Pii.PSEUDONYMOUS, "the browser or device; null if not said"),
        text("user_id", Pii.PSEUDONYMOUS, "the signed-in user; null if none"),
        text("previous_id", Pii.PSEUDONYMOUS, "of alias and merge: the user id that it replaces"),
        text("group_id", Pii.PSEUDONYMOUS, "of group: the account"),
        text(
            "email", Pii.IDENTIFIER, "address in traits, context.traits or properties, lower case"
        ),
        time("original_timestamp", "when it happened by the device's clock; null if not said"),
        time("sent_at", "when it was sent by the device's clock; null if not said"),
        time("received_at", "when the source received it; null if not said, never invented"),
        time("timestamp", "when it happened, corrected for the device's clock"),
        Column(
            "is_late", "BOOLEAN", Pii.NONE, "received more than 3 days after; null if not known"
        ),
        text("channel", Pii.NONE, "what sent it, e.g. web, mobile, server; null if not said"),
        text("session_id", Pii.PSEUDONYMOUS, "the tracker's own visit; null if it keeps none"),
        text("page_url", Pii.PERSONAL, "address of the page"),
        text("page_path", Pii.NONE, "path of the page"),
        text("page_title", Pii.NONE, "title of the page"),
        text("page_referrer", Pii.PERSONAL, "address of the page before"),
        text("campaign_source", Pii.NONE, "utm_source"),
        text("campaign_medium", Pii.NONE, "utm_medium"),
        text("campaign_name", Pii.NONE, "utm_campaign"),
        text("campaign_term", Pii.NONE, "utm_term"),
        text("campaign_content", Pii.NONE, "utm_content"),
        text("ip", Pii.PERSONAL, "address of the device"),
        text("user_agent", Pii.PERSONAL, "what the browser says it is"),
        text("locale", Pii.NONE, "language and country, e.g. en-US"),
        text("timezone", Pii.NONE, "IANA name, e.g. America/Boise"),
        text("device_type", Pii.NONE, "as the source says, e.g. mobile"),
        text("content_id", Pii.NONE, "the content item; null if none"),
        number("scroll_depth", "share of the page that was seen, 0..1"),
        number("time_on_page_s", "seconds"),
        text("search_query", Pii.PERSONAL, "what was searched for"),
        text("download", Pii.PERSONAL, "the asset or file that was downloaded"),
        text("block", Pii.PERSONAL, "the block of the page that was shown or clicked"),
        Column("item_position", "BIGINT", Pii.NONE, "place of the clicked result or item, from 1"),
        text("properties", Pii.PERSONAL, "JSON as given"),
        text("traits", Pii.IDENTIFIER, "JSON as given"),
        text("context", Pii.IDENTIFIER, "JSON as given"),
        text("consent", Pii.NONE, "JSON of context.consent; null if not transmitted"),
        LOADED_AT,
    ),
    key=("event_id",),
    subjects=(
        SubjectKey(SubjectKind.ANONYMOUS_ID, ("anonymous_id",)),
        SubjectKey(SubjectKind.USER_ID, ("user_id",)),
        SubjectKey(SubjectKind.USER_ID, ("previous_id",)),
        SubjectKey(SubjectKind.EMAIL, ("email",)),
    ),
    aged_by="timestamp",
)

PERSON_RECORDS = Table(
    TableName("raw", "person_records"),
    grain="One row per version of one source record",
    columns=(
        *ORIGIN,
        text("source_record_id", Pii.PSEUDONYMOUS, "id of the record in its source"),
        *VERSION,
        text("first_name", Pii.PERSONAL, "as given"),
        text("middle_name", Pii.PERSONAL, "as given"),
        text("last_name", Pii.PERSONAL, "as given"),
        text("full_name", Pii.PERSONAL, "as given, in any order"),
        text("email", Pii.IDENTIFIER, "as given"),
        text("phone", Pii.IDENTIFIER, "as given"),
        text("street", Pii.PERSONAL, "as given"),
        text("city", Pii.PERSONAL, "as given"),
        text("state", Pii.PERSONAL, "as given"),
        text("postal_code", Pii.PERSONAL, "as given"),
        text("country", Pii.PERSONAL, "as given"),
        text("birth_date", Pii.PERSONAL, "as given"),
        text("company_name", Pii.PERSONAL, "as given"),
        text("company_domain", Pii.PERSONAL, "as given"),
        text("job_title", Pii.PERSONAL, "as given"),
        text("lifecycle_stage", Pii.NONE, "as given"),
        text("account_id", Pii.NONE, "the account in the same CRM; null if none"),
        text("user_id", Pii.PSEUDONYMOUS, "id of the record in events; null if none"),
        ATTRIBUTES,
        *TIMES,
    ),
    key=("source", "source_record_id", "record_hash"),
    subjects=(
        SubjectKey(SubjectKind.SOURCE_RECORD, ("source", "source_record_id")),
        SubjectKey(SubjectKind.USER_ID, ("user_id",)),
    ),
    aged_by="loaded_at",
)

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

CONSENT_EVENTS = Table(
    TableName("raw", "consent_events"),
    grain="One row per decision of one subject on one purpose",
    columns=(
        *ORIGIN,
        text("consent_event_id", Pii.PSEUDONYMOUS, "hash of subject, purpose, status and time"),
        *VERSION,
        text("subject_email", Pii.IDENTIFIER, "who, by address, lower case; else null"),
        text("anonymous_id", Pii.PSEUDONYMOUS, "who, by browser or device; else null"),
        text("person_source", Pii.NONE, "who, by source record; else null"),
        text("person_record_id", Pii.PSEUDONYMOUS, "who, by source record; else null"),
        text("purpose", Pii.NONE, "what for"),
        text("status", Pii.NONE, "granted or denied; a withdrawal is denied"),
        time("occurred_at", "when decided"),
        text("channel", Pii.NONE, "where decided, e.g. a banner"),
        *TIMES,
    ),
    key=("consent_event_id",),
    subjects=(
        SubjectKey(SubjectKind.EMAIL, ("subject_email",)),
        SubjectKey(SubjectKind.ANONYMOUS_ID, ("anonymous_id",)),
        SubjectKey(SubjectKind.SOURCE_RECORD, ("person_source", "person_record_id")),
    ),
)

LOADS = Table(
    TableName("raw", "loads"),
    grain="One row per landing file that was loaded; speaks of no person",
    columns=(
        Column("load_id", "VARCHAR", Pii.NONE, "id of the load"),
        Column("source", "VARCHAR", Pii.NONE, "name of the source"),
        Column("kind", "VARCHAR", Pii.NONE, "kind of the source"),
        Column("file", "VARCHAR", Pii.NONE, "landing file, relative to the landing folder"),
        Column(
            "file_hash", "VARCHAR", Pii.NONE, "SHA-256 of the file: a known one is not loaded again"
        ),
        Column("rows_in", "BIGINT", Pii.NONE, "rows that the file has, blank lines aside"),
        Column("rows_loaded", "BIGINT", Pii.NONE, "rows that stand in a table because of it"),
        Column("rows_deduplicated", "BIGINT", Pii.NONE, "rows that stood there already"),
        Column("rows_quarantined", "BIGINT", Pii.NONE, "rows refused with a reason"),
        LOADED_AT,
        Column(
            "received_date", "DATE", Pii.NONE, "day on which it came, by its path or else its time"
        ),
        Column(
            "reload", "VARCHAR", Pii.NONE, "same, day: is to be loaded again; null: it stands as is"
        ),
    ),
    key=("load_id",),
)

DROPPED_LOADS = Table(
    TableName("raw", "dropped_loads"),
    grain="One row per landing file whose day was dropped; speaks of no person",
    columns=(
        Column("load_id", "VARCHAR", Pii.NONE, "id of the load that was dropped"),
        Column("source", "VARCHAR", Pii.NONE, "its source: none of its files of the day is loaded"),
        Column("kind", "VARCHAR", Pii.NONE, "kind of the source"),
        Column("file", "VARCHAR", Pii.NONE, "landing file, relative to the landing folder"),
        Column("file_hash", "VARCHAR", Pii.NONE, "SHA-256 of the file when it was dropped"),
        Column("received_date", "DATE", Pii.NONE, "the day"),
        Column("loaded_at", "TIMESTAMP", Pii.NONE, "when it had been loaded, UTC"),
        Column("dropped_at", "TIMESTAMP", Pii.NONE, "when it was dropped, UTC"),
    ),
    key=("load_id",),
)

QUARANTINE = Table(
    TableName("raw", "quarantine"),
    grain="One row per refused row; says where it lies, not what it says",
    columns=(
        Column("load_id", "VARCHAR", Pii.NONE, "the load that refused it"),
        Column("source", "VARCHAR", Pii.NONE, "name of the source"),
        Column("file", "VARCHAR", Pii.NONE, "landing file, relative to the landing folder"),
        Column(
            "line", "BIGINT", Pii.NONE, "line in the file, from 1; row for Parquet; null: the file"
        ),
        Column("code", "VARCHAR", Pii.NONE, "why, in one word"),
        Column("reason", "VARCHAR", Pii.NONE, "why, in words"),
        Column("position", "INTEGER", Pii.NONE, "place in the line, from 1; null: the whole line"),
        Column("refused_at", "TIMESTAMP", Pii.NONE, "when it was judged last, UTC"),
    ),
)

CONTRACT_VIOLATIONS = Table(
    TableName("raw", "contract_violations"),
    grain="One row per way in which an event breaks its tracking plan; says where, not what it says",
    columns=(
        *ORIGIN,
        Column("line", "BIGINT", Pii.NONE, "line in the file, from 1; row for Parquet"),
        Column("position", "INTEGER", Pii.NONE, "place in the line, from 1"),
        text("type", Pii.NONE, "the call, e.g. track"),
        text("event", Pii.NONE, "its name; * where it does not look like a name; null if none"),
        text(
            "field",
            Pii.NONE,
            "JSON pointer in properties or traits; * for a list's items, (undeclared) for names that "
            "the plan does not say",
        ),
        text("rule", Pii.NONE, "what is broken, e.g. required, type, enum, unplanned_event"),
        text("action", Pii.NONE, "what was done: allow, omit or quarantine"),
        Column(
            "occurrences", "BIGINT", Pii.NONE, "properties that it is true of; null stands for one"
        ),
        LOADED_AT,
    ),
    aged_by="loaded_at",
)

MAIL_DOMAINS = Table(
    TableName("raw", "mail_domains"),
    grain="One row per domain of a mailbox provider, which names no company; speaks of no person",
    columns=(
        text("domain", Pii.NONE, "lower case"),
        text("kind", Pii.NONE, "free: anybody can have a mailbox; disposable: for a few minutes"),
    ),
    key=("domain",),
)

AS_OF = Table(
    TableName("raw", "as_of"),
    grain="One row: the moment up to which the warehouse knows; speaks of no person",
    columns=(time("as_of", "the midnight after the last event received, never later than now"),),
)

TABLES: tuple[Table, ...] = (
    EVENTS, PERSON_RECORDS, ACCOUNTS, ORDERS, SUBSCRIPTIONS, LIFECYCLE_EVENTS, DEALS, TICKETS, CONTENT_ITEMS, IP_RANGES, CONSENT_EVENTS,
    LOADS, DROPPED_LOADS, QUARANTINE, CONTRACT_VIOLATIONS, MAIL_DOMAINS, AS_OF,
)  # fmt: skip


def table_of(kind: str) -> Table:
    """The table that a source of this kind fills."""
    names = {table.name.name: table for table in TABLES}
    return names[KINDS[kind].table] if kind in KINDS else EVENTS
