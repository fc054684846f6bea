"""What is about to be sent: committed before the call, and read back for it.

A killed process leaves either nothing or an intent without an answer; the next run sends that batch
again under the same key.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass

from audiences.inventory import BATCHES, ROW_RESULTS
from audiences.sync.config import Sync
from audiences.sync.destinations.base import Batch, fingerprint_of
from audiences.sync.ledger import in_order
from warehouse import Warehouse, literal, quoted

ROW_COLUMNS = (
    "person_id, row_id, operation, cause, fingerprint, identifiers, previous_identifiers, traits"
)
_BATCH = "candor_sync_batch"


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be sent.

    Attributes:
        sync: The sync.
        run_id: The run that decided it.
        kind: delta or erasure.
        now: When, UTC.
        place: Where the destination is, by its fingerprint; None where its key alone tells.
    """

    sync: Sync
    run_id: str
    kind: str
    now: dt.datetime
    place: str | None = None


def write_intent(
    warehouse: Warehouse, intent: Intent, rows: str, values: Mapping[str, object]
) -> str | None:
    """Commit the intent to send these rows, and return the batch's id; None without rows.

    The id is made of the sync, the batch's number and contents, the run and the time: no two
    batches share one, not even where a restored backup counts and plans as it did before. A batch
    that is sent again goes under the id that was committed here.

    Args:
        warehouse: The engine.
        intent: Of which sync and run.
        rows: Query for person_id, row_id, operation, cause, fingerprint, identifiers,
            previous_identifiers, traits.
        values: Values bound in ``rows``.
    """
    warehouse.execute(
        f"create or replace temp table {_BATCH} as select {ROW_COLUMNS} from ({rows})", values
    )
    try:
        return _write_batch(warehouse, intent)
    finally:
        warehouse.execute(f"drop table if exists {_BATCH}")


def read_batch(
    warehouse: Warehouse, sync: Sync, batch_id: str, *, has_columns: bool = True
) -> Batch:
    """The batch as it was intended; reading it again gives the same rows in the same order.

    Args:
        warehouse: The engine.
        sync: The sync.
        batch_id: Which batch.
        has_columns: Whether the rows have the sync's columns beside the payload.
    """
    columns = sync.columns if has_columns else ()
    flat = "".join(f", {_from_json(column)}" for column in columns)
    rows = warehouse.read(
        f"""
        select row_id, operation, {_payload()} as payload{flat}
        from {ROW_RESULTS.name.sql}
        where batch_id = $batch_id
        order by {in_order()}, row_id
        """,
        {"batch_id": batch_id},
    )
    jobs = warehouse.scalar(
        f"select jobs from {BATCHES.name.sql} where batch_id = $batch_id", {"batch_id": batch_id}
    )
    started = json.loads(jobs) if jobs else {}
    return Batch(batch_id, sync.key, sync.audience, columns, rows, sync.target or "", started)


def _write_batch(warehouse: Warehouse, intent: Intent) -> str | None:
    """Commit the rows that are staged."""
    sync_key = intent.sync.key
    position = warehouse.scalar(
        f"select coalesce(max(position), -1) + 1 from {BATCHES.name.sql} where sync_key = $sync_key",
        {"sync_key": sync_key},
    )
    contents = warehouse.scalar(
        f"""
        select sum(hash(hash(
            person_id, operation, coalesce(fingerprint, identifiers), previous_identifiers
        ))) from {_BATCH}
        """
    )
    if contents is None:
        return None
    batch_id = _batch_id(intent, position, contents)
    with warehouse.transaction():
        warehouse.execute(
            f"""
            insert into {ROW_RESULTS.name.sql}
                (batch_id, sync_key, {ROW_COLUMNS}, status, recorded_at)
            select $batch_id, $sync_key, {ROW_COLUMNS}, 'pending', cast($now as timestamp)
            from {_BATCH}
            """,
            {"batch_id": batch_id, "sync_key": sync_key, "now": intent.now},
        )
        _write_batch_row(warehouse, intent, batch_id, position=position)
    return batch_id


def _write_batch_row(warehouse: Warehouse, intent: Intent, batch_id: str, *, position: int) -> None:
    row = {
        "batch_id": batch_id,
        "sync_key": intent.sync.key,
        "destination_key": intent.sync.destination,
        "run_id": intent.run_id,
        "kind": intent.kind,
        "position": position,
        "target": intent.sync.target,
        "place": intent.place,
        "created_at": intent.now,
    }
    named = ", ".join(f"${name} as {name}" for name in row)
    warehouse.execute(
        f"""
        insert into {BATCHES.name.sql} ({", ".join(row)}, rows, status, attempts)
        select {named}, (select count(*) from {_BATCH}), 'in_flight', 0
        """,
        row,
    )


def _batch_id(intent: Intent, position: int, contents: int) -> str:
    """A key that a receiver has never seen.

    By number and contents alone, a backup that was restored would give the removal of somebody the
    key of an earlier one of theirs, and a receiver that acts once on each key would keep them.
    """
    told = (intent.sync.key, position, str(contents), intent.run_id, intent.now.isoformat())
    return f"b_{fingerprint_of(*told)}"


def _payload() -> str:
    """A row as a JSON object in text, of parts that are JSON already."""
    # Ids of rows and operations are words of ours; to read and write the parts again took four
    # times as long.
    parts = ", ".join(
        f"',\"{name}\":', coalesce({name}, 'null')"
        for name in ("identifiers", "previous_identifiers", "traits")
    )
    head = """'{"id":"', row_id, '","operation":"', operation, '"'"""
    return f"concat({head}, {parts}, '}}')"


def _from_json(column: str) -> str:
    """One identifier or trait as text, under its own name."""
    pointer = literal("/" + column.replace("~", "~0").replace("/", "~1"))
    name = quoted(column)
    return (
        f"coalesce(json_extract_string(identifiers, {pointer}), "
        f"json_extract_string(traits, {pointer})) as {name}"
    )
