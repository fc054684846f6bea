"""``candor privacy verify|verify-receipt|verify-audit``: check what was erased, and what was said of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.codes import FAILED
from orchestration.cli.options import with_paths
from orchestration.cli.output import console, print_rows, showing_progress
from orchestration.cli.privacy import (
    CustomerOption,
    EmailOption,
    PhoneOption,
    UserOption,
    privacy_app,
)
from orchestration.cli.privacy_subject import person_request
from settings import Paths, counted

if TYPE_CHECKING:
    from privacy import AddendumFacts, Receipt, ReceiptFacts, ScanReport, SearchReport
    from warehouse import Trace


@privacy_app.command()
@with_paths
def verify(
    *,
    paths: Paths,
    email: EmailOption = None,
    phone: PhoneOption = None,
    user_id: UserOption = None,
    customer_id: CustomerOption = None,
) -> None:
    """Search every table and file of the data home for one person, now; change nothing, and fail if there is a trace."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.erasure import search_person  # noqa: PLC0415 - as above

    Company(paths).require_warehouse()
    given = {"email": email, "phone": phone, "user_id": user_id, "customer_id": customer_id}
    request = person_request(paths, given, "erasure", "gdpr")
    with showing_progress():
        found = search_person(paths, request)
    _print_held(found)
    if found.scan is not None:
        _print_scan(found.scan)
    _print_unsearched(found)
    if not found.is_clean:
        raise typer.Exit(FAILED)


def _print_held(found: SearchReport) -> None:
    """Rows of whoever has what was given: that it was the person's before, nobody knows any more."""
    print_rows("Held of whoever has what was given", [_row(trace) for trace in found.rows])
    for person_id in found.person_ids:
        console.print(
            f"{person_id} has it today. Where somebody else had it too, as a family's telephone, that need "
            f"not be whom you mean: `candor identity explain {person_id}` shows who it is."
        )


def _print_unsearched(found: SearchReport) -> None:
    for kind in found.shared:
        console.print(
            f"What was given as {kind} is shared by several persons: nothing was searched by it."
        )
    for backup in found.backups:
        console.print(
            f"Backup {backup.name} was not searched: it may hold the person until it goes, "
            f"{backup.expires_at:%Y-%m-%d}."
        )


def _print_scan(scan: ScanReport) -> None:
    """What the search of everything saw, and what it could not."""
    print_rows("Values of the person", [_row(trace) for trace in scan.traces])
    print_rows("Could not be searched", [{"place": place} for place in scan.undecoded])
    console.print(
        f"{scan.files:,} files were searched for {counted(scan.values, 'values')}; "
        f"the search proved itself in {scan.probes} hiding places."
    )
    if not scan.values:
        console.print(
            "No value is long enough to be told from others in text: rows alone were looked up."
        )
    if scan.is_clean:
        console.print("Nothing is held of the person in the data home.")


def _row(trace: Trace) -> dict[str, str | int]:
    return {"place": trace.location, "found": trace.rows}


@privacy_app.command("verify-receipt")
@with_paths
def verify_receipt(
    *,
    paths: Paths,
    file: Annotated[
        Path,
        typer.Argument(
            help="The receipt as `candor privacy receipt` wrote it, or a request's id, or how it begins."
        ),
    ],
    key: Annotated[
        list[Path] | None,
        typer.Option(
            help="Public key in PEM; once for each, where the key was changed between a receipt and its "
            "addendum. By default those of the data home."
        ),
    ] = None,
    addendum: Annotated[
        Path | None, typer.Option(help="An addendum, which must belong to that very receipt.")
    ] = None,
) -> None:
    """Check that a receipt, or an addendum, was signed by us, not changed since, and says all that it must."""
    from orchestration.requests import receipt_given  # noqa: PLC0415 - loads every package
    from privacy import Receipt, check_addendum, check_facts, is_addendum  # noqa: PLC0415 - as above

    found = receipt_given(paths, file)
    _check_signature(paths, found, key)
    if addendum is None and is_addendum(found):
        facts: ReceiptFacts | AddendumFacts | None = check_addendum(found)
    else:
        facts = check_facts(found)
    _tell_good(found, facts)
    if addendum is not None:
        more = Receipt.from_file(addendum)
        _check_signature(paths, more, key)
        _tell_good(more, check_addendum(more, found))


def _check_signature(paths: Paths, found: Receipt, given: list[Path] | None) -> None:
    from privacy import KeyRing, read_public_key  # noqa: PLC0415 - loads every package
    from privacy import verify_receipt as verify  # noqa: PLC0415 - as above
    from privacy.keys import fingerprint  # noqa: PLC0415 - as above

    if not given:
        verify(found, key=KeyRing(paths.keys).key_of(found.key_id))
        return
    keys = {fingerprint(key): key for key in map(read_public_key, given)}
    # Of one that none has signed the first says so.
    verify(found, key=keys.get(found.key_id, next(iter(keys.values()))))


def _tell_good(found: Receipt, facts: ReceiptFacts | AddendumFacts | None) -> None:
    console.print(f"Good: key {found.key_id} signed it, for {found.subject_request_id}.")
    if facts is not None:
        console.print(facts.summary)


@privacy_app.command("verify-audit")
@with_paths
def verify_audit(*, paths: Paths) -> None:
    """Check that nothing was changed in, or taken out of, the log of all that was done."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from privacy import KeyRing, anchors_of, is_sealed  # noqa: PLC0415 - as above
    from privacy import verify_audit as verify  # noqa: PLC0415 - as above

    company = Company(paths)
    company.require_warehouse()
    keys = KeyRing(paths.keys)
    with company.open_warehouse() as warehouse:
        anchors = anchors_of(warehouse, keys)
        entries = verify(warehouse, anchors=anchors)
    console.print(
        f"Good: {entries:,} entries hold together, {len(anchors):,} signed checkpoints fit them."
    )
    if not is_sealed(keys):
        console.print(
            f"But no seal lies in {paths.keys}: entries after the last receipt may have been cut "
            "off. The next run of requests seals the log; whoever has run one looks who removed it."
        )
