"""Serve requests of access and portability: one archive per person, kept until it is handed out."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from privacy.archive import ArchiveFacts, archive_bytes
from privacy.audit import AuditEntry, append_audit
from privacy.config import ConsentConfig, RetentionConfig
from privacy.context import ErasureContext
from privacy.errors import ArchiveTargetError, MissingArchiveError
from privacy.handling import unapproved
from privacy.inventory import AUDIT_LOG, REQUESTS
from privacy.locations import FolderLocation
from privacy.plan import ErasurePlan
from privacy.plan_requests import find_keys, find_persons
from privacy.requests import SubjectRequest
from privacy.steps import LOST_BODY, Case, Outcome, Step, StepLog
from privacy.storage import destroy_file, write_private
from warehouse import Warehouse

FOLDER = "archives"
_TYPES = ("access", "portability")


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What became of the requests.

    Attributes:
        archives: The archive of each request that this pass completed, by id.
        blocked: Every reason of each request that is blocked, by id.
    """

    archives: Mapping[str, Path]
    blocked: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class ArchiveFolder(FolderLocation):
    """Archives that wait to be handed out; they hold up the erasure of whom they name."""

    def refusals(self, keys: pa.Table) -> Sequence[str]:
        """One reason for each archive that the person has not got yet."""
        return tuple(
            f"the archive of request {path.stem} names the person and waits to be handed out: "
            f"candor privacy archive {path.stem} --out FILE"
            for path in self._holding(keys)
        )


def serve_access(
    requests: Sequence[SubjectRequest],
    context: ErasureContext,
    retention: RetentionConfig,
    *,
    consent: ConsentConfig | None = None,
    only: Collection[str] = (),
) -> AccessReport:
    """Write the archive of every request that waits, and remove those that have expired.

    Args:
        requests: Every request whose body is still there.
        context: What to work with; its places are what an archive accounts for.
        retention: How long rows and archives are kept.
        consent: What data are used for, which an archive tells.
        only: Ids of the new requests to begin; none for all.
    """
    remove_expired_archives(context.warehouse, context.home, retention, now=context.now)
    log = StepLog(context.warehouse, context.moment, context.run_id)
    bodies = {item.request_id: item for item in requests if item.subject_request_type in _TYPES}
    log.receive([item for item in bodies.values() if not only or item.request_id in only])
    cases = log.open_cases(*_TYPES)
    rules = _Rules(retention, consent)
    served = _serve(context, rules, log, cases, bodies) if cases else {}
    for place in context.request_places:
        with suppress(OSError):  # a file that cannot be written now is settled by a later run
            place.settle(set(served))
    return AccessReport(archives=served, blocked=log.blocked(*_TYPES))


def awaiting_access(
    plans: Sequence[ErasurePlan],
    context: ErasureContext,
    log: StepLog,
    bodies: Mapping[str, SubjectRequest],
) -> dict[str, Sequence[str]]:
    """The erasures of persons who asked what is held of them and have no answer yet.

    A question counts from the moment it waits, whether a run has taken it up or not.
    """
    closed = log.closed_ids()
    asked = [
        request
        for request in bodies.values()
        if request.subject_request_type in _TYPES and request.request_id not in closed
    ]
    theirs = find_keys(asked, context) if asked else {}
    against = {
        plan.subject_request_id: [
            f"request {request_id} of the same person is not answered yet"
            for request_id, keys in theirs.items()
            if not keys.isdisjoint(plan.keys)
        ]
        for plan in plans
    }
    return {request_id: why for request_id, why in against.items() if why}


def archive_path(home: Path, request_id: str) -> Path:
    """Where the archive of a request lies until it is handed out."""
    return home / FOLDER / f"{request_id}.zip"


def hand_out_archive(
    warehouse: Warehouse, home: Path, request_id: str, out: Path, *, now: datetime
) -> None:
    """Move an archive out of the data home, into a file that only its owner may read.

    Raises:
        MissingArchiveError: There is none: not asked for, not made yet, handed out or expired.
        ArchiveTargetError: The file is there already, or would lie inside the data home.
    """
    path, target = archive_path(home, request_id), out.resolve()
    if not zipfile.is_zipfile(path):  # what a kill left overwritten is none
        raise MissingArchiveError(request_id)
    if target.exists():
        raise ArchiveTargetError(out, "is there already")
    if target.is_relative_to(home.resolve()):
        raise ArchiveTargetError(out, "lies inside the data home")
    append_audit(warehouse, [AuditEntry("handed_out", request_id, {})], now=now)
    write_private(target, path.read_bytes())
    destroy_file(path)


@dataclass(frozen=True, slots=True)
class OldArchives:
    """What became of the archives that nobody fetched in time.

    Attributes:
        request_ids: Whose archives went, or would go.
        failed: Those that stay because they may not be removed.
    """

    request_ids: tuple[str, ...]
    failed: tuple[str, ...]


