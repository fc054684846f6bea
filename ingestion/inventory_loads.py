"""The tables of schema ``raw`` that tell what was loaded, what was refused, and what broke a plan."""

from __future__ import annotations

from ingestion.inventory_columns import LOADED_AT, ORIGIN, text, time
from warehouse import Column, Pii, Table, TableName

_DATES_READ = (
    Column(
        "date_orders",
        "VARCHAR",
        Pii.NONE,
        "which number of its dates comes first, by field, as JSON; untold: no date told it; null: "
        "never noted",
    ),
    Column(
        "is_rewritten",
        "BOOLEAN",
        Pii.NONE,
        "true: an erasure took rows out of it, and its dates are read as before; null: none did",
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
        Column(
            "retention_due",
            "BOOLEAN",
            Pii.NONE,
            "true: loaded again, and what of it is too old is not deleted yet; null: nothing is due",
        ),
        Column(
            "absent_fields",
            "VARCHAR",
            Pii.NONE,
            "mapped fields that no line of a file in JSON lines has, by comma; null: none",
        ),
        Column(
            "unread_values",
            "VARCHAR",
            Pii.NONE,
            "of rows that were not refused: how many have a value that cannot be read, by field, as "
            "JSON; such a value is empty; null: none",
        ),
        Column(
            "stored_at",
            "TIMESTAMP",
            Pii.NONE,
            "when its rows were stored last, UTC: later than loaded_at where it was loaded again",
        ),
        *_DATES_READ,
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
        Column(
            "file_hash",
            "VARCHAR",
            Pii.NONE,
            "SHA-256 of the file, as dropped or as erased from since",
        ),
        Column("received_date", "DATE", Pii.NONE, "the day"),
        Column("loaded_at", "TIMESTAMP", Pii.NONE, "when it had been loaded, UTC"),
        Column("dropped_at", "TIMESTAMP", Pii.NONE, "when it was dropped, UTC"),
        *_DATES_READ,
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

AS_OF = Table(
    TableName("raw", "as_of"),
    grain="One row: the moment up to which the warehouse knows; speaks of no person",
    columns=(time("as_of", "the midnight after the last event received, never later than now"),),
)
