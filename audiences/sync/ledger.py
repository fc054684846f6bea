"""The memory of what was sent: what was answered to each batch, and what a destination holds.

It moves on an answer alone.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

from audiences.inventory import BATCHES, LEDGER, ROW_RESULTS
from audiences.sync.destinations.base import Delivery, Destination, bare_place_of, place_of
from audiences.sync.identities import each_sql, held_sql, listed_sql
from warehouse import Warehouse

PLAN = "candor_sync_plan"
_AFTER = "candor_sync_after"
DELTA = "delta"
ERASURE = "erasure"
# In place of a fingerprint: the person is there, and due, whatever is to be sent.
REFUSED_CHANGE = "refused"


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


def places_here(warehouse: Warehouse, sync_key: str, destination: Destination) -> list[str] | None:
    """Every name that the place of a destination has in a sync's batches; None where none tells.

    The first label that an account gets names where the sync is already; another one is a move.
    """
    place, bare = place_of(destination), bare_place_of(destination)
    if place is None or bare is None:
        return None if place is None else [place]
    named = warehouse.scalar(
        f"""
        with ours as (
            select place, position from {BATCHES.name.sql}
            where sync_key = $sync_key and kind = '{DELTA}' and status <> 'refused'
        )
        select min_by(place, position) from ours
        where place <> $bare and position > (select max(position) from ours where place = $bare)
        """,
        {"sync_key": sync_key, "bare": bare},
    )
    return [place, bare] if named in {None, place} else [place]


def in_order() -> str:
    """Expressions to sort rows by: what is taken away goes before what is put."""
    kind = "case operation when 'add' then 2 when 'change' then 1 else 0 end"
    return f"operation in ('add', 'change'), previous_identifiers is null, {kind}"


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


def record_attempt(
    warehouse: Warehouse,
    batch_id: str,
    *,
    attempts: int,
    code: str | None,
    jobs: Mapping[str, str] | None = None,
) -> None:
    """Note that a batch was handed over and why it is still without an answer, if it is.

    Args:
        warehouse: The engine.
        batch_id: The batch.
        attempts: How often it was made now.
        code: Why it is without an answer, or was refused.
        jobs: Jobs that it started and that the next run asks about.
    """
    warehouse.execute(
        f"""
        update {BATCHES.name.sql} set attempts = attempts + $attempts, code = $code, jobs = $jobs
        where batch_id = $batch_id
        """,
        {
            "batch_id": batch_id,
            "attempts": attempts,
            "code": code,
            "jobs": json.dumps(jobs) if jobs else None,
        },
    )


def record_delivery(
    warehouse: Warehouse, batch_id: str, delivery: Delivery, *, now: dt.datetime
) -> None:
    """Let the ledger follow an answer, row by row."""
    with warehouse.transaction():
        _mark_all(warehouse, batch_id, "acknowledged", now=now)
        _mark(warehouse, batch_id, "voided", delivery.doubtful)
        _mark(warehouse, batch_id, "rejected", delivery.rejected)
        record_attempt(warehouse, batch_id, attempts=delivery.attempts, code=None)
        _finish(warehouse, batch_id, "acknowledged", delivery.answer, now=now)
        _advance(warehouse, batch_id, now=now)


def record_refusal(warehouse: Warehouse, batch_id: str, code: str, *, now: dt.datetime) -> None:
    """Note that a whole batch was refused; its rows are due again in the next run."""
    with warehouse.transaction():
        _mark_all(warehouse, batch_id, "refused", code, now=now)
        record_attempt(warehouse, batch_id, attempts=1, code=code)
        _finish(warehouse, batch_id, "refused", now=now)
        _advance(warehouse, batch_id, now=now)


def refusal_of_all(warehouse: Warehouse, batch_ids: Sequence[str]) -> str | None:
    """Why the last of these batches was refused; None unless each was refused as a whole."""
    code = warehouse.scalar(
        f"""
        select case when bool_and(status = 'refused') then max_by(code, position) end
        from {BATCHES.name.sql} where list_contains($batch_ids::varchar[], batch_id)
        """,
        {"batch_ids": list(batch_ids)},
    )
    return None if code is None else str(code)


def leave_to_next_run(warehouse: Warehouse, batch_ids: Sequence[str]) -> None:
    """Take out of ``candor_sync_plan`` who was refused in one of these batches, sent in this run.

    A removal after a refused addition stays, and so does what takes away other identifiers.
    """
    refused = ("rejected", "refused")
    if not any(status in refused for _, status in batch_facts(warehouse, batch_ids)):
        return
    warehouse.execute(
        f"""
        create or replace temp table {PLAN} as
        select planned.* replace (row_number() over (order by number) - 1 as number)
        from {PLAN} as planned
        where not exists (
            select 1 from {ROW_RESULTS.name.sql} as results
            where list_contains($batch_ids::varchar[], results.batch_id)
                and results.status in {refused}
                and results.person_id = planned.person_id
                and (results.operation = 'remove') = (planned.operation = 'remove')
                and results.previous_identifiers is not distinct from planned.previous_identifiers
        )
        """,
        {"batch_ids": list(batch_ids)},
    )


def void(warehouse: Warehouse, batch_id: str, *, now: dt.datetime) -> None:
    """Give up a batch without an answer, because somebody in it may no longer be sent.

    Nobody knows whether it arrived, so the ledger says that the destination may hold its
    persons: the next plan removes who must go and adds the others again.
    """
    with warehouse.transaction():
        _mark_all(warehouse, batch_id, "voided", now=now)
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


def _advance(warehouse: Warehouse, batch_id: str, *, now: dt.datetime) -> None:
    """Bring the ledger rows of a batch's persons up to its results."""
    columns = ", ".join(column.name for column in LEDGER.columns)
    warehouse.execute(
        f"create or replace temp table {_AFTER} as {_LEDGER_AFTER}",
        {"batch_id": batch_id, "now": now},
    )
    warehouse.execute(
        f"""
        delete from {LEDGER.name.sql}
        where (sync_key, person_id) in (select sync_key, person_id from {_AFTER})
        """
    )
    warehouse.execute(f"insert into {LEDGER.name.sql} ({columns}) select {columns} from {_AFTER}")
    _doubt_shared(warehouse)
    warehouse.execute(f"drop table {_AFTER}")


