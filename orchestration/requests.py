"""Where requests of persons stand: those that a run has read, and those that wait in files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestration.company import Company, utc_now
from orchestration.errors import MissingHomeError, NoReceiptError, NothingToPlanError
from orchestration.privacy_parts import open_erasure, request_files, request_folder
from orchestration.run_lock import hold_run_lock
from privacy import (
    AmbiguousRequestError,
    ErasureContext,
    Receipt,
    RequestPlace,
    RequestStanding,
    SubjectRequest,
    UnknownRequestError,
    find_keys,
    read_receipts,
    read_standing,
)
from settings import Paths

# As few as git asks for: less names a request by chance.
_FEWEST_SIGNS = 4
# What may be an id, or begin one, where a file was expected.
_ID = re.compile(f"[0-9a-fA-F-]{{{_FEWEST_SIGNS},36}}")


def request_places(company: Company) -> tuple[RequestPlace, ...]:
    """Where requests lie until they are carried out."""
    return (*request_files(company), request_folder(company.paths))


def waiting_requests(company: Company) -> tuple[SubjectRequest, ...]:
    """Every request whose identity is still in the drop folder or in a landing file.

    Raises:
        InvalidRequestError: A file holds what is no request.
    """
    return tuple(request for place in request_places(company) for request in place.read())


def read_requests(company: Company) -> tuple[RequestStanding, ...]:
    """Every request that a run has read, those that are due first on top.

    Raises:
        MissingHomeError: There is no data home.
    """
    if not company.paths.home.is_dir():
        raise MissingHomeError(company.paths.home)
    if not company.paths.warehouse.is_file():  # requests may wait before the first run
        return ()
    with company.open_warehouse() as warehouse:
        return read_standing(warehouse)


def with_unread(company: Company, known: Sequence[RequestStanding]) -> tuple[RequestStanding, ...]:
    """The same, and those that lie in files and that no run has read yet.

    Raises:
        InvalidRequestError: A file holds what is no request.
    """
    ids = {standing.subject_request_id for standing in known}
    unread = {
        request.request_id: RequestStanding.unread(request)
        for request in waiting_requests(company)
        if request.request_id not in ids
    }
    every = (*known, *unread.values())
    return tuple(sorted(every, key=lambda case: (case.due_at, case.subject_request_id)))


def waiting_erasures(paths: Paths, beginning: str | None) -> Sequence[SubjectRequest]:
    """The erasures that wait; of one request where it is named.

    Raises:
        UnknownRequestError: Nobody has asked for it.
        NothingToPlanError: It is no erasure, or waits no longer.
        MissingHomeError, AmbiguousRequestError, InvalidRequestError: As ``full_id``.
    """
    company = Company(paths)
    request_id = None if beginning is None else full_id(paths, beginning)
    found = [
        item
        for item in waiting_requests(company)
        if item.subject_request_type == "erasure" and request_id in (None, item.request_id)
    ]
    if request_id is not None and not found:
        standing = standing_of(company, request_id)
        raise NothingToPlanError(request_id, standing.request_type, standing.status)
    return found


def full_id(paths: Paths, beginning: str) -> str:
    """The id of the one request that begins so; the same where none does: whoever looks it up says so.

    Raises:
        MissingHomeError: There is no data home.
        AmbiguousRequestError: Several begin so.
        InvalidRequestError: A file holds what is no request, so that nobody knows how many begin so.
    """
    company = Company(paths)
    known = read_requests(company)
    if len(beginning) < _FEWEST_SIGNS or _named(known, beginning):
        return beginning
    found = _beginning(with_unread(company, known), beginning)
    if len(found) > 1 and beginning not in found:
        raise AmbiguousRequestError(beginning, found)
    return found[0] if len(found) == 1 else beginning


def asked_before(paths: Paths, request: SubjectRequest) -> str | None:
    """The open request of the same type and law that covers all by which the persons are found.

    What a plan covers does not grow once it is frozen: what is known of the persons since then, or is
    named for the first time, needs a request of its own.
    """
    company = Company(paths)
    earlier = [
        item
        for item in waiting_requests(company)
        if item.subject_request_type == request.subject_request_type
        and item.regulation == request.regulation
    ]
    if not earlier:
        return None
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=utc_now(), run_id="ask", progress=lambda _message: None
        )
        mine = find_keys([request], context).get(request.request_id, frozenset())
        theirs = {**find_keys(earlier, context), **_frozen(context, earlier)}
    same = [name for name, keys in theirs.items() if mine and mine <= keys]
    return min(same, default=None)


def _frozen(
    context: ErasureContext, requests: Sequence[SubjectRequest]
) -> Mapping[str, frozenset[tuple[str, str]]]:
    """By what the persons are found whose plans are frozen."""
    names = [item.request_id for item in requests if context.plans.exists(item.request_id)]
    return {name: frozenset(context.plans.read(name).keys) for name in names}


def standing_of(company: Company, request_id: str) -> RequestStanding:
    """Where one request stands.

    Raises:
        MissingHomeError: There is no data home.
        UnknownRequestError: Nobody has asked for it.
        InvalidRequestError: No run has read it, and a file holds what is no request.
    """
    known = read_requests(company)
    found = _named(known, request_id) or _named(with_unread(company, known), request_id)
    if not found:
        raise UnknownRequestError(request_id)
    return found[0]


def receipt_of(paths: Paths, request_id: str) -> Receipt:
    """The receipt of one request.

    Raises:
        UnknownRequestError: Nobody has asked for it.
        NoReceiptError: It has none, or none yet; says where it stands.
    """
    company = Company(paths)
    standing = standing_of(company, request_id)
    # A receipt is signed before the plan is destroyed; until then nothing is completed.
    if standing.status == "completed":
        with company.open_warehouse() as warehouse:
            receipts = read_receipts(warehouse)
        found = [item for item in receipts if item.subject_request_id == request_id]
        if found:
            return found[0]
    where = f"stands at {standing.step}" if standing.is_open else f"is {standing.status}"
    what = f"it asks for {standing.request_type} and {where}"
    raise NoReceiptError(request_id, standing.reasons or [what])


def receipt_given(paths: Paths, given: Path) -> Receipt:
    """The receipt in a file or, where there is no such file, that of the request of this id.

    Raises:
        ReceiptFileError: It is no receipt, nor the id of a request, nor how one begins.
        UnknownRequestError: Nobody has asked for it.
        NoReceiptError: The request has none, or none yet.
    """
    if given.exists() or not _ID.fullmatch(str(given)):
        return Receipt.from_file(given)
    return receipt_of(paths, full_id(paths, str(given)))


def _beginning(cases: Sequence[RequestStanding], beginning: str) -> Sequence[str]:
    ids = sorted(case.subject_request_id for case in cases)
    return [name for name in ids if name.startswith(beginning.lower())]


def _named(cases: Sequence[RequestStanding], request_id: str) -> Sequence[RequestStanding]:
    return [case for case in cases if case.subject_request_id == request_id]
