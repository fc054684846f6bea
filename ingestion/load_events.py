"""Store judged calls: refuse, drop copies, keep the one received first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from ingestion import contracts
from ingestion.accounting import FileCount
from ingestion.files import LandingFile
from ingestion.formats import EventFormat
from ingestion.formats.judged import CALLS, FILES, LINE_COLUMNS, tie_sql
from ingestion.inventory import EVENTS, LOADS, QUARANTINE
from warehouse import Warehouse, literal, quoted

if TYPE_CHECKING:
    from ingestion.load import LoadContext

TALLY = "candor_tally"
COPIES = "candor_copies"


def load_events(
    context: LoadContext, form: EventFormat, files: Sequence[LandingFile]
) -> list[FileCount]:
    """Load files of events inside the caller's transaction.

    Copies are dropped once for all files together: it takes a pass over all events.

    Raises:
        UnreadableFileError: A file cannot be decompressed or read.
    """
    warehouse = context.warehouse
    warehouse.execute(
        f"create or replace temp table {TALLY} (file_no int, is_good boolean, n bigint)"
    )
    contracts.prepare(warehouse)
    with warehouse.view(FILES, _files_table(context, files)):
        for _ in form.judge(warehouse, files, now=context.now):
            _mark_suppressed(context)
            contracts.apply(context)
            _store(context, form)
        copies = _drop_copies(warehouse, [file.load_id for file in files])
        contracts.forget_copies(warehouse, COPIES)
    tally = warehouse.read(
        f"select file_no, is_good, sum(n)::bigint as n from {TALLY} group by all"
    ).to_pylist()
    judged = {(row["file_no"], row["is_good"]): row["n"] for row in tally}
    return [_count(file, number, judged, copies) for number, file in enumerate(files)]


def _store(context: LoadContext, form: EventFormat) -> None:
    """Store a block's calls, copies included, and note what was refused."""
    warehouse = context.warehouse
    _quarantine(warehouse, form)
    warehouse.execute(
        f"insert into {TALLY} select file_no, code is null, count(*) from {CALLS} group by all"
    )
    columns = ", ".join(quoted(name) for name in LINE_COLUMNS)
    warehouse.append(
        EVENTS.name,
        f"""
        select files.load_id, files.source, files.file, calls.line, calls.position, {columns},
            files.loaded_at
        from {CALLS} as calls inner join {FILES} as files using (file_no)
        where calls.code is null
        """,
    )


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


def _drop_copies(warehouse: Warehouse, load_ids: Sequence[str]) -> Mapping[str, int]:
    """Keep of each event the copy received first; return the copies dropped, by load.

    A copy that an earlier load had stored goes too when it was received later; that load then
    counts it as a copy.
    """
    fresh = {"load_ids": list(load_ids)}
    warehouse.execute(
        f"""
        create or replace temp table {COPIES} as
        with repeated as (
            select event_id from {EVENTS.name.sql} as events
            semi join (
                select event_id from {EVENTS.name.sql} where list_contains($load_ids, load_id)
            ) as fresh using (event_id)
            group by event_id having count(*) > 1
        )
        select load_id, line, position from {EVENTS.name.sql} as events
        semi join repeated using (event_id)
        qualify row_number() over (
            partition by event_id order by received_at asc nulls last, {tie_sql("events")},
                loaded_at, file, line, position
        ) > 1
        """,
        fresh,
    )
    counted = warehouse.read(f"select load_id, count(*) as n from {COPIES} group by all")
    if counted.num_rows:
        warehouse.execute(
            f"delete from {EVENTS.name.sql} where (load_id, line, position) in "
            f"(select (load_id, line, position) from {COPIES})"
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
    return dict(zip(counted["load_id"].to_pylist(), counted["n"].to_pylist(), strict=True))


def _mark_suppressed(context: LoadContext) -> None:
    """Refuse every call that carries an identifier of a person who was erased."""
    warehouse = context.warehouse
    asked = " union ".join(
        f"select '{key.kind}' as kind, {key.columns[0]} as value from {CALLS} "
        f"where {key.columns[0]} is not null and code is null"
        for key in EVENTS.subjects
    )
    found = context.is_suppressed(warehouse.read(f"{asked} order by all"))
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


def _count(
    file: LandingFile,
    number: int,
    judged: Mapping[tuple[int, bool], int],
    copies: Mapping[str, int],
) -> FileCount:
    good, refused = judged.get((number, True), 0), judged.get((number, False), 0)
    dropped = copies.get(file.load_id, 0)
    return FileCount(file, good + refused, good - dropped, dropped, refused)
