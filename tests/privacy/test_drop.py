"""Lists of California's deletion platform: hashed as published, matched, answered."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from privacy import (
    ConsentConfig,
    Drop,
    DropFileError,
    DropReport,
    PersonalNoteError,
    RequestFolder,
    attribute_objections,
    read_key_uses,
    read_lists,
    read_standing,
    verify_audit,
)
from privacy import drop_hashes as hashes
from tests.privacy.company import (
    ANN,
    ANN_DEVICE,
    ANN_PHONE,
    BEN,
    FAMILY_MAIL,
    FAMILY_PHONE,
    Company,
)
from tests.privacy.test_holds import _goes_on, _hold
from warehouse import DuckDBWarehouse, Warehouse

CONFIG = ConsentConfig.model_validate(
    {
        "purposes": {"advertising": {"description": "ads"}},
        "objections": {"ccpa": {"do_not_sell_or_share": ["advertising"]}},
        "drop_vin_attribute": "car",
    }
)
DAY = "20260901_4821"


def _hash(standardised: str) -> str:
    return base64.b64encode(hashlib.sha256(standardised.encode()).digest()).decode()


@pytest.fixture(scope="module")
def engine() -> Warehouse:
    return DuckDBWarehouse.in_memory()


@pytest.mark.parametrize(
    ("standardise", "raw", "standardised", "hashed"),
    [
        (hashes.phone_sql, "+1(415)555-9317", "4155559317", "vGM7y5n+hBXRSEAklhHDPCbysyNgYTmXdMcagGUOY8E="),
        (hashes.phone_sql, "+84(90)123 4567", "4901234567", "ptzVkgbv9DonwvPCHmXmJ2SEOaolSh37z3ZzY/Gmm+U="),
        (hashes.phone_sql, "+354(123)4567", "3541234567", "Btrzydf5K6ALAKKXJGFHSx7u5bDzHC9WlVYtpq1n2rY="),
        (hashes.email_sql, "Anna.Smith@Domain.com", "anna.smith@domain.com", "KA18MT/ph6IHYjzT9zwETySDQyvSh87YuoSBpOQtkhE="),
        (hashes.name_sql, "Juan Pablo", "juanpablo", "91hIbrbzNeqHs3o81O5yNrXUj7wDd2shvZ6THKi9qz8="),
        (hashes.zip_sql, "91790-3771", "91790", "2FPZucR4x7U8KlM+SFAX4LPGhwNz/PIZUCSUdDh0o/s="),
        (hashes.zip_sql, "M1B 1A1", "m1b1a", "n8L9q8mVeT6Xt9/EeUNiTukGDrkbPJ3DvOEx14uElxk="),
        (hashes.zip_sql, "00712345", "71234", "aeNUYKh7Xw5sqpxSbSP9eOHsj6iXewbUyavv89DIuhQ="),
        (hashes.zip_sql, "00300-9999", "300", "mDvWFLta/s5as7YCP3EUfNe2vCMU+dJ690IlQcZVg4k="),
        (hashes.vin_sql, "1HGCM82633A004352", "1hgcm82633a004352", "iNswy1m+0VSt8jAfFrvaiQ1R/0HAbgSwNGkwqo6QBss="),
    ],
)  # fmt: skip
def test_published_examples(
    engine: Warehouse, standardise: object, raw: str, standardised: str, hashed: str
) -> None:
    """CalPrivacy, DROP technical specifications 1.2.0, Working with the data."""
    text = standardise("$raw::varchar")  # type: ignore[operator]

    found = engine.read(f"select {text} as a, {hashes.hash_sql(text)} as b", {"raw": raw})

    assert found.to_pylist() == [{"a": standardised, "b": hashed}]


def test_the_published_example_of_a_name_with_birth_date_and_zip(engine: Warehouse) -> None:
    joined = hashes.joined_sql(
        hashes.name_sql("'Danielle'"), hashes.name_sql("'Johnson'"),
        hashes.birth_date_sql("date '1985-07-04'"), hashes.zip_sql("'91790'"),
    )  # fmt: skip

    assert engine.scalar(f"select {joined}") == "PQOfn1RffEKmqMmNAzDKKaoZCwxWbQZkQzPWmQo9REA="


@pytest.mark.parametrize(
    ("name", "standardised"),
    [
        ("José", "jose"), ("Straße", "strasse"), ("ŁUKASZ", "lukasz"), ("O'Brien", "obrien"),
        ("Щербакова", "shcherbakova"), ("Ёлкина", "yolkina"), ("Θεοδώρου", "theodoroy"),
        ("田中", "田中"), ("שלום", "שלום"), ("  van  der  Berg ", "vanderberg"), ("Ⅳ Smith-Lee", "ⅳsmithlee"),
        ("Иван", "ivan"), ("Jose\u0301", "jose"), ("Nguyễn", "nguyen"), ("Đặng", "dang"), ("İpek", "ipek"),
        ("Δήμητρα", "dimitra"), ("محمد", "محمد"), ("Åström", "astrom"), ("Ñandú", "nandu"),
    ],
)  # fmt: skip
def test_names_lose_accents_and_foreign_letters_where_there_is_a_rule(
    engine: Warehouse, name: str, standardised: str
) -> None:
    found = engine.scalar(f"select {hashes.name_sql('$name::varchar')}", {"name": name})

    assert found == standardised


def _download(company: Company, lists: Mapping[str, Sequence[str]], *, day: str = DAY) -> Path:
    """A ZIP; items are numbered within their list."""
    path = company.home.parent / f"{day}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, lines in lists.items():
            header = "Id,Hash,ListType" if name == "Removed" else "Id,Hash"
            rows = [
                line if name == "Removed" else f"{name}{number:08},{line}"
                for number, line in enumerate(lines, start=1)
            ]
            archive.writestr(f"{day}_{name}.csv", "\n".join([header, *rows]) + "\n")
    return path


def _drop(company: Company, **changes: object) -> Drop:
    folder = RequestFolder(company.home / "requests")
    context = company.context(request_places=[company.request_file, folder], **changes)
    return Drop(context, CONFIG, folder, "tester")


def _take(company: Company, lists: Mapping[str, Sequence[str]], *, day: str = DAY) -> DropReport:
    return _drop(company).take(read_lists(_download(company, lists, day=day)))


def _carry_out(company: Company) -> None:
    folder = RequestFolder(company.home / "requests")
    company.erase_all(folder.read(), request_places=[company.request_file, folder])


def _answer(company: Company, number: int = 1) -> dict[str, list[str]]:
    out = company.home.parent / f"answers{number}"
    _drop(company).answer(out)
    files = sorted(out.glob("*")) if out.exists() else []
    return {path.name: path.read_text().splitlines() for path in files}


def test_one_person_is_erased_who_share_are_opted_out_and_others_are_not_found(
    company: Company,
) -> None:
    lists = {
        "Email": [_hash(ANN), _hash("nobody@x.example")],
        "Phone": [_hash(ANN_PHONE[-10:]), _hash(FAMILY_PHONE[-10:])],
        "CTVID": [], "NDZ": [],
    }  # fmt: skip

    with pytest.raises(PersonalNoteError, match="--by"):  # before anything is kept
        replace(_drop(company), by=ANN).take(read_lists(_download(company, lists)))
    report = _take(company, lists)
    before = _answer(company)
    _carry_out(company)
    after = _answer(company, 2)

    assert (report.items, report.found, report.shared, report.requests) == (4, 2, 1, 1)
    assert before == {
        f"{DAY}_Email_part1.csv": ["Id,Status", "Email00000002,5"],
        f"{DAY}_Phone_part1.csv": ["Id,Status", "Phone00000002,4"],
    }
    assert after == {
        f"{DAY}_Email_part2.csv": ["Id,Status", "Email00000001,3"],
        f"{DAY}_Phone_part2.csv": ["Id,Status", "Phone00000001,3"],
    }
    persons = company.warehouse.read("select person_id from privacy.objecting_persons").to_pylist()
    assert persons == [{"person_id": "p_ben_00001"}]
    assert f"'{ANN}'" not in str(company.rows("raw.person_records"))


def test_every_list_finds_its_person(company: Company) -> None:
    company.warehouse.execute(
        "update raw.person_records set first_name = 'Ánn', last_name = 'Lee', "
        "birth_date = '07/04/1985', postal_code = '98101-1234', "
        "attributes = '{\"car\": \"1HGCM82633A004352\"}' where source_record_id = 'ann-record-1'"
    )
    # Its other dates tell that the source writes the month first.
    company.warehouse.execute(
        "insert into raw.person_records by name select * exclude (day) replace "
        "('other-' || day as source_record_id, '07/' || day || '/1985' as birth_date) "
        "from (from raw.person_records where source_record_id = 'ann-record-1'), "
        "(select unnest(range(13, 23)) as day)"
    )
    device = "38400000-8cf0-11bd-b23e-10b96e40000d"
    company.warehouse.execute(
        f"insert into identity.members values ('devices', '{device}', 'p_ben_00001')"
    )
    name = [_hash("ann"), _hash("lee")]
    lists = {
        "Email": [_hash(BEN)],
        "Phone": [_hash(ANN_PHONE[-10:])],
        "MAID": [_hash(device.replace("-", ""))],
        "CTVID": [_hash(ANN_DEVICE.replace("-", ""))],
        "NDZ": [_hash("".join([*name, _hash("19850704"), _hash("98101")]))],
        "NameVIN": [_hash("".join([*name, _hash("1hgcm82633a004352")]))],
    }

    report = _take(company, lists)

    assert (report.items, report.found, report.requests) == (6, 6, 2)


def test_a_list_that_is_read_again_changes_nothing(company: Company) -> None:
    lists = {"Email": [_hash(ANN), _hash("nobody@x.example")]}
    _take(company, lists)
    stored, waiting = (
        company.rows("privacy.drop_items"),
        sorted((company.home / "requests").iterdir()),
    )

    report = _take(company, lists)

    assert (report.items, report.requests) == (0, 0)
    assert company.rows("privacy.drop_items") == stored
    assert sorted((company.home / "requests").iterdir()) == waiting


def test_who_comes_later_is_found_and_the_answer_is_amended(company: Company) -> None:
    _take(company, {"Email": [_hash("late@maple.example")]})
    first = _answer(company)
    for statement in (
        "insert into identity.members values ('crm', 'late', 'p_late')",
        "insert into identity.identifiers values ('crm', 'late', 'email', 'late@maple.example', false)",
        "insert into raw.person_records (source, source_record_id, email) values ('crm', 'late', 'late@maple.example')",
    ):
        company.warehouse.execute(statement)

    report = _drop(company).match_again()
    _carry_out(company)

    assert first == {f"{DAY}_Email.csv": ["Id,Status", "Email00000001,5"]}
    assert (report.found, report.requests) == (1, 1)
    assert _answer(company, 2) == {f"{DAY}_Email_amend2.csv": ["Id,Status", "Email00000001,3"]}


def test_who_is_under_a_legal_hold_is_exempt(company: Company) -> None:
    _hold(company)
    _take(company, {"Email": [_hash(ANN)]})
    _carry_out(company)

    assert _answer(company) == {f"{DAY}_Email.csv": ["Id,Status", "Email00000001,2"]}


def test_what_a_consumer_takes_back_is_forgotten(company: Company) -> None:
    _take(company, {"Email": [_hash(ANN), _hash(FAMILY_MAIL)]})
    (request,) = RequestFolder(company.home / "requests").read()
    removed = [f"Email0000000{n},{_hash(ANN)},Email" for n in (1, 2)]

    report = _take(company, {"Removed": removed}, day="20261001_4821")
    attribute_objections(company.warehouse)

    assert (report.removed, report.withdrawn) == (2, (request.request_id,))
    assert [row[5] for row in company.rows("privacy.drop_items")] == ["removed", "removed"]
    assert {row[2] for row in company.rows("privacy.drop_items")} == {None}
    assert company.rows("privacy.objecting_persons") == []
    assert RequestFolder(company.home / "requests").read() == ()
    assert [case.status for case in read_standing(company.warehouse)] == ["cancelled"]


REMOVED = {"Removed": [f"Email00000001,{_hash(ANN)},Email"]}


def test_an_older_list_does_not_bring_back_what_was_taken_back(company: Company) -> None:
    lists = {"Email": [_hash(ANN)]}
    _take(company, lists)
    _take(company, REMOVED, day="20261001_4821")

    report = _take(company, lists)

    assert (report.items, report.requests, report.withdrawn) == (0, 0, ())
    assert RequestFolder(company.home / "requests").read() == ()
    assert _drop(company).answer(company.home.parent / "answers") == {"waiting": 0}


def test_what_was_taken_back_before_it_came_is_not_taken_from_an_older_list(
    company: Company,
) -> None:
    """Its download was never read here, or comes after the one that takes it back."""
    first = _take(company, REMOVED, day="20261001_4821")
    again = _take(company, REMOVED, day="20261001_4821")
    lists = {"Email": [_hash(ANN), _hash("late@maple.example")]}

    report = _take(company, lists)

    assert (first.removed, again.removed) == (1, 1)
    assert (report.items, report.found, report.requests) == (1, 0, 0)
    assert {row[0]: row[5] for row in company.rows("privacy.drop_items")} == {
        "Email00000001": "removed", "Email00000002": "not_found",
    }  # fmt: skip
    assert _answer(company) == {f"{DAY}_Email.csv": ["Id,Status", "Email00000002,5"]}
    assert _drop(company).match_again().items == 0
    assert [use.version for use in read_key_uses(company.warehouse, company.suppressions.keys)] == [
        "v1"
    ]


def test_who_took_it_back_is_not_erased_when_the_import_is_killed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take(company, {"Email": [_hash(ANN)]})
    with monkeypatch.context() as killing:
        killing.setattr(Drop, "_settle", _killed)
        with pytest.raises(KeyboardInterrupt):
            _take(company, REMOVED, day="20261001_4821")

    _carry_out(company)

    assert f"'{ANN}'" in str(company.rows("raw.person_records"))


def test_what_a_kill_left_is_called_off_by_the_next_import(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take(company, {"Email": [_hash(ANN)]})
    (request,) = RequestFolder(company.home / "requests").read()
    with monkeypatch.context() as killing:
        killing.setattr(Drop, "_call_off", _killed)
        with pytest.raises(KeyboardInterrupt):
            _take(company, REMOVED, day="20261001_4821")

    assert _take(company, REMOVED, day="20261001_4821").withdrawn == (request.request_id,)


def test_a_bad_request_file_keeps_nobody_from_taking_it_back(company: Company) -> None:
    _take(company, {"Email": [_hash(ANN)]})
    (company.home / "requests" / "bad.jsonl").write_text("no request\n")

    assert len(_take(company, REMOVED, day="20261001_4821").withdrawn) == 1
    assert [case.status for case in read_standing(company.warehouse)] == ["cancelled"]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_erasure_that_another_item_asks_for_too_stays(company: Company) -> None:
    _take(company, {"Email": [_hash(ANN)], "Phone": [_hash(ANN_PHONE[-10:])]})

    report = _take(company, {"Removed": [f"Email00000001,{_hash(ANN)},Email"]}, day="20261001_4821")

    assert (report.removed, report.withdrawn) == (1, ())


def test_hashes_of_a_list_are_not_kept_and_stop_no_erasure(company: Company) -> None:
    _take(company, {"Email": [_hash(ANN)]})

    stored = str(company.rows("privacy.drop_items"))

    assert _hash(ANN) not in stored
    assert hashlib.sha256(ANN.encode()).hexdigest() not in stored
    (request,) = RequestFolder(company.home / "requests").read()
    assert request.regulation == "ccpa"
    assert verify_audit(company.warehouse) == 1


def test_requests_of_a_list_go_the_way_of_all_others(company: Company) -> None:
    _take(company, {"Email": [_hash(ANN)]})
    folder = RequestFolder(company.home / "requests")
    (request,) = folder.read()
    request_file = company.request_file
    assert _goes_on_with(company, folder)

    (standing,) = read_standing(company.warehouse)

    assert standing.subject_request_id == request.request_id
    assert not request_file.path.exists()


def _goes_on_with(company: Company, folder: RequestFolder) -> bool:
    class Source(Company):
        @property
        def request_file(self) -> RequestFolder:  # type: ignore[override]
            return folder

    return _goes_on(Source(company.warehouse, company.home))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("20260901_1_Email.csv", "Id,Hash\na,short\n", "1 hashes are no SHA-256", id="hash"),
        pytest.param("20260901_1_Email.csv", "Who,Hash\n", "its header must be id,hash", id="header"),
        pytest.param("20260901_1_Email.csv", "", "it is no CSV", id="empty"),
        pytest.param("20260901_1_Shoes.csv", "Id,Hash\n", "its name does not end", id="list"),
        pytest.param("list.csv", "Id,Hash\n", "its name does not end", id="name"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused_whole(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    path = tmp_path / name
    path.write_text(content)

    with pytest.raises(DropFileError, match=reason):
        read_lists(path)
