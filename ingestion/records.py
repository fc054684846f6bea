"""Rows of CSV, Parquet and JSON lines files, mapped to Candor's record tables by the engine."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from ingestion.config import RecordSource
from ingestion.errors import UnreadableFileError, WrongColumnError
from ingestion.files import LandingFile, open_bytes, read_lines
from ingestion.mapping import FieldType
from warehouse import Warehouse, quoted

ROWS = "candor_rows"
RECORDS = "candor_records"
REJECTS = "candor_csv_rejects"
REJECT_SCANS = "candor_csv_scans"

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


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one file as the engine sees them, under the name ``candor_rows``.

    Attributes:
        columns: The file's columns; None for JSON lines, where fields are found by path.
        unreadable: How many rows the reader could not take apart.
    """

    columns: tuple[str, ...] | None
    unreadable: int


@contextmanager
def reading_rows(warehouse: Warehouse, file: LandingFile, source: RecordSource) -> Iterator[Rows]:
    """Give the file's rows, every value as text, to the engine.

    Raises:
        UnreadableFileError: The file is not what its name says.
        WrongColumnError: The file lacks a column that the source maps.
    """
    suffixes = file.path.name.lower().split(".")
    if {"jsonl", "ndjson", "json"} & set(suffixes):
        yield _read_json_lines(warehouse, file)
    elif "parquet" in suffixes:
        yield _read_parquet(warehouse, file, source)
    else:
        yield _read_csv(warehouse, file, source)
    warehouse.execute(f"drop table if exists {ROWS}")


def records_sql(file: LandingFile, source: RecordSource, rows: Rows) -> str:
    """The statement that turns ``candor_rows`` into ``candor_records``: typed, with a code."""
    kind = source.record_kind
    fields = {name: _typed(_given(source, rows, name), of) for name, of in kind.fields.items()}
    if source.id is not None:
        fields[kind.key] = _typed(_column(rows, source.id), FieldType.TEXT)
    fields |= _shared_fields(source, rows)
    if source.kind == "consent_events":
        fields["consent_event_id"] = "null::varchar"
    if kind.keeps_attributes:
        fields["attributes"] = _attributes(source, rows)
    listed = ",\n        ".join(f"{value} as {quoted(name)}" for name, value in fields.items())
    return f"""
    create or replace temp table {RECORDS} as
    with mapped as (
        select line, {_row_hash(rows)} as record_hash, {_is_row(rows)} as is_row,
        {listed}
        from {ROWS}
    )
    select * {_consent_id(source)}, {_code(source)} as code from mapped
    """


def _read_csv(warehouse: Warehouse, file: LandingFile, source: RecordSource) -> Rows:
    header = _csv_header(file, source.delimiter)
    _check_columns(file, source, header)
    if not header:
        warehouse.execute(f"create or replace temp table {ROWS} as select 0 as line where false")
        return Rows((), 0)
    columns = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in header)
    for table in (REJECTS, REJECT_SCANS):
        warehouse.execute(f"drop table if exists {table}")
    warehouse.execute(
        f"""
        create or replace temp table {ROWS} as
        select row_number() over () + 1 as line, rows.* from read_csv(
            {_literal(str(file.path))}, columns = {{{columns}}}, auto_detect = false, header = true,
            delim = {_literal(source.delimiter)}, quote = '"', escape = '"', nullstr = '',
            parallel = false, store_rejects = true, rejects_table = '{REJECTS}',
            rejects_scan = '{REJECT_SCANS}', strict_mode = true, max_line_size = 16000000
        ) as rows
        """
    )
    return Rows(header, int(warehouse.scalar(f"select count(distinct line) from {REJECTS}")))


def _csv_header(file: LandingFile, delimiter: str) -> tuple[str, ...]:
    try:
        with open_bytes(file.path) as stream:
            first = stream.readline(1_000_000).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UnreadableFileError(file.name, "its first line is not UTF-8 text") from error
    names = next(csv.reader([first], delimiter=delimiter), [])
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise UnreadableFileError(file.name, f"its header has {len(repeated)} names twice")
    return tuple(names)


