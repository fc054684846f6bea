"""Store judged calls: refuse, drop copies, keep the one received first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from ingestion import contracts
from ingestion.accounting import FileCount
from ingestion.files import LandingFile
from ingestion.formats import EventFormat
from ingestion.formats.judged import CALLS, FILES, LINE_COLUMNS, MappedFields, tie_sql
from ingestion.inventory import EVENTS, LOADS, QUARANTINE
from warehouse import Warehouse, literal, quoted

if TYPE_CHECKING:
    from ingestion.load import LoadContext

# Copies that go: their place (rowid) among the stored events or among those that wait.
COPIES = "candor_copies"
# Events of which there are several, and the place of the stored one, if any.
REPEATED = "candor_repeated"
# Good calls that wait for being stored: the table of the first block, and the rows of the next.
WAITING = "candor_waiting_calls"

# Calls are compared with what is stored, and stored, at least so many or so long at a time. The
# comparison passes over the ids of all events, and the engine writes less than a row group of its
# own (122,880 rows) twice: into its log and into the table. More would only cost memory.
CALLS_AT_ONCE = 200_000
BYTES_AT_ONCE = 256 * 1024 * 1024


def load_events(
    context: LoadContext, form: EventFormat, files: Sequence[LandingFile]
) -> list[FileCount]:
    """Load files of events inside the caller's transaction.

    Copies are dropped before anything is stored: a row that goes in the transaction that brought it
    makes the engine write all the others again.

    Raises:
        UnreadableFileError: A file cannot be decompressed or read.
    """
    warehouse = context.warehouse
    run = _Run(warehouse)
    contracts.prepare(warehouse)
    with warehouse.view(FILES, _files_table(context, files)):
        for fields in form.judge(warehouse, files, now=context.now):
            if fields is not None:
                run.fields[fields.file_no] = fields
            _mark_suppressed(context)
            contracts.apply(context, form)
            _quarantine(warehouse, form)
            run.take()
        run.store()
    return [run.count(file, number) for number, file in enumerate(files)]


@dataclass(slots=True)
class _Run:
    """Calls on their way into the table.

    Attributes:
        warehouse: The engine.
        judged: Calls by place of their file and whether they are good.
        copies: Copies that were dropped, by load.
        fields: What became of the mapped fields, by place of the file.
        waiting: Calls that are not stored yet.
        waiting_bytes: About how long they are.
        has_table: Whether there is a table of them.
    """

    warehouse: Warehouse
    judged: Counter[tuple[int, bool]] = field(default_factory=Counter)
    copies: Counter[str] = field(default_factory=Counter)
    fields: dict[int, MappedFields] = field(default_factory=dict)
    waiting: int = 0
    waiting_bytes: int = 0
    has_table: bool = False

    def take(self) -> None:
        """Count the calls of a block; store the good ones, or let them wait."""
        for row in self.warehouse.read(_TALLY_SQL).to_pylist():
            self.judged[row["file_no"], row["is_good"]] += row["n"]
            if row["is_good"]:
                self.waiting += row["n"]
                self.waiting_bytes += row["bytes"]
        self._queue()
        if self.waiting >= CALLS_AT_ONCE or self.waiting_bytes >= BYTES_AT_ONCE:
            self.store()

    def store(self) -> None:
        """Store the calls that wait, but for copies."""
        if not self.has_table:
            return
        self.copies += _drop_copies(self.warehouse)
        self.warehouse.append(EVENTS.name, _STORED_SQL)
        self.warehouse.execute(f"drop table {WAITING}")
        self.waiting, self.waiting_bytes, self.has_table = 0, 0, False

    def count(self, file: LandingFile, number: int) -> FileCount:
        """What became of a file's calls."""
        good, refused = self.judged[number, True], self.judged[number, False]
        dropped = self.copies[file.load_id]
        fields = self.fields.get(number, MappedFields(number, (), {}))
        return FileCount(
            file,
            rows_in=good + refused,
            rows_loaded=good - dropped,
            rows_deduplicated=dropped,
            rows_quarantined=refused,
            absent_fields=fields.absent,
            unread_values=fields.unread,
            date_orders=fields.orders,
        )

    def _queue(self) -> None:
        """The first block's table becomes that of the calls that wait; it is not copied."""
        if self.has_table:
            self.warehouse.execute(f"insert into {WAITING} by name from {CALLS} where code is null")
            return
        self.warehouse.execute(f"delete from {CALLS} where code is not null")
        self.warehouse.execute(f"drop table if exists {WAITING}")
        self.warehouse.execute(f"alter table {CALLS} rename to {WAITING}")
        self.has_table = True


