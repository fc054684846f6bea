"""Requests of erasure that wait because a legal hold keeps their person's data.

So do those whose person stands in a row together with somebody who is held.

Their deadline runs on and warns. Nothing is deleted and nobody outside is told to delete; but every
purpose is denied, so that the person leaves audiences, destinations and profiling. Once the last
hold has ended, the next run takes the request up again from the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from privacy.closure import close_identities
from privacy.context import ErasureContext
from privacy.holds import Holds
from privacy.objections import ON_HOLD as RESTRICTED
from privacy.objections import attribute_objections, record_objections
from privacy.plan import KEY_SCHEMA, keys_of
from privacy.requests import SubjectRequest
from privacy.shared_rows import kept_by_holds
from privacy.steps import Case, Outcome, Step, StepLog

ON_HOLD = "on_hold"


def hold_back(
    context: ErasureContext,
    log: StepLog,
    cases: Sequence[Case],
    bodies: Mapping[str, SubjectRequest],
) -> list[Case]:
    """The cases that may go on; the others are put on hold.

    A case whose rows are gone already goes on: there is nothing left to keep.
    """
    holds = Holds.of(context)
    holds.end_expired()
    waiting = [case for case in cases if case.step.number < Step.ERASED.number]
    if not waiting or not holds.are_there():
        return list(cases)
    keys = _keys(context, waiting, bodies)
    against = kept_by_holds(context, keys)
    held = [case for case in waiting if case.subject_request_id in against]
    for case in held:
        _put_on_hold(context, log, case, against[case.subject_request_id], bodies)
    _deny_everything(context, held, keys)
    return [case for case in cases if case.subject_request_id not in against]


def _keys(
    context: ErasureContext, cases: Sequence[Case], bodies: Mapping[str, SubjectRequest]
) -> pa.Table:
    """What names the persons: their frozen plans, and what their bodies lead to today."""
    names = [case.subject_request_id for case in cases]
    plans = [context.plans.read(name) for name in names if context.plans.exists(name)]
    closure = close_identities(
        context.warehouse,
        [bodies[name] for name in names if name in bodies],
        tables=context.tables,
        customer_id_sources=context.customer_id_sources,
        default_region=context.default_region,
    )
    return pa.concat_tables([keys_of(plans), closure.keys.cast(KEY_SCHEMA)])


def _deny_everything(context: ErasureContext, held: Sequence[Case], keys: pa.Table) -> None:
    """Use the data for nothing else meanwhile: GDPR Article 18(2)."""
    warehouse = context.warehouse
    for regulation in sorted({case.regulation for case in held}):
        record_objections(
            warehouse,
            keys,
            kind=RESTRICTED,
            regulation=regulation,
            purposes=context.purposes,
            objected_at={
                case.subject_request_id: case.submitted_at
                for case in held
                if case.regulation == regulation
            },
            now=context.now,
        )
    if held:
        attribute_objections(warehouse)


def _put_on_hold(
    context: ErasureContext,
    log: StepLog,
    case: Case,
    reasons: Sequence[str],
    bodies: Mapping[str, SubjectRequest],
) -> None:
    """Take back what had begun: data of the person come in again, and are planned anew later.

    Where rows may have gone, as in an erasure that was killed, the plan alone still says whom to
    erase, so all stays as it is; it goes on from there.
    """
    name = case.subject_request_id
    has_begun = name not in bodies or context.plans.has_begun(name)
    back_to = Step.VERIFIED if context.plans.exists(name) and not has_begun else None
    with context.warehouse.transaction():
        if back_to:
            context.suppressions.forget([name])
        log.record(Step.PLANNED, Outcome({}, {name: reasons}, back_to, status=ON_HOLD))
    if back_to:
        context.plans.destroy([name])
