"""An objection denies purposes of one person, until it is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import pyarrow as pa
import pytest

from ingestion.inventory import EVENTS, LOADS
from privacy import (
    ConsentConfig,
    ObjectionReport,
    TableLocation,
    attribute_objections,
    extend_objections,
    read_standing,
    record_signals,
    restricted,
    rotate_key,
    serve_objections,
)
from privacy.inventory import TABLES as PRIVACY_TABLES
from privacy.requests import SubjectRequest, hashed
from privacy.steps import Outcome, Step, StepLog
from tests.privacy.company import (
    ALL_TABLES,
    ANN,
    ANN_DEVICE,
    ANN_PHONE,
    BEN,
    FAMILY_MAIL,
    NOW,
    SHARED_DEVICE,
    TABLES,
    Company,
)
from tests.privacy.test_erase import ID, Killed
from tests.privacy.test_holds import _hold
from warehouse import DuckDBWarehouse, TableName, Warehouse

CONFIG = ConsentConfig.model_validate(
    {
        "purposes": {name: {"description": name} for name in ("analytics", "advertising", "mail")},
        "objections": {
            "gdpr": {
                "objection": ["mail", "advertising"],
                "profiling_objection": ["profiling"],
            },
            "ccpa": {"gpc": ["advertising"]},
        },
    }
)
ASKED = datetime.fromisoformat("2026-11-20T10:00")


def _serve(company: Company, **changes: object) -> ObjectionReport:
    profiles = next(table for table in ALL_TABLES if str(table.name) == "marts.profiles")
    return serve_objections(
        company.request_file.read(), company.context(**changes), CONFIG,
        profiles=[TableLocation(company.warehouse, profiles)],
    )  # fmt: skip


def _objecting(warehouse: Warehouse) -> set[tuple[str, str, bool]]:
    rows = warehouse.read("select * from privacy.objecting_persons").to_pylist()
    return {(row["person_id"], row["purpose"], row["withdrawn_at"] is None) for row in rows}


def test_an_objection_denies_the_purposes_of_its_law_and_kind(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="objection")

    report = _serve(company)

    assert (report.served, report.blocked) == ((ID,), {})
    assert _objecting(company.warehouse) == {
        ("p_ann_00001", "mail", True), ("p_ann_00001", "advertising", True),
    }  # fmt: skip


def test_a_kind_that_nobody_mapped_denies_everything(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="do_not_sell_or_share")

    _serve(company)

    assert {purpose for _, purpose, _ in _objecting(company.warehouse)} == {
        "analytics", "advertising", "mail", "profiling",
    }  # fmt: skip


def test_every_identifier_of_the_person_objects_but_none_that_others_hold(
    company: Company,
) -> None:
    company.ask(("phone", ANN_PHONE, "raw"), kind="objection")

    _serve(company)

    said = str(company.rows("privacy.objections"))
    assert all(value in said for value in (ANN, ANN_DEVICE, "ann-user-77", "ann-record-2"))
    assert FAMILY_MAIL not in said
    assert SHARED_DEVICE not in said


def test_an_address_that_two_hold_objects_for_both(company: Company) -> None:
    company.ask(("email", FAMILY_MAIL, "raw"), kind="objection")

    assert _serve(company).blocked == {}
    assert {person for person, _, _ in _objecting(company.warehouse)} == {
        "p_ann_00001", "p_ben_00001",
    }  # fmt: skip


def test_a_hash_that_two_hold_objects_for_both(company: Company) -> None:
    company.ask(("email", sha256(FAMILY_MAIL.encode()).hexdigest(), "sha256"), kind="objection")

    assert _serve(company).served == (ID,)
    assert {person for person, _, _ in _objecting(company.warehouse)} == {
        "p_ann_00001", "p_ben_00001",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        pytest.param(("controller_customer_id", "late", "raw"), "nobody is known", id="customer"),
        pytest.param(
            ("ios_advertising_id", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "raw"),
            "not held here", id="advertising-id",
        ),
    ],
)  # fmt: skip
def test_who_is_not_known_yet_is_no_reason_to_call_it_done(
    company: Company, identity: tuple[str, str, str], reason: str
) -> None:
    company.ask(identity, kind="objection")

    report = _serve(company)

    assert report.served == ()
    assert reason in str(report.blocked[ID])
    assert [case.status for case in read_standing(company.warehouse)] == ["blocked"]
    assert company.request_file.read()[0].subject_identities


LATE, LATE_HASH = "late@maple.example", sha256(b"late@maple.example").hexdigest()


def _arrives(company: Company, *, kind: str = "email", value: str = LATE) -> None:
    """Somebody comes who was not known."""
    company.warehouse.execute("insert into identity.members values ('crm', 'late', 'p_late')")
    company.warehouse.execute(
        "insert into identity.identifiers values ('crm', 'late', $kind, $value, false)",
        {"kind": kind, "value": value},
    )


def test_who_was_not_known_is_denied_once_they_come(company: Company) -> None:
    company.ask(("controller_customer_id", "late", "raw"), kind="objection")
    _serve(company)
    _arrives(company)

    report = _serve(company)

    assert (report.served, report.blocked) == ((ID,), {})
    assert {person for person, _, _ in _objecting(company.warehouse)} == {"p_late"}


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([], id="alone"),
        pytest.param([("email", ANN, "raw")], id="beside-somebody-known"),
        pytest.param([("email", sha256(BEN.encode()).hexdigest(), "sha256")], id="beside-a-known-hash"),
    ],
)  # fmt: skip
def test_a_hash_of_nobody_is_kept_until_somebody_has_the_value(
    company: Company, others: list[tuple[str, str, str]]
) -> None:
    company.ask(*others, ("email", LATE_HASH.upper(), "sha256"), kind="objection")
    served = _serve(company).served
    before = {person for person, _, _ in _objecting(company.warehouse)}
    stored = str(company.rows("privacy.objection_hashes"))
    _arrives(company)

    _serve(company)

    after = {person for person, _, _ in _objecting_now(company)}
    assert served == (ID,)
    assert LATE_HASH not in stored
    assert LATE_HASH not in company.request_file.path.read_text().lower()
    assert after - before == {"p_late"}
    assert company.rows("privacy.objection_hashes") == []


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [("phone", "+12065550199", "md5"), ("user_id", "late-user-1", "sha1"),
     ("anonymous_id", "late-device-1", "sha256")],
)  # fmt: skip
def test_so_is_one_of_any_kind_hashed_in_any_way(
    company: Company, kind: str, value: str, name: str
) -> None:
    company.ask((kind, hashed(name, value), name), kind="do_not_sell_or_share")
    _serve(company)
    rotate_key(company.warehouse, company.suppressions.keys, by="admin", now=NOW)
    _arrives(company, kind=kind, value=value)

    _serve(company)

    assert {person for person, _, _ in _objecting_now(company)} == {"p_late"}


@pytest.mark.parametrize("form", ["raw", "sha256"])
def test_a_withdrawal_ends_what_a_hash_of_nobody_said(company: Company, form: str) -> None:
    company.ask(("email", LATE_HASH, "sha256"), kind="objection")
    _serve(company)
    given = LATE if form == "raw" else LATE_HASH
    company.ask(("email", given, form), kind="objection_withdrawn", number=2)

    report = _serve(company)
    _arrives(company)
    _serve(company)

    assert len(report.served) == 1
    assert _objecting_now(company) == set()


@pytest.mark.parametrize("step", [Step.ACKNOWLEDGED, Step.COMPLETED])
def test_a_kill_between_the_withdrawal_of_a_hash_and_its_record_loses_neither(
    company: Company, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    company.ask(("email", LATE_HASH, "sha256"), kind="objection")
    _serve(company)
    company.ask(("email", LATE_HASH, "sha256"), kind="objection_withdrawn", number=2)
    record = StepLog.record

    def killed(log: StepLog, done: Step, outcome: Outcome) -> None:
        if done is step:
            raise Killed
        record(log, done, outcome)

    monkeypatch.setattr(StepLog, "record", killed)
    with pytest.raises(Killed):
        _serve(company)
    monkeypatch.setattr(StepLog, "record", record)

    report = _serve(company)

    assert (len(report.served), report.blocked) == (1, {})
    assert company.rows("privacy.objection_hashes") == []


def _objecting_now(company: Company) -> set[tuple[str, str, bool]]:
    attribute_objections(company.warehouse)
    return _objecting(company.warehouse)


def test_an_objection_counts_for_who_comes_later(company: Company) -> None:
    company.ask(("email", "late@maple.example", "raw"), kind="objection")
    _serve(company)
    company.warehouse.execute("insert into identity.members values ('crm', 'late', 'p_late')")
    company.warehouse.execute(
        "insert into identity.identifiers values ('crm', 'late', 'email', 'late@maple.example', false)"
    )

    attribute_objections(company.warehouse)

    assert {person for person, _, _ in _objecting(company.warehouse)} == {"p_late"}


def test_after_a_merge_the_one_person_objects(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="objection")
    _serve(company)
    company.warehouse.execute("update identity.members set person_id = 'p_one'")

    attribute_objections(company.warehouse)

    assert {person for person, _, _ in _objecting(company.warehouse)} == {"p_one"}


def test_after_a_split_each_who_holds_what_objected_does(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="objection")
    _serve(company)
    company.warehouse.execute(
        "update identity.members set person_id = 'p_other' where source_record_id = 'ann-record-2'"
    )

    attribute_objections(company.warehouse)

    assert {person for person, _, _ in _objecting(company.warehouse)} == {
        "p_ann_00001", "p_other",
    }  # fmt: skip


def test_only_the_person_ends_it(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="objection")
    company.ask(("email", BEN, "raw"), kind="objection_withdrawn", number=2)
    _serve(company)
    before = _objecting(company.warehouse)
    company.ask(("user_id", "ann-user-77", "raw"), kind="objection_withdrawn", number=3)

    _serve(company)

    assert {stands for _, _, stands in before} == {True}
    assert {stands for _, _, stands in _objecting(company.warehouse)} == {False}


def test_who_withdraws_by_what_others_hold_too_ends_no_objection_of_theirs(
    company: Company,
) -> None:
    company.ask(("email", FAMILY_MAIL, "raw"), ("email", BEN, "raw"), kind="objection")
    company.ask(("email", ANN, "raw"), kind="objection", number=2)
    _serve(company)
    company.ask(
        ("email", ANN, "raw"), ("email", FAMILY_MAIL, "raw"),
        kind="objection_withdrawn", number=3,
    )  # fmt: skip

    _serve(company)

    standing = company.warehouse.read("select * from privacy.objections where withdrawn_at is null")
    assert {row["email"] for row in standing.to_pylist() if row["email"]} == {BEN, FAMILY_MAIL}
    assert ("p_ben_00001", "mail", True) in _objecting(company.warehouse)


def test_a_withdrawal_that_names_nobody_in_particular_is_blocked(company: Company) -> None:
    company.ask(("email", FAMILY_MAIL, "raw"), kind="objection")
    _serve(company)
    before = _objecting(company.warehouse)
    company.ask(("email", FAMILY_MAIL, "raw"), kind="objection_withdrawn", number=2)

    report = _serve(company)

    assert "held by 2 persons" in str(report.blocked)
    assert report.served == ()
    assert _objecting(company.warehouse) == before


def test_a_request_is_recorded_once_and_loses_its_identity(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="objection")
    _serve(company)
    rows = company.rows("privacy.objections")

    _serve(company)

    assert company.rows("privacy.objections") == rows
    assert ANN not in company.request_file.path.read_text()
    (standing,) = read_standing(company.warehouse)
    assert (standing.status, standing.request_type) == ("completed", "objection")


def test_who_objects_to_profiling_leaves_what_was_computed(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="profiling_objection")

    _serve(company)

    assert {row[0] for row in company.rows("marts.profiles")} == {"p_ben_00001", "p_joann_001"}


def test_a_legal_hold_keeps_what_was_computed_of_who_objects_to_profiling(
    company: Company,
) -> None:
    _hold(company)
    before = company.rows("marts.profiles")
    company.ask(("email", ANN, "raw"), kind="profiling_objection")

    report = _serve(company)

    assert report.served == (ID,)
    assert company.rows("marts.profiles") == before


def test_an_objection_to_mail_takes_nobody_out_of_profiles(company: Company) -> None:
    before = company.rows("marts.profiles")
    company.ask(("email", ANN, "raw"), kind="objection")

    _serve(company)

    assert company.rows("marts.profiles") == before


def _with_sms(**objections: Sequence[str]) -> ConsentConfig:
    said = CONFIG.model_dump(mode="json")
    said["purposes"]["sms"] = {"description": "sms"}
    said["objections"]["gdpr"] |= objections
    return ConsentConfig.model_validate(said)


def test_an_objection_to_everything_covers_purposes_that_come_later(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="do_not_sell_or_share")
    company.ask(("email", BEN, "raw"), kind="objection", number=2)
    _serve(company)

    extend_objections(company.warehouse, _with_sms(), now=NOW + timedelta(days=1))
    attribute_objections(company.warehouse)

    assert {who for who, purpose, _ in _objecting(company.warehouse) if purpose == "sms"} == {
        "p_ann_00001"
    }
    since = company.warehouse.read(
        "select distinct objected_at, recorded_at from privacy.objections where purpose = 'sms'"
    )
    assert since.to_pylist() == [{"objected_at": ASKED, "recorded_at": NOW + timedelta(days=1)}]


def test_a_purpose_that_a_kind_denies_by_now_is_denied_once_to_those_of_before(
    company: Company,
) -> None:
    company.ask(("email", BEN, "raw"), kind="objection")
    company.ask(("email", ANN, "raw"), kind="objection", number=2)
    _serve(company)
    company.ask(("email", ANN, "raw"), kind="objection_withdrawn", number=3)
    _serve(company)
    config = _with_sms(objection=["mail", "advertising", "sms"])

    first = extend_objections(company.warehouse, config, now=NOW)
    attribute_objections(company.warehouse)

    assert first > 0
    assert extend_objections(company.warehouse, config, now=NOW) == 0
    assert {who for who, purpose, _ in _objecting(company.warehouse) if purpose == "sms"} == {
        "p_ben_00001"
    }


def test_an_erasure_takes_the_objection_too(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="objection")
    _serve(company)
    company.ask(("email", ANN, "raw"), number=2)

    report = company.erase()

    assert len(report.receipts) == 1
    assert company.rows("privacy.objections") == company.rows("privacy.objecting_persons") == []


def test_an_erasure_on_hold_denies_every_purpose_and_reaches_no_destination(
    company: Company,
) -> None:
    hold = _hold(company)
    company.ask(("email", ANN, "raw"))
    contacts = pa.table({"kind": ["email", "email", "phone"], "value": [ANN, BEN, ANN_PHONE]})

    company.erase(purposes=CONFIG.uses)
    company.erase(purposes=CONFIG.uses)

    assert {purpose for _, purpose, _ in _objecting(company.warehouse)} == set(CONFIG.uses)
    assert set(restricted(company.warehouse, contacts)["value"].to_pylist()) == {ANN, ANN_PHONE}
    assert hold.hold_id in str(company.rows("privacy.requests"))


def test_who_is_held_cannot_lift_it_by_withdrawing_an_objection(company: Company) -> None:
    _hold(company)
    company.ask(("email", ANN, "raw"))
    company.erase(purposes=CONFIG.uses)
    company.ask(("email", ANN, "raw"), kind="objection_withdrawn", number=2)

    _serve(company)

    assert {stands for _, _, stands in _objecting(company.warehouse)} == {True}


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        pytest.param("2026-11-20T10:00", "2026-12-11T10:00", id="friday"),
        pytest.param("2026-11-21T10:00", "2026-12-11T10:00", id="saturday"),
        pytest.param("2026-11-23T10:00", "2026-12-14T10:00", id="monday"),
    ],
)
def test_an_opt_out_of_sale_is_due_within_fifteen_business_days(asked: str, due: str) -> None:
    """CCPA regulations section 7026(f)."""
    assert _opt_out(asked).due_at == datetime.fromisoformat(due)


def _opt_out(asked: str) -> SubjectRequest:
    return SubjectRequest.model_validate(
        {
            "regulation": "ccpa", "subject_request_id": ID,
            "subject_request_type": "do_not_sell_or_share", "submitted_time": f"{asked}:00Z",
            "subject_identities": [
                {"identity_type": "email", "identity_value": ANN, "identity_format": "raw"}
            ],
        }
    )  # fmt: skip


# Signals


@pytest.fixture
def browsers() -> Warehouse:
    warehouse = DuckDBWarehouse.in_memory()
    graph = [table for table in TABLES if table.name.schema == "identity"]
    warehouse.create_missing([EVENTS, LOADS, *graph, *PRIVACY_TABLES])
    return warehouse


def _event(context: str, *, at: datetime = ASKED, **who: str) -> dict[str, object]:
    return {"context": context, "timestamp": at, "anonymous_id": None, "user_id": None,
            "email": None, **who}  # fmt: skip


def _signals(warehouse: Warehouse, events: Sequence[dict[str, object]]) -> set[tuple[object, ...]]:
    warehouse.append(TableName("raw", "events"), pa.Table.from_pylist(list(events)))
    record_signals(warehouse, CONFIG, now=NOW)
    rows = warehouse.read("select * from privacy.objections").to_pylist()
    return {
        (row["anonymous_id"] or row["user_id"] or row["email"], row["purpose"], row["objected_at"])
        for row in rows
    }


@pytest.mark.parametrize(
    ("context", "counts"),
    [
        pytest.param('{"gpc": true}', True, id="field"),
        pytest.param('{"globalPrivacyControl": 1}', True, id="property-of-the-browser"),
        pytest.param('{"headers": {"Sec-GPC": "1"}}', True, id="header"),
        pytest.param('{"headers": {"sec-gpc": "1"}}', True, id="header-in-small-letters"),
        pytest.param('{"Headers": {"SEC-GPC": true}}', True, id="header-in-capitals"),
        pytest.param('{"gpc": false}', False, id="off"),
        pytest.param('{"gpc": null}', False, id="null"),
        pytest.param('{"page": {"title": "gpc explained"}}', False, id="a-word"),
        pytest.param('{"gpc": ', False, id="broken"),
    ],
)
def test_a_signal_is_read_where_events_carry_it(
    browsers: Warehouse, context: str, counts: bool
) -> None:
    found = _signals(browsers, [_event(context, anonymous_id="d1")])

    assert found == ({("d1", "advertising", ASKED)} if counts else set())


def test_a_signal_counts_for_the_browser_and_for_who_is_signed_in(browsers: Warehouse) -> None:
    later = ASKED + timedelta(days=1)
    found = _signals(
        browsers,
        [
            _event('{"gpc": true}', anonymous_id="d1", at=later),
            _event('{"gpc": true}', anonymous_id="d1", user_id="u1", email="A@x.example"),
        ],
    )

    assert found == {
        ("d1", "advertising", ASKED), ("u1", "advertising", ASKED),
        ("a@x.example", "advertising", ASKED),
    }  # fmt: skip


def test_a_signal_is_recorded_once_and_outlasts_its_event(browsers: Warehouse) -> None:
    event = _event('{"gpc": true}', anonymous_id="d1")
    first = _signals(browsers, [event])

    again = _signals(browsers, [event, _event("{}", anonymous_id="d1")])
    browsers.execute("delete from raw.events")
    browsers.execute("insert into identity.members values ('devices', 'd1', 'p1')")
    attribute_objections(browsers)

    assert again == first
    assert browsers.scalar("select count(*) from privacy.objections") == 1
    assert _objecting(browsers) == {("p1", "advertising", True)}


def test_a_signal_after_a_withdrawal_counts_again(browsers: Warehouse) -> None:
    _signals(browsers, [_event('{"gpc": true}', anonymous_id="d1")])
    browsers.execute(
        "update privacy.objections set withdrawn_at = $at, withdrawal_recorded_at = $at",
        {"at": ASKED + timedelta(days=1)},
    )
    before = browsers.scalar("select count(*) from privacy.objections")
    record_signals(browsers, CONFIG, now=NOW)
    unchanged = browsers.scalar("select count(*) from privacy.objections")

    _signals(browsers, [_event('{"gpc": 1}', anonymous_id="d1", at=ASKED + timedelta(days=2))])

    after = browsers.scalar("select count(*) from privacy.objections where withdrawn_at is null")
    assert (before, unchanged, after) == (1, 1, 1)


def _load(warehouse: Warehouse, load_id: str, *, at: datetime, events: Sequence[dict[str, object]],
          stored_at: datetime | None = None) -> None:  # fmt: skip
    """Store events as a load does."""
    row = {"load_id": load_id, "source": "web", "loaded_at": at, "stored_at": stored_at or at}
    warehouse.append(LOADS.name, pa.Table.from_pylist([row]))
    told = [{**event, "load_id": load_id} for event in events]
    warehouse.append(EVENTS.name, pa.Table.from_pylist(told))


def _who(warehouse: Warehouse) -> set[object]:
    return set(warehouse.read("select anonymous_id from privacy.objections")[0].to_pylist())


def test_only_events_of_new_loads_are_read(browsers: Warehouse) -> None:
    """What was read before is not read again: here it would be found, as its rows are changed."""
    _load(browsers, "l1", at=NOW, events=[_event("{}", anonymous_id="d1")])
    record_signals(browsers, CONFIG, now=NOW)
    browsers.execute("""update raw.events set context = '{"gpc": true}'""")
    _load(
        browsers, "l2", at=NOW + timedelta(days=1),
        events=[_event('{"gpc": true}', anonymous_id="d2")],
    )  # fmt: skip

    rows = record_signals(browsers, CONFIG, now=NOW + timedelta(days=1))

    assert (rows, _who(browsers)) == (1, {"d2"})


def test_a_file_that_is_loaded_again_is_read_again(browsers: Warehouse) -> None:
    """It keeps the time of its first load; what it brings by now may be another."""
    _load(browsers, "l1", at=NOW, events=[_event("{}", anonymous_id="d1")])
    record_signals(browsers, CONFIG, now=NOW)
    browsers.execute("delete from raw.loads")
    browsers.execute("delete from raw.events")
    again = NOW + timedelta(days=1)
    _load(browsers, "l1", at=NOW, stored_at=again, events=[_event('{"gpc": 1}', anonymous_id="d1")])

    record_signals(browsers, CONFIG, now=again)

    assert _who(browsers) == {"d1"}


def test_all_events_are_read_again_where_another_field_is_a_signal_by_now(
    browsers: Warehouse,
) -> None:
    _load(browsers, "l1", at=NOW, events=[_event('{"optOut": true}', anonymous_id="d1")])
    record_signals(browsers, CONFIG, now=NOW)
    before = _who(browsers)

    record_signals(
        browsers, CONFIG.model_copy(update={"gpc_fields": ("optOut",)}), now=NOW + timedelta(days=1)
    )

    assert (before, _who(browsers)) == (set(), {"d1"})


def test_a_signal_that_was_read_before_the_withdrawal_and_came_after_it_counts(
    browsers: Warehouse,
) -> None:
    _load(
        browsers, "l1", at=NOW,
        events=[_event('{"gpc": 1}', anonymous_id="d1", at=ASKED + timedelta(days=n)) for n in (0, 2)],
    )  # fmt: skip
    record_signals(browsers, CONFIG, now=NOW)
    later = NOW + timedelta(days=1)
    browsers.execute(
        "update privacy.objections set withdrawn_at = $at, withdrawal_recorded_at = $later",
        {"at": ASKED + timedelta(days=1), "later": later},
    )

    found = [record_signals(browsers, CONFIG, now=later + timedelta(days=n)) for n in (1, 2)]

    assert found == [1, 0]
