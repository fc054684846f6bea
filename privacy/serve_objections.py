"""Carry out objections, opt-outs and their withdrawals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from privacy.closure import Closure, close_identities, named_identities
from privacy.config import PROFILING, ConsentConfig, Objection
from privacy.context import ErasureContext
from privacy.hashed_objections import LASTING, HashedObjections
from privacy.holds import Holds
from privacy.objections import attribute_objections, record_objections, withdraw_objections
from privacy.plan import KEY_SCHEMA, distinct_keys
from privacy.requests import SubjectRequest
from privacy.steps import LOST_BODY, Case, Outcome, Step, StepLog
from warehouse import Location

WITHDRAWN = "objection_withdrawn"
TYPES = (*(str(kind) for kind in Objection if kind is not Objection.GPC), WITHDRAWN)
NOBODY = (
    "nobody is known here by what it names: it is carried out once somebody is; or ask for another "
    "identifier and send it anew"
)


@dataclass(frozen=True, slots=True)
class ObjectionReport:
    """What became of the requests.

    Attributes:
        served: Ids of the requests that this pass carried out.
        blocked: Every reason of each request that is blocked, by id.
    """

    served: tuple[str, ...]
    blocked: Mapping[str, Sequence[str]]


def serve_objections(
    requests: Sequence[SubjectRequest],
    context: ErasureContext,
    config: ConsentConfig,
    *,
    profiles: Sequence[Location],
    only: Collection[str] = (),
) -> ObjectionReport:
    """Deny the purposes that waiting requests object to, or end what they withdraw.

    Nobody need approve them: CCPA regulations section 7026(d) asks for no verification.

    Args:
        requests: Every request whose body is still there.
        context: What to work with.
        config: Which purposes each kind denies.
        profiles: Where features, scores and personas lie; who objects to profiling leaves them.
        only: Ids of the new requests to begin; none for all.
    """
    log = StepLog(context.warehouse, context.moment, context.run_id)
    bodies = {item.request_id: item for item in requests if item.subject_request_type in TYPES}
    log.receive([item for item in bodies.values() if not only or item.request_id in only])
    cases = log.open_cases(*TYPES)
    lost = [case.subject_request_id for case in cases if case.subject_request_id not in bodies]
    log.record(Step.PLANNED, Outcome({}, {name: [LOST_BODY] for name in lost}))
    due = [case for case in cases if case.subject_request_id in bodies]
    served = tuple(
        case.subject_request_id
        for case in sorted(due, key=lambda case: case.submitted_at)
        if _serve(context, config, log, case, bodies[case.subject_request_id], profiles)
    )
    HashedObjections.of(context).match(config)
    if served:
        attribute_objections(context.warehouse)
    for place in context.request_places:
        with suppress(OSError):  # a file that cannot be written now is settled by a later run
            place.settle(served)
    return ObjectionReport(served, log.blocked(*TYPES))


def _serve(
    context: ErasureContext,
    config: ConsentConfig,
    log: StepLog,
    case: Case,
    request: SubjectRequest,
    profiles: Sequence[Location],
) -> bool:
    """Carry one out; False where it is blocked, because nobody is meant for sure."""
    context.progress(f"objection: {case.subject_request_id}")
    closure = _closure(context, request)
    keys = closure.keys
    if request.subject_request_type == WITHDRAWN:
        return _withdraw(context, log, case, request, closure)
    kept = HashedObjections.of(context).keep(request)
    if not keys.num_rows and not kept:
        return _block(log, case, closure)
    purposes = config.denied_by(case.regulation, Objection(request.subject_request_type))
    record_objections(
        context.warehouse, keys, kind=request.subject_request_type, regulation=case.regulation,
        purposes=purposes, objected_at={case.subject_request_id: case.submitted_at},
        now=context.now,
    )  # fmt: skip
    if PROFILING in purposes:
        theirs = _not_held(context, distinct_keys(keys))
        for place in profiles:
            place.erase(theirs)
    return _complete(log, case, keys, kept, purposes)


def _withdraw(
    context: ErasureContext, log: StepLog, case: Case, request: SubjectRequest, closure: Closure
) -> bool:
    """End what is withdrawn and record it, or neither: what has gone is not found a second time."""
    with context.warehouse.transaction():
        ended = HashedObjections.of(context).forget(request)
        if not closure.keys.num_rows and not ended:
            return _block(log, case, closure)
        keys = distinct_keys(closure.keys)
        withdraw_objections(
            context.warehouse, keys, withdrawn_at=case.submitted_at, now=context.now
        )
        return _complete(log, case, closure.keys, ended, ())


def _block(log: StepLog, case: Case, closure: Closure) -> bool:
    reasons = closure.unclear.get(case.subject_request_id, (NOBODY,))
    log.record(Step.PLANNED, Outcome({}, {case.subject_request_id: reasons}))
    return False


def _complete(
    log: StepLog, case: Case, keys: pa.Table, hashes: int, purposes: Sequence[str]
) -> bool:
    details: Mapping[Step, Mapping[str, object]] = {
        Step.ACKNOWLEDGED: {"due_at": case.due_at.isoformat()},
        Step.PLANNED: {"identifiers": keys.num_rows, "hashes_kept": hashes},
        Step.COMPLETED: {"denied": list(purposes)},
    }
    for step, detail in details.items():
        log.record(step, Outcome({case.subject_request_id: detail}, {}))
    return True


def _not_held(context: ErasureContext, keys: pa.Table) -> pa.Table:
    """The keys of persons whom no legal hold keeps; what was computed of the others stays."""
    held = Holds.of(context).held_keys().select(["kind", "value"])
    return keys.join(held, ["kind", "value"], join_type="left anti")


def _closure(context: ErasureContext, request: SubjectRequest) -> Closure:
    """All keys of the person; of an objection also what was given, whoever holds it too.

    To deny a purpose for one person too many does no harm, as erasing one would. A withdrawal ends
    nobody else's objection, so what others hold as well is left out of it.
    """
    closure = close_identities(
        context.warehouse,
        [request],
        tables=context.tables,
        customer_id_sources=context.customer_id_sources,
        default_region=context.default_region,
    )
    found = closure.keys.cast(KEY_SCHEMA)
    if request.request_id in closure.unclear:
        found = found.filter(pc.scalar(False))  # noqa: FBT003 - nobody in particular
    if request.subject_request_type != WITHDRAWN:
        found = pa.concat_tables([found, _given(context, request)])
    return replace(closure, keys=found.group_by(KEY_SCHEMA.names).aggregate([]))


def _given(context: ErasureContext, request: SubjectRequest) -> pa.Table:
    named = named_identities(
        context.warehouse,
        [request],
        tables=context.tables,
        default_region=context.default_region,
    )
    lasting = pc.is_in(named["kind"], pa.array(LASTING))
    return named.filter(lasting).cast(KEY_SCHEMA)
