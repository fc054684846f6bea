"""An erasure removes one person everywhere, leaves the others, and survives being killed."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from privacy import (
    KeyRing,
    LostSigningKeyError,
    TableLocation,
    check_facts,
    read_receipts,
    verify_audit,
    verify_receipt,
)
from privacy.signing import signing_key_of
from privacy.steps import Step
from tests.privacy.company import (
    ALL_TABLES,
    ANN,
    ANN_DEVICE,
    BEN,
    FAMILY_MAIL,
    NEIGHBOUR_MAIL,
    NOW,
    PEOPLE,
    Company,
    Evidence,
    FakeDestinations,
    FakeModels,
    found_company,
)
from warehouse import Column, DuckDBWarehouse, Pii, Table, TableName, Trace

ID = "00000000-0000-4000-8000-000000000001"


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours may catch it."""


def _mentions(company: Company, *values: str) -> list[str]:
    return [
        table
        for table in PEOPLE
        for row in company.rows(table)
        if any(value in str(row).lower() for value in values)
    ]


def test_the_person_is_gone_from_every_table(company: Company) -> None:
    company.ask(("email", ANN, "raw"))

    report = company.erase()

    assert [receipt.subject_request_id for receipt in report.receipts] == [ID]
    assert _mentions(company, "p_ann", "'ann-", "'ann.lee@", ANN_DEVICE) == []


def test_each_step_is_dated_by_when_it_was_done(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    ticks = itertools.count()

    report = company.erase(clock=lambda: NOW + dt.timedelta(seconds=next(ticks)))

    steps = company.warehouse.read(
        "select step, done_at from privacy.request_steps order by done_at"
    ).to_pylist()
    assert [row["step"] for row in steps] == [str(step) for step in Step]
    assert len({row["done_at"] for row in steps}) == len(steps)
    proven_at = dt.datetime.fromisoformat(report.receipts[0].facts["proven_at"])
    compacted, searched = (
        next(row["done_at"] for row in steps if row["step"] == step)
        for step in (Step.COMPACTED, Step.VERIFIED_NO_TRACE)
    )
    assert compacted < proven_at < searched


def test_rows_of_everybody_else_stay_as_they_were(company: Company) -> None:
    before = {table: company.rows(table) for table in PEOPLE}
    company.ask(("email", ANN, "raw"))

    company.erase()

    gone = {table: set(before[table]) - set(company.rows(table)) for table in PEOPLE}
    others = ("p_ben", "ben-", "joann", FAMILY_MAIL, "'e4'")
    ours = [row for rows in gone.values() for row in rows if "ann-record-2" not in str(row)]
    assert not [row for row in ours if any(other in str(row) for other in others)]
    assert all(set(company.rows(table)) <= set(before[table]) for table in PEOPLE)


def test_the_other_holder_of_a_shared_address_keeps_it(company: Company) -> None:
    company.ask(("email", ANN, "raw"))

    company.erase()

    assert _mentions(company, FAMILY_MAIL) == ["raw.events", "identity.identifiers"]


def test_an_address_that_contains_the_erased_one_is_no_trace(company: Company) -> None:
    """joann.lee@… contains ann.lee@…; mistaking it would block the erasure for ever."""
    company.ask(("email", ANN, "raw"))

    report = company.erase()

    assert report.blocked == {}
    assert "raw.events" in _mentions(company, "joann.lee@")


def test_erased_people_stay_out(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase()
    asked = company.warehouse.read(
        "select unnest(['email', 'user_id', 'anonymous_id', 'source_record', 'email']) as kind, "
        "unnest([$ann, 'ann-user-77', $device, 'crm|ann-record-1', $ben]) as value",
        {"ann": ANN, "device": ANN_DEVICE, "ben": BEN},
    )

    found = company.suppressions.suppressed(asked)

    assert found["value"].to_pylist() == [ANN, "ann-user-77", ANN_DEVICE, "crm|ann-record-1"]


def test_shared_identifiers_are_not_suppressed(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase()
    asked = company.warehouse.read("select 'email' as kind, $mail as value", {"mail": FAMILY_MAIL})

    assert company.suppressions.suppressed(asked).num_rows == 0


@dataclass(frozen=True)
class Undisturbed:
    """What an erasure that nobody killed came to."""

    facts: dict[str, Any]
    rows: dict[str, list[tuple[object, ...]]]
    keys: Path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    home = tmp_path_factory.mktemp("undisturbed")
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        company = found_company(home, warehouse)
        company.ask(("email", ANN, "raw"))
        facts = company.erase().receipts[0].facts
        return Undisturbed(facts, {table: company.rows(table) for table in PEOPLE}, home / "keys")


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.RECEIVED])
@pytest.mark.parametrize("moment", ["1 requests", "recording"])
def test_a_kill_at_any_step_ends_as_if_there_had_been_none(
    company: Company, undisturbed: Undisturbed, step: Step, moment: str
) -> None:
    shutil.copytree(undisturbed.keys, company.home / "keys", dirs_exist_ok=True)
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at(f"{step}: {moment}"))

    (receipt,) = company.erase().receipts

    assert receipt.facts == undisturbed.facts
    assert {table: company.rows(table) for table in PEOPLE} == undisturbed.rows
    assert not list((company.home / "privacy").iterdir())


