"""HubSpot's API is asked as it wants to be asked, and nothing of it is missed."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion import SourcesConfig
from ingestion.pull import PullReport, pull_sources
from tests.ingestion.pull_server import Answer, Api, Call, serving

NOW = datetime.fromisoformat("2026-11-24T12:00")
BEGIN = datetime.fromisoformat("2026-11-01T00:00:00+00:00")
TOKEN = "pat-very-secret"
SEARCH, LISTING = "/crm/v3/objects/contacts/search", "/crm/v3/objects/contacts"


def contact(number: int, at: datetime, **properties: Any) -> dict[str, Any]:
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"email": f"p{number}@x.example", "lastmodifieddate": moment, **properties}
    return {"id": str(number), "properties": told, "updatedAt": moment, "archived": False}


@dataclass
class Hubspot:
    """Judges each request by HubSpot's own rules; ``reach`` is how far paging goes."""

    contacts: list[dict[str, Any]] = field(default_factory=list)
    archived: list[dict[str, Any]] = field(default_factory=list)
    reach: int = 10_000
    tokens: set[tuple[str, str]] = field(default_factory=set)
    begins: list[int] = field(default_factory=list)

    def __call__(self, call: Call) -> Answer:
        if call.token != f"Bearer {TOKEN}":
            return Answer({"category": "INVALID_AUTHENTICATION", "message": "who?"}, status=401)
        judge = {("POST", SEARCH): self.search, ("GET", LISTING): self.listing}
        return judge[call.method, call.path](call)

    def search(self, call: Call) -> Answer:
        asked = call.body
        [[one]] = [group["filters"] for group in asked["filterGroups"]]
        assert (one["propertyName"], one["operator"]) == ("lastmodifieddate", "GTE")
        assert asked["sorts"] == [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
        assert asked["limit"] <= 200
        offset = int(asked.get("after", 0))
        if offset + asked["limit"] > self.reach:
            return Answer({"category": "VALIDATION_ERROR"}, status=400)
        self.once(one["value"], asked.get("after"))
        self.begins.append(int(one["value"]))
        since = datetime.fromtimestamp(int(one["value"]) / 1000, UTC)
        found = sorted((changed_at(c), int(c["id"])) for c in self.contacts)
        by_id = {int(c["id"]): c for c in self.contacts}
        rows = [only(by_id[i], asked["properties"]) for at, i in found if at >= since]
        return page(rows, offset, asked["limit"])

    def listing(self, call: Call) -> Answer:
        assert call.query["archived"] == "true"
        assert int(call.query["limit"]) <= 100
        self.once("listing", call.query.get("after"))
        wanted = call.query["properties"].split(",")
        rows = [only(row, wanted) for row in self.archived]
        return page(rows, int(call.query.get("after", 0)), int(call.query["limit"]))

    def once(self, query: str, after: str | None) -> None:
        if after is not None:
            assert (query, after) not in self.tokens, "a paging token was used twice"
            self.tokens.add((query, after))


def changed_at(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["properties"]["lastmodifieddate"])


def only(row: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    kept = {name: value for name, value in row["properties"].items() if name in wanted}
    return {**row, "properties": kept}


def page(rows: list[dict[str, Any]], offset: int, limit: int) -> Answer:
    body: dict[str, Any] = {"total": len(rows), "results": rows[offset : offset + limit]}
    if offset + limit < len(rows):
        body["paging"] = {"next": {"after": str(offset + limit)}}
    return Answer(body)


@dataclass
class Crm:
    """A company that pulls its contacts from the server."""

    hubspot: Hubspot
    api: Api
    folder: Path
    token: str = TOKEN

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def config(self, **pull: Any) -> SourcesConfig:
        source = {
            "kind": "person_records",
            "id": "id",
            "map": {"email": "properties.email"},
            "pull": {"from": "hubspot", "base_url": self.api.url, **pull},
        }
        return SourcesConfig.model_validate({"sources": {"crm": source}})

    def pull(self, now: datetime = NOW, **pull: Any) -> PullReport:
        [report] = pull_sources(
            self.config(**pull), self.landing, self.home,
            now=now, environ={"HUBSPOT_TOKEN": self.token},
        )  # fmt: skip
        return report

    def rows(self, report: PullReport) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for name in report.files
            for line in gzip.decompress((self.landing / name).read_bytes()).splitlines()
        ]


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    hubspot = Hubspot([contact(n, BEGIN + timedelta(minutes=n)) for n in range(5)])
    with serving(hubspot) as api:
        yield Crm(hubspot, api, tmp_path)


def test_contacts_land_as_the_api_gave_them_below_source_and_day(crm: Crm) -> None:
    report = crm.pull()

    assert (report.failure, report.rows, report.is_full) == (None, 5, True)
    assert [Path(name).parent.as_posix() for name in report.files] == ["crm/2026-11-24"]
    assert crm.rows(report) == crm.hubspot.contacts


def test_more_contacts_than_a_query_reaches_are_all_found_once(crm: Crm) -> None:
    crm.hubspot.reach = 300
    one_moment = [contact(n, BEGIN + timedelta(days=1)) for n in range(400, 650)]
    crm.hubspot.contacts = [
        *(contact(n, BEGIN + timedelta(seconds=n)) for n in range(400)),
        *one_moment,
        *(contact(n, BEGIN + timedelta(days=2, seconds=n)) for n in range(650, 800)),
    ]

    report = crm.pull(archived=False)

    assert report.failure is None
    assert sorted(int(row["id"]) for row in crm.rows(report)) == list(range(800))


def test_a_contact_that_changes_between_two_pages_makes_no_other_one_slip_through(
    crm: Crm,
) -> None:
    crm.hubspot.contacts = [contact(n, BEGIN + timedelta(seconds=n)) for n in range(250)]

    def moving(call: Call) -> Answer:
        answer = crm.hubspot(call)
        crm.hubspot.contacts[0] = contact(0, BEGIN + timedelta(days=3))
        return answer

    crm.api.judge = moving

    assert {int(row["id"]) for row in crm.rows(crm.pull())} == set(range(250))


def test_a_second_pull_asks_only_from_a_little_before_the_newest_change(crm: Crm) -> None:
    crm.pull()
    crm.hubspot.contacts.append(contact(9, BEGIN + timedelta(hours=1)))
    crm.hubspot.begins.clear()

    report = crm.pull(now=NOW + timedelta(days=1))

    newest = BEGIN + timedelta(minutes=4)
    assert crm.hubspot.begins == [int((newest - timedelta(seconds=300)).timestamp() * 1000)]
    assert not report.is_full
    assert crm.rows(report)[-1]["id"] == "9"


def test_a_pull_that_brings_nothing_new_lands_no_file_again(crm: Crm) -> None:
    crm.pull(overlap_s=86_400)

    report = crm.pull(now=NOW + timedelta(hours=1), overlap_s=86_400)

    assert (report.rows, report.files) == (5, ())


def test_a_change_while_the_pull_runs_is_asked_for_again(crm: Crm) -> None:
    crm.hubspot.contacts.append(contact(7, datetime(2099, 1, 1, tzinfo=UTC)))
    crm.pull(archived=False)
    crm.hubspot.begins.clear()

    crm.pull(now=NOW + timedelta(days=1), archived=False)

    began = NOW.replace(tzinfo=UTC) - timedelta(seconds=300)
    assert crm.hubspot.begins[0] == int(began.timestamp() * 1000)


def test_archived_contacts_are_rows_with_a_flag_and_come_once(crm: Crm) -> None:
    gone = {**contact(50, BEGIN), "archived": True, "archivedAt": "2026-11-20T10:00:00.000Z"}
    crm.hubspot.archived = [gone, {**gone, "id": "51", "archivedAt": "2026-11-22T10:00:00Z"}]

    first, again = crm.pull(), crm.pull(now=NOW + timedelta(days=1))

    assert [row["id"] for row in crm.rows(first) if row["archived"]] == ["50", "51"]
    assert [row["id"] for row in crm.rows(again) if row["archived"]] == ["51"]


def test_another_property_asked_for_makes_the_next_pull_a_full_one(crm: Crm) -> None:
    crm.pull()

    report = crm.pull(now=NOW + timedelta(days=1), properties=["phone"])

    assert (report.is_full, report.rows) == (True, 5)


def test_the_pull_waits_as_long_as_the_api_asks_for(crm: Crm) -> None:
    crm.api.upset = [Answer({}, status=429, headers={"Retry-After": "1"})]
    began = time.monotonic()

    report = crm.pull(archived=False)

    assert (report.failure, report.rows) == (None, 5)
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    "upset",
    [
        pytest.param(Answer({"message": "p1@x.example"}, status=500), id="500"),
        pytest.param(Answer({"results": [contact(1, BEGIN)]}, cut=True), id="cut-off"),
    ],
)
def test_a_passing_fault_is_ridden_out(crm: Crm, upset: Answer) -> None:
    crm.api.upset = [upset]

    report = crm.pull(archived=False)

    assert (report.failure, report.rows, len(crm.api.calls)) == (None, 5, 2)


