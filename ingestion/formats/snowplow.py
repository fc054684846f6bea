"""Snowplow's enriched events: the stream's lines (TSV), or the atomic events table (CSV, Parquet).

One row per event. The three hold the same fields; tables have a column for each kind of entity
where the stream has one JSON document, and both become one list of entities here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ingestion.errors import WrongColumnError
from ingestion.field_values import text_sql
from ingestion.files import CHUNK_ROWS, LandingFile, read_lines, reading_bytes
from ingestion.formats import judged
from ingestion.formats import snowplow_fields as fields
from ingestion.formats.json_text import REASONS as TEXT_REASONS
from ingestion.formats.json_text import shape_code_sql
from ingestion.formats.judged import CALLS, CARRIED, FILES, LINE_COLUMNS, REFUSED_LINES
from ingestion.record_rows import (
    LAST_LINE,
    MAX_HEADER_BYTES,
    ROW_REASONS,
    ROWS,
    Rows,
    is_json_lines,
    is_parquet,
    reading_rows,
    refused_text_sql,
    row_code_sql,
)
from warehouse import Warehouse, literal, quoted

# Collectors and the streams behind them take no event above this.
MAX_EVENT_BYTES = 1024 * 1024
_NEEDED = ("event_id", "event")

_TEXT_CODES = ("invalid_utf8", "null_byte", "invalid_json", "too_deep", "number_out_of_range")
_REASONS = {
    "too_large": f"the event is longer than {MAX_EVENT_BYTES} bytes",
    "wrong_field_count": f"the line does not have the {len(fields.FIELDS)} fields of an enriched "
    "event",
    "unreadable_row": ROW_REASONS["unreadable_row"],
    "invalid_json": "a field that holds JSON holds something else",
    "missing_field": "a required field is empty",
    "unknown_type": f"event is none of {', '.join(fields.EVENTS)}",
    "no_event_name": "a structured event without se_action, or a self-describing one without a "
    "name",
}


@dataclass(frozen=True, slots=True)
class _Written:
    """Events as they are written, as SQL.

    Attributes:
        rows: A select of file_no, line, last_line, shape_code, said (the row's text, as
            ``refused_text_sql`` writes it), the fields by name, and the columns below.
        documents: The columns that hold JSON.
        entities: An expression over good documents: a list of structs of k (the entity's kind)
            and v (its JSON).
        data: An expression for what a self-describing event says.
        schema_name: An expression for the name of its schema.
    """

    rows: str
    documents: Sequence[str]
    entities: str
    data: str
    schema_name: str


@dataclass(frozen=True, slots=True)
class SnowplowEvents:
    """Enriched events in any of the three forms; an ``EventFormat``."""

    @property
    def reasons(self) -> Mapping[str, str]:
        """Every code of a refusal and what it means."""
        texts = {code: TEXT_REASONS[code] for code in _TEXT_CODES}
        return texts | judged.REASONS | _REASONS

    @property
    def own_columns(self) -> AbstractSet[str]:
        """None."""
        return frozenset()

    def judge(
        self, warehouse: Warehouse, files: Sequence[LandingFile], *, now: datetime
    ) -> Iterator[None]:
        """Turn the files into tables of judged events, see ``EventFormat``."""
        for number, file in enumerate(files):
            for written in _reading(warehouse, file, number, _everything):
                warehouse.execute(_judged_sql(written), {"now": now})
                yield

    def carry(
        self, warehouse: Warehouse, file: LandingFile, worth: Callable[[pa.Table], pa.Table]
    ) -> Iterator[None]:
        """Turn a file into tables of whom its events name, see ``EventFormat``."""
        for written in _reading(warehouse, file, 0, worth):
            warehouse.execute(_carried_sql(written))
            yield


def is_stream(file: LandingFile) -> bool:
    """Whether a file holds lines of the stream: its name says so, or what it begins with.

    Raises:
        UnreadableFileError: It cannot be read.
    """
    parts = set(file.path.name.lower().split("."))
    if "tsv" in parts or is_json_lines(file.path):
        return True
    if is_parquet(file.path):
        return False
    with reading_bytes(file) as stream:
        first = stream.readline(MAX_HEADER_BYTES)
    if first.count(b"\t") == len(fields.FIELDS) - 1:
        return True
    return "csv" not in parts and b"event_id" not in first.lower()


def _everything(block: pa.Table) -> pa.Table:
    return block


def _reading(
    warehouse: Warehouse,
    file: LandingFile,
    number: int,
    worth: Callable[[pa.Table], pa.Table],
) -> Iterator[_Written]:
    if not is_stream(file):
        with reading_rows(warehouse, file) as rows:
            yield _table(file, number, rows)
        return
    for whole in read_lines(file, number):
        block = worth(whole)
        if block.num_rows:
            with warehouse.view("candor_lines", _in_chunks(block)):
                yield _STREAM


def _in_chunks(block: pa.Table) -> pa.Table:
    """A block in chunks: the engine gives each of its threads one at a time."""
    return pa.Table.from_batches(block.to_batches(max_chunksize=CHUNK_ROWS), block.schema)


def _table(file: LandingFile, number: int, rows: Rows) -> _Written:
    """A file of the atomic events table, whose rows stand in ``candor_rows``.

    Raises:
        WrongColumnError: It has no columns of events.
    """
    header = rows.columns or ()
    names = {name.lower(): name for name in reversed(header)}
    missing = [name for name in _NEEDED if name not in names]
    if missing and (header or file.path.stat().st_size):
        found = header if len(missing) < len(_NEEDED) else ()
        raise WrongColumnError(file.source, file.name, missing, found)
    entities = [name for name in names if name.startswith("contexts_")]
    events = [name for name in names if name.startswith("unstruct_event_")]
    columns = {name: rows.column(names[name]) for name in (*entities, *events)}
    columns |= {name: rows.column(_written_name(name, names)) for name in fields.FIELDS}
    last = "line" if is_parquet(file.path) else LAST_LINE
    text = f"encode(concat_ws(chr(9), {', '.join(map(rows.column, header)) or 'null'}))"
    return _Written(
        rows=f"""
        select {number} as file_no, line, {last} as last_line,
            {row_code_sql(rows)} as shape_code,
            coalesce(refused, {refused_text_sql(text)}) as said, {_named(columns)}
        from {ROWS}""",
        documents=(*fields.DOCUMENTS, *columns.keys() - set(fields.FIELDS)),
        entities=f"list_concat({', '.join([_STREAM.entities, *map(_column_entities, entities)])})",
        data=f"coalesce({', '.join([*(f'({_items(quoted(name))})[1]' for name in events), _STREAM.data])})",
        schema_name=_STREAM.schema_name,
    )


def _written_name(name: str, names: Mapping[str, str]) -> str:
    given = name if name in names else fields.ELDER_NAMES.get(name, name)
    return names.get(given, given)


def _named(columns: Mapping[str, str]) -> str:
    """Fields under their names, null where they are blank."""
    return ", ".join(
        f"{text_sql(expression)} as {quoted(name)}" for name, expression in columns.items()
    )


def _items(document: str) -> str:
    """What a column of a table holds: a list of objects, or one object."""
    return f"""
    case when {document} is null then []::json[]
        when json_type({document}) = 'ARRAY' then json_extract({document}, '$[*]')
        else [json({document})] end"""


def _column_entities(name: str) -> str:
    """The entities of a column, whose name ends in a version: of the schema, or of its model."""
    kind = re.sub(r"_\d+(_\d+_\d+)?$", "", name.removeprefix("contexts_"))
    return f"list_transform({_items(quoted(name))}, lambda one: {{'k': {literal(kind)}, 'v': one}})"


def _listed_entities(document: str) -> str:
    """The entities of a self-describing list, named as the columns of tables are."""
    schema = "json_extract_string(one, '$.schema')"
    vendor = f"split_part(replace({schema}, 'iglu:', ''), '/', 1)"
    name = plain = f"split_part({schema}, '/', 2)"
    for humps in ("([A-Z]+)([A-Z][a-z])", "([a-z0-9])([A-Z])"):
        name = rf"regexp_replace({name}, '{humps}', '\1_\2', 'g')"
    name = f"case when {plain} = lower({plain}) then {plain} else {name} end"
    kind = f"lower(translate({vendor} || '_' || {name}, '.-', '__'))"
    return f"""
    list_transform(
        coalesce(json_extract({document}, '$.data[*]'), []::json[]),
        lambda one: {{'k': {kind}, 'v': json_extract(one, '$.data')}})"""


def _stream() -> _Written:
    columns = {name: f"fields[{place}]" for place, name in enumerate(fields.FIELDS, start=1)}
    code = f"""
    case when text is null then 'invalid_utf8'
        when octet_length(raw) > {MAX_EVENT_BYTES} + 2 then 'too_large'
        when contains(text, chr(0)) then 'null_byte'
        when len(parts) <> {len(columns)} then 'wrong_field_count'
    end"""
    return _Written(
        rows=f"""
        select file_no, line, line as last_line, shape_code, {refused_text_sql("raw")} as said,
            {_named(columns)}
        from (
            select *, case when shape_code is null then parts end as fields
            from (
                select *, {code} as shape_code
                from (
                    select *, string_split(text, chr(9)) as parts
                    from (
                        select file_no, line, raw,
                            rtrim(try(decode(raw)), chr(10) || chr(13)) as text
                        from candor_lines
                    )
                )
            )
        )""",
        documents=fields.DOCUMENTS,
        entities=f"""
        list_concat({_listed_entities("contexts")}, {_listed_entities("derived_contexts")})""",
        data="json_extract(unstruct_event, '$.data.data')",
        schema_name="""
        nullif(regexp_extract(
            json_extract_string(unstruct_event, '$.data.schema'), '^iglu:[^/]+/([^/]+)/', 1), '')""",
    )


_STREAM = _stream()


def _events(written: _Written) -> str:
    """The common table expressions that end in ``named``: a row per event, its documents judged."""
    documents = [quoted(name) for name in written.documents]
    unread = _listed(
        f"case when {one} is not null and not json_valid({one}) then {literal(one.strip(chr(34)))} end"
        for one in documents
    )
    kept = ", ".join(f"case when code is null then {one} end as {one}" for one in documents)
    return f"""
    rows as ({written.rows}),
    parsed as (select *, {unread} as unread_documents from rows),
    joined as (
        select *, 0 as bytes, case when shape_code is null and unread_documents is null
            then '{{"all":[' || concat_ws(',', {", ".join(documents)}) || ']}}' end as text
        from parsed
    ),
    judged as (
        select * exclude (text, bytes), coalesce(
            shape_code, case when unread_documents is not null then 'invalid_json' end,
            {shape_code_sql(2 * MAX_EVENT_BYTES)}) as code
        from joined
    ),
    good as (select * replace ({kept}) from judged),
    said as (
        select *, {written.entities} as entities, {written.data} as data,
            {written.schema_name} as schema_name
        from good
    ),
    named as (
        select * exclude (contexts, derived_contexts, unstruct_event, entities),
            {_CONTEXTS} as contexts
        from said
    )"""


# Entities of one kind together, the kinds in order: the same whatever they were read from. Most
# events have one of each kind.
_CONTEXTS = """
    '{' || array_to_string(
        case when len(list_distinct(list_transform(entities, lambda one: one.k))) = len(entities)
            then list_sort(list_transform(entities,
                lambda one: to_json(one.k)::varchar || ':[' || coalesce(one.v::varchar, '') || ']'))
            else list_transform(
                list_sort(list_distinct(list_transform(entities, lambda one: one.k))),
                lambda kind: to_json(kind)::varchar || ':[' || array_to_string(list_transform(
                    list_filter(entities, lambda one: one.k = kind),
                    lambda one: one.v::varchar), ',') || ']')
        end, ',') || '}'"""


def _judged_sql(written: _Written) -> str:
    columns = ", ".join(f"{fields.column_sql(name)} as {quoted(name)}" for name in LINE_COLUMNS)
    moments = {
        "received_at": "collector_tstamp", "original_timestamp": "dvce_created_tstamp",
        "sent_at": "dvce_sent_tstamp", "derived_at": "derived_tstamp", "true_at": "true_tstamp",
    }  # fmt: skip
    times = ", ".join(f"{judged.time_sql(name)} as {moment}" for moment, name in moments.items())
    unread = _listed(
        f"case when {name} is not null and {moment} is null then '{name}' end"
        for moment, name in moments.items()
    )
    return f"""
    create or replace temp table {CALLS} as
    with {_events(written)},
    timed as (select *, {times}, null::timestamp as given_timestamp from named),
    dated as (
        select timed.*, {fields.happened_sql()} as happened_at, {unread} as unread_times,
            {_missing()} as missing
        from timed inner join {FILES} as files using (file_no)
    ),
    coded as (select * replace ({_code()} as code) from dated)
    select file_no, line, 1 as position, code, {_detail()} as detail, {columns} from coded
    """


def _carried_sql(written: _Written) -> str:
    columns = ", ".join(f"{fields.column_sql(name)} as {name}" for name in _CARRIED_COLUMNS)
    return f"""
    create or replace temp table {CARRIED} as
    with {_events(written)}
    select line, last_line, {columns},
        case when code is not null or line in (select line from {REFUSED_LINES}) then said end
            as refused
    from named
    """


_CARRIED_COLUMNS = ("event_id", "anonymous_id", "user_id", "previous_id", "email")


def _missing() -> str:
    """Required fields that are empty; of the times one is enough."""
    times = ", ".join(fields.TIMES)
    needed = [f"case when {name} is null then '{name}' end" for name in _NEEDED]
    return _listed([*needed, f"case when coalesce({times}) is null then 'collector_tstamp' end"])


def _code() -> str:
    known = ", ".join(literal(event) for event in fields.EVENTS)
    return f"""
    case
        when code is not null then code
        when missing is not null then 'missing_field'
        when event not in ({known}) then 'unknown_type'
        when {fields.no_name_sql()} then 'no_event_name'
        when unread_times is not null then 'invalid_timestamp'
        when {judged.is_implausible_sql("happened_at")} then 'implausible_timestamp'
    end"""


def _detail() -> str:
    """Which fields are at fault, for the reason; never what they hold."""
    return f"""
    case code
        when 'invalid_json' then unread_documents
        when 'missing_field' then missing
        when 'invalid_timestamp' then unread_times
        when 'implausible_timestamp' then case
            when {judged.is_implausible_sql("received_at")} then 'collector_tstamp'
            when derived_at is not null then 'derived_tstamp'
            when true_at is not null then 'true_tstamp'
            else 'dvce_created_tstamp, dvce_sent_tstamp' end
    end"""


def _listed(names: Iterable[str]) -> str:
    return f"nullif(concat_ws(', ', {', '.join(names)}), '')"
