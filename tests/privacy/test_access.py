"""What a person gets who asks what is held of them."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from privacy import (
    AccessReport,
    ArchiveFolder,
    ArchiveTargetError,
    FolderLocation,
    MissingArchiveError,
    RetentionConfig,
    archive_path,
    hand_out_archive,
    plan_erasure,
    read_standing,
    remove_expired_archives,
    serve_access,
    table_locations,
)
from privacy.config import ConsentConfig, RetentionRule
from privacy.plain_words import words_of
from tests.privacy.company import (
    ALL_TABLES,
    ANN,
    BEN,
    FAMILY_MAIL,
    NEIGHBOUR_MAIL,
    NOW,
    SHARED_DEVICE,
    Company,
    FakeDestinations,
    _table,
)
from tests.privacy.test_holds import _hold
from warehouse import SubjectKind

ID = "00000000-0000-4000-8000-000000000001"
KEPT = RetentionConfig(tables={"raw.events": RetentionRule(days=90)})


def serve(company: Company, **changes: Any) -> AccessReport:
    return serve_access(company.request_file.read(), company.context(**changes), KEPT)


def content(company: Company) -> Mapping[str, bytes]:
    with zipfile.ZipFile(archive_path(company.home, ID)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def about(company: Company) -> Mapping[str, Any]:
    return dict(json.loads(content(company)["about.json"]))


def test_an_archive_accounts_for_every_place_that_an_erasure_would_touch(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    (plan,), _ = plan_erasure(company.request_file.read(), company.context())

    serve(company)

    places = {item["place"]: item["rows"] for item in about(company)["places"]}
    assert places == {count.location: count.rows for count in plan.counts}
    held = {name for name, rows in places.items() if rows and name != "landing/requests.jsonl"}
    assert {item["place"] for item in about(company)["places"] if item["is_included"]} == held
    tables = {name.removeprefix("data/").removesuffix(".json") for name in content(company)}
    assert held <= tables


def test_it_holds_all_rows_of_the_person_and_none_of_others(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="access")

    serve(company)

    events = json.loads(content(company)["data/raw.events.json"])
    assert [event["event_id"] for event in events] == ["e1", "e2", "e3"]
    everything = b"".join(content(company).values()).decode()
    for other in (BEN, NEIGHBOUR_MAIL, "ben-record-1", "ben-device-0001"):
        assert other not in everything


def test_two_who_ask_at_once_get_nothing_that_both_hold(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    company.ask(("email", BEN, "raw"), number=2, kind="access")

    serve(company)

    assert "e6" not in content(company)["data/raw.events.json"].decode()
    assert BEN not in b"".join(content(company).values()).decode()
    assert {item["kind"] for item in about(company)["left_out"]} == {
        "email",
        "phone",
        "anonymous_id",
    }


def test_it_says_why_how_long_and_who_else_has_it(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="access")

    serve(company, destinations=FakeDestinations({"ads": 1, "mail": 1}))

    said = about(company)
    assert said["recipients"] == ["ads", "mail"]
    assert said["sources"] == ["billing", "crm"]
    kept = {item["place"]: item["kept_days"] for item in said["places"]}
    assert (kept["raw.events"], kept["marts.profiles"]) == (90, None)
    assert {item["kind"] for item in said["left_out"]} == {"email", "phone", "anonymous_id"}
    assert SHARED_DEVICE not in content(company)["about.json"].decode()
    page = content(company)["index.html"].decode()
    assert "ads, mail" in page
    assert "90 days" in page
    # What was received comes first, and what says it again is told to do so.
    given, again = page.index("What you and our tools gave"), page.index("What was made of it")
    events, profile = (page.index(f"data/{name}.csv") for name in ("raw.events", "marts.profiles"))
    assert given < events < again < profile


@pytest.mark.parametrize(
    ("landing", "kept_days"),
    [
        ({"sources": {"billing": 400, "elsewhere": 800}}, None),  # those of crm are kept for ever
        ({"days": 60, "sources": {"billing": 400, "elsewhere": 800}}, 400),
    ],
)
def test_the_page_tells_what_each_part_is_why_it_is_there_and_where_it_came_from(
    company: Company, landing: Mapping[str, Any], kept_days: int | None
) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    consent = ConsentConfig.model_validate(
        {
            "purposes": {"advertising": {"description": "Show advertising on other sites."}},
            "exempt_sources": {
                name: {"basis": "contract", "purposes": ["advertising"], "reason": "they pay"}
                for name in ("billing", "elsewhere")
            },
        }
    )

    kept = RetentionConfig.model_validate({"landing": landing})
    files = FolderLocation("landing", company.home / "landing", company.warehouse, ALL_TABLES)
    context = company.context(locations=[*company.locations(), files])
    serve_access(company.request_file.read(), context, kept, consent=consent)

    page, told = content(company)["index.html"].decode(), about(company)
    headings = re.findall("<h[123]>(.*?)</h[123]>", page)
    assert "What you did, as our sites and tools reported it" in headings
    assert not [heading for heading in headings if "." in heading or "_" in heading]
    assert "Show advertising on other sites." in page
    assert "Received from: billing, crm." in page
    assert told["bases"] == [
        {"source": "billing", "basis": "contract", "purposes": ["advertising"]}
    ]
    assert "until it is answered" in page
    days = {place["place"]: place["kept_days"] for place in told["places"]}
    assert days["landing"] == kept_days
    for right in ("correct or delete", "object to their use", "complain to the data"):
        assert right in page


def test_what_was_concluded_is_not_carried_elsewhere(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="portability")

    serve(company)

    files = {name for name in content(company) if name.endswith(".json")}
    assert files == {"about.json", "data/raw.events.json", "data/raw.person_records.json"}


def test_of_a_pair_of_records_only_the_persons_own_is_named(company: Company) -> None:
    pairs = _table(
        "identity.pairs", "left_source left_id right_source right_id",
        (SubjectKind.SOURCE_RECORD, "left_source left_id"),
        (SubjectKind.SOURCE_RECORD, "right_source right_id"),
    )  # fmt: skip
    company.warehouse.create_missing([pairs])
    company.warehouse.execute(
        "insert into identity.pairs values ('crm', 'ann-record-1', 'crm', 'ben-record-1')"
    )
    context = company.context(tables=(*ALL_TABLES, pairs))
    places = [*context.locations, *table_locations(company.warehouse, [pairs])]
    context = replace(context, locations=places)
    company.ask(("email", ANN, "raw"), kind="access")

    serve_access(company.request_file.read(), context, KEPT)

    (pair,) = json.loads(content(company)["data/identity.pairs.json"])
    assert pair == {
        "left_source": "crm", "left_id": "ann-record-1", "right_source": None, "right_id": None,
    }  # fmt: skip


def test_values_are_text_in_the_page_and_no_formula_in_a_spreadsheet(company: Company) -> None:
    hostile = "=HYPERLINK(\"x\")<script>alert('x')</script>"
    company.warehouse.execute(
        "update marts.profiles set city = $city where person_id = 'p_ann_00001'",
        {"city": hostile},
    )
    company.ask(("email", ANN, "raw"), kind="access")

    serve(company)

    page = content(company)["index.html"].decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    rows = list(csv.DictReader(io.StringIO(content(company)["data/marts.profiles.csv"].decode())))
    assert f"'{hostile}" in {row["city"] for row in rows}
    exact = json.loads(content(company)["data/marts.profiles.json"])
    assert hostile in {row["city"] for row in exact}


def test_who_is_not_held_is_told_so(company: Company) -> None:
    company.ask(("email", "nobody@maple.example", "raw"), kind="access")

    serve(company)

    assert about(company)["person_ids"] == []
    assert "Nothing is held" in content(company)["index.html"].decode()


def test_an_identity_that_several_hold_names_nobody(company: Company) -> None:
    company.ask(("email", FAMILY_MAIL, "raw"), kind="access")

    report = serve(company)

    assert list(report.blocked) == [ID]
    assert "held by 2 persons" in report.blocked[ID][0]
    assert not archive_path(company.home, ID).exists()


def test_an_undeclared_table_holds_it_up(company: Company) -> None:
    company.warehouse.execute("create table raw.unknown as select 1 as x")
    company.ask(("email", ANN, "raw"), kind="access")

    assert serve(company).blocked == {ID: ["raw.unknown is not declared"]}


def test_a_served_request_is_completed_and_its_body_names_nobody(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="access")

    report = serve(company)

    assert report.archives == {ID: archive_path(company.home, ID)}
    assert archive_path(company.home, ID).stat().st_mode & 0o777 == 0o600
    assert [item.status for item in read_standing(company.warehouse)] == ["completed"]
    assert ANN not in company.request_file.path.read_text()
    assert serve(company) == AccessReport({}, {})


def test_one_killed_before_it_was_recorded_is_made_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.ask(("email", ANN, "raw"), kind="access")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("privacy.steps.StepLog._update", killed)
        with pytest.raises(KeyboardInterrupt):
            serve(company)

    assert list(serve(company).archives) == [ID]
    assert len(json.loads(content(company)["data/raw.events.json"])) == 3


def test_an_archive_is_handed_out_once(company: Company, tmp_path: Path) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    serve(company)
    out = tmp_path / "out" / "ann.zip"

    hand_out_archive(company.warehouse, company.home, ID, out, now=NOW)

    assert zipfile.is_zipfile(out)
    assert ("handed_out", ID) in {row[1:3] for row in company.rows("privacy.audit_log")}
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(MissingArchiveError, match=ID):
        hand_out_archive(company.warehouse, company.home, ID, out, now=NOW)


@pytest.mark.parametrize("place", ["folder", "file", "home"])
def test_an_archive_is_put_only_where_nothing_is_lost(
    company: Company, tmp_path: Path, place: str
) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    serve(company)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    out = company.home / "archives" / f"{ID}.copy" if place == "home" else tmp_path / place

    with pytest.raises(ArchiveTargetError):
        hand_out_archive(company.warehouse, company.home, ID, out, now=NOW)

    assert zipfile.is_zipfile(archive_path(company.home, ID))
    assert (tmp_path / "file").read_text() == "mine"


def test_what_a_kill_left_overwritten_is_no_archive(company: Company, tmp_path: Path) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    serve(company)
    path = archive_path(company.home, ID)
    path.write_bytes(bytes(path.stat().st_size))

    with pytest.raises(MissingArchiveError):
        hand_out_archive(company.warehouse, company.home, ID, tmp_path / "ann.zip", now=NOW)


def test_identities_of_two_persons_are_not_answered_together(company: Company) -> None:
    company.ask(("email", ANN, "raw"), ("email", BEN, "raw"), kind="access")

    assert serve(company).blocked == {
        ID: ["its identities belong to different persons: send one request for each"]
    }


def test_two_identities_of_one_person_are(company: Company) -> None:
    company.ask(("email", ANN, "raw"), ("user_id", "ann-user-77", "raw"), kind="access")

    assert list(serve(company).archives) == [ID]


def test_an_erasure_waits_while_the_person_has_no_answer(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    company.ask(("email", ANN, "raw"), number=2)
    serve(company, needs_approval=True)

    (reasons,) = company.erase().blocked.values()

    assert reasons == [f"request {ID} of the same person is not answered yet"]


def test_an_erasure_that_alone_is_begun_does_not_pass_a_question_that_waits(
    company: Company,
) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    company.ask(("email", ANN, "raw"), number=2)

    report = company.erase(only=[ID.removesuffix("1") + "2"])

    (reasons,) = report.blocked.values()
    assert reasons == [f"request {ID} of the same person is not answered yet"]
    assert ANN in company.request_file.path.read_text()


@pytest.mark.parametrize(("days", "removed"), [(13, 0), (15, 1)])
def test_an_archive_that_nobody_fetches_expires(company: Company, days: int, removed: int) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    serve(company)

    later = NOW + timedelta(days=days)

    asked = [
        remove_expired_archives(company.warehouse, company.home, KEPT, now=later, dry_run=dry_run)
        for dry_run in (True, False, False)
    ]
    assert [len(old.request_ids) for old in asked] == [removed, removed, 0]
    assert _expiry(company) == ["archive_expiring", "archive_expired"] * removed
    assert archive_path(company.home, ID).exists() == (not removed)


def _expiry(company: Company) -> list[str]:
    """What the audit log says of an archive's end."""
    acts = company.warehouse.read(
        "select action from privacy.audit_log where action like 'archive_exp%' order by position"
    )
    return list(acts["action"].to_pylist())


