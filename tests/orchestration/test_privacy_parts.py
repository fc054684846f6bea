"""What an erasure is given of the company, and what becomes of a run that others block."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
import yaml

import orchestration.erasure
import orchestration.requests
from orchestration.company import Company
from orchestration.defs import privacy_ops
from orchestration.defs.schedules import ALL as SCHEDULES
from orchestration.erasure import CarriedOut
from orchestration.errors import RequestBlockedError, RunFailedError
from orchestration.inventory import python_tables
from orchestration.privacy_parts import (
    PROFILING_TABLES,
    declared_tables,
    erased_contacts,
    held_person_ids,
    open_erasure,
    open_suppressions,
    profile_locations,
    request_folder,
    requests_fingerprint,
)
from orchestration.resources import CandorResource
from orchestration.retention import enforce_everything
from privacy import (
    AccessReport,
    AuditEntry,
    ErasureReport,
    IdentityType,
    ObjectionReport,
    RequestFile,
    RetentionOutcome,
    SubjectIdentity,
    TaskDesk,
    erase,
    make_request,
    place_hold,
)
from privacy.audit import append_audit
from privacy.inventory import TABLES as PRIVACY_TABLES
from privacy.plain_words import is_worded, words_of
from settings import Paths
from tests.conftest import ROOT
from warehouse import Warehouse

NOW = datetime.fromisoformat("2026-11-24T12:00")
ADDRESS = SubjectIdentity(
    identity_type=IdentityType.EMAIL, identity_value="a@maple.example", identity_format="raw"
)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    company = Company(Paths.resolve({}, config=config, home=tmp_path / "home"))
    company.paths.make_home()
    company.paths.landing.mkdir(parents=True, exist_ok=True)
    return company


def _change(company: Company, file: str, **values: object) -> None:
    path = company.paths.config / file
    body = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**body, **values}))


def test_every_id_of_a_held_person_is_known_to_what_removes_scores(company: Company) -> None:
    identity = SubjectIdentity(
        identity_type=IdentityType.SOURCE_RECORD, identity_value="crm|1", identity_format="raw"
    )
    with company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=NOW, run_id="run-1", progress=lambda _step: None
        )
        for person, record in (("p_held", "1"), ("p_other", "2")):
            warehouse.execute(
                "insert into identity.members (source, source_record_id, person_id) "
                "values ('crm', $record, $person)",
                {"record": record, "person": person},
            )
        place_hold([identity], context, reason="case 7", until_at=None, by="counsel")

        assert held_person_ids(company, warehouse, now=NOW) == ["p_held"]
        places = [place.name for place in context.locations]

    # Who was counted for a score must be known until the score is gone.
    assert places.index("prediction.account_scores of several") < places.index(
        "prediction.account_score_members"
    )
    assert {place.name for place in profile_locations(context)} == set(PROFILING_TABLES)


def test_whoever_asks_is_told_of_every_table_in_plain_words(company: Company) -> None:
    told = [table for table in declared_tables(company.paths) if table.subjects]

    assert [str(table.name) for table in told if not is_worded(table.name)] == []
    assert len({words_of(str(table.name)).what for table in told}) > 50  # each its own


OLD, YOUNG = (NOW - timedelta(days=days) for days in (31, 29))
# Every table of ours that tells its age, but for those that keep promises to people.
AGED = [
    table
    for table in python_tables()
    if table.aged_by and not str(table.name).startswith(("privacy.", "raw.consent_events"))
]


@pytest.fixture
def ageing(company: Company) -> Company:
    """Old and young rows, files and archives, 30 days for each, and somebody who is held."""
    rules = {str(table.name): {"days": 30} for table in AGED}
    backups = {"folder": str(company.paths.home.parent / "away"), "days": 30}
    _change(company, "retention.yml", tables=rules, exports_days=30, landing={}, backups=backups)
    _archive(company).parent.mkdir(parents=True)
    _archive(company).write_text("x")
    (_changes(company) / "b_stuck.csv").mkdir(parents=True)  # what cannot be removed as a file
    for name, at in (("b_old.csv", OLD), ("b_young.csv", YOUNG), ("b_stuck.csv", OLD)):
        (_changes(company) / name).touch()
        os.utime(_changes(company) / name, (at.replace(tzinfo=UTC).timestamp(),) * 2)
    with company.open_warehouse() as warehouse:
        context = open_erasure(company, warehouse, now=NOW, run_id="r", progress=lambda _step: None)
        place_hold([ADDRESS], context, reason="case 7", until_at=None, by="counsel")
        warehouse.create_missing(AGED)
        warehouse.execute(
            "insert into identity.identifiers (source, source_record_id, identifier_type, "
            "identifier_value, is_shared) values ('crm', '1', 'email', 'a@maple.example', false)"
        )
        for table in AGED:
            warehouse.execute(
                f"insert into {table.name.sql} ({table.aged_by}) values ($old), ($young)",
                {"old": OLD, "young": YOUNG},
            )
    return company


def _archive(company: Company) -> Path:
    return company.paths.home / "archives" / "r1.zip"


def _changes(company: Company) -> Path:
    return company.paths.artifacts / "exports" / "to_exports" / "deltas"


def _enforce(company: Company, run_id: str | None) -> Sequence[RetentionOutcome]:
    with company.open_warehouse() as warehouse, dg.DagsterInstance.ephemeral() as instance:
        return enforce_everything(company, warehouse, instance, now=NOW, run_id=run_id)


def _written(company: Company) -> tuple[object, ...]:
    """What is there, and what is recorded."""
    tables = ("raw.events", "privacy.retention_runs", "privacy.hold_records", "privacy.audit_log")
    with company.open_warehouse() as warehouse:
        rows = [warehouse.scalar(f"select count(*) from {name}") for name in tables]
    return (*rows, sorted(_changes(company).iterdir()), _archive(company).exists())


def test_after_retention_no_table_and_no_export_has_anything_older_than_its_rule(
    ageing: Company,
) -> None:
    before = _written(ageing)
    due = _enforce(ageing, None)
    assert _written(ageing) == before
    done = _enforce(ageing, "run-1")
    with ageing.open_warehouse() as warehouse:
        left = {
            str(table.name): warehouse.read(f"select {table.aged_by} as at from {table.name.sql}")
            for table in AGED
        }
        failed = warehouse.read(
            "select table_name, rows_failed from privacy.retention_runs where rows_failed > 0"
        ).to_pylist()

    assert len(AGED) > 20
    assert {name: rows["at"].to_pylist() for name, rows in left.items()} == {
        str(table.name): [YOUNG] for table in AGED
    }
    assert sorted(path.name for path in _changes(ageing).iterdir()) == [
        "b_stuck.csv",
        "b_young.csv",
    ]
    assert failed == [
        {"table_name": "exports/exports", "rows_failed": 1},
        {"table_name": "backups", "rows_failed": 1},  # their folder is not there
    ]
    others = {"exports/exports", "dagster/runs", "archives", "backups"}
    assert {one.table_name for one in done} == {*left, *others}
    # What may not be removed is found by trying, and counted as what would go before.
    went, would_go = (
        {one.table_name: one.rows_deleted + one.rows_failed for one in outcomes}
        for outcomes in (done, due)
    )
    assert went == would_go
    assert not _archive(ageing).exists()


def test_the_check_of_every_run_fails_at_what_nobody_classified(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in company.paths.as_environment().items():
        monkeypatch.setenv(name, value)

    def check() -> dg.AssetCheckResult:
        found = privacy_ops.every_table_and_column_is_classified(CandorResource())
        assert isinstance(found, dg.AssetCheckResult)
        return found

    before = check()
    with company.open_warehouse() as warehouse:
        warehouse.execute("alter table raw.events add column note varchar")
    after = check()

    assert (before.passed, after.passed) == (True, False)
    assert after.metadata["which"].value == "raw.events.note is not declared"


def test_the_check_of_tasks_counts_open_and_overdue_ones(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in company.paths.as_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(privacy_ops, "utc_now", lambda: NOW)
    with company.open_warehouse() as warehouse:
        warehouse.create_missing(PRIVACY_TABLES)

    def counts() -> tuple[bool, Any, Any]:
        found = privacy_ops.no_task_at_a_destination_is_overdue(CandorResource())
        assert isinstance(found, dg.AssetCheckResult)
        return found.passed, found.metadata["open"].value, found.metadata["overdue"].value

    before = counts()
    with company.open_warehouse() as warehouse:
        _tell_of_erasure(warehouse, "r1", "ads", due_at=NOW - timedelta(days=1))
        _tell_of_erasure(warehouse, "r2", "mail", due_at=NOW + timedelta(days=1))
    told = counts()
    with company.open_warehouse() as warehouse:
        TaskDesk(warehouse, NOW, "jo", "US").done("r1", "ads", evidence="ticket 4711")

    assert (before, told, counts()) == ((True, 0, 0), (False, 2, 1), (True, 1, 0))


def _tell_of_erasure(
    warehouse: Warehouse, request_id: str, destination: str, *, due_at: datetime
) -> None:
    """An erasure of which a destination without a call to forget was told."""
    warehouse.execute(
        "insert into privacy.requests (subject_request_id, status, submitted_at, due_at) "
        "values ($id, 'in_progress', $submitted, $due)",
        {"id": request_id, "submitted": NOW - timedelta(days=30), "due": due_at},
    )
    told = {"destinations": [{"destination": destination, "told": "removal"}]}
    append_audit(warehouse, [AuditEntry("destinations_told", request_id, told)], now=NOW)


def test_folders_of_sent_files_outside_the_home_are_searched(
    company: Company, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    there = {"kind": "file", "folder": str(outside), "legal_basis": "x"}
    inside = {**there, "folder": "exports"}
    _change(company, "destinations.yml", destinations={"a": there, "b": inside}, syncs={})

    with company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=NOW, run_id="run-1", progress=lambda _step: None
        )

    assert list(context.roots) == [company.paths.home, outside]
    assert list(context.databases) == [company.paths.dagster]


def _keys(**values: str) -> pa.Table:
    return pa.table({"kind": list(values), "value": list(values.values())})


def _name_lists(company: Company, *names: str) -> None:
    tests = "".join(f"\n  - list: {{{name}}}" for name in names)
    (company.paths.config / "audiences" / "partners.yml").write_text(
        f"key: partners\nname: Partners\nlegal_basis: x\ninclude:\n  any: {tests}\n"
    )


@pytest.fixture
def listed(company: Company) -> Company:
    """Two lists name a person: one of the configuration and one that lands."""
    (company.paths.config / "lists").mkdir()
    (company.paths.config / "lists" / "partners.csv").write_text(
        "Email,reports to\nB@maple.example,x\nc@maple.example, A@maple.example\n"
        " A@Maple.example ,x\naa@maple.example,x\n"
    )
    (company.paths.landing / "renewed.csv").write_text("phone\n(206) 555-7870\n206 555 1122\n")
    _name_lists(company, "file: lists/partners.csv", "landing: renewed.csv", "landing: later.csv")
    return company


def test_lists_that_name_a_person_stand_against_their_erasure(listed: Company) -> None:
    keys = _keys(email="a@maple.example", phone="+12065557870", person_id="p1")
    others = _keys(email="nobody@maple.example", person_id="p2")

    with listed.open_warehouse() as warehouse:
        context = open_erasure(listed, warehouse, now=NOW, run_id="r", progress=lambda _step: None)
        (lists,) = (place for place in context.places if place.name == "lists")
        refusals = lists.refusals(keys)
        lists.erase(keys)
        found = lists.find(keys)
        nobody = (*lists.refusals(others), *lists.find(others))

    advice = "names the person: remove their lines from it yourself, then run again"
    assert refusals == (
        f"list config/lists/partners.csv {advice}", f"list landing/renewed.csv {advice}"
    )  # fmt: skip
    assert {(t.location, t.rows) for t in found} == {
        ("config/lists/partners.csv", 2), ("landing/renewed.csv", 1)
    }  # fmt: skip
    assert nobody == ()
    assert listed.paths.config / "lists" in context.roots


def test_an_erasure_is_blocked_until_no_list_names_the_person_and_no_file_is_undeclared(
    listed: Company,
) -> None:
    request = make_request([ADDRESS], "erasure", regulation="gdpr", now=NOW)
    folder = request_folder(listed.paths)
    folder.add(request)
    stray = listed.paths.home / "jane@maple.example.zip"
    stray.write_bytes(b"")

    def carry_out() -> ErasureReport:
        with listed.open_warehouse() as warehouse:
            context = open_erasure(
                listed, warehouse, now=NOW, run_id="run-1", progress=lambda _step: None
            )
            return erase(folder.read(), context)

    blocked = carry_out()
    (listed.paths.config / "lists" / "partners.csv").write_text("email\nb@maple.example\n")
    stray.unlink()
    done = carry_out()

    (reasons,) = blocked.blocked.values()
    assert [why for why in reasons if "lists/partners.csv names the person" in why]
    assert [why for why in reasons if "1 files or folders of the data home are none" in why]
    assert "@" not in str(reasons)
    assert (len(done.receipts), done.blocked) == (1, {})


def test_a_list_that_cannot_be_searched_stands_against_every_erasure(listed: Company) -> None:
    with listed.open_warehouse() as warehouse:
        context = open_erasure(listed, warehouse, now=NOW, run_id="r", progress=lambda _step: None)
        (lists,) = (place for place in context.places if place.name == "lists")
        (listed.paths.landing / "renewed.csv").write_text('phone\n"206 555 1122\n')
        (listed.paths.config / "lists" / "partners.csv").unlink()

        (refusal,) = lists.refusals(_keys(person_id="p1"))

    assert "list landing/renewed.csv cannot be read" in refusal


def test_a_list_that_is_also_a_source_is_left_to_the_landing_files(listed: Company) -> None:
    source = {"kind": "person_records", "files": "renewed.csv", "id": "phone", "map": {"phone": "phone"}}  # fmt: skip
    _change(listed, "sources.yml", sources={"partners": source})

    with listed.open_warehouse() as warehouse:
        context = open_erasure(listed, warehouse, now=NOW, run_id="r", progress=lambda _step: None)
        (lists,) = (place for place in context.places if place.name == "lists")

        assert lists.find(_keys(phone="+12065557870")) == ()


def test_a_request_is_read_with_the_companys_country(company: Company) -> None:
    _change(company, "sources.yml", default_region="GB")

    with company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=NOW, run_id="run-1", progress=lambda _step: None
        )

    assert context.default_region == "GB"
    assert {place.default_region for place in context.request_places} == {"GB"}  # type: ignore[attr-defined]


def test_a_request_in_a_landing_file_starts_the_sensor_until_it_is_served(company: Company) -> None:
    _change(company, "consent.yml", request_files=["requests.jsonl"])
    file = RequestFile(company.paths.landing / "requests.jsonl", "requests")
    request = make_request([ADDRESS], "erasure", regulation="gdpr", now=NOW)

    before = requests_fingerprint(company)
    file.replace([request])
    waiting = requests_fingerprint(company)
    file.settle({request.request_id})

    assert (before, requests_fingerprint(company)) == (None, None)
    assert waiting is not None


def test_requests_are_carried_out_daily_once_somebody_switches_it_on() -> None:
    (schedule,) = [item for item in SCHEDULES if item.job_name == "run_privacy_requests"]

    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(
    ("asked", "fails"),
    [
        pytest.param(["blocked-1"], True, id="it-is-blocked"),
        pytest.param(["served-1"], False, id="another-is-blocked"),
        pytest.param([], True, id="all-were-asked-for"),
    ],
)
def test_a_run_fails_only_for_requests_that_it_was_started_for(
    monkeypatch: pytest.MonkeyPatch, company: Company, asked: list[str], fails: bool
) -> None:
    erasures = ErasureReport(receipts=(), blocked={"blocked-1": ["x"]}, on_hold={})
    report = CarriedOut(AccessReport({}, {}), erasures, ObjectionReport((), {}))
    monkeypatch.setattr(privacy_ops, "carry_out", lambda *_args, **_named: report)
    monkeypatch.setattr(privacy_ops, "_record", lambda *_args: None)
    monkeypatch.setenv("CANDOR_HOME", str(company.paths.home))
    monkeypatch.setenv("CANDOR_CONFIG", str(company.paths.config))

    def run() -> None:
        privacy_ops.carry_out_requests(
            dg.build_op_context(),
            candor=CandorResource(),
            config=privacy_ops.RequestsConfig(request_ids=asked),
        )

    if not fails:
        run()
        return
    with pytest.raises(dg.Failure):
        run()


@pytest.mark.parametrize("status", ["completed", "in_progress"])
def test_a_request_that_was_completed_gives_its_receipt_though_the_run_failed(
    monkeypatch: pytest.MonkeyPatch, company: Company, status: str
) -> None:
    """A receipt that is signed while its request is still open is nothing to hand out."""
    request = make_request([ADDRESS], "erasure", regulation="gdpr", now=NOW)
    case = SimpleNamespace(
        subject_request_id=request.request_id, status=status, step="verified_no_trace", reasons=()
    )
    receipt = SimpleNamespace(subject_request_id=request.request_id)

    def fail(*_args: object, **_named: object) -> None:
        raise RunFailedError("run-1", ("another part of it",))

    monkeypatch.setattr(orchestration.erasure, "run_job", fail)
    monkeypatch.setattr(orchestration.erasure, "read_standing", lambda _warehouse: (case,))
    monkeypatch.setattr(orchestration.requests, "read_standing", lambda _warehouse: (case,))
    monkeypatch.setattr(orchestration.requests, "read_receipts", lambda _warehouse: (receipt,))

    if status == "completed":
        assert orchestration.erasure.erase_person(company.paths, request) is receipt
        return
    with pytest.raises((RequestBlockedError, RunFailedError)):
        orchestration.erasure.erase_person(company.paths, request)


def test_nothing_is_sent_to_who_was_erased_nor_to_whose_erasure_waits_for_a_hold(
    company: Company,
) -> None:
    """Whatever the audience: an objection of another kind stops its purposes alone."""
    contacts = pa.table(
        {
            "person_id": ["p1", "p2", "p3", "p3"],
            "identifier_type": ["email", "email", "phone", "email"],
            "identifier_value": ["a@x.example", "b@x.example", "+12065557870", "c@x.example"],
        }
    )
    erased = pa.table({"subject_request_id": ["r"], "kind": ["email"], "value": ["a@x.example"]})
    with company.open_warehouse() as warehouse:
        open_suppressions(company, warehouse).add(erased, now=NOW)
        warehouse.execute(
            "insert into privacy.objections (kind, email, phone, purpose) values "
            "('objection', 'b@x.example', null, 'advertising'), "
            "('erasure_on_hold', null, '+12065557870', 'advertising'), "
            "('erasure_on_hold', null, '+12065557870', 'analytics')"
        )

        found = erased_contacts(company, warehouse)(contacts)

    assert sorted(found["value"].to_pylist()) == ["+12065557870", "a@x.example"]
    assert sorted(found["person_id"].to_pylist()) == ["p1", "p3"]
