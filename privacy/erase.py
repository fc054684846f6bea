"""Erase people everywhere, in steps that survive a kill, and prove it.

The order matters: suppress first, so that nothing of the persons comes back meanwhile; tell the
destinations while it is known what they hold; erase; compact; search; and only then destroy the
plan. What cannot be done completely is blocked with every reason, never completed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from privacy.access import awaiting_access
from privacy.backups import ERASURE_LOG
from privacy.bytescan import ByteScanner
from privacy.classification import write_inventory
from privacy.context import ErasureContext
from privacy.errors import MissingPlanError
from privacy.handling import unapproved
from privacy.needles import Needles
from privacy.neighbours import needles_among_neighbours
from privacy.objections import forget_objections
from privacy.on_hold import ON_HOLD, hold_back
from privacy.plan import ErasurePlan, distinct_keys, keys_of
from privacy.plan_requests import plan_erasure
from privacy.proof import issue_receipts
from privacy.receipt import Receipt, read_receipts
from privacy.requests import SubjectRequest
from privacy.scan_files import FileScanner, files_below
from privacy.signing import signing_key_of
from privacy.steps import LOST_BODY, Case, Outcome, Step, StepLog, advanced
from privacy.telling import tell_destinations
from privacy.verify import ScanReport, scan_home
from warehouse import Location

ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What became of the requests.

    Attributes:
        receipts: Of the requests that this pass completed.
        blocked: Every reason of each request that is blocked, by id.
        on_hold: The legal holds of each request that waits for their end, by id.
    """

    receipts: tuple[Receipt, ...]
    blocked: Mapping[str, Sequence[str]]
    on_hold: Mapping[str, Sequence[str]]


def erase(
    requests: Sequence[SubjectRequest], context: ErasureContext, *, only: Collection[str] = ()
) -> ErasureReport:
    """Carry every erasure, and every one that an earlier pass left open, as far as it goes.

    Args:
        requests: Every request whose body is still there: those under way need theirs too, and
            what other requests name is told from what is sought.
        context: What to work with.
        only: Ids of the new requests to begin; none for all.

    Raises:
        MissingKeyError: Suppressions cannot be kept, so nothing was begun.
        LostSigningKeyError: Receipts could not be checked with the key of earlier ones; as before.
        ScannerRecallError: The search cannot be trusted, so nothing was completed.
    """
    context.suppressions.check_keys()
    # A key that cannot be made, or is lost, must stop the first step.
    signing_key_of(
        context.warehouse,
        context.suppressions.keys,
        signed=context.erasure_log.folder / ERASURE_LOG if context.erasure_log else None,
    )
    log = StepLog(context.warehouse, context.moment, context.run_id)
    _settle(context, log.closed_ids())
    log.receive(
        [
            item
            for item in requests
            if item.subject_request_type == ERASURE and (not only or item.request_id in only)
        ]
    )
    bodies = {request.request_id: request for request in requests}
    cases = hold_back(context, log, _with_a_way_on(context, log, bodies), bodies)
    for step, act in _ACTS.items():
        due = [case for case in cases if case.step.number == step.number - 1]
        if not due:
            continue
        context.progress(f"{step}: {len(due)} requests")
        outcome = act(_Pass(context, log, due, bodies))
        context.progress(f"{step}: recording")
        log.record(step, outcome)
        cases = advanced(cases, step, outcome)
    completed = {case.subject_request_id for case in cases if case.step is Step.COMPLETED}
    receipts = read_receipts(context.warehouse)
    return ErasureReport(
        receipts=tuple(item for item in receipts if item.subject_request_id in completed),
        blocked=log.blocked(ERASURE),
        on_hold=log.blocked(ERASURE, status=ON_HOLD),
    )


@dataclass(frozen=True, slots=True)
class _Pass:
    """The requests for which one step is due."""

    context: ErasureContext
    log: StepLog
    cases: Sequence[Case]
    bodies: Mapping[str, SubjectRequest]

    @property
    def request_ids(self) -> tuple[str, ...]:
        return tuple(case.subject_request_id for case in self.cases)

    @property
    def plans(self) -> tuple[ErasurePlan, ...]:
        return tuple(self.context.plans.read(request_id) for request_id in self.request_ids)

    def passed(self, **detail: object) -> Outcome:
        return Outcome(dict.fromkeys(self.request_ids, detail), {})

    def blocked(self, reasons: Sequence[str], *, back_to: Step | None = None) -> Outcome:
        return Outcome({}, dict.fromkeys(self.request_ids, reasons), back_to)


