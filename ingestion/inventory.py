"""The tables of schema ``raw``: what was received, where it came from, what was refused."""

from __future__ import annotations

from ingestion.mapping import KINDS
from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName

_ORIGIN = (
    Column("load_id", "VARCHAR", Pii.NONE, "the load that brought the row"),
    Column("source", "VARCHAR", Pii.NONE, "name of the source in sources.yml"),
    Column("file", "VARCHAR", Pii.NONE, "landing file, relative to the landing folder"),
)
_LOADED_AT = Column("loaded_at", "TIMESTAMP", Pii.NONE, "when the row was loaded, UTC")
_VERSION = (
    Column("record_hash", "VARCHAR", Pii.PSEUDONYMOUS, "SHA-256 of the row as given: its version"),
)
_TIMES = (
    Column("record_created_at", "TIMESTAMP", Pii.NONE, "creation by the source, UTC; null unknown"),
    Column(
        "record_updated_at", "TIMESTAMP", Pii.NONE, "last change by the source, UTC; null unknown"
    ),
    _LOADED_AT,
)
_ATTRIBUTES = Column("attributes", "VARCHAR", Pii.PERSONAL, "JSON of the columns not mapped")
_PERSON = (
    Column(
        "person_source", "VARCHAR", Pii.NONE, "source of the person's record; null if by e-mail"
    ),
    Column(
        "person_record_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person's record; null if by e-mail"
    ),
    Column(
        "person_email", "VARCHAR", Pii.IDENTIFIER, "the person's address, lower case; else null"
    ),
)
_BY_PERSON = (
    SubjectKey(SubjectKind.SOURCE_RECORD, ("person_source", "person_record_id")),
    SubjectKey(SubjectKind.EMAIL, ("person_email",)),
)


def _text(name: str, pii: Pii, description: str) -> Column:
    return Column(name, "VARCHAR", pii, description)


def _time(name: str, description: str) -> Column:
    return Column(name, "TIMESTAMP", Pii.NONE, f"{description}, UTC")


def _number(name: str, description: str) -> Column:
    return Column(name, "DOUBLE", Pii.NONE, description)