def test_a_lasting_fault_ends_the_pull_and_the_next_begins_where_this_one_did(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.pull.rest.ATTEMPTS", 2)
    crm.api.upset = [Answer({"message": "p1@x.example"}, status=503)] * 2

    failed, after = crm.pull(archived=False), crm.pull(archived=False)

    assert failed.failure is not None
    assert "HTTP 503" in failed.failure
    assert "pull again later" in failed.failure
    assert (after.rows, after.is_full) == (5, True)


REFUSALS: list[tuple[int, Callable[[str], bool]]] = [
    (401, lambda told: "HUBSPOT_TOKEN is not accepted" in told),
    (403, lambda told: "HUBSPOT_TOKEN may not read" in told),
    (400, lambda told: "(VALIDATION_ERROR)" in told and "properties" in told),
]


@pytest.mark.parametrize(("status", "says"), REFUSALS, ids=["401", "403", "400"])
def test_a_refusal_says_what_to_do_and_shows_neither_row_nor_secret(
    crm: Crm, status: int, says: Callable[[str], bool]
) -> None:
    body = {"category": "VALIDATION_ERROR", "message": f"p1@x.example {TOKEN}"}
    crm.api.upset = [Answer(body, status=status)]

    report = crm.pull(archived=False)

    assert report.failure is not None
    assert says(report.failure)
    assert TOKEN not in report.failure
    assert "p1@" not in report.failure
    assert len(crm.api.calls) == 1


def test_a_secret_that_is_not_set_is_named(crm: Crm) -> None:
    crm.token = ""

    report = crm.pull()

    assert report.failure is not None
    assert "HUBSPOT_TOKEN" in report.failure
    assert crm.api.calls == []
