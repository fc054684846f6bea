"""What people must ask of destinations is listed, ticked off with evidence, and signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy import (
    AuditChainError,
    KeyRing,
    PersonalNoteError,
    Receipt,
    ReceiptError,
    TaskDesk,
    TaskError,
    anchors_of,
    check_addendum,
    check_facts,
    is_addendum,
    overdue,
    read_head,
    read_steps,
    read_tasks,
    seal_audit,
    sign_addendum,
    verify_audit,
    verify_receipt,
)
from privacy.receipt import sign_receipt
from privacy.steps import Step, StepLog
from privacy.telling import tell_destinations
from tests.privacy.company import ANN, NOW, Company, Evidence, FakeDestinations

ID = "00000000-0000-4000-8000-000000000001"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
DUE = NOW.replace(month=12, day=20, hour=10)
ONLY_REMOVED = [
    Evidence("ads", told="removal"),
    Evidence("ads", told="removal", sync_key="daily"),
    Evidence("mail"),
    Evidence("social", told="removal"),
]


@pytest.fixture
def erased(company: Company) -> Company:
    """Ann was erased; two of three destinations could only take her out of what was sent."""
    company.ask(("email", ANN, "raw"))
    StepLog(company.warehouse, lambda: NOW, "run-1").receive(company.request_file.read())
    tell(company)
    return company


def tell(company: Company) -> None:
    told = FakeDestinations({"ads": 1, "mail": 1, "social": 1}, ONLY_REMOVED)
    outcome = tell_destinations(told, {ID: ["p_ann_00001"]}, run_id="run-1", now=NOW)
    StepLog(company.warehouse, lambda: NOW, "run-1").record(Step.DESTINATIONS_TOLD, outcome)


def desk(company: Company, *, days: int = 1, by: str = "jo") -> TaskDesk:
    return TaskDesk(company.warehouse, NOW + timedelta(days=days), by, "US")


def test_each_destination_without_a_call_is_a_task_until_somebody_notes_that_they_asked(
    erased: Company,
) -> None:
    before = read_tasks(erased.warehouse)
    assert [(task.destination, task.due_at, task.is_open) for task in before] == [
        ("ads", DUE, True),
        ("social", DUE, True),
    ]
    assert before[0].in_words(NOW).startswith("ads was told to take the person out")
    assert "of what else it keeps, until 2026-12-20; then: candor privacy task done" in (
        before[0].in_words(NOW)
    )
    late = DUE + timedelta(days=1)
    assert "that was due 2026-12-20" in before[0].in_words(late)
    assert [task.warning(NOW) for task in before] == [None, None]
    assert before[0].warning(DUE - timedelta(days=1)) == "90% of the time used"
    assert (overdue(before, DUE), len(overdue(before, late))) == ((), 2)

    desk(erased).done(ID, "ads", evidence=" ticket 4711\n", done_on=date(2026, 11, 25))

    ads, social = read_tasks(erased.warehouse)
    assert (ads.warning(late), social.warning(late)) == (None, "overdue")
    assert ads.in_words(late) == (
        "ads was asked on 2026-11-25 by jo for the deletion of what else it keeps: ticket 4711"
    )
    assert overdue((ads, social), late) == (social,)


def test_a_note_that_was_wrong_is_taken_back_and_both_stay_in_the_log(erased: Company) -> None:
    desk(erased).done(ID, "ads", evidence="ticket 4711")
    with pytest.raises(TaskError, match="it was done on 2026-11-25 by jo"):
        desk(erased).done(ID, "ads", evidence="ticket 4712")
    desk(erased, by="li").reopen(ID, "ads", reason="that ticket was another person's")
    with pytest.raises(TaskError, match="it is open"):
        desk(erased).reopen(ID, "ads", reason="again")

    assert all(task.is_open for task in read_tasks(erased.warehouse))
    taken = [item for item in read_steps(erased.warehouse, ID) if item.step.startswith("task_")]
    assert [(item.step, item.detail["by"]) for item in taken] == [
        ("task_done", "jo"),
        ("task_reopened", "li"),
    ]
    verify_audit(erased.warehouse)
    desk(erased).done(ID, "ads", evidence="ticket 4713")
    assert not read_tasks(erased.warehouse)[0].is_open


def test_what_was_noted_cannot_be_changed_or_taken_out_unseen(erased: Company) -> None:
    keys = KeyRing(erased.home / "keys")
    keys.make_signing_key(has_signed=False)
    desk(erased).done(ID, "ads", evidence="ticket 4711")
    seal_audit(erased.warehouse, keys)
    verify_audit(erased.warehouse, anchors=anchors_of(erased.warehouse, keys))
    for forged in (
        "update privacy.audit_log set detail = replace(detail, '4711', '4712')",
        "delete from privacy.audit_log where action = 'task_done'",
    ):
        erased.warehouse.execute("begin")
        erased.warehouse.execute(forged)
        with pytest.raises(AuditChainError):
            verify_audit(erased.warehouse, anchors=anchors_of(erased.warehouse, keys))
        erased.warehouse.execute("rollback")


@pytest.mark.parametrize(
    "evidence",
    [
        f"asked for {ANN}",
        "she called from (206) 555-7870",
        "+49 151 12345678",
        "0151/12345678",
        "ann (at) maple.example",
        "  ",
        "x" * 301,
    ],
)
def test_evidence_that_tells_an_address_or_telephone_is_refused(
    erased: Company, evidence: str
) -> None:
    for note in (
        lambda: desk(erased).done(ID, "ads", evidence=evidence),
        lambda: desk(erased, by=evidence).done(ID, "ads", evidence="ticket 4711"),
    ):
        with pytest.raises(PersonalNoteError) as refused:
            note()
        assert evidence.strip() == "" or evidence not in str(refused.value)
    assert all(task.is_open for task in read_tasks(erased.warehouse))


@pytest.mark.parametrize(
    "evidence",
    [
        "INC-20261130-0001",
        "case 1048392011",
        "answered 2026-12-01 10:15 as T2065550100",
        "§ 17, 3/26",
    ],
)
def test_numbers_of_tickets_are_evidence(erased: Company, evidence: str) -> None:
    desk(erased).done(ID, "ads", evidence=evidence)

    note = read_tasks(erased.warehouse)[0].note
    assert note is not None
    assert note.evidence == evidence


@pytest.mark.parametrize(
    ("request_id", "destination", "day"),
    [
        (ID, "mail", None),  # it confirmed an erasure
        (ID, ANN, None),
        (f"{ID[:-1]}9", "ads", None),
        (ID, "ads", date(2026, 11, 1)),  # before the person asked
        (ID, "ads", date(2026, 12, 9)),  # not yet
    ],
)
def test_what_was_no_task_or_could_not_be_then_is_refused(
    erased: Company, request_id: str, destination: str, day: date | None
) -> None:
    with pytest.raises(TaskError) as refused:
        desk(erased).done(request_id, destination, evidence="ticket 4711", done_on=day)
    assert ANN not in str(refused.value)


def test_a_destination_that_is_told_again_is_to_be_asked_again(erased: Company) -> None:
    """An erasure that goes back a step: the destination may have got more meanwhile."""
    desk(erased).done(ID, "ads", evidence="ticket 4711")

    tell(erased)  # by the clock that was before the note

    assert all(task.is_open for task in read_tasks(erased.warehouse))
    steps = [taken.step for taken in read_steps(erased.warehouse, ID)]
    assert steps == ["received", "task_done", "destinations_told"]


def test_a_request_that_was_called_off_leaves_no_task(erased: Company) -> None:
    erased.warehouse.execute("update privacy.requests set status = 'cancelled'")

    assert read_tasks(erased.warehouse) == ()


def addendum(company: Company, receipt: Receipt) -> Receipt:
    tasks, head = read_tasks(company.warehouse), read_head(company.warehouse)
    return sign_addendum(receipt, tasks, head=head, key=KEY, now=NOW + timedelta(days=2))


def test_an_addendum_is_checked_as_a_receipt_is_and_belongs_to_one(erased: Company) -> None:
    receipt = sign_receipt({"subject_request_id": ID, "hits": 0}, key=KEY, now=NOW)
    other = sign_receipt({"subject_request_id": ID, "hits": 1}, key=KEY, now=NOW)
    desk(erased).done(ID, "ads", evidence="ticket 4711")

    signed = Receipt.from_json(addendum(erased, receipt).to_json())
    verify_receipt(signed, key=KEY.public_key())
    verify_receipt(receipt, key=KEY.public_key())
    facts = check_addendum(signed, receipt)

    assert (is_addendum(signed), is_addendum(receipt)) == (True, False)
    assert facts.summary == (
        "It says of 2026-11-26: asked for the deletion of what else they keep: ads on 2026-11-25 "
        "(ticket 4711); still to be asked: social."
    )
    assert facts.tasks[0].audit is not None
    assert facts.tasks[0].audit.position == facts.audit.position
    assert "jo" not in json.loads(signed.content).values()
    with pytest.raises(ReceiptError, match="belongs to another receipt"):
        check_addendum(signed, other)
    with pytest.raises(ReceiptError, match="an addendum to a receipt, and no receipt"):
        check_facts(signed)
    with pytest.raises(ReceiptError, match="parts of the addendum are missing"):
        check_addendum(receipt)


@pytest.mark.parametrize(
    "change",
    [
        {"addendum": 2},
        {"addendum": 1, "version": 4},
        {"tasks": []},
        {"tasks": [{"destination": "ads", "due_at": "2026-12-20", "status": "done", "done_on": None,
                    "evidence": None, "audit": None}]},
    ],
)  # fmt: skip
def test_an_addendum_of_another_form_is_refused(erased: Company, change: Mapping[str, Any]) -> None:
    receipt = sign_receipt({"subject_request_id": ID}, key=KEY, now=NOW)
    signed = addendum(erased, receipt)
    content = json.dumps({**signed.facts, **change})
    again = base64.b64encode(KEY.sign(content.encode())).decode()
    forged = replace(signed, content=content)

    with pytest.raises(ReceiptError, match="does not fit"):
        verify_receipt(forged, key=KEY.public_key())
    ours = replace(forged, signature=again)
    verify_receipt(ours, key=KEY.public_key())
    with pytest.raises(ReceiptError, match="not as they must be"):
        check_addendum(ours, receipt)
    with pytest.raises(ReceiptError, match="another time of issue"):
        verify_receipt(replace(ours, issued_at=NOW), key=KEY.public_key())