EVENTS = Table(
    TableName("raw", "events"),
    grain="One row per event; of several copies the one received first",
    columns=(
        _text("event_id", Pii.PSEUDONYMOUS, "the source's message id, else a hash of the line"),
        *_ORIGIN,
        Column("line", "BIGINT", Pii.NONE, "line in the file, from 1; row for Parquet"),
        Column("position", "INTEGER", Pii.NONE, "place in the line, from 1: a batch holds several"),
        _text("type", Pii.NONE, "identify, page, screen, track, group, alias or merge"),
        _text("event", Pii.NONE, "name of a track call, or of the page or screen"),
        _text("anonymous_id", Pii.PSEUDONYMOUS, "the browser or device; null if not said"),
        _text("user_id", Pii.PSEUDONYMOUS, "the signed-in user; null if none"),
        _text("previous_id", Pii.PSEUDONYMOUS, "of alias and merge: the user id that it replaces"),
        _text("group_id", Pii.PSEUDONYMOUS, "of group: the account"),
        _text(
            "email", Pii.IDENTIFIER, "address in traits, context.traits or properties, lower case"
        ),
        _time("original_timestamp", "when it happened by the device's clock; null if not said"),
        _time("sent_at", "when it was sent by the device's clock; null if not said"),
        _time("received_at", "when the source received it; null if not said, never invented"),
        _time("timestamp", "when it happened, corrected for the device's clock"),
        Column(
            "is_late", "BOOLEAN", Pii.NONE, "received more than 3 days after; null if not known"
        ),
        _text("channel", Pii.NONE, "what sent it, e.g. web, mobile, server; null if not said"),
        _text("session_id", Pii.PSEUDONYMOUS, "the tracker's own visit; null if it keeps none"),
        _text("page_url", Pii.PERSONAL, "address of the page"),
        _text("page_path", Pii.NONE, "path of the page"),
        _text("page_title", Pii.NONE, "title of the page"),
        _text("page_referrer", Pii.PERSONAL, "address of the page before"),
        _text("campaign_source", Pii.NONE, "utm_source"),
        _text("campaign_medium", Pii.NONE, "utm_medium"),
        _text("campaign_name", Pii.NONE, "utm_campaign"),
        _text("campaign_term", Pii.NONE, "utm_term"),
        _text("campaign_content", Pii.NONE, "utm_content"),
        _text("ip", Pii.PERSONAL, "address of the device"),
        _text("user_agent", Pii.PERSONAL, "what the browser says it is"),
        _text("locale", Pii.NONE, "language and country, e.g. en-US"),
        _text("timezone", Pii.NONE, "IANA name, e.g. America/Boise"),
        _text("device_type", Pii.NONE, "as the source says, e.g. mobile"),
        _text("content_id", Pii.NONE, "the content item; null if none"),
        _number("scroll_depth", "share of the page that was seen, 0..1"),
        _number("time_on_page_s", "seconds"),
        _text("search_query", Pii.PERSONAL, "what was searched for"),
        _text("download", Pii.NONE, "the asset or file that was downloaded"),
        _text("block", Pii.NONE, "the block of the page that was shown or clicked"),
        Column("item_position", "BIGINT", Pii.NONE, "place of the clicked result or item, from 1"),
        _text("properties", Pii.PERSONAL, "JSON as given"),
        _text("traits", Pii.IDENTIFIER, "JSON as given"),
        _text("context", Pii.IDENTIFIER, "JSON as given"),
        _text("consent", Pii.NONE, "JSON of context.consent; null if not transmitted"),
        _LOADED_AT,
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
        *_ORIGIN,
        _text("source_record_id", Pii.PSEUDONYMOUS, "id of the record in its source"),
        *_VERSION,
        _text("first_name", Pii.PERSONAL, "as given"),
        _text("middle_name", Pii.PERSONAL, "as given"),
        _text("last_name", Pii.PERSONAL, "as given"),
        _text("full_name", Pii.PERSONAL, "as given, in any order"),
        _text("email", Pii.IDENTIFIER, "as given"),
        _text("phone", Pii.IDENTIFIER, "as given"),
        _text("street", Pii.PERSONAL, "as given"),
        _text("city", Pii.PERSONAL, "as given"),
        _text("state", Pii.PERSONAL, "as given"),
        _text("postal_code", Pii.PERSONAL, "as given"),
        _text("country", Pii.PERSONAL, "as given"),
        _text("birth_date", Pii.PERSONAL, "as given"),
        _text("company_name", Pii.PERSONAL, "as given"),
        _text("company_domain", Pii.PERSONAL, "as given"),
        _text("job_title", Pii.PERSONAL, "as given"),
        _text("lifecycle_stage", Pii.NONE, "as given"),
        _text("account_id", Pii.NONE, "the account in the same CRM; null if none"),
        _text("user_id", Pii.PSEUDONYMOUS, "id of the record in events; null if none"),
        _ATTRIBUTES,
        *_TIMES,
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
        *_ORIGIN,
        _text("account_id", Pii.NONE, "id of the company in its source"),
        *_VERSION,
        _text("name", Pii.NONE, "as given"),
        _text("domain", Pii.NONE, "as given"),
        _text("website", Pii.NONE, "as given"),
        _text("industry", Pii.NONE, "as given"),
        Column("employee_count", "BIGINT", Pii.NONE, "people"),
        _number("annual_revenue", "in the source's currency"),
        _text("country", Pii.NONE, "as given"),
        _text("account_type", Pii.NONE, "as given"),
        _ATTRIBUTES,
        *_TIMES,
    ),
    key=("source", "account_id", "record_hash"),
)

ORDERS = Table(
    TableName("raw", "orders"),
    grain="One row per version of one order",
    columns=(
        *_ORIGIN,
        _text("order_id", Pii.PSEUDONYMOUS, "id of the order in its source"),
        *_VERSION,
        *_PERSON,
        _text("sku", Pii.NONE, "what was bought"),
        _number("amount", "in units of the currency"),
        _text("currency", Pii.NONE, "ISO 4217; null unknown"),
        _text("status", Pii.NONE, "as given, e.g. paid"),
        _time("ordered_at", "when"),
        _ATTRIBUTES,
        *_TIMES,
    ),
    key=("source", "order_id", "record_hash"),
    subjects=_BY_PERSON,
    aged_by="ordered_at",
)

