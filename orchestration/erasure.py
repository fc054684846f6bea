"""Requests of persons, from the moment they arrive to their receipts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from orchestration.company import Company, utc_now
from orchestration.errors import NobodyToEraseError, RequestBlockedError, RunFailedError
from orchestration.privacy_parts import (
    carry_log,
    open_erasure,
    open_holds,
    profile_locations,
    request_folder,
)
from orchestration.progress import announce
from orchestration.requests import asked_before, receipt_of, request_places, waiting_requests
from orchestration.restore_mark import PRIVACY_JOB
from orchestration.run import run_job
from orchestration.run_lock import hold_run_lock
from privacy import (
    AccessReport,
    ErasurePlan,
    ErasureReport,
    IdentityType,
    KeyRing,
    LegalHold,
    ObjectionReport,
    Receipt,
    RequestDesk,
    SearchReport,
    SubjectIdentity,
    SubjectRequest,
    archive_path,
    erase,
    hand_out_archive,
    impersonal,
    make_request,
    place_hold,
    plan_erasure,
    read_receipts,
    read_standing,
    seal_audit,
    search_again,
    serve_access,
    serve_objections,
)
from privacy.inventory import TABLES
from settings import Paths
from warehouse import Warehouse

T = TypeVar("T")

_WORDS = {
    "acknowledged": "Reading requests",
    "verified": "Reading requests",
    "planned": "Finding everything of the persons",
    "suppressed": "Keeping the persons out from now on",
    "destinations_told": "Telling destinations",
    "erased": "Erasing from tables and files",
    "compacted": "Compacting the warehouse",
    "verified_no_trace": "Searching every file for traces",
    "completed": "Closing the requests",
    "archive": "Writing archives",
    "objection": "Recording objections",
}


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What became of the requests, by what they asked for."""

    access: AccessReport
    erasures: ErasureReport
    objections: ObjectionReport

    @property
    def blocked(self) -> Mapping[str, Sequence[str]]:
        """Every reason of each request that is blocked, by id."""
        return {**self.erasures.blocked, **self.access.blocked, **self.objections.blocked}

    @property
    def withdraws(self) -> bool:
        """Whether purposes were denied, so that destinations must be told."""
        return bool(self.objections.served or self.erasures.on_hold)


def carry_out(
    company: Company,
    *,
    only: Sequence[str],
    run_id: str,
    now: datetime,
    progress: Callable[[str], None],
) -> CarriedOut:
    """Carry out waiting requests, and all that an earlier run left open; what the job does.

    The caller holds the run lock.

    Args:
        company: Whose data.
        only: Ids of the requests to begin; none for all that wait.
        run_id: The run to record.
        now: Time to record, UTC without a zone.
        progress: Told each step.
    """
    waiting = waiting_requests(company)
    with company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=now, run_id=run_id, progress=lambda step: progress(_say(step))
        )
        objected = serve_objections(
            waiting, context, company.consent, profiles=profile_locations(context), only=only
        )
        try:
            # First: after an erasure there is nothing left to give.
            served = serve_access(
                waiting, context, company.retention, consent=company.consent, only=only
            )
        finally:  # an archive that cannot be made keeps nobody else from being erased
            report = erase(waiting, context, only=only)
        return CarriedOut(served, report, objected)


def _say(step: str) -> str:
    """A step of the privacy package in the words of whoever waits for it."""
    name = step.partition(":")[0]
    return _WORDS.get(name, f"Erasing: {name}")


def plan_requests(
    paths: Paths, requests: Sequence[SubjectRequest]
) -> tuple[Sequence[ErasurePlan], Mapping[str, Sequence[str]]]:
    """Say what an erasure would touch and what stands against it; nothing is written."""
    company = Company(paths)
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=utc_now(), run_id="plan", progress=lambda _message: None
        )
        return plan_erasure(requests, replace(context, request_places=()))


def search_person(paths: Paths, request: SubjectRequest) -> SearchReport:
    """Search every table and file for the person whom a request names; nothing is written."""
    company = Company(paths)
    waiting = [
        identity.normalised(company.sources.default_region)
        for item in waiting_requests(company)
        for identity in item.subject_identities
    ]
    announce("Searching every table and file")
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=utc_now(), run_id="search", progress=lambda _message: None
        )
        return search_again(request, context, waiting=waiting)


