"""The memory of what was sent: intents before the call, acknowledgements after it.

An intent is committed before its request is made, so a killed process leaves either nothing or
an intent without an answer; the next run sends that batch again under the same key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from audiences.inventory import BATCHES, LEDGER, ROW_RESULTS
from audiences.sync.config import Sync
from audiences.sync.destinations.base import Batch, Delivery, fingerprint_of
from warehouse import Warehouse, literal, quoted

PLAN = "candor_sync_plan"
_BATCH = "candor_sync_batch"
DELTA = "delta"
ERASURE = "erasure"


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
    warehouse.execute(f"create or replace temp table {_BATCH} as {rows}", values)
    try:
        return _write_batch(warehouse, intent)
    finally:
        warehouse.execute(f"drop table if exists {_BATCH}")


def _write_batch(warehouse: Warehouse, intent: Intent) -> str | None:
    """Commit the rows that are staged."""
    position = warehouse.scalar(
        f"select coalesce(max(position), -1) + 1 from {BATCHES.name.sql} where sync_key = $sync_key",
        {"sync_key": intent.sync.key},
    )
    contents = warehouse.scalar(
        f"""
        select sha256(string_agg(
            cast(json_array(
                person_id, operation, fingerprint, identifiers, previous_identifiers
            ) as varchar),
            ',' order by person_id
        )) from {_BATCH}
        """
    )
    if contents is None:
        return None
    batch_id = _batch_id(intent, position, contents)
    with warehouse.transaction():
        count = warehouse.append(
            ROW_RESULTS.name,
            f"""
            select '{batch_id}' as batch_id, $sync_key as sync_key, rows.*, 'pending' as status,
                cast($now as timestamp) as recorded_at
            from {_BATCH} as rows
            """,
            {"sync_key": intent.sync.key, "now": intent.now},
        )
        warehouse.append(BATCHES.name, _batch_row(intent, batch_id, position=position, count=count))
    return batch_id


def last_target(warehouse: Warehouse, sync_key: str) -> str | None:
    """What those whom the destination may hold were put into; None where nobody is held."""
    holds = warehouse.scalar(
        f"select count(*) from {LEDGER.name.sql} where sync_key = $sync_key and is_present",
        {"sync_key": sync_key},
    )
    return target_ever(warehouse, sync_key) if holds else None


def target_ever(warehouse: Warehouse, sync_key: str) -> str | None:
    """What a sync last put its members into; None where nothing was named."""
    target = warehouse.scalar(
        f"select max_by(target, position) from {BATCHES.name.sql} where sync_key = $sync_key",
        {"sync_key": sync_key},
    )
    return None if target is None else str(target)


def last_place(warehouse: Warehouse, sync_key: str) -> str | None:
    """Where those are whom the destination may hold; None where nobody is held or nobody knows."""
    place = warehouse.scalar(
        f"""
        select max_by(place, position) from {BATCHES.name.sql}
        where sync_key = $sync_key and kind = '{DELTA}' and status <> 'refused'
            and sync_key in (select sync_key from {LEDGER.name.sql} where is_present)
        """,
        {"sync_key": sync_key},
    )
    return None if place is None else str(place)


def in_order() -> str:
    """Expression to sort rows by: what is taken away goes before what is put."""
    return "case operation when 'add' then 2 when 'change' then 1 else 0 end"


def in_flight(warehouse: Warehouse, sync_key: str, *, kind: str = DELTA) -> list[str]:
    """Batches without an answer, oldest first."""
    rows = warehouse.read(
        f"""
        select batch_id from {BATCHES.name.sql}
        where sync_key = $sync_key and status = 'in_flight' and kind = $kind
        order by position
        """,
        {"sync_key": sync_key, "kind": kind},
    )
    return list(rows["batch_id"].to_pylist())


def read_batch(warehouse: Warehouse, sync: Sync, batch_id: str) -> Batch:
    """The batch as it was intended; reading it again gives the same rows in the same order."""
    flat = "".join(f", {_from_json(column)}" for column in sync.columns)
    rows = warehouse.read(
        f"""
        select row_id, operation,
            cast(json_object(
                'id', row_id, 'operation', operation,
                'identifiers', cast(identifiers as json),
                'previous_identifiers', cast(previous_identifiers as json),
                'traits', cast(traits as json)
            ) as varchar) as payload{flat}
        from {ROW_RESULTS.name.sql}
        where batch_id = $batch_id
        order by {in_order()}, row_id
        """,
        {"batch_id": batch_id},
    )
    return Batch(batch_id, sync.key, sync.audience, sync.columns, rows, sync.target or "")


def record_attempt(warehouse: Warehouse, batch_id: str, *, attempts: int, code: str | None) -> None:
    """Note that a batch was handed over and why it is still without an answer, if it is."""
    warehouse.execute(
        f"""
        update {BATCHES.name.sql} set attempts = attempts + $attempts, code = $code
        where batch_id = $batch_id
        """,
        {"batch_id": batch_id, "attempts": attempts, "code": code},
    )


def record_delivery(
    warehouse: Warehouse, batch_id: str, delivery: Delivery, *, now: dt.datetime
) -> None:
    """Let the ledger follow an answer, row by row."""
    with (
        warehouse.transaction(),
        warehouse.view("candor_rejected", delivery.rejected),
        warehouse.view("candor_doubtful", delivery.doubtful),
    ):
        _mark_rows(
            warehouse,
            batch_id,
            """
            case
                when rejected.row_id is not null then 'rejected'
                when doubtful.row_id is not null then 'voided'
                else 'acknowledged'
            end as status,
            coalesce(rejected.reason, doubtful.reason) as reason
            """,
            """
            left join candor_rejected as rejected using (row_id)
            left join candor_doubtful as doubtful using (row_id)
            """,
            now=now,
        )
        record_attempt(warehouse, batch_id, attempts=delivery.attempts, code=None)
        _finish(warehouse, batch_id, "acknowledged", now=now)
        _advance(warehouse, batch_id, now=now)


def record_refusal(warehouse: Warehouse, batch_id: str, code: str, *, now: dt.datetime) -> None:
    """Note that a whole batch was refused; its rows are due again in the next run."""
    reason = f"{literal(code)} as reason"
    with warehouse.transaction():
        _mark_rows(warehouse, batch_id, f"'refused' as status, {reason}", "", now=now)
        record_attempt(warehouse, batch_id, attempts=1, code=code)
        _finish(warehouse, batch_id, "refused", now=now)
        _advance(warehouse, batch_id, now=now)


def void(warehouse: Warehouse, batch_id: str, *, now: dt.datetime) -> None:
    """Give up a batch without an answer, because somebody in it may no longer be sent.

    Nobody knows whether it arrived, so the ledger says that the destination may hold its
    persons: the next plan removes who must go and adds the others again.
    """
    with warehouse.transaction():
        _mark_rows(warehouse, batch_id, "'voided' as status, null as reason", "", now=now)
        _finish(warehouse, batch_id, "voided", now=now)
        _advance(warehouse, batch_id, now=now)


def forget_all(warehouse: Warehouse, sync_key: str) -> None:
    """Note that a destination lost what it had: everyone is due again."""
    warehouse.execute(
        f"""
        update {LEDGER.name.sql}
        set status = 'unknown', fingerprint = null, reason = 'destination lost its state'
        where sync_key = $sync_key and is_present
        """,
        {"sync_key": sync_key},
    )


def doubt_shared(warehouse: Warehouse, sync_key: str) -> None:
    """Note that whoever has the identifiers of a planned removal may go with it: due again.

    A destination may know people by their identifiers alone.
    """
    warehouse.execute(
        f"""
        update {LEDGER.name.sql}
        set status = 'unknown', fingerprint = null, reason = 'identifiers removed with another'
        where sync_key = $sync_key and is_present
            and person_id not in (select person_id from {PLAN})
            and identifiers in (select identifiers from {PLAN})
        """,
        {"sync_key": sync_key},
    )


def _advance(warehouse: Warehouse, batch_id: str, *, now: dt.datetime) -> None:
    """Bring the ledger rows of a batch's persons up to its results."""
    warehouse.replace_where(
        LEDGER.name,
        f"""
        (sync_key, person_id) in (
            select sync_key, person_id from {ROW_RESULTS.name.sql} where batch_id = $batch_id
        )
        """,
        _LEDGER_AFTER,
        {"batch_id": batch_id, "now": now},
    )