SUBSCRIPTIONS = Table(
    TableName("raw", "subscriptions"),
    grain="One row per version of one subscription",
    columns=(
        *_ORIGIN,
        _text("subscription_id", Pii.PSEUDONYMOUS, "id of the subscription in its source"),
        *_VERSION,
        *_PERSON,
        _text("account_id", Pii.NONE, "the account in the same source; null if none"),
        _text("plan", Pii.NONE, "what is subscribed to, as given"),
        _text("status", Pii.NONE, "as given, e.g. active"),
        _text("billing_period", Pii.NONE, "as given, e.g. monthly; null unknown"),
        _number("quantity", "units, e.g. seats"),
        _number("amount", "price of one billing period, in units of the currency"),
        _number("mrr", "recurring revenue of a month, in units of the currency"),
        _text("currency", Pii.NONE, "ISO 4217; null unknown"),
        _time("started_at", "when it began; null unknown"),
        _time("trial_ends_at", "when the trial ends or ended; null if none"),
        _time("renews_at", "when it renews or expires next; null unknown"),
        _time("cancelled_at", "when it was cancelled, though it may still run; null if it was not"),
        _time("ended_at", "when it ended; null while it runs"),
        _ATTRIBUTES,
        *_TIMES,
    ),
    key=("source", "subscription_id", "record_hash"),
    subjects=_BY_PERSON,
    aged_by="loaded_at",
)

LIFECYCLE_EVENTS = Table(
    TableName("raw", "lifecycle_events"),
    grain="One row per stage that one person reached; a correction of it is a version of its own",
    columns=(
        *_ORIGIN,
        _text(
            "lifecycle_event_id",
            Pii.PSEUDONYMOUS,
            "the source's id, else hash of person, stage, time",
        ),
        Column(
            "record_hash", "VARCHAR", Pii.PSEUDONYMOUS, "SHA-256 of what was mapped: its version"
        ),
        *_PERSON,
        _text("stage", Pii.NONE, "the stage that was reached, as given"),
        _text("previous_stage", Pii.NONE, "the stage before; null if not said"),
        _time("changed_at", "when it was reached"),
        *_TIMES,
    ),
    key=("source", "lifecycle_event_id", "record_hash"),
    subjects=_BY_PERSON,
    aged_by="changed_at",
)

DEALS = Table(
    TableName("raw", "deals"),
    grain="One row per version of one deal: a sale that is hoped for, won or lost",
    columns=(
        *_ORIGIN,
        _text("deal_id", Pii.PSEUDONYMOUS, "id of the deal in its source"),
        *_VERSION,
        *_PERSON,
        _text("account_id", Pii.NONE, "the account in the same source; null if none"),
        _text("name", Pii.PERSONAL, "as given"),
        _text("deal_type", Pii.NONE, "as given, e.g. new business"),
        _text("pipeline", Pii.NONE, "as given; null if there is but one"),
        _text("stage", Pii.NONE, "as given"),
        _number("amount", "hoped for or won, in units of the currency"),
        _text("currency", Pii.NONE, "ISO 4217; null unknown"),
        _number("probability", "of being won, as given: a share or per cent"),
        Column("is_closed", "BOOLEAN", Pii.NONE, "won or lost; null unknown"),
        Column("is_won", "BOOLEAN", Pii.NONE, "null unknown"),
        _time("closed_at", "when it was closed; of an open one when it is expected to be"),
        _ATTRIBUTES,
        *_TIMES,
    ),
    key=("source", "deal_id", "record_hash"),
    subjects=_BY_PERSON,
    aged_by="loaded_at",
)

TICKETS = Table(
    TableName("raw", "tickets"),
    grain="One row per version of one support ticket",
    columns=(
        *_ORIGIN,
        _text("ticket_id", Pii.PSEUDONYMOUS, "id of the ticket in its source"),
        *_VERSION,
        *_PERSON,
        _text("subject", Pii.PERSONAL, "as given"),
        _text("topic", Pii.NONE, "as given"),
        _text("priority", Pii.NONE, "as given"),
        _time("opened_at", "when opened"),
        _time("solved_at", "when solved; null while open"),
        _number("satisfaction", "as answered; null if not"),
        _ATTRIBUTES,
        *_TIMES,
    ),
    key=("source", "ticket_id", "record_hash"),
    subjects=_BY_PERSON,
    aged_by="opened_at",
)

