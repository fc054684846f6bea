"""Of 1,000 persons 25 are erased: nothing is left of them, and everybody else is as before.

The search here is a plain one of its own, so that the product's search is not its own judge. It has
to find every planted spelling of each of the 25 before it may say that there is none.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from privacy import ErasureReport
from tests.privacy.company import PEOPLE, Company, found_company
from warehouse import DuckDBWarehouse

PERSONS = 1_000
ERASED = range(3, PERSONS, 40)
_WHOSE = re.compile("[-_.](0[0-9]{3})[-_.'@]")
_NUMBER = "format('{:04}', n)"
_MAIL = f"'guest.' || {_NUMBER} || '@river.example'"
_PHONE = f"'+1206557' || {_NUMBER}"
_RECORD, _USER = f"'record-' || {_NUMBER} || '-crm'", f"'user-' || {_NUMBER} || '-shop'"
_DEVICE, _PERSON = f"'device-' || {_NUMBER} || '-web'", f"'p_guest_' || {_NUMBER} || '_x'"
_GUESTS = f"""range({PERSONS}) as guests (n)
left join (select unnest($who::int[]) as n, unnest($spelled::varchar[]) as spelled) using (n)"""
# In each row that is somebody's stands whose it is; a telephone and a browser of all are nobody's.
ROWS = {
    "raw.person_records": [f"'crm', {_RECORD}, {_MAIL}, {_PHONE}, 'Guest'"],
    "raw.events": [
        f"'a-' || {_NUMBER} || '-', {_DEVICE}, null, null, '{{}}', '2026-01-01'",
        f"'b-' || {_NUMBER} || '-', {_DEVICE}, {_USER}, {_MAIL}, spelled, '2026-02-01'",
        f"'c-' || {_NUMBER} || '-', 'shared-device', {_USER}, null, '{{}}', '2026-03-01'",
    ],
    "identity.identifiers": [
        f"'crm', {_RECORD}, 'email', {_MAIL}, false",
        f"'crm', {_RECORD}, 'phone', {_PHONE}, false",
        f"'crm', {_RECORD}, 'phone', '+12065500000', true",
        f"'users', {_USER}, 'user_id', {_USER}, false",
        f"'users', {_USER}, 'anonymous_id', 'shared-device', true",
    ],
    "identity.members": [
        f"'crm', {_RECORD}, {_PERSON}", f"'users', {_USER}, {_PERSON}",
        f"'devices', {_DEVICE}, {_PERSON}", f"'emails', {_MAIL}, {_PERSON}",
    ],
    "identity.members_history": [f"'devices', {_DEVICE}, {_PERSON}, '1970-01-01'"],
    "identity.devices": [f"{_DEVICE}, {_PERSON}, false"],
    "identity.persons": [f"{_PERSON}, 'active', null"],
    "marts.profiles": [f"{_PERSON}, 'Guest', 'Seattle'"],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was there before, and what an erasure of 25 left."""

    company: Company
    before: dict[str, list[tuple[object, ...]]]
    found_before: frozenset[bytes]
    report: ErasureReport


@pytest.fixture(scope="module")
def erasure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erasure]:
    home = tmp_path_factory.mktemp("thousand") / "home"
    home.mkdir()
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        company = found_company(home, warehouse)
        _settle(company)
        before = {table: company.rows(table) for table in PEOPLE}
        found = _found(company)
        yield Erasure(company, before, found, company.erase())


def test_the_search_finds_every_spelling_of_each_person_before(erasure: Erasure) -> None:
    assert erasure.found_before == frozenset(_needles())
    assert len(erasure.found_before) == 25 * 17


def test_nothing_is_left_of_anybody_in_any_file_or_row(erasure: Erasure) -> None:
    assert len(erasure.report.receipts) == len(ERASED) == 25
    assert _found(erasure.company) == frozenset()