def remove_expired_archives(
    warehouse: Warehouse,
    home: Path,
    retention: RetentionConfig,
    *,
    now: datetime,
    dry_run: bool = False,
) -> OldArchives:
    """Destroy archives that nobody fetched in time, and what a kill left half written.

    Args:
        warehouse: Holds the requests.
        home: The data home.
        retention: How long archives wait.
        now: The moment from which age is counted, UTC without a zone.
        dry_run: Tell which, and destroy nothing.
    """
    expired = _expired(warehouse, home, retention, now)
    if dry_run:
        return OldArchives(tuple(path.stem for path in expired), ())
    known = _expiring(warehouse)
    begun = [path.stem for path in expired if path.stem not in known]
    # Written down before and after: a kill in between leaves one whose end the next run notes.
    _note(warehouse, "archive_expiring", begun, now)
    half_written = sorted((home / FOLDER).glob("*.new"))
    failed = [path for path in (*half_written, *expired) if not _destroys(path)]
    gone = [name for name in (*known, *begun) if not archive_path(home, name).exists()]
    _note(warehouse, "archive_expired", gone, now)
    return OldArchives(tuple(gone), tuple(path.stem for path in failed))


def _expiring(warehouse: Warehouse) -> Sequence[str]:
    """Requests whose archives are to go, of which nobody has noted yet that they went."""
    rows = warehouse.read(
        f"select subject from {AUDIT_LOG.name.sql} "
        "where action in ('archive_expiring', 'archive_expired', 'handed_out') "
        "group by subject having arg_max(action, position) = 'archive_expiring' order by subject"
    )
    return list(rows["subject"].to_pylist())


def _note(warehouse: Warehouse, action: str, request_ids: Sequence[str], now: datetime) -> None:
    append_audit(warehouse, [AuditEntry(action, name, {}) for name in request_ids], now=now)


def _destroys(path: Path) -> bool:
    """Destroy a file, and say whether that could be done; one that stays stops no other."""
    try:
        destroy_file(path)
    except OSError:
        return False
    return True


def _expired(
    warehouse: Warehouse, home: Path, retention: RetentionConfig, now: datetime
) -> list[Path]:
    """Archives that wait longer than they may, or of whose request nobody knows."""
    paths = sorted((home / FOLDER).glob("*.zip"))
    if not paths:
        return []
    kept = warehouse.read(
        f"select subject_request_id from {REQUESTS.name.sql} "
        "where completed_at > $oldest or status in ('in_progress', 'blocked')",
        {"oldest": now - timedelta(days=retention.archive_days)},
    )["subject_request_id"].to_pylist()
    return [path for path in paths if path.stem not in kept]


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the company says of all data."""

    retention: RetentionConfig
    consent: ConsentConfig | None


def _serve(
    context: ErasureContext,
    rules: _Rules,
    log: StepLog,
    cases: Sequence[Case],
    bodies: Mapping[str, SubjectRequest],
) -> dict[str, Path]:
    lost = {
        case.subject_request_id: [LOST_BODY]
        for case in cases
        if case.subject_request_id not in bodies
    }
    waiting = unapproved(log, list(bodies)) if context.needs_approval else {}
    log.record(Step.PLANNED, Outcome({}, lost))
    served = {}
    for case in cases:
        if case.subject_request_id in lost:
            continue
        request = bodies[case.subject_request_id]
        # One by one: what two who ask at once hold in common belongs to neither alone.
        plans, unclear = find_persons([request], context)
        several = _several_persons(request, context)
        name = case.subject_request_id
        against = [*waiting.get(name, ()), *unclear.get(name, ()), *several]
        if against:
            log.record(Step.PLANNED, Outcome({}, {name: against}))
        else:
            facts = ArchiveFacts(request, plans[0], context, rules.retention, rules.consent)
            served[name] = _write(facts, log, case)
    return served


def _several_persons(request: SubjectRequest, context: ErasureContext) -> Sequence[str]:
    """Why the request would give one person what belongs to another."""
    named = []
    for identity in request.subject_identities:
        alone = request.model_copy(update={"subject_identities": (identity,)})
        keys = find_keys([alone], context).get(request.request_id, ())
        named.append({value for kind, value in keys if kind == "person_id"})
    named = [persons for persons in named if persons]
    if all(named[0] & other for other in named[1:]):
        return ()
    return ["its identities belong to different persons: send one request for each"]


def _write(facts: ArchiveFacts, log: StepLog, case: Case) -> Path:
    plan, context = facts.plan, facts.context
    context.progress(f"archive: {case.subject_request_id}")
    path = archive_path(context.home, case.subject_request_id)
    write_private(path, archive_bytes(facts))
    details: Mapping[Step, Mapping[str, object]] = {
        Step.ACKNOWLEDGED: {"due_at": case.due_at.isoformat()},
        Step.VERIFIED: {"verified_by": "controller"},
        Step.PLANNED: {"identifiers": plan.identifiers},
        Step.COMPLETED: {
            "rows": sum(count.rows for count in plan.counts),
            "expires_at": facts.expires_at.isoformat(),
        },
    }
    for step, detail in details.items():
        log.record(step, Outcome({case.subject_request_id: detail}, {}))
    return path