def _kill_at(wanted: str):  # type: ignore[no-untyped-def]
    def progress(message: str) -> None:
        if message == wanted:
            raise Killed

    return progress


def test_an_undeclared_table_blocks(company: Company) -> None:
    company.warehouse.execute("create table raw.forgotten as select 'x' as note")
    company.ask(("email", ANN, "raw"))

    report = company.erase()

    assert report.blocked == {ID: ["raw.forgotten is not declared"]}
    assert _mentions(company, ANN)


def test_an_undeclared_column_blocks(company: Company) -> None:
    company.warehouse.execute("alter table raw.events add column note varchar")
    company.ask(("email", ANN, "raw"))

    assert company.erase().blocked == {ID: ["raw.events.note is not declared"]}


def test_a_table_of_addresses_that_says_not_whose_they_are_blocks(company: Company) -> None:
    email = Column("email", "VARCHAR", Pii.IDENTIFIER, "an address")
    addresses = Table(TableName("raw", "addresses"), grain="One row per address", columns=(email,))
    company.warehouse.create_missing([addresses])
    company.ask(("email", ANN, "raw"))

    report = company.erase(tables=(*ALL_TABLES, addresses))

    assert report.blocked == {
        ID: ["raw.addresses holds direct identifiers and declares no key by which to find a person"]
    }


def test_a_table_without_the_column_of_its_key_blocks(company: Company) -> None:
    """As one that was made before the declaration."""
    company.warehouse.execute("alter table raw.events drop column user_id")
    company.ask(("email", ANN, "raw"))

    assert company.erase().blocked == {ID: ["raw.events has no column user_id"]}


def test_a_place_that_refuses_blocks_only_whom_it_holds(company: Company) -> None:
    class ReadOnly(TableLocation):
        def refusals(self, keys):  # type: ignore[no-untyped-def]
            return ("read-only",) if self.find(keys)[0].rows else ()

    events = next(table for table in ALL_TABLES if table.name == TableName("raw", "events"))
    company.ask(("email", ANN, "raw"), number=1)
    company.ask(("email", "nobody@maple.example", "raw"), number=2)
    places = [*company.locations(), ReadOnly(company.warehouse, events)]

    report = company.erase(locations=places)

    assert report.blocked == {ID: ["read-only"]}
    assert len(report.receipts) == 1


@pytest.mark.parametrize("is_readable", [True, False])
def test_rows_of_one_person_that_do_not_go_keep_nobody_else_back(
    company: Company, is_readable: bool
) -> None:
    class Clinging(TableLocation):
        def erase(self, keys):  # type: ignore[no-untyped-def]
            if not is_readable and ANN in keys["value"].to_pylist():
                raise PermissionError
            return ()

        def find(self, keys):  # type: ignore[no-untyped-def]
            return (Trace("cellar", int(ANN in keys["value"].to_pylist())),)

    company.ask(("email", ANN, "raw"), number=1)
    for number in (2, 3):
        company.ask(("email", f"nobody{number}@maple.example", "raw"), number=number)
    cellar = Clinging(company.warehouse, ALL_TABLES[0])

    report = company.erase(locations=[*company.locations(), cellar])
    again = company.erase()

    reason = (
        "1 rows are left in cellar"
        if is_readable
        else f"{cellar.name} could not be rewritten (PermissionError)"
    )
    assert report.blocked == {ID: [reason]}
    assert len(report.receipts) == 2
    assert [receipt.subject_request_id for receipt in again.receipts] == [ID]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        pytest.param([], "destination ads gave no evidence", id="silent"),
        pytest.param(
            [Evidence("ads", status="unanswered", code="timeout")],
            "destination ads (weekly) is unanswered: timeout",
            id="unanswered",
        ),
    ],
)
def test_a_destination_without_evidence_blocks_before_anything_goes(
    company: Company, answers: list[Evidence], reason: str
) -> None:
    company.ask(("email", ANN, "raw"))

    report = company.erase(destinations=FakeDestinations({"ads": 1}, answers))

    assert report.blocked == {ID: [reason]}
    assert _mentions(company, ANN)