def _doubt_shared(warehouse: Warehouse) -> None:
    """Note that whoever has identifiers that a batch took away may have gone with them: due again.

    A destination may know people by their identifiers alone. Whom the batch itself put is there: all
    that is to go is taken away before anybody is put.
    """
    # All rows of a sync are looked through, which the batches that take nothing away can be spared.
    if not warehouse.scalar(f"select bool_or(len(taken) > 0) from {_AFTER}"):
        return
    warehouse.execute(
        f"""
        update {LEDGER.name.sql}
        set status = 'unknown', fingerprint = null, reason = 'identifiers removed with another'
        where (sync_key, person_id) in (
            select (sync_key, person_id) from (
                select sync_key, person_id, unnest({each_sql("identifiers")}) as identifier
                from {LEDGER.name.sql}
                where is_present and fingerprint is not null
                    and sync_key in (select sync_key from {_AFTER})
                    and (sync_key, person_id) not in (select (sync_key, person_id) from {_AFTER})
            )
            where (sync_key, identifier) in (
                select (sync_key, unnest(taken)) from {_AFTER}
            )
        )
        """
    )


# What each status and operation make of a ledger row. A rejected or refused row leaves what was
# acknowledged as it was, but for the fingerprint of who is to be there: they may be due for what happened
# to another, which the next plan could not tell. Of a batch that was refused as a whole nobody was touched:
# whom it would have changed is changed again; whose change was rejected by itself may not be there, and is
# put anew. A voided row may or may not have arrived: what was sent before it may be there still, until an
# answer says that it was taken away. A batch takes away one of these beside the last; others are left for
# the next plan. ``taken`` are perhaps gone; a row that was rejected may have lost the previous ones first.
_LEDGER_AFTER = f"""
    with results as (
        select results.*, batches.destination_key,
            results.status = 'acknowledged' and operation in ('add', 'change') as is_put,
            results.status = 'acknowledged' and operation in ('remove', 'erase') as is_taken,
            results.status = 'voided' and operation <> 'erase' as is_doubtful
        from {ROW_RESULTS.name.sql} as results
        inner join {BATCHES.name.sql} as batches using (batch_id)
        where results.batch_id = $batch_id
    ),
    known as (
        select results.*, ledger.fingerprint as sent_fingerprint, ledger.status as sent_status,
            coalesce(ledger.identifiers, results.identifiers) as sent_identifiers,
            coalesce(ledger.is_present, false) as was_present, ledger.acknowledged_at,
            case when is_put or is_taken then [results.identifiers, results.previous_identifiers]
                when is_doubtful then [results.identifiers]
                else [ledger.identifiers] end as resolved,
            list_filter(
                {held_sql("ledger.earlier_identifiers", "ledger.identifiers", "was_present")},
                lambda one: not list_contains(resolved, one)
            ) as earlier
        from results
        left join {LEDGER.name.sql} as ledger using (sync_key, person_id)
    ),
    followed as (
        select *, is_taken and len(earlier) = 0 as is_gone,
            (is_put or is_taken) and len(earlier) > 0 as is_partly
        from known
    )
    select sync_key, destination_key, person_id, row_id,
        case
            when is_put and not is_partly then fingerprint
            when operation in ('remove', 'erase') and not is_taken and status <> 'voided'
                then sent_fingerprint
            when operation = 'change' and status = 'refused' and sent_fingerprint is not null
                then '{REFUSED_CHANGE}'
        end as fingerprint,
        case when is_taken and is_partly then earlier[1]
            when is_put or is_doubtful then identifiers
            else sent_identifiers end as identifiers,
        case
            when is_partly then 'unknown'
            when is_put then 'acknowledged'
            when is_gone then 'removed'
            when is_doubtful then 'unknown'
            when status = 'voided' then sent_status
            else 'rejected'
        end as status,
        case when is_put or is_doubtful then true
            when is_gone then false
            else was_present end as is_present,
        {listed_sql("case when is_taken then earlier[2:] else earlier end")} as earlier_identifiers,
        batch_id,
        case when is_put or is_gone then cast($now as timestamp)
            else acknowledged_at end as acknowledged_at,
        case when is_partly then 'earlier identifiers may be there'
            when is_gone then cause
            else reason end as reason,
        list_filter(
            case when operation in ('remove', 'erase') and (is_taken or status = 'voided')
                then {each_sql("identifiers")} else [] end
            || case when status <> 'refused' and previous_identifiers is not null
                then {each_sql("previous_identifiers")} else [] end,
            lambda one: one is not null
        ) as taken
    from followed
"""