CONTENT_ITEMS = Table(
    TableName("raw", "content_items"),
    grain="One row per version of one content item; speaks of no person",
    columns=(
        *_ORIGIN,
        _text("content_id", Pii.NONE, "id of the item"),
        *_VERSION,
        _text("url", Pii.NONE, "address"),
        _text("title", Pii.NONE, "as given"),
        _text("topic", Pii.NONE, "as given"),
        _text("content_type", Pii.NONE, "as given, e.g. blog"),
        _text("funnel_stage", Pii.NONE, "as given, e.g. awareness"),
        _text("target_persona", Pii.NONE, "the editors' own guess"),
        _time("published_at", "when published"),
        Column("word_count", "BIGINT", Pii.NONE, "words"),
        _text("summary", Pii.NONE, "as given"),
        _ATTRIBUTES,
        *_TIMES,
    ),
    key=("source", "content_id", "record_hash"),
)

IP_RANGES = Table(
    TableName("raw", "ip_ranges"),
    grain="One row per version of one network seen at a company; speaks of no person",
    columns=(
        *_ORIGIN,
        _text("cidr", Pii.NONE, "the network, e.g. 198.18.0.0/24"),
        *_VERSION,
        _text(
            "first_address",
            Pii.NONE,
            "32 hex digits, IPv4 as ::ffff:a.b.c.d, so text order is address order",
        ),
        _text("last_address", Pii.NONE, "32 hex digits, as above"),
        _text("domain", Pii.NONE, "the company"),
        _number("confidence", "0..1; null unknown"),
        *_TIMES,
    ),
    key=("source", "cidr", "record_hash"),
)

CONSENT_EVENTS = Table(
    TableName("raw", "consent_events"),
    grain="One row per decision of one subject on one purpose",
    columns=(
        *_ORIGIN,
        _text("consent_event_id", Pii.PSEUDONYMOUS, "hash of subject, purpose, status and time"),
        *_VERSION,
        _text("subject_email", Pii.IDENTIFIER, "who, by address, lower case; else null"),
        _text("anonymous_id", Pii.PSEUDONYMOUS, "who, by browser or device; else null"),
        _text("person_source", Pii.NONE, "who, by source record; else null"),
        _text("person_record_id", Pii.PSEUDONYMOUS, "who, by source record; else null"),
        _text("purpose", Pii.NONE, "what for"),
        _text("status", Pii.NONE, "granted or denied; a withdrawal is denied"),
        _time("occurred_at", "when decided"),
        _text("channel", Pii.NONE, "where decided, e.g. a banner"),
        *_TIMES,
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
        _LOADED_AT,
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
        *_ORIGIN,
        Column("line", "BIGINT", Pii.NONE, "line in the file, from 1; row for Parquet"),
        Column("position", "INTEGER", Pii.NONE, "place in the line, from 1"),
        _text("type", Pii.NONE, "the call, e.g. track"),
        _text("event", Pii.NONE, "its name; * where it does not look like a name; null if none"),
        _text("field", Pii.NONE, "JSON pointer in properties or traits; * for a list's items"),
        _text("rule", Pii.NONE, "what is broken, e.g. required, type, enum, unplanned_event"),
        _text("action", Pii.NONE, "what was done: allow, omit or quarantine"),
        _LOADED_AT,
    ),
)

MAIL_DOMAINS = Table(
    TableName("raw", "mail_domains"),
    grain="One row per domain of a mailbox provider, which names no company; speaks of no person",
    columns=(
        _text("domain", Pii.NONE, "lower case"),
        _text("kind", Pii.NONE, "free: anybody can have a mailbox; disposable: for a few minutes"),
    ),
    key=("domain",),
)

AS_OF = Table(
    TableName("raw", "as_of"),
    grain="One row: the moment up to which the warehouse knows; speaks of no person",
    columns=(_time("as_of", "the midnight after the last event received, never later than now"),),
)

TABLES: tuple[Table, ...] = (
    EVENTS, PERSON_RECORDS, ACCOUNTS, ORDERS, SUBSCRIPTIONS, LIFECYCLE_EVENTS, DEALS, TICKETS, CONTENT_ITEMS, IP_RANGES, CONSENT_EVENTS,
    LOADS, DROPPED_LOADS, QUARANTINE, CONTRACT_VIOLATIONS, MAIL_DOMAINS, AS_OF,
)  # fmt: skip


def table_of(kind: str) -> Table:
    """The table that a source of this kind fills."""
    names = {table.name.name: table for table in TABLES}
    return names[KINDS[kind].table] if kind in KINDS else EVENTS
