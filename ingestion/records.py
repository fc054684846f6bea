"""Map the rows of a file to Candor's record tables, in the engine."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from ingestion import plausible
from ingestion.attributes import attributes_sql
from ingestion.config import PersonReference, RecordSource
from ingestion.field_values import DateOrder, text_sql, typed_sql
from ingestion.mapping import FieldType, RecordKind
from ingestion.record_columns import ChosenColumns
from ingestion.record_rows import ROW_REASONS, ROWS, Rows, row_code_sql
from ingestion.status_words import STATUS_FIELDS, declared_outcome_sql, declared_sql
from ingestion.unread import is_unread_sql, unread_fields_sql
from warehouse import Warehouse, literal, quoted

RECORDS = "candor_records"

# Why a row is refused; the reason never holds a value of the row.
REASONS = {
    **ROW_REASONS,
    "no_key": "the column that identifies the row is empty",
    "missing_value": "a value that this kind of record needs is empty or cannot be read",
    "no_subject": "the row names nobody: no address, device or record",
    **plausible.REASONS,
    "invalid_network": "the network is not in CIDR notation",
    "suppressed": "the row belongs to a person who was erased",
}

# Who may be named in rows that are worth nothing without.
_SUBJECTS = {
    "consent_events": "subject_email, anonymous_id, person_record_id",
    "lifecycle_events": "person_email, person_record_id",
}
# The stage of a row, where it holds several, and the time as given.
_STAGE, _STAGE_TIME = "candor_stage", "candor_stage_time"


def spread_stages(warehouse: Warehouse, rows: Rows, stages: Mapping[str, str]) -> None:
    """Make of each row in ``candor_rows`` one per stage that it has a date of; one at least."""
    reached = ", ".join(
        f"{{'stage': {literal(stage)}, 'at': {text_sql(rows.column(column))}}}"
        for stage, column in stages.items()
    )
    warehouse.execute(
        f"""
        create or replace temp table {ROWS} as
        with reached as (
            select *, list_filter([{reached}], lambda one: is_row and one.at is not null) as changes
            from {ROWS}
        ),
        spread as (
            select * exclude (changes), unnest(
                case when len(changes) > 0 then changes else [null] end
            ) as change
            from reached
        )
        select * exclude (change), change.stage as {_STAGE}, change.at as {_STAGE_TIME} from spread
        """
    )


def time_texts(chosen: ChosenColumns, rows: Rows) -> Mapping[str, str]:
    """An expression for the text of each field that is a time, by its name; of those that are there."""
    source = chosen.source
    fields = source.record_kind.fields
    columns = {
        name: column for name, column in source.map.items() if fields[name] is FieldType.TIME
    }
    times = {"record_created_at": source.created_at, "record_updated_at": source.updated_at}
    columns |= {name: column for name, column in times.items() if column}
    texts = {name: rows.column(column) for name, column in columns.items()}
    return texts | ({"changed_at": _STAGE_TIME} if chosen.stages else {})


def records_sql(chosen: ChosenColumns, rows: Rows) -> str:
    """The statement that turns ``candor_rows`` into ``candor_records``: typed, with a code."""
    source, kind = chosen.source, chosen.source.record_kind
    given = {name: rows.column(column) for name, column in source.map.items()}
    if chosen.stages:
        given |= {"stage": _STAGE, "changed_at": _STAGE_TIME}
    fields = {
        name: _possible(chosen, name, of, given.get(name, "null::varchar"))
        for name, of in kind.fields.items()
    }
    if source.id is not None:
        fields[kind.key] = typed_sql(rows.column(source.id), FieldType.TEXT)
    fields |= _declared_fields(source, given, fields)
    fields |= _shared_fields(chosen, rows)
    if source.kind == "consent_events":
        fields["consent_event_id"] = "null::varchar"
    listed = ",\n        ".join(f"{value} as {quoted(name)}" for name, value in fields.items())
    # What was read is compared with its text in a step of its own: no value is read twice.
    return f"""
    create or replace temp table {RECORDS} as
    with mapped as (
        select *, {row_hash_sql(rows)} as record_hash,
        {listed}
        from {ROWS}
    ),
    told as (
        select line, record_hash, is_text, is_row, refused, {", ".join(map(quoted, fields))},
        {_told(chosen, rows)}
        from mapped
    ),
    known as (select * {_replaced(kind)} from told)
    select * {_passed_over(chosen)}, {_code(chosen, rows)} as code from known
    """


def row_hash_sql(rows: Rows) -> str:
    """An expression for the version of a row: a hash of all that it says."""
    if rows.columns is None:
        return "sha256(document)"
    listed = ", ".join(rows.column(name) for name in rows.columns) or "''"
    return f"sha256(to_json([{listed}])::varchar)"


def _taken(chosen: ChosenColumns) -> AbstractSet[str]:
    """The columns that are read whole; of a list of persons only the first one is."""
    source, person = chosen.source, chosen.source.person
    names = {source.id, source.user_id, source.created_at, source.updated_at, *source.map.values()}
    if person is not None and source.record_kind.has_person:
        names |= {person.email} if chosen.lists_persons else {person.email, person.id}
    return frozenset(name for name in names if name is not None)


def _told(chosen: ChosenColumns, rows: Rows) -> str:
    """Expressions for what cannot be read of a row, and for what it says beside its fields."""
    unread = _unread(chosen, rows)
    fields = {name: test for (name, _), test in unread.items()}
    if chosen.stages:
        fields["changed_at"] = is_unread_sql("changed_at", _STAGE_TIME)
    told = f"{unread_fields_sql(fields)} as unread"
    if not chosen.source.record_kind.keeps_attributes:
        return told
    tests = {column: test for (_, column), test in unread.items()}
    return f"{told}, {attributes_sql(rows, _taken(chosen), tests)} as attributes"


def _unread(chosen: ChosenColumns, rows: Rows) -> Mapping[tuple[str, str], str]:
    """Fields that are read as something else than text: whether what stands there was not read.

    Returns:
        A test of the typed row, by the name of a field and its column.
    """
    source = chosen.source
    fields = {
        (name, column): name
        for name, column in source.map.items()
        if source.record_kind.fields[name] not in {FieldType.TEXT, FieldType.EMAIL}
    }
    times = {"created_at": source.created_at, "updated_at": source.updated_at}
    fields |= {(name, column): f"record_{name}" for name, column in times.items() if column}
    spread = {"changed_at": _STAGE_TIME} if chosen.stages else {}
    return {
        (name, column): is_unread_sql(typed, spread.get(name) or rows.column(column))
        for (name, column), typed in fields.items()
    }


def _possible(chosen: ChosenColumns, name: str, of: FieldType, text: str) -> str:
    """An expression for a field's value; null where it cannot be read, or cannot be."""
    source, order = chosen.source, chosen.orders.get(name, DateOrder.UNTOLD)
    typed = typed_sql(text, of, zone=source.timezone, decimal=source.decimal, order=order)
    return plausible.possible_sql(name, of, typed)


