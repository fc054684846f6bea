"""Store judged calls: refuse, drop copies, keep the one received first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from ingestion import segment
from ingestion.accounting import FileCount
from ingestion.files import LandingFile, read_blocks
from ingestion.inventory import EVENTS, LOADS, QUARANTINE
from ingestion.segment import CALLS, FILES, LINE_COLUMNS
from warehouse import Warehouse, quoted

if TYPE_CHECKING:
    from ingestion.load import LoadContext

WINNERS = "candor_winners"
TALLY = "candor_tally"


def load_events(context: LoadContext, files: Sequence[LandingFile]) -> list[FileCount]:
    """Load files of Segment-spec calls inside the caller's transaction.

    Raises:
        UnreadableFileError: A file cannot be decompressed or read.
    """
    warehouse = context.warehouse
    warehouse.execute(
        f"create or replace temp table {TALLY} (file_no int, outcome varchar, n bigint)"
    )
    with warehouse.view(FILES, _files_table(files)):
        for block in read_blocks(files):
            with warehouse.view("candor_lines", block):
                warehouse.execute(segment.judged_calls_sql(), {"now": context.now})
            _mark_suppressed(context)
            _store(context)
        tally = warehouse.read(
            f"select file_no, outcome, sum(n)::bigint as n from {TALLY} group by all"
        ).to_pylist()
    counts = {(row["file_no"], row["outcome"]): row["n"] for row in tally}
    return [_count(file, number, counts) for number, file in enumerate(files)]


def _store(context: LoadContext) -> None:
    warehouse = context.warehouse
    _quarantine(warehouse)
    warehouse.execute(
        f"""
        create or replace temp table {WINNERS} as
        select calls.* from {CALLS} as calls
        left join {EVENTS.name.sql} as stored using (event_id)
        where calls.code is null
        qualify row_number() over (
            partition by event_id order by calls.received_at asc nulls last, calls.digest,
                calls.file_no, calls.line
        ) = 1
        and (stored.event_id is null or coalesce(calls.received_at < stored.received_at,
            calls.received_at is not null and stored.received_at is null))
        """
    )
    _tally(warehouse)
    _displace(warehouse)
    columns = ", ".join(quoted(name) for name in LINE_COLUMNS)
    warehouse.append(
        EVENTS.name,
        f"""
        select files.load_id, files.source, files.file, winners.line, {columns},
            $now::timestamp as loaded_at
        from {WINNERS} as winners inner join {FILES} as files using (file_no)
        """,
        {"now": context.now},
    )


def _quarantine(warehouse: Warehouse) -> None:
    reasons = " ".join(f"when '{code}' then '{why}'" for code, why in _escaped_reasons())
    warehouse.append(
        QUARANTINE.name,
        f"""
        select files.load_id, files.source, files.file, calls.line, calls.code,
            case calls.code {reasons} end as reason
        from {CALLS} as calls inner join {FILES} as files using (file_no)
        where calls.code is not null
        """,
    )


def _escaped_reasons() -> list[tuple[str, str]]:
    return [(code, why.replace("'", "''")) for code, why in segment.REASONS.items()]


def _tally(warehouse: Warehouse) -> None:
    warehouse.execute(
        f"""
        insert into {TALLY}
        select file_no, outcome, count(*) from (
            select calls.file_no, case when calls.code is not null then 'quarantined'
                when winners.line is not null then 'loaded' else 'deduplicated' end as outcome
            from {CALLS} as calls left join {WINNERS} as winners using (file_no, line)
        ) group by all
        """
    )


def _displace(warehouse: Warehouse) -> None:
    """Take away stored copies that were received later; their loads count them as duplicates."""
    displaced = f"{EVENTS.name.sql} as events semi join {WINNERS} as winners using (event_id)"
    if not warehouse.scalar(f"select count(*) from {displaced}"):
        return
    warehouse.execute(
        f"""
        update {LOADS.name.sql} as loads
        set rows_loaded = loads.rows_loaded - lost.n,
            rows_deduplicated = loads.rows_deduplicated + lost.n
        from (select load_id, count(*) as n from {displaced} group by load_id) as lost
        where loads.load_id = lost.load_id
        """
    )
    # A load of this very transaction is not in the table yet: its tally is put right instead.
    warehouse.execute(
        f"""
        insert into {TALLY}
        select files.file_no, outcome, sign * count(*)
        from {displaced} inner join {FILES} as files using (load_id),
            (values ('loaded', -1), ('deduplicated', 1)) as moves (outcome, sign)
        group by all
        """
    )
    warehouse.execute(
        f"delete from {EVENTS.name.sql} where event_id in (select event_id from {WINNERS})"
    )


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


def _files_table(files: Sequence[LandingFile]) -> pa.Table:
    return pa.table(
        {
            "file_no": pa.array(range(len(files)), pa.int32()),
            "load_id": [file.load_id for file in files],
            "source": [file.source for file in files],
            "file": [file.name for file in files],
            "modified_at": pa.array([file.modified_at for file in files], pa.timestamp("us")),
        }
    )


def _count(file: LandingFile, number: int, counts: dict[tuple[int, str], int]) -> FileCount:
    loaded = counts.get((number, "loaded"), 0)
    deduplicated = counts.get((number, "deduplicated"), 0)
    quarantined = counts.get((number, "quarantined"), 0)
    return FileCount(file, loaded + deduplicated + quarantined, loaded, deduplicated, quarantined)
