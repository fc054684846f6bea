"""Map the rows of a file to Candor's record tables, in the engine."""

from __future__ import annotations

from ingestion.config import PersonReference, RecordSource
from ingestion.mapping import FieldType
from ingestion.record_rows import ROWS, Rows
from warehouse import literal, quoted

RECORDS = "candor_records"

# Why a row is refused; the reason never holds a value of the row.
REASONS = {
    "unreadable_row": "the row does not have the header's columns, or is not UTF-8 text",
    "invalid_json": "the line is not one complete JSON object",
    "no_key": "the column that identifies the row is empty",
    "missing_value": "a value that this kind of record needs is empty or cannot be read",
    "no_subject": "the decision names nobody: no address, device or record",
    "invalid_network": "the network is not in CIDR notation",
    "suppressed": "the row belongs to a person who was erased",
}

_GRANTED = ("granted", "grant", "yes", "true", "1", "opt_in", "opted_in", "subscribed")
_DENIED = (
    "denied", "deny", "revoked", "withdrawn", "no", "false", "0", "opt_out", "opted_out",
    "unsubscribed",
)  # fmt: skip
# Beside ISO 8601, what exports write.
_TIME_FORMATS = (
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%Y", "%d.%m.%Y %H:%M",
    "%d.%m.%Y", "%Y/%m/%d", "%b %d, %Y", "%d %b %Y",
)  # fmt: skip


def records_sql(source: RecordSource, rows: Rows) -> str:
    """The statement that turns ``candor_rows`` into ``candor_records``: typed, with a code."""
    kind = source.record_kind
    fields = {name: _typed(_given(source, rows, name), of) for name, of in kind.fields.items()}
    if source.id is not None:
        fields[kind.key] = _typed(rows.column(source.id), FieldType.TEXT)
    fields |= _shared_fields(source, rows)
    if source.kind == "consent_events":
        fields["consent_event_id"] = "null::varchar"
    if kind.keeps_attributes:
        fields["attributes"] = _attributes(source, rows)
    listed = ",\n        ".join(f"{value} as {quoted(name)}" for name, value in fields.items())
    return f"""
    create or replace temp table {RECORDS} as
    with mapped as (
        select line, {_row_hash(rows)} as record_hash, is_row, refused,
        {listed}
        from {ROWS}
    )
    select * {_consent_id(source)}, {_code(source, rows)} as code from mapped
    """


def _given(source: RecordSource, rows: Rows, name: str) -> str:
    return rows.column(source.map[name]) if name in source.map else "null::varchar"


def _typed(value: str, field_type: FieldType) -> str:
    text = f"nullif(trim({value}), '')"
    formats = ", ".join(literal(pattern) for pattern in _TIME_FORMATS)
    number = f"try_cast(regexp_replace({text}, '[, ]', '', 'g') as double)"
    return {
        FieldType.TEXT: text,
        FieldType.EMAIL: f"lower({text})",
        FieldType.NUMBER: f"case when isfinite({number}) then {number} end",
        FieldType.WHOLE: f"try_cast(round({number}) as bigint)",
        FieldType.TIME: f"coalesce(try_cast({text} as timestamptz)::timestamp, "
        f"try_strptime({text}, [{formats}]))",
        FieldType.CONSENT: f"case when lower({text}) in ({_listed(_GRANTED)}) then 'granted' "
        f"when lower({text}) in ({_listed(_DENIED)}) then 'denied' end",
    }[field_type]


def _shared_fields(source: RecordSource, rows: Rows) -> dict[str, str]:
    """The fields that are not mapped by name: times, user id, whose the row is."""
    times = {"record_created_at": source.created_at, "record_updated_at": source.updated_at}
    fields = {
        name: _typed(rows.column(column), FieldType.TIME) if column else "null::timestamp"
        for name, column in times.items()
    }
    if source.kind == "person_records":
        user_id = _typed(rows.column(source.user_id), FieldType.TEXT) if source.user_id else None
        fields["user_id"] = user_id or "null::varchar"
    if source.kind in {"orders", "tickets", "consent_events"}:
        fields |= _person_fields(source, rows)
    return fields


def _person_fields(source: RecordSource, rows: Rows) -> dict[str, str]:
    reference = source.person or PersonReference.model_construct(source=None, id=None, email=None)
    record = rows.column(reference.id) if reference.id else "null::varchar"
    email = rows.column(reference.email) if reference.email else "null::varchar"
    fields = {
        "person_source": literal(reference.source) if reference.source else "null::varchar",
        "person_record_id": _typed(record, FieldType.TEXT),
    }
    if source.kind != "consent_events":
        fields["person_email"] = _typed(email, FieldType.EMAIL)
    return fields


def _attributes(source: RecordSource, rows: Rows) -> str:
    """The columns that are not mapped, as JSON; of JSON lines the whole object."""
    if rows.columns is None:
        return "document"
    taken = {source.id, source.user_id, source.created_at, source.updated_at, *source.map.values()}
    kept = [name for name in rows.columns if name not in taken]
    if not kept:
        return "null::varchar"
    pairs = ", ".join(f"{literal(name)}, {rows.column(name)}" for name in kept)
    return f"json_object({pairs})::varchar"


def _row_hash(rows: Rows) -> str:
    if rows.columns is None:
        return "sha256(document)"
    listed = ", ".join(rows.column(name) for name in rows.columns) or "''"
    return f"sha256(to_json([{listed}])::varchar)"


def _consent_id(source: RecordSource) -> str:
    """A decision is known by who, what for, which way and when; a repeated line is the same."""
    if source.kind != "consent_events":
        return ""
    parts = (
        "[subject_email, anonymous_id, person_source, person_record_id, purpose, status, "
        "occurred_at::varchar]"
    )
    return f"replace (sha256(to_json({parts})::varchar) as consent_event_id)"


def _code(source: RecordSource, rows: Rows) -> str:
    kind = source.record_kind
    key = quoted(kind.key)
    shapeless = "invalid_json" if rows.columns is None else "unreadable_row"
    tests = [f"when not is_row then '{shapeless}'"]
    if kind.needs_id:
        tests.append(f"when {key} is null then 'no_key'")
    lacking = " or ".join(f"{quoted(name)} is null" for name in kind.required)
    tests.append(f"when {lacking} then 'missing_value'")
    if source.kind == "consent_events":
        subjects = "coalesce(subject_email, anonymous_id, person_record_id)"
        tests.append(f"when {subjects} is null then 'no_subject'")
    return f"case {' '.join(tests)} end"


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(literal(text) for text in texts)
