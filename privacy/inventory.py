"""The tables of requests, suppressions, receipts and the audit log.

None of these speaks of a person by name, address or id: what identifies anybody is an HMAC. Those
that name people are in ``inventory_people``.
"""

from __future__ import annotations

from privacy.inventory_people import HOLD_RECORDS, OBJECTING_PERSONS, OBJECTIONS
from warehouse import Column, Pii, Table, TableName

_REQUEST_ID = Column("subject_request_id", "VARCHAR", Pii.NONE, "the controller's id, UUID v4")
_KEY_VERSION = Column("key_version", "VARCHAR", Pii.NONE, "the key in the data home, e.g. v1")
_RUN_ID = Column("run_id", "VARCHAR", Pii.NONE, "the run that wrote the row")

REQUESTS = Table(
    TableName("privacy", "requests"),
    grain="One row per data-subject request; no person's rows",
    columns=(
        _REQUEST_ID,
        Column(
            "request_type",
            "VARCHAR",
            Pii.NONE,
            "erasure, access, portability, objection and the like",
        ),
        Column("regulation", "VARCHAR", Pii.NONE, "gdpr or ccpa"),
        Column(
            "status", "VARCHAR", Pii.NONE, "in_progress, blocked, on_hold, completed or cancelled"
        ),
        Column("step", "VARCHAR", Pii.NONE, "the last step that was done"),
        Column("reasons", "VARCHAR", Pii.NONE, "JSON list: why blocked or on hold"),
        Column("identity_types", "VARCHAR", Pii.NONE, "JSON list of type:format; no value"),
        Column("submitted_at", "TIMESTAMP", Pii.NONE, "when the person asked, UTC"),
        Column("received_at", "TIMESTAMP", Pii.NONE, "when we first read it, UTC"),
        Column("due_at", "TIMESTAMP", Pii.NONE, "the legal deadline, UTC"),
        Column("completed_at", "TIMESTAMP", Pii.NONE, "UTC; null while open"),
    ),
    key=("subject_request_id",),
)

REQUEST_STEPS = Table(
    TableName("privacy", "request_steps"),
    grain="One row per request and step that was done; no person's rows",
    columns=(
        _REQUEST_ID,
        Column(
            "step", "VARCHAR", Pii.NONE, "the step; or approved, confirmed, extended, cancelled"
        ),
        Column(
            "detail",
            "VARCHAR",
            Pii.NONE,
            "JSON object of counts and statuses; of decisions who and why",
        ),
        Column("done_at", "TIMESTAMP", Pii.NONE, "UTC"),
        _RUN_ID,
    ),
    key=("subject_request_id", "step"),
)

INVENTORY = Table(
    TableName("privacy", "inventory"),
    grain="One row per declared column of the warehouse; no person's rows",
    columns=(
        Column("table_schema", "VARCHAR", Pii.NONE, "schema"),
        Column("table_name", "VARCHAR", Pii.NONE, "table or view"),
        Column("column_name", "VARCHAR", Pii.NONE, "column"),
        Column("pii", "VARCHAR", Pii.NONE, "none, pseudonymous, personal, identifier, sensitive"),
        Column("subject_kinds", "VARCHAR", Pii.NONE, "keys by which a person's rows are found"),
        Column("aged_by", "VARCHAR", Pii.NONE, "the timestamp that tells a row's age; or null"),
        Column("description", "VARCHAR", Pii.NONE, "what the column means"),
    ),
    key=("table_schema", "table_name", "column_name"),
)

SUPPRESSIONS = Table(
    TableName("privacy", "suppressions"),
    grain="One row per identifier of an erased person, as HMAC; no person's rows",
    columns=(
        Column("kind", "VARCHAR", Pii.NONE, "email, phone, user_id, anonymous_id or record"),
        Column("digest", "VARCHAR", Pii.PSEUDONYMOUS, "hex HMAC-SHA256 of 'kind|value'"),
        _KEY_VERSION,
        _REQUEST_ID,
        Column("suppressed_at", "TIMESTAMP", Pii.NONE, "UTC"),
    ),
    key=("kind", "digest", "key_version", "subject_request_id"),
)