@pytest.mark.parametrize("table", PEOPLE)
def test_every_row_of_everybody_else_stays_and_no_other_comes(erasure: Erasure, table: str) -> None:
    stays = [row for row in erasure.before[table] if _owner(row) not in ERASED]

    assert len(erasure.before[table]) - len(stays) == 25 * len(ROWS[table])
    assert erasure.company.rows(table) == stays


def test_files_of_everybody_else_stay_byte_for_byte(erasure: Erasure) -> None:
    artifacts = erasure.company.home / "artifacts"
    assert [path.name for path in artifacts.iterdir()] == ["others.csv.gz"]
    assert gzip.decompress((artifacts / "others.csv.gz").read_bytes()) == _others()


def _settle(company: Company) -> None:
    """Let 1,000 persons move in beside the few, and 25 of them ask to be erased."""
    for table, rows in ROWS.items():
        names = company.warehouse.read(f"from {table} limit 0").column_names
        listed = ", ".join(names[: len(PEOPLE[table][0])])
        company.warehouse.execute(
            f"insert into {table} ({listed}) "
            + " union all ".join(f"select {row} from {_GUESTS}" for row in rows),
            {"who": list(ERASED), "spelled": [_spelled(number) for number in ERASED]},
        )
    for number in ERASED:
        company.ask(("email", _mail(number), "raw"), number=number)
    artifacts = company.home / "artifacts"
    everybody = "".join(f"{_mail(number)}\n" for number in range(PERSONS)).encode()
    (artifacts / "everybody.csv").write_bytes(everybody)
    (artifacts / "everybody.csv.gz").write_bytes(gzip.compress(everybody))
    (artifacts / "others.csv.gz").write_bytes(gzip.compress(_others()))


def _others() -> bytes:
    return "".join(f"{_mail(n)}\n" for n in range(PERSONS) if n not in ERASED).encode()


def _mail(number: int) -> str:
    return f"guest.{number:04}@river.example"


def _values(number: int) -> tuple[str, ...]:
    return (
        _mail(number), f"+1206557{number:04}", f"record-{number:04}-crm", f"user-{number:04}-shop",
        f"device-{number:04}-web", f"p_guest_{number:04}_x",
    )  # fmt: skip


def _spellings(value: str) -> Iterator[bytes]:
    """A value as text, in other signs, and hashed, in the form in which a text can hold it."""
    yield value.encode()
    yield value.upper().encode()
    yield quote(value, safe="").replace(".", "%2E").encode()
    yield value.encode().hex().encode()
    yield value.encode("utf-16-le").hex().encode()
    yield base64.b64encode(value.encode())
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, value.encode(), usedforsecurity=False)
        yield digest.hexdigest().encode()
        yield base64.b64encode(digest.digest())


def _needles() -> Iterator[bytes]:
    for number in ERASED:
        yield from (value.encode() for value in _values(number))
        yield from _spellings(_mail(number))


def _spelled(number: int) -> str:
    return " ".join(spelling.decode() for spelling in _spellings(_mail(number)))


def _found(company: Company) -> frozenset[bytes]:
    """Which needles stand in a file below the home, as its bytes or decoded, or in a row."""
    company.warehouse.execute("checkpoint")
    files = [path for path in company.home.rglob("*") if path.is_file()]
    texts = [path.read_bytes() for path in files]
    texts += [gzip.decompress(path.read_bytes()) for path in files if path.suffix == ".gz"]
    tables = company.warehouse.read(
        "select table_schema || '.' || table_name as name from information_schema.tables "
        "where table_type = 'BASE TABLE'"
    )["name"].to_pylist()
    rows = [company.warehouse.read(f"from {table}").to_pylist() for table in tables]
    everything = b"\n".join([*texts, repr(rows).encode()])
    return frozenset(needle for needle in _needles() if needle in everything)


def _owner(row: tuple[object, ...]) -> int | None:
    found = _WHOSE.search(repr(row))
    return int(found[1]) if found else None