# What each status and operation make of a ledger row. A rejected or refused row leaves the
# acknowledged state as it was; a voided addition may or may not have arrived.
_LEDGER_AFTER = f"""
    with results as (
        select results.*, batches.destination_key,
            results.status = 'acknowledged' and operation in ('add', 'change') as is_put,
            results.status = 'acknowledged' and operation in ('remove', 'erase') as is_taken,
            results.status = 'voided' and operation in ('add', 'change') as is_doubtful
        from {ROW_RESULTS.name.sql} as results
        inner join {BATCHES.name.sql} as batches using (batch_id)
        where results.batch_id = $batch_id
    )
    select results.sync_key, results.destination_key, results.person_id, results.row_id,
        case
            when is_put then results.fingerprint
            when is_taken or is_doubtful then null
            else ledger.fingerprint
        end as fingerprint,
        case when is_put or is_doubtful then results.identifiers
            else coalesce(ledger.identifiers, results.identifiers) end as identifiers,
        case
            when is_put then 'acknowledged'
            when is_taken then 'removed'
            when is_doubtful then 'unknown'
            when results.status = 'voided' then ledger.status
            else 'rejected'
        end as status,
        case
            when is_put or is_doubtful then true
            when is_taken then false
            else coalesce(ledger.is_present, false)
        end as is_present,
        results.batch_id,
        case when is_put or is_taken then cast($now as timestamp)
            else ledger.acknowledged_at end as acknowledged_at,
        case when is_taken then results.cause else results.reason end as reason
    from results
    left join {LEDGER.name.sql} as ledger using (sync_key, person_id)
"""