def _mark_all(
    warehouse: Warehouse, batch_id: str, status: str, reason: str | None = None, *, now: dt.datetime
) -> None:
    """Give every row of a batch the same status."""
    warehouse.execute(
        f"""
        update {ROW_RESULTS.name.sql}
        set status = $status, reason = $reason, recorded_at = cast($now as timestamp)
        where batch_id = $batch_id
        """,
        {"batch_id": batch_id, "status": status, "reason": reason, "now": now},
    )


def _mark(warehouse: Warehouse, batch_id: str, status: str, listed: pa.Table) -> None:
    """Give some rows of a batch a status, each with its reason."""
    if not listed.num_rows:
        return
    with warehouse.view("candor_listed", listed):
        warehouse.execute(
            f"""
            update {ROW_RESULTS.name.sql} as results
            set status = $status, reason = listed.reason
            from candor_listed as listed
            where results.batch_id = $batch_id and results.row_id = listed.row_id
            """,
            {"batch_id": batch_id, "status": status},
        )


def _finish(
    warehouse: Warehouse, batch_id: str, status: str, answer: str | None = None, *, now: dt.datetime
) -> None:
    warehouse.execute(
        f"""
        update {BATCHES.name.sql}
        set status = $status, answer = $answer, jobs = null, finished_at = cast($now as timestamp)
        where batch_id = $batch_id
        """,
        {"batch_id": batch_id, "status": status, "answer": answer, "now": now},
    )


def answers(warehouse: Warehouse, batch_ids: Sequence[str]) -> dict[str, str | None]:
    """What the service said to each of these batches, by batch."""
    rows = warehouse.read(
        f"select batch_id, answer from {BATCHES.name.sql} "
        "where list_contains($batch_ids::varchar[], batch_id)",
        {"batch_ids": list(batch_ids)},
    ).to_pylist()
    return {row["batch_id"]: row["answer"] for row in rows}


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