RECEIPTS = Table(
    TableName("privacy", "receipts"),
    grain="One row per request that was proven erased; no person's rows",
    columns=(
        _REQUEST_ID,
        Column("content", "VARCHAR", Pii.NONE, "canonical JSON of the receipt"),
        Column("signature", "VARCHAR", Pii.NONE, "base64 Ed25519 signature of the content"),
        Column("key_id", "VARCHAR", Pii.NONE, "first 16 hex digits of the public key's SHA-256"),
        Column("issued_at", "TIMESTAMP", Pii.NONE, "UTC"),
    ),
    key=("subject_request_id",),
)

AUDIT_LOG = Table(
    TableName("privacy", "audit_log"),
    grain="One row per act on a request or on retention; no person's rows",
    columns=(
        Column("position", "BIGINT", Pii.NONE, "1, 2, 3 and so on without a gap"),
        Column("action", "VARCHAR", Pii.NONE, "what was done"),
        Column("subject", "VARCHAR", Pii.NONE, "the request or table it was done to"),
        Column("detail", "VARCHAR", Pii.NONE, "JSON object of counts and statuses"),
        Column("done_at", "TIMESTAMP", Pii.NONE, "UTC"),
        Column("previous_hash", "VARCHAR", Pii.NONE, "entry_hash of the entry before; or zeros"),
        Column("entry_hash", "VARCHAR", Pii.NONE, "hex SHA-256 over all other columns"),
    ),
    key=("position",),
)

RETENTION_RUNS = Table(
    TableName("privacy", "retention_runs"),
    grain="One row per run and retention rule; no person's rows",
    columns=(
        _RUN_ID,
        Column("table_name", "VARCHAR", Pii.NONE, "schema.table; landing/source; dagster/runs"),
        Column("aged_by", "VARCHAR", Pii.NONE, "the timestamp that told the age"),
        Column("days", "BIGINT", Pii.NONE, "days that rows are kept"),
        Column("cutoff", "TIMESTAMP", Pii.NONE, "rows before this went, UTC"),
        Column("rows_deleted", "BIGINT", Pii.NONE, "rows, files or runs that went"),
        Column("rows_without_age", "BIGINT", Pii.NONE, "rows kept because their age is unknown"),
        Column("enforced_at", "TIMESTAMP", Pii.NONE, "UTC"),
        Column("rows_held", "BIGINT", Pii.NONE, "old rows or files kept because of a legal hold"),
        Column("rows_anonymised", "BIGINT", Pii.NONE, "rows that lost what says who it was"),
        Column("rows_failed", "BIGINT", Pii.NONE, "old files that may not be looked at or removed"),
    ),
    key=("run_id", "table_name"),
)

LEGAL_HOLDS = Table(
    TableName("privacy", "legal_holds"),
    grain="One row per legal hold on one person; no person's rows",
    columns=(
        Column("hold_id", "VARCHAR", Pii.NONE, "UUID v4"),
        Column("reason", "VARCHAR", Pii.NONE, "why, as whoever placed it wrote; names nobody"),
        Column("placed_by", "VARCHAR", Pii.NONE, "who placed it, an employee"),
        Column("placed_at", "TIMESTAMP", Pii.NONE, "UTC"),
        Column("until_at", "TIMESTAMP", Pii.NONE, "when it ends by itself, UTC; null: open"),
        Column("ended_at", "TIMESTAMP", Pii.NONE, "when it was released or ended, UTC; or null"),
        Column("ended_by", "VARCHAR", Pii.NONE, "who released it; null while it holds"),
        Column("end_reason", "VARCHAR", Pii.NONE, "why it was released; null while it holds"),
    ),
    key=("hold_id",),
)