def test_a_blocked_request_goes_on_once_the_destination_answers(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    models = FakeModels(company.warehouse)
    company.erase(destinations=FakeDestinations({"ads": 1}, []), models=models)

    report = company.erase(
        destinations=FakeDestinations({"ads": 1}, [Evidence("ads")]), models=models
    )
    (receipt,) = report.receipts

    assert receipt.facts["models"] == [
        {
            "model": "churn",
            "version": version,
            "algorithm": "ridge_logistic",
            "status": status,
            "has_learnt": has_learnt,
            "outcome": outcome,
        }
        for version, status, has_learnt, outcome in [
            ("v1", "champion", True, "kept"),
            ("v0", "retired", None, "no_file"),
        ]
    ]
    assert (facts := check_facts(receipt)) is not None
    assert (
        "1 destination confirmed, 1 model had learnt from the person and 1 may have"
        in facts.summary
    )
    assert receipt.facts["destinations"] == [
        {
            "destination": "ads",
            "sync": "weekly",
            "persons": 1,
            "status": "confirmed",
            "told": "erasure",
            "batch": "b_1",
            "answer": "HTTP 202",
        }
    ]


def test_a_destination_without_a_call_for_erasure_leaves_something_to_ask(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    told = [Evidence("ads", told="removal"), Evidence("mail")]

    (receipt,) = company.erase(destinations=FakeDestinations({"ads": 1, "mail": 1}, told)).receipts

    facts = check_facts(receipt)
    assert facts is not None
    assert "2 destinations confirmed (1 could only remove the person from what" in facts.summary


def test_what_an_earlier_version_told_destinations_makes_a_receipt_that_can_be_verified(
    company: Company,
) -> None:
    company.ask(("email", ANN, "raw"))
    copy = company.home / "notes.txt"
    copy.write_text(ANN)
    company.erase(destinations=FakeDestinations({"ads": 1}, [Evidence("ads")]))
    company.warehouse.execute(
        "update privacy.request_steps set detail = "
        "regexp_replace(regexp_replace(detail, '\"(answer|batch)\": \"[^\"]*\", ', '', 'g'), "
        '\', "told": "[^"]*"\', \'\')'
    )
    copy.unlink()

    (receipt,) = company.erase(
        destinations=FakeDestinations({"ads": 1}, [Evidence("ads")])
    ).receipts

    assert (facts := check_facts(receipt)) is not None
    assert [(item.batch, item.answer, item.told) for item in facts.destinations] == [(None,) * 3]


def test_a_lost_key_of_receipts_is_not_replaced(company: Company) -> None:
    """With another one, no earlier receipt could be checked, and nobody would notice."""
    key = company.home / "keys" / "receipt-ed25519.key"
    company.ask(("email", ANN, "raw"))
    company.erase()
    key.unlink()

    with pytest.raises(LostSigningKeyError, match="restore it from the backup of the keys"):
        company.erase()

    assert not key.exists()


@pytest.mark.parametrize("left", ["audit-seal.json", "erasures.json"])
def test_what_the_lost_key_of_receipts_has_signed_keeps_another_from_being_made(
    company: Company, left: str
) -> None:
    keys = company.suppressions.keys
    keys.folder.mkdir(exist_ok=True)
    (keys.folder / left).touch()

    with pytest.raises(LostSigningKeyError):
        signing_key_of(company.warehouse, keys, signed=keys.folder / "erasures.json")


def test_a_trace_in_an_unknown_file_blocks_until_it_is_gone(company: Company) -> None:
    notes = company.home / "notes.txt"
    notes.write_text(f"called {ANN.upper()}")
    company.ask(("email", ANN, "raw"))

    blocked = company.erase()
    notes.unlink()
    report = company.erase()

    ((why,),) = blocked.blocked.values()
    assert why.startswith("1 traces in home/notes.txt: take out")
    assert "`sqlite3 FILE VACUUM`" in why
    assert len(report.receipts) == 1


def test_a_trace_of_one_person_is_no_reason_against_another(company: Company) -> None:
    (company.home / "notes.txt").write_text(f"called {ANN}")
    company.ask(("email", ANN, "raw"), number=1)
    company.ask(("email", BEN, "raw"), number=2)

    report = company.erase()

    against = {
        name: [why for why in reasons if "notes.txt" in why]
        for name, reasons in report.blocked.items()
    }
    assert "1 traces in home/notes.txt" in str(against.pop(ID))
    assert not any(against.values())


def test_an_export_that_holds_the_person_is_removed(company: Company) -> None:
    export = company.home / "artifacts" / "export.csv"
    export.write_text(f"email\n{ANN}\n")
    (company.home / "artifacts" / "other.csv").write_text(f"email\n{BEN}\n")
    company.ask(("email", ANN, "raw"))

    company.erase()

    assert [path.name for path in (company.home / "artifacts").iterdir()] == ["other.csv"]


def test_somebody_who_is_not_held_gets_a_receipt_too(company: Company) -> None:
    company.ask(("email", "nobody@maple.example", "raw"))

    report = company.erase()

    assert report.receipts[0].facts["locations"] == [
        {
            "location": "landing/requests.jsonl",
            "requests_counted": 1,
            "rows_found": 1,
            "rows_left": 0,
        }
    ]


def test_the_identity_leaves_the_request_file(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    company.ask(("email", BEN, "raw"), number=2, kind="access")

    company.erase()

    first, second = company.request_file.path.read_text().splitlines()
    assert json.loads(first)["subject_identities"] == []
    assert json.loads(second)["subject_identities"][0]["identity_value"] == BEN


def test_a_request_is_carried_out_once(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase()

    assert company.erase().receipts == ()


def test_many_requests_in_one_pass_count_each_persons_own_rows(company: Company) -> None:
    company.ask(("email", ANN, "raw"), number=1)
    company.ask(("email", BEN, "raw"), number=2)

    report = company.erase()

    found = [
        {item["location"]: item["rows_found"] for item in receipt.facts["locations"]}
        for receipt in report.receipts
    ]
    assert [counts["marts.profiles"] for counts in found] == [2, 1]


def test_no_table_of_ours_holds_an_identifier(company: Company) -> None:
    company.ask(("email", ANN, "raw"))

    company.erase()

    ours = [table.name for table in ALL_TABLES if table.name.schema == "privacy"]
    text = str([company.rows(str(name)) for name in ours]).lower()
    assert not [value for value in (ANN, ANN_DEVICE, "p_ann_00001", "ann-user-77") if value in text]


def test_the_frozen_plan_is_its_owners_alone(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at("erased: recording"))

    plan = company.home / "privacy" / ID / "plan.json"

    assert plan.stat().st_mode & 0o777 == 0o600
    assert [folder.stat().st_mode & 0o777 for folder in plan.parents[:2]] == [0o700, 0o700]


def test_a_lost_plan_is_said_and_never_completed(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at("erased: recording"))
    (company.home / "privacy" / ID / "plan.json").unlink()

    report = company.erase()

    assert "its plan is gone" in report.blocked[ID][0]
    assert read_receipts(company.warehouse) == ()


def test_the_stored_receipt_verifies_and_its_audit_entry_is_there(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase()

    (receipt,) = read_receipts(company.warehouse)

    verify_receipt(receipt, key=KeyRing(company.home / "keys").signing_key().public_key())
    assert verify_audit(company.warehouse, anchors=[receipt.audit_head]) == len(Step)


def test_rows_that_came_after_the_plan_go_too(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at("suppressed: 1 requests"))
    company.warehouse.execute("insert into marts.profiles values ('p_ann_00001', 'late', 'row')")

    company.erase()

    assert _mentions(company, "late") == []


SECOND = "00000000-0000-4000-8000-000000000002"


def test_a_request_that_is_blocked_keeps_its_reasons_while_another_is_served(
    company: Company,
) -> None:
    company.ask(("email", FAMILY_MAIL, "raw"))
    before = company.erase().blocked
    company.ask(("email", BEN, "raw"), number=2)

    report = company.erase(only=[SECOND])

    assert report.blocked == before
    assert "its body back" not in str(before)
    assert [receipt.subject_request_id for receipt in report.receipts] == [SECOND]


def test_only_the_requests_that_are_meant_are_begun(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    company.ask(("email", BEN, "raw"), number=2)

    report = company.erase(only=[SECOND])

    assert [receipt.subject_request_id for receipt in report.receipts] == [SECOND]
    assert _mentions(company, ANN)


def test_a_plan_stays_until_no_other_file_names_the_person(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at("completed: 1 requests"))
    stray = company.home / "privacy" / "copy.txt"
    stray.write_text(ANN)

    first, second = company.erase(), company.erase()
    stray.unlink()
    last = company.erase()

    assert [set(report.blocked) for report in (first, second)] == [{ID}, {ID}]
    assert [report.receipts for report in (first, second)] == [(), ()]
    assert len(last.receipts) == 1


def test_a_waiting_request_of_a_neighbour_is_no_trace(company: Company) -> None:
    """An address that contains the erased one, held by nobody else in the warehouse."""
    company.ask(("email", ANN, "raw"))
    company.ask(("email", f"mary{ANN}", "raw"), number=2)

    report = company.erase(only=[ID])

    assert report.blocked == {}
    assert [receipt.subject_request_id for receipt in report.receipts] == [ID]


def test_a_frozen_plan_of_a_neighbour_is_no_trace(company: Company) -> None:
    company.ask(("email", NEIGHBOUR_MAIL, "raw"), number=2)
    company.erase(destinations=_OnlyOf("p_joann_001"))
    company.ask(("email", ANN, "raw"))

    report = company.erase(destinations=_OnlyOf("p_joann_001"))

    assert list(report.blocked) == [SECOND]
    assert [receipt.subject_request_id for receipt in report.receipts] == [ID]


class _OnlyOf(FakeDestinations):
    """A silent destination that holds one person."""

    def __init__(self, person_id: str) -> None:
        super().__init__()
        self.person_id = person_id

    def find(self, person_ids: Sequence[str], /) -> Mapping[str, int]:
        return {"ads": 1} if self.person_id in person_ids else {}


def test_an_export_that_holds_only_a_neighbour_stays(company: Company) -> None:
    export = company.home / "artifacts" / "export.csv"
    export.write_text(f"email\n{NEIGHBOUR_MAIL}\n")
    company.ask(("email", ANN, "raw"))

    report = company.erase()

    assert export.exists()
    assert len(report.receipts) == 1


def test_a_phone_without_its_country_is_of_the_companys(company: Company) -> None:
    company.warehouse.execute(
        "insert into identity.identifiers values ('crm', 'ben-record-1', 'phone', "
        "'+442079460018', false)"
    )
    company.ask(("phone", "020 7946 0018", "raw"))

    company.erase(default_region="GB")

    assert _mentions(company, "p_ben_00001") == []


def test_a_body_that_comes_again_after_its_request_was_served_is_taken_out(
    company: Company,
) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase()
    company.ask(("email", ANN, "raw"))

    company.erase()

    assert ANN not in company.request_file.path.read_text()


def test_a_compressed_file_that_nobody_can_open_blocks(company: Company) -> None:
    (company.home / "backup.zst").write_bytes(b"\x28\xb5\x2f\xfd" + b"\0" * 20)
    company.ask(("email", ANN, "raw"))

    reasons = company.erase().blocked[ID]

    assert reasons == [
        "could not be searched: home/backup.zst (zstd is not a format that can be opened)"
    ]


def test_a_plan_that_a_kill_left_overwritten_is_removed(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    with pytest.raises(Killed):
        company.erase(progress=_kill_at("completed: 1 requests"))
    plan = company.home / "privacy" / ID / "plan.json"
    plan.write_bytes(b"\0" * plan.stat().st_size)

    report = company.erase()

    assert len(report.receipts) == 1
    assert not plan.parent.exists()


def test_traces_of_one_of_many_keep_nobody_else_back_and_take_few_searches(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2, 9):
        company.ask(("email", f"nobody{number}@maple.example", "raw"), number=number)
    company.ask(("email", ANN, "raw"))
    (company.home / "copy.txt").write_text(ANN)
    searches: list[None] = []
    module = import_module("privacy.erase")  # the package gives the function under this name
    monkeypatch.setattr(module, "scan_home", _counting(searches, module.scan_home))

    report = company.erase()

    assert list(report.blocked) == [ID]
    assert len(report.receipts) == 7
    # All, then the half with the traces and the other one, three times over.
    assert len(searches) == 7


def _counting(calls: list[None], act):  # type: ignore[no-untyped-def]
    def counted(*given, **named):  # type: ignore[no-untyped-def]
        calls.append(None)
        return act(*given, **named)

    return counted