def _mark_rows(
    warehouse: Warehouse, batch_id: str, outcome: str, join: str, *, now: dt.datetime
) -> None:
    kept = ", ".join(
        f"results.{column.name}"
        for column in ROW_RESULTS.columns
        if column.name not in {"status", "reason", "recorded_at"}
    )
    warehouse.replace_where(
        ROW_RESULTS.name,
        "batch_id = $batch_id",
        f"""
        select {kept}, {outcome}, cast($now as timestamp) as recorded_at
        from {ROW_RESULTS.name.sql} as results {join}
        where batch_id = $batch_id
        """,
        {"batch_id": batch_id, "now": now},
    )


def _finish(warehouse: Warehouse, batch_id: str, status: str, *, now: dt.datetime) -> None:
    warehouse.execute(
        f"""
        update {BATCHES.name.sql} set status = $status, finished_at = cast($now as timestamp)
        where batch_id = $batch_id
        """,
        {"batch_id": batch_id, "status": status, "now": now},
    )


def _batch_id(intent: Intent, position: int, contents: str) -> str:
    """A key that a receiver has never seen.

    By number and contents alone, a backup that was restored would give the removal of somebody the
    key of an earlier one of theirs, and a receiver that acts once on each key would keep them.
    """
    told = (intent.sync.key, position, contents, intent.run_id, intent.now.isoformat())
    return f"b_{fingerprint_of(*told)}"


def _batch_row(intent: Intent, batch_id: str, *, position: int, count: int) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "batch_id": batch_id,
                "sync_key": intent.sync.key,
                "destination_key": intent.sync.destination,
                "run_id": intent.run_id,
                "kind": intent.kind,
                "position": position,
                "target": intent.sync.target,
                "place": intent.place,
                "rows": count,
                "status": "in_flight",
                "attempts": 0,
                "created_at": intent.now,
            }
        ]
    )


def _from_json(column: str) -> str:
    """One identifier or trait as text, under its own name."""
    pointer = literal("/" + column.replace("~", "~0").replace("/", "~1"))
    name = quoted(column)
    return (
        f"coalesce(json_extract_string(identifiers, {pointer}), "
        f"json_extract_string(traits, {pointer})) as {name}"
    )


def batch_facts(warehouse: Warehouse, batch_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """Count the rows of these batches by operation and status."""
    rows = warehouse.read(
        f"""
        select operation, status, count(*) as count from {ROW_RESULTS.name.sql}
        where list_contains($batch_ids::varchar[], batch_id)
        group by operation, status
        """,
        {"batch_ids": list(batch_ids)},
    )
    return {(row["operation"], row["status"]): row["count"] for row in rows.to_pylist()}