def _with_a_way_on(
    context: ErasureContext, log: StepLog, bodies: Mapping[str, SubjectRequest]
) -> list[Case]:
    """The open cases, less those whose persons nobody can name any more."""
    cases = log.open_cases(ERASURE)
    lost = {
        case.subject_request_id: [_lost(case)]
        for case in cases
        if not _is_known(context, case, bodies)
    }
    if lost:
        log.record(Step.PLANNED, Outcome({}, lost))
    return [case for case in cases if case.subject_request_id not in lost]


def _is_known(context: ErasureContext, case: Case, bodies: Mapping[str, SubjectRequest]) -> bool:
    if case.step.number < Step.PLANNED.number:
        return case.subject_request_id in bodies
    has_plan = context.plans.exists(case.subject_request_id)
    return has_plan or case.step is Step.VERIFIED_NO_TRACE


def _lost(case: Case) -> str:
    if case.step.number < Step.PLANNED.number:
        return LOST_BODY
    return str(MissingPlanError(case.subject_request_id))


def _acknowledge(due: _Pass) -> Outcome:
    return Outcome(
        {case.subject_request_id: {"due_at": case.due_at.isoformat()} for case in due.cases}, {}
    )


def _verify_identity(due: _Pass) -> Outcome:
    """OpenDSR section 3.2: the controller has verified who asks before it sends the request."""
    return due.passed(verified_by="controller")


def _plan(due: _Pass) -> Outcome:
    context = due.context
    write_inventory(context.warehouse, context.tables)
    waiting = unapproved(due.log, due.request_ids) if context.needs_approval else {}
    plans, against = plan_erasure(
        [due.bodies[request_id] for request_id in due.request_ids], context
    )
    unanswered = awaiting_access(plans, context, due.log, due.bodies)
    unlogged = context.erasure_log.refusals(context.warehouse) if context.erasure_log else ()
    refused = (
        waiting,
        against,
        unanswered,
        dict.fromkeys(due.request_ids if unlogged else (), unlogged),
    )
    blocked = {
        name: [why for reasons in refused for why in reasons.get(name, ())]
        for reasons in refused
        for name in reasons
    }
    free = [plan for plan in plans if plan.subject_request_id not in blocked]
    for plan in free:
        context.plans.freeze(plan)
    details = {
        plan.subject_request_id: {
            "identifiers": plan.identifiers,
            "left_alone": [asdict(item) for item in plan.left_alone],
            "joined_by_likeness": [item.counts for item in plan.likely],
            "possibly_same": [item.counts for item in plan.possible],
        }
        for plan in free
    }
    return Outcome(details, blocked)


def _suppress(due: _Pass) -> Outcome:
    plans = due.plans
    due.context.suppressions.add(keys_of(plans), now=due.context.now)
    log = due.context.erasure_log
    if log is not None and (against := log.carry(due.context.warehouse, now=due.context.now)):
        return due.blocked(against)
    kept = due.context.suppressions.made_with(due.request_ids)
    details = {
        plan.subject_request_id: {
            "identifiers": sum(item["identifiers"] for item in kept[plan.subject_request_id]),
            # They never arrive from outside, so there is nothing to keep out.
            "own_ids": len(plan.person_ids),
        }
        for plan in plans
    }
    return Outcome(details, {})


def _tell_destinations(due: _Pass) -> Outcome:
    if due.context.destinations is None:
        return due.passed(destinations=[])
    plans = {plan.subject_request_id: plan.person_ids for plan in due.plans}
    return tell_destinations(
        due.context.destinations, plans, run_id=due.context.run_id, now=due.context.now
    )


def _erase(due: _Pass) -> Outcome:
    for request_id in due.request_ids:
        due.context.plans.begin(request_id)
    forget_objections(due.context.warehouse, due.request_ids)
    plans = due.plans
    blocked: dict[str, list[str]] = {}
    for place in due.context.places:
        for request_id, reasons in _erase_from(place, plans).items():
            blocked.setdefault(request_id, []).extend(reasons)
    passed = {name: detail for name, detail in due.passed().details.items() if name not in blocked}
    return Outcome(passed, blocked)


def _erase_from(place: Location, plans: Sequence[ErasurePlan]) -> Mapping[str, Sequence[str]]:
    """Erase the persons of some requests; tell why it failed, of those alone whose rows are left.

    Whose they are is found by halves: of many requests few have rows that do not go.
    """
    reasons = _left_in(place, distinct_keys(keys_of(plans)))
    if not reasons:
        return {}
    if len(plans) == 1:
        return {plans[0].subject_request_id: reasons}
    middle = len(plans) // 2
    return {**_erase_from(place, plans[:middle]), **_erase_from(place, plans[middle:])}