def _quarantine(warehouse: Warehouse, form: EventFormat) -> None:
    reasons = " ".join(
        f"when {literal(code)} then {literal(why)}" for code, why in form.reasons.items()
    )
    # Only some formats name the fields at fault.
    warehouse.execute(f"alter table {CALLS} add column if not exists detail varchar")
    warehouse.append(
        QUARANTINE.name,
        f"""
        select files.load_id, files.source, files.file, calls.line, calls.position, calls.code,
            coalesce(
                case calls.code {reasons} end || coalesce(': ' || calls.detail, ''), broken.reason
            ) as reason
        from {CALLS} as calls inner join {FILES} as files using (file_no)
        left join {contracts.BROKEN} as broken using (file_no, line, position)
        where calls.code is not null
        """,
    )


def _drop_copies(warehouse: Warehouse) -> Counter[str]:
    """Keep of each event the copy received first; return the copies dropped, by load.

    A copy that an earlier load had stored goes too when it was received later; that load then
    counts it as a copy.
    """
    warehouse.execute(_REPEATED_SQL)
    if not warehouse.scalar(f"select count(*) from {REPEATED}"):
        return Counter()
    warehouse.execute(_COPIES_SQL)
    for table, is_stored in ((WAITING, "false"), (EVENTS.name.sql, "true")):
        warehouse.execute(
            f"delete from {table} where rowid in "
            f"(select place from {COPIES} where is_stored = {is_stored})"
        )
    # The loads of this batch are not there yet: they are counted when they are written.
    warehouse.execute(
        f"""
        update {LOADS.name.sql} as loads
        set rows_loaded = loads.rows_loaded - copies.n,
            rows_deduplicated = loads.rows_deduplicated + copies.n
        from (select load_id, count(*) as n from {COPIES} group by load_id) as copies
        where loads.load_id = copies.load_id
        """
    )
    contracts.forget_copies(warehouse, COPIES)
    counted = warehouse.read(f"select load_id, count(*) as n from {COPIES} group by all")
    return Counter(dict(zip(counted["load_id"].to_pylist(), counted["n"].to_pylist(), strict=True)))


_TALLY_SQL = f"""
    select file_no, code is null as is_good, count(*) as n,
        sum(coalesce(strlen(properties), 0) + coalesce(strlen(traits), 0)
            + coalesce(strlen(context), 0))::bigint as bytes
    from {CALLS} group by all
"""

_STORED_SQL = f"""
    select files.load_id, files.source, files.file, calls.line, calls.position,
        {", ".join(quoted(name) for name in LINE_COLUMNS)}, files.loaded_at
    from {WAITING} as calls inner join {FILES} as files using (file_no)
"""

_REPEATED_SQL = f"""
    create or replace temp table {REPEATED} as
    select event_id, null::bigint as stored from {WAITING} group by event_id having count(*) > 1
    union all
    select events.event_id, events.rowid from {EVENTS.name.sql} as events
    semi join {WAITING} as waiting using (event_id)
"""

_COPIES_SQL = f"""
    create or replace temp table {COPIES} as
    with contenders as (
        select calls.rowid as place, false as is_stored, files.load_id, files.file,
            files.loaded_at, calls.line, calls.position, calls.event_id, calls.received_at,
            {tie_sql("calls")} as tie
        from {WAITING} as calls inner join {FILES} as files using (file_no)
        where calls.event_id in (select event_id from {REPEATED})
        union all
        select events.rowid, true, load_id, file, loaded_at, line, position, event_id, received_at,
            {tie_sql("events")}
        from {EVENTS.name.sql} as events
        where events.rowid in (select stored from {REPEATED} where stored is not null)
    )
    select place, is_stored, load_id, line, position from contenders
    qualify row_number() over (
        partition by event_id
        order by received_at asc nulls last, tie, loaded_at, file, line, position
    ) > 1
"""


def _mark_suppressed(context: LoadContext) -> None:
    """Refuse every call that carries an identifier of a person who was erased."""
    warehouse = context.warehouse
    asked = " union all ".join(
        f"select '{key.kind}' as kind, {key.columns[0]} as value from {CALLS} "
        f"where {key.columns[0]} is not null and code is null"
        for key in EVENTS.subjects
    )
    found = context.is_suppressed(warehouse.read(f"select distinct kind, value from ({asked})"))
    if not found.num_rows:
        return
    with warehouse.view("candor_suppressed", found):
        tests = " or ".join(
            f"coalesce({key.columns[0]} in "
            f"(select value from candor_suppressed where kind = '{key.kind}'), false)"
            for key in EVENTS.subjects
        )
        warehouse.execute(
            f"update {CALLS} set code = 'suppressed' where code is null and ({tests})"
        )


def _files_table(context: LoadContext, files: Sequence[LandingFile]) -> pa.Table:
    loaded_at = [context.first_loads.get(file.load_id, context.now) for file in files]
    return pa.table(
        {
            "file_no": pa.array(range(len(files)), pa.int32()),
            "load_id": [file.load_id for file in files],
            "source": [file.source for file in files],
            "file": [file.name for file in files],
            "modified_at": pa.array([file.modified_at for file in files], pa.timestamp("us")),
            "loaded_at": pa.array(loaded_at, pa.timestamp("us")),
        }
    )