def _shared_fields(chosen: ChosenColumns, rows: Rows) -> dict[str, str]:
    """The fields that are not mapped by name: times, user id, whose the row is."""
    source = chosen.source
    times = {"record_created_at": source.created_at, "record_updated_at": source.updated_at}
    fields = {
        name: _possible(chosen, name, FieldType.TIME, rows.column(column))
        if column
        else "null::timestamp"
        for name, column in times.items()
    }
    if source.kind == "person_records":
        user_id = typed_sql(rows.column(source.user_id), FieldType.TEXT) if source.user_id else None
        fields["user_id"] = user_id or "null::varchar"
    if source.record_kind.has_person:
        fields |= _person_fields(chosen, rows)
    return fields


def _declared_fields(
    source: RecordSource, given: Mapping[str, str], fields: Mapping[str, str]
) -> dict[str, str]:
    """The fields whose words the source declares; a stage stays, and says what its flags do not."""
    declared: dict[str, str] = {}
    if source.periods is not None:
        declared["billing_period"] = declared_sql(given["billing_period"], source.periods)
    status = STATUS_FIELDS.get(source.row_kind, "")
    if source.statuses is None or status not in given:
        return declared
    if source.row_kind == "consent_events":
        answer = declared_sql(given[status], source.statuses)
        return declared | {status: typed_sql(answer, FieldType.CONSENT)}
    if source.row_kind != "deals":
        return declared | {status: declared_sql(given[status], source.statuses)}
    outcome = declared_outcome_sql(given[status], source.statuses)
    return declared | {name: f"coalesce({fields[name]}, {sql})" for name, sql in outcome.items()}


def _person_fields(chosen: ChosenColumns, rows: Rows) -> dict[str, str]:
    source = chosen.source
    reference = source.person or PersonReference.model_construct(source=None, id=None, email=None)
    record = rows.column(reference.id) if reference.id else "null::varchar"
    if chosen.lists_persons:
        record = f"split_part({record}, ';', 1)"
    email = rows.column(reference.email) if reference.email else "null::varchar"
    fields = {
        "person_source": literal(reference.source) if reference.source else "null::varchar",
        "person_record_id": typed_sql(record, FieldType.TEXT),
    }
    if source.kind != "consent_events":
        fields["person_email"] = typed_sql(email, FieldType.EMAIL)
    return fields


def _replaced(kind: RecordKind) -> str:
    """Rows that are known by what they say: a repeated one is the same."""
    if not kind.hashed:
        return ""
    parts = ", ".join(f"{name}::varchar" for name in kind.hashed)
    content = f"sha256(to_json([{parts}])::varchar)"
    replaced = f"coalesce({quoted(kind.key)}, {content}) as {quoted(kind.key)}"
    if kind.versioned_by:
        said = ", ".join(f"{name}::varchar" for name in kind.versioned_by)
        replaced += f", sha256(to_json([{said}])::varchar) as record_hash"
    return f"replace ({replaced})"


def _passed_over(chosen: ChosenColumns) -> str:
    """A row that tells of no stage brings nothing: its key is empty, and it is not counted."""
    if not chosen.stages:
        return ""
    key = quoted(chosen.source.record_kind.key)
    return f"replace (case when is_row and stage is null then '' else {key} end as {key})"


def _code(chosen: ChosenColumns, rows: Rows) -> str:
    kind = chosen.source.record_kind
    key = quoted(kind.key)
    tests = [f"when not is_row then {row_code_sql(rows)}"]
    if chosen.stages:
        tests.append("when stage is null then null")
    if kind.needs_id:
        tests.append(f"when {key} is null then 'no_key'")
    lacking = " or ".join(f"{quoted(name)} is null" for name in kind.required)
    tests.append(f"when {lacking} then 'missing_value'")
    tests.append(f"when {plausible.is_rounded_id_sql(kind)} then 'rounded_id'")
    tests.append(f"when {plausible.is_implausible_sql(kind)} then 'implausible_value'")
    if kind.table in _SUBJECTS:
        tests.append(f"when coalesce({_SUBJECTS[kind.table]}) is null then 'no_subject'")
    return f"case {' '.join(tests)} end"