def _left_in(place: Location, keys: pa.Table) -> Sequence[str]:
    """Erase the persons from one place; every reason why rows may be left there."""
    try:
        place.erase(keys)
        left = place.find(keys)
    except OSError as error:
        return [f"{place.name} could not be rewritten ({error.strerror or type(error).__name__})"]
    return [f"{trace.rows} rows are left in {trace.location}" for trace in left if trace.rows]


def _compact(due: _Pass) -> Outcome:
    due.context.warehouse.compact()
    return due.passed()


def _prove(due: _Pass) -> Outcome:
    return _prove_among(due, due.request_ids)


def _prove_among(due: _Pass, under_way: Sequence[str]) -> Outcome:
    """Search for the persons of a pass; the frozen plans of all that are under way name them."""
    context = due.context
    plans = due.plans
    scan = _scan(due, plans, under_way)
    if not scan.is_clean and len(due.cases) > 1:
        return _prove_by_halves(due, under_way)
    if not scan.is_clean:
        return due.blocked(scan.reasons, back_to=Step.DESTINATIONS_TOLD)
    issue_receipts(list(zip(due.cases, plans, strict=True)), context, log=due.log, scan=scan)
    return due.passed(probes=scan.probes, files=scan.files, values=scan.values)


def _prove_by_halves(due: _Pass, under_way: Sequence[str]) -> Outcome:
    """Tell whose traces are left, so that nobody is blocked for somebody else's.

    Whose half is clean is proven at once: of many requests few have traces.
    """
    middle = len(due.cases) // 2
    halves = (due.cases[:middle], due.cases[middle:])
    outcomes = [_prove_among(replace(due, cases=half), under_way) for half in halves]
    return Outcome(
        {name: detail for item in outcomes for name, detail in item.details.items()},
        {name: why for item in outcomes for name, why in item.blocked.items()},
        Step.DESTINATIONS_TOLD,
    )


def _scan(due: _Pass, plans: Sequence[ErasurePlan], under_way: Sequence[str]) -> ScanReport:
    context = due.context
    return scan_home(
        context.warehouse,
        context.roots,
        _needles(due, plans),
        warehouse_file=context.warehouse_file,
        databases=context.databases,
        exempt=[context.plans.folder(request_id) for request_id in under_way],
    )


def _needles(due: _Pass, plans: Sequence[ErasurePlan]) -> Needles:
    """What to look for, told from what the warehouse and other requests hold of others."""
    context = due.context
    asked = [
        identity.normalised(context.default_region)
        for request_id, body in due.bodies.items()
        if request_id not in due.request_ids
        for identity in body.subject_identities
    ]
    planned = [
        value
        for case in due.log.open_cases(ERASURE)
        if case.subject_request_id not in due.request_ids
        and context.plans.exists(case.subject_request_id)
        for _, value in context.plans.read(case.subject_request_id).keys
    ]
    return needles_among_neighbours(
        context.warehouse, keys_of(plans), context.tables, waiting=[*asked, *planned]
    )


def _settle(context: ErasureContext, request_ids: Collection[str]) -> None:
    """Take out bodies that came again, or that a kill left, after their request was completed."""
    for place in context.request_places:
        with suppress(OSError):  # a file that cannot be written now must not stop all others
            place.settle(request_ids)


def _complete(due: _Pass) -> Outcome:
    """Search where the plans are, then destroy them; a killed pass may find some gone already.

    Nothing is destroyed before the search was clean: without a plan nobody knows what to seek.
    """
    context = due.context
    plans = [
        context.plans.read(request_id)
        for request_id in due.request_ids
        if context.plans.exists(request_id)
    ]
    for place in context.request_places:
        place.settle(set(due.request_ids))
    left = _naming(due, plans) if plans else 0
    if left:
        return due.blocked([f"{left} files of requests still name the persons"])
    context.plans.destroy(due.request_ids)
    return due.passed()


def _naming(due: _Pass, plans: Sequence[ErasurePlan]) -> int:
    """How many files beside the plans that are due name their persons."""
    scanner = FileScanner(ByteScanner.of(_needles(due, plans)))
    folder = due.context.home / "privacy"
    own = {due.context.plans.folder(request_id) for request_id in due.request_ids}
    return sum(
        bool(scanner.scan(path, folder).hits)
        for path in files_below(folder)
        if own.isdisjoint(path.parents)
    )


_ACTS: Mapping[Step, Callable[[_Pass], Outcome]] = {
    Step.ACKNOWLEDGED: _acknowledge,
    Step.VERIFIED: _verify_identity,
    Step.PLANNED: _plan,
    Step.SUPPRESSED: _suppress,
    Step.DESTINATIONS_TOLD: _tell_destinations,
    Step.ERASED: _erase,
    Step.COMPACTED: _compact,
    Step.VERIFIED_NO_TRACE: _prove,
    Step.COMPLETED: _complete,
}
