"""Ask again, right before a batch is sent, whether everyone in it may still be sent.

Everything here is SQL text over the tables of the warehouse; nothing is written, nothing is sent.
"""

from __future__ import annotations

from audiences.catalogue import Catalogue
from audiences.inventory import ROW_RESULTS
from audiences.sync import ledger, plan
from audiences.sync.config import Sync
from audiences.sync.gates import READY, WITHDRAWN, denied_sql, gate_sql
from audiences.sync.intents import ROW_COLUMNS

_NUMBERED = "number >= $first and number < $end"
_IN_BATCH = f"select person_id from {ROW_RESULTS.name.sql} where batch_id = $batch_id"


def planned_sql() -> str:
    """Query for the rows of the plan from ``$first`` up to ``$end``."""
    return f"select {ROW_COLUMNS} from {ledger.PLAN} where {_NUMBERED}"


def allowed_sql(sync: Sync, catalogue: Catalogue) -> str:
    """Those of :func:`planned_sql` that may still be sent as planned, by the gates of now."""
    among = f"select person_id from {ledger.PLAN} where {_NUMBERED}"
    return f"""
        select {ROW_COLUMNS}
        from {ledger.PLAN} as planned
        inner join ({gate_sql(sync, catalogue, among=among)}) as gates using (person_id)
        where (planned.operation = 'remove') = (gates.gate <> '{READY}')
    """


def withdrawn_sql(sync: Sync, catalogue: Catalogue) -> str:
    """Those of :func:`planned_sql` who have to go, as of now."""
    withdrawn = plan.withdrawals_sql(sync, catalogue)
    return f"{planned_sql()} and person_id in (select person_id from ({withdrawn}))"


def removals_sql(sync: Sync, catalogue: Catalogue) -> str:
    """Those of :func:`planned_sql` who may be removed, where rows cannot be written."""
    withdrawn = plan.withdrawals_sql(sync, catalogue)
    allowed = allowed_sql(sync, catalogue)
    return f"{allowed} or person_id in (select person_id from ({withdrawn}))"


def can_wait_sql(sync: Sync, catalogue: Catalogue) -> str:
    """Query: whether batch ``$batch_id`` puts somebody, and nobody in it has to go."""
    return f"""
        select bool_or(operation <> 'remove') and not bool_or(gate in {WITHDRAWN})
        from {ROW_RESULTS.name.sql}
        inner join ({gate_sql(sync, catalogue, among=_IN_BATCH)}) as gates using (person_id)
        where batch_id = $batch_id
    """


def still_allowed_sql(sync: Sync, catalogue: Catalogue) -> str:
    """Query: how many rows of batch ``$batch_id`` may still be sent as they were intended.

    Who was put is still there, and what is put of them holds nothing that was denied.
    """
    return f"""
        select count(*) from {ROW_RESULTS.name.sql} as results
        inner join ({gate_sql(sync, catalogue, among=_IN_BATCH)}) as gates using (person_id)
        where results.batch_id = $batch_id
            and (results.operation = 'remove') = (gates.gate <> '{READY}')
            and (results.operation = 'remove' or not exists (
                select 1 from ({denied_sql()}) as denied
                where denied.person_id = results.person_id
                    and contains(results.identifiers, denied.written)
            ))
    """