def test_an_archive_that_may_not_be_removed_is_noted_once_and_its_end_when_it_has_gone(
    company: Company,
) -> None:
    stuck = archive_path(company.home, "r1")
    stuck.mkdir(parents=True)  # what cannot be removed as a file
    asked = [
        remove_expired_archives(company.warehouse, company.home, KEPT, now=NOW) for _ in range(2)
    ]
    before = _expiry(company)
    stuck.rmdir()  # as a run that is killed right after it leaves it
    then = remove_expired_archives(company.warehouse, company.home, KEPT, now=NOW)

    assert [(old.request_ids, old.failed) for old in asked] == [((), ("r1",))] * 2
    assert before == ["archive_expiring"]
    assert (then.request_ids, then.failed) == (("r1",), ())
    assert _expiry(company) == ["archive_expiring", "archive_expired"]


def test_an_erasure_waits_until_the_person_has_the_archive(company: Company) -> None:
    archives = ArchiveFolder("archives", company.home / "archives", company.warehouse, ALL_TABLES)
    places = (*company.locations(), archives)
    company.ask(("email", ANN, "raw"), kind="access")
    company.ask(("email", ANN, "raw"), number=2)
    company.ask(("email", NEIGHBOUR_MAIL, "raw"), number=3)
    serve(company)

    report = company.erase(locations=places)

    (reasons,) = report.blocked.values()
    assert f"candor privacy archive {ID} --out FILE" in reasons[0]
    assert [receipt.subject_request_id[-1] for receipt in report.receipts] == ["3"]

    out = company.home.parent / "ann.zip"
    hand_out_archive(company.warehouse, company.home, ID, out, now=NOW)

    assert not company.erase(locations=places).blocked