def erase_person(paths: Paths, request: SubjectRequest) -> Receipt:
    """Put one request into the drop folder, run the job for it, and return its receipt.

    Where an open request asks for all of that already, that one goes on, and no second one is opened.

    Raises:
        RequestBlockedError: Something stands against it; it goes on once that is settled.
    """
    request_id = asked_before(paths, request) or request.request_id
    if request_id == request.request_id:
        request_folder(paths).add(request)
    else:
        announce(f"Request {request_id} asks for this already and goes on; no second one is opened")
    try:
        run_requests(paths, only=[request_id])
    except RunFailedError:
        if not _is_completed(paths, request_id):
            raise
    return receipt_of(paths, request_id)


def _is_completed(paths: Paths, request_id: str) -> bool:
    with Company(paths).open_warehouse() as warehouse:
        standing = read_standing(warehouse)
    return any(c.subject_request_id == request_id and c.status == "completed" for c in standing)


def run_requests(paths: Paths, *, only: Sequence[str] = ()) -> None:
    """Run the job, recorded in the instance that the UI shows.

    Raises:
        RequestBlockedError: Some requests are blocked; says which and why.
        RunFailedError: The job failed for another reason.
    """
    config = {"ops": {"carry_out_requests": {"config": {"request_ids": list(only)}}}}
    try:
        run_job(paths, PRIVACY_JOB, run_config=config)
    except RunFailedError as error:
        with Company(paths).open_warehouse() as warehouse:
            blocked = {
                case.subject_request_id: case.reasons
                for case in read_standing(warehouse)
                if case.status in ("blocked", "on_hold")
                and (not only or case.subject_request_id in only)
            }
        if not blocked:
            raise
        raise RequestBlockedError(blocked) from error


def archive_person(paths: Paths, request: SubjectRequest) -> Path:
    """Put one request into the drop folder, run the job for it, and return where its archive is.

    Raises:
        RequestBlockedError: Something stands against it; it goes on once that is settled.
    """
    request_folder(paths).add(request)
    try:
        run_requests(paths, only=[request.request_id])
    except RunFailedError:
        if not _is_completed(paths, request.request_id):
            raise
    return archive_path(paths.home, request.request_id)


def object_to(paths: Paths, request: SubjectRequest) -> None:
    """Put one objection, opt-out or withdrawal into the drop folder, and run the job for it.

    Raises:
        RequestBlockedError: Something stands against it.
    """
    request_folder(paths).add(request)
    run_requests(paths, only=[request.request_id])


def hand_out(paths: Paths, request_id: str, out: Path) -> None:
    """Move the archive of a request out of the data home.

    Raises:
        MissingArchiveError: There is none.
        ArchiveTargetError: It cannot be put there.
    """
    with hold_run_lock(paths.home), Company(paths).open_warehouse() as warehouse:
        hand_out_archive(warehouse, paths.home, request_id, out, now=utc_now())
        seal_audit(warehouse, KeyRing(paths.keys))


def add_hold(
    paths: Paths,
    identities: Sequence[SubjectIdentity],
    *,
    reason: str,
    until_at: datetime | None,
    by: str,
) -> LegalHold:
    """Keep the data of one person, whatever an erasure or retention says.

    Raises:
        HoldError: The identities do not say whom, or the hold has ended already.
        PersonalNoteError: The reason, or the name of who says so, tells an address or telephone.
    """
    company = Company(paths)
    reason = impersonal("reason", reason, default_region=company.sources.default_region)
    by = impersonal("by", by, default_region=company.sources.default_region)
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=utc_now(), run_id="by hand", progress=lambda _message: None
        )
        hold = place_hold(identities, context, reason=reason, until_at=until_at, by=by)
        carry_log(company, warehouse)
        return hold


