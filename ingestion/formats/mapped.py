"""Events as any table has them: rows of CSV, Parquet or JSON lines files, mapped to Candor's names.

Such a table is written by a tool that knows when things happened, so the time it gives is believed
as it is; where it gives the device's clock and the time of sending too, Segment's rule applies. Ids
of rows are small numbers often, and are unique in their source only, so the source's name stands
before them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from ingestion.attributes import attributes_sql
from ingestion.config import MappedEventSource
from ingestion.date_orders import as_declared, date_orders
from ingestion.earlier_loads import KeptOrders
from ingestion.field_values import DateOrder, typed_sql
from ingestion.files import LandingFile
from ingestion.formats import judged
from ingestion.formats.judged import (
    CALLS,
    CARRIED,
    FILES,
    LINE_COLUMNS,
    REFUSED_LINES,
    MappedFields,
)
from ingestion.mapping import EVENT_FIELDS, FieldType
from ingestion.misfit import naming_columns
from ingestion.record_columns import chosen_events
from ingestion.record_rows import (
    LAST_LINE,
    ROW_REASONS,
    ROWS,
    Rows,
    is_parquet,
    reading_rows,
    row_code_sql,
    said_sql,
)
from ingestion.records import row_hash_sql
from ingestion.unread import count_unread, is_unread_sql, unread_fields_sql
from warehouse import Warehouse, literal, quoted

TYPES = ("identify", "page", "screen", "track", "group", "alias")

REASONS: Mapping[str, str] = judged.REASONS | {
    **ROW_REASONS,
    "missing_time": "the row tells no time",
    "unknown_type": f"the event's type is none of {', '.join(TYPES)}",
    "no_identity": "there is no user id, no device and no address",
    "no_event_name": "a track call without the name of its event",
}

_TIMES = {
    "given_timestamp": "occurred_at",
    "original_timestamp": "original_timestamp",
    "sent_at": "sent_at",
    "received_at": "received_at",
}
_CARRIED_COLUMNS = ("event_id", "anonymous_id", "user_id", "previous_id", "email")


@dataclass(frozen=True, slots=True)
class MappedEvents:
    """Rows of one source's files; an ``EventFormat``.

    Attributes:
        source: What its columns are.
        may_lack: Whether a file that lacks mapped columns is searched all the same: by those that it
            has, and a row that names nobody in them as text.
        kept_orders: How the dates are to be read of files out of which an erasure took rows, by the
            id of their load.
    """

    source: MappedEventSource
    may_lack: bool = False
    kept_orders: Mapping[str, KeptOrders] = field(default_factory=dict)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Every code of a refusal and what it means."""
        return REASONS

    @property
    def own_columns(self) -> AbstractSet[str]:
        """The columns that are mapped from a field of another name than a property has."""
        return frozenset(
            name
            for name, places in judged.READ_FROM.items()
            if self.source.map.get(name) not in {path for _, path in places}
        )

    def judge(
        self, warehouse: Warehouse, files: Sequence[LandingFile], *, now: datetime
    ) -> Iterator[MappedFields]:
        """Turn the files into tables of judged events, see ``EventFormat``."""
        for number, file in enumerate(files):
            with self._reading(warehouse, file) as rows:
                source = chosen_events(warehouse, file, self.source, rows)
                times = {name: rows.column(source.map[name]) for name in _given_times(source)}
                kept = self.kept_orders.get(file.load_id)
                orders = date_orders(warehouse, rows, times, file=file, kept=kept)
                declared = as_declared(source.date_order, orders)
                fields = _fields(source, file, rows, declared)
                warehouse.execute(_judged_sql(source, fields, rows, number), {"now": now})
            yield MappedFields(number, rows.absent, count_unread(warehouse, CALLS), orders)

    def carry(
        self,
        warehouse: Warehouse,
        file: LandingFile,
        worth: Callable[[pa.Table], pa.Table],  # noqa: ARG002 - a row is no line
    ) -> Iterator[None]:
        """Turn a file into a table of whom its events name, see ``EventFormat``."""
        with self._reading(warehouse, file) as rows:
            source = chosen_events(warehouse, file, self.source, rows, may_lack=self.may_lack)
            is_text = self.may_lack or bool(naming_columns(source) & set(rows.absent))
            warehouse.execute(_carried_sql(source, file, rows, is_text=is_text))
        yield

    def _reading(self, warehouse: Warehouse, file: LandingFile) -> AbstractContextManager[Rows]:
        source = self.source
        return reading_rows(
            warehouse,
            file,
            source.named_columns,
            delimiter=source.delimiter,
            may_lack=self.may_lack,
        )


