"""A legal hold keeps one person's data until it ends, and then lets go by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from privacy import (
    HoldError,
    Holds,
    IdentityType,
    LegalHold,
    RequestDesk,
    RetentionConfig,
    SubjectIdentity,
    TableLocation,
    enforce_retention,
    place_hold,
    plan_erasure,
    read_standing,
    verify_audit,
)
from privacy.steps import Step, StepLog
from tests.privacy.company import (
    ALL_TABLES,
    ANN,
    ANN_DEVICE,
    ANN_PHONE,
    BEN,
    FAMILY_MAIL,
    NEIGHBOUR_MAIL,
    NOW,
    PEOPLE,
    Company,
    FakeDestinations,
)
from tests.privacy.test_erase import ID, SECOND, Killed, _kill_at
from warehouse import Trace

UNTIL = NOW + timedelta(days=30)


def _hold(
    company: Company,
    value: str = ANN,
    kind: IdentityType = IdentityType.EMAIL,
    *,
    until_at: datetime | None = None,
) -> LegalHold:
    identity = SubjectIdentity(identity_type=kind, identity_value=value, identity_format="raw")
    return place_hold(
        [identity], company.context(), reason="case 7", until_at=until_at, by="counsel"
    )


def _holds(company: Company, *, now: datetime = NOW) -> Holds:
    return Holds(company.warehouse, company.suppressions.keys, now)


def _goes_on(company: Company, until: str = "suppressed: 1 requests", **changes: object) -> bool:
    """Whether a run takes the request further; it is killed there, as the whole takes seconds."""
    with pytest.raises(Killed):
        company.erase(progress=_kill_at(until), **changes)
    return True


def _everything(company: Company) -> dict[str, list[tuple[object, ...]]]:
    return {table: company.rows(table) for table in PEOPLE}


def _retain(company: Company, days: int = 1) -> list[tuple[int, int]]:
    config = RetentionConfig.model_validate({"tables": {"raw.events": {"days": days}}})
    outcomes = enforce_retention(
        company.warehouse, config, ALL_TABLES, now=NOW, run_id="run-1",
        held=_holds(company).held_keys(),
    )  # fmt: skip
    return [(outcome.rows_deleted, outcome.rows_held) for outcome in outcomes]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(ANN, IdentityType.EMAIL, id="email"),
        pytest.param("(206) 555-7870", IdentityType.PHONE, id="phone"),
        pytest.param("ann-user-77", IdentityType.USER_ID, id="user"),
        pytest.param(ANN_DEVICE, IdentityType.ANONYMOUS_ID, id="device"),
        pytest.param("ann-record-1", IdentityType.CUSTOMER_ID, id="record"),
    ],
)
def test_a_hold_by_any_identifier_stops_a_request_by_any_other(
    company: Company, value: str, kind: IdentityType
) -> None:
    hold = _hold(company, value, kind)
    before = _everything(company)
    company.ask(("email", ANN, "raw"), number=1)
    company.ask(("controller_customer_id", "ann-record-2", "raw"), number=2)
    told = FakeDestinations({"ads": 1})

    report = company.erase(destinations=told)

    reason = f"legal hold {hold.hold_id} keeps the person's data until it is released"
    assert report.on_hold == {ID: [reason], SECOND: [reason]}
    assert (report.receipts, report.blocked, told.told) == ((), {}, [])
    assert _everything(company) == before
    assert company.rows("privacy.suppressions") == []


def test_nobody_else_is_held(company: Company) -> None:
    _hold(company)
    company.ask(("email", BEN, "raw"))

    assert _goes_on(company)


def test_what_two_persons_share_holds_neither_and_is_refused_as_a_name(company: Company) -> None:
    with pytest.raises(HoldError, match="held by 2 persons"):
        _hold(company, FAMILY_MAIL)

    assert _holds(company).read() == ()


def test_the_request_says_so_and_its_deadline_runs_and_warns(company: Company) -> None:
    _hold(company)
    company.ask(("email", ANN, "raw"))
    company.erase()

    (standing,) = read_standing(company.warehouse)

    assert (standing.status, standing.step) == ("on_hold", "received")
    assert standing.due_at == datetime.fromisoformat("2026-12-20T10:00")
    assert standing.warning(datetime.fromisoformat("2026-12-19")) == "90% of the time used"
    assert standing.warning(datetime.fromisoformat("2026-12-21")) == "overdue"


def test_once_released_the_request_goes_on_by_itself_with_what_came_meanwhile(
    company: Company,
) -> None:
    hold = _hold(company)
    company.ask(("email", ANN, "raw"))
    company.erase()
    company.warehouse.execute("insert into identity.members values ('crm', 'new', 'p_ann_00001')")
    company.warehouse.execute(
        "insert into raw.person_records (source, source_record_id) values ('crm', 'new')"
    )

    _holds(company).release(hold.hold_id, by="counsel", reason="settled")
    report = company.erase()

    assert "'new'" not in str(_everything(company))
    assert [receipt.subject_request_id for receipt in report.receipts] == [ID]
    assert not [row for table in PEOPLE for row in company.rows(table) if "p_ann" in str(row)]


def test_a_hold_ends_with_its_last_day(company: Company) -> None:
    hold = _hold(company, until_at=UNTIL)
    company.ask(("email", ANN, "raw"))
    waiting = company.erase(now=UNTIL - timedelta(seconds=1))

    assert waiting.on_hold == {
        ID: [f"legal hold {hold.hold_id} keeps the person's data until 2026-12-24"]
    }
    assert _goes_on(company, now=UNTIL)
    assert [item.status(UNTIL) for item in _holds(company).read()] == ["ended"]


def test_the_last_of_several_holds_lets_go(company: Company) -> None:
    first, second = _hold(company), _hold(company, ANN_PHONE, IdentityType.PHONE)
    company.ask(("email", ANN, "raw"))

    _holds(company).release(first.hold_id, by="counsel", reason="settled")
    held = company.erase()
    _holds(company).release(second.hold_id, by="counsel", reason="settled")

    assert list(held.on_hold) == [ID]
    assert _goes_on(company)


@pytest.mark.parametrize("step", [Step.PLANNED, Step.SUPPRESSED, Step.DESTINATIONS_TOLD])
def test_a_hold_stops_an_erasure_that_had_begun_and_lets_the_person_in_again(
    company: Company, step: Step
) -> None:
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at(f"{Step(list(Step)[step.number + 1])}: 1 requests"))
    before = _everything(company)
    hold = _hold(company)

    report = company.erase()

    assert list(report.on_hold) == [ID]
    assert _everything(company) == before
    assert company.rows("privacy.suppressions") == []
    assert not (company.home / "privacy" / ID).exists()
    _holds(company).release(hold.hold_id, by="counsel", reason="settled")
    assert _goes_on(company)


def test_a_row_that_also_names_somebody_who_is_held_puts_the_erasure_on_hold(
    company: Company,
) -> None:
    company.warehouse.execute(
        "insert into raw.events values ('e8', 'ben-device-0001', 'ann-user-77', $ben, '{}', "
        "'2026-03-06')",
        {"ben": BEN},
    )
    hold = _hold(company, BEN)
    company.ask(("email", ANN, "raw"), number=1)
    company.ask(("email", NEIGHBOUR_MAIL, "raw"), number=2)
    before = company.rows("raw.events")

    _, against = plan_erasure(company.request_file.read(), company.context(request_places=()))
    assert _goes_on(company)  # the neighbour's
    waiting = company.warehouse.read(
        "select subject_request_id, reasons from privacy.requests where status = 'on_hold'"
    ).to_pylist()
    kept = company.rows("raw.events")
    _holds(company).release(hold.hold_id, by="counsel", reason="settled")

    reason = "1 rows of raw.events are shared with a person under a legal hold"
    assert against == {ID: [reason]}
    assert waiting == [{"subject_request_id": ID, "reasons": json.dumps([reason])}]
    assert kept == before
    assert _goes_on(company, "suppressed: 2 requests")


def test_a_hold_that_comes_after_the_plan_keeps_shared_rows_too(company: Company) -> None:
    company.warehouse.execute(
        "insert into raw.events values ('e8', null, 'ann-user-77', $ben, '{}', '2026-03-06')",
        {"ben": BEN},
    )
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at("erased: 1 requests"))
    _hold(company, BEN)

    assert list(company.erase().on_hold) == [ID]
    assert "'e8'" in str(company.rows("raw.events"))


class _Killing(TableLocation):
    """Stands for a kill in the middle of the step that erases."""

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        raise Killed


def test_a_hold_keeps_the_plan_of_an_erasure_of_which_some_rows_are_gone(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    *places, profiles, artifacts = [
        place for place in company.locations() if not place.name.startswith("privacy.")
    ]
    killing = _Killing(company.warehouse, profiles.table)
    with pytest.raises(Killed):
        company.erase(locations=[*places, killing, artifacts])
    hold = _hold(company)

    report = company.erase()
    waiting = company.rows("marts.profiles")
    _holds(company).release(hold.hold_id, by="counsel", reason="settled")
    receipts = company.erase().receipts

    assert list(report.on_hold) == [ID]
    assert waiting == PEOPLE["marts.profiles"]
    assert [receipt.subject_request_id for receipt in receipts] == [ID]
    assert "p_ann" not in str(_everything(company))


def test_a_kill_while_an_erasure_is_put_on_hold_leaves_its_suppressions(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at("destinations_told: 1 requests"))
    before = company.rows("privacy.suppressions")
    _hold(company)

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(StepLog, "record", killed)
    with pytest.raises(Killed):
        company.erase()

    assert before
    assert company.rows("privacy.suppressions") == before


def test_rows_that_are_gone_already_are_not_kept(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at("compacted: 1 requests"))
    _hold(company)

    assert _goes_on(company, "verified_no_trace: 1 requests")


def test_a_plan_shows_the_hold(company: Company) -> None:
    hold = _hold(company)
    company.ask(("email", ANN, "raw"))

    _, against = plan_erasure(company.request_file.read(), company.context(request_places=()))

    assert hold.hold_id in str(against[ID])


def test_a_request_on_hold_can_be_called_off(company: Company) -> None:
    _hold(company)
    company.ask(("email", ANN, "raw"))
    company.erase()

    RequestDesk(company.warehouse, company.home, NOW, "clerk").cancel(ID, reason="sent twice")

    assert read_standing(company.warehouse)[0].status == "cancelled"


def test_retention_keeps_the_rows_of_who_is_held(company: Company) -> None:
    _hold(company)

    counts = _retain(company)

    assert [row[0] for row in company.rows("raw.events")] == ["e1", "e2", "e3", "e4", "e6"]
    assert counts == [(2, 5)]  # e4 and e6 came from a browser and an address that Ann uses too
    recorded = company.warehouse.read("select rows_deleted, rows_held from privacy.retention_runs")
    assert recorded.to_pylist() == [{"rows_deleted": 2, "rows_held": 5}]


def test_retention_goes_on_after_the_hold(company: Company) -> None:
    hold = _hold(company)
    _retain(company)
    _holds(company).release(hold.hold_id, by="counsel", reason="settled")

    assert _retain(company) == [(5, 0)]


def test_somebody_who_comes_after_the_hold_is_held(company: Company) -> None:
    _hold(company, "late@maple.example")
    for statement in (
        "insert into identity.members values ('crm', 'late', 'p_late')",
        "insert into identity.identifiers values ('crm', 'late', 'email', 'late@maple.example', false)",
        "insert into raw.events values ('e8', null, null, 'late@maple.example', '{}', '2026-01-01')",
    ):
        company.warehouse.execute(statement)
    before = company.rows("privacy.hold_records")
    held = _holds(company).held_keys(dry_run=True)

    assert company.rows("privacy.hold_records") == before
    assert held.equals(_holds(company).held_keys())
    assert len(company.rows("privacy.hold_records")) == len(before) + 1
    assert _retain(company) == [(7, 1)]


def test_a_hold_on_nobody_is_refused(company: Company) -> None:
    with pytest.raises(HoldError, match="nobody here is known by that"):
        _hold(company, "no-such-record", IdentityType.CUSTOMER_ID)


def test_a_hold_that_would_have_ended_is_refused(company: Company) -> None:
    with pytest.raises(HoldError, match="its last day has passed"):
        _hold(company, until_at=NOW)


def test_a_hold_is_released_once(company: Company) -> None:
    hold = _hold(company)
    _holds(company).release(hold.hold_id, by="counsel", reason="settled")

    with pytest.raises(HoldError, match="is released already"):
        _holds(company).release(hold.hold_id, by="counsel", reason="settled")
    with pytest.raises(HoldError, match="there is no hold"):
        _holds(company).release("nothing", by="counsel", reason="settled")


def test_after_the_end_only_the_fact_is_kept(company: Company) -> None:
    hold = _hold(company)
    _holds(company).release(hold.hold_id, by="counsel", reason="settled")

    assert company.rows("privacy.hold_identifiers") == company.rows("privacy.hold_records") == []
    (kept,) = _holds(company).read()
    assert kept == replace(hold, ended_at=NOW, ended_by="counsel", end_reason="settled", records=0)


def test_every_act_is_in_the_audit_log_without_a_word_about_the_person(company: Company) -> None:
    hold = _hold(company)
    company.ask(("email", ANN, "raw"))
    company.erase()
    _holds(company).release(hold.hold_id, by="counsel", reason="settled")

    log = company.warehouse.read(
        "select action, subject, detail from privacy.audit_log"
    ).to_pylist()

    acts = [(row["action"], row["subject"]) for row in log]
    assert acts == [
        ("hold_placed", hold.hold_id), ("received", ID), ("on_hold", ID), ("hold_released", hold.hold_id),
    ]  # fmt: skip
    placed = json.loads(log[0]["detail"])
    assert (placed["by"], placed["reason"], placed["until"]) == ("counsel", "case 7", None)
    assert not [value for value in (ANN, ANN_DEVICE, "ann-") if value in str(log)]
    assert verify_audit(company.warehouse) == 4


def test_identifiers_of_held_persons_are_kept_as_keyed_hashes(company: Company) -> None:
    _hold(company)

    hashed = company.rows("privacy.hold_identifiers")

    assert {row[1] for row in hashed} == {
        "email", "phone", "user_id", "anonymous_id", "person_id", "source_record",
    }  # fmt: skip
    assert ANN not in str(hashed)
