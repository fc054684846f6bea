"""The person whom the options of a command name, and what an erasure of them would touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import typer

from orchestration.cli.output import console, print_rows
from settings import Paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from privacy import ErasurePlan, PlannedCount, SubjectIdentity, SubjectRequest


def person_request(
    paths: Paths,
    given: dict[str, str | None],
    request_type: Literal["erasure", "access", "portability"],
    regulation: Literal["gdpr", "ccpa"],
) -> SubjectRequest:
    """A request about the person whom the options name, asked for now."""
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package
    from privacy import make_request  # noqa: PLC0415 - as above

    identities = named_identities(paths, given)
    return make_request(identities, request_type, regulation=regulation, now=utc_now())


def named_identities(paths: Paths, given: dict[str, str | None]) -> list[SubjectIdentity]:
    """The person whom the options name; the address is asked for where none does.

    Raises:
        UnusableIdentityError: One is no address or telephone number.
    """
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from privacy import IdentityType, SubjectIdentity, require_usable  # noqa: PLC0415 - as above

    empty = [name for name, value in given.items() if value is not None and not value.strip()]
    if empty:
        raise typer.BadParameter(f"--{empty[0].replace('_', '-')} names nobody: it is empty")

    types = {
        "email": IdentityType.EMAIL,
        "phone": IdentityType.PHONE,
        "user_id": IdentityType.USER_ID,
        "customer_id": IdentityType.CUSTOMER_ID,
    }
    if not any(given.values()):
        given = {"email": typer.prompt("E-mail address of the person")}
    identities = [
        SubjectIdentity(identity_type=types[name], identity_value=value, identity_format="raw")
        for name, value in given.items()
        if value
    ]
    require_usable(identities, Company(paths).sources.default_region)
    return identities


def require_held(paths: Paths, request: SubjectRequest, *, is_shown: bool) -> bool:
    """Refuse a request about somebody of whom nothing is held.

    Returns:
        Whether nothing stands against it.

    Raises:
        NothingHeldError: Often a slip in the identifier, which would end as a clean success.
    """
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.erasure import plan_requests  # noqa: PLC0415 - as above
    from privacy import NothingHeldError  # noqa: PLC0415 - as above

    Company(paths).require_warehouse()
    plans, against = plan_requests(paths, [request])
    if not against and not any(found.is_of_somebody for found in plans):
        raise NothingHeldError
    if is_shown:  # nobody has asked for it yet, so it has no id that anybody could use
        for found in plans:
            _show_plan(found, "The person is")
        _show_against("this erasure", against.get(request.request_id, ()))
    return not against


def is_held(paths: Paths, request: SubjectRequest) -> bool:
    """Whether anything is held of whom a request names; nothing is where there is no warehouse."""
    from orchestration.erasure import plan_requests  # noqa: PLC0415 - loads every package

    if not paths.warehouse.is_file():
        return False
    plans, against = plan_requests(paths, [request])
    return bool(against) or any(found.is_of_somebody for found in plans)


def show_plans(plans: Sequence[ErasurePlan], against: Mapping[str, Sequence[str]]) -> None:
    """Show what would be erased for each request, and what stands against it."""
    for found in plans:
        _show_plan(found, f"Request {found.subject_request_id}:")
    together = plans[0].counts if len(plans) > 1 else ()
    rows = [_counted(count) for count in together if _is_joint(count)]
    if rows:
        console.print(f"These places are counted for all {len(plans)} requests together:")
        print_rows("Would be erased as well", rows)
    for request_id, reasons in against.items():
        _show_against(request_id, reasons)


def _show_against(what: str, reasons: Sequence[str]) -> None:
    if reasons:
        print_rows(f"Against {what}", [{"reason": reason} for reason in reasons])


def _show_plan(found: ErasurePlan, whose: str) -> None:
    if not found.is_of_somebody:
        console.print(f"{whose} nothing is held of whom it names.")
        return
    held = ", ".join(f"{count} {kind}" for kind, count in found.identifiers.items()) or "nothing"
    console.print(f"{whose} found by {held}")
    own = [count for count in found.counts if count.rows and not _is_joint(count)]
    print_rows("Would be erased", [_counted(count) for count in own])
    left = [
        {"kind": item.kind, "identifiers": item.identifiers, "reason": item.reason}
        for item in found.left_alone
    ]
    print_rows("Would be left alone", left)
    _show_likely(found)
    _show_possible(found)


def _show_likely(found: ErasurePlan) -> None:
    """What identity joined without an identifier: a few of such joins are wrong."""
    rows = [
        {
            "source": item.source,
            "records": item.records,
            "probability": "" if item.probability is None else f"{item.probability:.2f}",
        }
        for item in found.likely
    ]
    if rows:
        print_rows("Joined by likeness alone: included", rows)
        console.print(
            f"`candor identity explain {_own_id(found)}` shows why. Who is another person is parted "
            f"first: `candor identity split {_own_id(found)}`, `candor run`, then plan again."
        )


def _show_possible(found: ErasurePlan) -> None:
    """Who may be the same person: ids of ours alone, which say nothing about anybody."""
    rows = [
        {
            "source": item.source,
            "records": item.records,
            "probability": "" if item.probability is None else f"{item.probability:.2f}",
            "why": item.reason,
            "persons": ", ".join(item.person_ids)
            + (f" and {more} more" if (more := item.persons - len(item.person_ids)) else ""),
        }
        for item in found.possible
    ]
    if rows:
        print_rows("Possibly the same person: not included", rows)
        console.print(
            "These stay unless you join them first: `candor identity explain PERSON`, then "
            f"`candor identity merge {_own_id(found)} PERSON` and `candor run`, then plan again."
        )


def _own_id(found: ErasurePlan) -> str:
    return found.person_ids[0] if len(found.person_ids) == 1 else "PERSON"


def _counted(count: PlannedCount) -> dict[str, str | int]:
    """Rows of tables and of landing files; of folders that runs make anew, the files."""
    return {"place": count.location, "rows or files": count.rows}


def _is_joint(count: PlannedCount) -> bool:
    """Whether rows of several requests are counted together, as files are gone through once."""
    return bool(count.rows) and count.requests > 1