def _judged_sql(source: MappedEventSource, fields: str, rows: Rows, number: int) -> str:
    columns = ", ".join(f"{_COLUMNS.get(name, quoted(name))} as {quoted(name)}" for name in _LISTED)
    return f"""
    create or replace temp table {CALLS} as
    with typed as (select *, {fields} from {ROWS}),
    named as (select {number} as file_no, {_told(source, rows)} from typed),
    dated as (
        select named.*, {judged.happened_sql()} as happened_at
        from named inner join {FILES} as files using (file_no)
    )
    select file_no, line, 1 as position, {_code(rows)} as code, unread, {columns} from dated
    """


def _carried_sql(source: MappedEventSource, file: LandingFile, rows: Rows, *, is_text: bool) -> str:
    last = "line" if is_parquet(file.path) else LAST_LINE
    nameless = "coalesce(anonymous_id, user_id, previous_id, email) is null" if is_text else "false"
    return f"""
    create or replace temp table {CARRIED} as
    with named as (select *, {said_sql(rows)} as said, {_fields(source, file, rows, {})} from {ROWS})
    select line, {last} as last_line, {", ".join(_CARRIED_COLUMNS)},
        case when not is_row or {nameless} or line in (select line from {REFUSED_LINES})
            then said end as refused
    from named
    """


def _given_times(source: MappedEventSource) -> Sequence[str]:
    return [name for name in _TIMES.values() if name in source.map]


def _fields(
    source: MappedEventSource, file: LandingFile, rows: Rows, orders: Mapping[str, DateOrder]
) -> str:
    """Every mapped field, typed; null where the source does not map it."""
    fields = {
        name: _typed(source, rows, name, orders) if name in source.map else "null"
        for name in EVENT_FIELDS
    }
    if source.event_name is not None:
        fields["event"] = literal(source.event_name)
    if source.type is not None or "type" not in source.map:
        fields["type"] = literal(source.type or "track")
    fields["type"] = f"lower({fields['type']})"
    fields["email"] = judged.email_sql(fields["email"])
    fields |= {name: f"cast({fields.pop(given)} as timestamp)" for name, given in _TIMES.items()}
    fields["event_id"] = _event_id(source, file, rows)
    return ", ".join(f"{sql} as {quoted(name)}" for name, sql in fields.items())


def _told(source: MappedEventSource, rows: Rows) -> str:
    """The typed fields, what of them cannot be read, and what a row says beside them.

    A step of its own, so that no value is read twice.
    """
    kept = {FieldType.NUMBER, FieldType.WHOLE}
    numbers = [name for name in source.map if EVENT_FIELDS[name] in kept]
    tests = {name: _unread(source, rows, name, name) for name in numbers}
    times = [
        _unread(source, rows, given, typed)
        for typed, given in _TIMES.items()
        if given in source.map
    ]
    properties = "document"
    if rows.columns is not None:
        taken = frozenset(source.map.values()) | ({source.id} if source.id else set())
        texts = {source.map[name]: test for name, test in tests.items()}
        properties = attributes_sql(rows, taken, texts)
    # Where a time cannot be read the row is refused.
    return f"""
    *, {" or ".join(times) or "false"} as is_untimed, {unread_fields_sql(tests)} as unread,
    {properties} as properties
    """


def _unread(source: MappedEventSource, rows: Rows, name: str, typed: str) -> str:
    """Whether a value is given that was not read."""
    return is_unread_sql(typed, rows.column(source.map[name]))


def _typed(
    source: MappedEventSource, rows: Rows, name: str, orders: Mapping[str, DateOrder]
) -> str:
    return typed_sql(
        rows.column(source.map[name]),
        EVENT_FIELDS[name],
        zone=source.timezone,
        decimal=source.decimal,
        order=orders.get(name, DateOrder.UNTOLD),
    )


def _event_id(source: MappedEventSource, file: LandingFile, rows: Rows) -> str:
    row = row_hash_sql(rows)
    own = typed_sql(rows.column(source.id), FieldType.TEXT) if source.id else "null::varchar"
    return f"""
    case when {own} is not null then {literal(f"{file.source}|")} || {own}
        else sha256({literal(f"{file.source}|")} || {row}) end"""


def _code(rows: Rows) -> str:
    """Why a row is refused; null where it is good."""
    told = "given_timestamp, original_timestamp, received_at, sent_at"
    types = ", ".join(map(literal, TYPES))
    return f"""
    case
        when not is_row then {row_code_sql(rows)}
        when is_untimed then 'invalid_timestamp'
        when coalesce({told}) is null then 'missing_time'
        when type is null or type not in ({types}) then 'unknown_type'
        when coalesce(user_id, anonymous_id, email) is null then 'no_identity'
        when type = 'track' and event is null then 'no_event_name'
        when {judged.is_implausible_sql("happened_at", "given_timestamp")}
            then 'implausible_timestamp'
    end"""


_LISTED = tuple(LINE_COLUMNS)
# How columns of raw.events follow from the fields; the others have the field's name.
_COLUMNS = {
    "timestamp": "happened_at",
    "is_late": judged.is_late_sql("happened_at"),
    "traits": "null::varchar",
    "context": "null::varchar",
    "consent": "null::varchar",
}