def test_who_is_under_a_legal_hold_is_told_that_and_nothing_of_the_claim(company: Company) -> None:
    hold = _hold(company)
    company.ask(("email", ANN, "raw"), kind="access")

    serve(company)

    told = about(company)
    places = {place["place"]: place for place in told["places"]}
    assert told["is_kept_for_a_legal_claim"]
    assert "kept for a legal claim" in content(company)["index.html"].decode()
    assert places["privacy.hold_records"]["rows"] > 0
    assert not places["privacy.hold_records"]["is_included"]
    everything = b"".join(content(company).values()).decode()
    assert hold.hold_id not in everything
    assert hold.reason not in everything


def test_who_is_under_none_is_told_nothing_of_it(company: Company) -> None:
    _hold(company)
    company.ask(("email", BEN, "raw"), kind="access")

    serve(company)

    assert not about(company)["is_kept_for_a_legal_claim"]
    assert "legal claim" not in content(company)["index.html"].decode()


@pytest.mark.parametrize(("place", "what"), [
    ("landing/requests.jsonl", "Files as our systems sent them"),
    ("raw.events", "What you did, as our sites and tools reported it"),
])  # fmt: skip
def test_a_file_is_told_apart_from_a_table(place: str, what: str) -> None:
    assert words_of(place).what == what