def release_hold(paths: Paths, hold_id: str, *, by: str, reason: str) -> None:
    """End a legal hold.

    Raises:
        HoldError: There is none, or it has ended.
        PersonalNoteError: The reason, or the name of who says so, tells an address or telephone.
    """
    company = Company(paths)
    reason = impersonal("reason", reason, default_region=company.sources.default_region)
    by = impersonal("by", by, default_region=company.sources.default_region)
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        open_holds(company, warehouse, now=utc_now()).release(hold_id, by=by, reason=reason)
        carry_log(company, warehouse)


def read_holds(paths: Paths) -> tuple[LegalHold, ...]:
    """Every legal hold that ever was, the newest first."""
    company = Company(paths)
    with company.open_warehouse() as warehouse:
        return open_holds(company, warehouse, now=utc_now()).read()


def decide(paths: Paths, request_id: str, act: Callable[[RequestDesk], T], *, by: str) -> T:
    """Let somebody decide about a request, whether it was begun or still waits.

    Other requests that wait are left to wait: nobody has decided anything about them.

    Raises:
        RequestActError: It cannot be decided so.
        PersonalNoteError: The reason, or the name of who decides, tells an address or telephone.
    """
    company = Company(paths)
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        warehouse.create_missing(TABLES)
        desk = RequestDesk(warehouse, paths.home, utc_now(), by, company.sources.default_region)
        waiting = waiting_requests(company)
        desk.receive([item for item in waiting if item.request_id == request_id])
        done = act(desk)
        carry_log(company, warehouse)
        return done


def cancel(paths: Paths, request_id: str, *, by: str, reason: str) -> None:
    """Call a request off, and take its identity out of the file in which it waits.

    Raises:
        RequestActError: It is not open, or has gone too far.
    """
    decide(paths, request_id, lambda desk: desk.cancel(request_id, reason=reason), by=by)
    for place in request_places(Company(paths)):
        place.settle([request_id])


def erase_example_person(paths: Paths) -> Receipt:
    """Erase one person of a sample company, once: later calls return the receipt of then.

    Chosen is, by e-mail, somebody who is known to most sources and was sent somewhere.

    Raises:
        NobodyToEraseError: Nobody has an address of their own.
    """
    company = Company(paths)
    begun = _begun_here(company)
    if begun:
        run_requests(paths, only=begun)
    with company.open_warehouse() as warehouse:
        receipts = read_receipts(warehouse)
        address = None if receipts else _example_address(warehouse)
    if receipts:
        return max(receipts, key=lambda receipt: receipt.issued_at)
    if address is None:
        raise NobodyToEraseError
    identity = SubjectIdentity(
        identity_type=IdentityType.EMAIL, identity_value=address, identity_format="raw"
    )
    return erase_person(
        paths, make_request([identity], "erasure", regulation="gdpr", now=utc_now())
    )


def _begun_here(company: Company) -> Sequence[str]:
    """Requests of an earlier call that was interrupted."""
    with company.open_warehouse() as warehouse:
        standing = read_standing(warehouse)
    dropped = {request.request_id for request in request_folder(company.paths).read()}
    open_ones = {c.subject_request_id for c in standing if c.status in ("in_progress", "blocked")}
    return sorted(dropped | open_ones)


def _example_address(warehouse: Warehouse) -> str | None:
    found = warehouse.scalar(
        """
        with sources as (
            select person_id, count(distinct source) as sources
            from identity.members where source not in ('users', 'devices', 'emails')
            group by person_id
        ),
        sent as (
            select person_id, count(distinct sync_key) as syncs
            from sync.ledger where is_present group by person_id
        ),
        own as (
            select identifiers.identifier_value as address,
                any_value(members.person_id) as person_id
            from identity.identifiers as identifiers
            inner join identity.members as members using (source, source_record_id)
            where identifiers.identifier_type = 'email'
            group by identifiers.identifier_value
            having count(distinct members.person_id) = 1 and not bool_or(identifiers.is_shared)
        )
        select own.address
        from own
        inner join sources using (person_id)
        left join sent using (person_id)
        order by sent.syncs is null, sources.sources desc, sent.syncs desc, own.address
        limit 1
        """
    )
    return None if found is None else str(found)