HOLD_IDENTIFIERS = Table(
    TableName("privacy", "hold_identifiers"),
    grain="One row per identifier of a held person, as HMAC; no person's rows",
    columns=(
        Column("hold_id", "VARCHAR", Pii.NONE, "the hold; its rows go when it ends"),
        Column("kind", "VARCHAR", Pii.NONE, "email, phone, user_id, anonymous_id and the like"),
        Column("digest", "VARCHAR", Pii.PSEUDONYMOUS, "hex HMAC-SHA256 of 'hold:kind|value'"),
        _KEY_VERSION,
    ),
    key=("hold_id", "kind", "digest"),
)

OBJECTION_HASHES = Table(
    TableName("privacy", "objection_hashes"),
    grain="One row per hash that objects and names nobody here yet, as HMAC; no person's rows",
    columns=(
        _REQUEST_ID,
        Column("request_type", "VARCHAR", Pii.NONE, "objection, do_not_sell_or_share and the like"),
        Column("regulation", "VARCHAR", Pii.NONE, "gdpr or ccpa"),
        Column("kind", "VARCHAR", Pii.NONE, "how it was hashed and what it is, e.g. sha256:email"),
        Column("digest", "VARCHAR", Pii.PSEUDONYMOUS, "hex HMAC-SHA256 of 'objection:kind|hash'"),
        _KEY_VERSION,
        Column("objected_at", "TIMESTAMP", Pii.NONE, "when, UTC"),
        Column("recorded_at", "TIMESTAMP", Pii.NONE, "when we knew, UTC"),
    ),
    key=("subject_request_id", "kind", "digest"),
)

SIGNAL_SCANS = Table(
    TableName("privacy", "signal_scans"),
    grain="At most one row: how far events were read for signals of browsers; no person's rows",
    columns=(
        Column("settings", "VARCHAR", Pii.NONE, "JSON: the fields that were read, what they deny"),
        Column(
            "scanned_until",
            "TIMESTAMP",
            Pii.NONE,
            "stored_at of the newest load read; null: none, UTC",
        ),
        Column("scanned_at", "TIMESTAMP", Pii.NONE, "when, UTC"),
    ),
)

DROP_ITEMS = Table(
    TableName("privacy", "drop_items"),
    grain="One row per work item of California's deletion platform; no person's rows",
    columns=(
        Column("item_id", "VARCHAR", Pii.NONE, "the platform's id of the work item"),
        Column(
            "list_type",
            "VARCHAR",
            Pii.NONE,
            "Email, Phone, MAID, CTVID, NDZ or NameVIN; null: removed before it came",
        ),
        Column(
            "digest",
            "VARCHAR",
            Pii.PSEUDONYMOUS,
            "hex HMAC-SHA256 of 'drop:list|hash'; null: removed",
        ),
        Column(
            "key_version", "VARCHAR", Pii.NONE, "the key in the data home, e.g. v1; null: none used"
        ),
        Column("file", "VARCHAR", Pii.NONE, "the file of the list that it came in; null: in none"),
        Column(
            "outcome", "VARCHAR", Pii.NONE, "found, shared by several persons, not_found, removed"
        ),
        Column("subject_request_id", "VARCHAR", Pii.NONE, "the erasure of who was found; or null"),
        Column("taken_at", "TIMESTAMP", Pii.NONE, "when the list was read, UTC"),
        Column("reported_code", "BIGINT", Pii.NONE, "the last answer: 2 to 5; null before it"),
        Column("reported_at", "TIMESTAMP", Pii.NONE, "when that was written, UTC; or null"),
    ),
    key=("item_id",),
)

TABLES: tuple[Table, ...] = (
    REQUESTS,
    REQUEST_STEPS,
    INVENTORY,
    SUPPRESSIONS,
    RECEIPTS,
    AUDIT_LOG,
    RETENTION_RUNS,
    LEGAL_HOLDS,
    HOLD_IDENTIFIERS,
    HOLD_RECORDS,
    OBJECTIONS,
    OBJECTING_PERSONS,
    OBJECTION_HASHES,
    SIGNAL_SCANS,
    DROP_ITEMS,
)