def _read_parquet(warehouse: Warehouse, file: LandingFile, source: RecordSource) -> Rows:
    try:
        header = tuple(pa.parquet.read_schema(file.path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFileError(file.name, "it is not a whole Parquet file") from error
    _check_columns(file, source, header)
    texts = ", ".join(f"cast({quoted(name)} as varchar) as {quoted(name)}" for name in header)
    warehouse.execute(
        f"create or replace temp table {ROWS} as select file_row_number + 1 as line, {texts} "
        f"from read_parquet({_literal(str(file.path))}, file_row_number = true)"
    )
    return Rows(header, 0)


def _read_json_lines(warehouse: Warehouse, file: LandingFile) -> Rows:
    warehouse.execute(
        f"create or replace temp table {ROWS} (line bigint, document varchar)"
    )
    for block in read_lines(file, 0):
        with warehouse.view("candor_lines", block):
            warehouse.execute(
                f"""
                insert into {ROWS}
                with texts as (select line, try(decode(raw)) as text from candor_lines)
                select line, case when json_valid(text) then case when json_type(text) = 'OBJECT'
                    and not contains(text, '\\u0000') then trim(text, chr(10) || chr(13) || ' ') end
                    end
                from texts
                """
            )
    return Rows(None, 0)


def _check_columns(file: LandingFile, source: RecordSource, header: tuple[str, ...]) -> None:
    reference = source.person
    wanted = [
        source.id, source.user_id, source.created_at, source.updated_at, *source.map.values(),
        reference.id if reference else None, reference.email if reference else None,
    ]  # fmt: skip
    missing = sorted({name for name in wanted if name is not None} - set(header))
    if missing and (header or file.path.stat().st_size):
        raise WrongColumnError(file.source, file.name, missing, header)


def _given(source: RecordSource, rows: Rows, name: str) -> str:
    return _column(rows, source.map[name]) if name in source.map else "null::varchar"


def _column(rows: Rows, name: str) -> str:
    """A column by name, or in JSON lines a field by dotted path."""
    if rows.columns is not None:
        return quoted(name) if name in rows.columns else "null::varchar"
    path = "$" + "".join(f'."{part}"' for part in name.replace('"', "").split("."))
    return f"json_extract_string(document, {_literal(path)})"


def _typed(value: str, field_type: FieldType) -> str:
    text = f"nullif(trim({value}), '')"
    formats = ", ".join(_literal(pattern) for pattern in _TIME_FORMATS)
    digits = f"regexp_replace({text}, '[, ]', '', 'g')"
    return {
        FieldType.TEXT: text,
        FieldType.EMAIL: f"lower({text})",
        FieldType.NUMBER: f"try_cast({digits} as double)",
        FieldType.WHOLE: f"cast(round(try_cast({digits} as double)) as bigint)",
        FieldType.TIME: f"coalesce(try_cast({text} as timestamptz)::timestamp, "
        f"try_strptime({text}, [{formats}]))",
        FieldType.CONSENT: f"case when lower({text}) in ({_listed(_GRANTED)}) then 'granted' "
        f"when lower({text}) in ({_listed(_DENIED)}) then 'denied' end",
    }[field_type]


def _shared_fields(source: RecordSource, rows: Rows) -> dict[str, str]:
    """The fields that are not mapped by name: times, user id, whose the row is."""
    times = {"record_created_at": source.created_at, "record_updated_at": source.updated_at}
    fields = {
        name: _typed(_column(rows, column), FieldType.TIME) if column else "null::timestamp"
        for name, column in times.items()
    }
    if source.kind == "person_records":
        user_id = _typed(_column(rows, source.user_id), FieldType.TEXT) if source.user_id else None
        fields["user_id"] = user_id or "null::varchar"
    if source.kind in {"orders", "tickets", "consent_events"}:
        fields |= _person_fields(source, rows)
    return fields


def _person_fields(source: RecordSource, rows: Rows) -> dict[str, str]:
    reference = source.person
    has_record = reference is not None and reference.source is not None
    fields = {
        "person_source": _literal(reference.source) if has_record else "null::varchar",  # type: ignore[union-attr, arg-type]
        "person_record_id": _typed(_column(rows, reference.id), FieldType.TEXT)  # type: ignore[union-attr, arg-type]
        if has_record
        else "null::varchar",
    }
    if source.kind != "consent_events":
        email = reference.email if reference else None
        fields["person_email"] = (
            _typed(_column(rows, email), FieldType.EMAIL) if email else "null::varchar"
        )
    return fields


def _attributes(source: RecordSource, rows: Rows) -> str:
    """The columns that are not mapped, as JSON; of JSON lines the whole object."""
    if rows.columns is None:
        return "document"
    taken = {source.id, source.user_id, source.created_at, source.updated_at, *source.map.values()}
    kept = [name for name in rows.columns if name not in taken]
    if not kept:
        return "null::varchar"
    pairs = ", ".join(f"{_literal(name)}, {quoted(name)}" for name in kept)
    return f"json_object({pairs})::varchar"


def _row_hash(rows: Rows) -> str:
    if rows.columns is None:
        return "sha256(document)"
    listed = ", ".join(quoted(name) for name in rows.columns) or "''"
    return f"sha256(to_json([{listed}])::varchar)"


def _is_row(rows: Rows) -> str:
    return "document is not null" if rows.columns is None else "true"


def _consent_id(source: RecordSource) -> str:
    """A decision is known by who, what for, which way and when; a repeated line is the same."""
    if source.kind != "consent_events":
        return ""
    parts = "[subject_email, anonymous_id, person_source, person_record_id, purpose, status, occurred_at::varchar]"
    return f"replace (sha256(to_json({parts})::varchar) as consent_event_id)"


def _code(source: RecordSource) -> str:
    kind = source.record_kind
    key = quoted(kind.key)
    tests = ["when not is_row then 'invalid_json'"]
    if kind.needs_id:
        tests.append(f"when {key} is null then 'no_key'")
    lacking = " or ".join(f"{quoted(name)} is null" for name in kind.required)
    tests.append(f"when {lacking} then 'missing_value'")
    if source.kind == "consent_events":
        subjects = "coalesce(subject_email, anonymous_id, person_record_id)"
        tests.append(f"when {subjects} is null then 'no_subject'")
    return f"case {' '.join(tests)} end"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(_literal(text) for text in texts)
